"""Compare light generators with the full one in LiteRT, with random weights.

    python benchmarks/light.py --img_size=256 --widths=0.5,0.8125,1

The generators alone, batch 1, in turns. Prints each one's multiplications, size, and
time; and how many operations XNNPACK leaves to LiteRT's own, slower code.
"""

import dataclasses
import time
from typing import Any

import numpy as np
import tensorflow as tf
from absl import flags
from ai_edge_litert.interpreter import Interpreter
from tqdm import trange

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.distill import arithmetic
from tfstargan.layers import upsample_in_phases
from tfstargan.stargan import build_networks


def interpreter_of(config: Config, threads: int) -> tuple[Interpreter, float]:
    """Return a configuration's generator, with random inputs, and its megabytes."""
    (generator,) = build_networks(config, ("generator",)).values()
    upsample_in_phases(generator)
    side = config.img_size
    image = tf.TensorSpec((1, side, side, 3))
    function = tf.function(generator).get_concrete_function(
        image, tf.TensorSpec((1, config.style_dim))
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    model = converter.convert()
    interpreter = Interpreter(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for tensor in interpreter.get_input_details():
        values = rng.uniform(-1, 1, tensor["shape"]).astype(np.float32)
        interpreter.set_tensor(tensor["index"], values)
    return interpreter, len(model) / 1e6


def left_over(interpreter: Interpreter) -> int:
    """Return how many operations the delegate did not take."""
    operations: list[Any] = interpreter._get_ops_details()
    partitions = [op for op in operations if op["op_name"] == "DELEGATE"]
    taken = {t for op in partitions for t in op["outputs"]}
    (output,) = (tensor["index"] for tensor in interpreter.get_output_details())
    whole = len(partitions) == 1 and output in taken
    return 0 if whole else len(partitions)


def main() -> None:
    """Measure, and print the table."""
    options = flags.FLAGS
    full = Config(
        img_size=options.img_size,
        channel_base=options.channel_base,
        channel_max=options.channel_max,
        domains=("a", "b"),
    )
    configs = {"full": full} | {
        f"light, {width}": dataclasses.replace(
            full, generator="light", light_width=float(width)
        )
        for width in options.widths
    }
    made = {name: interpreter_of(c, options.threads) for name, c in configs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in configs}
    rng = np.random.default_rng(0)
    for _ in trange(options.turns):
        for name in rng.permutation(list(configs)):
            interpreter, _ = made[name]
            interpreter.invoke()  # not the first after another's
            start = time.perf_counter()
            interpreter.invoke()
            seconds[name].append(time.perf_counter() - start)
    print(
        "| generator | GMAC | MB | ms, median | ms, least | of the full one's | left |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, config in configs.items():
        interpreter, size = made[name]
        ratio = np.median(np.divide(seconds[name], seconds["full"]))
        print(
            f"| {name} | {arithmetic(config) / 1e9:.2f} | {size:.1f} "
            f"| {1e3 * np.median(seconds[name]):.0f} | {1e3 * min(seconds[name]):.0f} "
            f"| {ratio:.3f} | {left_over(interpreter)} |"
        )


if __name__ == "__main__":
    flags.DEFINE_integer("img_size", 256, "image side in pixels")
    flags.DEFINE_integer("channel_base", 2**14, "of the full generator")
    flags.DEFINE_integer("channel_max", 512, "of the full generator")
    flags.DEFINE_list("widths", ["0.5", "0.8125", "1"], "of light generators")
    flags.DEFINE_integer("threads", 2, "of LiteRT")
    flags.DEFINE_integer("turns", 9, "times that each is measured")
    cli.start(main)
