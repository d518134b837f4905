"""StarGAN v2 as a Keras model: four losses, four updates, averages, diversity decay.

Choi et al., arXiv:1912.01865, section 2.2, trained as the authors' code does. One
training step is four updates in a fixed order, each seeing the weights that the one
before it left; then the averaged copies of generator, mapping network and style encoder
follow. With w_hpf > 0 the model owns a frozen landmark network for the generator's
masks. Works in one replica or many: a batch is split over the replicas and the weights
move as if it were whole, since no layer looks across images.
"""

import dataclasses
import math
from typing import Any, ClassVar, Self

import keras
import tensorflow as tf
from keras.optimizers import LossScaleOptimizer

from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.networks.build import AVERAGED, NETWORKS, build_networks
from tfstargan.networks.masks import masks_of
from tfstargan.reference import parameters
from tfstargan.training import losses
from tfstargan.training.optimizer import Adam

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

    `compile()` makes the optimizers, `fit` trains on a `tf.data.Dataset` of `Batch`.
    Called with images and style codes, it translates with the averaged generator.

    With w_hpf > 0 it also has `fan`, which makes the masks wherever they are needed;
    its weights, once read by `fit`, are part of every checkpoint.

    Args:
        config: sizes, weights of the losses and schedules; `domains` must be known.
        lowering: how the networks' operations are computed; see `networks.lowering`.
    """

    shown: ClassVar = {  # of the losses, in a progress bar
        "D": "D/latent/loss",
        "G": "G/latent/adv",
        "sty": "G/latent/sty",
        "ds": "G/latent/ds",
        "cyc": "G/latent/cyc",
    }

    def __init__(self, config: Config, lowering: str | None = None, **kwargs: Any):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.config = config
        self.lowering = lowering
        networks = build_networks(config, NETWORKS, training=True, lowering=lowering)
        for name, network in networks.items():
            setattr(self, name, network)
        self.averages = build_networks(config, AVERAGED, lowering=lowering)
        for name, average in self.averages.items():
            average.trainable = False
            average.set_weights(getattr(self, name).get_weights())
        self.fan = None
        if config.w_hpf:
            self.fan = build_networks(config, ("fan",), lowering=lowering)["fan"]
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
        """Make ready to train.

        Args:
            optimizers: one for each of NETWORKS; by default the reference's Adam with
                the configuration's settings.
            **kwargs: of `keras.Model.compile`, such as `jit_compile`.
        """
        # Keras' one optimizer stays empty: there is one for each network.
        super().compile(optimizer=None, **{"jit_compile": self.config.jit} | kwargs)
        self.optimizers = optimizers or {
            name: self._optimizer(name) for name in NETWORKS
        }
        for name, optimizer in self.optimizers.items():
            optimizer.build(getattr(self, name).trainable_variables)

    def learning_rate(self, network: str) -> float:
        """Return the configured rate of a network's optimizer."""
        if network == "mapping_network":
            return self.config.mapping_learning_rate
        return self.config.learning_rate

    def use_configured_rates(self) -> None:
        """Set the optimizers' rates, in place of those that a checkpoint brought."""
        for name, optimizer in self.optimizers.items():
            optimizer.learning_rate = self.learning_rate(name)

    def scheduled_rates(self) -> dict[str, Any]:
        """Return the rates of this iteration, of the optimizers that have a schedule.

        The reference has none. With `decay_share` all rates fall linearly to 0 in that
        last part of training: what its last steps did to the styles' finer differences
        is then no longer chance (docs/results.md).
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
        """Give FAN, if there is one without weights, those of `wing_weights`.

        Raises:
            UserError: if that names none.
        """
        if self.fan is not None and not self.fan.has_weights():
            parameters.load_fan(self.fan, self.config.wing_weights)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as `keras.Model.fit` does, never with a FAN without weights."""
        self.load_fan()
        return super().fit(*args, **kwargs)

    def call(self, x: Any, s: Any) -> Any:
        return self.averages["generator"](x, s, self.masks(x))

    def translating_networks(self) -> dict[str, keras.Model]:
        """Return the averages and, with w_hpf > 0, `fan`, as `Translator` has them."""
        return self.averages | ({} if self.fan is None else {"fan": self.fan})

    def masks(self, x: Any) -> Any:
        """Return FAN's masks of images for the generator; None if w_hpf is 0."""
        return None if self.fan is None else masks_of(self.fan, x)

    def updates(self) -> dict[str, tuple[str, ...]]:
        """Return an iteration's updates in their order, with what each changes."""
        return UPDATES

    def iterations_done(self) -> int:
        """Return the number of iterations trained so far; not inside a graph."""
        return int(tf.convert_to_tensor(self.iteration.value))

    def lambda_ds(self) -> Any:
        """Return the weight of style diversity now: falls linearly to 0."""
        progress = tf.cast(self.iteration, tf.float32) / self.config.ds_iterations
        return self.config.lambda_ds * tf.maximum(1.0 - progress, 0.0)

    def style(self, batch: Batch, guide: str, second: bool = False) -> Any:
        """Return a style code for each image: of the latents, or of the references."""
        if guide == "latent":
            return self.mapping_network(batch.z2 if second else batch.z, batch.y_trg)
        x_ref = batch.x_ref2 if second else batch.x_ref
        return self.style_encoder(x_ref, batch.y_trg)

    def discriminator_loss(
        self, batch: Batch, guide: str, sources: "Sources | None" = None
    ) -> tuple[Any, dict]:
        """Return eq. 1 with the R1 penalty, for the discriminator, and its terms."""
        sources = sources or Sources(self, batch)
        x_fake = tf.stop_gradient(sources.fake(guide)[1])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(batch.x_src)
            logits = self.discriminator(batch.x_src, batch.y_src)
        real = losses.adversarial(logits, real=True)
        reg = losses.r1_penalty(tape.gradient(logits, batch.x_src))
        fake_logits = self.discriminator(x_fake, batch.y_trg)
        fake = losses.adversarial(fake_logits, real=False)
        loss = real + fake + self.config.lambda_reg * reg
        return loss, {"real": real, "fake": fake, "reg": reg}

    def generator_loss(
        self, batch: Batch, guide: str, sources: "Sources | None" = None
    ) -> tuple[Any, dict]:
        """Return eq. 5 and its terms: adv + l_sty sty - l_ds ds + l_cyc cyc."""
        sources = sources or Sources(self, batch)
        style, x_fake = sources.fake(guide)
        x_fake2 = tf.stop_gradient(sources.second_fake(guide))
        s_src = self.style_encoder(batch.x_src, batch.y_src)
        x_rec = self.generator(x_fake, s_src, self.masks(x_fake))
        fake_logits = self.discriminator(x_fake, batch.y_trg)
        adv = losses.adversarial(fake_logits, real=True)
        sty = losses.l1(self.style_encoder(x_fake, batch.y_trg), style)
        ds = losses.l1(x_fake, x_fake2)
        cyc = losses.l1(x_rec, batch.x_src)
        loss = (
            adv
            + self.config.lambda_sty * sty
            - self.lambda_ds() * ds
            + self.config.lambda_cyc * cyc
        )
        return loss, {"adv": adv, "sty": sty, "ds": ds, "cyc": cyc}

    def gradients(
        self, batch: Batch, update: str, sources: "Sources | None" = None
    ) -> tuple[dict, dict]:
        """Return an update's gradients, and the loss with its terms.

        Args:
            batch: this replica's part of it.
            update: of `updates`.
            sources: of this batch, where the generator has seen them already.

        Returns:
            {network: [gradient of each trainable variable]}, to be summed over the
            replicas, and {"loss" or a term's name: scalar}, to be averaged.
        """
        side, guide = update.split("/")
        sources = sources or Sources(self, batch)
        sources.fake(guide)  # before the tape, which may be its own, goes on
        loss_of = self.discriminator_loss if side == "D" else self.generator_loss
        tape = sources.tape if side == "G" else self.recording("discriminator")
        with tape:
            loss, terms = loss_of(batch, guide, sources)
            share = loss / tf.distribute.get_strategy().num_replicas_in_sync
            scale = self._loss_scale(update)
            scaled = share if scale is None else share * scale
        weights = {name: self._weights(name) for name in self.updates()[update]}
        gradients = tape.gradient(scaled, weights)
        if scale is not None:
            gradients = tf.nest.map_structure(lambda g: g / scale, gradients)
        return gradients, {"loss": loss} | terms

    def recording(self, *networks: str) -> tf.GradientTape:
        """Return a tape for the gradients of these networks' weights alone."""
        tape = tf.GradientTape(watch_accessed_variables=False)
        with tape:
            tape.watch([self._weights(name) for name in networks])
        return tape

    def _weights(self, network: str) -> list[Any]:
        return [v.value for v in getattr(self, network).trainable_variables]

    def train_step(self, batch: Batch) -> dict:
        """Run one iteration and return every update's loss and terms."""
        for name, rate in self.scheduled_rates().items():
            self.optimizers[name].learning_rate = rate
        logs: dict[str, Any] = {}
        masks = self.masks(batch.x_src)  # FAN is frozen: the same for all four
        gradients: dict[str, Any] = {}
        sources = None
        for update in self.updates():
            # Begun when the one before is done, or memory would have to hold both.
            with tf.control_dependencies([tf.group(*tf.nest.flatten(gradients))]):
                if self.config.accumulate > 1:
                    gradients, terms = self._accumulated(batch, update, masks)
                else:
                    sources = sources or Sources(self, batch, masks)
                    gradients, terms = self.gradients(batch, update, sources)
            left_out = self._apply(gradients, terms["loss"])
            if "generator" in gradients:
                sources = None
            logs |= {f"{update}/{name}": value for name, value in terms.items()}
            logs |= {f"left_out/{update}/{n}": bad for n, bad in left_out.items()}
        logs["lambda_ds"] = self.lambda_ds()
        self._average()
        self.iteration.assign_add(1)
        return logs

    def _accumulated(self, batch: Batch, update: str, masks: Any) -> tuple[dict, dict]:
        """Return the same as `gradients`, from one part of the batch after the other.

        Every loss is a mean over images that do not see each other: the means over
        equal parts have the whole batch's as their mean.
        """
        count = self.config.accumulate
        inputs = tf.nest.map_structure(
            lambda x: tf.reshape(x, (count, -1, *x.shape[1:])), (batch, masks or ())
        )

        def of_part(i: Any) -> tuple[dict, dict]:
            part, part_masks = tf.nest.map_structure(lambda x: x[i], inputs)
            sources = Sources(self, part, part_masks or None)
            return self.gradients(part, update, sources)

        def add_part(i: Any, sums: Any) -> tuple[Any, Any]:
            return i + 1, tf.nest.map_structure(tf.add, sums, of_part(i))

        _, sums = tf.while_loop(
            lambda i, _: i < count, add_part, (1, of_part(0)), parallel_iterations=1
        )
        return tf.nest.map_structure(lambda x: x / count, sums)

    def _loss_scale(self, update: str) -> Any:
        """Return what keeps float16 gradients from rounding to zero; else None."""
        optimizer = self.optimizers[self.updates()[update][0]]
        if isinstance(optimizer, LossScaleOptimizer):
            return tf.convert_to_tensor(optimizer.dynamic_scale.value)
        return None

    def _apply(self, gradients: dict[str, list[Any]], loss: Any) -> dict[str, Any]:
        """Let the optimizers make a step: all, or none if a number is not finite.

        Returns:
            {network: 1 where its gradient, or the loss, was not finite in a replica,
            else 0}, the same in all replicas. Where the gradient was only too large for
            float16 it is 0: its optimizer's to deal with, by a lower scale.
        """
        scaled = isinstance(self.optimizers[next(iter(gradients))], LossScaleOptimizer)
        # Squares are what Adam keeps: one that overflows would stay in its mean.
        sums = [tf.add_n([tf.nn.l2_loss(g) for g in x]) for x in gradients.values()]
        numbers = tf.stack([loss, *sums])
        bad = tf.cast(~tf.math.is_finite(numbers), tf.float32)
        context = tf.distribute.get_replica_context()
        bad = tf.minimum(context.all_reduce("SUM", bad), 1.0)
        finite = tf.reduce_sum(bad) == 0
        if scaled:
            # It lowers its scale if a gradient is not finite, but looks at those of the
            # first replica, for one network: show it what any of them has.
            for name, values in gradients.items():
                optimizer = self.optimizers[name]
                scale = tf.where(finite, optimizer.dynamic_scale.value, math.nan)
                values = [value * scale for value in values]
                optimizer.apply(values, getattr(self, name).trainable_variables)
            return dict.fromkeys(gradients, bad[0])
        self._apply_if(finite, gradients)
        return {
            name: tf.maximum(bad[0], of_network)
            for name, of_network in zip(gradients, tf.unstack(bad[1:]), strict=True)
        }

    def _apply_if(self, finite: Any, gradients: dict[str, list[Any]]) -> None:
        """Let the optimizers make a step if `finite`, which is so in all replicas."""

        def apply(gradients: dict[str, list[Any]]) -> None:
            for name, values in gradients.items():
                variables = getattr(self, name).trainable_variables
                self.optimizers[name].apply(values, variables)

        def apply_everywhere(strategy: Any, finite: Any, gradients: Any) -> None:
            first = strategy.experimental_local_results(finite)[0]
            each = strategy.extended.call_for_each_replica
            tf.cond(first, lambda: each(apply, args=(gradients,)), lambda: None)

        if tf.__internal__.distribute.strategy_supports_no_merge_call():
            tf.cond(finite, lambda: apply(gradients), lambda: None)
        else:
            # A branch that meets the other replicas must be taken by all at once.
            context = tf.distribute.get_replica_context()
            context.merge_call(apply_everywhere, args=(finite, gradients))

    def _average(self) -> None:
        # Written as a step from the average: in float32 the other way drifts.
        for name, network in self.averages.items():
            weights = getattr(self, name).weights
            for average, weight in zip(network.weights, weights, strict=True):
                average.assign_add((1.0 - self.config.ema_decay) * (weight - average))

    def get_compile_config(self) -> dict:
        return keras.saving.serialize_keras_object(
            {"optimizers": self.optimizers, "jit_compile": self.jit_compile}
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


class Sources:
    """A batch's sources, and what the generator makes of them, each computed once.

    Its encoder does not see the style: one encoding serves all fakes. The first fake of
    a guide serves the discriminator's update and the generator's. All this holds until
    the generator changes; `tape` has recorded it, for the generator's update.

    Args:
        model: has the networks.
        batch: has the sources.
        masks: of the sources, where they are known already.
    """

    def __init__(self, model: StarGANv2, batch: Batch, masks: Any = None):
        self.model = model
        self.batch = batch
        self.masks = model.masks(batch.x_src) if masks is None else masks
        self.tape = model.recording(*AVERAGED)
        with self.tape:
            self.features = model.generator.encode_features(batch.x_src)
        self.fakes: dict[str, tuple[Any, Any]] = {}

    def fake(self, guide: str) -> tuple[Any, Any]:
        """Return the first styles [B, style_dim], and the sources in them."""
        if guide not in self.fakes:
            with self.tape:
                style = self.model.style(self.batch, guide)
                self.fakes[guide] = style, self._translate(style)
        return self.fakes[guide]

    def second_fake(self, guide: str) -> Any:
        """Return the sources in the second styles."""
        return self._translate(self.model.style(self.batch, guide, second=True))

    def _translate(self, style: Any) -> Any:
        return self.model.generator.decode_features(self.features, style, self.masks)
