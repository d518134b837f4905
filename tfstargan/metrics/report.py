"""Results as JSON and as a table: RUN/evaluation/iteration-....json and .txt.

Results are `{section: {row: {column: number}}}`; a section is a guide, or whatever else
was measured.
"""

import json
import pathlib
from typing import Any

import numpy as np

from tfstargan import files
from tfstargan.errors import UserError

Row = dict[str, float]
Section = dict[str, Row]

# What makes two reports speak of the same thing.
IDENTITY = ("iteration", "weights", "data", "quick")


def with_mean(section: Section) -> Section:
    """Return a section with the mean of its rows as one more."""
    columns = next(iter(section.values()))
    mean = {c: float(np.mean([row[c] for row in section.values()])) for c in columns}
    return section | {"mean": mean}


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return a report with what an older one of the same thing has besides."""
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
    """Write a report, merged with one that is there, as .json and .txt; return it."""
    if path.exists():
        report = merge(json.loads(path.read_text()), report)
    write_json(path, report)
    files.write_text(text(report), path.with_suffix(".txt"))
    return report


def write_json(path: pathlib.Path, content: Any) -> None:
    """Write JSON, whole or not at all; the folder is made.

    Raises:
        UserError: if it can't be written.
    """
    try:
        files.write_text(json.dumps(content, indent=2) + "\n", path)
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error})") from error


def text(report: dict[str, Any]) -> str:
    """Return a report to be read: a table for each section, and what it means."""
    lines = [f"{report['run']}, iteration {report['iteration']}"]
    lines += [f"NOTE: {note}" for note in report["notes"]]
    for name, section in report["results"].items():
        lines += ["", *table(name, section)]
    lines += [""] + [f"{name}: {what}" for name, what in report["meaning"].items()]
    return "\n".join(lines) + "\n"


def table(name: str, section: Section) -> list[str]:
    """Return the lines of a table; the columns are as wide as their names."""
    columns = list(dict.fromkeys(c for row in section.values() for c in row))
    first = max(map(len, [name, *section]))
    lines = ["  ".join([name.ljust(first), *columns])]
    for row, values in section.items():
        cells = (
            (f"{values[c]:.5g}" if c in values else "").rjust(len(c)) for c in columns
        )
        lines.append("  ".join([row.ljust(first), *cells]))
    return lines
