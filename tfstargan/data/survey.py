"""The paragraph about the data at the start of a training, and advice.

Sizes and near-duplicates are reported for folders, whose files were inspected when they
were opened. For packed data, TFDS and drawn animals there are only counts.
"""

import collections
import itertools
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tfstargan.config import Config
from tfstargan.data.alike import near_duplicates
from tfstargan.data.folder import Folder
from tfstargan.data.image_set import ImageSet
from tfstargan.data.scan import Seen

FEW = 1000  # images of a domain; the paper's data sets have thousands
UNEQUAL = 3  # times as many images in one domain as in another
MANY_SMALL = 0.1  # share of the images
DRAWN = 3  # images for each element of a batch: a source and two references
SMALLEST = 32  # --img_size


class Known(NamedTuple):
    """An image of a folder."""

    file: pathlib.Path
    domain: str
    validation: bool
    seen: Seen


def survey(
    training: ImageSet, validation: ImageSet, config: Config, begun: bool = False
) -> str:
    """A paragraph about the images of a run, and lines of advice.

    Args:
        training: the images to train on.
        validation: those to validate with.
        config: the run's settings.
        begun: whether it begins with the weights of another run.
    """
    paragraph = [_counts(training, validation)]
    advice = [*_unequal(training)]
    if config.dataset != "critters":  # on which few images were measured to do
        advice = [*_few(training, config, begun), *advice]
    if isinstance(training, Folder):
        shapes = np.array([(s.width, s.height) for s in training.used()])
        paragraph += [_sizes(shapes), _not_square(shapes, config)]
        paragraph += _duplicates(known(training, validation))
        sides = shapes.max(axis=1) if config.fit == "pad" else shapes.min(axis=1)
        advice += _small(sides, config.img_size)
    paragraph.append(_passes(training, config))
    lines = [" ".join(filter(None, paragraph)), *(f"advice: {text}" for text in advice)]
    return "\n".join(lines)


def known(training: Folder, validation: ImageSet) -> list[Known]:
    """The images of two folders; only of the first if they are the same."""
    splits = {False: training}
    if isinstance(validation, Folder) and validation.files != training.files:
        splits[True] = validation
    return [
        Known(file.relative_to(folder.root), domain, of_val, folder.seen[file])
        for of_val, folder in splits.items()
        for domain, files in zip(folder.domains, folder.files, strict=True)
        for file in files
    ]


def _counts(training: ImageSet, validation: ImageSet) -> str:
    told = (
        ", ".join(f"{some.count(k):,} {d}" for k, d in enumerate(some.domains))
        for some in (training, validation)
    )
    return "data: {} to train on; {} to validate on.".format(*told)


def _sizes(shapes: np.ndarray) -> str:
    order = shapes[np.argsort(shapes.min(axis=1), kind="stable")]
    low, middle, high = (
        f"{width} x {height}" for width, height in order[[0, len(order) // 2, -1]]
    )
    if low == high and len(np.unique(shapes, axis=0)) == 1:
        return f"All are {low}."
    return f"Sizes from {low} to {high}, {middle} in the middle."


def _not_square(shapes: np.ndarray, config: Config) -> str:
    count = int((shapes[:, 0] != shapes[:, 1]).sum())
    if not count:
        return ""
    done = {
        "squeeze": f"squeezed to {config.img_size} x {config.img_size}",
        "crop": "cropped to their centred square",
        "pad": "padded to a square by reflection",
    }[config.fit]
    return f"{count:,} of {len(shapes):,} are not square and are {done}."


def _duplicates(images: list[Known]) -> Iterator[str]:
    """Yield a sentence about near-duplicates, if there are any."""
    found: dict[str, set[int]] = collections.defaultdict(set)
    examples: dict[str, str] = {}
    for i, others in near_duplicates([image.seen.thumbnail for image in images]):
        for one, other in (sorted((i, j)) for j in others.tolist()):
            kind = _relation(images[one], images[other])
            found[kind].add(other)
            examples.setdefault(kind, f"{images[one].file} and {images[other].file}")
    if found:
        told = (
            f"{len(found[kind]):,} {kind} ({examples[kind]})" for kind in sorted(found)
        )
        yield f"Near-duplicates: {', '.join(told)}."


def _relation(one: Known, other: Known) -> str:
    if one.domain != other.domain:
        return "across domains"
    if one.validation != other.validation:
        return "across training and validation"
    return "within a domain"


def _passes(training: ImageSet, config: Config) -> str:
    draws = DRAWN * config.batch_size * config.iterations / len(training.domains)
    times = ", ".join(
        f"{draws / training.count(k):,.0f} ({domain})"
        for k, domain in enumerate(training.domains)
    )
    return (
        f"In {config.iterations:,} iterations an image is drawn, as a source or a "
        f"reference, about this many times: {times}."
    )


def _few(training: ImageSet, config: Config, begun: bool) -> Iterator[str]:
    few = [d for k, d in enumerate(training.domains) if training.count(k) < FEW]
    used = {"--augment": config.augment != "none", "--init_from": begun}
    others = " and ".join(flag for flag, is_used in used.items() if not is_used)
    remedy = f"see {others}, " if others else ""
    if few:
        yield (
            f"fewer than {FEW:,} images of {', '.join(few)}: expect overfitting; "
            f"{remedy}watch the sample grids, and stop when they get worse"
        )


def _unequal(training: ImageSet) -> Iterator[str]:
    counts = {domain: training.count(k) for k, domain in enumerate(training.domains)}
    most, least = (pick(counts, key=counts.__getitem__) for pick in (max, min))
    if counts[most] > UNEQUAL * counts[least]:
        times = counts[most] / counts[least]
        yield (
            f"{most} has {times:.0f} times as many images as {least}; domains are "
            f"drawn equally often, so each image of {least} comes {times:.0f} times "
            "as often"
        )


def _small(sides: np.ndarray, img_size: int) -> Iterator[str]:
    small = int((sides < img_size).sum())
    if small <= MANY_SMALL * len(sides):
        return
    powers = itertools.takewhile(
        lambda side: side <= np.median(sides), (2**i for i in range(5, 11))
    )
    fitting = max(powers, default=SMALLEST)
    remedy = f"; consider --img_size={fitting}" if fitting < img_size else ""
    yield (
        f"{small:,} of {len(sides):,} images are smaller than {img_size} pixels and "
        f"are enlarged{remedy}"
    )
