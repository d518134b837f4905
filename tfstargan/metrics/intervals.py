"""95 % intervals of means, ratios and shares."""

import math
from typing import Any

import numpy as np

Z = 1.959964  # of the normal distribution, 97.5 %
RESAMPLES = 2_000
SEED = 95


def resamplings(count: int) -> np.ndarray:
    """Shares of `count` items in as many draws with replacement, [RESAMPLES, count].

    The product with a value of each item, [count], is the mean of every resampling. The
    draws are always the same.
    """
    rng = np.random.default_rng((SEED, count))
    return rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count


def between(figures: Any) -> tuple[float, float]:
    """The bounds of the middle 95 % of a figure's resamplings."""
    low, high = np.percentile(figures, (2.5, 97.5))
    return float(low), float(high)


def wilson(share: float, count: int) -> tuple[float, float]:
    """The interval of a share of `count` independent trials (Wilson, 1927)."""
    middle = share + Z * Z / (2 * count)
    reach = Z * math.sqrt(share * (1 - share) / count + (Z / (2 * count)) ** 2)
    scale = 1 + Z * Z / count
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)
