"""The four networks: sizes, domains, independence of images, and their files."""

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny
from parity import GOLDENS

from tfstargan.config import Config
from tfstargan.metrics import inception, lite0, lpips, probe
from tfstargan.networks.blocks import AdaINResidualBlock, ResidualBlock, channel_widths
from tfstargan.networks.build import NETWORKS, build_networks
from tfstargan.networks.encoders import Discriminator, StyleEncoder
from tfstargan.networks.fan import FAN
from tfstargan.networks.generator import Generator
from tfstargan.networks.layers import from_patches, to_patches
from tfstargan.networks.lowering import LOWERINGS
from tfstargan.networks.mapping_network import MappingNetwork
from tfstargan.reference import parameters

SIZES = (32, 64, 128, 256, 512, 1024)
CONDITIONED = NETWORKS[1:]  # on a domain
CONFIG = tiny(channel_max=7)  # which every network reaches
DOMAINS = np.array([2, 0, 2], np.int32)  # of three; none of domain 1


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.fixture(scope="module")
def networks() -> dict[str, keras.Model]:
    """Networks for three domains, norms and biases random; not to be changed."""
    keras.utils.set_random_seed(1)
    networks = build_networks(CONFIG, NETWORKS)
    for network in networks.values():
        for seed, variable in enumerate(network.weights):
            if len(variable.shape) < 2 or variable.name == "bias":
                variable.assign_add(0.1 * noise(seed, *variable.shape))
    return networks


def inputs(name: str) -> list[np.ndarray]:
    """Three images or latents, and their styles or domains."""
    if name == "mapping_network":
        return [noise(1, 3, 5), DOMAINS]
    second = noise(2, 3, 6) if name == "generator" else DOMAINS
    return [noise(3, 3, 32, 32, 3), second]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("smallest", [4, 16])
def test_channels_are_base_over_side_up_to_a_maximum(size, smallest):
    sides = [size // 2**i for i in range(20) if size // 2**i >= smallest]
    for base, most in ((2**14, 512), (3 * 2**10, 40)):
        expected = [min(base // side, most) for side in sides]
        expected[0] = base // size  # the first is not bounded, as the reference's
        assert channel_widths(size, smallest, base, most) == expected


@pytest.mark.parametrize("size", [16, 0, 96, 100])
def test_a_side_that_can_t_be_halved_to_the_bottleneck_is_refused(size):
    with pytest.raises(ValueError, match=f"power of two >= 32, got {size}"):
        Generator(img_size=size)


def test_fewer_channels_than_pixels_are_refused():
    with pytest.raises(ValueError, match="channel_base 63 is below img_size 64"):
        Discriminator(img_size=64, channel_base=63)


def leaky_relu(x: Any) -> np.ndarray:
    return np.where(np.asarray(x) > 0, x, 0.2 * np.asarray(x))


@pytest.mark.parametrize("filters", [5, 7], ids=["identity", "1x1 shortcut"])
@pytest.mark.parametrize("downsample", [False, True], ids=["", "down"])
@pytest.mark.parametrize("normalize", [False, True], ids=["", "norm"])
def test_a_residual_block_is_shortcut_and_residual_over_root_two(
    filters, downsample, normalize
):
    x = noise(6, 3, 6, 8, 5)
    block = ResidualBlock(filters, normalize, downsample)
    y = block(x)
    norm1, norm2 = (block.norm1, block.norm2) if normalize else (np.copy, np.copy)
    residual = block.conv2(leaky_relu(norm2(block.conv1(leaky_relu(norm1(x))))))
    residual /= block.conv2.gain  # in its weights
    shortcut = x if filters == 5 else x @ block.conv1x1.kernel.numpy()[0, 0]
    if downsample:
        shortcut = shortcut.reshape(3, 3, 2, 4, 2, filters).mean(axis=(2, 4))
    np.testing.assert_allclose(y, (shortcut + residual) / np.sqrt(2), atol=1e-5)
    assert block.conv1.filters == 5  # the width changes in the second convolution


@pytest.mark.parametrize("filters", [5, 7], ids=["identity", "1x1 shortcut"])
@pytest.mark.parametrize("upsample", [False, True], ids=["", "up"])
def test_a_decoder_s_block_is_a_residual_block_with_styles(filters, upsample):
    x, s = noise(7, 3, 6, 8, 5), noise(8, 3, 4)
    block = AdaINResidualBlock(filters, upsample)
    y = block(x, s)
    residual = block.conv1(leaky_relu(block.norm1(x, s)))
    residual = block.conv2(leaky_relu(block.norm2(residual, s)))
    residual /= block.conv2.gain  # in its weights
    shortcut = x if filters == 5 else x @ block.conv1x1.kernel.numpy()[0, 0]
    if upsample:
        shortcut = shortcut.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(y, (shortcut + residual) / np.sqrt(2), atol=1e-5)
    assert block.conv1.filters == filters  # the width changes in the first convolution


@pytest.mark.parametrize("size", SIZES)
def test_every_size_halves_down_to_the_bottleneck_and_comes_back(size):
    config = tiny(img_size=size, channel_base=2 * size, channel_max=7)
    networks = build_networks(config, NETWORKS)
    generator = networks["generator"]
    assert sum(b.downsample for b in generator.encode) == math.log2(size // 16)
    assert [b.upsample for b in generator.decode] == [
        b.downsample for b in reversed(generator.encode)
    ]
    assert generator.decode[-1].filters == generator.from_rgb.filters == 2
    # shapes alone: nothing is computed, so the large ones cost no more
    image, style = keras.KerasTensor((3, size, size, 3)), keras.KerasTensor((3, 6))
    domains = keras.KerasTensor((3,), "int32")
    assert generator(image, style).shape == (3, size, size, 3)
    assert networks["style_encoder"](image, domains).shape == (3, 6)
    assert networks["discriminator"](image, domains).shape == (3,)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_patches_are_squares_of_pixels_and_come_back(size):
    images = noise(6, 2, 8, 12, 3)
    patches = np.asarray(to_patches(images, size))
    assert patches.shape == (2, 8 // size, 12 // size, 3 * size**2)
    square = images[1, size : 2 * size, 2 * size : 3 * size]
    np.testing.assert_array_equal(patches[1, 1, 2], square.ravel())
    np.testing.assert_array_equal(from_patches(patches, size), images)


@pytest.mark.parametrize("generator", ["full", "light"])
def test_networks_of_patches_have_the_feature_maps_of_a_smaller_image(generator):
    sizes = {"channel_base": 256, "channel_max": 7, "generator": generator}
    small = build_networks(tiny(img_size=32, **sizes), NETWORKS)
    large = build_networks(tiny(img_size=64, patch_size=2, **sizes), NETWORKS)
    image, style = noise(4, 3, 64, 64, 3), noise(5, 3, 6)
    domains = np.array([0, 1, 2], np.int32)
    assert large["generator"](image, style).shape == (3, 64, 64, 3)
    assert large["style_encoder"](image, domains).shape == (3, 6)
    assert large["discriminator"](image, domains).shape == (3,)
    assert large["discriminator"].trunk.from_rgb.kernel.shape == (3, 3, 12, 8)
    shapes = [
        [
            weight.shape
            for block in (
                *networks["generator"].encode,
                *networks["generator"].decode,
                *networks["discriminator"].trunk.blocks,
            )
            for weight in block.weights
        ]
        for networks in (small, large)
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("settings", [{}, {"generator": "light"}, {"w_hpf": 1.0}])
def test_a_residual_generator_adds_its_output_to_the_image(settings):
    plain, residual = (
        build_networks(tiny(residual=each, **settings), NETWORKS)["generator"]
        for each in (False, True)
    )
    residual.set_weights(plain.get_weights())
    x, s = noise(1, 2, 32, 32, 3), noise(2, 2, 6)
    masks = [np.ones((2, 32, 32, 1), np.float32)] * 2 if "w_hpf" in settings else None
    change = plain(x, s, masks)
    np.testing.assert_allclose(residual(x, s, masks), x + change, atol=1e-6)


@pytest.mark.parametrize("size", [32, 64])
def test_the_generator_returns_images_of_its_own_size(size):
    sizes = {"img_size": size, "channel_base": 2 * size, "channel_max": 7}
    generator = Generator(style_dim=6, **sizes)
    y = generator(noise(4, 3, size, size, 3), noise(5, 3, 6))
    assert y.shape == (3, size, size, 3)
    assert np.isfinite(y).all()


@pytest.mark.parametrize(
    ("name", "count"),
    [  # as the authors' code prints them
        ("generator", 33_892_995),
        ("mapping_network", 2_438_272),
        ("style_encoder", 20_916_928),
        ("discriminator", 20_852_290),
    ],
)
def test_parameters_are_as_many_as_the_authors(name, count):
    network = build_networks(Config(domains=("cat", "dog")), (name,))[name]
    assert network.count_params() == count


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_start_he_normal_biases_at_zero_and_scales_at_one(name):
    keras.utils.set_random_seed(2)
    domains = tuple(str(k) for k in range(40))  # Keras' own initializer counts outputs
    sizes = {"channel_base": 1024, "channel_max": 32, "hidden_dim": 64}
    config = tiny(domains=domains, **sizes)
    network = build_networks(config, (name,))[name]
    squares = []
    for parameter, array in parameters.to_reference(network).items():
        if array.ndim >= 2:
            squares.append(array.ravel() ** 2 * np.prod(array.shape[1:]) / 2)
            spread = 5 * np.sqrt(2 / array.size)  # of a mean of squares
            assert abs(squares[-1].mean() - 1) < spread, parameter
        else:
            scale = parameter.endswith(".weight")
            np.testing.assert_array_equal(array, float(scale), parameter)
    squares = np.concatenate(squares)
    # truncated normals, Keras', have none there
    assert abs(np.mean(squares > 9) - 0.0027) < 5 * np.sqrt(0.0027 / squares.size)


@pytest.mark.parametrize("name", CONDITIONED)
def test_every_domain_has_its_own_output(name):
    network = build_networks(CONFIG, (name,))[name]
    last = network.heads if name != "mapping_network" else network.unshared[-1]
    last.kernel.assign(tf.zeros_like(last.kernel))
    each = np.arange(3, dtype=np.float32)
    last.bias.assign(np.broadcast_to(each[:, None], (3, 6)) if name[0] != "d" else each)
    source, domains = inputs(name)
    outputs = np.reshape(network(source, domains), (3, -1))
    expected = np.broadcast_to(domains[:, None], outputs.shape)
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize("name", CONDITIONED)
def test_a_domain_more_is_a_head_more(name):
    three, four = (
        build_networks(tiny(domains=tuple("abcd"[:k])), (name,))[name].count_params()
        for k in (3, 4)
    )
    head = {
        "mapping_network": 3 * (16 * 16 + 16) + 16 * 6 + 6,
        "style_encoder": 12 * 6 + 6,
        "discriminator": 12 + 1,
    }
    assert four - three == head[name]


@pytest.mark.parametrize("name", CONDITIONED)
def test_heads_of_absent_domains_get_zero_gradients_not_none(networks, name):
    network = networks[name]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(*inputs(name)) ** 2)
    gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
    assert all(g is not None for g in gradients)
    arrays = parameters.to_reference(network, [g.numpy() for g in gradients])
    for k, present in ((0, True), (1, False), (2, True)):
        if name == "discriminator":
            heads = [arrays["main.7.weight"][k], arrays["main.7.bias"][k]]
        else:
            prefix = f"unshared.{k}."
            heads = [a for key, a in arrays.items() if key.startswith(prefix)]
        assert heads
        assert all(head.any() == present for head in heads)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_image_sees_another_in_its_batch(networks, name):
    network = networks[name]
    source, second = inputs(name)
    others, beside = source[[0, 2, 1]], second[[0, 2, 1]]
    others[1:] *= 3
    outputs, changed = network(source, second), network(others, beside)
    # the same arithmetic but for how rows are spread over vector lanes
    np.testing.assert_allclose(outputs[0], changed[0], rtol=1e-5, atol=1e-5)
    assert not np.allclose(outputs[1], changed[2], rtol=1e-2)


@pytest.mark.parametrize(
    ("name", "argument"), list(itertools.product(NETWORKS, (0, 1)))
)
def test_outputs_depend_on_both_inputs(networks, name, argument):
    network = networks[name]
    before = np.asarray(network(*inputs(name)))
    changed: list[Any] = inputs(name)
    value = changed[argument]
    changed[argument] = (value + 1) % 3 if value.dtype == np.int32 else 3 * value
    assert np.abs(network(*changed) - before).max() > 1e-2


@pytest.mark.parametrize("name", NETWORKS)
def test_a_saved_network_computes_the_same(networks, name, tmp_path):
    network = networks[name]
    network.save(tmp_path / "network.keras")
    twin = keras.models.load_model(tmp_path / "network.keras")
    assert type(twin) is type(network)
    assert twin.get_config() == network.get_config()
    np.testing.assert_array_equal(twin(*inputs(name)), network(*inputs(name)))


@pytest.mark.parametrize("name", NETWORKS)
def test_names_and_shapes_are_the_authors(name):
    golden = json.loads((GOLDENS / "small.json").read_text())
    sizes = {"img_size": 64, "channel_base": 2048, "channel_max": 64}
    network, *shapes = {
        "generator": (Generator(style_dim=16, **sizes), (3, 64, 64, 3), (3, 16)),
        "mapping_network": (MappingNetwork(3, 8, 16, 512), (3, 8), (3,)),
        "style_encoder": (StyleEncoder(64, 3, 16, 2048, 64), (3, 64, 64, 3), (3,)),
        "discriminator": (Discriminator(64, 3, 2048, 64), (3, 64, 64, 3), (3,)),
    }[name]
    network.build(*shapes)
    arrays = parameters.to_reference(network)
    found = {parameter: list(array.shape) for parameter, array in arrays.items()}
    assert found == golden["shapes"][name]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_s_weights_make_another_network_the_same(networks, name):
    twin = build_networks(CONFIG, (name,))[name]
    assert not np.array_equal(twin(*inputs(name)), networks[name](*inputs(name)))
    arrays = parameters.to_reference(networks[name])
    parameters.from_reference(twin, arrays)
    np.testing.assert_array_equal(twin(*inputs(name)), networks[name](*inputs(name)))
    for key, array in parameters.to_reference(twin).items():
        np.testing.assert_array_equal(array, arrays[key], key)


def test_reference_kernels_are_outputs_inputs_height_width(networks):
    encoder = networks["style_encoder"]
    arrays = parameters.to_reference(encoder)
    kernel = encoder.trunk.from_rgb.kernel.numpy()
    np.testing.assert_array_equal(
        arrays["shared.0.weight"], np.einsum("hwio->oihw", kernel)
    )
    np.testing.assert_array_equal(
        arrays["unshared.2.weight"], encoder.heads.kernel.numpy()[2].T
    )
    np.testing.assert_array_equal(
        arrays["unshared.2.bias"], encoder.heads.bias.numpy()[2]
    )


def test_values_in_place_of_weights_go_by_their_names(networks):
    network = networks["discriminator"]
    values = [np.full(v.shape, i, np.float32) for i, v in enumerate(network.weights)]
    arrays = parameters.to_reference(network, values)
    found = sorted(array.flat[0] for array in arrays.values())
    assert found == list(range(len(network.weights)))
    head = next(i for i, v in enumerate(network.weights) if v is network.heads.kernel)
    np.testing.assert_array_equal(arrays["main.7.weight"], np.full((3, 7, 1, 1), head))


def test_unfit_reference_weights_are_refused(networks):
    network = networks["style_encoder"]
    arrays = parameters.to_reference(network)
    kernel = arrays.pop("shared.0.weight")
    with pytest.raises(ValueError, match=r"parameters: shared\.0\.weight$"):
        parameters.from_reference(network, arrays)
    more = arrays | {"shared.0.weight": kernel, "surplus": kernel}
    with pytest.raises(ValueError, match=r"unknown parameters: surplus$"):
        parameters.from_reference(network, more)
    turned = arrays | {"shared.0.weight": kernel.transpose(2, 3, 1, 0)}
    message = r"shared\.0\.weight has shape \(3, 3, 3, 4\), expected \(4, 3, 3, 3\)"
    with pytest.raises(ValueError, match=message):
        parameters.from_reference(network, turned)


@pytest.fixture
def channels_first() -> Iterator[None]:
    """Let Keras' format be what another project has set in keras.json."""
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("generator", ["full", "light"])
def test_another_format_in_keras_json_changes_no_network(
    channels_first, generator, lowering
):
    config = tiny(generator=generator, w_hpf=1.0)
    masks = (noise(3, 1, 256, 256, 1), noise(4, 1, 256, 256, 1))
    x, s, z = noise(0, 1, 32, 32, 3), noise(1, 1, 6), noise(2, 1, 5)
    inputs = {
        "generator": (x, s, masks),
        "mapping_network": (z, DOMAINS[:1]),
        "style_encoder": (x, DOMAINS[:1]),
        "discriminator": (x, DOMAINS[:1]),
    }
    networks = build_networks(config, NETWORKS, lowering=lowering)
    found = [np.array(networks[n](*inputs[n])) for n in NETWORKS]
    keras.config.set_image_data_format("channels_last")
    for name, array in zip(NETWORKS, found, strict=True):
        np.testing.assert_array_equal(array, networks[name](*inputs[name]), name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "side"),
    [
        (FAN, 64),
        (inception.torchvision_trunk, 96),
        (inception.tensorflow_2015_trunk, 96),
        (lpips.alexnet, 64),
        (lite0.trunk, 64),
        (lambda: probe.make_network(32), 32),
    ],
    ids=["FAN", "torchvision", "2015", "alexnet", "lite0", "probe"],
)
def test_nor_any_network_that_is_not_trained_with_them(channels_first, make, side):
    def outputs() -> list[np.ndarray]:
        network = make()
        if not network.built:
            network.build((None, side, side, 3))
        for seed, variable in enumerate(network.weights):
            variable.assign(0.01 * np.abs(noise(seed, *variable.shape)))
        x = noise(0, 1, side, side, 3)
        return [np.array(y) for y in tf.nest.flatten(network(x, training=False))]

    found = outputs()
    keras.config.set_image_data_format("channels_last")
    for array, wanted in zip(found, outputs(), strict=True):
        assert np.isfinite(array).all()
        np.testing.assert_array_equal(array, wanted)
