"""Adam, step by step, against the reference's formula in NumPy."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfstargan.training.optimizer import Adam

SHAPES = ((3, 4), (5,))


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def variables() -> list[keras.Variable]:
    return [keras.Variable(noise(i, *shape)) for i, shape in enumerate(SHAPES)]


def gradients(step: int, size: float = 1.0) -> list[tf.Tensor]:
    values = (noise(10 * step + i, *shape) for i, shape in enumerate(SHAPES, 10))
    return [tf.constant(size * value) for value in values]


def values(of: list[keras.Variable]) -> list[np.ndarray]:
    return [tf.convert_to_tensor(v.value).numpy() for v in of]


def adam(
    value: np.ndarray,
    steps: dict[int, np.ndarray],
    lr: float = 1e-4,
    beta1: float = 0.0,
    beta2: float = 0.99,
    epsilon: float = 1e-8,
    l2: float = 1e-4,
) -> np.ndarray:
    """A value after {step count: its gradient}, in double precision."""
    value, m, v = value.astype(np.float64), 0.0, 0.0
    for t, gradient in steps.items():
        g = np.asarray(gradient, np.float64) + l2 * value
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        value = value - lr * m_hat / (np.sqrt(v_hat) + epsilon)
    return value


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, 1.0),
        ({"lr": 1e-2, "l2": 0.0}, 1.0),
        ({"lr": 1e-2, "l2": 0.3}, 1.0),
        ({"lr": 1e-2, "l2": 0.3}, 0.0),  # decay alone moves by whole steps
        ({"lr": 1e-2, "beta1": 0.5, "beta2": 0.9}, 1.0),
        ({"lr": 1e-2, "beta1": 0.9, "beta2": 0.999, "l2": 0.3}, 1.0),
        # Gradients as small as epsilon: its place, outside the corrected root, shows.
        ({"lr": 1e-2, "l2": 0.0}, 1e-8),
        ({"lr": 1e-2, "l2": 0.0, "beta1": 0.5}, 1e-8),
        ({"lr": 1e-2, "l2": 0.0, "epsilon": 1e-3}, 1e-3),
    ],
    ids=str,
)
def test_every_step_is_the_reference_s(settings, size):
    ours = variables()
    start = values(ours)
    arguments = {"learning_rate" if k == "lr" else k: v for k, v in settings.items()}
    optimizer = Adam(**arguments)
    lr = settings.get("lr", 1e-4)
    for steps in range(1, 5):
        optimizer.apply(gradients(steps, size), ours)
        for i, value in enumerate(values(ours)):
            taken = {t: gradients(t, size)[i] for t in range(1, steps + 1)}
            expected = adam(start[i], taken, **settings)
            # of what four steps move; the weights, about 1, resolve 1e-7
            np.testing.assert_allclose(value, expected, rtol=0, atol=1e-3 * lr + 5e-7)


def test_the_default_settings_are_the_reference_s():
    expected = {"beta1": 0.0, "beta2": 0.99, "epsilon": 1e-8, "l2": 1e-4}
    config = Adam().get_config()
    assert {name: config[name] for name in expected} == expected
    assert config["learning_rate"] == pytest.approx(1e-4)


def test_a_variable_without_gradient_is_left_alone_its_decay_too():
    ours = variables()
    before = values(ours)
    optimizer = Adam(1e-2, l2=0.3)
    with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
        optimizer.apply([gradients(1)[0], None], ours)
    moved, left = values(ours)
    assert np.abs(moved - before[0]).min() > 1e-3
    np.testing.assert_array_equal(left, before[1])


def test_a_zero_gradient_is_a_gradient_and_its_variable_decays():
    ours = variables()
    before = values(ours)[1]
    optimizer = Adam(1e-2, l2=0.3)
    optimizer.apply([gradients(1)[0], tf.zeros(5)], ours)
    expected = before - 1e-2 * np.sign(before)
    np.testing.assert_allclose(values(ours)[1], expected, atol=1e-6)


def test_there_is_one_step_count_for_all_variables():
    ours = variables()
    start = values(ours)
    optimizer = Adam(1e-2, beta1=0.5)
    with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
        optimizer.apply([gradients(1)[0], None], ours)
    optimizer.apply(gradients(2), ours)
    assert int(optimizer.iterations) == 2
    first = adam(start[0], {1: gradients(1)[0], 2: gradients(2)[0]}, 1e-2, 0.5)
    second = adam(start[1], {2: gradients(2)[1]}, 1e-2, 0.5)
    for value, expected in zip(values(ours), (first, second), strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-5)
    assert not np.allclose(second, adam(start[1], {1: gradients(2)[1]}, 1e-2, 0.5))


def test_a_learning_rate_set_later_is_used():
    ours = variables()
    optimizer = Adam(1e-2, l2=0.0)
    optimizer.build(ours)
    optimizer.learning_rate = 1e-3
    before = values(ours)
    optimizer.apply(gradients(1), ours)
    for value, old, gradient in zip(values(ours), before, gradients(1), strict=True):
        np.testing.assert_allclose(old - value, 1e-3 * np.sign(gradient), atol=1e-6)


def test_a_schedule_of_learning_rates_is_followed():
    ours = variables()
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [1e-2, 1e-3])
    optimizer = Adam(schedule, beta2=0.0, l2=0.0)
    for step, rate in ((1, 1e-2), (2, 1e-2), (3, 1e-3)):
        before = values(ours)
        optimizer.apply(gradients(step), ours)
        for value, old in zip(values(ours), before, strict=True):
            np.testing.assert_allclose(abs(old - value), np.full(old.shape, rate), 1e-3)


def test_an_optimizer_comes_back_from_its_configuration():
    settings = {"beta1": 0.25, "beta2": 0.75, "epsilon": 1e-4, "l2": 0.125}
    optimizer = Adam(0.5, **settings)
    serialized = keras.optimizers.serialize(optimizer)
    twin: Any = keras.optimizers.deserialize(serialized)
    assert isinstance(twin, Adam)
    assert twin.get_config() == optimizer.get_config()
    assert twin.get_config() | settings | {"learning_rate": 0.5} == twin.get_config()


def test_the_state_is_two_running_means_for_each_variable():
    ours = variables()
    optimizer = Adam(beta1=0.5, beta2=0.75, l2=0.0)
    optimizer.apply(gradients(1), ours)
    for i, gradient in enumerate(gradients(1)):
        np.testing.assert_allclose(optimizer.means[i], gradient / 2, 1e-6)
        np.testing.assert_allclose(optimizer.squares[i], gradient**2 / 4, 1e-6)
