"""Files and folders written atomically, checksums, and the cache folder."""

import contextlib
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

PARTIAL = ".partial-"  # begins the names of files that are not complete


@contextlib.contextmanager
def atomic_file(path: pathlib.Path, lasting: bool = False) -> Iterator[pathlib.Path]:
    """Yield a file to write in place of another, which it replaces at the end.

    If an error is raised, the old file stays. The folder is made.

    Args:
        path: the file to be. The yielded one has the same suffixes.
        lasting: wait until the disk has it, so that it survives a power failure.

    Raises:
        OSError: if it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Each process has its own: several may write one file of a shared cache.
    stem, dot, suffixes = path.name.partition(".")
    partial = path.with_name(f"{PARTIAL}{stem}-{os.getpid()}{dot}{suffixes}")
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


@contextlib.contextmanager
def atomic_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield an empty folder to fill, which takes the place of another at the end.

    If an error is raised, the old folder stays.

    Args:
        path: the folder to be.

    Raises:
        OSError: if it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=PARTIAL) as place:
        folder = pathlib.Path(place) / path.name
        folder.mkdir()
        yield folder
        if path.exists():
            path.rename(pathlib.Path(place) / "old")
        folder.rename(path)


def write_text(text: str, path: pathlib.Path, lasting: bool = False) -> None:
    """Write a text file atomically; see `atomic_file`."""
    with atomic_file(path, lasting) as partial:
        partial.write_text(text)


def reserve(path: pathlib.Path, size: int) -> None:
    """Make an empty file if there is room for so many bytes, else raise an OSError."""
    with path.open("wb") as file:
        if size and hasattr(os, "posix_fallocate"):  # not on macOS and Windows
            os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(0)


def remove_partial(folder: pathlib.Path) -> None:
    """Remove the incomplete files of a process that was killed."""
    for partial in folder.glob(PARTIAL + "*"):
        partial.unlink()


def checksum(path: pathlib.Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_dir() -> pathlib.Path:
    """The folder for what can be had again: ~/.cache/tfstargan on Linux."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "tfstargan"


def _to_disk(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
