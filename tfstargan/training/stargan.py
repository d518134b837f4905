"""StarGAN v2 as a Keras model: its networks, losses, optimizers and schedules.

Choi et al., arXiv:1912.01865, section 2.2, trained as in the authors' code. UPDATES is
the order of an iteration's updates; `step.py` computes them.
"""

import dataclasses
import os
import types
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import keras
import tensorflow as tf
from keras.optimizers import LossScaleOptimizer

from tfstargan.config import Config
from tfstargan.data.batch import SHOWN, Batch
from tfstargan.errors import UserError
from tfstargan.networks.build import AVERAGED, NETWORKS, build_networks
from tfstargan.networks.layers import pick_logits
from tfstargan.networks.masks import masks_of
from tfstargan.reference import parameters
from tfstargan.training import losses, optimizer_state, step
from tfstargan.training.augmentation import Augmentation
from tfstargan.training.optimizer import Adam
from tfstargan.training.step import Sources

# The updates of an iteration in their order, each with the networks that it changes.
UPDATES = {
    "D/latent": ("discriminator",),
    "D/reference": ("discriminator",),
    "G/latent": ("generator", "mapping_network", "style_encoder"),
    "G/reference": ("generator",),
}


@keras.saving.register_keras_serializable("tfstargan")
class StarGANv2(keras.Model):
    """The four networks, their averages, and the training step.

    `compile()` creates the optimizers; `fit` trains on a `tf.data.Dataset` of `Batch`.
    Called with images and style codes, it translates with the averaged generator.

    With w_hpf > 0 it also has `fan`, which makes the masks. `fit` loads its weights,
    which are then part of every checkpoint.

    Args:
        config: sizes, loss weights and schedules; `domains` must be set.
        lowering: how the networks' operations are computed; see `networks.lowering`.

    Raises:
        UserError: if `config.domains` is empty.
    """

    shown: ClassVar = {  # losses in the progress bar
        "D": "D/latent/loss",
        "G": "G/latent/adv",
        "sty": "G/latent/sty",
        "ds": "G/latent/ds",
        "cyc": "G/latent/cyc",
    }

    def __init__(self, config: Config, lowering: str | None = None, **kwargs: Any):
        super().__init__(**{"dtype": "float32"} | kwargs)
        if not config.domains:
            raise UserError("domains are empty: use config.with_domains(data)")
        self.config = config
        self.lowering = lowering
        networks = build_networks(config, NETWORKS, training=True, lowering=lowering)
        for name, network in networks.items():
            setattr(self, name, network)
        self.averages = build_networks(config, AVERAGED, lowering=lowering)
        for name, average in self.averages.items():
            average.trainable = False
            average.set_weights(getattr(self, name).get_weights())
        self.optimizers: Mapping[str, keras.optimizers.Optimizer] = {}
        self.fan = None
        if config.w_hpf:
            self.fan = build_networks(config, ("fan",), lowering=lowering)["fan"]
        self.augmentation = None
        if config.augment != "none":
            self.augmentation = Augmentation(
                config.augment,
                config.augment_colour,
                config.augment_target,
                config.augment_images,
            )
        self.iteration = self.add_weight(
            (),
            "zeros",
            dtype="int64",
            trainable=False,
            aggregation="only_first_replica",
            name="iteration",
        )
        self.built = True

    def compile(
        self,
        optimizers: dict[str, keras.optimizers.Optimizer] | None = None,
        **kwargs: Any,
    ) -> None:
        """Configure the model for training.

        Args:
            optimizers: one for each of NETWORKS, by name; None: the reference's Adam
                with the configuration's settings.
            **kwargs: those of `keras.Model.compile`, such as `jit_compile`.

        Raises:
            UserError: if there is not one optimizer for each network.
        """
        given = {} if optimizers is None else optimizers
        if "optimizer" in kwargs or not isinstance(given, dict):
            raise UserError(
                "each network has an optimizer of its own: use "
                "compile(optimizers={network: optimizer}) with the networks "
                f"{', '.join(NETWORKS)}"
            )
        if given and set(given) != set(NETWORKS):
            raise UserError(
                f"optimizers are given for {', '.join(given)}: there must be one for "
                f"each of {', '.join(NETWORKS)}"
            )
        # Keras' single optimizer is not used: there is one for each network.
        super().compile(optimizer=None, **{"jit_compile": self.config.jit} | kwargs)
        optimizers = given or {name: self._optimizer(name) for name in NETWORKS}
        # Keras saves the optimizers in a dict under the names of their classes. It does
        # not look into a proxy: `save_own_variables` names them by their networks.
        self.optimizers = types.MappingProxyType(optimizers)
        for name, optimizer in self.optimizers.items():
            optimizer.build(getattr(self, name).trainable_variables)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        raise UserError(
            "StarGANv2 has no predict: use tfstargan.Translator(model.config, "
            "model.translating_networks()).translate"
        )

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        raise UserError("StarGANv2 has no evaluate: use tfstargan.evaluate_run")

    def learning_rate(self, network: str) -> float:
        """The configured rate of a network's optimizer."""
        if network == "mapping_network":
            return self.config.mapping_learning_rate
        return self.config.learning_rate

    def use_configured_rates(self) -> None:
        """Set the optimizers' rates, which a checkpoint has overwritten."""
        for name, optimizer in self.optimizers.items():
            optimizer.learning_rate = self.learning_rate(name)

    def scheduled_rates(self) -> dict[str, Any]:
        """Learning rates of this iteration, for the optimizers that have a schedule.

        The reference has none. With `decay_share`, all rates fall linearly to 0 in that
        last part of training. Finer differences between styles then no longer depend on
        the last few steps (docs/results.md).
        """
        if not self.config.decay_share:
            return {}
        left = 1.0 - tf.cast(self.iteration, tf.float32) / self.config.iterations
        factor = tf.clip_by_value(left / self.config.decay_share, 0.0, 1.0)
        return {name: self.learning_rate(name) * factor for name in NETWORKS}

    def _optimizer(self, network: str) -> keras.optimizers.Optimizer:
        adam = Adam(
            self.learning_rate(network),
            beta1=self.config.beta1,
            beta2=self.config.beta2,
            l2=self.config.weight_decay,
        )
        if self.config.precision == "mixed_float16" and network in AVERAGED:
            return LossScaleOptimizer(adam)
        return adam

    def load_fan(self) -> None:
        """Load FAN's weights from `config.wing_weights`, if it has none yet.

        Raises:
            UserError: if the file is missing, or does not hold FAN's weights.
        """
        if self.fan is not None and not self.fan.has_weights():
            parameters.load_fan(self.fan, self.config.wing_weights)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as `keras.Model.fit` does, after `load_fan`."""
        self.load_fan()
        # A stream of batches has its own order: Keras warns if it is to shuffle one.
        return super().fit(*args, **{"shuffle": False} | kwargs)

    def call(self, x: Any, s: Any) -> Any:
        return self.averages["generator"](x, s, self.masks(x))

    def translating_networks(self, averaged: bool = True) -> dict[str, keras.Model]:
        """The networks of a `Translator`, with w_hpf > 0 also `fan`.

        Args:
            averaged: the averages; else the networks in training.
        """
        networks = {
            name: average if averaged else getattr(self, name)
            for name, average in self.averages.items()
        }
        return networks | ({} if self.fan is None else {"fan": self.fan})

    def masks(self, x: Any) -> Any:
        """The generator's masks of images, made by FAN; None if w_hpf is 0."""
        return None if self.fan is None else masks_of(self.fan, x)

    def updates(self) -> dict[str, tuple[str, ...]]:
        """The updates of an iteration in their order, with the networks they change."""
        return UPDATES

    def iterations_done(self) -> int:
        """The number of iterations trained so far; not usable inside a graph."""
        return int(tf.convert_to_tensor(self.iteration.value))

    def lambda_ds(self) -> Any:
        """Weight of style diversity in this iteration; it falls linearly to 0."""
        progress = tf.cast(self.iteration, tf.float32) / self.config.ds_iterations
        return self.config.lambda_ds * tf.maximum(1.0 - progress, 0.0)

    def style(self, batch: Batch, guide: str, second: bool = False) -> Any:
        """Style codes [B, style_dim] in the target domains.

        Args:
            batch: has latents and references.
            guide: "latent" or "reference", the source of the styles.
            second: whether to use the second latents or references.
        """
        if guide == "latent":
            return self.mapping_network(batch.z2 if second else batch.z, batch.y_trg)
        x_ref = batch.x_ref2 if second else batch.x_ref
        return self.style_encoder(x_ref, batch.y_trg)

    def logits(self, batch: Batch, shown: str, x: Any, y: Any = None) -> Any:
        """The discriminator's logits [B] of images, augmented if the settings say so.

        Args:
            batch: has this update's random numbers, [B, len(SHOWN), NOISE].
            shown: of SHOWN: which of these numbers to use.
            x: [B, H, W, 3], images.
            y: [B], their domains; None: the logits [B, K] for every domain.
        """
        if self.augmentation is not None:
            x = self.augmentation(x, batch.noise[:, SHOWN.index(shown)])
        return self.discriminator(x, y)

    def discriminator_loss(self, batch: Batch, x_fake: Any) -> tuple[Any, dict]:
        """The discriminator's adversarial loss (eq. 1) and R1 penalty.

        Args:
            batch: has the sources, which are the real images, and both domains.
            x_fake: [B, H, W, 3], sources translated into `batch.y_trg`; no gradient
                flows into them.

        Returns:
            The loss `real + fake + lambda_reg * r1_every * reg`, and these terms by
            name; with lambda_other also "other", which is added with this weight; with
            augmentation also "sign", the mean sign of the real images' logits. `reg`
            is 0 in iterations without the penalty.
        """
        x_fake = tf.stop_gradient(x_fake)
        all_logits, reg = self.real_logits(batch)
        logits = pick_logits(all_logits, batch.y_src)
        real = losses.adversarial(logits, real=True)
        fake_logits = self.logits(batch, "fake", x_fake, batch.y_trg)
        fake = losses.adversarial(fake_logits, real=False)
        loss = real + fake + self.config.lambda_reg * self.config.r1_every * reg
        terms = {"real": real, "fake": fake, "reg": reg}
        if self.config.lambda_other:
            terms["other"] = losses.other_domains(all_logits, batch.y_src)
            loss += self.config.lambda_other * terms["other"]
        if self.augmentation is not None:
            terms["sign"] = tf.reduce_mean(tf.sign(logits))
        return loss, terms

    def real_logits(self, batch: Batch) -> tuple[Any, Any]:
        """The real images' logits [B, K], and their R1 penalty in every n-th iteration.

        The penalty is that of the logits for the images' own domains. Leaving it out in
        the others (n = `r1_every` > 1) is the lazy regularization of StyleGAN2 (Karras
        et al., arXiv:1912.04958, section 3.1). Its weight grows by n instead.
        """

        def plain() -> tuple[Any, Any]:
            return self.logits(batch, "real", batch.x_src), 0.0

        def penalized() -> tuple[Any, Any]:
            x_real = tf.convert_to_tensor(batch.x_src)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x_real)
                all_logits = self.logits(batch, "real", x_real)
                logits = pick_logits(all_logits, batch.y_src)
            return all_logits, losses.r1_penalty(tape.gradient(logits, x_real))

        if self.config.r1_every == 1:
            return penalized()
        due = tf.equal(self.iteration % self.config.r1_every, 0)
        return tf.cond(due, penalized, plain)

    def generator_loss(
        self, batch: Batch, style: Any, x_fake: Any, x_fake2: Any
    ) -> tuple[Any, dict]:
        """The full objective (eq. 5) of the generator and the style networks.

        Args:
            batch: has the sources and both domains.
            style: [B, style_dim], codes in the domains `batch.y_trg`.
            x_fake: [B, H, W, 3], the sources in these styles.
            x_fake2: [B, H, W, 3], the sources in other styles; no gradient flows into
                them.

        Returns:
            The loss `adv + lambda_sty * sty - lambda_ds * ds + lambda_cyc * cyc`, and
            these terms by name.
        """
        x_fake2 = tf.stop_gradient(x_fake2)
        s_src = self.style_encoder(batch.x_src, batch.y_src)
        x_rec = self.generator(x_fake, s_src, self.masks(x_fake))
        fake_logits = self.logits(batch, "fake", x_fake, batch.y_trg)
        adv = losses.adversarial(fake_logits, real=True)  # eq. 1
        sty = losses.l1(self.style_encoder(x_fake, batch.y_trg), style)  # eq. 2
        ds = losses.l1(x_fake, x_fake2)  # eq. 3
        cyc = losses.l1(x_rec, batch.x_src)  # eq. 4
        loss = (
            adv
            + self.config.lambda_sty * sty
            - self.lambda_ds() * ds
            + self.config.lambda_cyc * cyc
        )
        return loss, {"adv": adv, "sty": sty, "ds": ds, "cyc": cyc}

    def update_loss(self, update: str, sources: Sources) -> tuple[Any, dict]:
        """The loss of an update and its terms."""
        side, guide = update.split("/")
        batch, (style, x_fake) = sources.batch, sources.fake(guide)
        if self.augmentation is not None:
            own = [*self.updates()].index(update)
            batch = batch._replace(noise=batch.noise[:, own])
        if side == "D":
            return self.discriminator_loss(batch, x_fake)
        return self.generator_loss(batch, style, x_fake, sources.second_fake(guide))

    def gradients(self, batch: Batch, update: str) -> tuple[dict, dict]:
        """The gradients of an update, and its loss with its terms; `step.gradients`."""
        return step.gradients(self, batch, update)

    def train_step(self, batch: Batch) -> dict:
        """Run one iteration; returns the loss and terms of every update."""
        return step.train_step(self, batch)

    def save_own_variables(self, store: Any) -> None:
        """Save the iteration and the optimizers; Keras saves the networks."""
        store["0"] = self.iteration
        optimizer_state.save(self.optimizers, store)

    def load_own_variables(self, store: Any) -> None:
        self.iteration.assign(store["0"])
        optimizer_state.load(self.optimizers, store)

    def load_weights(self, filepath: str | os.PathLike, **kwargs: Any) -> None:
        """Load weights that this or an earlier version has saved."""
        super().load_weights(filepath, **kwargs)
        optimizer_state.load_old(self.optimizers, filepath)

    def get_compile_config(self) -> dict:
        return keras.saving.serialize_keras_object(
            {"optimizers": dict(self.optimizers), "jit_compile": self.jit_compile}
        )

    def compile_from_config(self, config: dict) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    def get_config(self) -> dict:
        return {
            "config": dataclasses.asdict(self.config),
            "lowering": self.lowering,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> Self:
        return cls(**config | {"config": Config(**config["config"])})
