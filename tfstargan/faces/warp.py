"""Affine warps of images with Lanczos interpolation, and padding.

Pillow's `transform` has no filter better than bicubic. The interpolation here is not
antialiased: resize first to shrink much. Points are (x, y); pixel i spans [i, i + 1].
"""

import numpy as np
from PIL import Image

LOBES = 4  # of Lanczos' kernel on each side, as OpenCV's INTER_LANCZOS4
BLUR_TRUNCATE = 4  # standard deviations at which the Gaussian ends, as SciPy's


def lanczos(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """An image warped by an affine map: the square of its first `size` pixels.

    Each pixel's centre is mapped back. The 8 x 8 pixels around that point are weighted
    by `sinc(d) sinc(d / 4)` in x and y; the weights are scaled to a sum of 1. Outside
    the image, the nearest border pixel is used.

    Args:
        image: [H, W, C] float32, any range.
        matrix: [2, 3], maps points of `image` to points of the result.
        size: side of the result.

    Returns:
        [size, size, C] float32; may exceed the range of `image` slightly.
    """
    centres = np.arange(size) + 0.5
    places = np.stack(np.meshgrid(centres, centres), axis=-1)  # [S, S, 2]
    back = np.linalg.inv(matrix[:, :2])
    places = (places - matrix[:, 2]) @ back.T - 0.5  # in pixels, from centre to centre
    taps = np.arange(1 - LOBES, LOBES + 1)
    pixels = np.floor(places)[..., None].astype(np.int64) + taps  # [S, S, 2, 8]
    distances = places[..., None] - pixels
    weights = np.sinc(distances) * np.sinc(distances / LOBES)
    weights = (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)
    x = pixels[:, :, 0].clip(0, image.shape[1] - 1)  # [S, S, 8]
    y = pixels[:, :, 1].clip(0, image.shape[0] - 1)
    result = np.zeros((size, size, image.shape[2]), np.float32)
    for i in range(
        len(taps)
    ):  # 64 gathers, one after the other: together they need too much memory
        row = np.zeros_like(result)
        for j in range(len(taps)):
            row += weights[:, :, 0, j, None] * image[y[..., i], x[..., j]]
        result += weights[:, :, 1, i, None] * row
    return result


def pad(image: np.ndarray) -> np.ndarray:
    """An image padded by half its size on each side, fading into a blur.

    The padding is `weight * mirrored + (1 - weight) * blurred`, where the weight falls
    from 1 to 0 at the new border (see `fade`). `blurred` is the mirrored image halved,
    blurred by a Gaussian (standard deviation: one pixel per whole 100 pixels of the
    shorter side) and doubled.

    Args:
        image: [H, W, C] float32, any range.

    Returns:
        [H + 2 (H // 2), W + 2 (W // 2), C] float32, in the range of `image`.
    """
    height, width = image.shape[:2]
    margins = (height // 2, height // 2), (width // 2, width // 2), (0, 0)
    mirrored = np.pad(image, margins, mode="reflect")
    rows, columns = mirrored.shape[:2]
    half = _resize(mirrored, columns // 2, rows // 2, Image.Resampling.BOX)
    half = blur(half, min(height, width) // 100)
    blurred = _resize(half, columns, rows, Image.Resampling.BILINEAR)
    return blurred + fade(rows, columns)[..., None] * (mirrored - blurred)


def fade(height: int, width: int) -> np.ndarray:
    """The weight of the mirrored image in `pad`, [H, W] in [0, 1].

    `clip(distance / (shorter side / 4), 0, 1) ** 4` with the distance, in pixels, to
    the nearest border. (The authors use the height in place of the shorter side. This
    is the same for squares, but tall images would fade inside their own borders.)
    """
    reach = min(height, width) / 4
    y, x = (
        np.minimum(np.arange(n), np.arange(n)[::-1], dtype=np.float32)
        for n in (height, width)
    )
    return (np.minimum(y[:, None], x) / reach).clip(0, 1) ** 4


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """[H, W, C] blurred by a Gaussian of `sigma` pixels, with mirrored borders."""
    radius = round(BLUR_TRUNCATE * sigma)
    if radius == 0:
        return image
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for _ in range(2):  # along the rows, then, transposed, along the columns
        wide = np.pad(image, [(radius, radius), (0, 0), (0, 0)], mode="symmetric")
        image = sum(
            (k * wide[i : i + len(image)] for i, k in enumerate(kernel)),
            start=np.zeros_like(image),
        ).swapaxes(0, 1)
    return image


def _resize(
    image: np.ndarray, width: int, height: int, filter: Image.Resampling
) -> np.ndarray:
    # Pillow resizes floating-point images one channel at a time.
    channels = (
        Image.fromarray(np.ascontiguousarray(image[..., c])).resize(
            (width, height), filter
        )
        for c in range(image.shape[2])
    )
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)
