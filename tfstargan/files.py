"""Files and folders written atomically, checksums, and the cache folder."""

import atexit
import contextlib
import errno
import functools
import hashlib
import os
import pathlib
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator

import filelock

PARTIAL = ".partial-"  # begins the names of files that are not complete
FULL = (errno.ENOSPC, errno.EDQUOT)
LOCK = ".lock"  # in an incomplete folder: held while it is being filled
LONGEST_NAME = 255  # bytes of a file's name, in most file systems
LONG_NAME = 200  # longer ones are shortened, where we choose the name
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # but not C:/
# What some file system doesn't take in a name; % and ~ have a meaning of our own.
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%~\ud800-\udfff]|^\.|[. ]$')
# What a file system says of an operation that it lacks: CIFS, vboxsf and FUSE of an
# fsync of a folder, NFS without lockd of a lock.
LACKING = frozenset(
    (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
)
DEVICES = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)


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
    make_folder(path.parent)
    # Each process has its own: several may write one file of a shared cache.
    stem, dot, suffixes = path.name.partition(".")
    name = f"{PARTIAL}{stem}-{os.getpid()}{dot}{suffixes}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f"{PARTIAL}{_short_hash(stem)}-{os.getpid()}{path.suffix}"
    partial = path.with_name(name)
    try:
        yield partial
        if lasting:
            _to_disk(partial, os.O_RDWR)  # Windows flushes no other
        os.replace(partial, path)
        if lasting and os.name == "posix":
            _to_disk(path.parent)  # its new name
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def atomic_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield an empty folder to fill, which takes the place of another at the end.

    If an error is raised, the old folder stays. Incomplete folders beside it, of
    processes that were killed, are removed.

    Args:
        path: the folder to be.

    Raises:
        OSError: if it can't be written.
    """
    make_folder(path.parent)
    _remove_abandoned(path.parent)
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=PARTIAL) as place,
        _locked(pathlib.Path(place)),
    ):
        folder = pathlib.Path(place) / path.name
        folder.mkdir()
        yield folder
        if path.exists():
            path.rename(pathlib.Path(place) / "old")
        folder.rename(path)


@contextlib.contextmanager
def _locked(place: pathlib.Path) -> Iterator[None]:
    """Hold the lock of an incomplete folder; the system releases that of the dead."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(NotImplementedError):  # a file system without locks
            held.enter_context(filelock.FileLock(place / LOCK, timeout=0))
        yield


def _remove_abandoned(parent: pathlib.Path) -> None:
    """Remove the incomplete folders whose lock nobody holds."""
    for lock in parent.glob(f"{PARTIAL}*/{LOCK}"):
        unknown = (filelock.Timeout, NotImplementedError, OSError)
        with contextlib.suppress(*unknown), filelock.FileLock(lock, timeout=0):
            shutil.rmtree(lock.parent, ignore_errors=True)


def is_address(path: str | os.PathLike) -> bool:
    """Whether this is an address such as gs://bucket/folder, of which `Path` drops a /.

    As a path it would be a folder `gs:` in the current one.
    """
    return ADDRESS.match(os.fspath(path)) is not None


def make_folder(path: pathlib.Path) -> None:
    """Make a folder and those above it.

    Raises:
        OSError: if it can't be made, or is an address.
    """
    if is_address(path):
        raise OSError(f"{path} is an address, not a path on this machine")
    path.mkdir(parents=True, exist_ok=True)


def write_text(text: str, path: pathlib.Path, lasting: bool = False) -> None:
    """Write a text file atomically; see `atomic_file`."""
    with atomic_file(path, lasting) as partial:
        # Names that are not UTF-8 come out as the bytes that they are.
        partial.write_text(text, "utf-8", "surrogateescape")


def reserve(path: pathlib.Path, size: int) -> None:
    """Make an empty file if there is room for so many bytes, else raise an OSError."""
    with path.open("wb") as file:
        if size and hasattr(os, "posix_fallocate"):  # not on macOS and Windows
            with where_supported():
                os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(0)


def is_disk_full(error: BaseException) -> bool:
    """Whether there was no room to write, on the disk or in the user's quota.

    TensorFlow, HDF5 and NumPy have errors of their own, which quote the system's.
    """
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    return any(os.strerror(number) in str(error) for number in FULL)


def disk_full_line(error: BaseException) -> str:
    """One line on such an error: where, and what to do."""
    where = getattr(error, "filename", None)
    found = re.search(r"([^\s;:'\"]+); (?:No space|Disk quota)", str(error))
    where = where or (found and found[1])
    place = f"{os.fsdecode(where)}: " if isinstance(where, str | bytes) else ""
    return f"{place}no space left on the disk; make room and run the command again"


def first_line(error: BaseException) -> str:
    """The first line of an error's text; without a text, its name."""
    return [*str(error).strip().splitlines(), repr(error)][0]


@contextlib.contextmanager
def where_supported() -> Iterator[None]:
    """Skip the rest of a block where the file system lacks an operation."""
    try:
        yield
    except OSError as error:
        if error.errno not in LACKING:
            raise


def remove_partial(folder: pathlib.Path) -> None:
    """Remove the incomplete files of a process that was killed."""
    for partial in folder.glob(PARTIAL + "*"):
        partial.unlink()


def checksum(path: pathlib.Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_dir() -> pathlib.Path:
    """The folder for what can be had again: ~/.cache/tfstargan on Linux.

    For a user without a home it is one that goes with the process.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = pathlib.Path(base) if base else pathlib.Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor an entry among the users
        folder = _passing_dir()
    return folder / "tfstargan"


@functools.cache
def _passing_dir() -> pathlib.Path:
    folder = tempfile.mkdtemp(prefix="tfstargan-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return pathlib.Path(folder)


def composed(name: str) -> str:
    """A name in Unicode's composed form (NFC), in which all spellings are one."""
    return unicodedata.normalize("NFC", name)


def safe_names(texts: Iterable[str]) -> list[str]:
    """Texts as parts of files' names: one for each, no two alike in any file system.

    What some file system doesn't take is written as %XX. Of those that differ only by
    upper and lower case, or are equal, the second gets ~2, and so on.
    """
    seen: dict[str, int] = {}
    names = []
    for text in texts:
        name = DEVICES.sub(_escape, UNSAFE.sub(_escape, composed(text)), 1)
        key = name.casefold()
        seen[key] = seen.get(key, 0) + 1
        names.append(name if seen[key] == 1 else f"{name}~{seen[key]}")
    return names


def _escape(match: re.Match) -> str:
    first, rest = match[0][0], match[0][1:]
    return "".join(f"%{byte:02X}" for byte in os.fsencode(first)) + rest


def shortened(name: str, longest: int = LONG_NAME) -> str:
    """A file's name of at most so many bytes: its end is a hash, before the suffix."""
    if len(os.fsencode(name)) <= longest:
        return name
    suffix = pathlib.PurePath(name).suffix
    suffix = suffix if len(suffix) <= 6 else ""
    end = f"~{_short_hash(name)}{suffix}"
    stem = name.removesuffix(suffix)
    while len(os.fsencode(stem + end)) > longest:
        stem = stem[:-1]
    return stem + end


def _short_hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]


def _to_disk(path: pathlib.Path, mode: int = os.O_RDONLY) -> None:
    descriptor = os.open(path, mode)
    try:
        with where_supported():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
