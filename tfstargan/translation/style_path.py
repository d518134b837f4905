"""The style of a clip's translation: it stays, or moves with time."""

import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tfstargan.progress import Bar
from tfstargan.translation.ahead import batched
from tfstargan.translation.styles import choose_styles, domain_of_reference
from tfstargan.translation.translating import Translating
from tfstargan.video.clip import Clip
from tfstargan.video.names import is_clip

EVERY = 0.5  # seconds between the frames of a reference clip whose styles are taken


class StylePath(NamedTuple):
    """Style codes at points of time, with linear interpolation between them.

    Before the first and after the last, the style stays.
    """

    times: np.ndarray  # [M], seconds from the clip's beginning, increasing
    codes: np.ndarray  # [M, style_dim]

    def at(self, seconds: Sequence[float]) -> np.ndarray:
        """Style codes at times, [N, style_dim] float32."""
        each = [np.interp(seconds, self.times, column) for column in self.codes.T]
        return np.stack(each, axis=1).astype(np.float32)


def style_path(
    translator: Translating,
    seconds: float,
    domain: str,
    seeds: Sequence[int] = (),
    reference: str | os.PathLike = "",
    psi: float = 1.0,
    skip_broken: bool = False,
) -> StylePath:
    """The style of a clip, from seeds, reference images or a reference clip.

    Several seeds or images are spread evenly over the clip, from its first frame to its
    end. A reference clip gives the style of its frame at the same time.

    Args:
        translator: of the run.
        seconds: length of the clip.
        domain: target domain; for references, empty stands for each one's folder.
        seeds: of random styles.
        reference: an image, a folder of them, or a clip; not with seeds.
        psi: scales random styles, see `Translating.random_style`.
        skip_broken: skip references that can't be read, and name them.

    Raises:
        UserError: if a domain is unknown, or a reference can't be read.
    """
    if reference and is_clip(os.fspath(reference)):
        path = pathlib.Path(reference)
        return _of_clip(translator, path, domain, seconds, skip_broken)
    if reference:
        named = choose_styles(translator, domain, (), reference, psi, skip_broken)
        codes = [style.code for style in named]
    else:
        codes = [translator.random_style(domain, seed, psi) for seed in seeds]
    return StylePath(np.linspace(0, seconds, len(codes)), np.concatenate(codes))


def _of_clip(
    translator: Translating,
    path: pathlib.Path,
    domain: str,
    seconds: float,
    skip_broken: bool,
) -> StylePath:
    """The styles of a clip's frames, one every half second."""
    name = domain_of_reference(translator, path, domain, None)
    clip = Clip.open(path, skip_broken)
    total = 1 + int(min(seconds, clip.end) / EVERY)
    frames = _spaced(translator, clip, seconds)
    bar = Bar(frames, total=total, desc="styles", unit="frame", delay=2, leave=False)
    times, codes = [], []
    for some in batched(bar, translator.batch):
        times += [time for time, _ in some]
        codes.append(translator.encode_styles(np.stack([x for _, x in some]), name))
    return StylePath(np.array(times), np.concatenate(codes))


def _spaced(
    translator: Translating, clip: Clip, seconds: float
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield time and network's input of a frame every half second, up to a time."""
    due = 0.0
    for frame in clip.frames():
        if frame.seconds > seconds:
            return
        if frame.seconds >= due:
            due = frame.seconds + EVERY
            yield frame.seconds, translator.prepare(frame.image())
