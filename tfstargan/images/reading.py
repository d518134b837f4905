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
from PIL import Image, ImageOps, UnidentifiedImageError

from tfstargan.errors import UserError

PREPROCESSING = (
    "RGB, upright by EXIF; largest centred square; resized to img_size by an "
    "antialiased triangle (bilinear) filter; value / 127.5 - 1"
)


POSTPROCESSING = "clipped to [-1, 1]; (value + 1) * 127.5, rounded"


EXTENSIONS = (".jpg", ".jpeg", ".png")  # in any case


FORMATS = ("JPEG", "PNG", "PPM", "WEBP", "GIF", "BMP", "TIFF")


MOST_PIXELS = 89_478_485  # from here on Pillow warns: a small file may fill memory


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
        # No other formats: Pillow has Ghostscript run what is written in an EPS file.
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError(f"{image.width} x {image.height}")
            yield image
    except UserError:
        raise
    except UnidentifiedImageError as error:  # its message is of the file object
        raise UnreadableError(name, "not a picture") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableError(name, "too large", error) from error
    except Exception as error:  # of Pillow's decoders, on damaged files any is known
        raise UnreadableError(name, "damaged", error) from error


def to_rgb(image: Image.Image, least: int = 0) -> Image.Image:
    """Return an opened picture as RGB, upright; an animation's first frame."""
    if least:
        image.draft(None, (least, least))
    # In place, and no conversion of RGB: two copies less, a third of the time.
    ImageOps.exif_transpose(image, in_place=True)
    image.load()
    if image.mode.startswith("I"):  # 16 bits, which convert() would cut off
        levels = np.asarray(image, np.float32) / 257
        image = Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")


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


def find(path: pathlib.Path) -> list[pathlib.Path]:
    """Return the picture files of a folder and those below it, or the file itself.

    Raises:
        UserError: if there is nothing, or a folder holds no picture.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if path.is_file():
        return [path]
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS)
    if not files:
        raise UserError(f"{path}: no pictures ({', '.join(EXTENSIONS)}) in this folder")
    return files
