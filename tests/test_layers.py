"""Norms, resampling convolutions and domain heads, held to NumPy and to goldens."""

from collections.abc import Callable
from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from parity import GOLDENS, formula

from tfstargan.networks.arithmetic import multiplications
from tfstargan.networks.layers import (
    Conv2D,
    DomainDense,
    average_pool,
    he_normal,
    pick_domain,
    upsample,
)
from tfstargan.networks.norms import AdaIN, InstanceNormalization, normalize

HALF = [("mixed_float16", np.float16), ("mixed_bfloat16", ml_dtypes.bfloat16)]


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def normalized(features: np.ndarray, epsilon: float = 1e-5) -> np.ndarray:
    """Instance normalization in double precision."""
    x = features.astype(np.float64)
    mean, var = (f(x, axis=(1, 2), keepdims=True) for f in (np.mean, np.var))
    return (x - mean) / np.sqrt(var + epsilon)


def addons(name: str, *shape: int) -> np.ndarray:
    return formula.weight("addons", name, shape)


@pytest.mark.parametrize(
    ("case", "layer"),
    [
        ("default", InstanceNormalization(epsilon=1e-3)),
        ("reference", InstanceNormalization()),
        ("plain", InstanceNormalization(affine=False)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_instance_norm_and_its_gradient_are_tensorflow_addons(case, layer):
    golden = np.load(GOLDENS / "addons.npz")
    shape = (3, 7, 6, 8)
    x = tf.constant(addons("input", *shape) * 2 + 0.5)
    layer.build(shape)
    if layer.affine:
        layer.set_weights([addons("gamma/weight", 8), addons("beta", 8)])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y**2 * addons("probe", *shape))
    for value, key in ((y, case), (tape.gradient(loss, x), f"{case}_grad")):
        # addons computed in single precision, too; another epsilon is 1e-2 away
        atol = 1e-5 * np.abs(golden[key]).max()
        np.testing.assert_allclose(value, golden[key], rtol=0, atol=atol)


def test_means_in_stages_are_the_same_means():
    x, style = noise(0, 3, 7, 6, 5), noise(1, 3, 4)
    for make, *inputs in ((InstanceNormalization, x), (AdaIN, x, style)):
        layer, staged = make(), make(lowering="litert")
        expected = layer(*inputs)
        staged.build(*(value.shape for value in inputs))
        staged.set_weights(layer.get_weights())
        np.testing.assert_allclose(staged(*inputs), expected, atol=1e-6)


def plainly(x: Any, gain: Any, offset: Any) -> Any:
    """What norms compute, for TensorFlow to differentiate."""
    centred = x - tf.reduce_mean(x, (1, 2), keepdims=True)
    variance = tf.reduce_mean(centred**2, (1, 2), keepdims=True)
    return centred * gain * tf.math.rsqrt(variance + 1e-5) + offset


def second_gradients(norm: Callable[..., Any], *inputs: Any) -> list[Any]:
    """The gradients of a penalty on gradients, as R1 is one."""
    inputs = tuple(map(tf.constant, inputs))
    probe = tf.cast(noise(20, *inputs[0].shape), inputs[0].dtype)
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(norm(*inputs) ** 3 * probe)
        first = tape.gradient(loss, inputs)
        penalty = tf.add_n([tf.reduce_sum(g**2) for g in first])
    return outer.gradient(penalty, inputs)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize("staged", [False, True], ids=["", "staged"])
@pytest.mark.parametrize("images", [3, 1], ids=["each its own", "one for all"])
def test_the_written_out_gradient_of_norms_has_the_right_gradient(mode, staged, images):
    inputs = [noise(21, 3, 7, 6, 5), noise(22, images, 1, 1, 5)]
    inputs.append(noise(23, *inputs[1].shape))

    def norm(x: Any, gain: Any, offset: Any) -> Any:
        return normalize(x, gain, offset, 1e-5, staged)

    def find() -> list[Any]:
        return second_gradients(norm, *inputs)

    found = (
        find() if mode == "eager" else tf.function(find, jit_compile=mode == "xla")()
    )
    expected = second_gradients(plainly, *(x.astype(np.float64) for x in inputs))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())


def test_norms_can_be_penalized_by_their_gradients():
    x, s = noise(24, 3, 7, 6, 5), noise(25, 3, 4)
    instance, ada = InstanceNormalization(), AdaIN()
    ada.build(x.shape, s.shape)
    kernel = ada.fc.kernel.numpy().astype(np.float64)

    def naive_ada(x: Any, s: Any) -> Any:
        gamma, beta = tf.split((s @ kernel)[:, None, None], 2, axis=-1)
        return plainly(x, 1 + gamma, beta)

    for layer, naive, inputs in (
        (instance, lambda x: plainly(x, 1.0, 0.0), [x]),
        (ada, naive_ada, [x, s]),
    ):
        found = second_gradients(layer, *inputs)
        expected = second_gradients(naive, *(v.astype(np.float64) for v in inputs))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())


def test_without_affine_there_is_nothing_to_learn():
    layer = InstanceNormalization(affine=False)
    layer.build((None, None, None, 5))
    assert layer.weights == []


@pytest.mark.parametrize(("policy", "dtype"), HALF)
def test_moments_are_taken_in_float32(policy, dtype):
    # Squares of 300 overflow float16; bfloat16 resolves a mean of 301 to a whole 2.
    x = (300 * noise(0, 3, 8, 6, 5) + 301).astype(dtype)
    y = InstanceNormalization(dtype=policy)(x)
    assert y.dtype == dtype
    # of the largest value, about 3.3, half a unit in the last place of the output
    atol = float(ml_dtypes.finfo(dtype).eps) * 2
    np.testing.assert_allclose(tf.cast(y, "float32"), normalized(x), atol=atol)


@pytest.mark.parametrize(("policy", "dtype"), HALF)
def test_adain_takes_moments_in_float32(policy, dtype):
    x = (300 * noise(0, 3, 8, 6, 5) + 301).astype(dtype)
    y = AdaIN(dtype=policy)(x, np.zeros((3, 4), dtype))
    assert y.dtype == dtype
    atol = float(ml_dtypes.finfo(dtype).eps) * 2
    np.testing.assert_allclose(tf.cast(y, "float32"), normalized(x), atol=atol)


def test_a_constant_channel_becomes_the_offset():
    layer = InstanceNormalization()
    layer.build((3, 4, 6, 2))
    layer.set_weights([np.array([2.0, 3.0]), np.array([0.5, -0.25])])
    y = layer(np.full((3, 4, 6, 2), 7.0, np.float32))
    np.testing.assert_array_equal(y, np.broadcast_to([0.5, -0.25], (3, 4, 6, 2)))


def test_zero_style_is_plain_instance_norm():
    x = noise(1, 3, 8, 6, 5)
    y = AdaIN()(x, np.zeros((3, 4), np.float32))
    np.testing.assert_allclose(y, normalized(x), atol=1e-5)


def test_adain_removes_scale_and_offset():
    x, s = noise(2, 3, 8, 6, 5), noise(3, 3, 4)
    scale, offset = 5 + abs(noise(4, 3, 1, 1, 5)), noise(5, 3, 1, 1, 5)
    layer = AdaIN()
    # not exactly, for epsilon counts less beside the larger variance
    np.testing.assert_allclose(layer(scale * x + offset, s), layer(x, s), atol=1e-4)


def test_adain_s_style_gives_deviations_minus_one_and_then_means():
    x, s = noise(6, 3, 8, 6, 5), noise(7, 3, 4)
    layer = AdaIN(epsilon=1e-3)
    layer.build(x.shape, s.shape)
    layer.fc.set_weights([noise(8, 4, 10), noise(9, 10)])
    gamma, beta = np.split(s @ noise(8, 4, 10) + noise(9, 10), 2, axis=1)
    expected = (1 + gamma[:, None, None]) * normalized(x, 1e-3) + beta[:, None, None]
    np.testing.assert_allclose(layer(x, s), expected, atol=1e-4)


def naive_convolution(
    x: Any, kernel: Any, bias: Any, padding: str, resample: str | None
) -> Any:
    """The documented result of `Conv2D`, in double precision, step by step."""
    x, kernel, bias = (tf.cast(v, tf.float64) for v in (x, kernel, bias))
    if resample == "up":
        x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
    y = tf.nn.conv2d(x, kernel, 1, padding.upper()) + bias
    return tf.nn.avg_pool2d(y, 2, 2, "VALID") if resample == "down" else y


@pytest.mark.parametrize(
    ("kernel_size", "padding", "resample", "lowering", "height", "width"),
    [
        (3, "same", None, None, 7, 10),
        (4, "valid", None, None, 7, 10),
        (1, "same", None, None, 7, 10),
        (3, "same", "down", None, 6, 10),
        (1, "same", "down", None, 6, 10),
        (3, "same", "up", None, 5, 8),
        (3, "same", "up", "xla_cpu", 5, 8),
        (1, "same", "up", None, 5, 8),
        (3, "same", None, "litert_pairs", 6, 5),
    ],
)
def test_a_convolution_and_its_gradients_are_the_naive_ones(
    monkeypatch, kernel_size, padding, resample, lowering, height, width
):
    monkeypatch.setattr(Conv2D, "PAIRS_FROM", {"channels": 3, "side": 6})
    x = tf.constant(noise(10, 3, height, width, 3))
    layer = Conv2D(5, kernel_size, padding, resample=resample, lowering=lowering)
    layer.build(x.shape)
    layer.bias.assign(noise(11, 5))
    kernel, bias = (tf.convert_to_tensor(v) for v in (layer.kernel, layer.bias))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    with tf.GradientTape() as naive_tape:
        naive_tape.watch([x, kernel, bias])
        naive = naive_convolution(x, kernel, bias, padding, resample)
    np.testing.assert_allclose(y, naive, atol=1e-5)
    probe = noise(12, *naive.shape)
    found = tape.gradient(y, [x, layer.kernel.value, layer.bias.value], probe)
    probe = tf.cast(probe, tf.float64)
    expected = naive_tape.gradient(naive, [x, kernel, bias], probe)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


def test_a_gain_scales_kernel_and_bias():
    x = noise(13, 3, 6, 4, 2)
    layer = Conv2D(5, gain=0.25)
    layer.build(x.shape)
    layer.bias.assign(noise(14, 5))
    plain = Conv2D(5)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), plain(x) / 4, rtol=1e-6, atol=1e-6)


def test_a_convolution_without_bias_has_only_its_kernel():
    layer = Conv2D(5, use_bias=False, resample="down")
    layer.build((3, 6, 10, 4))
    assert [tuple(v.shape) for v in layer.weights] == [(3, 3, 4, 5)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resample": "sideways"}, "must be None, 'down' or 'up', got 'sideways'"),
        ({"resample": "up", "kernel_size": 5}, "kernel_size 1 or 3 .* got 5"),
        ({"resample": "down", "padding": "valid"}, "'same', got 3 and 'valid'"),
    ],
)
def test_resampling_that_can_t_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Conv2D(4, **arguments)


def test_upsampling_repeats_and_pooling_averages():
    x = noise(13, 3, 4, 6, 5)
    np.testing.assert_array_equal(upsample(x), x.repeat(2, axis=1).repeat(2, axis=2))
    means = x.reshape(3, 2, 2, 3, 2, 5).mean(axis=(2, 4))
    np.testing.assert_allclose(average_pool(x), means, atol=1e-6)


def test_rows_in_pairs_take_two_thirds_of_the_multiplications():
    found = {}
    for lowering in ("litert", "litert_pairs"):
        layer = Conv2D(128, lowering=lowering)
        layer.build((None, 64, 64, 128))
        for side in (32, 63, 64):
            spec = tf.TensorSpec((1, side, side, 128))
            found[lowering, side] = multiplications(layer, spec)
    assert 3 * found["litert_pairs", 64] == 2 * found["litert", 64]
    assert found["litert_pairs", 63] == found["litert", 63]  # odd
    assert found["litert_pairs", 32] == found["litert", 32]  # too small to pay


def test_he_normal_has_its_deviation_and_its_tails():
    keras.utils.set_random_seed(0)
    fan_in, count = 50, 200_000
    values = np.asarray(he_normal(fan_in)((count,))) / np.sqrt(2 / fan_in)
    assert abs(values.std() - 1) < 5 / np.sqrt(2 * count)
    beyond = np.mean(np.abs(values) > 3)  # truncated normals have none there
    assert abs(beyond - 0.0027) < 5 * np.sqrt(0.0027 / count)


@pytest.mark.parametrize(
    ("layer", "shapes", "fan_in"),
    [
        (Conv2D(64), [(None, 8, 8, 48)], 9 * 48),
        (Conv2D(64, 4, "valid"), [(None, 8, 8, 24)], 16 * 24),
        (DomainDense(64, 3), [(None, 1, 96)], 96),
        (AdaIN(), [(None, 8, 8, 64), (None, 80)], 80),
    ],
    ids=["Conv2D", "Conv2D 4x4", "DomainDense", "AdaIN"],
)
def test_layers_start_he_normal_by_their_fan_in_with_zero_bias(layer, shapes, fan_in):
    keras.utils.set_random_seed(0)
    layer.build(*shapes)
    kernel, bias = layer.get_weights()
    assert abs(kernel.std() / np.sqrt(2 / fan_in) - 1) < 5 / np.sqrt(2 * kernel.size)
    assert not bias.any()


@pytest.mark.parametrize("lowering", [None, "litert"])
@pytest.mark.parametrize("inputs", [3, 1], ids=["one input each", "one for all"])
def test_every_domain_has_its_own_linear_layer(inputs, lowering):
    x = noise(14, 4, inputs, 6)
    layer = DomainDense(2, num_domains=3, lowering=lowering)
    layer.build(x.shape)
    layer.bias.assign(noise(15, 3, 2))
    heads = layer(x)
    kernel, bias = layer.get_weights()
    assert heads.shape == (4, 3, 2)
    for k in range(3):
        expected = x[:, k % inputs] @ kernel[k] + bias[k]
        np.testing.assert_allclose(heads[:, k], expected, atol=1e-5)


def test_the_asked_domain_s_head_is_picked():
    heads, domains = noise(16, 4, 3, 2), np.array([2, 0, 2, 1], np.int32)
    picked = pick_domain(tf.constant(heads), domains)
    np.testing.assert_array_equal(picked, heads[np.arange(4), domains])


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (lambda: InstanceNormalization(epsilon=0.1, affine=False), [(3, 4, 6, 5)]),
        (lambda: AdaIN(epsilon=0.1), [(3, 4, 6, 5), (3, 7)]),
        (lambda: Conv2D(6, 1, use_bias=False, resample="up"), [(3, 4, 6, 5)]),
        (lambda: Conv2D(6, 4, padding="valid", gain=0.5), [(3, 4, 6, 5)]),
        (lambda: DomainDense(2, num_domains=3, lowering="litert"), [(4, 3, 5)]),
    ],
    ids=["InstanceNormalization", "AdaIN", "Conv2D up", "Conv2D 4x4", "DomainDense"],
)
def test_a_layer_comes_back_from_its_configuration(
    make: Callable[[], keras.layers.Layer], shapes
):
    layer = make()
    twin = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(twin) is type(layer)
    inputs = [noise(17 + i, *shape) for i, shape in enumerate(shapes)]
    expected = layer(*inputs)
    twin.build(*shapes)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(*inputs), expected)
    assert twin.get_config() == layer.get_config()
