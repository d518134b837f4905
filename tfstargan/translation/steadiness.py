"""How much a translated clip flickers, and less of it."""

import numpy as np


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
