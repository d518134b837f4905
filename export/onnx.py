"""A run as ONNX files, for ONNX Runtime and what builds on it.

    pip install 'tfstargan[onnx]'
    python -m export.onnx --run_dir=R

writes RUN/export/onnx/: map_latent.onnx, encode_style.onnx, translate.onnx and
stargan.json. They are run in ONNX Runtime and compared with Keras on real pictures;
files that differ are not kept.
"""

import pathlib

from absl import flags

from export.checks.verify import write_verified
from export.model import graph
from export.model.onnx import convert, load
from tfstargan import cli
from tfstargan.runs.run import Run
from tfstargan.translation.translator import Translator


def main() -> None:
    """Export a run, and say how far it is from Keras."""
    run = Run.open(flags.FLAGS.run_dir)
    files = {s.name: f"{s.name}.onnx" for s in graph.signatures(run.config)}

    def write(translator: Translator, folder: pathlib.Path) -> None:
        content = graph.convert(graph.for_export(translator))
        for signature, name in files.items():
            convert(content, signature, folder / name)

    print(write_verified(run, flags.FLAGS.checkpoint, "onnx", files, write, load))


if __name__ == "__main__":
    cli.define_run_flags()
    cli.start(main)
