"""Translations against the truth, for data sets whose validation images are pairs.

In a paired data set an image has a counterpart in every other domain: the file of the
same name. Training does not use the names. Here the counterpart is the true result, and
three distances to it are measured, each beside that of the untranslated source; and
retrieval: how often the counterpart is the nearest of the target's validation images.

Every image is translated once into every other domain, in the style of a latent and in
that of a reference: a validation image of the target domain, never the counterpart.

Every figure has a 95 % interval. It is found by resampling the names: a name is drawn
with its images of all domains, and the images to choose from stay the same.
"""

import json
import pathlib

import numpy as np
import tensorflow as tf

from tfstargan import images
from tfstargan.data.image_set import ImageSet
from tfstargan.errors import UserError
from tfstargan.files import composed
from tfstargan.metrics import intervals, report
from tfstargan.metrics.learned import Learned
from tfstargan.metrics.protocol import GUIDES, chosen, in_threads, pairs, squeeze
from tfstargan.metrics.report import HIGH, LOW, SOURCE, Row, Section
from tfstargan.progress import Bar
from tfstargan.translation.translator import Translator

ABOUT = (
    "mean distance of translations, and of the untranslated sources, to the true "
    "counterparts (pixels: levels of 255; SSIM: 1 is equal; LPIPS or lite0: learned); "
    "retrieval: share whose nearest image is the counterpart; ratio: learned distance "
    "divided by the source's; below each figure, its 95 % interval over names"
)
MEANING = {f"pairs_{guide}": ABOUT for guide in GUIDES}

Values = dict[str, np.ndarray]  # by measure: a value of each name, [N]


def measure(
    translator: Translator,
    validation: ImageSet,
    learned: Learned | None = None,
    limit: int | None = None,
    parts: pathlib.Path | None = None,
) -> dict[str, Section]:
    """The results by guide and pair of domains.

    Args:
        translator: of the run.
        validation: the images, paired by name.
        learned: a learned distance; None: pixels and SSIM alone.
        limit: names used of each domain, evenly spread; None: all.
        parts: folder in which measured pairs of domains are kept, for these arguments
            only; those in it are not measured again. None: none are kept.

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
    sections: dict[str, dict[str, Values]] = {f"pairs_{guide}": {} for guide in GUIDES}
    names = pairs(translator.domains)
    total = len(names) * len(GUIDES) * len(used)
    with Bar(total=total, unit="output", desc="pairs", dynamic_ncols=True) as bar:
        for (a, b), name in names.items():
            source = _against(truth[a], seen[a], truth[b], seen[b], learned)
            for guide in GUIDES:
                file = parts / f"pairs-{guide}-{a}-{b}.json" if parts else None
                values = _kept(file)
                if values is None:
                    styles = _styles(translator, guide, a, b, truth[b])
                    fakes = translator.apply_styles(truth[a], styles)
                    features = learned.features(fakes) if learned else None
                    values = _against(fakes, features, truth[b], seen[b], learned)
                    _keep(values, file)
                    bar.update(len(used))
                else:
                    bar.total -= len(used)
                sections[f"pairs_{guide}"][name] = _side_by_side(values, source)
    ratio_of = learned.name if learned else ""
    return {name: _summary(rows, ratio_of) for name, rows in sections.items()}


def _kept(file: pathlib.Path | None) -> Values | None:
    """The values in a file of `_keep`; None without one."""
    if file is None or not file.exists():
        return None
    return {name: np.array(x) for name, x in json.loads(file.read_text()).items()}


def _keep(values: Values, file: pathlib.Path | None) -> None:
    if file is not None:
        lists = {name: x.tolist() for name, x in values.items()}
        report.write_json(file, lists)


def _summary(rows: dict[str, Values], ratio_of: str) -> Section:
    """Means over the names, with their intervals; and a row of their means.

    Args:
        rows: values by pair of domains.
        ratio_of: the measure that is divided by the source's; empty: none.
    """
    columns = next(iter(rows.values()))
    mean = {name: np.mean([row[name] for row in rows.values()], 0) for name in columns}
    every = rows | {"mean": mean}
    return {name: _figures(values, ratio_of) for name, values in every.items()}


def _figures(values: Values, ratio_of: str) -> Row:
    """The mean of each measure, and the bounds of its interval."""
    draws = intervals.resamplings(len(next(iter(values.values()))))
    figures: dict[str, tuple[float, np.ndarray]] = {
        name: (float(np.mean(x)), draws @ x) for name, x in values.items()
    }
    if ratio_of:
        (mean, means), (of, ofs) = figures[ratio_of], figures[f"{ratio_of}_{SOURCE}"]
        least = 1e-12  # a source that is its counterpart
        figures["ratio"] = mean / max(of, least), means / np.maximum(ofs, least)
    row: Row = {}
    for name, (figure, resampled) in figures.items():
        low, high = intervals.between(resampled)
        row |= {name: figure, f"{name}{LOW}": low, f"{name}{HIGH}": high}
    return row


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
    features: np.ndarray | None,
    truth: np.ndarray,
    seen: np.ndarray | None,
    learned: Learned | None,
) -> Values:
    """The distances of uint8 images to the truth, and retrieval: 1 or 0.

    Args:
        found: the images.
        features: those of `learned`.
        truth: the counterparts.
        seen: the features of `learned` of the counterparts.
        learned: a learned distance; None: none, and no features.
    """
    difference = np.abs(found.astype(np.int16) - truth)
    values = {
        "pixels": difference.mean(axis=(1, 2, 3)),
        "ssim": np.array([*map(_ssim, found, truth)]),
    }
    if learned and features is not None and seen is not None:
        values[learned.name] = np.asarray(learned.distance(features, seen), float)
        right = learned.nearest(features, seen) == np.arange(len(seen))
        values["retrieval"] = right.astype(float)
    return values


def _side_by_side(translations: Values, sources: Values) -> Values:
    """Each measure of the translations, and after it that of the sources."""
    return {
        name: values
        for measure, translation in translations.items()
        for name, values in (
            (measure, translation),
            (f"{measure}_{SOURCE}", sources[measure]),
        )
    }


def _ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of two uint8 images (Wang et al., 2004), at most 1."""
    return float(tf.image.ssim(a, b, max_val=255))
