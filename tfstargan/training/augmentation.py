"""Augmentation of the images that the discriminator sees, for few training images.

A discriminator memorizes a few hundred images. Changed at random, real and fake
images alike, they are many. With "ada" only a share p of the changes is made, and p
rises while the discriminator is too sure of real images (Karras et al.,
arXiv:2006.06676). With "diffaugment" every image is changed (Zhao et al.,
arXiv:2006.10738).

All changes are differentiable by the image, twice, and compile with XLA: the geometric
changes are one bilinear sampling of the image, and those of colours one affine map of
RGB. The random numbers are part of the batch, so that they do not depend on the number
of replicas or parts, or on resuming.

Not as in the paper on "ada": images are not filtered by wavelets before they are
sampled.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfstargan.data.batch import NOISE

TRANSLATION = 0.125  # of the side
SCALE = 0.2  # standard deviations, of log2
CONTRAST = 0.5
SATURATION = 1.0
BRIGHTNESS = 0.2
MEMORY = 0.99  # of the mean sign of the logits, per iteration
GRAY = np.full((3, 3), 1 / 3, np.float32)  # projects RGB onto the axis of grays


@keras.saving.register_keras_serializable("tfstargan")
class Augmentation(keras.layers.Layer):
    """Randomly changed images, [B, H, W, 3] from [B, H, W, 3].

    Args:
        kind: "ada" or "diffaugment".
        colour: whether colours change, too.
        target: ada: the mean sign of the logits of real images to be kept.
        images: ada: real images over which p can rise from 0 to 1.
        **kwargs: those of `keras.layers.Layer`.

    Attributes:
        p: share of the changes that are made.
        sign: mean sign of the discriminator's logits of real images, of late.
    """

    def __init__(
        self,
        kind: str,
        colour: bool = True,
        target: float = 0.6,
        images: int = 500_000,
        **kwargs: Any,
    ):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.kind = kind
        self.colour = colour
        self.target = target
        self.images = images
        state: dict[str, Any] = {
            "trainable": False,
            "aggregation": "only_first_replica",
        }
        start = "zeros" if kind == "ada" else "ones"
        self.p = self.add_weight((), start, name="p", **state)
        self.sign = self.add_weight((), "zeros", name="sign", **state)
        self.built = True

    def call(self, x: Any, noise: Any) -> Any:
        """Images changed by random numbers, [B, NOISE] uniform in [0, 1)."""
        draws = Draws(noise, tf.convert_to_tensor(self.p.value))
        change = adaptive if self.kind == "ada" else differentiable
        return change(x, draws, self.colour)

    def adapt(self, sign: Any, count: int) -> None:
        """Move p by what the discriminator says of real images.

        Args:
            sign: mean sign of the logits of an iteration's real images; ignored if it
                is not finite.
            count: number of these images.
        """
        sign = tf.where(tf.math.is_finite(sign), sign, self.sign.value)
        self.sign.assign(MEMORY * self.sign + (1 - MEMORY) * sign)
        step = tf.sign(self.sign - self.target) * count / self.images
        self.p.assign(tf.clip_by_value(self.p + step, 0.0, 1.0))

    def get_config(self) -> dict:
        return super().get_config() | {
            "kind": self.kind,
            "colour": self.colour,
            "target": self.target,
            "images": self.images,
        }


class Draws:
    """Random values for each image of a batch, one after the other.

    Args:
        noise: [B, NOISE] uniform in [0, 1).
        p: probability that a value is used; else its neutral value stands.
    """

    def __init__(self, noise: Any, p: Any):
        self.p = p
        self._columns: Iterator[Any] = iter(tf.unstack(noise, NOISE, axis=1))

    def uniform(self) -> Any:
        """[B] in [0, 1)."""
        return next(self._columns)

    def normal(self) -> Any:
        """[B] from N(0, 1)."""
        inside = tf.clip_by_value(2.0 * self.uniform() - 1.0, -0.999999, 0.999999)
        return math.sqrt(2.0) * tf.math.erfinv(inside)

    def sometimes(self, value: Any, neutral: float, p: Any = None) -> Any:
        """[B]: `value` with probability p, else `neutral`."""
        return tf.where(self.uniform() < (self.p if p is None else p), value, neutral)

    def translation(self, value: Any) -> Any:
        """[B, 3, 3]: both axes moved by values [B], sometimes."""
        used = self.sometimes(1.0, 0.0)
        return matrix([[1, 0, used * value[0]], [0, 1, used * value[1]], [0, 0, 1]])


def matrix(rows: list[list[Any]]) -> Any:
    """[B, n, m] of rows of entries, each a number or [B]."""
    flat = [entry for row in rows for entry in row]
    like = next(entry for entry in flat if tf.is_tensor(entry))
    entries = [tf.zeros_like(like) + tf.cast(entry, tf.float32) for entry in flat]
    return tf.reshape(tf.stack(entries, axis=-1), (-1, len(rows), len(rows[0])))


def scaling(x: Any, y: Any) -> Any:
    """[B, 3, 3]: axes scaled by [B]."""
    return matrix([[x, 0, 0], [0, y, 0], [0, 0, 1]])


def rotation(angle: Any) -> Any:
    """[B, 3, 3]: turned by [B] radians."""
    cos, sin = tf.cos(angle), tf.sin(angle)
    return matrix([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def quarter_turns(count: Any) -> Any:
    """[B, 3, 3]: turned by [B] in 0..3 right angles, exactly."""
    cos = tf.gather([1.0, 0.0, -1.0, 0.0], count)
    sin = tf.gather([0.0, 1.0, 0.0, -1.0], count)
    return matrix([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def adaptive(x: Any, draws: Draws, colour: bool) -> Any:
    """Images [B, H, W, 3], some changed, mirrored at their borders; "ada"."""
    x = sample(x, adaptive_geometry(draws, x.shape[1]))
    return recolour(x, adaptive_colours(draws)) if colour else x


def differentiable(x: Any, draws: Draws, colour: bool) -> Any:
    """Images [B, H, W, 3], all changed; "diffaugment"."""
    if colour:
        x = recolour(x, differentiable_colours(draws, x))
    return cut_out(shift(x, draws), draws)


def adaptive_geometry(draws: Draws, side: int) -> Any:
    """[B, 3, 3], from a pixel to where it is sampled; the paper's appendix B."""
    flip = draws.sometimes(tf.where(draws.uniform() < 0.5, -1.0, 1.0), 1.0)
    turns = draws.sometimes(tf.floor(4.0 * draws.uniform()), 0.0)
    even = [2 * draws.uniform() - 1, 2 * draws.uniform() - 1]
    scale = draws.sometimes(2.0 ** (SCALE * draws.normal()), 1.0)
    once = 1.0 - tf.sqrt(1.0 - draws.p)  # so that one of two turns is made with p
    before = draws.sometimes(math.pi * (2 * draws.uniform() - 1), 0.0, once)
    stretch = draws.sometimes(2.0 ** (SCALE * draws.normal()), 1.0)
    after = draws.sometimes(math.pi * (2 * draws.uniform() - 1), 0.0, once)
    normal = [TRANSLATION * 2 * draws.normal(), TRANSLATION * 2 * draws.normal()]
    changes = [
        scaling(flip, 1.0),
        quarter_turns(tf.cast(turns, tf.int32)),
        draws.translation([tf.round(TRANSLATION * side * e) * 2 / side for e in even]),
        scaling(scale, scale),
        rotation(before),
        scaling(stretch, 1.0 / stretch),
        rotation(after),
        draws.translation(normal),
    ]
    return functools.reduce(tf.matmul, changes)


def adaptive_colours(draws: Draws) -> Any:
    """[B, 3, 4], an affine map of RGB; the paper's appendix B."""
    brightness = draws.sometimes(BRIGHTNESS * draws.normal(), 0.0)
    contrast = draws.sometimes(2.0 ** (CONTRAST * draws.normal()), 1.0)
    inverted = draws.sometimes(tf.floor(2.0 * draws.uniform()), 0.0)
    hue = draws.sometimes(math.pi * (2 * draws.uniform() - 1), 0.0)
    saturation = draws.sometimes(2.0 ** (SATURATION * draws.normal()), 1.0)
    colours = _about_gray(1.0 - 2.0 * inverted, hue, saturation)
    shift = tf.stack([brightness] * 3, axis=-1)[:, :, None]
    linear = contrast[:, None, None] * colours
    moved = contrast[:, None, None] * tf.matmul(colours, shift)
    return tf.concat([linear, moved], axis=-1)


def differentiable_colours(draws: Draws, x: Any) -> Any:
    """[B, 3, 4]: brightness, saturation and contrast, Zhao et al.'s "color"."""
    brightness = draws.uniform() - 0.5
    saturation = 2.0 * draws.uniform()
    contrast = 0.5 + draws.uniform()
    one, zero = tf.ones_like(saturation), tf.zeros_like(saturation)
    linear = contrast[:, None, None] * _about_gray(one, zero, saturation)
    # Contrast is about the image's mean, which the saturation does not change.
    level = brightness + (1.0 - contrast) * tf.reduce_mean(x, axis=(1, 2, 3))
    return tf.concat([linear, tf.stack([level] * 3, axis=-1)[:, :, None]], axis=-1)


def _about_gray(lightness: Any, hue: Any, saturation: Any) -> Any:
    """[B, 3, 3]: RGB scaled along the axis of grays, turned about it, and scaled."""
    cos, sin = tf.cos(hue)[:, None, None], tf.sin(hue)[:, None, None]
    third = math.sqrt(1 / 3)
    across = tf.constant([[0, -third, third], [third, 0, -third], [-third, third, 0]])
    turned = cos * (tf.eye(3) - GRAY) + sin * across
    return lightness[:, None, None] * GRAY + saturation[:, None, None] * turned


def sample(x: Any, transform: Any) -> Any:
    """Images [B, H, W, 3] sampled elsewhere, bilinearly, mirrored at the borders.

    Args:
        x: square images.
        transform: [B, 3, 3], from a place in the result to one in the image, with the
            centre at 0 and the sides at -1 and 1. The identity leaves pixels as they
            are.
    """
    side = x.shape[1]
    centre = (side - 1) / 2
    line = tf.range(side, dtype=tf.float32) - centre
    columns, rows = tf.meshgrid(line, line)
    ones = tf.fill((side, side), side / 2)  # translations are shares of half the side
    places = tf.reshape(tf.stack([columns, rows, ones]), (3, -1))
    moved = tf.einsum("bij,jn->bin", transform, places)
    across, down = moved[:, 0] + centre, moved[:, 1] + centre  # [B, H * W]
    flat = tf.reshape(x, (-1, side * side, x.shape[-1]))

    def pixels(row: Any, column: Any) -> Any:
        index = _mirrored(row, side) * side + _mirrored(column, side)
        return tf.gather(flat, index, axis=1, batch_dims=1)

    top, left = tf.floor(down), tf.floor(across)
    below, right = (down - top)[..., None], (across - left)[..., None]
    upper = (1 - right) * pixels(top, left) + right * pixels(top, left + 1)
    lower = (1 - right) * pixels(top + 1, left) + right * pixels(top + 1, left + 1)
    return tf.reshape((1 - below) * upper + below * lower, tf.shape(x))


def _mirrored(index: Any, side: int) -> Any:
    """Whole numbers brought into 0..side - 1 by mirroring at the border pixels."""
    period = 2 * (side - 1)
    index = tf.math.floormod(tf.cast(index, tf.int32), period)
    return tf.minimum(index, period - index)


def recolour(x: Any, transform: Any) -> Any:
    """Images [B, H, W, 3] with RGB mapped by [B, 3, 4]."""
    linear, shift = transform[:, :, :3], transform[:, None, None, :, 3]
    return tf.einsum("bij,bhwj->bhwi", linear, x) + shift


def shift(x: Any, draws: Draws) -> Any:
    """Images moved by whole pixels, up to an eighth of the side; what enters is 0."""
    most = round(TRANSLATION * x.shape[1])
    x = tf.pad(x, [(0, 0), (most, most), (most, most), (0, 0)])
    pixels = [tf.floor((2 * most + 1) * draws.uniform()) - most for _ in "xy"]
    moved = draws.translation([n * 2 / x.shape[1] for n in pixels])
    return sample(x, moved)[:, most:-most, most:-most]


def cut_out(x: Any, draws: Draws) -> Any:
    """Images with a square of half the side, anywhere, set to 0."""
    side = x.shape[1]
    line = (tf.range(side, dtype=tf.float32) + 0.5) / side
    inside = [
        tf.abs(line - draws.uniform()[:, None]) < 0.25 for _ in ("rows", "columns")
    ]
    hole = tf.logical_and(inside[0][:, :, None], inside[1][:, None, :])
    return tf.where(hole[..., None], 0.0, x)
