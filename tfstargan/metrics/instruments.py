"""The networks that measure, with their weights: those that are available."""

import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

import numpy as np
from PIL import Image

from tfstargan.config import METRICS
from tfstargan.errors import UserError
from tfstargan.files import cache_dir
from tfstargan.metrics import backbones, inception, lite0, lpips
from tfstargan.metrics.protocol import in_batches, in_threads

DEFAULT_METRICS = ("fid_reference", "lpips")  # the authors'
FALLBACK = "kid_lite0"  # where the network of FID is missing
MEANING = {
    "fid_reference": "FID as in the authors' code: torchvision's Inception v3, images "
    "resized to img_size, then 299, by Pillow's bilinear filter",
    "fid_clean": "FID as in clean-fid: the Inception v3 of 2015, images resized to 299 "
    "by Pillow's bicubic filter in floating point",
    "kid_lite0": "KID of EfficientNet-Lite0's features; shows progress, not comparable "
    "with any published FID or KID",
    "lpips": "AlexNet, mean over the pairs of a source's outputs; higher is more "
    "diverse",
}


class Inception(NamedTuple):
    """A network whose features are compared, Inception or another, and its input."""

    name: str  # of METRICS
    file: str  # of the weights
    features: Callable[[np.ndarray], np.ndarray]  # [N, S, S, 3] to [N, C]
    prepare: Callable[[Image.Image, int], np.ndarray]  # to [S, S, 3]

    def see(self, images: list[Image.Image], img_size: int) -> np.ndarray:
        """The features of images, [N, C]."""
        return self.features(in_threads(lambda x: self.prepare(x, img_size), images))


class Instruments(NamedTuple):
    """The networks of some metrics.

    Attributes:
        inceptions: for FID, KID, precision and recall.
        lpips: the mean distance within groups, [N, M, H, W, 3] to [N]; None if missing.
        files: {metric: file of its network}.
        notes: a line for each metric that is missing.
    """

    inceptions: list[Inception]
    lpips: Callable[[np.ndarray], np.ndarray] | None
    files: dict[str, str]
    notes: list[str]

    def required(self) -> Self:
        """The same instruments.

        Raises:
            UserError: if there are none, because each wanted one is missing.
        """
        if self.notes and not self.files:
            raise UserError("; ".join(self.notes))
        return self


def open_instruments(
    metrics: Sequence[str],
    folder: str = "",
    download: bool = True,
    batch_size: int = 8,
) -> Instruments:
    """The instruments of some METRICS.

    Args:
        metrics: their names.
        folder: of the files of their networks; empty: the user's cache.
        download: whether missing files may be downloaded.
        batch_size: images (for LPIPS, groups of them) measured at once.

    Raises:
        UserError: if a metric is unknown, a file damaged, or every metric missing.
    """
    return _available(metrics, folder, download, batch_size).required()


def open_default(
    folder: str = "", download: bool = True, batch_size: int = 8
) -> Instruments:
    """The instruments of the authors' metrics; `kid_lite0` where FID's is missing.

    For the arguments and errors see `open_instruments`.
    """
    found = _available(DEFAULT_METRICS, folder, download, batch_size)
    if not found.inceptions:
        other = _available([FALLBACK], folder, download, batch_size)
        found = Instruments(
            other.inceptions,
            found.lpips,
            found.files | other.files,
            found.notes + other.notes,
        )
    return found.required()


def _available(
    metrics: Sequence[str], folder: str, download: bool, batch_size: int
) -> Instruments:
    place = pathlib.Path(folder) if folder else cache_dir() / "backbones"
    inceptions, files, notes, distance = [], {}, [], None
    for metric in metrics:
        if metric not in _KINDS:
            raise UserError(f"--metrics={metric}: must be of {', '.join(METRICS)}")
        backbone, make, prepare = _KINDS[metric]
        try:
            path = backbones.find(backbone, place, download)
        except backbones.NotThereError as error:
            notes.append(f"{metric} is not measured: {error.as_flags}")
            continue
        network = make()
        backbones.load(network, path)
        files[metric] = path.name
        if prepare is None:
            distance = in_batches(lpips.LPIPS(network).mean_distance, batch_size)
        else:
            features = in_batches(network, batch_size)
            inceptions.append(Inception(metric, path.name, features, prepare))
    return Instruments(inceptions, distance, files, notes)


_KINDS: dict[str, tuple] = {
    "fid_reference": (
        backbones.INCEPTION_TORCHVISION,
        inception.torchvision_trunk,
        inception.prepare_reference,
    ),
    "fid_clean": (
        backbones.INCEPTION_2015,
        inception.tensorflow_2015_trunk,
        inception.prepare_clean,
    ),
    "kid_lite0": (backbones.LITE0, lite0.trunk, lite0.prepare),
    "lpips": (backbones.ALEXNET, lpips.alexnet, None),
}
