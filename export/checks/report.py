"""What an export's variants cost and give: a table, JSON, and a page of pictures."""

import base64
import html
import io
import json
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfstargan import images

SHOWN = 6  # pictures on the page
MEGABYTE = 1e6

FIGURES = {  # of a variant, and how each is written
    "MB": "{:.2f}",
    "psnr": "{:.1f}",
    "psnr_min": "{:.1f}",
    "ssim": "{:.4f}",
    "lpips": "{:.4f}",
    "style_latent": "{:.4f}",
    "style_reference": "{:.4f}",
    "ms_1_thread": "{:.1f}",
    "p95_1_thread": "{:.1f}",
    "ms_2_threads": "{:.1f}",
    "p95_2_threads": "{:.1f}",
    "ms_map_latent": "{:.2f}",
    "ms_encode_style": "{:.1f}",
    "peak_mb": "{:.0f}",
    "gmac": "{:.3f}",
    "leftovers": "{}",
}
LEGEND = """\
MB: the files' size. psnr (dB; mean and least), ssim, lpips: translations against those
of Keras, on pictures of the run. style_latent, style_reference: error of the style
codes over their deviation. ms: median time of one translation in LiteRT on this
machine, all variants taking turns, by threads; p95: its 95th percentile. ms_map_latent,
ms_encode_style: of a style, with two threads. peak_mb: what loading and running the
file with translate adds to a process. gmac: multiplications of translate, in billions.
leftovers: operations of translate that XNNPACK leaves to slower code."""


class Entry(NamedTuple):
    """A variant: its measures by name, and its translations of the shown pictures."""

    variant: str
    measures: dict[str, float | str]
    probe: dict[str, float]
    pictures: np.ndarray


def columns_of(entries: Sequence[Entry]) -> list[list[str]]:
    """Return the report's columns: the figures' names, then each variant's values.

    What nobody has is left out.
    """
    names = [n for n in FIGURES if any(n in entry.measures for entry in entries)]
    probed = [*entries[0].probe]
    columns = [["variant", *names, *(f"probe {name}" for name in probed)]]
    for entry in entries:
        known = entry.measures
        cells = [FIGURES[n].format(known[n]) if n in known else "-" for n in names]
        cells += [f"{entry.probe[name]:.3f}" for name in probed if entry.probe]
        columns.append([entry.variant, *cells])
    return columns


def text(entries: Sequence[Entry]) -> str:
    """Return the table to be read in a terminal: a column for each variant."""
    columns = columns_of(entries)
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for line in zip(*columns, strict=True):
        cells = zip(line, widths, strict=True)
        first, *rest = (cell.rjust(width) for cell, width in cells)
        lines.append("  ".join([first.strip().ljust(widths[0]), *rest]))
    return "\n".join(lines) + "\n"


def write(
    folder: pathlib.Path,
    title: str,
    entries: Sequence[Entry],
    sources: np.ndarray,
) -> list[pathlib.Path]:
    """Write report.json, report.html and report.png (a contact sheet).

    Args:
        folder: where to.
        title: what was exported, and on which machine.
        entries: Keras' own pictures first.
        sources: [N, H, W, 3] in [-1, 1], what the pictures are translations of.

    Returns:
        What was written.
    """
    paths = [folder / f"report.{suffix}" for suffix in ("json", "html", "png")]
    found = {e.variant: {**e.measures, "probe": e.probe} for e in entries if e.measures}
    content = {"title": title, "variants": found}
    paths[0].write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    paths[1].write_text(page(title, entries, sources), "utf-8")
    shown = [_shown(sources), *(_shown(entry.pictures) for entry in entries)]
    sheet = images.grid([[*images.to_uint8(row)] for row in shown])
    images.save(sheet, paths[2])
    return paths


def page(title: str, entries: Sequence[Entry], sources: np.ndarray) -> str:
    """Return the report as one HTML page that needs no other file."""
    columns = columns_of([entry for entry in entries if entry.measures])
    heading, *table = zip(*columns, strict=True)
    shown = [
        ("source", sources),
        *((entry.variant, entry.pictures) for entry in entries),
    ]
    lines = [_row("th", heading), *(_row("td", row) for row in table)]
    pictures = [
        f"<tr><th>{html.escape(name)}</th>"
        + "".join(f"<td>{_image(p)}</td>" for p in _shown(column))
        + "</tr>"
        for name, column in shown
    ]
    return PAGE.format(
        title=html.escape(title),
        table="\n".join(lines),
        legend=html.escape(LEGEND),
        pictures="\n".join(pictures),
    )


def _shown(pictures: np.ndarray) -> np.ndarray:
    """Return a few, of every domain."""
    return pictures[:: max(1, len(pictures) // SHOWN)][:SHOWN]


def _row(tag: str, cells: Sequence[str]) -> str:
    inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"


def _image(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(images.to_uint8(picture)).save(file, "png")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="" src="data:image/png;base64,{data}">'


PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }}
body {{ margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ padding: .3rem .6rem; text-align: right; white-space: nowrap; }}
tr + tr {{ border-top: 1px solid #8884; }}
th:first-child, td:first-child {{ text-align: left; }}
.pictures td {{ padding: 2px; }}
img {{ width: 9rem; display: block; image-rendering: pixelated; }}
p {{ max-width: 45rem; }}
</style>
<h1>{title}</h1>
<div><table>
{table}
</table></div>
<p>{legend}</p>
<h2>Pictures</h2>
<div><table class="pictures">
{pictures}
</table></div>
</html>
"""
