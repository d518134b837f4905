"""Scores of translations of drawn animals, factor by factor, against the truth.

A translation should have the species of the target domain, the content of the source,
and the fur of the reference, or another fur for each latent. Sources and references are
drawn, so their factors are known. Those of a translation are read by the probe. The
background is defined to be neither content nor style, so it is reported, not judged.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tfstargan.data import critters
from tfstargan.images.reading import to_float
from tfstargan.metrics.probe import (
    CHOICES,
    CIRCULAR,
    CONTENT,
    LINEAR,
    Factors,
    Probe,
)
from tfstargan.progress import Bar
from tfstargan.translation.translator import Translator

SOURCES = 100  # of each species, and as many references
QUICK_SOURCES = 25
LATENTS = 6  # for each source in each other species
MEANING = {
    "probe": "the probe's accuracy on new drawn animals: share of right species and "
    "patterns, R2 of all other factors",
    "probe_translations": "share with the target's species; R2 against the content of "
    "the source",
    "probe_species": "share with the target's species, for each target",
    "probe_fur": "share of hues within 30 degrees of the reference's, median error in "
    "degrees; mean error of lightness as a share of its range; share of right "
    "patterns. The source's fur should be met by chance only",
    "probe_diversity": "mean distance of a source's translations, divided by that of "
    "animals drawn at random",
    "probe_background": "R2 against the source and the reference; StarGAN v2 may take "
    "the background from both",
    "probe_pixels": "mean error of images translated into their own style (identity), "
    "and into another and back (cycle); in levels of 255",
}
BACKGROUND = ("background_hue", "background_lightness")
SAME_HUE = 30.0  # degrees; hues within it count as the same


class Task(NamedTuple):
    """Animals of one species to translate into another."""

    source: str
    target: str
    x_src: np.ndarray  # [N, H, W, 3] in [-1, 1]
    x_ref: np.ndarray
    source_factors: Factors
    reference_factors: Factors


def translation_scores(
    translator: Translator, probe: Probe, sources: int = SOURCES, seed: int = 0
) -> dict:
    """Every score of a run trained on critters.

    Args:
        translator: of the run.
        probe: for images of the run's size or smaller.
        sources: animals of each species to translate into each other species.
        seed: of the animals (0: those of the run's own validation set) and latents.

    Returns:
        Nested dictionaries of numbers. Of shares and R2, 1 is best.
    """
    tasks = make_tasks(translator.config.img_size, sources, seed, translator.domains)
    return {
        "probe": reading_scores(probe, tasks),
        "latent": latent_scores(translator, probe, tasks, seed),
        "reference": reference_scores(translator, probe, tasks),
        "identity": {"l1": identity_error(translator, tasks)},
        "cycle": {"l1": cycle_error(translator, tasks)},
    }


def headline(scores: dict) -> dict[str, float]:
    """The scores that summarize a run, in the order of a table's columns.

    For species and content, the worse of latent- and reference-guided.
    """
    guides = (scores["latent"], scores["reference"])
    worst = {
        name: min(guide["content_r2"][name] for guide in guides) for name in CONTENT
    }
    return {
        "species": min(guide["species"] for guide in guides),
        "position": min(worst["x"], worst["y"]),
        **{name: worst[name] for name in ("size", "tilt", "mouth", "gaze")},
        "hue": scores["reference"]["fur"]["hue_within_30"],
        "pattern": scores["reference"]["fur"]["pattern"],
        "diversity": scores["latent"]["diversity"]["mean"],
        "identity": scores["identity"]["l1"],
        "cycle": scores["cycle"]["l1"],
    }


def sections(scores: dict) -> dict[str, dict[str, dict[str, float]]]:
    """The scores in the form of a report: {section: {row: {column: number}}}."""
    of_probe = {name: scores["probe"][name] for name in CHOICES}
    guides = {name: scores[name] for name in ("latent", "reference")}
    return {
        "probe": {"new images": of_probe | scores["probe"]["r2"]},
        "probe_translations": {
            name: {"species": guide["species"]} | guide["content_r2"]
            for name, guide in guides.items()
        },
        "probe_species": {
            name: guide["species_into"] for name, guide in guides.items()
        },
        "probe_fur": {
            "as the reference's": scores["reference"]["fur"],
            "as the source's": scores["reference"]["fur_of_source"],
        },
        "probe_diversity": {"over latents": scores["latent"]["diversity"]},
        "probe_background": scores["reference"]["background_r2"],
        "probe_pixels": {name: scores[name] for name in ("identity", "cycle")},
    }


def make_tasks(
    img_size: int, sources: int, seed: int, species: Sequence[str] = critters.SPECIES
) -> list[Task]:
    """Draw `sources` animals to translate, and as many references, for every pair."""
    levels, _, animals = critters.make_split(
        2 * sources, img_size, seed, "val", species
    )
    images, factors = to_float(levels), Factors.of(animals)
    rows = np.arange(len(images)).reshape(-1, 2, sources)
    return [
        Task(
            species[source],
            species[target],
            images[rows[source, 0]],
            images[rows[target, 1]],
            factors.rows(rows[source, 0]),
            factors.rows(rows[target, 1]),
        )
        for source in range(len(rows))
        for target in range(len(rows))
        if source != target
    ]


def reading_scores(probe: Probe, tasks: Sequence[Task]) -> dict:
    """The probe's accuracy on drawn animals that it was not trained on."""
    read = Factors.join([probe.read(task.x_ref) for task in tasks])
    true = Factors.join([task.reference_factors for task in tasks])
    return {
        **{name: share(read, true, name) for name in CHOICES},
        "r2": {name: r2(read, true, name) for name in (*LINEAR, *CIRCULAR)},
    }


def latent_scores(
    translator: Translator, probe: Probe, tasks: Sequence[Task], seed: int = 0
) -> dict:
    """Scores of latent-guided translations: species, content and diversity."""
    rng = np.random.default_rng(seed)

    def read(task: Task) -> Factors:
        size = (LATENTS * len(task.x_src), translator.config.latent_dim)
        styles = translator.map_latents(
            rng.standard_normal(size, np.float32), task.target
        )
        turns = (styles[i::LATENTS] for i in range(LATENTS))
        fakes = np.stack([*translator.in_styles(task.x_src, turns)], axis=1)
        return probe.read(fakes.reshape(-1, *fakes.shape[2:]))

    reads = [read(task) for task in _shown(tasks, "latents")]
    each = np.arange(len(tasks[0].x_src)).repeat(LATENTS)
    true = Factors.join([task.source_factors.rows(each) for task in tasks])
    return {
        "species": right_species(reads, tasks),
        "species_into": species_into(reads, tasks),
        "content_r2": {name: r2(Factors.join(reads), true, name) for name in CONTENT},
        "diversity": diversity(Factors.join(reads), LATENTS),
    }


def reference_scores(
    translator: Translator, probe: Probe, tasks: Sequence[Task]
) -> dict:
    """Scores of reference-guided translations: species, content, fur, background."""
    reads = [
        probe.read(by_reference(translator, task))
        for task in _shown(tasks, "references")
    ]
    read = Factors.join(reads)
    source = Factors.join([task.source_factors for task in tasks])
    reference = Factors.join([task.reference_factors for task in tasks])
    return {
        "species": right_species(reads, tasks),
        "species_into": species_into(reads, tasks),
        "content_r2": {name: r2(read, source, name) for name in CONTENT},
        "fur": fur_scores(read, reference),
        "fur_of_source": fur_scores(read, source),
        "background_r2": {
            "of_source": {name: r2(read, source, name) for name in BACKGROUND},
            "of_reference": {name: r2(read, reference, name) for name in BACKGROUND},
        },
    }


def fur_scores(read: Factors, true: Factors) -> dict[str, float]:
    """How near the fur of translations is to that of other animals."""
    hue_error = 360 * distance(read, true, "hue")
    return {
        "hue_within_30": float(np.mean(hue_error <= SAME_HUE)),
        "hue_error_degrees": float(np.median(hue_error)),
        "lightness_error": float(np.mean(distance(read, true, "lightness"))),
        "pattern": share(read, true, "pattern"),
    }


def by_reference(translator: Translator, task: Task) -> np.ndarray:
    """Every source in the style of its reference, [N, H, W, 3]."""
    styles = translator.encode_styles(task.x_ref, task.target)
    return translator.apply_styles(task.x_src, styles)


def identity_error(translator: Translator, tasks: Sequence[Task]) -> float:
    """The mean error of images in their own style, in levels of 255."""
    return _levels(
        translator.apply_styles(t.x_src, translator.encode_styles(t.x_src, t.source))
        - t.x_src
        for t in _shown(tasks, "own styles")
    )


def cycle_error(translator: Translator, tasks: Sequence[Task]) -> float:
    """The mean error of images translated and back (eq. 4), in levels of 255."""
    return _levels(
        translator.apply_styles(
            by_reference(translator, t), translator.encode_styles(t.x_src, t.source)
        )
        - t.x_src
        for t in _shown(tasks, "cycles")
    )


def _shown(tasks: Sequence[Task], name: str) -> Iterable[Task]:
    """The tasks, with a bar if they take long."""
    return Bar(tasks, desc=f"probe, {name}", unit="pair", delay=2, leave=False)


def species_into(reads: Sequence[Factors], tasks: Sequence[Task]) -> dict[str, float]:
    """The share of right species for each target."""
    targets = dict.fromkeys(task.target for task in tasks)
    return {target: right_species(*_into(target, reads, tasks)) for target in targets}


def _into(
    target: str, reads: Sequence[Factors], tasks: Sequence[Task]
) -> tuple[list[Factors], list[Task]]:
    """The readings and tasks of one target."""
    chosen = [n for n, task in enumerate(tasks) if task.target == target]
    return [reads[n] for n in chosen], [tasks[n] for n in chosen]


def right_species(reads: Sequence[Factors], tasks: Sequence[Task]) -> float:
    """The share of translations that show the species of the target."""
    return float(
        np.mean(
            [
                read.choices["species"] == critters.EVERY_SPECIES.index(task.target)
                for read, task in zip(reads, tasks, strict=True)
            ]
        )
    )


def diversity(read: Factors, latents: int) -> dict[str, float]:
    """The diversity of the translations of a source, by fur factor.

    The mean distance between two translations of one source, divided by that of two
    animals drawn at random: 1 if they are as diverse as the data. `mean` is over the
    factors.

    Args:
        read: factors of the translations, those of one source next to each other.
        latents: translations of each source, at least 2.
    """
    first, second = np.triu_indices(latents, 1)
    start = latents * np.arange(len(read.numbers["hue"]) // latents)[:, None]
    one, two = (read.rows((start + i).ravel()) for i in (first, second))
    # mean distance of two points on a circle, two in an interval, two of 3 patterns
    chance = {"hue": 1 / 4, "lightness": 1 / 3, "pattern": 2 / 3}
    ratios = {
        name: float(np.mean(distance(one, two, name)) / by_chance)
        for name, by_chance in chance.items()
    }
    return ratios | {"mean": float(np.mean([*ratios.values()]))}


def distance(one: Factors, two: Factors, name: str) -> np.ndarray:
    """The distances in a factor, [N]: turns, shares of its range, or 0 and 1."""
    if name in CHOICES:
        return one.choices[name] != two.choices[name]
    difference = abs(one.numbers[name] - two.numbers[name])
    if name in CIRCULAR:
        return np.minimum(difference, 1 - difference)
    low, high = critters.RANGES[name]
    return difference / (high - low)


def share(read: Factors, true: Factors, name: str) -> float:
    """The share of right readings of a choice."""
    return float(np.mean(read.choices[name] == true.choices[name]))


def r2(read: Factors, true: Factors, name: str) -> float:
    """The share of a factor's variance that the readings explain.

    `1 - sum |read - true|^2 / sum |true - mean|^2`: 1 for perfect, 0 for guessing the
    mean, below 0 for worse than that. A hue is a point on the unit circle.
    """
    a, b = read.numbers[name], true.numbers[name]
    if name in CIRCULAR:
        a, b = (np.exp(2j * np.pi * values) for values in (a, b))
    spread = np.sum(abs(b - np.mean(b)) ** 2)
    return float(1 - np.sum(abs(a - b) ** 2) / spread)


def _levels(errors: Iterable[np.ndarray]) -> float:
    return 127.5 * float(np.mean([np.mean(abs(error)) for error in errors]))
