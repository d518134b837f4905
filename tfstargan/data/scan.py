"""What picture files are like, each read to its end.

Training looks when it opens a folder, so that nothing breaks in mid-run.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image

from tfstargan import files, images
from tfstargan.progress import Bar

REMEMBERED = 1000  # files; fewer are looked at each time
SUFFIXES = {  # what a name promises
    ".jpg": ("JPEG", "MPO"),
    ".jpeg": ("JPEG", "MPO"),
    ".jfif": ("JPEG",),
    ".png": ("PNG",),
    ".webp": ("WEBP",),
    ".bmp": ("BMP",),
    ".gif": ("GIF",),
    ".tif": ("TIFF",),
    ".tiff": ("TIFF",),
}


class Seen(NamedTuple):
    """What there is to say of a file."""

    kinds: tuple[str, ...]  # what is unusual; all of it can be used
    problem: str = ""  # why it can't be; its kind
    line: str = ""  # the same, with the file's name and what to do


def look(path: pathlib.Path) -> Seen:
    """Return what a picture file is like."""
    kinds = ["link"] if path.is_symlink() else []
    try:
        with images.opened(path) as image:
            kinds += unusual(image, path.suffix.lower())
            # A JPEG, from the second side that it allows, at an eighth: faster.
            images.to_rgb(image, max(1, min(image.size) // 8))
    except images.UnreadableError as error:
        return Seen(tuple(kinds), error.kind, str(error))
    return Seen(tuple(kinds))


def unusual(image: Image.Image, suffix: str) -> Iterator[str]:
    """Yield the kinds of an opened picture."""
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
    """Yield every file and what it is like, in order, with a bar if it takes long."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = zip(paths, pool.map(look, paths), strict=True)
        yield from Bar(
            seen,
            total=len(paths),
            desc="looking at pictures",
            unit="picture",
            delay=2,
            leave=False,
            dynamic_ncols=True,
        )


def broken(paths: Sequence[pathlib.Path]) -> dict[pathlib.Path, str]:
    """Return the files that can't be used, each with a line that says why.

    Of many files those that were good are remembered, and not looked at again until
    their size or time changes.
    """
    if len(paths) <= REMEMBERED:
        return {path: seen.line for path, seen in look_at_all(paths) if seen.problem}
    states = {path: _state(path) for path in paths}
    names = "\n".join([str(images.READING), *(str(p.absolute()) for p in paths)])
    key = hashlib.sha256(os.fsencode(names)).hexdigest()[:16]
    memory = files.cache_dir() / "pictures" / f"{key}.json"
    try:
        known = set(map(tuple, json.loads(memory.read_text())))
    except (OSError, ValueError, TypeError):
        known = set()
    new = [path for path in paths if (str(path), *states[path]) not in known]
    found = {path: seen.line for path, seen in look_at_all(new) if seen.problem}
    good = [(str(path), *states[path]) for path in paths if path not in found]
    if new:
        try:
            files.write_text(json.dumps(good), memory)
        except OSError:
            pass  # looked at again, then
    return found


def _state(path: pathlib.Path) -> tuple[int, int]:
    """Return what changes with a file; of one that isn't there, what none has."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
