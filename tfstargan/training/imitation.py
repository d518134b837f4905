"""What a light generator learns from: another's images, and its discriminator.

`Distiller` is a `StarGANv2` with another training step, which `distillation.py` trains.
"""

import dataclasses
import math
from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.networks.build import AVERAGED, build_networks, translating
from tfstargan.runs.run import Run
from tfstargan.training import losses
from tfstargan.training.optimizer import Adam
from tfstargan.training.stargan import Sources, StarGANv2
from tfstargan.translation.translator import Translator

# An iteration's updates in their order, each with the networks that it changes.
UPDATES: dict[str, tuple[str, ...]] = {
    "D/plain": ("discriminator",),
    "G/plain": ("generator",),
    "G/other": ("generator",),
    "G/blended": ("generator",),
}
# Weights of the losses, beside 1 for the pixels.
FEATURES = 1.0
ADVERSARIAL = 0.3  # until ...
ALONE = 5 / 6  # ... so much is done: then imitation has the last word
# Of the student, with momentum. It falls, and so does the discriminator's.
LEARNING_RATE = 6e-3
BETA1 = 0.9


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A checkpoint to learn from."""

    run: Run
    iteration: int

    def networks(self, lowering: str | None = None) -> dict[str, keras.Model]:
        """Its averaged networks, its discriminator, and FAN, if it has one."""
        names = (*translating(self.run.config), "discriminator")
        networks = build_networks(self.run.config, names, lowering=lowering)
        self.run.load_averages(networks, self.iteration)
        return networks


class Distiller(StarGANv2):
    """A StarGANv2 whose generator alone is trained, to imitate another's.

    Its state is that of a StarGANv2: a checkpoint of a run like any other.

    Args:
        config: of the student.
        teacher: what it learns from.
    """

    shown: ClassVar = {
        "pixels": "G/plain/pixels",
        "features": "G/plain/features",
        "adv": "G/plain/adv",
        "D": "D/plain/loss",
    }

    def __init__(self, config: Config, teacher: Teacher, **kwargs: Any):
        super().__init__(config, **kwargs)
        networks = teacher.networks(lowering="xla_cpu")
        self.discriminator.set_weights(networks.pop("discriminator").get_weights())
        for name in AVERAGED[1:]:
            for network in (getattr(self, name), self.averages[name]):
                network.set_weights(networks[name].get_weights())
        if self.fan is not None:
            self.fan.set_weights(networks["fan"].get_weights())
        # Not a network of this model's own: it is no part of its checkpoints.
        self.teacher = Translator(teacher.run.config, networks)

    def updates(self) -> dict[str, tuple[str, ...]]:
        return UPDATES

    def _optimizer(self, network: str) -> keras.optimizers.Optimizer:
        if network != "generator":
            return super()._optimizer(network)
        return Adam(LEARNING_RATE, BETA1, self.config.beta2, l2=0.0)

    def scheduled_rates(self) -> dict[str, Any]:
        """Return the rates now: both players' fall to 0, by half a cosine."""
        factor = 0.5 * (1.0 + tf.cos(math.pi * self.progress()))
        discriminator = self.learning_rate("discriminator")
        return {
            "generator": LEARNING_RATE * factor,
            "discriminator": discriminator * factor,
        }

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

        Pixels and features for every style; for the plain ones the adversarial loss,
        too.
        """
        sources = sources or Sources(self, batch)
        style, x_fake = sources.fake(guide)
        x_taught = self.teacher.networks["generator"](batch.x_src, style, sources.masks)
        terms = {
            "pixels": losses.l1(x_fake, x_taught),
            "features": losses.features(self.seen(x_fake), self.seen(x_taught)),
        }
        loss = terms["pixels"] + FEATURES * terms["features"]
        if guide == "plain":
            logits = self.discriminator(x_fake, batch.y_trg)
            terms["adv"] = losses.adversarial(logits, real=True)
            weight = tf.where(self.progress() < ALONE, ADVERSARIAL, 0.0)
            loss += weight * terms["adv"]
        return loss, terms

    def seen(self, x: Any) -> list[Any]:
        """Return what style encoder and discriminator see in images: feature maps."""
        return self.style_encoder.trunk.maps(x) + self.discriminator.trunk.maps(x)
