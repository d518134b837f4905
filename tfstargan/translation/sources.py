"""The images that a translator is given, of any kind and size."""

import itertools
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.images.fitting import Fit, Size, cut, place
from tfstargan.images.pasting import paste
from tfstargan.translation.ahead import batched
from tfstargan.translation.aligned import origin_of, paste_face
from tfstargan.translation.fit_options import FitOptions

Item = TypeVar("Item")
# An image: a file, or RGB as PIL has it, or an array [H, W, 3], either uint8 from 0 to
# 255 or float in [-1, 1].
Source = str | os.PathLike | Image.Image | np.ndarray


class Placed(NamedTuple):
    """A source as the input of a network."""

    x: np.ndarray  # [H, W, 3] float32 in [-1, 1]
    fit: Fit  # its place on the canvas x


def listed(source: Any) -> tuple[Sequence[Source], bool]:
    """One or several images as a list, and whether it was one."""
    if isinstance(source, np.ndarray):
        return (list(source), False) if source.ndim == 4 else ([source], True)
    if isinstance(source, str | os.PathLike | Image.Image):
        return [source], True
    return list(source), False


def photograph(source: Source) -> Image.Image:
    """A source at its own size, RGB, upright; floats are rounded to 8 bits.

    Raises:
        UserError: if a file can't be read.
        ValueError: if an array is no image.
    """
    if isinstance(source, np.ndarray):
        _require_image(source)
        levels = source.dtype == np.uint8
        return Image.fromarray(source if levels else images.to_uint8(source))
    if isinstance(source, Image.Image):
        return images.to_rgb(source.copy())
    return images.read(pathlib.Path(source))


def placed(source: Source, fit_of: Callable[[Size], Fit]) -> Placed:
    """A source on its canvas. A float array that fills it is taken as it is.

    Args:
        source: the image.
        fit_of: the place of an image of a size.

    Raises:
        UserError: if a file can't be read.
        ValueError: if an array is no image.
    """
    image = photograph(source)
    fit = fit_of(image.size)
    unchanged = fit.box == (0, 0, *image.size) and fit.canvas == image.size
    if unchanged and isinstance(source, np.ndarray) and source.dtype != np.uint8:
        return Placed(np.asarray(source, np.float32), fit)
    return Placed(images.to_float(place(image, fit)), fit)


def _require_image(array: np.ndarray) -> None:
    if array.ndim != 3 or array.shape[-1] != 3:
        raise ValueError(f"an image must be [H, W, 3], got {list(array.shape)}")
    if array.dtype == np.uint8:
        return
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"an image must be uint8 or float, got {array.dtype}")
    if not np.abs(array).max(initial=0) <= 1 + 1e-3:  # nan is not
        raise ValueError("a float image must be in [-1, 1]; use uint8 for 0..255")


def in_batches(
    pairs: Iterable[tuple[Placed, Item]], batch_of: Callable[[tuple[int, ...]], int]
) -> Iterator[tuple[np.ndarray, list[tuple[Placed, Item]]]]:
    """Yield batches of sources in a row that have one size.

    Args:
        pairs: placed sources, each with anything else.
        batch_of: the largest batch of a size, [H, W, 3].

    Yields:
        The inputs [N, H, W, 3], and their pairs.
    """
    for shape, group in itertools.groupby(pairs, lambda pair: pair[0].x.shape):
        for some in batched(group, batch_of(shape)):
            yield np.stack([at.x for at, _ in some]), some


def finished(
    fake: np.ndarray, fit: Fit, source: Source, how: FitOptions
) -> Image.Image:
    """A translation as the image that the user gets.

    Args:
        fake: the translation of the canvas, [H, W, 3] uint8.
        fit: the source's place on the canvas.
        source: what was translated; it is read again to be pasted into.
        how: whether it is.

    Raises:
        UserError: if the photograph of a face is missing.
    """
    image = Image.fromarray(cut(fake, fit))
    if not how.paste:
        return image
    origin = origin_of(source) if isinstance(source, str | os.PathLike) else None
    if origin is not None:
        return paste_face(image, str(source), origin)
    return paste(photograph(source), image, fit.box)
