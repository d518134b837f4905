"""What the discriminator sees is changed at random, as the formulas say."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny
from test_stargan import make_batch, make_model

from tfstargan.data.batch import NOISE, SHOWN, UPDATES
from tfstargan.data.stream import batches, open_images
from tfstargan.training.augmentation import (
    Augmentation,
    Draws,
    _about_gray,
    differentiable_colours,
    quarter_turns,
    recolour,
    sample,
    scaling,
    shift,
)

KINDS = ["ada", "diffaugment"]


def images(count: int = 4, side: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, side, side, 3)).astype(np.float32)


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, NOISE), np.float32)


def test_nothing_is_changed_at_first():
    x = images(64)
    np.testing.assert_array_equal(Augmentation("ada")(x, noise(64)), x)


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_changed_each_in_its_way(kind):
    layer = Augmentation(kind)
    layer.p.assign(1.0)
    x = np.repeat(images(1), 8, axis=0)
    changed = np.asarray(layer(x, noise(8)))
    assert np.isfinite(changed).all()
    assert len(np.unique(changed.reshape(8, -1), axis=0)) == 8
    again = np.asarray(layer(x, noise(8)))
    np.testing.assert_array_equal(again, changed)


def test_a_share_p_is_changed():
    draws = Draws(tf.constant(noise(4000)), tf.constant(0.3))
    assert np.mean(draws.sometimes(1.0, 0.0)) == pytest.approx(0.3, abs=0.03)
    values = Draws(tf.constant(noise(4000)), tf.constant(1.0)).normal()
    assert np.mean(values) == pytest.approx(0, abs=0.05)
    assert np.std(values) == pytest.approx(1, abs=0.05)


def test_sampling_is_exact_where_pixels_meet_pixels():
    x = images(3)
    ones = tf.ones(3)
    flipped = sample(x, scaling(-ones, ones))
    np.testing.assert_allclose(flipped, x[:, :, ::-1], atol=1e-6)
    turned = sample(x, quarter_turns(tf.constant([1, 2, 3])))
    right = [np.rot90(image, k) for image, k in zip(x, (1, 2, 3), strict=True)]
    np.testing.assert_allclose(turned, right, atol=1e-6)
    moved = tf.constant([[[1.0, 0, 2 * 3 / 8], [0, 1, 0], [0, 0, 1]]] * 3)
    padded = np.pad(x, ((0, 0), (0, 0), (0, 3), (0, 0)), "reflect")
    np.testing.assert_allclose(sample(x, moved), padded[:, :, 3:], atol=1e-5)


def test_sampling_between_pixels_is_linear():
    x = np.broadcast_to(np.arange(8, dtype=np.float32)[:, None], (1, 8, 8))[..., None]
    shrunk = sample(np.repeat(x, 3, axis=-1), scaling(tf.ones(1), tf.fill((1,), 0.5)))
    right = 3.5 + 0.5 * (np.arange(8) - 3.5)
    np.testing.assert_allclose(shrunk[0, :, 0, 0], right, atol=1e-5)


@pytest.mark.parametrize(
    ("lightness", "hue", "saturation", "right"),
    [
        (1, 2 * np.pi / 3, 1, lambda x: np.roll(x, 1, axis=-1)),
        (1, 0, 0, lambda x: x.mean(-1, keepdims=True) + 0 * x),
        (-1, 0, 1, lambda x: x - 2 * x.mean(-1, keepdims=True)),
        (1, 0, 1, lambda x: x),
    ],
    ids=["a third of a turn", "gray", "inverted", "same"],
)
def test_colours_turn_about_gray(lightness, hue, saturation, right):
    x = images(1)
    linear = _about_gray(
        *(tf.fill((1,), float(v)) for v in (lightness, hue, saturation))
    )
    found = recolour(x, tf.concat([linear, tf.zeros((1, 3, 1))], axis=-1))
    np.testing.assert_allclose(found, right(x), atol=1e-5)


def test_contrast_is_about_the_image_s_mean_and_brightness_moves_it_by_half_at_most():
    x = 0.5 + 0.1 * images(500)
    draws = Draws(tf.constant(noise(500)), tf.constant(1.0))
    changed = np.asarray(recolour(x, differentiable_colours(draws, x)))
    moved = changed.mean((1, 2, 3)) - x.mean((1, 2, 3))
    assert -0.5 <= moved.min() < -0.48
    assert 0.48 < moved.max() <= 0.5
    gray, before = changed.mean(-1), x.mean(-1)
    contrast = gray.std((1, 2)) / before.std((1, 2))
    assert 0.499 < contrast.min() < 0.52
    assert 1.48 < contrast.max() < 1.501


def test_a_shift_is_of_whole_pixels_and_zeros_enter():
    x = np.broadcast_to(np.arange(1, 17, dtype=np.float32)[:, None, None], (16, 16, 3))
    draws = Draws(tf.constant(noise(64)), tf.constant(1.0))
    shifted = np.asarray(shift(np.stack([x] * 64), draws))
    right = {tuple(np.pad(np.arange(1, 17), 2)[2 + n : 18 + n]) for n in range(-2, 3)}
    columns = shifted.max((2, 3))  # where a row is not entered from the side
    assert {tuple(np.rint(c).astype(int)) for c in columns} == right
    np.testing.assert_allclose(columns, np.rint(columns), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_differentiable_twice_and_compiles(kind):
    layer = Augmentation(kind)
    layer.p.assign(1.0)
    numbers = tf.constant(noise(2))

    def penalty(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = tf.reduce_sum(tf.sin(3.0 * layer(x, numbers)))
        return tf.reduce_sum(tf.square(tape.gradient(logits, x)))

    def slope(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = penalty(x)
        return tape.gradient(value, x)

    x = tf.constant(images(2))
    found = slope(x)
    np.testing.assert_allclose(
        tf.function(slope, jit_compile=True)(x), found, rtol=1e-3, atol=1e-3
    )
    direction = tf.constant(np.random.default_rng(1).normal(size=x.shape), tf.float32)
    step = 1e-3
    ahead, behind = penalty(x + step * direction), penalty(x - step * direction)
    numeric = float(ahead - behind) / (2 * step)
    assert float(tf.reduce_sum(found * direction)) == pytest.approx(numeric, rel=1e-2)


def test_p_rises_while_the_discriminator_is_sure_and_falls_again():
    layer = Augmentation("ada", target=0.5, images=400)
    for _ in range(100):
        layer.adapt(1.0, 4)
    assert float(layer.sign) > 0.5
    high = float(layer.p)
    assert 0 < high < 1
    for _ in range(200):
        layer.adapt(-1.0, 4)
    assert 0 <= float(layer.p) < high


def test_a_skipped_update_does_not_move_p_for_good():
    layer = Augmentation("ada", target=0.5, images=400)
    layer.adapt(float("nan"), 4)
    for _ in range(100):
        layer.adapt(1.0, 4)
    assert float(layer.p) > 0


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [1, 3])
def test_an_iteration_moves_p(accumulate, tmp_path):
    settings = {"augment": "ada", "augment_images": 30, "batch_size": 3}
    model = make_model(tiny(**settings, augment_target=0.01, accumulate=accumulate))
    # The numbers decide what is seen: parts of a batch must get their own.
    shape = (3, UPDATES, len(SHOWN), NOISE)
    numbers = tf.constant(np.random.default_rng(0).random(shape, np.float32))
    logs = model.train_step(make_batch(0)._replace(noise=numbers))
    sign = 0.5 * (logs["D/latent/sign"] + logs["D/reference/sign"])
    assert float(model.augmentation.sign) == pytest.approx(0.01 * float(sign))
    model.augmentation.p.assign(0.25)
    path = tmp_path / "all.weights.h5"
    model.save_weights(path)
    other = make_model(tiny(**settings), seed=1)
    other.load_weights(path)
    assert float(other.augmentation.p) == 0.25


def test_random_numbers_come_with_the_batch_and_change_nothing_else():
    config = tiny(iterations=2)
    image_set = open_images(config, "train")
    (plain, _), (augmented, later) = (
        batches(image_set, tiny(iterations=2, augment=kind)).as_numpy_iterator()
        for kind in ("none", "ada")
    )
    for name in plain._fields[:-1]:
        np.testing.assert_array_equal(getattr(plain, name), getattr(augmented, name))
    assert augmented.noise.shape == (4, UPDATES, len(SHOWN), NOISE)
    assert not np.array_equal(augmented.noise, later.noise)
