"""Distances between two sets of features: Frechet, kernel, precision and recall.

Formulas on arrays; the features are those of Inception (`inception.py`) or Lite0
(`lite0.py`). A set may be large: means and covariances are accumulated in a stream. At
most `KEPT` of the features themselves are held, for the measures that need them.
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
ROWS = 1000  # of a matrix of all pairs held at once


class FeatureSet:
    """Mean and covariance of a stream of features, in float64, and a sample of them.

    Args:
        total: number of features to come; the sample is spread evenly over them.
        keep: largest size of the sample.
    """

    def __init__(self, total: int, keep: int = KEPT):
        self.every = -(-total // keep)
        self.count = 0
        self.mean = np.zeros(())
        self.scatter = np.zeros(())  # sum of the outer products about the mean
        self._kept: list[np.ndarray] = []

    def add(self, features: np.ndarray) -> None:
        """Add features, [N, C], N at least 1.

        Chan, Golub and LeVeque's update of the moments of two groups. It is exact, and
        stable where the mean is much larger than the deviation.
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
        """Write the set atomically; the folder is made."""
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
        """The set in a file of `save`; nothing can be added to it."""
        with path.open("rb") as file, np.load(file) as arrays:
            one = cls(int(arrays["count"]))
            one.count = int(arrays["count"])
            one.mean, one.scatter = arrays["mean"], arrays["scatter"]
            one._kept = [arrays["features"]]
        return one


def frechet_distance(a: FeatureSet, b: FeatureSet) -> float:
    """The Frechet distance of two Gaussians with the moments of the sets.

    `|mean_a - mean_b|^2 + trace(C_a + C_b - 2 (C_a C_b)^(1/2))`; Heusel et al.,
    arXiv:1706.08500, eq. 6. With factors C = F F^T, C_a C_b has the eigenvalues of
    (F_a^T F_b)(F_a^T F_b)^T, so the trace of the root is the sum of the singular values
    of F_a^T F_b. No root of a product is taken: where covariances are singular (fewer
    images than features), it would be inexact and complex.
    """
    factors = _factor(a.covariance), _factor(b.covariance)
    overlap = np.linalg.svd(factors[0].T @ factors[1], compute_uv=False).sum()
    spread = sum(np.sum(factor**2) for factor in factors)
    return float(np.sum((a.mean - b.mean) ** 2) + spread - 2 * overlap)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """F, [C, rank], with F F^T the covariance."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * np.finfo(values.dtype).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def kernel_distance(a: np.ndarray, b: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The kernel distance (KID) and its deviation, over random subsets.

    The mean and deviation of `squared_discrepancy` over 100 subsets of 1000 features of
    each set, or of half the smaller set.

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
        values.append(squared_discrepancy(x, y))
    return float(np.mean(values)), float(np.std(values, ddof=1))


def squared_discrepancy(a: np.ndarray, b: np.ndarray) -> float:
    """The squared maximum mean discrepancy of two sets, over all pairs of features.

    Unbiased, with the kernel (x . y / C + 1)^3; Binkowski et al., arXiv:1801.01401,
    section 4. Unlike FID its mean does not depend on the number of images. It may be
    below 0.

    Args:
        a: [N, C].
        b: [M, C]; N and M at least 2.
    """
    within = sum(
        (_kernel_sum(s, s) - _self_kernel_sum(s)) / (len(s) * (len(s) - 1))
        for s in (a, b)
    )
    return float(within - 2 * _kernel_sum(a, b) / (len(a) * len(b)))


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
    """The sum of the kernel over all pairs, some rows at a time."""
    starts = range(0, len(x), ROWS)
    return sum(np.sum(_cube(x[i : i + ROWS] @ y.T / x.shape[1])) for i in starts)


def _self_kernel_sum(x: np.ndarray) -> float:
    return np.sum(_cube(np.sum(x * x, axis=1) / x.shape[1]))


def _cube(products: np.ndarray) -> np.ndarray:
    return (products + 1).astype(np.float64) ** 3


def precision_recall(real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
    """Precision and recall: the share of fakes near reals, and of reals near fakes.

    The manifold of a set is the union of balls around its features, each with the
    distance to the third nearest neighbour as its radius. Precision is the share of
    fakes within the manifold of the reals; recall is the reverse. Kynkaanniemi et al.,
    arXiv:1904.06991 (there with VGG's features).

    Args:
        real: [N, C].
        fake: [M, C]; N and M at least 4.
    """
    return _covered(fake, real), _covered(real, fake)


def _covered(points: np.ndarray, manifold: np.ndarray) -> float:
    """The share of points within the manifold."""
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
    centre = y.mean(axis=0)  # smaller numbers lose less to cancellation
    x, y = x - centre, y - centre
    lengths = np.sum(y * y, axis=1)
    for start in range(0, len(x), ROWS):
        some = x[start : start + ROWS]
        yield np.sum(some * some, axis=1)[:, None] + lengths - 2 * some @ y.T
