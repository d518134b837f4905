"""Folders that are there whole or not at all."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

from tfstargan.files import PARTIAL


@contextlib.contextmanager
def whole(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give an empty folder to fill; it takes the target's place if nothing is raised.

    Args:
        target: the folder to be; what was there before stays until then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=PARTIAL) as place:
        folder = pathlib.Path(place) / target.name
        folder.mkdir()
        yield folder
        if target.exists():
            target.rename(pathlib.Path(place) / "old")
        folder.rename(target)
