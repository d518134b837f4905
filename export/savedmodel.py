"""A run as a TensorFlow SavedModel with three signatures, for serving.

    python -m export.savedmodel --run_dir=R

writes RUN/export/savedmodel/, with a stargan.json in it. It takes any number of
pictures at once. It is loaded and compared with Keras on real pictures; one that
differs is not kept.
"""

import pathlib

from absl import flags

from export.checks.verify import write_verified
from export.model import graph
from export.model.saved_model import load
from tfstargan import cli
from tfstargan.runs.run import Run
from tfstargan.translation.translator import Translator


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
