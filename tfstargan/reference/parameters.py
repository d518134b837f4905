"""The authors' names and layouts of every parameter, and ours beside them.

Their PyTorch networks have convolution kernels [out, in, H, W], linear weights
[out, in], and one layer for each domain where we have one stacked variable. What they
store and no output depends on (see `unused`) is left out of ours.
"""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tfstargan.errors import UserError
from tfstargan.networks.encoders import Discriminator, StyleEncoder, Trunk
from tfstargan.networks.fan import FAN, ConvBlock, CoordConv, Hourglass
from tfstargan.networks.generator import Generator
from tfstargan.networks.layers import HIGH_PASS, Conv2D, DomainDense
from tfstargan.networks.mapping_network import MappingNetwork
from tfstargan.networks.norms import AdaIN, InstanceNormalization
from tfstargan.reference import pytorch_file


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of the reference: its name, our variable, and how they match."""

    name: str
    variable: Any
    axes: tuple[int, ...]  # ours, in the reference's order
    shape: tuple[int, ...]  # the reference's
    domain: int | None = None  # which slice of the variable; None: all of it

    def to_reference(self, value: np.ndarray) -> np.ndarray:
        """Return the reference's array for a value (or gradient) of our variable."""
        part = value if self.domain is None else value[self.domain]
        return np.transpose(part, self.axes).reshape(self.shape)

    def put(self, array: np.ndarray, value: np.ndarray) -> None:
        """Write the reference's array into a value of our variable, in place."""
        part = value if self.domain is None else value[self.domain]
        ordered = [part.shape[axis] for axis in self.axes]
        part[...] = array.reshape(ordered).transpose(np.argsort(self.axes))


def parameters(network: keras.Model) -> list[Parameter]:
    """Return every parameter of one of the four networks or of FAN."""
    return [p for name, layer in _layers(network) for p in _of_layer(name, layer)]


def unused(network: keras.Model) -> dict[str, np.ndarray]:
    """Return what the reference stores of a network and no output depends on.

    With w_hpf > 0 the generator has the high-pass filter, a constant, and shortcuts'
    1x1 convolutions, which it never applies: zeros here. (FAN's batch norms count their
    batches; PyTorch loads FAN without the counters.)
    """
    if not (isinstance(network, Generator) and network.w_hpf):
        return {}
    arrays = {"hpf.filter": (HIGH_PASS / network.w_hpf).astype("float32")}
    for i, block in enumerate(network.decode):
        _, _, inputs, outputs = block.conv1.kernel.shape
        if inputs != outputs:
            shape = (outputs, inputs, 1, 1)
            arrays[f"decode.{i}.conv1x1.weight"] = np.zeros(shape, "float32")
    return arrays


def to_reference(
    network: keras.Model, values: Sequence[np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return {reference name: array} of a network's weights, and of what is `unused`.

    Args:
        network: one of the four, or FAN.
        values: one for each of `network.weights`, in place of the weights themselves
            (their gradients, say); then without what is unused.
    """
    arrays = unused(network) if values is None else {}
    values = network.get_weights() if values is None else values
    by_id = {id(v): x for v, x in zip(network.weights, values, strict=True)}
    for p in parameters(network):
        arrays[p.name] = p.to_reference(by_id[id(p.variable)])
    return arrays


def from_reference(network: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Set a network's weights from {reference name: array}.

    What is `unused` may be there or not; so may be counters of FAN's batch norms.

    Raises:
        ValueError: if a name is missing or too many, or what it names is no array of
            its shape.
    """
    expected = {p.name: p for p in parameters(network)}
    given = {n for n in arrays if not str(n).endswith(".num_batches_tracked")}
    given -= unused(network).keys()
    if expected.keys() != given:
        names = sorted(map(str, expected.keys() ^ given))
        raise ValueError(f"missing or unknown parameters: {', '.join(names[:5])}")
    values = {id(v): np.empty(v.shape, "float32") for v in network.weights}
    for name, parameter in expected.items():
        if not isinstance(arrays[name], np.ndarray):
            raise ValueError(f"{name} is no array")
        if arrays[name].shape != parameter.shape:
            raise ValueError(
                f"{name} has shape {arrays[name].shape}, expected {parameter.shape}"
            )
        parameter.put(arrays[name], values[id(parameter.variable)])
    network.set_weights([values[id(v)] for v in network.weights])


def read_fan(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return FAN's arrays in the authors' `wing.ckpt`.

    Raises:
        UserError: if that is another file.
    """
    arrays = pytorch_file.load(path).get("state_dict")
    if not isinstance(arrays, dict):
        raise UserError(f"{path}: no weights of the landmark network (no state_dict)")
    return unwrapped(arrays)


def unwrapped(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays without the `module.` that PyTorch's DataParallel names them by."""
    return {str(name).removeprefix("module."): x for name, x in arrays.items()}


def load_fan(fan: FAN, path: str) -> None:
    """Give FAN the authors' weights, those of `wing.ckpt`.

    Raises:
        UserError: if there are none.
    """
    if not path:
        raise UserError(
            "--wing_weights: w_hpf > 0 needs the face landmark network's weights, which"
            " the authors publish as wing.ckpt with the code of StarGAN v2"
            " (github.com/clovaai/stargan-v2); --w_hpf=0 trains without them"
        )
    try:
        from_reference(fan, read_fan(path))
    except UserError as error:  # which names the file
        raise UserError(f"--wing_weights={error}") from error
    except ValueError as error:
        raise UserError(
            f"--wing_weights={path}: no weights of the landmark network ({error})"
        ) from error


def _layers(network: keras.Model) -> Iterator[tuple[str, keras.layers.Layer]]:
    match network:
        case Generator():
            yield "from_rgb", network.from_rgb
            for i, block in enumerate(network.encode):
                yield f"encode.{i}", block
            for i, block in enumerate(network.decode):
                yield f"decode.{i}", block
            yield "to_rgb.0", network.to_rgb_norm
            yield "to_rgb.2", network.to_rgb
        case MappingNetwork():  # every second module of theirs is a ReLU
            for i, layer in enumerate(network.shared):
                yield f"shared.{2 * i}", layer
            for i, layer in enumerate(network.unshared):
                yield f"unshared.{{domain}}.{2 * i}", layer
        case StyleEncoder():
            yield from _trunk("shared", network.trunk)
            yield "unshared.{domain}", network.heads
        case Discriminator():
            yield from _trunk("main", network.trunk)
            yield f"main.{len(network.trunk.blocks) + 4}", network.heads
        case FAN():
            yield "conv1.conv", network.conv1
            yield "bn1", network.bn1
            yield "conv2", network.conv2
            yield "conv3", network.conv3
            yield "conv4", network.conv4
            yield "m0.coordconv.conv", network.coord_conv
            yield from _hourglass("m0", network.hourglass)
            yield "top_m_0", network.top
            yield "conv_last0", network.conv_last
            yield "bn_end0", network.bn_end
            yield "l0", network.to_heatmaps
        case _:  # AlexNet, Inception, Lite0: their layers have the names of the files
            yield from ((x.name, x) for x in network.layers if x.weights)


def _trunk(name: str, trunk: Trunk) -> Iterator[tuple[str, keras.layers.Layer]]:
    for i, layer in enumerate([trunk.from_rgb, *trunk.blocks]):
        yield f"{name}.{i}", layer
    yield f"{name}.{len(trunk.blocks) + 2}", trunk.to_pixel


def _hourglass(
    name: str, hourglass: Hourglass
) -> Iterator[tuple[str, keras.layers.Layer]]:
    depth = hourglass.depth
    yield f"{name}.b1_{depth}", hourglass.b1
    yield f"{name}.b2_{depth}", hourglass.b2
    if depth > 1:
        yield from _hourglass(name, hourglass.inner)
    else:
        yield f"{name}.b2_plus_{depth}", hourglass.inner
    yield f"{name}.b3_{depth}", hourglass.b3


def _of_layer(name: str, layer: keras.layers.Layer) -> Iterator[Parameter]:
    shape: tuple[int, ...]
    match layer:
        case Conv2D() | CoordConv() | keras.layers.Conv2D():
            height, width, inputs, outputs = layer.kernel.shape
            shape = (outputs, inputs, height, width)
            yield Parameter(f"{name}.weight", layer.kernel, (3, 2, 0, 1), shape)
            if getattr(layer, "use_bias", True):
                yield _vector(f"{name}.bias", layer.bias)
        case keras.layers.DepthwiseConv2D():
            height, width, inputs, _ = layer.kernel.shape
            shape = (inputs, 1, height, width)
            yield Parameter(f"{name}.weight", layer.kernel, (2, 3, 0, 1), shape)
        case keras.layers.Dense():
            inputs, outputs = layer.kernel.shape
            # The discriminator's head is a 1x1 convolution of theirs.
            shape = (outputs, inputs, 1, 1) if "main" in name else (outputs, inputs)
            yield Parameter(f"{name}.weight", layer.kernel, (1, 0), shape)
            yield _vector(f"{name}.bias", layer.bias)
        case InstanceNormalization():
            yield _vector(f"{name}.weight", layer.gamma)
            yield _vector(f"{name}.bias", layer.beta)
        case keras.layers.BatchNormalization():
            yield _vector(f"{name}.weight", layer.gamma)
            yield _vector(f"{name}.bias", layer.beta)
            yield _vector(f"{name}.running_mean", layer.moving_mean)
            yield _vector(f"{name}.running_var", layer.moving_variance)
        case ConvBlock():
            for i, (norm, conv) in enumerate(
                zip(layer.norms, layer.convs, strict=True), start=1
            ):
                yield from _of_layer(f"{name}.bn{i}", norm)
                yield from _of_layer(f"{name}.conv{i}", conv)
            if layer.conv1x1 is not None:
                yield from _of_layer(f"{name}.downsample.0", layer.norm1x1)
                yield from _of_layer(f"{name}.downsample.2", layer.conv1x1)
        case AdaIN():
            yield from _of_layer(f"{name}.fc", layer.fc)
        case DomainDense():
            domains, inputs, units = layer.kernel.shape
            for k in range(domains):
                one = name.format(domain=k)
                shape = (units, inputs)
                yield Parameter(f"{one}.weight", layer.kernel, (1, 0), shape, k)
                yield Parameter(f"{one}.bias", layer.bias, (0,), (units,), k)
        case _:  # a residual block
            for part in ("conv1", "conv2", "norm1", "norm2", "conv1x1"):
                if (sublayer := getattr(layer, part, None)) is not None:
                    yield from _of_layer(f"{name}.{part}", sublayer)


def _vector(name: str, variable: Any) -> Parameter:
    return Parameter(name, variable, (0,), tuple(variable.shape))
