"""Layers pass their dtype on to the layers inside; the global policy plays no part."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from conftest import tiny

from tfstargan.networks.blocks import AdaINResidualBlock, ResidualBlock
from tfstargan.networks.build import AVERAGED, NETWORKS, build_networks
from tfstargan.networks.encoders import Discriminator, StyleEncoder, Trunk
from tfstargan.networks.fan import FAN, ConvBlock, Hourglass
from tfstargan.networks.generator import Generator
from tfstargan.networks.light_generator import (
    LightAdaINResidualBlock,
    LightGenerator,
    LightResidualBlock,
    SeparableConv2D,
    SubpixelConv2D,
)
from tfstargan.networks.mapping_network import MappingNetwork
from tfstargan.networks.norms import AdaIN
from tfstargan.training.stargan import StarGANv2

IMAGE, STYLE = (3, 6, 10, 4), (3, 7)
SIZES = {"img_size": 32, "channel_base": 96, "channel_max": 7}
BLOCKS: list[tuple[type[keras.layers.Layer], dict[str, Any], list[tuple]]] = [
    (AdaIN, {}, [IMAGE, STYLE]),
    (ResidualBlock, {"filters": 7, "normalize": True, "downsample": True}, [IMAGE]),
    (AdaINResidualBlock, {"filters": 7, "upsample": True}, [IMAGE, STYLE]),
    (SeparableConv2D, {"filters": 7}, [IMAGE]),
    (SubpixelConv2D, {"filters": 3}, [IMAGE]),
    (LightResidualBlock, {"filters": 7, "normalize": True}, [IMAGE]),
    (LightAdaINResidualBlock, {"filters": 7, "upsample": True}, [IMAGE, STYLE]),
    (Trunk, SIZES, [(3, 32, 32, 3)]),
    (Trunk, SIZES | {"img_size": 64, "patch_size": 2}, [(3, 64, 64, 3)]),
    (ConvBlock, {"filters": 8}, [IMAGE]),
    (Hourglass, {"depth": 1}, [(3, 6, 10, 8)]),
]
RESIDUAL = SIZES | {"style_dim": 7, "residual": True}
LABELS = (None,)
MODELS: list[tuple[type[keras.Model], dict[str, Any], list[tuple], set[str]]] = [
    (Generator, SIZES | {"style_dim": 7}, [(None, 32, 32, 3), STYLE], {"to_rgb"}),
    (LightGenerator, SIZES | {"style_dim": 7}, [(None, 32, 32, 3), STYLE], {"to_rgb"}),
    (Generator, RESIDUAL, [(None, 32, 32, 3), STYLE], {"to_rgb"}),
    (MappingNetwork, {"num_domains": 3, "latent_dim": 5}, [(None, 5), LABELS], set()),
    (StyleEncoder, SIZES, [(None, 32, 32, 3), LABELS], {"heads"}),
    (Discriminator, SIZES, [(None, 32, 32, 3), LABELS], set()),
    (FAN, {}, [(None, 32, 32, 3)], set()),
]
IDS = [row[0].__name__ for row in (*BLOCKS, *MODELS)]


@pytest.fixture
def foreign_policy() -> Iterator[str]:
    """Set another global policy than the default, as a user's other code may."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield "mixed_bfloat16"
    keras.config.set_dtype_policy(before)


def inner(layer: Any, path: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield every layer inside one, at any depth, by its path of attributes."""
    for name, value in vars(layer).items():
        if name.startswith("_"):  # Keras' own list of them
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, keras.layers.Layer):
                yield f"{path}{name}", one
                yield from inner(one, f"{path}{name}.")


def test_the_layers_inside_one_are_found():
    block = AdaINResidualBlock(7)
    block.build(IMAGE, STYLE)
    names = {"norm1", "norm1.fc", "norm2", "norm2.fc", "conv1", "conv2", "conv1x1"}
    assert {name for name, _ in inner(block)} == names


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16", "float32"])
@pytest.mark.parametrize(
    ("make", "arguments", "shapes", "in_float32"),
    [*((*block, set()) for block in BLOCKS), *MODELS],
    ids=IDS,
)
def test_inner_layers_have_the_dtype_of_the_outer_one(
    make, arguments, shapes, in_float32, dtype, foreign_policy
):
    layer = make(**arguments, dtype=dtype)
    layer.build(*shapes)
    found = dict(inner(layer))
    assert found
    for path, one in found.items():
        expected = "float32" if path.split(".")[0] in in_float32 else dtype
        assert one.dtype_policy.name == expected, path
    stored = {v.dtype for v in layer.weights}
    float16 = {"float16", "float32"} if in_float32 else {"float16"}
    assert stored == (float16 if dtype == "float16" else {"float32"})


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16"])
@pytest.mark.parametrize(
    ("make", "arguments", "shapes"), BLOCKS, ids=IDS[: len(BLOCKS)]
)
def test_a_block_in_float16_returns_float16(make, arguments, shapes, dtype):
    rng = np.random.default_rng(0)
    layer = make(**arguments, dtype=dtype)
    y = layer(*(rng.standard_normal(shape, np.float32) for shape in shapes))
    assert y.dtype == "float16"
    assert np.isfinite(y).all()


def policies(network: keras.Model) -> set[str]:
    return {one.dtype_policy.name for _, one in [("", network), *inner(network)]}


def test_built_networks_have_32_bits_whatever_the_global_policy(foreign_policy):
    networks = build_networks(tiny(w_hpf=1.0), (*NETWORKS, "fan"))
    for name, network in networks.items():
        assert policies(network) == {"float32"}, name
    light = build_networks(tiny(generator="light"), ("generator",))["generator"]
    assert policies(light) == {"float32"}
    assert keras.config.dtype_policy().name == foreign_policy


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_model_has_the_dtypes_of_its_precision_and_no_other(
    precision, foreign_policy
):
    model = StarGANv2(tiny(precision=precision))
    for name in NETWORKS:
        mixed = name in ("generator", "style_encoder")
        network = getattr(model, name)
        assert network.dtype_policy.name == (precision if mixed else "float32")
        assert policies(network) == ({precision, "float32"} if mixed else {"float32"})
    assert all(policies(model.averages[name]) == {"float32"} for name in AVERAGED)
    assert {v.dtype for v in model.variables} == {"float32", "int64"}
    x, s = np.zeros((2, 32, 32, 3), np.float32), np.ones((2, 6), np.float32)
    assert model(x, s).dtype == "float32"
    assert model.compute_dtype == "float32"
