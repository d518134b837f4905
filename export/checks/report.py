"""The report on an export's variants: a table, JSON, a page, and a contact sheet."""

import json
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from export.checks.page import page
from tfstargan import images as image_files

SHOWN = 6  # images on the page

# {measure: (name, how it is written)}, by group
FIGURES = {
    "Size": {
        "MB": ("Size, MB", "{:.2f}"),
        "peak_mb": ("Memory, MB", "{:.0f}"),
        "min_runtime": ("Oldest TensorFlow Lite", "{}"),
        "gmac": ("Multiplications, billions", "{:.3f}"),
        "leftovers": ("Operators outside XNNPACK", "{:.0f}"),
    },
    "Quality": {
        "psnr": ("PSNR, dB", "{:.1f}"),
        "psnr_min": ("PSNR of the worst image, dB", "{:.1f}"),
        "ssim": ("SSIM", "{:.4f}"),
        "lpips": ("LPIPS", "{:.4f}"),
        "style_latent": ("Error of random styles", "{:.4f}"),
        "style_reference": ("Error of references' styles", "{:.4f}"),
    },
    "Speed": {
        "ms_1_thread": ("Translation, 1 thread, ms", "{:.1f}"),
        "p95_1_thread": ("1 thread, 95th percentile, ms", "{:.1f}"),
        "ms_2_threads": ("Translation, 2 threads, ms", "{:.1f}"),
        "p95_2_threads": ("2 threads, 95th percentile, ms", "{:.1f}"),
        "ms_map_latent": ("Random style, 2 threads, ms", "{:.2f}"),
        "ms_encode_style": ("Reference's style, 2 threads, ms", "{:.1f}"),
    },
}
LEGEND = {
    "Size": "Size is that of the files. Memory is what loading and running the file of "
    "the generator adds to a process. Older runtimes than the named one refuse the "
    "files. Operators outside XNNPACK are those of a translation that run in slower "
    "code.",
    "Quality": "Translations and styles are compared with those of Keras, on images of "
    "the run. Higher PSNR and SSIM are better, and lower LPIPS and errors. The error "
    "of styles is relative to their standard deviation.",
    "Speed": "Times are medians in LiteRT on this machine, with the variants run in "
    "turns. They say little about other processors, such as those of phones.",
    "Probe": "The probe reads the factors of drawn animals off the translations.",
}
# {purpose: (variants from best to worst, the reason of the first)}
PURPOSES = {
    "Phones": (
        ("mixed", "float16", "float32"),
        "8-bit weights and arithmetic, in float where it matters",
    ),
    "Web": (
        ("mixed", "float32"),
        "a quarter of the download of float32",
    ),
    "Archive": (
        ("float32", "float16"),
        "the results of Keras, in every runtime since 2020",
    ),
}


class Entry(NamedTuple):
    """What is reported of a variant.

    Attributes:
        variant: its name; "Keras" for the reference.
        measures: {measure: value}.
        probe: {factor: score}, for drawn animals.
        images: its translations of the shown images.
        fault: why it was not written; empty if it was.
    """

    variant: str
    measures: dict[str, float | str]
    probe: dict[str, float]
    images: np.ndarray
    fault: str = ""


def table(entries: Sequence[Entry]) -> dict[str, list[list[str]]]:
    """The rows of each group: a name, then the value of each variant.

    Measures that no variant has are omitted.
    """
    groups = {}
    for group, figures in FIGURES.items():
        groups[group] = [
            [name, *(_written(form, e.measures.get(key)) for e in entries)]
            for key, (name, form) in figures.items()
            if any(key in entry.measures for entry in entries)
        ]
    groups["Probe"] = [
        [name.capitalize(), *(_written("{:.3f}", e.probe.get(name)) for e in entries)]
        for name in entries[0].probe
    ]
    return {group: rows for group, rows in groups.items() if rows}


def _written(form: str, value: float | str | None) -> str:
    return "-" if value is None else form.format(value)


def recommendations(entries: Sequence[Entry]) -> dict[str, str]:
    """For each purpose, the best of the written variants with its figures.

    Empty unless there are several to choose from.
    """
    written = {e.variant: e.measures for e in entries if not e.fault}
    if len(written) < 2:
        return {}
    found = {}
    for purpose, (ranked, reason) in PURPOSES.items():
        best = [variant for variant in ranked if variant in written]
        if best:
            figures = "{MB:.2f} MB, PSNR {psnr:.1f} dB".format(**written[best[0]])
            why = f"; {reason}" if best[0] == ranked[0] else ""
            found[purpose] = f"{best[0]} ({figures}{why})"
    return found


def text(entries: Sequence[Entry]) -> str:
    """The table for a terminal: a column for each variant, all of the same width."""
    rows = [["", *(entry.variant for entry in entries)]]
    for group in table(entries).values():
        rows += group
    first = max(len(row[0]) for row in rows)
    width = max(len(cell) for row in rows for cell in row[1:])
    lines = [
        row[0].ljust(first) + "".join(f"  {cell:>{width}}" for cell in row[1:])
        for row in rows
    ]
    lines += [entry.fault for entry in entries if entry.fault]
    lines += [
        f"{purpose}: {best}" for purpose, best in recommendations(entries).items()
    ]
    return "\n".join(lines) + "\n"


def write(
    folder: pathlib.Path,
    title: str,
    machine: str,
    entries: Sequence[Entry],
    sources: np.ndarray,
) -> list[pathlib.Path]:
    """Write report.json, report.html and report.png (a contact sheet).

    Args:
        folder: the folder to write into.
        title: what was exported.
        machine: where it was measured.
        entries: Keras' own images first, then the variants.
        sources: [N, H, W, 3] in [-1, 1], the images that were translated.

    Returns:
        The files that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"report.{suffix}" for suffix in ("json", "html", "png")]
    variants = [entry for entry in entries if entry.measures]
    shown = {"Source": _shown(sources)}
    shown |= {entry.variant: _shown(entry.images) for entry in entries}
    content = {
        "title": title,
        "machine": machine,
        "recommendations": recommendations(variants),
        "variants": {
            e.variant: {**e.measures, "probe": e.probe, "fault": e.fault}
            for e in variants
        },
    }
    paths[0].write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    html = page(
        title,
        f"Measured on {machine}.",
        recommendations(variants),
        {entry.variant: entry.fault for entry in variants},
        table(variants),
        LEGEND,
        shown,
    )
    paths[1].write_text(html, "utf-8")
    sheet = [[*image_files.to_uint8(row)] for row in shown.values()]
    image_files.save(image_files.grid(sheet), paths[2])
    return paths


def _shown(images: np.ndarray) -> np.ndarray:
    """A few images, of each domain."""
    return images[:: max(1, len(images) // SHOWN)][:SHOWN]
