"""Translations against the truth, for data sets whose validation images are pairs.

In a paired data set an image has a counterpart in every other domain: the file of the
same name. Training does not use the names. Here the counterpart is the true result, and
three distances to it are measured, each beside that of the untranslated source; and
retrieval: how often the counterpart is the nearest of the target's validation images.

Every image is translated once into every other domain, in the style of a latent and in
that of a reference: a validation image of the target domain, never the counterpart.
"""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from tfstargan import images
from tfstargan.data.image_set import ImageSet
from tfstargan.errors import UserError
from tfstargan.files import cache_dir, composed
from tfstargan.metrics import backbones, lite0, lpips, report
from tfstargan.metrics.protocol import (
    GUIDES,
    chosen,
    in_batches,
    in_threads,
    pairs,
    squeeze,
)
from tfstargan.metrics.report import Row, Section
from tfstargan.translation.translator import Translator

ABOUT = (
    "mean distance of translations, and of the untranslated sources, to the true "
    "counterparts (pixels: levels of 255; SSIM: 1 is equal; LPIPS or lite0: learned); "
    "retrieval: share whose nearest image is the counterpart"
)
MEANING = {f"pairs_{guide}": ABOUT for guide in GUIDES}


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
        _nearest,
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
        lambda a, b: _nearest(_unit(a - a.mean(axis=0)), _unit(b - b.mean(axis=0))),
    )


def measure(
    translator: Translator,
    validation: ImageSet,
    learned: Learned | None = None,
    limit: int | None = None,
) -> dict[str, Section]:
    """The results by guide and pair of domains.

    Args:
        translator: of the run.
        validation: the images, paired by name.
        learned: a learned distance; None: pixels and SSIM alone.
        limit: names used of each domain, evenly spread; None: all.

    Raises:
        UserError: if names do not pair.
    """
    indices = paired(validation)
    used = chosen(len(indices[0]), limit)
    size = translator.config.img_size

    def read(domain: int) -> np.ndarray:
        def one(i: int) -> np.ndarray:
            return squeeze(validation.image(domain, indices[domain][i]), size)

        return images.to_uint8(in_threads(one, used))

    truth = [read(k) for k in range(len(validation.domains))]
    seen = [learned.features(x) if learned else None for x in truth]
    rows: dict[str, Section] = {f"pairs_{guide}": {} for guide in GUIDES}
    names = pairs(translator.domains)
    total = len(names) * len(GUIDES) * len(used)
    with tqdm(total=total, unit="output", desc="pairs", dynamic_ncols=True) as bar:
        for (a, b), name in names.items():
            source = _against(truth[a], truth[b], learned, seen[b])
            for guide in GUIDES:
                styles = _styles(translator, guide, a, b, truth[b])
                fakes = translator.apply_styles(truth[a], styles)
                row = _against(fakes, truth[b], learned, seen[b])
                rows[f"pairs_{guide}"][name] = _side_by_side(row, source)
                bar.update(len(used))
    return {name: report.with_mean(section) for name, section in rows.items()}


def paired(validation: ImageSet) -> list[list[int]]:
    """The indices of each domain's images, in the order of their common names.

    Raises:
        UserError: if an image has no counterpart in some domain.
    """
    by_name = [_by_name(validation, k) for k in range(len(validation.domains))]
    for k, domain in enumerate(validation.domains):
        for other, others in zip(validation.domains, by_name, strict=True):
            if alone := sorted(by_name[k].keys() - others.keys()):
                raise UserError(
                    f"--pairs: validation image {alone[0]!r} of {domain} has no "
                    f"counterpart in {other} ({len(alone)} such); each needs one of "
                    "the same name in every domain"
                )
    if len(by_name[0]) < 2:
        raise UserError("--pairs: one validation image; at least two names are needed")
    names = sorted(by_name[0])
    return [[index[name] for name in names] for index in by_name]


def _by_name(validation: ImageSet, domain: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for index in range(validation.count(domain)):
        name = composed(validation.name(domain, index))
        if not name:
            raise UserError("--pairs: these validation images have no names")
        if name in found:
            raise UserError(
                f"--pairs: two validation images of {validation.domains[domain]} are "
                f"named {name!r}"
            )
        found[name] = index
    return found


def _styles(
    translator: Translator, guide: str, source: int, target: int, truth: np.ndarray
) -> np.ndarray:
    """A style code for each image: of a latent, or of another image of the target."""
    config, count = translator.config, len(truth)
    domain = translator.domains[target]
    rng = np.random.default_rng((config.seed, GUIDES.index(guide), source, target))
    if guide == "latent":
        latents = rng.standard_normal((count, config.latent_dim), np.float32)
        return translator.map_latents(latents, domain)
    others = (np.arange(count) + rng.integers(1, count, count)) % count
    return translator.encode_styles(truth, domain)[others]


def _against(
    found: np.ndarray,
    truth: np.ndarray,
    learned: Learned | None,
    seen: np.ndarray | None,
) -> Row:
    """The distances of uint8 images to the truth, and retrieval."""
    difference = np.abs(found.astype(np.int16) - truth)
    row = {
        "pixels": float(difference.mean()),
        "ssim": float(np.mean([*map(_ssim, found, truth)])),
    }
    if learned and seen is not None:
        features = learned.features(found)
        row[learned.name] = float(np.mean(learned.distance(features, seen)))
        right = learned.nearest(features, seen) == np.arange(len(seen))
        row["retrieval"] = float(np.mean(right))
    return row


def _side_by_side(translations: Row, sources: Row) -> Row:
    """Each measure of the translations, and after it that of the sources."""
    return {
        name: value
        for measure, translation in translations.items()
        for name, value in (
            (measure, translation),
            (f"{measure}_source", sources[measure]),
        )
    }


def _ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of two uint8 images (Wang et al., 2004), at most 1."""
    return float(tf.image.ssim(a, b, max_val=255))


def _nearest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The index of the nearest of b by Euclidean distance, for each of a."""
    return np.argmin(np.sum(b * b, axis=1) - 2 * a @ b.T, axis=1)


def _unit(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(length, 1e-12)
