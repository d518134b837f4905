"""Exporting a run as .tflite files: making, checking, writing and measuring variants.

The files are run in LiteRT on images of the run first. A variant that differs from
Keras by more than it may is not written.
"""

import functools
import os
import pathlib
import platform
import sys
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from export.checks import quality
from export.checks import report as reports
from export.checks.verify import exported_translator, real_pictures, verify
from export.litert import flatbuffer, latency
from export.litert import variants as variants_of
from export.litert.variants import CALIBRATED, FLOORS, Calibration
from export.model import graph
from tfstargan.errors import UserError
from tfstargan.exported import contract, runtime
from tfstargan.exported.contract import Contract
from tfstargan.exported.variants import ALL, VARIANTS
from tfstargan.files import atomic_folder
from tfstargan.metrics import probe as probes
from tfstargan.metrics.instruments import open_instruments
from tfstargan.metrics.probe import Probe
from tfstargan.runs.run import Run, iteration_of
from tfstargan.translation.translator import Translator

METADATA = "tfstargan"  # under which a .tflite carries its description
CALIBRATION_PICTURES = 60


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
) -> list[pathlib.Path]:
    """Export a run as .tflite files, a folder for each variant, and report on them.

    Args:
        run: to be exported.
        variants: of VARIANTS, or "all".
        checkpoint: its iteration, or "best"; by default the newest.
        split: whether each signature has a file of its own.
        batch: images at once, fixed in the files.
        force: whether to write variants below their floor of quality.
        report: whether to measure time and memory, and to write the report.
        probe: for drawn animals, whether to report what the probe reads.

    Returns:
        The variants' folders.

    Raises:
        UserError: if a variant is unknown or not good enough, or can't be written.
    """
    names = wanted(variants)
    reader = probes.of_run(run.config) if probe else None
    export = Export(run, checkpoint, batch, split)
    lpips = lpips_distance(run)
    made, measured = {}, {}
    try:
        for variant in tqdm(names, "Export", leave=False):
            made[variant], measured[variant] = write_checked(
                export, variant, lpips, force
            )
        if report:
            _write_report(export, made, measured, reader)
    except OSError as error:
        raise UserError(f"{run.export_dir}: can't be written ({error})") from error
    return [run.export_dir / variant for variant in names]


def _write_report(
    export: "Export",
    made: dict[str, dict[str, bytes]],
    measured: dict[str, dict[str, float]],
    reader: Probe | None,
) -> None:
    title = f"{export.run.path.resolve().name}, iteration {export.iteration}"
    title += f", on {platform.machine()} with {os.cpu_count()} processors"
    found = entries(export, made, measured, reader)
    print(reports.text(found[1:]), end="")
    paths = reports.write(export.run.export_dir, title, found, export.pictures)
    print("Report:", ", ".join(map(str, paths)))


def wanted(names: Sequence[str]) -> list[str]:
    """The variants that are asked for, in the order of VARIANTS.

    Raises:
        UserError: if one is unknown.
    """
    unknown = set(names) - {ALL, *VARIANTS}
    if unknown:
        raise UserError(
            f"--variants={','.join(sorted(unknown))}: must be of "
            f"{', '.join([*VARIANTS, ALL])}"
        )
    return [v for v in VARIANTS if v in names or ALL in names]


def calibration(
    translator: Translator, pictures: np.ndarray, batch: int = 1
) -> Calibration:
    """Return inputs of every signature like those to come, of pictures of the run."""
    config = translator.config
    rng = np.random.default_rng(0)
    inputs: Calibration = {signature.name: [] for signature in graph.signatures(config)}
    for i, picture in enumerate(pictures):
        label = i % len(config.domains)
        y = np.full(batch, label, np.int32)
        z = rng.standard_normal((batch, config.latent_dim), np.float32)
        x = np.repeat(picture[None], batch, axis=0)
        style = translator.map_latents(z, config.domains[label])
        inputs[contract.MAP_LATENT].append({"z": z, "y": y})
        inputs[contract.ENCODE_STYLE].append({"x_ref": x, "y": y})
        inputs[contract.TRANSLATE].append({"x_src": x, "s": style})
    return inputs


class Export:
    """An export of a run at an iteration: makes, checks and writes its variants.

    Args:
        run: to be exported.
        checkpoint: its iteration, or "best"; by default the newest.
        batch: pictures at once.
        split: whether each signature has a file of its own.
    """

    def __init__(
        self,
        run: Run,
        checkpoint: int | str | None = None,
        batch: int = 1,
        split: bool = False,
    ):
        self.run = run
        self.iteration = iteration_of(run.checkpoint(checkpoint))
        self.batch = batch
        self.split = split
        self.translator = Translator.of_run(run, self.iteration)
        self.pictures = real_pictures(run.config)
        self.names = [s.name for s in graph.signatures(run.config)]

    @functools.cached_property
    def copy(self) -> Translator:
        """The networks in the form that all variants but float32 have."""
        return graph.for_export(self.translator)

    @functools.cached_property
    def float32(self) -> bytes:
        """The variant of that name."""
        copy = graph.for_export(self.translator, "litert_pairs")
        return graph.convert(copy, self.batch)

    @functools.cached_property
    def unquantized(self) -> bytes:
        """What the other variants are made from."""
        return graph.convert(self.copy, self.batch)

    def make(self, variant: str) -> dict[str, bytes]:
        """Return a variant as {file name: content}."""
        content = self.float32 if variant == "float32" else self._quantized(variant)
        if not self.split:
            return {"stargan.tflite": content}
        return {f"{name}.tflite": flatbuffer.cut(content, name) for name in self.names}

    def _quantized(self, variant: str) -> bytes:
        ranges: Calibration = {}
        if variant in CALIBRATED:
            pictures = real_pictures(self.run.config, "train", CALIBRATION_PICTURES)
            print(
                f"{variant}: finding ranges on {len(pictures)} images", file=sys.stderr
            )
            ranges = calibration(self.translator, pictures, self.batch)
        return variants_of.quantize(self.unquantized, variant, ranges)

    def exported(self, files: dict[str, bytes]) -> Translator:
        """Return a translator that computes with the files, in LiteRT."""
        models = {name: files[self.file_of(name)] for name in self.names}
        endpoints = runtime.endpoints(models)
        return exported_translator(self.run.config, endpoints, self.batch)

    def file_of(self, signature: str) -> str:
        """Return the name of the file that holds a signature."""
        return f"{signature}.tflite" if self.split else "stargan.tflite"

    def alone(self, files: dict[str, bytes], signature: str) -> bytes:
        """Return a .tflite that holds nothing but a signature."""
        content = files[self.file_of(signature)]
        return content if self.split else flatbuffer.cut(content, signature)

    def write(
        self, variant: str, files: dict[str, bytes], measured: dict[str, float]
    ) -> pathlib.Path:
        """Write a variant's folder atomically, and return it."""
        described = graph.describe(
            self.translator,
            self.run,
            self.iteration,
            variant,
            {name: self.file_of(name) for name in self.names},
            self.batch,
            measured,
        )
        carried = described.to_json().encode()
        target = self.run.export_dir / variant
        with atomic_folder(target) as folder:
            for name, content in files.items():
                carrying = flatbuffer.with_metadata(content, METADATA, carried)
                (folder / name).write_bytes(carrying)
            described.seal(folder)
            Contract.load(folder)
        return target


def exported(
    run: Run, variant: str, checkpoint: int | str | None = None
) -> pathlib.Path:
    """Return the folder of a variant for apps, one picture at once.

    It is exported unless it is there already, of the same checkpoint.

    Args:
        run: it comes from.
        variant: of VARIANTS.
        checkpoint: its iteration, or "best"; by default the newest.

    Raises:
        UserError: if there is no such variant, or it can't be exported.
    """
    if variant not in VARIANTS:
        raise UserError(f"--variant={variant}: must be of {', '.join(VARIANTS)}")
    folder = run.export_dir / variant
    wanted = iteration_of(run.checkpoint(checkpoint)), 1
    if (folder / contract.NAME).exists():
        found = Contract.load(folder)
        if (found.iteration, found.batch) == wanted:
            return folder
    export = Export(run, checkpoint)
    try:
        write_checked(export, variant, lpips_distance(run), force=False)
    except OSError as error:
        raise UserError(f"{run.export_dir}: can't be written ({error})") from error
    return folder


def write_checked(
    export: Export, variant: str, lpips: quality.Distance | None, force: bool
) -> tuple[dict[str, bytes], dict[str, float]]:
    """Make a variant, and write it if it is good enough; return files and measures."""
    files = export.make(variant)
    exported = export.exported(files)
    if variant == "float32":
        verify(export.translator, exported, export.pictures)
    measured = quality.measure(export.translator, exported, export.pictures, lpips)
    check(variant, measured["psnr"], force)
    print(export.write(variant, files, measured))
    return files, measured


def check(variant: str, psnr: float, force: bool) -> None:
    """Raise a UserError if a variant is below its floor of quality, unless forced."""
    floor = FLOORS.get(variant, 0.0)
    if psnr >= floor:
        return
    message = f"{variant}: {psnr:.1f} dB against Keras, below its floor of {floor:.0f}"
    if not force:
        raise UserError(f"{message}: not written (--force writes it all the same)")
    print(f"{message}: written, since --force was given", file=sys.stderr)


def entries(
    export: Export,
    made: dict[str, dict[str, bytes]],
    measured: dict[str, dict[str, float]],
    reader: Probe | None,
) -> list[reports.Entry]:
    """Return what the report says of each variant, after Keras itself."""
    apart = {
        (variant, name): export.alone(files, name)
        for variant, files in made.items()
        for name in export.names
    }
    timed = {threads: latency.times(apart, threads) for threads in (1, 2)}
    translator = export.translator
    pictures = quality.translations(translator, export.pictures, translator)
    scores = quality.probed(translator, reader) if reader else {}
    found = [reports.Entry("Keras", {}, scores, pictures)]
    for variant, files in tqdm(made.items(), "Report", leave=False):
        exported = export.exported(files)
        content = apart[variant, contract.TRANSLATE]
        one, two = (timed[n][variant, contract.TRANSLATE] for n in (1, 2))
        left = latency.leftovers(content)
        path = export.run.export_dir / variant
        measures: dict[str, float | str] = {
            "MB": sum(map(len, files.values())) / reports.MEGABYTE,
            **measured[variant],
            "ms_1_thread": one["median_ms"],
            "p95_1_thread": one["p95_ms"],
            "ms_2_threads": two["median_ms"],
            "p95_2_threads": two["p95_ms"],
            "ms_map_latent": timed[2][variant, contract.MAP_LATENT]["median_ms"],
            "ms_encode_style": timed[2][variant, contract.ENCODE_STYLE]["median_ms"],
            "peak_mb": latency.peak_memory(path / export.file_of(contract.TRANSLATE)),
            "gmac": flatbuffer.multiplications(flatbuffer.read(content)) / 1e9,
            "leftovers": " ".join(f"{n} {name}" for name, n in left.items()) or "none",
        }
        scores = quality.probed(exported, reader) if reader else {}
        shown = quality.translations(exported, export.pictures, translator)
        found.append(reports.Entry(variant, measures, scores, shown))
    return found


def lpips_distance(run: Run) -> quality.Distance | None:
    """Return LPIPS, if its network has been downloaded for an evaluation before."""
    try:
        instruments = open_instruments(
            ["lpips"], run.config.backbone_dir, download=False
        )
    except UserError:
        return None
    mean_distance = instruments.lpips
    if mean_distance is None:
        return None
    return lambda found, expected: mean_distance(np.stack([found, expected], axis=1))
