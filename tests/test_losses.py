"""The formulas of the objectives, in NumPy again."""

import numpy as np
import pytest
import tensorflow as tf

from tfstargan.training import losses


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def test_logits_that_should_say_real_lose_minus_log_sigmoid():
    logits = 3 * noise(0, 5)
    expected = np.mean(-np.log(sigmoid(logits)))
    np.testing.assert_allclose(losses.adversarial(logits, real=True), expected, 1e-6)


def test_logits_that_should_say_fake_lose_minus_log_of_one_minus_sigmoid():
    logits = 3 * noise(1, 5)
    expected = np.mean(-np.log(1 - sigmoid(logits)))
    np.testing.assert_allclose(losses.adversarial(logits, real=False), expected, 1e-6)


@pytest.mark.parametrize("real", [True, False])
def test_logits_far_off_lose_their_distance_and_no_more(real):
    logits = np.array([-500.0, 500.0, 500.0, 500.0], np.float32)
    expected = 125 if real else 375
    np.testing.assert_allclose(losses.adversarial(logits, real), expected)


def test_the_generator_s_loss_does_not_saturate():
    logits = tf.constant([-50.0, -30.0, -40.0])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses.adversarial(logits, real=True)
    np.testing.assert_allclose(tape.gradient(loss, logits), np.full(3, -1 / 3), 1e-6)


def test_only_the_logits_of_other_domains_lose_by_their_sign():
    logits = tf.constant([[9.0, -50.0, -50.0], [50.0, 9.0, -50.0]])
    y = tf.constant([0, 1])
    loss = losses.other_domains(logits, y)
    assert float(loss) == pytest.approx(50 / 4)  # of four, one is said to be real
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses.other_domains(logits, y)
    expected = [[0, 0, 0], [1 / 4, 0, 0]]
    np.testing.assert_allclose(tape.gradient(loss, logits), expected, atol=1e-6)


def test_r1_is_half_the_squared_norm_averaged_over_images():
    gradients = noise(2, 3, 4, 6, 3)
    norms = np.linalg.norm(gradients.reshape(3, -1).astype(np.float64), axis=1)
    np.testing.assert_allclose(
        losses.r1_penalty(tf.constant(gradients)), np.mean(norms**2) / 2, 1e-6
    )


@pytest.mark.parametrize("batch", [1, 3, 6])
def test_r1_of_a_linear_discriminator_is_half_its_squared_weight(batch):
    w, x = noise(3, 4, 6, 3), tf.constant(noise(4, batch, 4, 6, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = tf.einsum("bhwc,hwc->b", x, w)
    penalty = losses.r1_penalty(tape.gradient(logits, x))
    np.testing.assert_allclose(penalty, np.sum(w.astype(np.float64) ** 2) / 2, 1e-6)


def test_r1_s_own_gradient_reaches_the_discriminator():
    w, x = tf.constant(noise(5, 4, 6, 3)), tf.constant(noise(6, 3, 4, 6, 3))
    with tf.GradientTape() as outer:
        outer.watch(w)
        with tf.GradientTape() as inner:
            inner.watch(x)
            logits = tf.einsum("bhwc,hwc->b", x, w)
        penalty = losses.r1_penalty(inner.gradient(logits, x))
    np.testing.assert_allclose(outer.gradient(penalty, w), w, 1e-6)


def test_r1_of_anything_but_images_is_refused():
    with pytest.raises(ValueError, match=r"must be \[B, H, W, 3\], got \(3, 72\)"):
        losses.r1_penalty(tf.zeros((3, 72)))


@pytest.mark.parametrize("shape", [(3, 4, 6, 3), (3, 5)], ids=["images", "styles"])
def test_l1_is_the_mean_absolute_difference(shape):
    a, b = noise(7, *shape), noise(8, *shape)
    expected = np.mean(np.abs(a.astype(np.float64) - b))
    np.testing.assert_allclose(
        losses.l1(tf.constant(a), tf.constant(b)), expected, 1e-6
    )
