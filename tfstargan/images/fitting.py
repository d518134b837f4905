"""Geometry: how an image of any size becomes the input of a network, and the way back.

A `Fit` says which box of an image is used, to which size it is resized, and how large a
canvas is filled around it by reflection. There are three rules:

- `crop`: the largest centred square.
- `pad`: the whole image, its longer side the network's size, on a square canvas.
- `whole`: the whole image, its shorter side the network's size, on a canvas whose sides
  are multiples of 32. No image is squeezed to a multiple: the canvas is larger.

Sizes are (width, height) and boxes (left, top, right, bottom) in pixels, as in Pillow.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

FITS = ("crop", "pad", "whole")
MULTIPLE = 32  # of the sides of a canvas of `whole`
Size = tuple[int, int]
Box = tuple[int, int, int, int]


class Fit(NamedTuple):
    """The place of an image on a canvas."""

    box: Box  # of the image: what is used of it
    scaled: Size  # the box, resized
    canvas: Size  # the network's input: the resized box in its middle

    @property
    def inside(self) -> Box:
        """The box of the canvas that holds the image."""
        return centred(self.scaled, self.canvas)


def centred(inner: Size, outer: Size) -> Box:
    """The box of a size in the middle of another size."""
    left, top = ((long - short) // 2 for long, short in zip(outer, inner, strict=True))
    return left, top, left + inner[0], top + inner[1]


def crop(size: Size, side: int) -> Fit:
    """The largest centred square of an image, resized to side x side."""
    square = min(size), min(size)
    return Fit(centred(square, size), (side, side), (side, side))


def pad(size: Size, side: int) -> Fit:
    """An image with a longer side of `side`, in the middle of side x side."""
    return Fit((0, 0, *size), _scaled(size, side / max(size)), (side, side))


def whole(size: Size, side: int, multiple: int = MULTIPLE) -> Fit:
    """An image with a shorter side of `side`, on a canvas of multiples."""
    width, height = _scaled(size, side / min(size))
    canvas = _up(width, multiple), _up(height, multiple)
    return Fit((0, 0, *size), (width, height), canvas)


def fit(rule: str, size: Size, side: int, multiple: int = MULTIPLE) -> Fit:
    """The place of an image by one of FITS.

    Args:
        rule: "crop", "pad" or "whole".
        size: of the image.
        side: of the network's images; of "whole" the shorter side.
        multiple: of "whole".
    """
    if rule == "whole":
        return whole(size, side, multiple)
    return {"crop": crop, "pad": pad}[rule](size, side)


def _scaled(size: Size, factor: float) -> Size:
    width, height = (max(1, round(length * factor)) for length in size)
    return width, height


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple


def place(image: Image.Image, fit: Fit) -> Image.Image:
    """An image on its canvas, resized by Pillow's antialiased bilinear filter."""
    if fit.box != (0, 0, *image.size):
        # Cropped first: `resize(box=)` would mix in pixels from outside the box.
        image = image.crop(fit.box)
    image = image.resize(fit.scaled, Image.Resampling.BILINEAR)
    return image if fit.scaled == fit.canvas else reflect(image, fit.canvas)


def reflect(image: Image.Image, canvas: Size) -> Image.Image:
    """An RGB image in the middle of a canvas, reflected at its borders.

    The pixels at a border are not repeated. Where an image is narrower than the space
    beside it, it is reflected several times.
    """
    left, top, right, bottom = centred(image.size, canvas)
    margins = (top, canvas[1] - bottom), (left, canvas[0] - right), (0, 0)
    return Image.fromarray(np.pad(np.asarray(image), margins, mode="reflect"))


def cut(canvas: np.ndarray, fit: Fit) -> np.ndarray:
    """The image on a canvas [..., H, W, C], without what was added around it."""
    left, top, right, bottom = fit.inside
    return canvas[..., top:bottom, left:right, :]
