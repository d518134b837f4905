"""Where faces are: FAN's landmark heatmaps, masks for the generator, coordinates.

FAN (Bulat and Tzimiropoulos, arXiv:1703.07332), as Wang et al. trained it with adaptive
wing loss (arXiv:1904.07399): one hourglass, 98 landmarks. StarGAN v2 makes of its
heatmaps the masks of the generator's high-pass skips (arXiv:1912.01865, appendix), and
of its landmarks the alignment of photographs. It is used, never trained; its weights
are the authors' (`wing.ckpt`).
"""

import math
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfstargan.networks.fan import FAN, SIDE

THRESHOLD = 0.1  # what is lower in a heatmap is no landmark


class Group(NamedTuple):
    """Landmarks that enter the masks in one way.

    Each of `copies` is (rows to move up, power to raise to).
    """

    first: int
    last: int
    copies: tuple[tuple[int, int], ...] = ((0, 1),)
    fine: bool = False  # whether it is in the second mask, too


# The authors' choice, by WFLW's numbering. Whatever is in no group counts for nothing:
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
    """Return where the generator keeps a face's shape: the whole of it, eyes and nose.

    Every heatmap is enlarged to 256 x 256, cut at 0.1, scaled to [0, 1], raised to a
    power and moved; a mask is the sum of its landmarks' heatmaps, at most 1.

    Args:
        heatmaps: [B, 64, 64, 98] as of FAN; or 256 x 256, which are not enlarged.

    Returns:
        Twice [B, 256, 256, 1] in [0, 1]: of all GROUPS, and of the fine ones.
    """
    coarse, fine = 0.0, 0.0
    # Group by group: all 98 maps at 256 x 256 would be 25 MB an image, many times over.
    for group in GROUPS:
        part = _mask_of_group(heatmaps[..., group.first : group.last + 1], group)
        coarse = coarse + part
        if group.fine:
            fine = fine + part
    return ops.minimum(coarse, 1.0), ops.minimum(fine, 1.0)


def masks_of(fan: FAN, x: Any) -> tuple[Any, Any]:
    """Masks of the faces in images, [B, H, W, 3] in [-1, 1]; without a gradient."""
    return face_masks(fan(ops.stop_gradient(x)))


def _mask_of_group(heatmaps: Any, group: Group) -> Any:
    maps = enlarge(heatmaps)
    maps = ops.where(maps < THRESHOLD, 0.0, maps)
    lowest = ops.min(maps, axis=(1, 2), keepdims=True)
    highest = ops.max(maps, axis=(1, 2), keepdims=True)
    maps = (maps - lowest) / (highest - lowest + 1e-6)
    mask = 0.0
    for rows, power in group.copies:
        raised = math.prod([maps] * power)  # on phones quicker than a power
        mask = mask + roll_up(ops.sum(raised, axis=-1, keepdims=True), rows)
    return mask


def enlarge(heatmaps: Any) -> Any:
    """Return maps [B, S, S, C] at 256 x 256: bilinear, with corner upon corner.

    Resizing operations, here and in LiteRT, have pixel centres elsewhere, hence two
    products with the weights of every row (and column) in every row of the result.
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
    """Return [B, H, W, C] moved up by `rows` (down if negative), around the border."""
    return ops.concatenate([maps[:, rows:], maps[:, :rows]], axis=1)
