"""Putting a part of an image back into it, with a feathered border.

Points are (x, y) to the right and down; pixel i spans [i, i + 1].
"""

import numpy as np
from PIL import Image

from tfstargan.images.fitting import Box, Size

FEATHER = 1 / 8  # of the part's shorter side: where it fades into the photograph
LARGEST = 4  # times as large as the photograph may a part of it be
Edges = tuple[bool, bool, bool, bool]  # left, top, right, bottom
ALL_EDGES: Edges = (True, True, True, True)


def feather(size: Size, edges: Edges = ALL_EDGES) -> Image.Image:
    """The opacity of a part of an image, mode L: 0 at the edges, 255 inside.

    Args:
        size: of the part.
        edges: at which of them it fades.
    """
    reach = max(1.0, FEATHER * min(size))
    across, down = (
        _ramp(length, reach, first, last)
        for length, first, last in zip(size, edges[:2], edges[2:], strict=True)
    )
    return Image.fromarray(np.rint(255 * down[:, None] * across).astype(np.uint8))


def _ramp(length: int, reach: float, first: bool, last: bool) -> np.ndarray:
    """Weights in [0, 1] along a side: a smooth step from each feathered end."""
    place = np.arange(length) + 0.5
    distance = np.full(length, reach)
    if first:
        distance = np.minimum(distance, place)
    if last:
        distance = np.minimum(distance, length - place)
    t = distance / reach
    return t * t * (3 - 2 * t)


def paste(photograph: Image.Image, part: Image.Image, box: Box) -> Image.Image:
    """A photograph with a part of it replaced.

    The part fades into the photograph at its edges, but for those that are the
    photograph's own.

    Args:
        photograph: RGB.
        part: RGB, of any size; it is resized to the box (bicubic).
        box: of the photograph.
    """
    left, top, right, bottom = box
    width, height = photograph.size
    size = right - left, bottom - top
    edges = left > 0, top > 0, right < width, bottom < height
    result = photograph.copy()
    resized = part.resize(size, Image.Resampling.BICUBIC)
    result.paste(resized, (left, top), feather(size, edges))
    return result


def paste_mapped(
    photograph: Image.Image, part: Image.Image, matrix: np.ndarray
) -> Image.Image:
    """A photograph with a part of it replaced that was cut from it by an affine map.

    The part fades at all edges. What of it lies outside the photograph is dropped.

    Args:
        photograph: RGB.
        part: RGB, of any size.
        matrix: [2, 3], maps points of the photograph to points of the part.

    Raises:
        ValueError: if the matrix has no inverse.
    """
    part, matrix = _resized(part, matrix, photograph.size)
    box = _bounds(part.size, matrix, photograph.size)
    size = box[2] - box[0], box[3] - box[1]
    if min(size) <= 0:
        return photograph.copy()
    shift = matrix[:, :2] @ box[:2] + matrix[:, 2]
    data = tuple(np.column_stack([matrix[:, :2], shift]).reshape(-1).tolist())
    moved, opacity = (
        image.transform(
            size, Image.Transform.AFFINE, data, resample=Image.Resampling.BICUBIC
        )
        for image in (part, feather(part.size))
    )
    result = photograph.copy()
    result.paste(moved, box[:2], opacity)
    return result


def _resized(
    part: Image.Image, matrix: np.ndarray, photograph: Size
) -> tuple[Image.Image, np.ndarray]:
    """A part at the resolution of the photograph (bicubic), and its map.

    `Image.transform` does not average the pixels of an image that it reduces, and has a
    sharper filter.
    """
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))  # part's pixels per pixel
    # A face that is much larger than its photograph is no face.
    scale = max(scale, max(part.size) / (LARGEST * max(photograph)))
    width, height = (max(1, round(length / scale)) for length in part.size)
    factors = np.divide((width, height), part.size)
    resized = part.resize((width, height), Image.Resampling.BICUBIC)
    return resized, matrix * factors[:, None]


def _bounds(part: Size, matrix: np.ndarray, photograph: Size) -> Box:
    """The box of the photograph in which a part lies."""
    try:
        back = np.linalg.inv(matrix[:, :2])
    except np.linalg.LinAlgError as error:
        raise ValueError("a map without an inverse") from error
    corners = np.array([(0, 0), (part[0], 0), (0, part[1]), part])
    places = (corners - matrix[:, 2]) @ back.T
    low = np.floor(places.min(axis=0)).clip(0, photograph).astype(int)
    high = np.ceil(places.max(axis=0)).clip(0, photograph).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
