"""A run as .tflite files (LiteRT) with their JSON beside them, and a report.

    python -m export.tflite --run_dir=R
    python -m export.tflite --run_dir=R --quantize=float16,dynamic
    python -m export.tflite --run_dir=R --quantize=all --split

writes, for each variant, a folder that an app takes as it is, RUN/export/VARIANT/:
stargan.tflite and stargan.json; and RUN/export/report.html, .json and .png, what each
variant costs and gives. The files are run in LiteRT on pictures of the run first: one
that differs from Keras by more than its variant may is not written.
"""

import os
import platform

from absl import flags
from tqdm import tqdm

from export.checks import report
from export.litert.exporting import (
    ALL,
    NONE,
    Export,
    entries,
    lpips_distance,
    wanted,
    write_checked,
)
from export.litert.variants import FLOORS
from tfstargan import cli
from tfstargan.errors import UserError
from tfstargan.metrics import probe as probes
from tfstargan.runs.run import Run


def main() -> None:
    """Export a run and report what came out."""
    options = flags.FLAGS
    names = wanted(options.quantize)
    run = Run.open(options.run_dir)
    reader = probes.of_run(run.config) if options.probe else None
    export = Export(run, options.checkpoint, options.batch, options.split)
    lpips = lpips_distance(run)
    made, measured = {}, {}
    try:
        for variant in tqdm(names, "Export", leave=False):
            made[variant], measured[variant] = write_checked(
                export, variant, lpips, options.force
            )
        if options.report:
            title = f"{run.path.resolve().name}, iteration {export.iteration}"
            title += f", on {platform.machine()} with {os.cpu_count()} processors"
            found = entries(export, made, measured, reader)
            print(report.text(found[1:]), end="")
            for path in report.write(run.export_dir, title, found, export.pictures):
                print(path)
    except OSError as error:
        raise UserError(f"{run.export_dir}: can't be written ({error})") from error


if __name__ == "__main__":
    cli.define_run_flags()
    flags.DEFINE_list("quantize", [NONE], f"of {', '.join([NONE, *FLOORS, ALL])}")
    flags.DEFINE_bool("split", False, "a file for each signature, not one for all")
    flags.DEFINE_integer("batch", 1, "pictures at once, fixed in the files", 1)
    flags.DEFINE_bool("force", False, "write variants below their floor of quality")
    flags.DEFINE_bool("report", True, "measure time and memory, and write the report")
    flags.DEFINE_bool("probe", False, "report what the probe reads, for drawn animals")
    cli.start(main)
