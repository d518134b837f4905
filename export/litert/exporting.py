"""Exporting a run as .tflite files: each variant is made, checked and written.

The files are run in LiteRT on images of the run first. A variant that differs from
Keras by more than its floor allows is not written.
"""

import pathlib
import sys
from collections.abc import Sequence

from export.checks import quality
from export.checks.verify import verify
from export.litert.making import METADATA, Export, Files
from export.litert.measuring import lpips_distance, write_report
from export.litert.variants import FLOORS, require_quantizer
from export.model.folder import exports_dir, require_replaceable
from export.model.source import digest_of
from tfstargan.errors import UserError
from tfstargan.exported.contract import Contract
from tfstargan.exported.variants import ALL, VARIANTS
from tfstargan.metrics import probe as probes
from tfstargan.progress import Bar
from tfstargan.runs.run import Run

__all__ = ["METADATA", "Export", "export_run", "exported"]

FOR_APPS = "apps"  # folder of the models that page and app export for themselves


def export_run(
    run: Run,
    variants: Sequence[str] = ("float32",),
    checkpoint: int | str | None = None,
    *,
    split: bool = False,
    batch: int = 1,
    force: bool = False,
    report: bool = True,
    probe: bool = False,
    out: str = "",
) -> list[pathlib.Path]:
    """Export a run as .tflite files, a folder for each variant, and report on them.

    Every variant is tried, also after one that is not good enough.

    Args:
        run: the run to export.
        variants: names of VARIANTS, or "all".
        checkpoint: its iteration, or "best"; by default the newest.
        split: whether each signature has a file of its own.
        batch: number of images at once, fixed in the files.
        force: whether to write variants below their floor of quality.
        report: whether to measure time and memory, and to write the report.
        probe: for drawn animals, whether to report what the probe reads.
        out: the folder that holds the exports; by default RUN/export.

    Returns:
        The variants' folders.

    Raises:
        UserError: if a variant is unknown, not good enough, or can't be written. The
            others are written.
    """
    names = wanted(variants)
    for name in names:
        require_replaceable(exports_dir(run, out) / name)
    reader = probes.of_run(run.config) if probe else None
    export = Export(run, checkpoint, batch, split, out)
    try:
        made, measured, faults = try_all(export, names, force)
        if report:
            write_report(export, made, measured, faults, reader)
    except OSError as error:
        raise UserError(f"{export.folder}: can't be written ({error})") from error
    if faults:
        raise UserError("; ".join(faults.values()))
    return [export.folder / variant for variant in names]


def try_all(
    export: Export, names: Sequence[str], force: bool
) -> tuple[dict[str, Files], dict[str, dict[str, float]], dict[str, str]]:
    """Make the named variants, and write those that are good enough.

    Returns:
        For each variant its files, its quality, and why it was not written, if so.
    """
    lpips = lpips_distance(export.run)
    made: dict[str, Files] = {}
    measured: dict[str, dict[str, float]] = {}
    faults: dict[str, str] = {}
    for variant in Bar(names, "Export", leave=False):
        made[variant] = export.make(variant)
        measured[variant] = examine(export, variant, made[variant], lpips)
        try:
            check(variant, measured[variant]["psnr"], force)
        except UserError as error:
            faults[variant] = error.as_flags
        else:
            print(export.write(variant, made[variant], measured[variant]))
    return made, measured, faults


def wanted(names: Sequence[str]) -> list[str]:
    """The variants that are asked for, in the order of VARIANTS.

    Raises:
        UserError: if one is unknown, or needs a package that is not installed.
    """
    unknown = set(names) - {ALL, *VARIANTS}
    if unknown:
        raise UserError(
            f"--variants={','.join(sorted(unknown))}: must be of "
            f"{', '.join([*VARIANTS, ALL])}"
        )
    found = [v for v in VARIANTS if v in names or ALL in names]
    for variant in found:
        require_quantizer(variant)
    return found


def exported(
    run: Run, variant: str, checkpoint: int | str | None = None
) -> pathlib.Path:
    """The folder of a variant for page or app, which take one image at once.

    An export of the same checkpoint is used. Without one it is made, in a folder of its
    own: what a user exported with other options is not replaced.

    Args:
        run: the run.
        variant: a name of VARIANTS.
        checkpoint: its iteration, or "best"; by default the newest.

    Raises:
        UserError: if there is no such variant, or it can't be exported.
    """
    if variant not in VARIANTS:
        raise UserError(f"--variant={variant}: must be of {', '.join(VARIANTS)}")
    digest = digest_of(run, checkpoint)
    for folder in (run.export_dir, run.export_dir / FOR_APPS):
        if fits(folder / variant, variant, digest):
            return folder / variant
    require_quantizer(variant)
    export = Export(run, checkpoint, out=str(run.export_dir / FOR_APPS))
    files = export.make(variant)
    measured = examine(export, variant, files, lpips_distance(run))
    check(variant, measured["psnr"], force=False)
    return export.write(variant, files, measured)


def fits(folder: pathlib.Path, variant: str, checkpoint: str) -> bool:
    """True if a folder holds a variant of a checkpoint for one image at once."""
    try:
        found = Contract.load(folder)
    except UserError:  # none, or damaged
        return False
    return (found.variant, found.checkpoint, found.batch) == (variant, checkpoint, 1)


def examine(
    export: Export, variant: str, files: Files, lpips: quality.Distance | None
) -> dict[str, float]:
    """The quality of a variant; float32 must also agree with Keras."""
    exported = export.exported(files)
    if variant == "float32":
        verify(export.translator, exported, export.images)
    return quality.measure(export.translator, exported, export.images, lpips)


def check(variant: str, psnr: float, force: bool) -> None:
    """Raise a UserError if a variant is below its floor of quality, unless forced."""
    floor = FLOORS.get(variant, 0.0)
    if psnr >= floor:
        return
    message = f"{variant}: {psnr:.1f} dB against Keras, below its floor of {floor:.0f}"
    if not force:
        raise UserError(f"{message}: not written (--force writes it)")
    print(f"{message}: written, since --force was given", file=sys.stderr)
