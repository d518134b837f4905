"""How much a translated clip flickers, and less of it."""

from collections.abc import Callable

import numpy as np

KEEP = 0.8  # of the translation before, where the source does not change
SCALE = 4.0  # levels of change at which that is reduced to 1/e


class Change:
    """The mean change from each frame to the next, in levels of 0 to 255.

    Of a clip that stands still it is 0. That of a translation is to be read beside its
    source's: what is more than that is flicker.

    Attributes:
        count: number of frames.
        total: sum of the changes between them.
    """

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self._last: np.ndarray | None = None

    def add(self, frames: np.ndarray) -> None:
        """Take the next frames, [N, H, W, 3] float in [-1, 1], clipped."""
        levels = np.clip(frames, -1, 1) * np.float32(127.5)
        for frame in levels:
            if self._last is not None:
                self.total += float(np.abs(frame - self._last).mean())
            self._last = frame
            self.count += 1

    @property
    def mean(self) -> float:
        """The mean; of fewer than two frames, 0."""
        return self.total / max(1, self.count - 1)


class Steady:
    """A filter that averages translations over time where the source stands still.

    Of a pixel, `y[t] = w y[t-1] + (1 - w) G(x[t])` with `w = KEEP exp(-(d / SCALE)^2)`,
    where d is the change of the source there: the mean over 3 x 3 pixels, which noise
    hardly changes, and of these the largest of 3 x 3 pixels and of the colours. What
    moves is not averaged, so that it leaves no trace.
    """

    def __init__(self) -> None:
        self._source: np.ndarray | None = None
        self._result: np.ndarray | None = None

    def __call__(self, sources: np.ndarray, fakes: np.ndarray) -> np.ndarray:
        """The next translations, filtered.

        Args:
            sources: the next frames, [N, H, W, 3] float in [-1, 1].
            fakes: their translations.
        """
        results = np.empty_like(fakes)
        for result, x, fake in zip(results, sources, fakes, strict=True):
            result[...] = self._next(x, fake)
        return results

    def _next(self, x: np.ndarray, fake: np.ndarray) -> np.ndarray:
        if self._source is not None:
            change = np.abs(_around(x - self._source, np.mean)).max(-1, keepdims=True)
            change = 127.5 * _around(change, np.max)
            weight = KEEP * np.exp(-np.square(change / SCALE))
            fake = fake + weight * (self._result - fake)
        self._source, self._result = x, fake
        return fake


def _around(image: np.ndarray, combine: Callable[..., np.ndarray]) -> np.ndarray:
    """What `combine` makes of the 3 x 3 pixels around each, [H, W, C]."""
    height, width = image.shape[:2]
    padded = np.pad(image, [(1, 1), (1, 1), (0, 0)], "edge")
    rows = combine([padded[i : i + height] for i in range(3)], axis=0)
    return combine([rows[:, i : i + width] for i in range(3)], axis=0)
