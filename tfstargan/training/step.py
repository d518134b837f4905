"""The training step: the updates of one iteration, and the averages that follow.

An iteration runs the model's updates in their order; each one uses the weights that the
previous one has changed. What several updates need is computed once (`Sources`). With
several replicas, each has a part of the batch, and the weights change as with one
replica, since no layer combines images.
"""

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfstargan.data.batch import Batch
from tfstargan.networks.build import AVERAGED
from tfstargan.training import updates
from tfstargan.training.augmentation import Augmentation

if TYPE_CHECKING:
    from tfstargan.training.stargan import StarGANv2


class Sources:
    """The sources of a batch, encoded once, and their translations.

    The generator's encoder does not use the style, so one encoding serves all fakes.
    The first fake of a guide serves the updates of the discriminator and the generator.
    The results are valid until the generator changes.

    Args:
        model: has the networks.
        batch: has the sources.
        masks: of the sources; None: they are computed.

    Attributes:
        tape: records everything except the second fakes, for the gradients of the
            generator's update.
    """

    def __init__(self, model: "StarGANv2", batch: Batch, masks: Any = None):
        self.model = model
        self.batch = batch
        self.masks = model.masks(batch.x_src) if masks is None else masks
        self.tape = _recording(model, *AVERAGED)
        with self.tape:
            self.features = model.generator.encode_features(batch.x_src)
        self.fakes: dict[str, tuple[Any, Any]] = {}

    def fake(self, guide: str) -> tuple[Any, Any]:
        """The first styles [B, style_dim] of a guide, and the sources in these."""
        if guide not in self.fakes:
            with self.tape:
                style = self.model.style(self.batch, guide)
                self.fakes[guide] = style, self._translate(style)
        return self.fakes[guide]

    def second_fake(self, guide: str) -> Any:
        """The sources in the second styles of a guide."""
        return self._translate(self.model.style(self.batch, guide, second=True))

    def _translate(self, style: Any) -> Any:
        return self.model.generator.decode_features(self.features, style, self.masks)


def train_step(model: "StarGANv2", batch: Batch) -> dict[str, Any]:
    """Run one iteration.

    Returns:
        {"UPDATE/loss" or "UPDATE/TERM": scalar}, "lambda_ds", and for each network of
        an update "left_out/UPDATE/NETWORK": whether it was skipped, as `updates.apply`
        returns it.
    """
    for name, rate in model.scheduled_rates().items():
        model.optimizers[name].learning_rate = rate
    logs: dict[str, Any] = {}
    masks = model.masks(batch.x_src)  # FAN is frozen: the same for all updates
    found: updates.Gradients = {}
    sources = None
    for update, networks in model.updates().items():
        # Starts when the previous one has finished: memory need not hold both.
        with tf.control_dependencies([tf.group(*tf.nest.flatten(found))]):
            if model.config.accumulate > 1:
                found, terms = _accumulated(model, batch, update, masks)
            else:
                sources = sources or Sources(model, batch, masks)
                found, terms = gradients(model, batch, update, sources)
        variables = {n: getattr(model, n).trainable_variables for n in networks}
        left_out = updates.apply(found, terms["loss"], model.optimizers, variables)
        if "generator" in networks:  # it has changed
            sources = None
        logs |= {f"{update}/{name}": value for name, value in terms.items()}
        logs |= {f"left_out/{update}/{name}": bad for name, bad in left_out.items()}
    if model.augmentation is not None and model.config.augment == "ada":
        logs["augmentation"] = adapt(model.augmentation, logs, model.config.batch_size)
    logs["lambda_ds"] = model.lambda_ds()
    for name, average in model.averages.items():
        updates.move_average(average, getattr(model, name), model.config.ema_decay)
    model.iteration.assign_add(1)
    return logs


def adapt(augmentation: Augmentation, logs: dict[str, Any], count: int) -> Any:
    """Let an augmentation follow the real images' logits, alike in all replicas.

    Args:
        augmentation: the augmentation.
        logs: has each update's mean sign of these logits.
        count: real images of the iteration.

    Returns:
        The share of changes that it makes from now on.
    """
    signs = [value for name, value in logs.items() if name.endswith("/sign")]
    context = tf.distribute.get_replica_context()
    sign = context.all_reduce("MEAN", tf.reduce_mean(tf.stack(signs)))
    augmentation.adapt(sign, count)
    return tf.convert_to_tensor(augmentation.p.value)


def gradients(
    model: "StarGANv2", batch: Batch, update: str, sources: Sources | None = None
) -> tuple[updates.Gradients, dict[str, Any]]:
    """An update's gradients, and its loss with its terms.

    Args:
        model: has the networks and the loss.
        batch: this replica's part.
        update: its name in `model.updates()`.
        sources: of this batch; None: they are encoded.

    Returns:
        {network: [gradient of each trainable variable]}, to be summed over the
        replicas, and {"loss" or a term's name: scalar}, to be averaged.
    """
    side, guide = update.split("/")
    networks = model.updates()[update]
    sources = sources or Sources(model, batch)
    sources.fake(guide)  # before recording resumes on the tape, which may be its own
    tape = sources.tape if side == "G" else _recording(model, "discriminator")
    with tape:
        loss, terms = model.update_loss(update, sources)
        share = loss / tf.distribute.get_strategy().num_replicas_in_sync
        scale = updates.loss_scale(model.optimizers[networks[0]])
        scaled = share if scale is None else share * scale
    found = tape.gradient(scaled, {name: _weights(model, name) for name in networks})
    if scale is not None:
        found = tf.nest.map_structure(lambda g: g / scale, found)
    return found, {"loss": loss} | terms


def _accumulated(
    model: "StarGANv2", batch: Batch, update: str, masks: Any
) -> tuple[updates.Gradients, dict[str, Any]]:
    # Every loss is a mean over images that are computed independently.
    def of_part(batch: Batch, masks: Any) -> tuple[updates.Gradients, dict[str, Any]]:
        return gradients(model, batch, update, Sources(model, batch, masks or None))

    inputs = batch, masks or ()
    return updates.mean_over_parts(of_part, inputs, model.config.accumulate)


def _recording(model: "StarGANv2", *networks: str) -> tf.GradientTape:
    """A tape for the gradients of the weights of these networks only."""
    tape = tf.GradientTape(watch_accessed_variables=False)
    with tape:
        tape.watch([_weights(model, name) for name in networks])
    return tape


def _weights(model: "StarGANv2", network: str) -> list[Any]:
    return [v.value for v in getattr(model, network).trainable_variables]
