"""Moving pictures by affine maps: Lanczos interpolation, and something beyond the edge.

Pillow's `transform` has nothing finer than bicubic, hence the interpolation here; it is
plain: who shrinks much resizes first. Places are (x, y), pixel i spans [i, i + 1].
"""

import numpy as np
from PIL import Image

LOBES = 4  # of Lanczos' kernel on each side, as OpenCV's INTER_LANCZOS4
BLUR_TRUNCATE = 4  # standard deviations at which the Gaussian ends, as SciPy's


def lanczos(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Return what an affine map makes of a picture, in the square of the first pixels.

    Every pixel's centre is mapped back; around that place 8 x 8 pixels are weighted by
    `sinc(d) sinc(d / 4)` in x and y, the weights scaled to a sum of 1. What lies
    outside the picture is its nearest border pixel.

    Args:
        image: [H, W, C] float32, any range.
        matrix: [2, 3], of the map from places in `image` to places in the result.
        size: side of the result.

    Returns:
        [size, size, C] float32; may leave the range of `image` a little.
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
    for i in range(len(taps)):  # 64 gathers: all at once would take much memory
        row = np.zeros_like(result)
        for j in range(len(taps)):
            row += weights[:, :, 0, j, None] * image[y[..., i], x[..., j]]
        result += weights[:, :, 1, i, None] * row
    return result


def pad(image: np.ndarray) -> np.ndarray:
    """Return a picture with half its size more on each side, fading into a blur.

    Beyond the border the picture is mirrored: `weight * mirrored + (1 - weight) *
    blurred`, the weight falling from 1 to 0 at the new border (see `fade`). `blurred`
    is the mirrored picture halved, blurred by a Gaussian (standard deviation: one
    pixel for every whole 100 of the shorter side) and doubled.

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
    """Return the share of the picture in what `pad` gives, [H, W] in [0, 1].

    `clip(distance / (shorter side / 4), 0, 1) ** 4` with the distance, in pixels, to
    the nearest border. (For the authors the height takes the part of the shorter side:
    the same for squares, but tall pictures would fade inside their true borders.)
    """
    reach = min(height, width) / 4
    y, x = (
        np.minimum(np.arange(n), np.arange(n)[::-1], dtype=np.float32)
        for n in (height, width)
    )
    return (np.minimum(y[:, None], x) / reach).clip(0, 1) ** 4


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return [H, W, C] blurred by a Gaussian of `sigma` pixels, the border mirrored."""
    radius = round(BLUR_TRUNCATE * sigma)
    if radius == 0:
        return image
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for _ in range(2):  # down the rows, then, turned, down the columns
        wide = np.pad(image, [(radius, radius), (0, 0), (0, 0)], mode="symmetric")
        image = sum(
            (k * wide[i : i + len(image)] for i, k in enumerate(kernel)),
            start=np.zeros_like(image),
        ).swapaxes(0, 1)
    return image


def _resize(
    image: np.ndarray, width: int, height: int, filter: Image.Resampling
) -> np.ndarray:
    # Pillow resizes floating-point pictures one channel at a time.
    channels = (
        Image.fromarray(np.ascontiguousarray(image[..., c])).resize(
            (width, height), filter
        )
        for c in range(image.shape[2])
    )
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)
