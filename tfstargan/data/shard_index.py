"""The index of packed data: where its files are; see `shards.py`."""

import json
import pathlib
from typing import Any

from tfstargan.errors import UserError

INDEX = "index.json"
REMEDY = "run `tfstargan pack` again"


def place(root: pathlib.Path, name: str) -> pathlib.Path:
    """The path of a shard.

    Raises:
        UserError: if it lies outside of the folder.
    """
    if pathlib.PurePath(name).name != name:
        raise UserError(f"{root / INDEX}: {name!r} is no file of this folder")
    return root / name


def contents_of(shard: pathlib.Path) -> pathlib.Path:
    """The file that lists what a shard holds."""
    return shard.with_suffix(".json")


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """The content of a JSON file.

    Raises:
        UserError: if it is missing or damaged.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: can't be read ({error})") from error
