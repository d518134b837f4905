"""What a light generator learns from: another's images, feature maps and discriminator.

`Distiller` is a `StarGANv2` with another training step, which `distill.py` trains.
"""

import dataclasses
import math
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfstargan import losses
from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.layers import upsample_in_phases
from tfstargan.light import LightGenerator
from tfstargan.networks import Generator
from tfstargan.optimizer import Adam
from tfstargan.run import Run
from tfstargan.stargan import AVERAGED, Sources, StarGANv2, build_networks, translating
from tfstargan.translator import Translator

# An iteration's updates: the discriminator's is the dear one, for its R1 penalty.
UPDATES: dict[str, tuple[str, ...]] = {
    "D/plain": ("discriminator",),
    "G/plain": ("generator",),
    "G/other": ("generator",),
    "G/blended": ("generator",),
}
# Weights of the losses, beside 1 for the pixels.
HINTS = 0.3  # at first: falls to 0
FEATURES = 0.3
ADVERSARIAL = 0.1
# Of the student. Imitation is no game of two: momentum and a falling rate help.
LEARNING_RATE = 3e-3
BETA1 = 0.9


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A checkpoint to learn from."""

    run: Run
    iteration: int

    def networks(self) -> dict[str, keras.Model]:
        """Return its averaged networks, its discriminator, and FAN, if it has one."""
        names = (*translating(self.run.config), "discriminator")
        networks = build_networks(self.run.config, names)
        self.run.load_averages(networks, self.iteration)
        return networks


def trace(generator: Generator, x: Any, s: Any, masks: Any) -> tuple[Any, list[Any]]:
    """Return images in their styles, and the feature maps on the way there.

    Of the sides that a light generator has, in order: encoder's, then decoder's.
    """
    encoded: list[Any] = []
    decoded: list[Any] = []
    features = generator.encode_features(x, encoded)
    x_fake = generator.decode_features(features, s, masks, decoded)
    skipped = LightGenerator.halvings - generator.halvings
    return x_fake, encoded[skipped:] + decoded[: len(decoded) - skipped]


class Components:
    """Principal components of the teacher's feature maps: hints for the student's.

    The student has fewer channels: what it can have of a map of the teacher's is its
    projection on as many components. (FitNets, Romero et al., arXiv:1412.6550, learn
    a projection the other way.)

    Args:
        pixels: of each of the teacher's maps some pixels, [N, C].
        channels: the student's for each.
    """

    def __init__(self, pixels: list[np.ndarray], channels: list[int]):
        self.means, self.projections = [], []
        for values, count in zip(pixels, channels, strict=True):
            variances, vectors = np.linalg.eigh(np.cov(values.T))  # ascending
            largest = vectors[:, ::-1][:, :count]
            # A vector and its negative are both right: choose, for a resumed run.
            largest = largest * np.sign(largest[abs(largest).argmax(0), range(count)])
            scale = np.sqrt(variances[-count:].mean())  # to variance 1 on average
            self.means.append(values.mean(0).astype(np.float32))
            self.projections.append((largest / scale).astype(np.float32))

    def of(self, maps: list[Any]) -> list[Any]:
        """Return maps projected, [B, H, W, the student's channels] each."""
        parts = zip(maps, self.means, self.projections, strict=True)
        return [tf.tensordot(x - mean, p, 1) for x, mean, p in parts]


class Distiller(StarGANv2):
    """A StarGANv2 whose generator alone is trained, to imitate another's.

    Its state is that of a StarGANv2: a checkpoint of a run like any other.

    Args:
        config: of the student.
        teacher: what it learns from.
        components: of the teacher's feature maps.
    """

    shown: ClassVar = {
        "pixels": "G/plain/pixels",
        "hints": "G/plain/hints",
        "features": "G/plain/features",
        "adv": "G/plain/adv",
        "D": "D/plain/loss",
    }

    def __init__(
        self, config: Config, teacher: Teacher, components: Components, **kwargs: Any
    ):
        super().__init__(config, **kwargs)
        networks = teacher.networks()
        self.discriminator.set_weights(networks.pop("discriminator").get_weights())
        for name in AVERAGED[1:]:
            for network in (getattr(self, name), self.averages[name]):
                network.set_weights(networks[name].get_weights())
        if self.fan is not None:
            self.fan.set_weights(networks["fan"].get_weights())
        upsample_in_phases(networks["generator"])
        # Not a network of this model's own: it is no part of its checkpoints.
        self.teacher = Translator(teacher.run.config, networks)
        self.components = components

    def updates(self) -> dict[str, tuple[str, ...]]:
        return UPDATES

    def _optimizer(self, network: str) -> keras.optimizers.Optimizer:
        if network != "generator":
            return super()._optimizer(network)
        return Adam(LEARNING_RATE, BETA1, self.config.beta2, l2=0.0)

    def scheduled_rates(self) -> dict[str, Any]:
        """Return the generator's rate now: half a cosine from LEARNING_RATE to 0."""
        factor = 0.5 * (1.0 + tf.cos(math.pi * self.progress()))
        return {"generator": LEARNING_RATE * factor}

    def progress(self) -> Any:
        """Return how far training is, from 0 to 1."""
        done = tf.cast(self.iteration, tf.float32) / self.config.iterations
        return tf.minimum(done, 1.0)

    def style(self, batch: Batch, guide: str, second: bool = False) -> Any:
        """Return a style code for each image, [B, style_dim]; no gradient goes there.

        Plain and other styles are, half of them, by chance, of latents, and half of
        references; blended ones are anywhere between a plain one and another image's
        other one, often of another domain.
        """
        seed = [self.config.seed, tf.cast(self.iteration, tf.int32)]
        first, way = tf.unstack(
            tf.random.stateless_uniform((2, batch.z.shape[0], 1), seed)
        )
        y, by_latent = batch.y_trg, first < 0.5
        plain = tf.where(
            by_latent,
            self.mapping_network(batch.z, y),
            self.style_encoder(batch.x_ref, y),
        )
        other = tf.where(
            by_latent,
            self.style_encoder(batch.x_ref2, y),
            self.mapping_network(batch.z2, y),
        )
        blended = plain + way * (tf.roll(other, 1, axis=0) - plain)
        style = {"plain": plain, "other": other, "blended": blended}[guide]
        return tf.stop_gradient(style)

    def discriminator_loss(
        self, batch: Batch, guide: str, sources: Sources | None = None
    ) -> tuple[Any, dict]:
        """Return the discriminator's loss of half of the images: it knows its trade."""
        sources = sources or Sources(self, batch)
        style, x_fake = sources.fake(guide)
        count = (x_fake.shape[0] + 1) // 2
        half = Batch(*(x[:count] for x in batch))
        fakes = Sources(self, half, sources.masks)
        fakes.fakes[guide] = style[:count], x_fake[:count]
        return super().discriminator_loss(half, guide, fakes)

    def generator_loss(
        self, batch: Batch, guide: str, sources: Sources | None = None
    ) -> tuple[Any, dict]:
        """Return the student's loss and its terms.

        Pixels and the layers' hints for every style; for the plain ones the features
        and the adversarial loss, too.
        """
        sources = sources or Sources(self, batch)
        style, _ = sources.fake(guide)
        x_taught, wanted = trace(
            self.teacher.networks["generator"], batch.x_src, style, sources.masks
        )
        x_fake, maps = trace(self.generator, batch.x_src, style, sources.masks)
        terms = {
            "pixels": losses.l1(x_fake, x_taught),
            "hints": losses.features(maps, self.components.of(wanted)),
        }
        hints = HINTS * (1.0 - self.progress())
        loss = terms["pixels"] + hints * terms["hints"]
        if guide == "plain":
            seen = self.style_encoder.trunk.maps
            terms["features"] = losses.features(seen(x_fake), seen(x_taught))
            logits = self.discriminator(x_fake, batch.y_trg)
            terms["adv"] = losses.adversarial(logits, real=True)
            loss += FEATURES * terms["features"] + ADVERSARIAL * terms["adv"]
        return loss, terms
