"""Distances of images by a trained network's features: LPIPS, or Lite0's cosine."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.files import cache_dir
from tfstargan.metrics import backbones, lite0, lpips
from tfstargan.metrics.protocol import in_batches, in_threads


class Learned(NamedTuple):
    """A distance of images by a trained network's features.

    Attributes:
        name: "lpips" or "lite0"; a column of the results.
        features: uint8 images [N, H, W, 3] to [N, C].
        distance: features [N, C] and [N, C] to [N].
        nearest: features [N, C] and [M, C] to the index of the nearest of M, [N].
    """

    name: str
    features: Callable[[np.ndarray], np.ndarray]
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray]
    nearest: Callable[[np.ndarray, np.ndarray], np.ndarray]


def open_learned(folder: str = "", batch_size: int = 8) -> Learned:
    """LPIPS if its weights are there, else Lite0; nothing is downloaded.

    Raises:
        NotThereError: if neither is there.
    """
    place = pathlib.Path(folder) if folder else cache_dir() / "backbones"
    try:
        path = backbones.find(backbones.ALEXNET, place, download=False)
    except backbones.NotThereError:
        return _open_lite0(batch_size)
    network = lpips.alexnet()
    backbones.load(network, path)
    embed = in_batches(lpips.LPIPS(network).embed, batch_size)
    return Learned(
        "lpips",
        lambda x: embed(images.to_float(x)),
        lambda a, b: np.sum((a - b) ** 2, axis=1),
        nearest,
    )


def _open_lite0(batch_size: int) -> Learned:
    path = backbones.find(backbones.LITE0, pathlib.Path(), download=False)
    network = lite0.trunk()
    backbones.load(network, path)
    features = in_batches(network, batch_size)

    def see(x: np.ndarray) -> np.ndarray:
        side = x.shape[1]
        return features(
            in_threads(lambda a: lite0.prepare(Image.fromarray(a), side), x)
        )

    return Learned(
        "lite0",
        see,
        lambda a, b: 1 - np.sum(_unit(a) * _unit(b), axis=1),
        # About each set's mean: what all images of a domain share tells none apart.
        lambda a, b: nearest(_unit(a - a.mean(axis=0)), _unit(b - b.mean(axis=0))),
    )


def nearest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The index of the nearest of b by Euclidean distance, for each of a."""
    return np.argmin(np.sum(b * b, axis=1) - 2 * a @ b.T, axis=1)


def _unit(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(length, 1e-12)
