"""Versions of a .tflite's operators, and the oldest runtime that computes them.

A runtime refuses a file by the versions of its operators. LiteRT's quantizer changes
the types of operands and keeps the versions of the float file, so that a runtime that
does not know these types computes nonsense without an error.

The table holds facts of TensorFlow's source, op_version.cc and runtime_version.cc in
tensorflow/compiler/mlir/lite/tools/versioning/, for the types that our variants have;
weights have a scale for each channel.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

METADATA = b"min_runtime_version"
LENGTH = 16  # bytes of that metadata, padded with zeros
OLD_LIMIT = 127  # stands in the old 8-bit field for any code from there on
FLOAT_GRAPH = "2.3.0"  # what the converter declares for our float files

TYPES = {v: k for k, v in vars(schema.TensorType).items() if k.isupper()}
OPERATORS = {v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}

# {operator: {(type of input, type of weights or else of output): (version, first
# TensorFlow Lite that computes it)}}
TYPED = {
    "CONV_2D": {
        ("FLOAT32", "FLOAT32"): (1, "1.5.0"),
        ("FLOAT32", "INT8"): (5, "2.4.0"),
        ("INT8", "INT8"): (3, "1.14.0"),
        ("INT16", "INT8"): (4, "2.3.0"),
    },
    "DEPTHWISE_CONV_2D": {
        ("FLOAT32", "FLOAT32"): (1, "1.5.0"),
        ("FLOAT32", "INT8"): (6, "2.3.0"),
    },
    "FULLY_CONNECTED": {
        ("FLOAT32", "FLOAT32"): (5, "2.0.0"),  # keeps dimensions
        ("FLOAT32", "INT8"): (12, "2.17.0"),
    },
    "DEQUANTIZE": {
        ("FLOAT16", "FLOAT32"): (3, "1.15.0"),
        ("INT16", "FLOAT32"): (3, "1.15.0"),
        ("INT8", "FLOAT32"): (5, "2.7.0"),
        ("INT4", "FLOAT32"): (6, "2.18.0"),
    },
    "QUANTIZE": {
        ("FLOAT32", "INT8"): (1, "1.14.0"),
        ("FLOAT32", "INT16"): (2, "1.15.0"),
    },
}


def name_of(code: schema.OperatorCodeT) -> str:
    """The name of an operator's code."""
    custom = code.customCode and code.customCode.decode()
    return custom or OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]


def correct(model: schema.ModelT) -> None:
    """Declare the versions that a model's operators need, and no others.

    It sets each operator's version, both fields of its code and the metadata
    `min_runtime_version`, and removes codes that no operator has.
    """
    nodes = [(n, graph.tensors) for graph in model.subgraphs for n in graph.operators]
    used = sorted({node.opcodeIndex for node, _ in nodes})
    codes = [model.operatorCodes[index] for index in used]
    needed: list[list[int]] = [[] for _ in codes]
    releases = [FLOAT_GRAPH]
    for node, tensors in nodes:
        node.opcodeIndex = used.index(node.opcodeIndex)
        name = name_of(codes[node.opcodeIndex])
        if name in TYPED:
            version, release = TYPED[name][_types(name, node, tensors)]
            needed[node.opcodeIndex].append(version)
            releases.append(release)
    for code, versions in zip(codes, needed, strict=True):
        code.version = max(versions, default=code.version)
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
        code.deprecatedBuiltinCode = min(code.builtinCode, OLD_LIMIT)
    model.operatorCodes = codes
    _declare(model, max(releases, key=as_numbers))


def as_numbers(release: str) -> tuple[int, ...]:
    """A release such as "2.17.0" as numbers, to compare."""
    return tuple(map(int, release.split(".")))


def min_runtime(model: schema.ModelT) -> str:
    """The oldest runtime that a model declares; empty if it declares none."""
    for entry in model.metadata or []:
        if entry.name == METADATA:
            return bytes(model.buffers[entry.buffer].data).rstrip(b"\0").decode()
    return ""


def _types(
    name: str, node: schema.OperatorT, tensors: list[schema.TensorT]
) -> tuple[str, str]:
    converts = name in ("QUANTIZE", "DEQUANTIZE")
    second = node.outputs[0] if converts else node.inputs[1]
    return TYPES[tensors[node.inputs[0]].type], TYPES[tensors[second].type]


def _declare(model: schema.ModelT, release: str) -> None:
    model.metadata = model.metadata or []
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(release.encode().ljust(LENGTH, b"\0"), np.uint8)
    for entry in model.metadata:
        if entry.name == METADATA:
            model.buffers[entry.buffer] = buffer
            return
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata.append(entry)
