"""Reading a clip to its end without decoding it: its length, and its damage."""

import collections
import pathlib
from fractions import Fraction
from typing import Any

from tfstargan.progress import Bar
from tfstargan.video.opening import opened, picture

MISSING = 0.5  # seconds that the end may come before the one that the file names


def survey(
    path: pathlib.Path, start: Fraction, rate: Fraction, known: float
) -> tuple[int, float, str]:
    """The number of frames, the end of the last in seconds, and what is damaged.

    Args:
        path: the file, which is read to its end; nothing is decoded.
        start: timestamp of its beginning, in seconds.
        rate: frames a second.
        known: the file's length in seconds as its head says, or 0.
    """
    count, damage = 0, ""
    ends = collections.defaultdict[int, float](float)  # by the index of the stream
    form = {"unit": "B", "unit_scale": True, "delay": 2, "leave": False}
    bar = Bar(total=path.stat().st_size, desc="reading", **form)
    with opened(path) as container, bar:
        stream = picture(container, path)
        shown, listed = stream.index, _listed_end(stream)
        for packet in container.demux():
            bar.update(packet.size)
            if packet.size and not packet.is_discard:
                i = packet.stream_index
                ends[i] = max(ends[i], _end(packet, rate) - float(start))
                count += i == shown
            if packet.is_corrupt and not damage:
                damage = f"damaged after {max(ends.values(), default=0):.2f} s"
    end = max(ends.values(), default=0.0)
    if not damage and known - end > max(MISSING, 0.02 * known):
        damage = f"it ends after {end:.2f} s of {known:.2f} s"
    if listed and not damage:
        return count, listed - float(start), damage
    return count, ends[shown], damage


def _end(packet: Any, rate: Fraction) -> float:
    """When a packet ends, in seconds; roughly, as durations are those of decoding."""
    stamp = packet.dts if packet.pts is None else packet.pts
    length = (packet.duration or 0) * packet.time_base or 1 / rate
    return float((stamp or 0) * packet.time_base + length)


def _listed_end(stream: Any) -> float:
    """When a stream ends as its head says, in seconds; 0 if it does not say."""
    ticks = (stream.start_time or 0) + (stream.duration or 0)
    return float(ticks * stream.time_base) if stream.duration else 0.0
