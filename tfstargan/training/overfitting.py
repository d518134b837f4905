"""Whether the discriminator has memorized the training images, and when to stop."""

import functools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfstargan.data.image_set import ImageSet
from tfstargan.data.stream import examples_of, some_labels
from tfstargan.metrics import report
from tfstargan.runs.run import Run
from tfstargan.training.announcing import say
from tfstargan.training.callbacks import Periodic
from tfstargan.translation.grids import MOST_DOMAINS
from tfstargan.translation.translator import Translator

IMAGES = 64  # of each kind
MEMORIZED = 0.5  # overfitting from which the images count as memorized

Measured = dict[int, dict[str, float]]  # by iteration


class Overfitting(Periodic):
    """Compares the discriminator's mean logits of training and validation images.

    `overfitting = (training - validation) / (training - translated)`: 0 if validation
    images look as real to it as training images, 1 if they look like translations.
    Karras et al., arXiv:2006.06676, eq. 1.

    Args:
        run: where results are kept: evaluation/overfitting.json.
        writer: of TensorBoard's files.
        training: the images that are trained on.
        validation: others.
    """

    at_the_end = True  # with each grid

    def __init__(
        self,
        run: Run,
        writer: tf.summary.SummaryWriter,
        training: ImageSet,
        validation: ImageSet,
    ):
        super().__init__(run, writer, run.config.sample_every)
        self.labels = some_labels(len(run.config.domains), MOST_DOMAINS)
        self.file = run.evaluation_dir / "overfitting.json"
        self.sets = {"training": training, "validation": validation}

    def is_done(self, iteration: int) -> bool:
        """Whether the iteration was measured."""
        return iteration in measured(self.run)

    def act(self, iteration: int) -> None:
        """Measure the current discriminator."""
        x = {name: self.images(image_set) for name, image_set in self.sets.items()}
        means = {name: self.mean_logit(images) for name, images in x.items()}
        means["translated"] = self.mean_logit(self.translations(x["validation"]))
        means["overfitting"] = overfitting(**means)
        self.write_scalars("discriminator", means, iteration)
        found = measured(self.run) | {iteration: means}
        report.write_json(self.file, found)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Print advice if the discriminator has memorized the training images."""
        since = memorized_since(measured(self.run))
        if since is not None:
            best = self.run.best()
            remedy = f"stop at the best, {best.iteration}" if best else "stop there"
            if self.run.config.augment == "none":
                remedy = f"use --augment=ada in a new run, or {remedy}"
            say(
                "the discriminator has memorized the training images since iteration "
                f"{since}: {remedy}"
            )

    def images(self, image_set: ImageSet) -> np.ndarray:
        """Images of each domain, [domains, N, H, W, 3]."""
        each = max(1, IMAGES // len(self.labels))
        size = self.run.config.img_size
        return examples_of(image_set, size, each, labels=self.labels)

    def mean_logit(self, x: np.ndarray) -> float:
        """The mean logit of [domains, N, H, W, 3], each in its domain."""
        logits = [
            self.model.discriminator(images, np.full(len(images), label, np.int32))
            for images, label in zip(x, self.labels, strict=True)
        ]
        return float(np.mean(logits))

    @functools.cached_property
    def _current(self) -> Translator:
        """A translator with the networks that the discriminator is trained against.

        The averaged networks lag behind, and a discriminator may have forgotten what
        their translations look like.
        """
        networks = self.model.translating_networks(averaged=False)
        return Translator(self.run.config, networks)

    def translations(self, x: np.ndarray) -> np.ndarray:
        """The images of the previous domain, translated into each domain."""
        translator = self._current
        sources = np.roll(x, 1, axis=0)
        rng = np.random.default_rng(self.run.config.seed)
        size = (x.shape[1], self.run.config.latent_dim)
        return np.stack(
            [
                translator.apply_styles(
                    images,
                    translator.map_latents(
                        rng.standard_normal(size, np.float32),
                        self.run.config.domains[label],
                    ),
                )
                for images, label in zip(sources, self.labels, strict=True)
            ]
        )


def overfitting(training: float, validation: float, translated: float) -> float:
    """The measure of `Overfitting`, of mean logits; 0 where it tells nothing."""
    span = training - translated
    return (training - validation) / span if span > 0 else 0.0


def measured(run: Run) -> Measured:
    """What was measured of a run."""
    try:
        found: Any = json.loads((run.evaluation_dir / "overfitting.json").read_text())
        return {int(iteration): dict(values) for iteration, values in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def memorized_since(found: Mapping[int, Mapping[str, float]]) -> int | None:
    """The iteration since which the training images are memorized; None if not.

    A single measurement, the last one, does not count.
    """
    since = None
    for iteration in sorted(found, reverse=True):
        if found[iteration].get("overfitting", 0.0) < MEMORIZED:
            break
        since = iteration
    return None if since is None or since == max(found) else since
