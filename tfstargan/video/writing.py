"""Writing clips: frames are encoded, the sound of another clip is carried over."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfstargan import files
from tfstargan.errors import UserError
from tfstargan.video.clip import Clip, pyav
from tfstargan.video.sound import Sound

# What a file's suffix stands for: FFmpeg's container, the encoders of frames and sound.
FORMATS = {
    ".mp4": ("mp4", "libx264", "aac"),
    ".m4v": ("mp4", "libx264", "aac"),
    ".mov": ("mov", "libx264", "aac"),
    ".mkv": ("matroska", "libx264", "aac"),
    ".webm": ("webm", "libvpx-vp9", "libopus"),
}
QUALITY = {  # of an encoder: nearly that of its input
    "libx264": {"crf": "18", "preset": "medium"},
    "libvpx-vp9": {"crf": "24", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
}
BT709 = 1  # primaries, transfer function and matrix, ITU-T H.273
LIMITED = 1  # 16 to 235, as players expect


class Writer:
    """Encodes frames into an open container; see `writing`.

    Args:
        container: PyAV's, open for writing.
        clip: whose timestamps and sound are kept.
        encoders: of frames and of sound.
    """

    def __init__(self, container: Any, clip: Clip, encoders: tuple[str, str]):
        self.container = container
        self.clip = clip
        self.av = pyav(clip.path)
        encoder, of_sound = encoders
        self.stream = container.add_stream(encoder, clip.rate, options=QUALITY[encoder])
        self.stream.pix_fmt = "yuv420p"
        context = self.stream.codec_context
        context.time_base = clip.time_base
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        self.sound = Sound(clip, container, of_sound)
        self.started = False

    def write(self, image: np.ndarray, tick: int, length: int) -> None:
        """Encode a frame, and the sound up to it.

        Args:
            image: [H, W, 3] uint8. Odd sides are extended by one pixel, since H.264
                and VP9 halve the resolution of colour.
            tick: when it is shown, in the clip's time bases.
            length: how long.
        """
        even = [(0, side % 2) for side in image.shape[:2]]
        image = np.pad(image, [*even, (0, 0)], "edge")
        if not self.started:
            self.stream.height, self.stream.width = image.shape[:2]
            self.started = True
        rgb = self.av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
        frame = rgb.reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        frame.pts, frame.time_base = tick, self.clip.time_base
        frame.duration = length
        self.sound.carry(float(tick * self.clip.time_base))
        self.container.mux(self.stream.encode(frame))

    def finish(self) -> None:
        """Encode what is left of frames and sound."""
        self.container.mux(self.stream.encode())
        self.sound.carry()


@contextlib.contextmanager
def writing(path: pathlib.Path, clip: Clip) -> Iterator[Writer]:
    """Yield a writer of a clip with the timestamps and the sound of another.

    The file appears when all is written; if an error is raised, an old one is kept.

    Args:
        path: the file, see `writable`.
        clip: the other clip.

    Raises:
        UserError: if it can't be written.
        OSError: if the disk is full.
    """
    av = pyav(path)
    container_format, *encoders = FORMATS[path.suffix.lower()]
    try:
        with (
            files.atomic_file(path) as partial,
            partial.open("wb") as file,  # FFmpeg's own would hide errors at the end
            av.open(file, "w", format=container_format) as container,
        ):
            writer = Writer(container, clip, (encoders[0], encoders[1]))
            yield writer
            writer.finish()
    except UserError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        if files.is_disk_full(error):
            raise
        raise UserError(f"{path}: can't be written ({error})") from error


def writable(out: str | os.PathLike, source: Clip) -> pathlib.Path:
    """The file to write a clip to.

    Raises:
        UserError: if its suffix is none of FORMATS, or it can't be written there.
    """
    path = pathlib.Path(out)
    if path.suffix.lower() not in FORMATS:
        raise UserError(
            f"--out={path}: a clip is written as {', '.join(FORMATS)}; choose one"
        )
    if path.is_dir():
        raise UserError(f"--out={path}: is a folder; name a file")
    if path.exists() and path.samefile(source.path):
        raise UserError(f"--out={path}: is the source; name another file")
    return path
