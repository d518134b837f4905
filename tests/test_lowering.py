"""Every lowering computes the same, reaches all layers, and is in no checkpoint."""

from collections import Counter
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny
from parity import TOLERANCES

from tfstargan.networks.arithmetic import multiplications
from tfstargan.networks.blocks import AdaINResidualBlock, ResidualBlock
from tfstargan.networks.build import NETWORKS, build_networks
from tfstargan.networks.encoders import Trunk
from tfstargan.networks.fan import ConvBlock, Hourglass
from tfstargan.networks.layers import Conv2D, DomainDense
from tfstargan.networks.light_generator import (
    DepthwiseConv2D,
    LightAdaINResidualBlock,
    LightResidualBlock,
    SeparableConv2D,
    SubpixelConv2D,
)
from tfstargan.networks.lowering import LOWERINGS
from tfstargan.networks.norms import AdaIN, InstanceNormalization
from tfstargan.training import distribution, loop
from tfstargan.training.stargan import StarGANv2

pytestmark = pytest.mark.slow  # all together

OTHERS = LOWERINGS[1:]
IMAGE, STYLE = (3, 6, 10, 5), (3, 7)
LAYERS: list[tuple[type[keras.layers.Layer], dict[str, Any], list[tuple]]] = [
    (InstanceNormalization, {}, [(3, 7, 5, 4)]),
    (AdaIN, {}, [(3, 7, 5, 4), STYLE]),
    (Conv2D, {"filters": 7}, [IMAGE]),
    (Conv2D, {"filters": 7, "resample": "up"}, [(3, 5, 3, 4)]),
    (Conv2D, {"filters": 7, "resample": "up", "kernel_size": 1}, [(3, 5, 3, 4)]),
    (Conv2D, {"filters": 7, "resample": "down"}, [IMAGE]),
    (DomainDense, {"units": 6, "num_domains": 3}, [(4, 3, 5)]),
    (DomainDense, {"units": 6, "num_domains": 3}, [(4, 1, 5)]),
    (DepthwiseConv2D, {}, [(3, 7, 5, 4)]),
    (DepthwiseConv2D, {"strides": 2}, [(3, 7, 5, 4)]),
    (SeparableConv2D, {"filters": 7}, [(3, 7, 5, 4)]),
    (SeparableConv2D, {"filters": 7, "resample": "up"}, [(3, 7, 5, 4)]),
    (SubpixelConv2D, {"filters": 3}, [(3, 7, 5, 4)]),
    (ResidualBlock, {"filters": 7, "normalize": True, "downsample": True}, [IMAGE]),
    (AdaINResidualBlock, {"filters": 7, "upsample": True}, [IMAGE, STYLE]),
    (LightResidualBlock, {"filters": 7, "normalize": True}, [IMAGE]),
    (LightAdaINResidualBlock, {"filters": 7, "upsample": True}, [IMAGE, STYLE]),
    (Trunk, {"img_size": 32, "channel_base": 96, "channel_max": 7}, [(3, 32, 32, 3)]),
    (ConvBlock, {"filters": 12}, [IMAGE]),
    (Hourglass, {"depth": 2}, [(3, 12, 8, 12)]),
]
IDS = [f"{layer.__name__} {arguments}" for layer, arguments, _ in LAYERS]
CONFIGS = {
    "generator": tiny(),
    "generator for faces": tiny(w_hpf=1.0, img_size=64),
    "light generator": tiny(generator="light", img_size=64),
    "generator of patches": tiny(img_size=64, patch_size=2),
    "generator, residual": tiny(residual=True),
    "mapping_network": tiny(),
    "style_encoder": tiny(),
    "discriminator": tiny(),
    "fan": tiny(),
}


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.fixture(autouse=True)
def _pairs_pay_everywhere(monkeypatch) -> None:
    monkeypatch.setattr(Conv2D, "PAIRS_FROM", {"channels": 3, "side": 4})


def randomized(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Change biases, scales and offsets, so that they count."""
    for seed, variable in enumerate(layer.weights):
        if len(variable.shape) < 2 or variable.name == "bias":
            variable.assign_add(0.1 * noise(seed, *variable.shape))
    return layer


def assert_same(layer: Any, plain: Any, inputs: list[Any]) -> None:
    layer.set_weights(plain.get_weights())
    found, expected = layer(*inputs), plain(*inputs)
    apart = np.max(np.abs(found - expected)) / np.max(np.abs(expected))
    assert apart <= TOLERANCES["networks"]


@pytest.mark.parametrize(("layer", "arguments", "shapes"), LAYERS, ids=IDS)
def test_a_layer_computes_the_same_in_every_lowering(layer, arguments, shapes):
    keras.utils.set_random_seed(0)
    plain = layer(**arguments)
    plain.build(*shapes)
    randomized(plain)
    inputs = [noise(i, *shape) for i, shape in enumerate(shapes)]
    for lowering in OTHERS:
        other = layer(**arguments, lowering=lowering)
        other.build(*shapes)
        assert_same(other, plain, inputs)


def inputs_of(name: str) -> list[Any]:
    """Three images or latents with their styles or domains; for FAN one."""
    domains = np.array([2, 0, 2], np.int32)
    side = CONFIGS[name].img_size
    images = noise(0, 3, side, side, 3)
    if name == "mapping_network":
        return [noise(0, 3, 5), domains]
    if name == "fan":
        return [images[:1]]
    if "generator" not in name:
        return [images, domains]
    masks = [np.abs(noise(i, 3, 16, 16, 1)) % 1 for i in (2, 3)]
    return [images, noise(1, 3, 6), *([tuple(masks)] if "faces" in name else [])]


def network_of(name: str, lowering: str | None) -> keras.Model:
    of_config = next(n for n in (*NETWORKS, "fan") if n in name)
    (network,) = build_networks(CONFIGS[name], (of_config,), lowering=lowering).values()
    return network


@pytest.mark.parametrize("name", CONFIGS)
def test_a_network_computes_the_same_in_every_lowering(name):
    keras.utils.set_random_seed(0)
    plain = randomized(network_of(name, None))
    for lowering in OTHERS:
        assert_same(network_of(name, lowering), plain, inputs_of(name))


def operations(name: str, lowering: str | None) -> tuple[Counter[str], int]:
    """How often each operation is in a network's graph, and its arithmetic."""
    inputs = tf.nest.map_structure(tf.constant, inputs_of(name))
    specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, inputs)
    network = network_of(name, lowering)
    graph = tf.function(network).get_concrete_function(*specs).graph
    counts = Counter(operation.type for operation in graph.get_operations())
    return counts, multiplications(network, *specs)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_lowering_reaches_every_layer_of_a_network(name):
    found = {lowering: operations(name, lowering) for lowering in LOWERINGS}
    plain, _ = found.pop(None)
    for lowering, (counts, _) in found.items():
        assert counts["Conv2DBackpropInput"] == 0  # a transposed convolution
        staged = 2 if lowering.startswith("litert") else 1
        assert counts["Mean"] == staged * plain["Mean"]
    depthwise = "DepthwiseConv2dNative"
    # All but a strided one, and the high pass of faces' two skips.
    left = {"light generator": 1, "generator for faces": 2}.get(name, 0)
    assert found["xla_cpu"][0][depthwise] == left
    if name == "mapping_network":  # the last three layers, whose inputs differ
        assert found["litert"][0]["Einsum"] == plain["Einsum"] - 3
    elif name != "light generator":  # which has no 3x3 convolutions
        assert found["litert_pairs"][1] < found["litert"][1]
    # The networks above have what is looked for.
    assert (plain["Conv2DBackpropInput"] > 0) == name.startswith("generator")
    assert (plain["Mean"] > 0) == ("generator" in name)
    assert (plain[depthwise] > left) == (name == "light generator")


@pytest.mark.parametrize("layer", [Conv2D, AdaIN, Trunk])
def test_an_unknown_lowering_is_refused(layer):
    sizes = {Trunk: (32, 128, 12), Conv2D: (3,)}.get(layer, ())
    with pytest.raises(ValueError, match="'litert_pairs', got 'gpu'"):
        layer(*sizes, lowering="gpu")
    with pytest.raises(ValueError, match="got 'gpu'"):
        build_networks(tiny(), ("mapping_network",), lowering="gpu")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_keeps_its_lowering_in_its_configuration(name):
    network = network_of(name, "litert")
    twin = type(network).from_config(network.get_config())
    assert twin.lowering == "litert"
    assert twin.get_config() == network.get_config()


@pytest.mark.parametrize("jit", [False, True])
def test_a_model_is_made_for_where_it_trains_all_networks_alike(jit, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind="": [])
    config = tiny(jit=jit, w_hpf=1.0)
    model = loop.make_model(config, distribution.choose_strategy(config))
    networks = [*(getattr(model, name) for name in NETWORKS), model.fan]
    networks += model.averages.values()
    assert {n.lowering for n in (model, *networks)} == {"xla_cpu" if jit else None}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind="": [kind])
    model = loop.make_model(config, distribution.choose_strategy(config))
    assert model.lowering is None


def test_a_checkpoint_of_one_lowering_is_one_of_any(tmp_path):
    model, other = StarGANv2(tiny(), lowering="xla_cpu"), StarGANv2(tiny())
    for one in (model, other):
        one.compile()
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    for a, b in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a.value, b.value)
