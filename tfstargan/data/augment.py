"""The reference's augmentation: a random crop, a resize, a mirror image.

With `crop_probability`, a crop of 0.8 to 1.0 of the area with an aspect ratio of 0.9 to
1.1 is taken. The image is resized to a square (antialiased, by Pillow), and mirrored
with `flip_probability`. As in the authors' code, an image that is not square is
squeezed, unless the image set makes it square in another way (`image_set.squared`). An
image that is not cropped is the same each time, so that an image set may keep it.
"""

import math

import numpy as np
from PIL import ImageOps

from tfstargan.data.image_set import ImageSet, squeeze

AREA = (0.8, 1.0)
ASPECT = (0.9, 1.1)
TRIES = 10
Box = tuple[int, int, int, int]  # left, top, right, bottom


def random_box(width: int, height: int, rng: np.random.Generator) -> Box:
    """A random crop; the largest centred one if none fits in ten tries."""
    for _ in range(TRIES):
        area = width * height * rng.uniform(*AREA)
        aspect = math.exp(rng.uniform(*np.log(ASPECT)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left = int(rng.integers(width - w + 1))
            top = int(rng.integers(height - h + 1))
            return left, top, left + w, top + h
    w = min(width, round(height * ASPECT[1]))
    h = min(height, round(width / ASPECT[0]))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def augment(
    image_set: ImageSet,
    domain: int,
    index: int,
    size: int,
    rng: np.random.Generator,
    crop_probability: float = 0.5,
    flip_probability: float = 0.5,
    least: int = 0,
) -> np.ndarray:
    """An image, randomly cropped and mirrored, as [size, size, 3] uint8.

    `least` is a side of the whole image that is enough; see `images.read`.
    """
    if rng.random() < crop_probability:
        image = image_set.image(domain, index, least)
        image = squeeze(image.crop(random_box(*image.size, rng)), size)
    else:
        image = image_set.squeezed(domain, index, size, least)
    if rng.random() < flip_probability:
        image = ImageOps.mirror(image)  # takes a tenth of NumPy's time
    return np.asarray(image)
