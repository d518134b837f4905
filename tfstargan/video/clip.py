"""Reading clips: what a file holds, and its frames one after the other.

Timestamps are whole numbers of the clip's time base and begin at 0, so that those of a
variable frame rate are kept exactly.
"""

import collections
import contextlib
import dataclasses
import itertools
import pathlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

from tfstargan.errors import UserError

# A file can name others to be read (a playlist): only these formats, and only files.
OPTIONS = {
    "format_whitelist": "mov,matroska,avi,mpeg,mpegts,asf,flv,ogg",
    "protocol_whitelist": "file",
}
MOST_PIXELS = 8192 * 4320  # of a frame; decoders hold several of them
MOST_LARGE = 3840 * 2160  # larger frames are decoded one at a time, and reduced
COVER = 0x400  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC
HDR = {16: "PQ", 18: "HLG"}  # transfer functions (ITU-T H.273), by their number
MISSING = 0.5  # seconds that the end may come before the one that the file names


@dataclasses.dataclass(frozen=True)
class Clip:
    """What a clip holds; `frames` decodes it.

    Attributes:
        path: the file.
        count: number of frames.
        size: width and height of a frame, upright and with square pixels.
        rate: mean number of frames a second.
        time_base: seconds of a tick, the unit of timestamps.
        start: timestamp of the file's beginning, in seconds; subtracted from all.
        end: seconds from the beginning to the end of the last frame.
        damage: what is wrong with the file; empty if nothing is.
        skip_broken: whether frames that can't be decoded are skipped.
    """

    path: pathlib.Path
    count: int
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    start: Fraction
    end: float
    damage: str
    skip_broken: bool

    @classmethod
    def open(cls, path: pathlib.Path, skip_broken: bool = False) -> "Clip":
        """A clip, read to its end without decoding more than the first frame.

        Args:
            path: the file.
            skip_broken: take what can be read of a damaged clip.

        Raises:
            UserError: if PyAV is missing, or the file is no clip that can be used.
        """
        with opened(path) as container:
            stream = _picture(container, path)
            first = _first_frame(container, stream, path)
            start = Fraction(container.start_time or 0, 1_000_000)
            ratio = stream.sample_aspect_ratio or Fraction(1)
            size = _upright_size(first, ratio)
            known = (container.duration or 0) / 1e6
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            tick = stream.time_base
        count, end, damage = _survey(path, start, rate, known)
        if damage and not skip_broken:
            raise broken(path, damage)
        return cls(path, count, size, rate, tick, start, end, damage, skip_broken)

    def frames(self) -> Iterator["Frame"]:
        """Yield the frames in the order in which they are shown.

        Raises:
            UserError: if a frame can't be decoded and is not to be skipped.
        """
        with opened(self.path) as container:
            stream = _picture(container, self.path)
            if not _is_large(stream):
                stream.thread_type = "AUTO"
            ratio = stream.sample_aspect_ratio or Fraction(1)
            stamped = self._stamped(_decoded(container, stream))
            end = None, round(self.end / self.time_base)
            both = itertools.pairwise(itertools.chain(stamped, [end]))
            for (raw, tick), (_, after) in both:
                yield Frame(raw, ratio, tick, max(1, after - tick), self.time_base)

    def _stamped(self, raws: Iterator[Any]) -> Iterator[tuple[Any, int]]:
        """Yield PyAV's frames and their increasing timestamps in ticks."""
        offset, last = round(self.start / self.time_base), -1
        step = max(1, round(1 / (self.rate * self.time_base)))
        for raw in raws:
            if raw is None or raw.is_corrupt:
                if self.skip_broken:
                    continue
                at = float(max(last, 0) * self.time_base)
                raise broken(self.path, f"damaged after {at:.2f} s")
            stamp = raw.dts if raw.pts is None else raw.pts
            tick = last + step if stamp is None else stamp - offset
            last = max(tick, last + 1)
            yield raw, last


@dataclasses.dataclass(frozen=True)
class Frame:
    """A decoded frame; `image` is its picture.

    Attributes:
        raw: PyAV's frame.
        ratio: width of a pixel divided by its height.
        tick: when it is shown, in time bases from the beginning.
        length: how long it is shown, in time bases.
        time_base: seconds of a tick.
    """

    raw: Any
    ratio: Fraction
    tick: int
    length: int
    time_base: Fraction

    @property
    def seconds(self) -> float:
        """When it is shown, in seconds from the beginning."""
        return float(self.tick * self.time_base)

    def image(self) -> Image.Image:
        """The picture, RGB and upright, with square pixels.

        Of frames larger than 3840 x 2160, a half, a third, ... of each side.
        """
        size = _square_pixels(self.raw, self.ratio)
        scaled = self.raw.reformat(*size, "rgb24", interpolation="AREA").to_ndarray()
        return Image.fromarray(np.rot90(scaled, round(self.raw.rotation / 90)))


def unreadable(path: pathlib.Path, why: str) -> UserError:
    """The error about a clip that can't be used."""
    return UserError(f"{path}: not a readable clip ({why})")


def broken(path: pathlib.Path, damage: str) -> UserError:
    """The error about a clip of which a part can be used."""
    return UserError(f"{unreadable(path, damage).as_flags}; or add --skip_broken")


def pyav(path: pathlib.Path) -> Any:
    """The module PyAV.

    Raises:
        UserError: if it is not installed.
    """
    try:
        import av
    except ImportError:
        raise UserError(
            f"{path}: clips need PyAV (pip install 'tfstargan[video]')"
        ) from None
    return av


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[Any]:
    """Yield PyAV's container of a clip; what FFmpeg can't read is a `UserError`."""
    av = pyav(path)
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if not path.is_file():
        raise unreadable(path, "not a file")
    try:
        with av.open(f"file:{path}", options=OPTIONS) as container:
            yield container
    except av.FFmpegError as error:
        why = "empty" if not path.stat().st_size else error.strerror or error
        raise unreadable(path, str(why)) from error


def _picture(container: Any, path: pathlib.Path) -> Any:
    """The stream of frames; the cover of a song is none."""
    streams = [s for s in container.streams.video if not s.disposition & COVER]
    if not streams:
        kind = "sound without a picture" if container.streams.audio else "no picture"
        raise unreadable(path, kind)
    stream = streams[0]
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        raise UserError(
            f"{path}: {width} x {height} pixels are too many; reduce it to 8192 x 4320"
        )
    return stream


def _first_frame(container: Any, stream: Any, path: pathlib.Path) -> Any:
    raw = next((raw for raw in _decoded(container, stream) if raw is not None), None)
    if raw is None:
        raise unreadable(path, "no frame can be decoded")
    if raw.color_trc in HDR:
        raise UserError(
            f"{path}: its colours are HDR ({HDR[raw.color_trc]}); convert it to SDR"
        )
    return raw


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Yield PyAV's frames, and None for a packet that can't be decoded."""
    av = pyav(pathlib.Path())
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            yield None


def _survey(
    path: pathlib.Path, start: Fraction, rate: Fraction, known: float
) -> tuple[int, float, str]:
    """The number of frames, the end of the last in seconds, and what is damaged.

    Args:
        path: the file, which is read to its end; nothing is decoded.
        start: timestamp of its beginning, in seconds.
        rate: frames a second.
        known: the file's length in seconds as its head says, or 0.
    """
    count, ends, damage = 0, collections.defaultdict(float), ""
    with opened(path) as container:
        picture = _picture(container, path).index
        for packet in container.demux():
            stamp = packet.dts if packet.pts is None else packet.pts
            if packet.size and stamp is not None and not packet.is_discard:
                shown = (packet.duration or 0) * packet.time_base or 1 / rate
                end = float(stamp * packet.time_base + shown - start)
                ends[packet.stream_index] = max(end, ends[packet.stream_index])
                count += packet.stream_index == picture
            if packet.is_corrupt and not damage:
                damage = f"damaged after {max(ends.values(), default=0):.2f} s"
    end = max(ends.values(), default=0.0)
    if not damage and known - end > max(MISSING, 0.02 * known):
        damage = f"it ends after {end:.2f} s of {known:.2f} s"
    return count, ends[picture], damage


def _is_large(stream: Any) -> bool:
    context = stream.codec_context
    return context.width * context.height > MOST_LARGE


def _upright_size(raw: Any, ratio: Fraction) -> tuple[int, int]:
    """Width and height of the image of a frame."""
    width, height = _square_pixels(raw, ratio)
    return (height, width) if raw.rotation % 180 else (width, height)


def _square_pixels(raw: Any, ratio: Fraction) -> tuple[int, int]:
    """Width and height of a frame with square pixels, not too many; not yet turned."""
    width, height, part = raw.width * ratio, raw.height, 1
    while width * height > MOST_LARGE * part**2:
        part += 1
    return max(1, round(width / part)), max(1, round(height / part))
