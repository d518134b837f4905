"""Export a run as ONNX files, for ONNX Runtime and what builds on it.

    pip install 'tfstargan[onnx]'
    tfstargan export onnx --run_dir=R

writes RUN/export/onnx/ with map_latent.onnx, encode_style.onnx, translate.onnx and
stargan.json. They are run in ONNX Runtime and compared with Keras on images of the run.
Files that differ are not written.
"""

from tfstargan import cli


def main(options: cli.RunOptions) -> None:
    """Export a run, and say how far it is from Keras."""
    from export.checks.verify import write_verified
    from export.litert.onnx_files import load, write
    from export.model import graph
    from tfstargan.runs.run import open_run

    run = open_run(options.run_dir)
    files = {s.name: f"{s.name}.onnx" for s in graph.signatures(run.config)}
    print(write_verified(run, options.checkpoint, "onnx", files, write, load))


if __name__ == "__main__":
    cli.start(main, cli.RunOptions, about=__doc__)
