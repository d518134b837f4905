"""The probe: a network that reads the factors of a drawn animal from its image.

The animals of `data/critters.py` are drawn from known factors, so a small network can
learn to read them. Its readings of a translation tell whether the species changed, the
content stayed and the fur was transferred. It reads the pose first, turns the face
upright by it, and reads the other factors there. It is trained once, on clean, blurred
and noisy images, so that it can also read the output of imperfect generators.
"""

import hashlib
import inspect
import math
import pathlib
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfstargan.config import Config
from tfstargan.data import critters
from tfstargan.data.critters import RANGES, Critter
from tfstargan.errors import UserError
from tfstargan.files import atomic_file, cache_dir
from tfstargan.networks import channels_last
from tfstargan.progress import Bar

CONTENT = ("x", "y", "size", "tilt", "mouth", "gaze")
LINEAR = (*CONTENT, "lightness", "background_lightness")
CIRCULAR = ("hue", "background_hue")
CHOICES = {"species": critters.EVERY_SPECIES, "pattern": critters.PATTERNS}

POSE = ("x", "y", "size", "tilt")
# Read from the whole image; the others are read from the face.
FIRST = (*POSE, "background_hue", "background_lightness")
WEIGHTS = {"mouth": 8.0, "gaze": 4.0}  # in the loss, for factors of few pixels; else 1

LARGEST_SIDE = 64  # larger images are reduced to it before they are read
REACH = 1.4  # of the upright face: head radii from its centre to its edge ...
ABOVE = 0.3  # ... and from the head's centre up to its own, for the ears
DRAWN = 6_000  # animals of each species to learn from
EPOCHS = 7
BATCH = 64
# A quick probe, trained in seconds, is for the species: other factors are less exact.
QUICK_SIDE, QUICK_DRAWN, QUICK_EPOCHS = 32, 1_500, 3
SEED = 20_241  # of the animals that it is trained on, which no run uses


class Factors(NamedTuple):
    """Factors of N animals, true or read, as columns; see `Critter` for the ranges."""

    numbers: dict[str, np.ndarray]  # LINEAR and CIRCULAR, [N] float
    choices: dict[str, np.ndarray]  # CHOICES, [N] int

    @classmethod
    def of(cls, animals: list[Critter]) -> "Factors":
        """The true factors of animals."""

        def column(name: str) -> np.ndarray:
            return np.array([getattr(animal, name) for animal in animals])

        return cls(
            {name: column(name) for name in (*LINEAR, *CIRCULAR)},
            {name: column(name) for name in CHOICES},
        )

    @classmethod
    def join(cls, parts: "Sequence[Factors]") -> "Factors":
        """The animals of several parts in one, in this order."""

        def joined(field: str) -> dict[str, np.ndarray]:
            names = getattr(parts[0], field)
            return {
                name: np.concatenate([getattr(part, field)[name] for part in parts])
                for name in names
            }

        return cls(joined("numbers"), joined("choices"))

    def rows(self, index: np.ndarray) -> "Factors":
        """The factors of some of the animals, in the order of `index`."""
        return Factors(
            {name: values[index] for name, values in self.numbers.items()},
            {name: values[index] for name, values in self.choices.items()},
        )


class Probe:
    """The trained probe.

    Args:
        network: of `make_network`; images [N, S, S, 3] in [-1, 1] to its outputs.
        species: those that the network tells apart, in the order of its outputs.
    """

    def __init__(self, network: keras.Model, species: Sequence[str] = critters.SPECIES):
        self.network = network
        self.side = network.input_shape[1]
        self.species = _indices(species)

    def read(self, images: np.ndarray) -> Factors:
        """The factors of images [N, H, W, 3] in [-1, 1], with H = W >= the side."""
        if images.shape[1] != self.side:
            size = (self.side, self.side)
            images = tf.image.resize(images, size, "area").numpy()
        images = np.clip(images, -1, 1)
        outputs = self.network.predict(images, batch_size=256, verbose=0)
        numbers = {}
        for name in LINEAR:
            numbers[name] = scaled(outputs[name][:, 0], name)
        for name in CIRCULAR:
            cos, sin = outputs[name].T
            numbers[name] = np.arctan2(sin, cos) / (2 * np.pi) % 1
        choices = {name: outputs[name].argmax(-1) for name in CHOICES}
        choices["species"] = self.species[choices["species"]]
        return Factors(numbers, choices)


def scaled(target: Any, name: str) -> Any:
    """The value of a factor for a target in [-1, 1]."""
    low, high = RANGES[name]
    return low + (high - low) * (target + 1) / 2


def targets(factors: Factors) -> dict[str, np.ndarray]:
    """The outputs that the network is trained on, for the factors of animals.

    Numbers are scaled from their range to [-1, 1], hues are points on the circle.
    """
    result = dict(factors.choices)
    for name in LINEAR:
        low, high = RANGES[name]
        result[name] = 2 * (factors.numbers[name][:, None] - low) / (high - low) - 1
    for name in CIRCULAR:
        angle = 2 * np.pi * factors.numbers[name]
        result[name] = np.stack([np.cos(angle), np.sin(angle)], -1)
    return result


class Upright(keras.layers.Layer):
    """Faces turned and scaled to one pose, by the pose that was read.

    Images [N, S, S, 3] and x, y, size and tilt as targets, [N, 1], to [N, S, S, 3].
    """

    def call(self, images: Any, *pose: Any) -> Any:
        side = images.shape[1]
        x, y, size, tilt = (
            scaled(ops.clip(value[:, 0], -1.2, 1.2), name)
            for name, value in zip(POSE, pose, strict=True)
        )
        # From a pixel of the result to the head's frame (see `critters.Canvas`) ...
        step = 2 * REACH / side
        left, top = step / 2 - REACH, step / 2 - REACH - ABOVE
        # ... and from there to a pixel of the image.
        cos, sin = (
            side * size / 2 * turn(tilt * math.pi / 180) for turn in (ops.cos, ops.sin)
        )
        middle = (side - 1) / 2
        rows = [
            cos * step,
            -sin * step,
            side * x + middle + cos * left - sin * top,
            sin * step,
            cos * step,
            side * y + middle + sin * left + cos * top,
            ops.zeros_like(x),
            ops.zeros_like(x),
        ]
        transform = ops.stop_gradient(ops.stack(rows, axis=-1))
        return channels_last.affine_transform(images, transform, fill_mode="nearest")


def make_network(side: int, species: Sequence[str] = critters.SPECIES) -> keras.Model:
    """The untrained network: [N, side, side, 3] to {factor: its target}."""
    widths = dict.fromkeys(LINEAR, 1) | dict.fromkeys(CIRCULAR, 2)
    widths |= {"species": len(species), "pattern": len(critters.PATTERNS)}
    images = keras.Input((side, side, 3))
    features = _features(images)
    outputs = {n: keras.layers.Dense(widths[n], name=n)(features) for n in FIRST}
    features = _features(Upright()(images, *(outputs[name] for name in POSE)))
    others = [name for name in widths if name not in FIRST]
    outputs |= {n: keras.layers.Dense(widths[n], name=n)(features) for n in others}
    return keras.Model(images, outputs, name="probe")


def _features(x: Any) -> Any:
    # The last map, 4 x 4, is flattened, not averaged, so that positions are kept.
    x = _convolution(x, 32, 5)
    for channels in (64, 96, 128)[: int(math.log2(x.shape[1] // 4))]:
        x = _convolution(x, channels, 3)
        if channels == 64:
            x = _convolution(x, channels, 3, stride=1)
    x = keras.layers.Flatten(**channels_last.LAST)(x)
    return _activation(keras.layers.Dense(256, use_bias=False)(x))


def _convolution(x: Any, channels: int, width: int, stride: int = 2) -> Any:
    convolution = keras.layers.Conv2D(
        channels, width, stride, padding="same", use_bias=False, **channels_last.LAST
    )
    return _activation(convolution(x))


def _activation(x: Any) -> Any:
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.95)(x))


def spoil(images: tf.Tensor, target: dict) -> tuple[tf.Tensor, dict]:
    """Images with blur in a quarter of them and noise in a quarter, and the target."""
    x = tf.cast(images, tf.float32) / 127.5 - 1

    def up_to(most: float) -> tf.Tensor:
        amount = tf.random.uniform((tf.shape(x)[0], 1, 1, 1), -3 * most, most)
        return tf.maximum(amount, 0)

    x += up_to(0.6) * (tf.nn.avg_pool2d(x, 3, 1, "SAME") - x)
    return x + up_to(0.07) * tf.random.normal(tf.shape(x)), target


def train(
    side: int,
    drawn: int = DRAWN,
    epochs: int = EPOCHS,
    species: Sequence[str] = critters.SPECIES,
) -> Probe:
    """A probe for images of a side, trained on animals that no run uses.

    Args:
        side: height and width of the images, at least 32.
        drawn: animals of each species.
        epochs: number of epochs.
        species: the species that it tells apart.
    """
    images, labels, animals = critters.make_split(drawn, side, SEED, species=species)
    wanted = targets(Factors.of(animals)) | {"species": labels}
    data = tf.data.Dataset.from_tensor_slices((images, wanted))
    data = data.shuffle(len(images)).batch(BATCH, drop_remainder=True)
    data = data.map(spoil, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    network = make_network(side, species)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    squares = dict.fromkeys((*LINEAR, *CIRCULAR), "mse")
    steps = epochs * (len(images) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    network.compile(
        keras.optimizers.Adam(rate),
        loss=squares | dict.fromkeys(CHOICES, crossentropy),
        loss_weights={name: WEIGHTS.get(name, 1.0) for name in network.output},
        jit_compile=False,
    )
    with Bar(total=steps, desc="probe", unit="step", dynamic_ncols=True) as bar:
        step = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: bar.update()
        )
        network.fit(data, epochs=epochs, verbose=0, shuffle=False, callbacks=[step])
    return Probe(network, species)


def of_run(config: Config, quick: bool = False) -> Probe:
    """The probe for the images of a run.

    Args:
        config: the run's settings.
        quick: whether a probe is enough that is trained in seconds.

    Raises:
        UserError: if they are not drawn animals.
    """
    drawn = config.dataset == "critters" or config.domains == critters.SPECIES
    if not drawn or not set(config.domains) <= set(critters.EVERY_SPECIES):
        raise UserError(
            "--probe: only for drawn animals (--dataset=critters), and this run's "
            f"domains are {', '.join(config.domains)}"
        )
    species = critters.chosen(config.domains)
    folder = cache_dir() / "probes"
    if quick:
        return load(QUICK_SIDE, folder, species, QUICK_DRAWN, QUICK_EPOCHS)
    return load(config.img_size, folder, species)


def load(
    side: int,
    folder: pathlib.Path,
    species: Sequence[str] = critters.SPECIES,
    drawn: int = DRAWN,
    epochs: int = EPOCHS,
) -> Probe:
    """The probe for images of a side, trained now if `folder` has none yet.

    Args:
        side: height and width; a probe for 64 also reads larger images.
        folder: of the trained probes, which all runs share.
        species: the species that it tells apart, in any order.
        drawn: animals of each species to train on.
        epochs: number of epochs.
    """
    side = min(side, LARGEST_SIDE)
    species = tuple(name for name in critters.EVERY_SPECIES if name in species)
    fingerprint = _fingerprint(side, species, drawn, epochs)
    path = folder / f"probe-{side}px-{fingerprint}.weights.h5"
    if path.exists():
        network = make_network(side, species)
        network.load_weights(path)
        return Probe(network, species)
    print(f"training the probe for {side} px, once: {path}", file=sys.stderr)
    probe = train(side, drawn, epochs, species)
    try:
        with atomic_file(path) as partial:
            probe.network.save_weights(partial)
    except OSError as error:  # trained again the next time
        print(f"warning: {path}: can't be written ({error})", file=sys.stderr)
    return probe


def _indices(species: Sequence[str]) -> np.ndarray:
    return np.array([critters.EVERY_SPECIES.index(name) for name in species])


def _fingerprint(side: int, species: Sequence[str], drawn: int, epochs: int) -> str:
    """A hash of all that a probe depends on: the drawings, and this file."""
    drawings, *_ = critters.make_split(2, side, SEED, species=species)
    recipe = f"{inspect.getsource(sys.modules[__name__])} {drawn} {epochs}"
    return hashlib.sha256(drawings.tobytes() + recipe.encode()).hexdigest()[:12]
