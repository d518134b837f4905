"""Pictures in TFRecord shards, as `tfstargan pack` builds them.

    ROOT/index.json                      domains, img_size, counts, shards, checksums
    ROOT/train-00000-of-00008.tfrecord   `tf.train.Example`s, domain after domain
    ROOT/train-00000-of-00008.json       where each of them begins

A record holds a picture as it was (a JPEG's file, another's pixels) and, beside it, the
picture squeezed to img_size: the pixels of every draw that is not cropped, without
decoding or resizing.
The stream asks for pictures by number, hence reads by position: it is the folder's
stream, picture for picture, from any iteration on.
"""

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
