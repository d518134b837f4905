"""What the report says of each variant: size, speed, memory, quality."""

import os
import pathlib
import platform
import tempfile

import numpy as np

from export.checks import quality
from export.checks import report as reports
from export.checks.report import Entry
from export.litert import flatbuffer, latency
from export.litert.making import Export, Files, min_runtime
from tfstargan.errors import UserError
from tfstargan.exported import contract
from tfstargan.metrics.instruments import open_instruments
from tfstargan.metrics.probe import Probe
from tfstargan.progress import Bar, waiting
from tfstargan.runs.run import Run

MEGABYTE = 1e6


def write_report(
    export: Export,
    made: dict[str, Files],
    measured: dict[str, dict[str, float]],
    faults: dict[str, str],
    reader: Probe | None,
) -> None:
    """Measure variants, print the table of them and write the report.

    Args:
        export: the export.
        made: {variant: its files}.
        measured: {variant: its quality}.
        faults: {variant: why it was not written}.
        reader: the probe, for drawn animals.
    """
    title = f"{export.run.path.resolve().name}, iteration {export.source.iteration}"
    machine = f"{platform.machine()}, {os.cpu_count()} processors"
    found = entries(export, made, measured, faults, reader)
    print(reports.text(found[1:]), end="")
    paths = reports.write(export.folder, title, machine, found, export.images)
    print("Report:", ", ".join(map(str, paths)))


def entries(
    export: Export,
    made: dict[str, Files],
    measured: dict[str, dict[str, float]],
    faults: dict[str, str],
    reader: Probe | None,
) -> list[Entry]:
    """The report's entries: Keras itself, then each variant."""
    apart = {
        (variant, name): export.alone(files, name)
        for variant, files in made.items()
        for name in export.names
    }
    timed = {threads: latency.times(apart, threads) for threads in (1, 2)}
    translator = export.translator
    with waiting("translating with Keras"):
        images = quality.translations(translator, export.images, translator)
    scores = quality.probed(translator, reader) if reader else {}
    found = [Entry("Keras", {}, scores, images)]
    for variant, files in Bar(made.items(), "Report", leave=False):
        exported = export.exported(files)
        times = {
            (threads, name): timed[threads][variant, name]
            for threads in timed
            for name in export.names
        }
        measures = cost(export, files, apart[variant, contract.TRANSLATE], times)
        measures = {**measures, **measured[variant]}
        scores = quality.probed(exported, reader) if reader else {}
        shown = quality.translations(exported, export.images, translator)
        found.append(Entry(variant, measures, scores, shown, faults.get(variant, "")))
    return found


def cost(
    export: Export,
    files: Files,
    translate: bytes,
    times: dict[tuple[int, str], dict[str, float]],
) -> dict[str, float | str]:
    """A variant's size, times and memory; see `report.FIGURES`."""
    one, two = (times[threads, contract.TRANSLATE] for threads in (1, 2))
    left = latency.leftovers(translate)
    return {
        "MB": sum(map(len, files.values())) / MEGABYTE,
        "min_runtime": min_runtime(files),
        "ms_1_thread": one["median_ms"],
        "p95_1_thread": one["p95_ms"],
        "ms_2_threads": two["median_ms"],
        "p95_2_threads": two["p95_ms"],
        "ms_map_latent": times[2, contract.MAP_LATENT]["median_ms"],
        "ms_encode_style": times[2, contract.ENCODE_STYLE]["median_ms"],
        "peak_mb": memory(files[export.file_of(contract.TRANSLATE)]),
        "gmac": flatbuffer.multiplications(flatbuffer.read(translate)) / 1e9,
        "leftovers": left.total(),
        "leftover_operators": " ".join(f"{n} {name}" for name, n in left.items()),
    }


def memory(content: bytes) -> float:
    """The memory that a .tflite with `translate` adds to a process, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "stargan.tflite"
        path.write_bytes(content)
        return latency.peak_memory(path)


def lpips_distance(run: Run) -> quality.Distance | None:
    """LPIPS, if its network was downloaded for an evaluation before."""
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
