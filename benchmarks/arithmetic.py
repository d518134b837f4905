"""The multiplications of a graph, and those that a core can do in a second."""

import time

import numpy as np
import tensorflow as tf

SIDE = 2048  # of the matrices


def peak(rounds: int = 5) -> float:
    """Billions of multiplications in a second of a core: a large product, float32.

    It is processor time, which other work on the machine hardly changes.
    """
    x = tf.random.normal((SIDE, SIDE))
    product = tf.function(lambda: tf.reduce_sum(tf.linalg.matmul(x, x)))
    product()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        product().numpy()
        times.append(time.process_time() - start)
    return SIDE**3 / min(times) / 1e9


def multiplications(graph: tf.Graph) -> int:
    """Multiplications of the convolutions and matrix products of a graph."""
    return sum(map(_multiplications, graph.get_operations()))


def _multiplications(operation: tf.Operation) -> int:
    kind = operation.type
    if kind == "Conv2D":
        output, kernel = operation.outputs[0].shape, operation.inputs[1].shape
    elif kind == "Conv2DBackpropInput":
        output, kernel = operation.inputs[2].shape, operation.inputs[1].shape
    elif kind == "Conv2DBackpropFilter":
        output, kernel = operation.inputs[2].shape, operation.outputs[0].shape
    elif kind == "MatMul":
        a, out = operation.inputs[0].shape, operation.outputs[0].shape
        return int(np.prod(out)) * int(a[0 if operation.get_attr("transpose_a") else 1])
    else:
        return 0
    return int(np.prod(output)) * int(np.prod(kernel[:3]))
