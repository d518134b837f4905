"""A run as a TensorFlow SavedModel with three signatures, for serving.

    python -m export.savedmodel --run_dir=R

writes RUN/export/savedmodel/, with a stargan.json in it. It takes any number of
pictures at once. It is loaded and compared with Keras on real pictures; one that
differs is not kept.
"""

import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import flags

from export import graph
from export.litert import Endpoints
from export.verify import write_verified
from tfstargan import cli
from tfstargan.run import Run
from tfstargan.translator import Translator


def load(folder: pathlib.Path) -> Endpoints:
    """Return the signatures of a SavedModel as functions of named arrays."""
    signatures = tf.saved_model.load(str(folder)).signatures

    def endpoint(name: str) -> Callable[..., dict[str, np.ndarray]]:
        def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            return {k: v.numpy() for k, v in signatures[name](**tensors).items()}

        return call

    return {name: endpoint(name) for name in signatures}


def main() -> None:
    """Export a run, and say how far it is from Keras."""
    run = Run.open(flags.FLAGS.run_dir)
    files = {s.name: "saved_model.pb" for s in graph.signatures(run.config)}

    def write(translator: Translator, folder: pathlib.Path) -> None:
        graph.write_saved_model(graph.for_export(translator), folder)

    checkpoint = flags.FLAGS.checkpoint
    print(write_verified(run, checkpoint, "savedmodel", files, write, load, batch=None))


if __name__ == "__main__":
    cli.define_run_flags()
    cli.start(main)
