"""Finding the image files of a folder and those below it: one rule for every command.

- Links to files and folders are followed. A link back to a folder that it lies in is
  skipped.
- Hidden files and folders (a name that begins with a dot: `.ipynb_checkpoints`,
  AppleDouble's `._a.jpg`) and those of systems (`__MACOSX`, `@eaDir`, ...) are skipped.
- Files are images by their suffix, in any case.

Files and folders that are skipped are kept in a list, to be counted and named.
"""

import collections
import os
import pathlib
from collections.abc import Iterator, Set

from tfstargan.errors import UserError
from tfstargan.images import heic

# One list for data folders, sources, references and packing.
EXTENSIONS = (
    ".jpg",
    ".jpeg",
    ".jfif",
    ".png",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".avif",
    *heic.EXTENSIONS,
)

# Folders in which systems and devices keep thumbnails, copies and deleted files.
SYSTEM_FOLDERS = frozenset(
    (
        "__macosx",
        "@eadir",
        "@tmp",
        "@recycle",
        "@recently-snapshot",
        "@__thumb",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "lost+found",
        "__pycache__",
    )
)
LOOP = "links back to a folder that it is in"
HIDDEN = "hidden or of the system"
UNLISTED = "folders that can't be listed"
DANGLING = "links to nothing"


def is_ours(name: str) -> bool:
    """Whether the name of a file or folder is neither hidden nor a system's."""
    return not name.startswith(".") and name.lower() not in SYSTEM_FOLDERS


def is_image(name: str) -> bool:
    """Whether a file's name says that it is an image."""
    return name.lower().endswith(EXTENSIONS)


class Found:
    """The image files of a folder, and the files that are skipped.

    Attributes:
        files: the images, sorted by path.
        skipped: files and folders that were skipped, by the reason.
        folders: (device, inode) of every folder that was listed.
    """

    def __init__(self) -> None:
        self.files: list[pathlib.Path] = []
        self.skipped: dict[str, list[pathlib.Path]] = collections.defaultdict(list)
        self.folders: set[tuple[int, int]] = set()

    def add(self, other: "Found") -> None:
        """Add the files of another folder."""
        self.files += other.files
        self.folders |= other.folders
        for reason, paths in other.skipped.items():
            self.skipped[reason] += paths

    def enter(self, folder: pathlib.Path) -> None:
        """Note that a folder was listed."""
        identity = _identity(folder)
        if identity:
            self.folders.add(identity)

    def counts(self) -> Iterator[str]:
        """Yield a line for each reason: the count, and the first names."""
        for reason, paths in sorted(self.skipped.items()):
            names = list(dict.fromkeys(path.name for path in paths))
            more = ", ..." if len(names) > 3 else ""
            yield f"{len(paths)} {reason} ({', '.join(names[:3])}{more})"

    def told(self) -> str:
        """A line about the files that were skipped; empty if there are none."""
        counts = "; ".join(self.counts())
        return f"skipped: {counts}" if counts else ""

    def holds(self, path: pathlib.Path) -> bool:
        """Whether a path, which need not exist, lies in one of these folders."""
        real = path.resolve()
        return any(_identity(p) in self.folders for p in (real, *real.parents))


def walk(folder: pathlib.Path, inside: pathlib.Path | None = None) -> Found:
    """The image files of a folder and those below it; see the top of this file.

    Args:
        folder: where to begin.
        inside: a folder above, to which a link back is skipped.
    """
    found = Found()
    _walk(folder, found, frozenset() if inside is None else {_identity(inside)})
    found.files.sort()
    return found


def _walk(folder: pathlib.Path, found: Found, above: Set) -> None:
    identity = _identity(folder)
    if identity in above:
        found.skipped[LOOP].append(folder)
        return
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError:
        found.skipped[UNLISTED].append(folder)
        return
    found.enter(folder)
    above = above | {identity}
    for name, is_folder in names:
        path = folder / name
        if not is_ours(name):
            found.skipped[HIDDEN].append(path)
        elif is_folder:
            before = len(found.files)
            _walk(path, found, above)
            if is_image(name) and len(found.files) == before:
                found.files.append(path)  # to be reported: it is no file
        elif is_image(name):
            found.files.append(path)
        elif path.is_symlink() and not path.exists():
            found.skipped[DANGLING].append(path)
        else:
            found.skipped[_no_image(path)].append(path)


def _no_image(path: pathlib.Path) -> str:
    return f"named {path.suffix.lower()}" if path.suffix else "without a suffix"


def _identity(path: pathlib.Path) -> tuple[int, int] | None:
    """What identifies a folder, whatever its path; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def find(path: pathlib.Path) -> Found:
    """The image files of a folder and those below it, or the file itself.

    Raises:
        UserError: if there is nothing, or a folder holds no image.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if not path.is_dir():
        found = Found()
        found.files.append(path)
        return found
    found = walk(path)
    if not found.files:
        raise UserError(no_images(path, found))
    return found


def no_images(path: pathlib.Path, found: Found) -> str:
    """The message about a folder without images."""
    told = f"; {found.told()}" if found.skipped else ""
    return f"{path}: no images ({', '.join(EXTENSIONS)}) in this folder{told}"


def require_outside(
    out: str | os.PathLike, found: Found, source: str, flag: str = "--out"
) -> None:
    """Raise a UserError if written images would be read as input the next time.

    Args:
        out: folder to write to.
        found: the files of the source.
        source: its flag and value, as "--source=photos".
        flag: that of `out`.
    """
    if found.holds(pathlib.Path(out)):
        raise UserError(
            f"{flag}={out}: lies in {source}, where it would be read as input the next "
            "time; name a folder outside of it"
        )
