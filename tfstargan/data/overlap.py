"""Validation images that are training images, too: copies tell nothing."""

import collections
import pathlib
from collections.abc import Sequence

from tfstargan import files
from tfstargan.data.folder import Folder
from tfstargan.data.image_set import ImageSet

Files = Sequence[Sequence[pathlib.Path]]  # of each domain


def overlap(training: ImageSet, validation: ImageSet) -> str:
    """What to say of validation images that are trained on; empty if there are none.

    Files of a domain are compared by their content. Of other data than folders nothing
    is said, nor where training images stand in for validation: that is known.
    """
    if not (isinstance(training, Folder) and isinstance(validation, Folder)):
        return ""
    if training.files == validation.files:
        return ""
    return told_of_copies(training.files, validation.files)


def told_of_copies(training: Files, validation: Files) -> str:
    """How many validation images are training images, in a line; empty if none is."""
    total = sum(map(len, validation))
    copies = sum(map(_copies, training, validation))
    if not copies:
        return ""
    return f"{copies} of {total} validation images are training images, too"


def _copies(train: Sequence[pathlib.Path], val: Sequence[pathlib.Path]) -> int:
    by_size = collections.defaultdict(list)
    for path in train:
        by_size[_size(path)].append(path)
    known: dict[int, set[str]] = {-1: set()}
    copies = 0
    for path in val:
        size = _size(path)
        if size not in known:
            known[size] = {files.checksum(other) for other in by_size[size]}
        copies += bool(known[size]) and files.checksum(path) in known[size]
    return copies


def _size(path: pathlib.Path) -> int:
    """The size of a file in bytes; -1: it is none, or isn't there."""
    return path.stat().st_size if path.is_file() else -1
