"""`Distiller`: trains a light generator to imitate that of another run.

It learns from the other generator's images and from the discriminator of that run.
`distillation.py` makes a run with it.
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
from tfstargan.training.stargan import StarGANv2
from tfstargan.training.step import Sources
from tfstargan.translation.translator import Translator

# The updates of an iteration in their order, each with the networks that it changes.
UPDATES: dict[str, tuple[str, ...]] = {
    "D/plain": ("discriminator",),
    "G/plain": ("generator",),
    "G/other": ("generator",),
    "G/blended": ("generator",),
}
# Weights of the losses; that of the pixels is 1.
FEATURES = 1.0
ADVERSARIAL = 0.3  # in the first part of the training
ALONE = 5 / 6  # the share of training in that part; then imitation only
# Of the student, with momentum; it falls to 0, as the discriminator's does.
LEARNING_RATE = 6e-3
BETA1 = 0.9


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A checkpoint to learn from: a run and an iteration."""

    run: Run
    iteration: int

    def networks(self, lowering: str | None = None) -> dict[str, keras.Model]:
        """The averaged networks, the discriminator and, with w_hpf > 0, FAN."""
        names = (*translating(self.run.config), "discriminator")
        networks = build_networks(self.run.config, names, lowering=lowering)
        self.run.load_averages(networks, self.iteration)
        return networks


class Distiller(StarGANv2):
    """A StarGANv2 whose generator learns to imitate another generator.

    Of the other networks only the discriminator is trained further. State and
    checkpoints are those of a StarGANv2.

    Args:
        config: the student's settings.
        teacher: the checkpoint to learn from.
        **kwargs: those of `StarGANv2`.
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
        # A Translator is no Keras layer: the teacher is not part of checkpoints.
        self.teacher = Translator(teacher.run.config, networks)

    def updates(self) -> dict[str, tuple[str, ...]]:
        return UPDATES

    def _optimizer(self, network: str) -> keras.optimizers.Optimizer:
        if network != "generator":
            return super()._optimizer(network)
        return Adam(LEARNING_RATE, BETA1, self.config.beta2, l2=0.0)

    def scheduled_rates(self) -> dict[str, Any]:
        """Learning rates of this iteration; both fall to 0 along half a cosine."""
        factor = 0.5 * (1.0 + tf.cos(math.pi * self.progress()))
        discriminator = self.learning_rate("discriminator")
        return {
            "generator": LEARNING_RATE * factor,
            "discriminator": discriminator * factor,
        }

    def progress(self) -> Any:
        """The completed share of the training, from 0 to 1."""
        done = tf.cast(self.iteration, tf.float32) / self.config.iterations
        return tf.minimum(done, 1.0)

    def style(self, batch: Batch, guide: str, second: bool = False) -> Any:
        """Style codes [B, style_dim], without a gradient.

        A "plain" style comes from a latent or a reference, with equal probability. The
        "other" style of an image comes from the one that its plain style does not. A
        "blended" style is a random interpolation between an image's plain style and
        the other style of another image in the batch, often of another domain.
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

    def update_loss(self, update: str, sources: Sources) -> tuple[Any, dict]:
        side, guide = update.split("/")
        batch, (style, x_fake) = sources.batch, sources.fake(guide)
        if side == "D":
            # The discriminator is already trained: half of the images are enough.
            count = (x_fake.shape[0] + 1) // 2
            half = Batch(*(x[:count] for x in batch))
            return self.discriminator_loss(half, x_fake[:count])
        x_taught = self.teacher.networks["generator"](batch.x_src, style, sources.masks)
        plain = guide == "plain"
        return self.generator_loss(batch, style, x_fake, x_taught, adversarial=plain)

    def generator_loss(
        self,
        batch: Batch,
        style: Any,
        x_fake: Any,
        x_fake2: Any,
        adversarial: bool = False,
    ) -> tuple[Any, dict]:
        """Distance of the student's images from the teacher's.

        Args:
            batch: has the target domains.
            style: not used.
            x_fake: [B, H, W, 3], the student's images.
            x_fake2: [B, H, W, 3], the teacher's images in the same styles.
            adversarial: whether to add the discriminator's loss.

        Returns:
            The loss `pixels + FEATURES * features`, in the first `ALONE` of the
            training `+ ADVERSARIAL * adv`, and these terms by name.
        """
        terms = {
            "pixels": losses.l1(x_fake, x_fake2),
            "features": losses.features(self.seen(x_fake), self.seen(x_fake2)),
        }
        loss = terms["pixels"] + FEATURES * terms["features"]
        if adversarial:
            logits = self.discriminator(x_fake, batch.y_trg)
            terms["adv"] = losses.adversarial(logits, real=True)
            weight = tf.where(self.progress() < ALONE, ADVERSARIAL, 0.0)
            loss += weight * terms["adv"]
        return loss, terms

    def seen(self, x: Any) -> list[Any]:
        """Feature maps of images in the style encoder and the discriminator."""
        return self.style_encoder.trunk.maps(x) + self.discriminator.trunk.maps(x)
