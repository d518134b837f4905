"""Inspection of image files: each is read once, to its end.

It finds whether a file can be used, unusual properties, the checksum, the size, and a
thumbnail for finding near-duplicates. Opening a folder inspects its files, so that a
broken one is found before the first iteration.
"""

import concurrent.futures
import hashlib
import io
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image

from tfstargan import files, images
from tfstargan.data import alike
from tfstargan.progress import Bar

REMEMBERED = 100  # files; results of fewer are not cached
SUFFIXES = {  # the formats that a name promises
    ".jpg": ("JPEG", "MPO"),
    ".jpeg": ("JPEG", "MPO"),
    ".jfif": ("JPEG",),
    ".png": ("PNG",),
    ".webp": ("WEBP",),
    ".bmp": ("BMP",),
    ".gif": ("GIF",),
    ".tif": ("TIFF",),
    ".tiff": ("TIFF",),
    ".avif": ("AVIF",),
    ".heic": ("HEIF",),
    ".heif": ("HEIF", "AVIF"),
}
State = tuple[int, int]  # of a file: its size in bytes, and when it was changed


class Seen(NamedTuple):
    """The result of inspecting a file."""

    digest: str = ""  # SHA-256 of the content
    width: int = 0
    height: int = 0  # upright
    thumbnail: str = ""  # see `alike.thumbnail`
    kinds: tuple[str, ...] = ()  # unusual properties of a file that can be used
    problem: str = ""  # the kind of the fault; empty: the file can be used
    line: str = ""  # the message: file, fault and remedy


def look(path: pathlib.Path) -> Seen:
    """Inspect an image file."""
    kinds = ["link"] if path.is_symlink() else []
    try:
        content = images.content(path)
        with images.decoded(io.BytesIO(content), str(path)) as image:
            kinds += unusual(image, path.suffix.lower())
            width, height = image.size
            # Of a JPEG, a reduced image: faster, and read to the end all the same.
            rgb = images.to_rgb(image, max(alike.SIDE, min(image.size) // 8))
            thumbnail = alike.thumbnail(rgb)
    except images.UnreadableError as error:
        return Seen(kinds=tuple(kinds), problem=error.kind, line=str(error))
    if (rgb.width < rgb.height) != (width < height):
        width, height = height, width
    digest = hashlib.sha256(content).hexdigest()
    return Seen(digest, width, height, thumbnail, tuple(kinds))


def unusual(image: Image.Image, suffix: str) -> Iterator[str]:
    """Yield the unusual properties of an opened image."""
    if image.format not in SUFFIXES.get(suffix, (image.format,)):
        yield f"{image.format} named {suffix}"
    if images.orientation(image) != 1:
        yield "turned upright by EXIF"
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        yield "animated, first frame used"
    if images.is_deep(image):
        yield "16 bits, read as 8"
    if image.mode in ("P", "PA"):
        yield "palette"
    elif image.mode in ("CMYK", "YCCK"):
        yield "CMYK"
    elif image.mode in ("L", "LA", "1"):
        yield "grey"
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        yield "transparent, laid on white"
    if kind := images.kind_of_profile(image):
        yield kind


def look_at_all(paths: Sequence[pathlib.Path]) -> Iterator[tuple[pathlib.Path, Seen]]:
    """Yield every file with its result, in order, with a bar if it takes long."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = zip(paths, pool.map(look, paths), strict=True)
        yield from Bar(
            seen,
            total=len(paths),
            desc="inspecting images",
            unit="image",
            delay=2,
            leave=False,
            dynamic_ncols=True,
        )


def scan(paths: Sequence[pathlib.Path]) -> dict[pathlib.Path, Seen]:
    """{file: result of its inspection}.

    If there are many files, the results of usable ones are kept in the cache folder,
    without `kinds`. Such a file is read again only if its size or time has changed.
    """
    if len(paths) <= REMEMBERED:
        return dict(look_at_all(paths))
    states = {path: _state(path) for path in paths}
    memory = _memory_of(paths)
    known = {
        path: Seen(*entry[1:])
        for path, entry in zip(paths, _recall(memory, paths), strict=True)
        if entry and tuple(entry[0]) == states[path]
    }
    new = dict(look_at_all([path for path in paths if path not in known]))
    seen = {path: known.get(path) or new[path] for path in paths}
    if new:
        _remember(memory, {p: (states[p], *s[:4]) for p, s in seen.items() if s.digest})
    return seen


def _memory_of(paths: Sequence[pathlib.Path]) -> pathlib.Path:
    """The cache file for these files: one for each folder."""
    folder = os.path.abspath(os.path.commonpath(paths))
    name = hashlib.sha256(os.fsencode(f"{images.READING}\n{folder}")).hexdigest()
    return files.cache_dir() / "images" / f"{name[:16]}.json"


def _recall(memory: pathlib.Path, paths: Sequence[pathlib.Path]) -> list:
    """The cached entry of each path; None if there is none."""
    try:
        found = json.loads(memory.read_text())
        entries = [found.get(os.path.abspath(path)) for path in paths]
        return [e if e is None or _is_entry(e) else None for e in entries]
    except (OSError, ValueError, AttributeError):
        return [None] * len(paths)


def _is_entry(entry: object) -> bool:
    match entry:
        case [[int(), int()], str(), int(), int(), str()]:
            return True
    return False


def _remember(memory: pathlib.Path, entries: dict[pathlib.Path, tuple]) -> None:
    text = json.dumps({os.path.abspath(path): e for path, e in entries.items()})
    try:
        files.write_text(text, memory)
    except OSError:
        pass  # they will be inspected again


def _state(path: pathlib.Path) -> State:
    """Size and time of a file; (-1, -1) if there is none."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
