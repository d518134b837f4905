"""The number of multiplications of a network, counted in its graph."""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def multiplications(function: Callable[..., Any], *inputs: tf.TensorSpec) -> int:
    """Number of multiplications in convolutions and linear layers (MACs).

    Norms, activations and resampling are not counted, as is usual.

    Args:
        function: a function of tensors, such as a network.
        *inputs: specs of its arguments; a batch of 1 gives the count for one image.
    """
    graph = tf.function(function).get_concrete_function(*inputs).graph
    return sum(_of_operation(operation) for operation in graph.get_operations())


def _of_operation(operation: Any) -> int:
    match operation.type:
        case "Conv2D" | "DepthwiseConv2dNative":  # at each place of the output
            places = operation.outputs[0].shape[:3]
        case "Conv2DBackpropInput":  # transposed: at each place of the input
            places = operation.inputs[2].shape[:3]
        case "MatMul":
            places = operation.outputs[0].shape[:1]
        case _:
            return 0
    return math.prod(places) * math.prod(operation.inputs[1].shape)
