"""The content of a .tflite: its operators and layers, and files made of parts of it.

A .tflite is a FlatBuffer (https://flatbuffers.dev) of the schema that LiteRT ships.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from export.litert import versions

IDENTIFIER = b"TFL3"
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


class Layer(NamedTuple):
    """A convolution.

    Attributes:
        name: name of its output.
        signature: the signature that it is part of.
        channels: number of input and output channels.
        widest: channels of the widest convolution of that signature, those of its
            input or output, whichever are fewer.
    """

    name: str
    signature: str
    channels: tuple[int, int]
    widest: int


def read(content: bytes) -> schema.ModelT:
    """The content of a .tflite as objects that can be changed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        if buffer.offset > 1:  # its data are behind the FlatBuffer
            end = buffer.offset + buffer.size
            buffer.data = np.frombuffer(content[buffer.offset : end], np.uint8)
            buffer.offset = buffer.size = 0
    return model


def write(model: schema.ModelT) -> bytes:
    """The content of a .tflite, with correct versions; the same for the same model."""
    versions.correct(model)
    builder = flatbuffers.Builder(2**20)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def operations(model: schema.ModelT) -> Counter[str]:
    """The number of operators of each name in a model."""
    return Counter(name for name, _, _ in _nodes(model, model.subgraphs))


def convolutions(model: schema.ModelT) -> Iterator[Layer]:
    """Yield each convolution of a model, except depthwise ones."""
    for signature in model.signatureDefs:
        subgraph = model.subgraphs[signature.subgraphIndex]
        found = {}
        for name, node, tensors in _nodes(model, [subgraph]):
            if name == "CONV_2D":
                filters, _, _, channels = tensors[node.inputs[1]].shape
                output = tensors[node.outputs[0]].name.decode()
                found[output] = (int(channels), int(filters))
        widest = max(map(min, found.values()), default=0)
        for name, channels in found.items():
            yield Layer(name, signature.signatureKey.decode(), channels, widest)


def multiplications(model: schema.ModelT) -> int:
    """The number of multiplications, each with an addition, in a model's layers."""
    total = 0
    for name, node, tensors in _nodes(model, model.subgraphs):
        if name not in (*CONVOLUTIONS, "FULLY_CONNECTED", "BATCH_MATMUL"):
            continue
        weights = tensors[node.inputs[1]].shape
        outputs = math.prod(int(n) for n in tensors[node.outputs[0]].shape)
        if name == "CONV_2D":
            each = math.prod(int(n) for n in weights[1:])
        elif name == "DEPTHWISE_CONV_2D":
            each = int(weights[1]) * int(weights[2])
        else:
            each = int(tensors[node.inputs[0]].shape[-1])
        total += outputs * each
    return total


def _nodes(
    model: schema.ModelT, subgraphs: list[schema.SubGraphT]
) -> Iterator[tuple[str, schema.OperatorT, list[schema.TensorT]]]:
    """Yield each operator's name, its node and the tensors of its subgraph."""
    for subgraph in subgraphs:
        for node in subgraph.operators:
            code = model.operatorCodes[node.opcodeIndex]
            yield versions.name_of(code), node, subgraph.tensors


def cut(content: bytes, signature: str) -> bytes:
    """A .tflite with one of another's signatures, and only the weights of that.

    Its inputs and output are named as in the signature.
    """
    model = read(content)
    (wanted,) = (s for s in model.signatureDefs if s.signatureKey.decode() == signature)
    subgraph = model.subgraphs[wanted.subgraphIndex]
    for named in (*wanted.inputs, *wanted.outputs):
        subgraph.tensors[named.tensorIndex].name = named.name
    wanted.subgraphIndex = 0
    model.signatureDefs = [wanted]
    model.subgraphs = [subgraph]
    model.metadata, model.metadataBuffer = None, None
    kept = [0]  # an empty one, by convention
    for tensor in subgraph.tensors:
        if tensor.buffer not in kept:
            kept.append(tensor.buffer)
        tensor.buffer = kept.index(tensor.buffer)
    model.buffers = [model.buffers[i] for i in kept]
    return write(model)


def in_order(content: bytes, inputs: Mapping[str, Sequence[str]]) -> bytes:
    """A .tflite whose signatures have their inputs in another order.

    The converter sorts them by name. The order matters to programs that pass inputs by
    position.

    Args:
        content: the .tflite.
        inputs: {signature: names of its inputs}.
    """
    model = read(content)
    for signature in model.signatureDefs:
        names = inputs[signature.signatureKey.decode()]
        signature.inputs.sort(key=lambda named: names.index(named.name.decode()))
        model.subgraphs[signature.subgraphIndex].inputs = np.array(
            [named.tensorIndex for named in signature.inputs], np.int32
        )
    return write(model)


def with_metadata(content: bytes, name: str, value: bytes) -> bytes:
    """A .tflite with some bytes added as metadata under a name."""
    model = read(content)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(value, np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name.encode(), len(model.buffers)
    model.buffers.append(buffer)
    others = [m for m in model.metadata or [] if m.name != entry.name]
    model.metadata = [*others, entry]
    return write(model)


def metadata(content: bytes, name: str) -> bytes | None:
    """The metadata of a .tflite under a name; None if there is none."""
    model = schema.Model.GetRootAs(content, 0)
    for i in range(model.MetadataLength()):
        if model.Metadata(i).Name() == name.encode():
            return model.Buffers(model.Metadata(i).Buffer()).DataAsNumpy().tobytes()
    return None
