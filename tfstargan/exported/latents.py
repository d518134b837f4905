"""The latent of a seed, the same in Python, in the browser and on a phone.

NumPy's generators are not available there, so that the apps have one of their own:
SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), then the Box-Muller transform in
float64. tests/vectors/README.md has the algorithm in words.
"""

import math
from collections.abc import Iterator

import numpy as np

MASK = 2**64 - 1


def splitmix64(seed: int) -> Iterator[int]:
    """Yield 64-bit numbers without end, a function of the seed, 0 to 2**64 - 1."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def seeded_latent(seed: int, latent_dim: int) -> np.ndarray:
    """The latent of a seed, [1, latent_dim] float32 from N(0, 1).

    Args:
        seed: 0 to 2**53 - 1, the integers that JavaScript's numbers hold exactly.
        latent_dim: length of the model's latents; a longer latent begins with the
            numbers of a shorter one.

    Raises:
        ValueError: if the seed is out of range.
    """
    if not 0 <= seed < 2**53:
        raise ValueError(f"seed={seed}: must be from 0 to 2**53 - 1")
    bits = splitmix64(seed)
    latent: list[float] = []
    while len(latent) < latent_dim:
        u = ((next(bits) >> 11) + 1) * 2.0**-53  # in (0, 1]: its logarithm is finite
        v = (next(bits) >> 11) * 2.0**-53  # in [0, 1)
        radius, angle = math.sqrt(-2 * math.log(u)), 2 * math.pi * v
        latent += [radius * math.cos(angle), radius * math.sin(angle)]
    return np.array([latent[:latent_dim]], np.float32)
