"""Files that are written whole or not at all, and their checksums."""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Iterator

PARTIAL = ".partial-"  # begins the names of files that are not whole


@contextlib.contextmanager
def written_whole(path: pathlib.Path, lasting: bool = False) -> Iterator[pathlib.Path]:
    """Yield the file to write in place of one, which it replaces once it is whole.

    Whatever happens before, the old one stays. The folder is made.

    Args:
        path: the file to be. Its suffix is the other's, too.
        lasting: wait until the disk has it, so that a power failure leaves it whole.

    Raises:
        OSError: if it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(PARTIAL + path.name)
    try:
        yield partial
        if lasting:
            _to_disk(partial)
        os.replace(partial, path)
        if lasting and os.name == "posix":
            _to_disk(path.parent)  # its new name
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def reserve(path: pathlib.Path, size: int) -> None:
    """Make an empty file if there is room for so many bytes, else raise an OSError."""
    with path.open("wb") as file:
        if size and hasattr(os, "posix_fallocate"):  # not on macOS and Windows
            os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(0)


def write_text(text: str, path: pathlib.Path, lasting: bool = False) -> None:
    """Write a text file, whole or not at all; see `written_whole`."""
    with written_whole(path, lasting) as partial:
        partial.write_text(text)


def remove_partial(folder: pathlib.Path) -> None:
    """Remove what a process that was killed had not yet written to the end."""
    for partial in folder.glob(PARTIAL + "*"):
        partial.unlink()


def checksum(path: pathlib.Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_dir() -> pathlib.Path:
    """Return the folder for what can be had again: ~/.cache/tfstargan on Linux."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "tfstargan"


def _to_disk(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
