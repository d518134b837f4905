"""How much a translated clip flickers, and less of it."""

import numpy as np

KEEP = 0.9  # of the translation before, where the source does not change
STILL = 4.0  # levels; a pixel that changes by no more stands still
SCALE = 4.0  # levels of change at which that is reduced to 1/e


class Flicker:
    """The mean change from each frame to the next, in levels of 0 to 255.

    That of a translation is to be read beside its source's. Where the source stands
    still, every change of the translation is flicker, unless the style moves.

    Attributes:
        frames: number of frames.
    """

    def __init__(self) -> None:
        self.frames = 0
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._sums = np.zeros(4)  # of both clips, of pixels that stand still; of these

    def add(self, sources: np.ndarray, fakes: np.ndarray) -> None:
        """Take the next frames and their translations.

        Args:
            sources: [N, H, W, 3] float, clipped to [-1, 1].
            fakes: the same.
        """
        levels = (np.clip(x, -1, 1) * np.float32(127.5) for x in (sources, fakes))
        for both in zip(*levels, strict=True):
            if self._last is not None:
                pairs = zip(both, self._last, strict=True)
                source, fake = (np.abs(now - before) for now, before in pairs)
                still = source.max(axis=-1) <= STILL
                calm = fake[still].mean(axis=-1)
                self._sums += source.mean(), fake.mean(), calm.sum(), calm.size
            self._last = both
            self.frames += 1

    @property
    def source(self) -> float:
        """The mean change of the source; of fewer than two frames, 0."""
        return float(self._sums[0]) / max(1, self.frames - 1)

    @property
    def translation(self) -> float:
        """The mean change of the translation; of fewer than two frames, 0."""
        return float(self._sums[1]) / max(1, self.frames - 1)

    @property
    def still(self) -> float:
        """That of the pixels whose source changes by at most 4 levels."""
        return float(self._sums[2]) / max(1.0, float(self._sums[3]))


class Steady:
    """A filter that averages translations over time where the source stands still.

    Of a pixel, `y[t] = w y[t-1] + (1 - w) G(x[t])` with `w = KEEP exp(-(d / SCALE)^2)`,
    where d is the change of the source there, in levels: the mean over 3 x 3 pixels,
    which noise hardly changes, and of the colours the one that changes most. What moves
    is not averaged.
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
            moved = np.abs(_blurred(x - self._source)).max(axis=-1, keepdims=True)
            weight = KEEP * np.exp(-np.square(127.5 * moved / SCALE))
            fake = fake + weight * (self._result - fake)
        self._source, self._result = x, fake
        return fake


def _blurred(image: np.ndarray) -> np.ndarray:
    """The mean of the 3 x 3 pixels around each, [H, W, C]."""
    height, width = image.shape[:2]
    padded = np.pad(image, [(1, 1), (1, 1), (0, 0)], "edge")
    rows = np.mean([padded[i : i + height] for i in range(3)], axis=0)
    return np.mean([rows[:, i : i + width] for i in range(3)], axis=0)
