"""Results as JSON and as a table: RUN/evaluation/iteration-....json and .txt.

Results are `{section: {row: {column: number}}}`. A section is a guide, or another group
of measurements.
"""

import json
import pathlib
from typing import Any

import numpy as np

from tfstargan import files
from tfstargan.errors import UserError

Row = dict[str, float]
Section = dict[str, Row]

FIDS = ("_reference", "_clean")  # endings of the columns of FID, KID and the like
SOURCE = "source"  # ends the columns of untranslated sources, each after its measure
LOW, HIGH = "_low", "_high"  # end the columns of a measure's interval
ACRONYMS = {"fid", "kid", "lpips", "ssim", "r2"}
INTERVAL = "  95 %"  # begins a line of intervals
# Reports that agree in these are about the same thing, and are merged.
IDENTITY = ("iteration", "weights", "data", "quick")


def with_mean(section: Section) -> Section:
    """A section with one more row: the mean of the others."""
    columns = next(iter(section.values()))
    mean = {c: float(np.mean([row[c] for row in section.values()])) for c in columns}
    return section | {"mean": mean}


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A report with the results that only an older one of the same thing has."""
    if any(old.get(name) != new[name] for name in IDENTITY):
        return new
    results: dict[str, Section] = {}
    for section in [*old["results"], *(new["results"].keys() - old["results"])]:
        before = old["results"].get(section, {})
        now = new["results"].get(section, {})
        results[section] = {
            row: before.get(row, {}) | now.get(row, {}) for row in before | now
        }
    both = {name: old[name] | new[name] for name in ("networks", "meaning")}
    return old | new | both | {"results": results}


def write(report: dict[str, Any], path: pathlib.Path) -> dict[str, Any]:
    """Write a report as .json and .txt, merged with an existing one; return it."""
    if path.exists():
        report = merge(json.loads(path.read_text()), report)
    write_json(path, report)
    files.write_text(text(report), path.with_suffix(".txt"))
    return report


def write_json(path: pathlib.Path, content: Any) -> None:
    """Write JSON atomically; the folder is made.

    Raises:
        UserError: if it can't be written.
    """
    try:
        files.write_text(json.dumps(content, indent=2) + "\n", path)
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error})") from error


def text(report: dict[str, Any]) -> str:
    """A report to read: a table for each section, and the meaning of the names."""
    lines = [f"{report['run']}, iteration {report['iteration']}"]
    lines += [f"NOTE: {note}" for note in report["notes"]]
    for name, section in report["results"].items():
        lines += ["", *table(name, section)]
    lines += ["", *legend(report["meaning"])]
    return "\n".join(lines) + "\n"


def legend(meanings: dict[str, str]) -> list[str]:
    """A line for each meaning, with all names that have it."""
    names: dict[str, list[str]] = {}
    for name, meaning in meanings.items():
        names.setdefault(meaning, []).append(heading(name))
    return [f"{', '.join(same)}: {meaning}" for meaning, same in names.items()]


def table(name: str, section: Section) -> list[str]:
    """The lines of a table; each column is as wide as its longest entry.

    A row whose measures have intervals has a second line with them.
    """
    every = dict.fromkeys(c for row in section.values() for c in row)
    columns = [c for c in every if not c.endswith((LOW, HIGH))]
    rows = [[heading(name), *headings(columns)]]
    for row, values in section.items():
        rows.append([row, *(number(values[c]) if c in values else "" for c in columns)])
        bounds = [interval(values, column) for column in columns]
        if any(bounds):
            rows.append([INTERVAL, *bounds])
    first, *widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]

    def line(row: str, *cells: str) -> str:
        aligned = (c.rjust(w) for c, w in zip(cells, widths, strict=True))
        return "  ".join([row.ljust(first), *aligned]).rstrip()

    return [line(*cells) for cells in rows]


def interval(values: Row, column: str) -> str:
    """The bounds of a measure; empty if it has none."""
    if f"{column}{LOW}" not in values:
        return ""
    low, high = values[f"{column}{LOW}"], values[f"{column}{HIGH}"]
    return f"{number(low)}..{number(high)}"


def headings(columns: list[str]) -> list[str]:
    """Headings of columns, without the ending that all columns of FID share."""
    endings = {e for e in FIDS for column in columns if column.endswith(e)}
    ending = endings.pop() if len(endings) == 1 else ""
    return [
        SOURCE
        if column.endswith(f"_{SOURCE}")
        else heading(column.removesuffix(ending))
        for column in columns
    ]


def heading(name: str) -> str:
    """A name as people write it: "FID reference" of "fid_reference"."""
    return " ".join(w.upper() if w in ACRONYMS else w for w in name.split("_"))


def number(value: float) -> str:
    """A number with about four digits that matter, and no exponent."""
    size = abs(value)
    return f"{value:.{4 if size < 10 else 2 if size < 1000 else 0}f}"
