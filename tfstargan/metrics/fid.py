"""Distances between two sets of features: Frechet, kernel, precision and recall.

Formulas on numbers alone; the features are Inception's (`inception.py`). A set may be
large: means and covariances are accumulated in a stream, and of the features themselves
at most `KEPT` are held, for the measures that need them.
"""

import pathlib
from collections.abc import Iterator
from typing import Self

import numpy as np

from tfstargan.files import atomic_file

KEPT = 10_000  # features held of a set: 80 MB
KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000
NEIGHBOURS = 3  # of precision and recall
ROWS = 1000  # of a matrix of distances held at once


class FeatureSet:
    """Mean and covariance of a stream of features, in float64, and a sample of them.

    Args:
        total: how many features will come; the sample is spread evenly over them.
        keep: at most so many are kept.
    """

    def __init__(self, total: int, keep: int = KEPT):
        self.every = -(-total // keep)
        self.count = 0
        self.mean = np.zeros(())
        self.scatter = np.zeros(())  # sum of the outer products about the mean
        self._kept: list[np.ndarray] = []

    def add(self, features: np.ndarray) -> None:
        """Take in some features, [N, C], N at least 1.

        Chan, Golub and LeVeque's update of two groups' moments: exact, and stable where
        the mean is large against the deviation.
        """
        self._kept.append(features[-self.count % self.every :: self.every])
        features = np.asarray(features, np.float64)
        count, mean = len(features), features.mean(axis=0)
        centred = features - mean
        shift = mean - self.mean
        total = self.count + count
        between = np.multiply.outer(shift, shift) * (self.count * count / total)
        self.scatter = self.scatter + centred.T @ centred + between
        self.mean = self.mean + shift * (count / total)
        self.count = total

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance, [C, C]."""
        return self.scatter / (self.count - 1)

    @property
    def features(self) -> np.ndarray:
        """The sample of the features, [K, C], float32."""
        return np.concatenate(self._kept).astype(np.float32)

    def save(self, path: pathlib.Path) -> None:
        """Write it atomically; the folder is made."""
        with atomic_file(path) as partial:
            np.savez(
                partial,
                count=self.count,
                mean=self.mean,
                scatter=self.scatter,
                features=self.features,
            )

    @classmethod
    def load(cls, path: pathlib.Path) -> Self:
        """Read what `save` wrote; nothing can be added to it."""
        with path.open("rb") as file, np.load(file) as arrays:
            one = cls(int(arrays["count"]))
            one.count = int(arrays["count"])
            one.mean, one.scatter = arrays["mean"], arrays["scatter"]
            one._kept = [arrays["features"]]
        return one


def frechet_distance(a: FeatureSet, b: FeatureSet) -> float:
    """Return the Frechet distance of two Gaussians with the sets' moments.

    `|mean_a - mean_b|^2 + trace(C_a + C_b - 2 (C_a C_b)^(1/2))`; Heusel et al.,
    arXiv:1706.08500, eq. 6. With factors C = F F^T, C_a C_b has the eigenvalues of
    (F_a^T F_b)(F_a^T F_b)^T, so that the root's trace is the sum of the singular values
    of F_a^T F_b: no root of a product, which singular covariances (fewer pictures than
    features) make inexact and complex.
    """
    factors = _factor(a.covariance), _factor(b.covariance)
    overlap = np.linalg.svd(factors[0].T @ factors[1], compute_uv=False).sum()
    spread = sum(np.sum(factor**2) for factor in factors)
    return float(np.sum((a.mean - b.mean) ** 2) + spread - 2 * overlap)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """Return F, [C, rank], with F F^T the covariance."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * np.finfo(values.dtype).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def kernel_distance(a: np.ndarray, b: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return the kernel distance (KID) and its deviation, over random subsets.

    Squared maximum mean discrepancy, unbiased, with the kernel (x . y / C + 1)^3;
    Binkowski et al., arXiv:1801.01401, section 4. Unlike FID its mean does not depend
    on the number of pictures. 100 subsets of 1000 features of each set, or of half the
    smaller set.

    Args:
        a: [N, C].
        b: [M, C]; N and M at least 4.
        seed: of the subsets.
    """
    rng = np.random.default_rng(seed)
    size = min(KID_SUBSET_SIZE, len(a) // 2, len(b) // 2)
    values = []
    for _ in range(KID_SUBSETS):
        x, y = (rng.choice(s, size, replace=False, shuffle=False) for s in (a, b))
        within = sum(_kernel(s, s).sum() - _kernel_of_self(s).sum() for s in (x, y))
        between = _kernel(x, y).sum()
        values.append(within / (size * (size - 1)) - 2 * between / size**2)
    return float(np.mean(values)), float(np.std(values, ddof=1))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1).astype(np.float64) ** 3


def _kernel_of_self(x: np.ndarray) -> np.ndarray:
    return (np.sum(x * x, axis=1) / x.shape[1] + 1).astype(np.float64) ** 3


def precision_recall(real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
    """Return the share of fakes that look real, and of reals that are covered.

    A set's manifold is the union of balls about its features that reach to the third
    nearest neighbour; precision is the share of fakes within that of the reals, recall
    the reverse. Kynkaanniemi et al., arXiv:1904.06991 (there with VGG's features).

    Args:
        real: [N, C].
        fake: [M, C]; N and M at least 4.
    """
    return _covered(fake, real), _covered(real, fake)


def _covered(points: np.ndarray, manifold: np.ndarray) -> float:
    """Return the share of points within the manifold."""
    radii = np.concatenate(
        [
            # the nearest is the feature itself
            np.partition(distances, NEIGHBOURS, axis=1)[:, NEIGHBOURS]
            for distances in _squared_distances(manifold, manifold)
        ]
    )
    within = [(d <= radii).any(axis=1) for d in _squared_distances(points, manifold)]
    return float(np.concatenate(within).mean())


def _squared_distances(x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the squared distances of x to y, some rows at a time."""
    centre = y.mean(axis=0)  # small numbers cancel less
    x, y = x - centre, y - centre
    lengths = np.sum(y * y, axis=1)
    for start in range(0, len(x), ROWS):
        some = x[start : start + ROWS]
        yield np.sum(some * some, axis=1)[:, None] + lengths - 2 * some @ y.T
