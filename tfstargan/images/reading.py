"""Reading images, and the preprocessing of networks.

Networks take float32 RGB in [-1, 1]; files hold uint8. Preprocessing and postprocessing
in use (training has `data/augment.py`) are defined here once: the largest centred
square, resized by Pillow's antialiased bilinear filter, `x / 127.5 - 1`; and back by
clipping to [-1, 1] and rounding.
"""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from tfstargan.errors import UserError
from tfstargan.images import colour, heic, png
from tfstargan.images.orientation import TURNS, orientation

PREPROCESSING = (
    "8-bit sRGB, upright by EXIF: the upper 8 of 16 bits, an embedded ICC profile "
    "converted to sRGB, transparency on white; largest centred square; resized to "
    "img_size by an antialiased triangle (bilinear) filter; value / 127.5 - 1"
)
POSTPROCESSING = "clipped to [-1, 1]; (value + 1) * 127.5, rounded"
FORMATS = ("JPEG", "PNG", "PPM", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the first bytes of such a file
# A small file of more pixels may fill the memory. Pillow, too, refuses such images; it
# warns of those of half as many.
MOST_PIXELS = 178_956_970
# Increased when files are read as other pixels than before: what was made from them
# (packed data, caches) is then made again.
READING = 3


class UnreadableError(UserError):
    """A file that is broken or not an image; `kind` is the fault in two words."""

    def __init__(self, name: str, kind: str, detail: object = ""):
        self.kind = kind
        about = f"{kind}: {detail}" if detail else kind
        super().__init__(
            f"{name}: not a readable image; remove or replace it ({about})"
        )


def read(path: pathlib.Path, least: int = 0) -> Image.Image:
    """An image file as RGB, upright (EXIF orientation applied).

    Args:
        path: of the file.
        least: a side that is enough. A JPEG is decoded at 1/2, 1/4 or 1/8 if no side
            gets shorter than this, which saves a third of the time; 0: at its own size.

    Raises:
        UserError: if the file is missing, broken or not an image.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file")
    with opened(path) as image:
        return to_rgb(image, least)


def decode(file: BinaryIO, name: str, least: int = 0) -> Image.Image:
    """The same as `read`, of an open file or bytes in memory.

    Raises:
        UserError: if it is broken or not an image; the message calls it `name`.
    """
    with decoded(file, name) as image:
        return to_rgb(image, least)


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[Image.Image]:
    """Yield the image in a file, its pixels not yet read; see `decoded`."""
    with _open_file(path) as file, decoded(file, str(path)) as image:
        yield image


def content(path: pathlib.Path) -> bytes:
    """The bytes of an image file.

    Raises:
        UnreadableError: if it is empty, can't be read, or is not a file.
    """
    with _open_file(path) as file:
        return file.read()


@contextlib.contextmanager
def _open_file(path: pathlib.Path) -> Iterator[BinaryIO]:
    if not path.is_file():  # a pipe or a device might never end
        kind = "a link to nothing" if path.is_symlink() else "not a file"
        raise UnreadableError(str(path), kind)
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise UnreadableError(str(path), "empty")
            yield file
    except OSError as error:
        raise UnreadableError(
            str(path), "can't be opened", error.strerror or error
        ) from error


@contextlib.contextmanager
def decoded(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    """Yield an image, its pixels not yet read.

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
    except UnidentifiedImageError as error:  # its message names the file object
        raise UnreadableError(name, *_unidentified(file)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = f"more than {MOST_PIXELS / 1e6:.0f} megapixels; reduce it"
        raise UnreadableError(name, "too large", limit) from error
    except Exception as error:  # Pillow's decoders raise any on damaged files
        raise UnreadableError(name, "damaged", error) from error


def _unidentified(file: BinaryIO) -> tuple[str, str]:
    """The fault of a file that Pillow can't identify, and what it is.

    Files of other formats have the suffix of an image if they were renamed.
    """
    file.seek(0)
    head = file.read(64)
    if head[:4] in TIFF:
        return "a kind of TIFF that can't be read", "save it with 8 bits a channel"
    if heic.is_heic(head):
        return "HEIC", "pip install 'tfstargan[heic]', or convert it to JPEG or PNG"
    if head[4:8] == b"ftyp":
        return "not an image", "a video, or an image of another kind"
    return "not an image", "HTML or SVG" if head.lstrip().startswith(b"<") else ""


def _open(file: BinaryIO) -> Image.Image:
    try:
        image = _opened_by_pillow(file)
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
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


def _opened_by_pillow(file: BinaryIO) -> ImageFile.ImageFile:
    try:
        # No other formats: Pillow has Ghostscript run what is written in an EPS file.
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        image = heic.open_heic(file)
        if image is None:
            raise
        return image


def to_rgb(image: Image.Image, least: int = 0) -> Image.Image:
    """An opened image as sRGB, upright; an animation's first frame.

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
    """The largest centred square of an image, resized to size x size."""
    side = min(image.size)
    left, top = ((length - side) // 2 for length in image.size)
    box = (left, top, left + side, top + side)
    # Cropped first: `resize(box=)` would mix in pixels from outside the box.
    return image.crop(box).resize((size, size), Image.Resampling.BILINEAR)


def to_float(images: np.ndarray | Image.Image) -> np.ndarray:
    """uint8 images, 0 to 255, as float32 in [-1, 1]."""
    return np.asarray(images, np.float32) / 127.5 - 1.0


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Float images, clipped to [-1, 1], as uint8, 0 to 255."""
    images = np.clip(np.asarray(images, np.float32), -1.0, 1.0)
    return np.round((images + 1.0) * 127.5).astype(np.uint8)
