"""Writing images, grids and animations, uint8 from 0 to 255."""

import math
import pathlib
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from PIL import Image

from tfstargan import files
from tfstargan.errors import UserError

PALETTE_FRAMES = 16  # of an animation, at most, from which its palette is chosen
QUALITY = 95  # of JPEG, 1 to 100; above it, files grow and pixels hardly change


def grid(rows: Sequence[Sequence[np.ndarray | None]], gap: int = 2) -> np.ndarray:
    """Images in rows and columns, as one image.

    Small images are enlarged by a whole factor to about 96 pixels, so that a grid of
    32-pixel images can be looked at.

    Args:
        rows: of [H, W, 3] uint8 images of one size; None leaves white.
        gap: pixels of white between images.

    Returns:
        [height, width, 3] uint8.
    """
    side = next(p.shape[0] for row in rows for p in row if p is not None)
    scale = max(1, 96 // side)
    cell = side * scale
    pitch = cell + gap
    columns = max(len(row) for row in rows)
    canvas = np.full((len(rows) * pitch + gap, columns * pitch + gap, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            if image is not None:
                large = image.repeat(scale, axis=0).repeat(scale, axis=1)
                top, left = gap + i * pitch, gap + j * pitch
                canvas[top : top + cell, left : left + cell] = large
    return canvas


def save(image: np.ndarray, path: pathlib.Path, quality: int = QUALITY) -> None:
    """Write one [H, W, 3] uint8 image; the folder is made, the suffix is the format.

    Args:
        image: the image.
        path: the file.
        quality: of JPEG, with colours at full resolution (4:4:4), and WebP; 1 to 100.

    Raises:
        UserError: if the suffix names no format, or the file can't be written.
    """
    try:
        with files.atomic_file(path) as partial:
            Image.fromarray(image).save(partial, quality=quality, subsampling="4:4:4")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: can't be written ({error})") from error


def save_animation(
    frames: Iterable[np.ndarray], path: pathlib.Path, milliseconds: int = 60
) -> None:
    """Write [H, W, 3] uint8 frames as an endless GIF or WebP, or as an MP4 video.

    Raises:
        UserError: if the suffix is another, the file can't be written, or MP4 is wanted
            and PyAV, which has its encoder, is not installed.
    """
    try:
        with files.atomic_file(path) as partial:
            if path.suffix == ".mp4":
                _save_mp4(frames, partial, milliseconds)
                return
            pictures = [Image.fromarray(frame) for frame in frames]
            if path.suffix == ".gif":
                pictures = in_one_palette(pictures)
            first, *others = pictures
            first.save(
                partial,
                save_all=True,
                append_images=others,
                duration=milliseconds,
                loop=0,
                quality=90,  # of WebP, as is the next
                kmax=0,  # no other key frame, or what does not move would flicker
            )
    except UserError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: can't be written ({error})") from error


def in_one_palette(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """RGB frames in the 256 colours that suit all of them.

    With a palette for each frame, what does not move would change its colour.
    """
    chosen = frames[:: math.ceil(len(frames) / PALETTE_FRAMES)]
    width, height = chosen[0].size
    together = Image.new("RGB", (width, height * len(chosen)))
    for row, frame in enumerate(chosen):
        together.paste(frame, (0, row * height))
    palette = together.quantize(256, Image.Quantize.MEDIANCUT)
    return [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]


def _save_mp4(
    frames: Iterable[np.ndarray], path: pathlib.Path, milliseconds: int
) -> None:
    try:
        import av
    except ImportError:
        raise UserError(
            f"{path}: MP4 needs PyAV (pip install 'tfstargan[video]'); GIF doesn't"
        ) from None
    with av.open(str(path), "w") as container:
        stream = None
        for frame in frames:
            # H.264 halves the resolution of colour: even sides only.
            even = np.pad(
                frame, [(0, n % 2) for n in frame.shape[:2]] + [(0, 0)], "edge"
            )
            if stream is None:
                stream = container.add_stream("libx264", Fraction(1000, milliseconds))
                stream.height, stream.width = even.shape[:2]
                stream.pix_fmt = "yuv420p"
            image = av.VideoFrame.from_ndarray(even, format="rgb24")
            container.mux(stream.encode(image))
        if stream is not None:
            container.mux(stream.encode())
