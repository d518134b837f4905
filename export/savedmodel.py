"""A run as a TensorFlow SavedModel with three signatures, for serving.

    python -m export.savedmodel --run_dir=R

writes RUN/export/savedmodel/ and RUN/export/stargan.json. It is loaded and compared
with Keras on real pictures; one that differs is not kept.
"""

import pathlib
import shutil
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import flags

from export.signatures import write_description, write_saved_model
from export.verify import Endpoints, real_pictures, verify
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
    translator = Translator.of_run(run, flags.FLAGS.checkpoint)
    pictures = real_pictures(run.config)
    run.export_dir.mkdir(parents=True, exist_ok=True)
    target = run.export_dir / "savedmodel"
    with tempfile.TemporaryDirectory(dir=run.export_dir) as temporary:
        folder = pathlib.Path(temporary) / "savedmodel"
        write_saved_model(translator, folder)
        verify(translator, load(folder), pictures)
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    print(target)
    print(write_description(translator, run.export_dir))


if __name__ == "__main__":
    cli.define_run_flags()
    cli.start(main)
