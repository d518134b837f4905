"""The index of packed data: where its files are; see `shards.py`."""

import json
import pathlib
from typing import Any

from tfstargan.errors import UserError

INDEX = "index.json"


def place(root: pathlib.Path, name: str) -> pathlib.Path:
    """Return where a shard is; raise a UserError for one outside of its folder."""
    if pathlib.PurePath(name).name != name:
        raise UserError(f"{root / INDEX}: {name!r} is no file of this folder")
    return root / name


def contents_of(shard: pathlib.Path) -> pathlib.Path:
    """Return the file that says what a shard holds."""
    return shard.with_suffix(".json")


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """Return what a JSON file holds; raise a UserError if it is missing or damaged."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: can't be read ({error})") from error
