"""Alignment of a face: the similarity of its landmarks, the warp, and plausibility.

The method is StarGAN v2's for CelebA-HQ, with NumPy and Pillow only. Points are (x, y)
to the right and down, in pixels; pixel i spans [i, i + 1], as in `networks/fan.py`.
(OpenCV's warps count from pixel centres; there, a face enlarged by s is shifted by
(s - 1) / 2 pixels.)
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from tfstargan.faces import MIN_PEAK, warp
from tfstargan.networks.fan import SIDE

# Points by WFLW's numbering; left and right as seen by the viewer.
LEFT_EYE = [*range(60, 68), 96]
RIGHT_EYE = [*range(68, 76), 97]
MOUTH = [76, 82]  # its ends
ANCHORS = [96, 97, 76, 82]  # pupils and ends of the mouth; they determine the scale

# Bounds of a plausible face, chosen to exclude what is clearly none.
SCALES = (0.5, 2.0)  # of the face, from the 256 x 256 view to the average face
MAX_MISFIT = 0.15  # mean distance of its points from the average face's, of the side


class Face(NamedTuple):
    """The face that FAN finds in the 256 x 256 view of a photograph."""

    points: np.ndarray  # [98, 2], (x, y) in pixels of the view
    peak: float  # mean of the heatmaps' maxima


def axis(points: np.ndarray) -> np.ndarray:
    """The direction from a face's left to its right, a unit vector (x, y).

    `(right eye - left eye) - rot(eyes - mouth)` with `rot(x, y) = (y, -x)`: along the
    eyes, and perpendicular to the line from the eyes to the mouth.

    Args:
        points: [98, 2], (x, y).
    """
    left, right, mouth = (
        points[group].mean(axis=0) for group in (LEFT_EYE, RIGHT_EYE, MOUTH)
    )
    x, y = (left + right) / 2 - mouth
    across = right - left - np.array([y, -x])
    return across / np.hypot(*across)


def similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity transform of one face onto another, as a matrix.

    It maps the mean of all points to the other mean, and `axis` to `axis`. The scale is
    the mean ratio of the distances of pupils and ends of the mouth to those means.

    Args:
        points: [98, 2], (x, y), of the face.
        target: [98, 2], (x, y), of the other.

    Returns:
        [2, 3]: `matrix[:, :2] @ (x, y) + matrix[:, 2]`.
    """
    centre, target_centre = points.mean(axis=0), target.mean(axis=0)
    scale = np.mean(
        np.linalg.norm(target[ANCHORS] - target_centre, axis=1)
        / np.linalg.norm(points[ANCHORS] - centre, axis=1)
    )
    (a, b), (c, d) = axis(points), axis(target)
    cosine, sine = a * c + b * d, a * d - b * c
    turn = scale * np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, target_centre - turn @ centre])


def scale_of(matrix: np.ndarray) -> float:
    """The scale of a similarity transform."""
    return float(np.hypot(*matrix[:, 0]))


def in_photograph(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Points of the 256 x 256 view as points of the photograph, in its pixels."""
    side = min(width, height)
    corner = [(length - side) // 2 for length in (width, height)]  # see images.square
    return points * (side / SIDE) + corner


def align(
    photograph: Image.Image,
    points: np.ndarray,
    mean_landmarks: np.ndarray,
    size: int,
) -> np.ndarray:
    """The face of a photograph, aligned as in CelebA-HQ.

    The photograph is reduced to a shorter side of `size`, but not so far that the face
    gets smaller than in the result. It is padded (see `warp.pad`) and transformed by
    `similarity`.

    Args:
        photograph: RGB, upright.
        points: [98, 2], its landmarks (x, y) in pixels of the photograph.
        mean_landmarks: [98, 2], the average face's in an image of 256 x 256.
        size: side of the result.

    Returns:
        [size, size, 3] uint8.
    """
    reduction, matrix = _steps(photograph.size, points, mean_landmarks, size)
    reduced = photograph.resize(reduction, Image.Resampling.BILINEAR)
    padded = warp.pad(np.asarray(reduced, np.float32))
    moved = warp.lanczos(padded, matrix, size)
    return np.round(moved).clip(0, 255).astype(np.uint8)


def map_of(
    photograph: tuple[int, int],
    points: np.ndarray,
    mean_landmarks: np.ndarray,
    size: int,
) -> np.ndarray:
    """The map by which `align` takes a face from a photograph, [2, 3].

    Args:
        photograph: its size, (width, height).
        points: [98, 2], see `align`.
        mean_landmarks: [98, 2], see `align`.
        size: side of the face.

    Returns:
        From points of the photograph, in pixels, to points of the face, in shares of
        its side.
    """
    reduction, matrix = _steps(photograph, points, mean_landmarks, size)
    turn = matrix[:, :2] * np.divide(reduction, photograph)
    shift = matrix[:, :2] @ _padding(reduction) + matrix[:, 2]
    return np.column_stack([turn, shift]) / size


def _steps(
    photograph: tuple[int, int],
    points: np.ndarray,
    mean_landmarks: np.ndarray,
    size: int,
) -> tuple[tuple[int, int], np.ndarray]:
    """The size to which a photograph is reduced, and the map of it, padded."""
    target = mean_landmarks * (size / SIDE)
    needed = max(size / min(photograph), scale_of(similarity(points, target)))
    width, height = (round(n * min(1, needed)) for n in photograph)
    points = points * np.divide((width, height), photograph)
    points += _padding((width, height))
    return (width, height), similarity(points, target)


def _padding(size: tuple[int, int]) -> tuple[int, int]:
    """What `warp.pad` adds at the left and at the top."""
    return size[0] // 2, size[1] // 2


def flaw(face: Face, mean_landmarks: np.ndarray, min_peak: float = MIN_PEAK) -> str:
    """The reason why a face is not plausible; empty if it is plausible.

    The heatmaps must be high, the face upright (eyes above the mouth, the left one at
    the left) and of half to twice the usual size; its aligned points must be near those
    of the average face.
    """
    if not face.peak >= min_peak:
        return f"landmarks are faint: {face.peak:.2f} of 1, less than {min_peak:g}"
    left, right, mouth = (
        face.points[group].mean(axis=0) for group in (LEFT_EYE, RIGHT_EYE, MOUTH)
    )
    if not (left[0] < right[0] and (left[1] + right[1]) / 2 < mouth[1]):
        return "not upright: eyes are not above the mouth, left one at the left"
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # an anchor may be at the centre
        matrix = similarity(face.points, mean_landmarks)
    scale = scale_of(matrix)
    if not SCALES[0] <= scale <= SCALES[1]:
        size = "small" if scale > 1 else "large"
        return f"face too {size}: {1 / scale:.2f} of the usual size in the view"
    aligned = face.points @ matrix[:, :2].T + matrix[:, 2]
    misfit = np.linalg.norm(aligned - mean_landmarks, axis=1).mean() / SIDE
    if not misfit <= MAX_MISFIT:
        return f"not the shape of a face: points lie {misfit:.2f} of the side away"
    return ""
