"""Translating a clip, frame by frame."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.errors import UserError
from tfstargan.images import fitting, pasting
from tfstargan.images.fitting import Fit
from tfstargan.progress import Bar
from tfstargan.translation.ahead import ahead, batched
from tfstargan.translation.fit_options import CROP, FitOptions
from tfstargan.translation.steadiness import Change
from tfstargan.translation.style_path import style_path
from tfstargan.translation.translating import Translating
from tfstargan.video.clip import Clip, Frame
from tfstargan.video.writing import writable, writing

AT_ONCE = 4  # frames that are read in advance
MOST_HELD = 8 * 3840 * 2160  # pixels of full frames in memory, 3 bytes each


@dataclasses.dataclass(frozen=True)
class TranslatedClip:
    """What was written, and how it flickers.

    Attributes:
        path: the clip.
        frames: number of frames.
        of: number of frames of the source; those that can't be decoded are skipped.
        size: width and height of a frame.
        seconds: that it took.
        change: mean change from frame to frame, in levels of 0 to 255.
        source_change: that of the source, at the size of the network.
    """

    path: pathlib.Path
    frames: int
    of: int
    size: tuple[int, int]
    seconds: float
    change: float
    source_change: float

    def __str__(self) -> str:
        """The same in a line."""
        count = f"{self.frames}" + (f" of {self.of}" if self.frames < self.of else "")
        width, height = self.size
        return (
            f"{self.path}: {count} frames of {width} x {height}, "
            f"{self.frames / self.seconds:.1f} a second; mean change from frame to "
            f"frame {self.change:.2f} levels (source: {self.source_change:.2f})"
        )


def translate_clip(
    translator: Translating,
    source: str | os.PathLike | Clip,
    out: str | os.PathLike,
    domain: str = "",
    seeds: Sequence[int] = (),
    reference: str | os.PathLike = "",
    psi: float = 1.0,
    how: FitOptions = CROP,
    *,
    steady: bool = False,
    skip_broken: bool = False,
) -> TranslatedClip:
    """Translate a clip. Timestamps and sound are kept, and memory does not grow.

    Args:
        translator: of the run.
        source: the clip: a file, or what `Clip.open` returns.
        out: the clip to write: .mp4, .m4v, .mov, .mkv or .webm.
        domain: target domain; for references, empty stands for the folder's name.
        seeds: of random styles. The style moves from one to the next.
        reference: in place of seeds an image, a folder of images from one of which to
            the next the style moves, or a clip whose style at the same time is used.
        psi: scales random styles, see `Translator.random_style`.
        how: which part of a frame is translated, and whether it is pasted.
        steady: reduce flicker.
        skip_broken: skip frames and references that can't be read.

    Returns:
        What was written.

    Raises:
        UserError: if PyAV is missing, or the clip or a reference can't be used.
        ValueError: unless one of `seeds` and `reference` is given.
    """
    if bool(seeds) == bool(reference):
        raise ValueError("give one of seeds and reference")
    if not isinstance(source, Clip):
        source = Clip.open(pathlib.Path(source), skip_broken)
    target = writable(out, source)
    wanted = (domain, seeds, reference, psi, skip_broken)
    styles = style_path(translator, source.end, *wanted)
    before, after = Change(), Change()
    begun = time.perf_counter()
    with (
        writing(target, source) as writer,
        Bar(total=source.count, unit="frame") as bar,
    ):
        for some in _placed(translator, source, how):
            x = np.stack([one.x for one in some])
            fakes = translator.apply_styles(x, styles.at([one.seconds for one in some]))
            before.add(x)
            after.add(fakes)
            for one, fake in zip(some, fakes, strict=True):
                image = one.finished(fake)
                writer.write(image, one.tick, one.length)
            bar.update(len(some))
        if not after.count:
            raise UserError(f"{source.path}: not a readable clip (no frame is)")
    height, width = image.shape[:2]
    return TranslatedClip(
        path=target,
        frames=after.count,
        of=source.count,
        size=(width, height),
        seconds=time.perf_counter() - begun,
        change=after.mean,
        source_change=before.mean,
    )


class _Placed(NamedTuple):
    """A frame as the input of a network."""

    x: np.ndarray  # [H, W, 3] float32 in [-1, 1]
    fit: Fit  # its place on the canvas x
    image: Image.Image | None  # to be pasted into
    tick: int
    length: int
    seconds: float

    @classmethod
    def of(
        cls, frame: Frame, size: tuple[int, int], fit: Fit, paste: bool
    ) -> "_Placed":
        """A frame on its canvas; of a size that is not the clip's, it is resized."""
        image = frame.image()
        if image.size != size:
            image = image.resize(size, Image.Resampling.BICUBIC)
        x = images.to_float(fitting.place(image, fit))
        kept = image if paste else None
        return cls(x, fit, kept, frame.tick, frame.length, frame.seconds)

    def finished(self, fake: np.ndarray) -> np.ndarray:
        """The frame to write, [H, W, 3] uint8, of its translated canvas."""
        part = images.to_uint8(fitting.cut(fake, self.fit))
        if self.image is None:
            return part
        pasted = pasting.paste(self.image, Image.fromarray(part), self.fit.box)
        return np.asarray(pasted)


def _placed(
    translator: Translating, clip: Clip, how: FitOptions
) -> Iterator[list[_Placed]]:
    """Yield batches of frames; reading goes on in threads."""
    fit = translator.fit_of(clip.size, how, str(clip.path))
    width, height = fit.canvas
    batch = translator.batch_of((height, width, 3))
    if how.paste:
        batch = max(1, min(batch, MOST_HELD // (clip.size[0] * clip.size[1])))
    frames = ahead(
        lambda frame: _Placed.of(frame, clip.size, fit, how.paste),
        clip.frames(),
        AT_ONCE,
    )
    return batched(frames, batch)
