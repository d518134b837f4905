"""Small clips of every kind, for tests."""

import pathlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np

SIDES = 48, 64  # height, width
RATE = 25
SAMPLES = 44_100
MILLISECOND = Fraction(1, 1000)


def moving(count: int = 12, sides: tuple[int, int] = SIDES) -> list[np.ndarray]:
    """Frames with a red corner at the top left, and a bar that moves right."""
    frames = []
    for i in range(count):
        frame = np.full((*sides, 3), 90, np.uint8)
        frame[:16, :16] = 200, 30, 30
        frame[24:36, 2 * i : 2 * i + 12] = 40, 180, 60
        frames.append(frame)
    return frames


def make(
    path: pathlib.Path,
    frames: Iterable[np.ndarray] | None = None,
    *,
    sound: str = "",
    times: Sequence[int] = (),
    turn: int = 0,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    **context: Any,
) -> pathlib.Path:
    """Write a clip.

    Args:
        path: the file.
        frames: [H, W, 3] uint8; none: a file without a picture.
        sound: codec of two tones beside it; empty: none.
        times: of the frames in milliseconds, in place of a constant rate.
        turn: by how many degrees players turn it counterclockwise.
        codec: of the picture.
        pixels: their format.
        **context: attributes of PyAV's codec context.
    """
    frames = list(moving() if frames is None else frames)
    with av.open(path, "w") as container:
        if frames:
            picture = container.add_stream(codec, RATE, options={"crf": "10"})
            picture.height, picture.width = frames[0].shape[:2]
            picture.pix_fmt = pixels
            if times:
                picture.codec_context.time_base = MILLISECOND
            if turn:
                picture.set_display_rotation(turn)
            for name, value in context.items():
                setattr(picture.codec_context, name, value)
        heard = container.add_stream(sound, SAMPLES) if sound else None
        for i, pixel in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixel, "rgb24").reformat(format=pixels)
            if times:
                frame.pts, frame.time_base = times[i], MILLISECOND
            container.mux(picture.encode(frame))
        if frames:
            container.mux(picture.encode())
        if heard:
            container.mux(heard.encode(tones(len(frames or range(25)) / RATE)))
            container.mux(heard.encode())
    return path


def tones(seconds: float) -> av.AudioFrame:
    """Two tones, one in each channel."""
    time = np.arange(round(SAMPLES * seconds)) / SAMPLES
    waves = [0.2 * np.sin(2 * np.pi * pitch * time) for pitch in (440, 660)]
    frame = av.AudioFrame.from_ndarray(np.float32(waves), "fltp", "stereo")
    frame.sample_rate, frame.pts = SAMPLES, 0
    return frame


def stamps(path: pathlib.Path) -> list[float]:
    """When the frames are shown, in seconds."""
    with av.open(path) as container:
        return [frame.time for frame in container.decode(video=0)]


def pictures(path: pathlib.Path) -> list[np.ndarray]:
    """The frames as they are stored, [H, W, 3] uint8."""
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def packets(path: pathlib.Path) -> list[bytes]:
    """The sound as it is stored."""
    with av.open(path) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def heard(path: pathlib.Path) -> tuple[str, float, float]:
    """The codec of the sound, and its first and last moment in seconds."""
    with av.open(path) as container:
        name = container.streams.audio[0].codec_context.codec.canonical_name
        frames = list(container.decode(audio=0))
    last = frames[-1]
    return name, frames[0].time, last.time + last.samples / last.sample_rate
