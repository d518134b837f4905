"""Camera frames as Android delivers them (YUV_420_888), and what becomes of them.

`camera` is the content of tests/vectors/camera.json; tests/write_vectors.py writes it.
"""

import base64
import itertools

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.exported.latents import splitmix64

# width, height, wanted side: odd and even, wide and tall, enlarged, reduced, unchanged
SIZES = ((1, 1, 2), (5, 3, 3), (3, 7, 5), (16, 16, 16), (23, 40, 8), (64, 48, 20))
# How the two chroma planes are stored: after each other, or value by value.
LAYOUTS = ("planar", "nv12", "nv21")
ANGLES = (0, 90, 180, 270)


def camera() -> dict:
    """Frames, and the squares that the model gets of them."""
    cases = [
        case(width, height, side, seed, layout, padding, (90, 0, False))
        for seed, (width, height, side) in enumerate(SIZES)
        for layout, padding in zip(LAYOUTS, (0, 3, 8), strict=True)
    ]
    cases += [
        case(6, 4, 4, 100 + i, LAYOUTS[i % 3], i % 2, pose)
        for i, pose in enumerate(itertools.product(ANGLES, ANGLES, (False, True)))
    ]
    return {"cases": cases}


def case(
    width: int,
    height: int,
    side: int,
    seed: int,
    layout: str,
    padding: int,
    pose: tuple[int, int, bool],
) -> dict:
    """A frame in one layout of memory, and its square.

    Args:
        side: of the square.
        seed: of the frame's values.
        layout: one of LAYOUTS.
        padding: unused bytes at the end of a row.
        pose: the sensor's and the display's rotation in degrees, and whether it is a
            front camera.
    """
    sensor, display, front = pose
    y, u, v = planes(width, height, seed)
    upright = turned(to_rgb(y, u, v), sensor, display, front)
    square = images.square(Image.fromarray(upright), side)
    stored = [stored_plane(y, padding), *stored_chroma(u, v, layout, padding)]
    return {
        "width": width,
        "height": height,
        "sensor": sensor,
        "display": display,
        "front": front,
        "planes": [
            {
                "bytes": base64.b64encode(data).decode(),
                "row_stride": row_stride,
                "pixel_stride": pixel_stride,
            }
            for data, row_stride, pixel_stride in stored
        ],
        "img_size": side,
        "square": base64.b64encode(np.asarray(square).tobytes()).decode(),
    }


def planes(width: int, height: int, seed: int) -> list[np.ndarray]:
    """Noise; at the left the chroma is only 0 and 255, so that colors are clipped."""
    noise = splitmix64(seed)
    half = ((height + 1) // 2, (width + 1) // 2)
    found = []
    for shape in ((height, width), half, half):
        bits = itertools.islice(noise, shape[0] * shape[1])
        found.append(np.array([b & 255 for b in bits], np.uint8).reshape(shape))
    for chroma in found[1:]:
        left = chroma[:, : chroma.shape[1] // 3]
        left[:] = np.where(left < 128, 0, 255)
    return found


def to_rgb(y: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Colors of planes, BT.601 in full range, in fixed point of 16 bits; [H, W, 3]."""
    height, width = y.shape
    luma = y.astype(np.int32)
    cb, cr = (
        np.repeat(np.repeat(c, 2, 0), 2, 1)[:height, :width].astype(np.int32) - 128
        for c in (u, v)
    )
    half = 1 << 15
    rgb = (
        luma + ((91881 * cr + half) >> 16),
        luma + ((-22553 * cb - 46802 * cr + half) >> 16),
        luma + ((116130 * cb + half) >> 16),
    )
    return np.stack(rgb, -1).clip(0, 255).astype(np.uint8)


def turned(rgb: np.ndarray, sensor: int, display: int, front: bool) -> np.ndarray:
    """A frame upright on the display; that of a front camera as in a mirror."""
    clockwise = sensor + display if front else sensor - display
    upright = np.rot90(rgb, -clockwise // 90)
    return np.ascontiguousarray(upright[:, ::-1] if front else upright)


def stored_plane(plane: np.ndarray, padding: int) -> tuple[bytes, int, int]:
    """The bytes of a plane, its row stride and its pixel stride.

    The padding is not zero, to be seen where it is read; the last row has none.
    """
    height, width = plane.shape
    padded = np.full((height, width + padding), 0xAA, np.uint8)
    padded[:, :width] = plane
    data = padded.tobytes()
    return data[: len(data) - padding], width + padding, 1


def stored_chroma(
    u: np.ndarray, v: np.ndarray, layout: str, padding: int
) -> list[tuple[bytes, int, int]]:
    """Both chroma planes in a layout.

    If interleaved, they are views of the same memory: one starts a byte later, the
    other ends a byte earlier.
    """
    if layout == "planar":
        return [stored_plane(u, padding), stored_plane(v, padding)]
    first, second = (u, v) if layout == "nv12" else (v, u)
    pairs = np.stack([first, second], -1).reshape(u.shape[0], -1)
    data, stride, _ = stored_plane(pairs, padding)
    views = [(data[:-1], stride, 2), (data[1:], stride, 2)]
    return views if layout == "nv12" else views[::-1]
