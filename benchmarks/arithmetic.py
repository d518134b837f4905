"""The multiplications of a graph, and those that a core can do in a second.

    python benchmarks/arithmetic.py

prints them for the generator of the paper's size at 256 x 256, for one image.
"""

import pathlib
import sys
import time

import numpy as np
import tensorflow as tf

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.networks.build import build_networks
from tfstargan.settings import Settings
from tfstargan.translation.translator import Translator

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


def generator() -> tuple[int, int]:
    """Multiplications of the generator's halves: before the style, and from it on."""
    config = Config(domains=("a", "b", "c"))
    translator = Translator(config, build_networks(config, ("generator",)))
    x = tf.zeros((1, config.img_size, config.img_size, 3))
    encode = tf.function(translator.encode).get_concrete_function(x)
    decode = tf.function(translator.decode).get_concrete_function(
        translator.encode(x), tf.zeros((1, config.style_dim))
    )
    return multiplications(encode.graph), multiplications(decode.graph)


def main(_: Settings) -> None:
    """Print the rate of a core and the work of the generator."""
    encoder, decoder = (count / 1e9 for count in generator())
    print(f"a large matrix product: {peak():.0f} GMAC/s of a core")
    print(f"generator: {encoder:.2f} GMAC before the style, {decoder:.2f} from it on")


if __name__ == "__main__":
    cli.start(main, Settings, about=__doc__)
