"""Reading images, and what networks take of them.

Networks see float32 RGB in [-1, 1]; files are uint8. Pre- and postprocessing in use
(training has `data/augment.py`) are defined here once: the largest centred square,
resized by Pillow's antialiased bilinear filter, `x / 127.5 - 1`; and back by clipping
to [-1, 1] and rounding.
"""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from tfstargan.errors import UserError
from tfstargan.images import colour, png
from tfstargan.images.orientation import TURNS, orientation

PREPROCESSING = (
    "8-bit sRGB, upright by EXIF: the upper 8 of 16 bits, an embedded ICC profile "
    "converted to sRGB, transparency on white; largest centred square; resized to "
    "img_size by an antialiased triangle (bilinear) filter; value / 127.5 - 1"
)


POSTPROCESSING = "clipped to [-1, 1]; (value + 1) * 127.5, rounded"


FORMATS = ("JPEG", "PNG", "PPM", "WEBP", "GIF", "BMP", "TIFF")


# From here on Pillow refuses to read (and warns from the half): a small file may fill
# memory.
MOST_PIXELS = 178_956_970


# Counted up when a file's pixels become others: what was made of them is made anew.
READING = 2


class UnreadableError(UserError):
    """A file that is no picture, or a broken one; `kind` is its fault in two words."""

    def __init__(self, name: str, kind: str, detail: object = ""):
        self.kind = kind
        about = f"{kind}: {detail}" if detail else kind
        super().__init__(
            f"{name}: not a readable picture; remove or replace it ({about})"
        )


def read(path: pathlib.Path, least: int = 0) -> Image.Image:
    """Return a picture as RGB, upright (EXIF orientation applied).

    Args:
        path: of the file.
        least: a side that is enough: a JPEG comes at 1/2, 1/4 or 1/8 that leaves no
            side shorter, which spares a third of its decoding; 0: at its own size.

    Raises:
        UserError: if the file is missing, no picture, or broken.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file")
    with opened(path) as image:
        return to_rgb(image, least)


def decode(file: BinaryIO, name: str, least: int = 0) -> Image.Image:
    """Return what `read` does, of an open file or bytes in memory.

    Raises:
        UserError: if it is no picture, or broken; it names it as `name`.
    """
    with decoded(file, name) as image:
        return to_rgb(image, least)


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[Image.Image]:
    """Yield the picture in a file, its pixels not yet read; see `decoded`."""
    if not path.is_file():  # a pipe or a device might never end
        kind = "a link to nothing" if path.is_symlink() else "not a file"
        raise UnreadableError(str(path), kind)
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise UnreadableError(str(path), "empty")
            with decoded(file, str(path)) as image:
                yield image
    except OSError as error:
        raise UnreadableError(
            str(path), "can't be opened", error.strerror or error
        ) from error


@contextlib.contextmanager
def decoded(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    """Yield a picture, its pixels not yet read.

    Raises:
        UnreadableError: if it is none, or anything that is done with it fails.
    """
    try:
        with _open(file) as image:
            yield image
    except colour.UnsuitableError as error:
        raise UnreadableError(name, error.kind, error.detail) from error
    except UserError:
        raise
    except UnidentifiedImageError as error:  # its message is of the file object
        raise UnreadableError(name, "not a picture", foreign(file)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableError(name, "too large", error) from error
    except Exception as error:  # of Pillow's decoders, on damaged files any is known
        raise UnreadableError(name, "damaged", error) from error


def foreign(file: BinaryIO) -> str:
    """What a file of a format that is not read is, by its first bytes; empty: unknown.

    Such files have the suffix of an image where they were renamed or downloaded.
    """
    file.seek(0)
    head = file.read(64).lstrip()
    if head[4:8] == b"ftyp":
        return "HEIC, AVIF or a video; convert it to JPEG or PNG"
    return "HTML or SVG" if head.startswith(b"<") else ""


def _open(file: BinaryIO) -> Image.Image:
    try:
        # No other formats: Pillow has Ghostscript run what is written in an EPS file.
        image = Image.open(file, formats=FORMATS)
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError(
                f"{image.width} x {image.height}, more than {MOST_PIXELS:,} pixels"
            )
        if image.format == "PNG":
            colour.fit_key(image)
            deep = colour.is_deep(image)
            image.load()  # here: texts may follow the pixels
            image.info[colour.DEEP] = deep
    except ValueError as error:
        if not png.is_too_long(error):
            raise
        file.seek(0)
        return png.open_without_text(file)
    return image


def to_rgb(image: Image.Image, least: int = 0) -> Image.Image:
    """Return an opened picture as sRGB, upright; an animation's first frame.

    Raises:
        UnsuitableError: if there is no rule for its pixels; see `colour.py`.
    """
    if least:
        image.draft(None, (least, least))
    image.load()
    turn = TURNS.get(orientation(image))
    image = colour.to_srgb(image)
    return image if turn is None else image.transpose(turn)


def square(image: Image.Image, size: int) -> Image.Image:
    """Return the largest centred square of a picture, resized to size x size."""
    side = min(image.size)
    left, top = ((length - side) // 2 for length in image.size)
    box = (left, top, left + side, top + side)
    # Cropped first: `resize(box=)` would let the pixels beside the box in.
    return image.crop(box).resize((size, size), Image.Resampling.BILINEAR)


def to_float(images: np.ndarray | Image.Image) -> np.ndarray:
    """Return uint8 images, 0 to 255, as float32 in [-1, 1]."""
    return np.asarray(images, np.float32) / 127.5 - 1.0


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Return float images, clipped to [-1, 1], as uint8, 0 to 255."""
    images = np.clip(np.asarray(images, np.float32), -1.0, 1.0)
    return np.round((images + 1.0) * 127.5).astype(np.uint8)
