"""The light generator: its layers, its arithmetic, faces, and LiteRT's form of it."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from conftest import tiny

from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.networks.arithmetic import multiplications
from tfstargan.networks.build import build_networks
from tfstargan.networks.layers import Conv2D, average_pool, upsample
from tfstargan.networks.light_generator import (
    DepthwiseConv2D,
    LightGenerator,
    SeparableConv2D,
)
from tfstargan.training import distillation

CRITTERS = Config(
    img_size=32, channel_base=512, channel_max=64, style_dim=32, domains=("a", "b")
)
AFHQ = Config(domains=("cat", "dog", "wild"))
FACES = Config(domains=("female", "male"), w_hpf=1.0)


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def randomize(layer: keras.layers.Layer) -> None:
    """Give every weight, biases too, a random value."""
    for seed, variable in enumerate(layer.weights):
        variable.assign(noise(seed, *variable.shape))


@pytest.mark.parametrize("strides", [1, 2])
def test_a_depthwise_convolution_sees_each_channel_alone(strides):
    layer = DepthwiseConv2D(strides)
    x = noise(0, 2, 8, 6, 5)
    layer.build(x.shape)
    randomize(layer)
    kernel, bias = (v.numpy() for v in (layer.kernel, layer.bias))
    found = layer(x).numpy()
    # "same": a stride of 2 has its one row and column of zeros at the end
    before = 1 if strides == 1 else 0
    padded = np.pad(x, [(0, 0), (before, 1), (before, 1), (0, 0)])
    for i, j, c in [(0, 0, 0), (1, 2, 3), (-1 % found.shape[1], 2, 4)]:
        top, left = strides * i, strides * j
        window = padded[:, top : top + 3, left : left + 3, c]
        expected = np.einsum("bij,ij->b", window, kernel[..., c, 0]) + bias[c]
        np.testing.assert_allclose(found[:, i, j, c], expected, rtol=1e-4, atol=1e-5)


def test_summing_taps_gives_the_same():
    x = noise(0, 2, 8, 6, 5)
    plain, summing = (
        keras.Sequential(
            [DepthwiseConv2D(lowering=lowering), DepthwiseConv2D(2, lowering=lowering)]
        )
        for lowering in (None, "xla_cpu")
    )
    initially = plain(x)
    summing.build(x.shape)
    for network in (plain, summing):
        randomize(network)
    expected = plain(x)
    assert np.abs(expected - initially).max() > 0.1
    np.testing.assert_allclose(summing(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("resample", [None, "down", "up"])
def test_a_separable_convolution_is_one_whose_kernel_is_a_product(resample):
    layer = SeparableConv2D(7, resample)
    x = noise(0, 2, 8, 6, 5)
    layer.build(x.shape)
    randomize(layer)
    depth, point = layer.depthwise.kernel[..., 0], layer.pointwise.kernel[0, 0]
    bias = (layer.depthwise if resample == "up" else layer.pointwise).bias
    product = "ijf,cf->ijcf" if resample == "up" else "ijc,cf->ijcf"
    strides = 2 if resample == "down" else 1
    x_seen = upsample(tf.constant(x)) if resample == "up" else x
    kernel = np.einsum(product, depth, point)
    expected = tf.nn.conv2d(x_seen, kernel, strides, "SAME") + bias
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)


def test_a_gain_multiplies_the_result():
    x, layers = noise(0, 2, 8, 6, 5), [SeparableConv2D(7), SeparableConv2D(7, gain=0.3)]
    for layer in layers:
        layer.build(x.shape)
        randomize(layer)
    one, less = (layer(x) for layer in layers)
    np.testing.assert_allclose(less, 0.3 * one, rtol=1e-4, atol=1e-5)


def test_an_unknown_resampling_is_refused():
    with pytest.raises(ValueError, match="'sideways'"):
        SeparableConv2D(3, "sideways")
    with pytest.raises(ValueError, match="no gain"):
        SeparableConv2D(3, "up", gain=0.5)


def test_convolutions_are_counted_by_their_kernels_and_places():
    image = tf.TensorSpec((1, 8, 8, 5))

    def count(layer: keras.layers.Layer, of: tf.TensorSpec = image) -> int:
        layer.build(of.shape)
        return multiplications(layer, of)

    assert count(Conv2D(7)) == 8 * 8 * 9 * 5 * 7
    # a mean of 2x2 is taken before, so that every second pixel is convolved
    assert count(Conv2D(7, resample="down")) == 4 * 4 * 9 * 5 * 7
    assert count(Conv2D(7, resample="up")) == 8 * 8 * 9 * 5 * 7
    assert count(DepthwiseConv2D()) == 8 * 8 * 9 * 5
    assert count(SeparableConv2D(7)) == 8 * 8 * (9 * 5 + 5 * 7)
    assert count(keras.layers.Dense(3), tf.TensorSpec((1, 11))) == 11 * 3
    assert multiplications(average_pool, image) == 0


@pytest.mark.parametrize(
    "config", [AFHQ, FACES, CRITTERS], ids=["afhq", "faces", "demo"]
)
def test_it_has_at_most_a_tenth_of_the_arithmetic(config):
    student = dataclasses.replace(config, generator="light")
    assert distillation.arithmetic(student) <= 0.1 * distillation.arithmetic(config)


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("w_hpf", [0.0, 1.0])
def test_it_returns_images_of_its_own_size(size, w_hpf):
    network = LightGenerator(size, 6, channel_base=4 * size, channel_max=9, w_hpf=w_hpf)
    masks = tuple(np.ones((2, 3, 16, 16, 1), np.float32)) if w_hpf else None
    y = network(noise(0, 3, size, size, 3), noise(1, 3, 6), masks)
    assert y.shape == (3, size, size, 3)
    assert np.isfinite(y).all()


def test_on_faces_what_the_masks_let_through_skips_the_bottleneck():
    network = LightGenerator(64, 6, channel_base=256, channel_max=9, w_hpf=1.0)
    x, s = noise(0, 2, 64, 64, 3), noise(1, 2, 6)
    none = np.zeros((2, 16, 16, 1), np.float32)
    plain = network(x, s, (none, none))
    assert np.abs(network(x, s, (none + 1, none)) - plain).max() > 1e-3


def test_the_configuration_says_which_generator_and_how_wide():
    (wide,) = build_networks(CRITTERS, ("generator",)).values()
    assert not isinstance(wide, LightGenerator)
    settings = {"generator": "light", "light_width": 0.5}
    config = dataclasses.replace(CRITTERS, **settings)
    networks = build_networks(config, ("generator", "style_encoder"))
    assert isinstance(networks["generator"], LightGenerator)
    assert networks["generator"].encode[-1].filters == wide.encode[-1].filters // 2
    assert networks["style_encoder"].trunk.from_rgb.filters == 16  # as it was


def test_images_have_32_bits_at_any_precision():
    config = tiny(generator="light", precision="mixed_bfloat16")
    (network,) = build_networks(config, ("generator",), training=True).values()
    assert network(noise(0, 1, 32, 32, 3), noise(1, 1, 6)).dtype == "float32"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"generator": "small"}, "generator=small"),
        ({"light_width": 0.0}, "light_width=0.0"),
        ({"light_width": 2.0}, "light_width=2.0"),
        ({"generator": "light", "light_width": 0.1}, "times channel_base"),
    ],
)
def test_settings_that_make_no_generator_are_refused(settings, named):
    with pytest.raises(UserError, match=named):
        tiny(**settings)


def test_it_is_saved_and_loaded_as_any_keras_model(tmp_path):
    network = LightGenerator(32, 6, channel_base=128, channel_max=9)
    x, s = noise(0, 2, 32, 32, 3), noise(1, 2, 6)
    expected = network(x, s)
    network.save(tmp_path / "light.keras")
    twin = keras.models.load_model(tmp_path / "light.keras")
    assert isinstance(twin, LightGenerator)
    np.testing.assert_allclose(twin(x, s), expected, rtol=1e-5, atol=1e-5)


def test_litert_leaves_none_of_its_operations_to_the_slow_path():
    network = LightGenerator(64, 6, channel_base=256, channel_max=9)
    network.build((None, 64, 64, 3), (None, 6))
    x, s = noise(0, 1, 64, 64, 3), noise(1, 1, 6)
    function = tf.function(network).get_concrete_function(
        tf.TensorSpec(x.shape), tf.TensorSpec(s.shape)
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    operations = interpreter._get_ops_details()
    names = {op["op_name"] for op in operations}
    assert not names & {"RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE_CONV", "TILE"}
    (delegate,) = (op for op in operations if op["op_name"] == "DELEGATE")
    inputs, outputs = (
        {t["index"] for t in tensors}
        for tensors in (
            interpreter.get_input_details(),
            interpreter.get_output_details(),
        )
    )
    assert inputs <= set(delegate["inputs"])
    assert outputs == set(delegate["outputs"])
    for tensor in interpreter.get_input_details():
        value = x if len(tensor["shape"]) == 4 else s
        interpreter.set_tensor(tensor["index"], value)
    interpreter.invoke()
    found = interpreter.get_tensor(*outputs)
    np.testing.assert_allclose(found, network(x, s), rtol=0, atol=1e-4)
