"""Export a run as a TensorFlow SavedModel with three signatures, for serving.

    tfstargan export savedmodel --run_dir=R

writes RUN/export/savedmodel/ with a stargan.json in it. --out=DIR writes into DIR
instead of RUN/export/. The model takes any number of images at once, and `translate` is
its default signature. It is loaded and compared with Keras on images of the run first.
A model that differs is not written.
"""

from tfstargan import cli


def main(options: cli.ExportOptions) -> None:
    """Export a run and print the largest differences from Keras."""
    from export.checks.verify import write_verified
    from export.model import graph
    from export.model.saved_model import load
    from tfstargan.runs.run import open_run

    run = open_run(options.run_dir)
    files = {s.name: "saved_model.pb" for s in graph.signatures(run.config)}
    print(
        write_verified(
            run,
            options.checkpoint,
            "savedmodel",
            files,
            write=lambda t, folder: graph.write_saved_model(
                graph.for_export(t), folder
            ),
            load=load,
            batch=None,
            out=options.out,
        )
    )


if __name__ == "__main__":
    cli.start(main, cli.ExportOptions, about=__doc__)
