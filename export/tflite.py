"""Export a run as .tflite files (LiteRT), and report on size, speed and quality.

    tfstargan export tflite --run_dir=R
    tfstargan export tflite --run_dir=R --variants=float16,dynamic
    tfstargan export tflite --run_dir=R --variants=all --split

writes a folder for each variant, RUN/export/VARIANT/, with all that an app needs:
stargan.tflite and stargan.json. It also writes RUN/export/report.html, .json and .png,
with the size, speed and quality of each variant. --out=DIR writes into DIR instead of
RUN/export/. The files are first run in LiteRT on images of the run. A variant that
differs from Keras by more than its floor of quality allows is not written.
"""

import dataclasses

from tfstargan import cli
from tfstargan.exported.variants import ALL, VARIANTS
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.ExportOptions):
    """The flags of this command."""

    variants: tuple[str, ...] = setting(
        ("float32",), f"any of {', '.join([*VARIANTS, ALL])}", one_of=[*VARIANTS, ALL]
    )
    split: bool = setting(False, "write a file for each signature instead of one")
    batch: int = setting(1, "number of images at once, fixed in the files", at_least=1)
    force: bool = setting(False, "also write variants below their floor of quality")
    report: bool = setting(True, "measure time and memory, and write the report")
    probe: bool = setting(False, "for drawn animals: report what the probe reads")


def main(options: Options) -> None:
    """Export a run and report on the variants."""
    from export.litert.exporting import export_run
    from tfstargan.runs.run import open_run

    settings = dataclasses.asdict(options)
    export_run(open_run(settings.pop("run_dir")), **settings)


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
