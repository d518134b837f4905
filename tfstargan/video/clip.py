"""Reading clips: what a file holds, and its frames one after the other.

Timestamps are whole numbers of the clip's time base and begin at 0, so that those of a
variable frame rate are kept exactly.
"""

import dataclasses
import itertools
import pathlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

from tfstargan.video.opening import broken, decoded, opened, picture, unreadable
from tfstargan.video.survey import survey

MOST_LARGE = 3840 * 2160  # larger frames are decoded one at a time, and reduced
# Numbers of ITU-T H.273.
HDR = (16, 18)  # transfer functions: PQ, HLG
WIDE = (9, 11, 12)  # primaries: BT.2020, DCI-P3, Display P3
BT709 = 1
FULL_RANGE = 2  # FFmpeg's


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
            stream = picture(container, path)
            first = _first_frame(container, stream, path)
            start = Fraction(container.start_time or 0, 1_000_000)
            ratio = stream.sample_aspect_ratio or Fraction(1)
            size = _upright_size(first, ratio)
            known = (container.duration or 0) / 1e6
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            tick = stream.time_base
        count, end, damage = survey(path, start, rate, known)
        if damage and not skip_broken:
            raise broken(path, damage)
        return cls(path, count, size, rate, tick, start, end, damage, skip_broken)

    def frames(self) -> Iterator["Frame"]:
        """Yield the frames in the order in which they are shown.

        Raises:
            UserError: if a frame can't be decoded and is not to be skipped.
        """
        with opened(self.path) as container:
            stream = picture(container, self.path)
            if not _is_large(stream):
                stream.thread_type = "AUTO"
            ratio = stream.sample_aspect_ratio or Fraction(1)
            stamped = self._stamped(decoded(container, stream))
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

        HDR and wide colours are converted to those of BT.709: reference white (203
        cd/m2, ITU-R BT.2408) becomes 255, and what is brighter is clipped. Of frames
        larger than 3840 x 2160, a half, a third, ... of each side.
        """
        size = _square_pixels(self.raw, self.ratio)
        scaled = self.raw.reformat(
            *size, "rgb24", interpolation="AREA", threads=1, **self._to()
        )
        turned = np.rot90(scaled.to_ndarray(), round(self.raw.rotation / 90))
        return Image.fromarray(turned)

    def _to(self) -> dict[str, int]:
        """Colours for `reformat` to convert to; of most clips they are so already."""
        if self.raw.color_trc not in HDR and self.raw.color_primaries not in WIDE:
            return {}
        return {
            "dst_color_trc": BT709,
            "dst_color_primaries": BT709,
            "dst_colorspace": BT709,
            "dst_color_range": FULL_RANGE,
        }


def _first_frame(container: Any, stream: Any, path: pathlib.Path) -> Any:
    raw = next((raw for raw in decoded(container, stream) if raw is not None), None)
    if raw is None:
        raise unreadable(path, "no frame can be decoded")
    return raw


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
