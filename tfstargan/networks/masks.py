"""Masks of faces for the generator's high-pass skips, made from FAN's heatmaps.

Choi et al., arXiv:1912.01865, appendix. Where a mask is 1, the generator keeps the
shape of the source. Landmarks, powers and shifts are those of the authors' code.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfstargan.networks.fan import FAN, SIDE

# Lower values of a heatmap are set to 0. Heatmaps differ from the authors' by rounding
# in the convolutions (5e-6 with XLA, 9e-6 with oneDNN), so a value beside the threshold
# may fall on its other side. In `enlarge` the authors' order rounds no less.
THRESHOLD = 0.1


class Group(NamedTuple):
    """Landmarks, numbered as in WFLW, that are treated alike in the masks.

    Attributes:
        first: the first landmark.
        last: the last one.
        copies: (rows to move up, power to raise to) for each copy that is added.
        fine: whether the group is also in the second mask.
    """

    first: int
    last: int
    copies: tuple[tuple[int, int], ...] = ((0, 1),)
    fine: bool = False


# The authors' choice. Landmarks in no group are not used:
# 0-7 and 25-32 (sides of the face), 33, 46 (outer ends of the eyebrows), 76, 82
# (corners of the mouth).
GROUPS = (
    Group(8, 24, ((0, 3),)),  # chin
    Group(34, 45, ((-7, 2),)),  # eyebrows
    Group(47, 50, ((-7, 2),)),
    Group(51, 51, fine=True),  # bridge of the nose
    Group(52, 54, ((4, 1),), fine=True),
    Group(55, 59, ((8, 4),), fine=True),  # nostrils
    Group(60, 75, ((-8, 3), (-24, 1)), fine=True),  # eyes, and below them
    Group(77, 81, ((-8, 4),)),  # upper lip
    Group(83, 87, ((8, 4),)),  # lower lip
    Group(88, 95, ((-2, 3),)),  # inner lip
    Group(96, 97, fine=True),  # pupils
)


def face_masks(heatmaps: Any) -> tuple[Any, Any]:
    """Masks of a whole face, and of its eyes and nose.

    Every heatmap is enlarged to 256 x 256; values below 0.1 are set to 0; it is scaled
    to [0, 1], raised to a power and moved. A mask is the sum of its landmarks'
    heatmaps, at most 1.

    Args:
        heatmaps: [B, 64, 64, 98], the output of FAN; maps of 256 x 256 are not
            enlarged.

    Returns:
        Two masks [B, 256, 256, 1] in [0, 1]: of all GROUPS, and of the fine ones.
    """
    coarse, fine = 0.0, 0.0
    # Group by group: all 98 maps at 256 x 256 are 25 MB per image, for every copy.
    for group in GROUPS:
        part = _mask_of_group(heatmaps[..., group.first : group.last + 1], group)
        coarse = coarse + part
        if group.fine:
            fine = fine + part
    return ops.minimum(coarse, 1.0), ops.minimum(fine, 1.0)


def masks_of(fan: FAN, x: Any) -> tuple[Any, Any]:
    """`face_masks` of images [B, H, W, 3] in [-1, 1]; without a gradient."""
    return face_masks(fan(ops.stop_gradient(x)))


def _mask_of_group(heatmaps: Any, group: Group) -> Any:
    maps = enlarge(heatmaps)
    maps = ops.where(maps < THRESHOLD, 0.0, maps)
    lowest = ops.min(maps, axis=(1, 2), keepdims=True)
    highest = ops.max(maps, axis=(1, 2), keepdims=True)
    maps = (maps - lowest) / (highest - lowest + 1e-6)
    mask = 0.0
    for rows, power in group.copies:
        raised = math.prod([maps] * power)  # faster than a power on phones
        mask = mask + roll_up(ops.sum(raised, axis=-1, keepdims=True), rows)
    return mask


def enlarge(heatmaps: Any) -> Any:
    """Maps [B, S, S, C] resized to 256 x 256: bilinear, with aligned corners.

    The resizing operations of Keras and LiteRT do not align corners. Two matrix
    products apply the weights of rows, then of columns, in the result.
    """
    side = heatmaps.shape[1]
    if side == SIDE:
        return heatmaps
    places = np.linspace(0, side - 1, SIDE)
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(side)), 0)
    weights = ops.cast(weights, heatmaps.dtype)  # [256, S]
    count = heatmaps.shape[3]
    tall = ops.matmul(weights, ops.reshape(heatmaps, (-1, side, side * count)))
    return ops.matmul(weights, ops.reshape(tall, (-1, SIDE, side, count)))


def roll_up(maps: Any, rows: int) -> Any:
    """Maps [B, H, W, C] moved up cyclically by `rows` (down if negative)."""
    return ops.concatenate([maps[:, rows:], maps[:, :rows]], axis=1)
