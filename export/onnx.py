"""Export a run as ONNX files, for ONNX Runtime and programs that use it.

    pip install 'tfstargan[onnx]'
    tfstargan export onnx --run_dir=R

writes RUN/export/onnx/ with map_latent.onnx, encode_style.onnx, translate.onnx and
stargan.json. --out=DIR writes into DIR instead of RUN/export/. The files take any
number of images at once. They are run in ONNX Runtime and compared with Keras on images
of the run first. Files that differ are not written.
"""

from tfstargan import cli


def main(options: cli.ExportOptions) -> None:
    """Export a run and print the largest differences from Keras."""
    from export.checks.verify import write_verified
    from export.litert.onnx_files import load, write
    from export.model import graph
    from tfstargan.runs.run import open_run

    run = open_run(options.run_dir)
    print(
        write_verified(
            run,
            options.checkpoint,
            "onnx",
            {s.name: f"{s.name}.onnx" for s in graph.signatures(run.config)},
            write,
            load,
            batch=None,
            out=options.out,
        )
    )


if __name__ == "__main__":
    cli.start(main, cli.ExportOptions, about=__doc__)
