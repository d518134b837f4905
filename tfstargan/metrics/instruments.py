"""The networks that measure, with their weights, as many as can be had."""

import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfstargan.config import METRICS
from tfstargan.errors import UserError
from tfstargan.files import cache_dir
from tfstargan.metrics import backbones, inception, lpips
from tfstargan.metrics.protocol import in_batches, in_threads

DEFAULT_METRICS = ("fid_reference", "lpips")  # the authors'
MEANING = {
    "fid_reference": "as the authors' code: torchvision's Inception v3, pictures "
    "resized to img_size, then 299, by Pillow's bilinear filter",
    "fid_clean": "as clean-fid: the Inception v3 of 2015, pictures resized to 299 by "
    "Pillow's bicubic filter in floating point",
    "lpips": "AlexNet, mean over the pairs of a source's outputs; more is more diverse",
}


class Inception(NamedTuple):
    """One way to features: a trained network and what it is shown."""

    name: str  # of METRICS
    file: str  # that the weights came from
    features: Callable[[np.ndarray], np.ndarray]  # [N, 299, 299, 3] to [N, C]
    prepare: Callable[[Image.Image, int], np.ndarray]

    def see(self, pictures: list[Image.Image], img_size: int) -> np.ndarray:
        """Return the features of pictures, [N, C]."""
        return self.features(in_threads(lambda p: self.prepare(p, img_size), pictures))


class Instruments(NamedTuple):
    """What there is to measure with.

    Attributes:
        inceptions: for FID, KID, precision and recall.
        lpips: the mean distance within groups, [N, M, H, W, 3] to [N]; None: not there.
        files: {metric: file of its network}.
        notes: a line for each metric that is missing.
    """

    inceptions: list[Inception]
    lpips: Callable[[np.ndarray], np.ndarray] | None
    files: dict[str, str]
    notes: list[str]


def open_instruments(
    metrics: Sequence[str],
    folder: str = "",
    download: bool = True,
    batch_size: int = 8,
) -> Instruments:
    """Return the instruments of some METRICS.

    Args:
        metrics: which.
        folder: where their networks' files are, or go; empty: the user's cache.
        download: whether these may be fetched.
        batch_size: pictures (for LPIPS, groups of them) measured at once.

    Raises:
        UserError: if a metric is unknown, a file damaged, or no metric can be measured.
    """
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
    if metrics and not files:
        raise UserError("; ".join(notes))
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
    "lpips": (backbones.ALEXNET, lpips.alexnet, None),
}
