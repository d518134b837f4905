"""Compare light generators with the full one in LiteRT, with random weights.

    python benchmarks/light.py --img_size=256 --widths=0.5,0.8125,1

The generators alone, in float32 as exported, batch 1, taking turns. Prints each one's
multiplications, size, and time; and how many operations XNNPACK leaves to LiteRT's own,
slower code.
"""

import dataclasses
import pathlib
import sys

sys.path[0] = str(pathlib.Path(__file__).parents[1])  # else `export` were its neighbour

from absl import flags
from tqdm import tqdm

from export import contract, flatbuffer, graph, latency, litert
from tfstargan import cli
from tfstargan.config import Config
from tfstargan.stargan import build_networks, translating
from tfstargan.translator import Translator


def exported(config: Config) -> bytes:
    """Return the .tflite of a configuration's generator, with random weights."""
    translator = Translator(config, build_networks(config, translating(config)))
    whole = graph.convert(translator)
    return flatbuffer.cut(whole, contract.TRANSLATE)


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
    models = {name: exported(c) for name, c in tqdm(configs.items(), leave=False)}
    times = latency.times(models, options.threads, options.turns)
    print("| generator | GMAC | MB | ms, median | ms, 95 of 100 | of full | left |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, model in models.items():
        multiplications = flatbuffer.multiplications(flatbuffer.read(model))
        median, p95 = times[name]["median_ms"], times[name]["p95_ms"]
        print(
            f"| {name} | {multiplications / 1e9:.2f} | {len(model) / 1e6:.1f} "
            f"| {median:.0f} | {p95:.0f} | {median / times['full']['median_ms']:.3f} "
            f"| {sum(litert.leftovers(model).values())} |"
        )


if __name__ == "__main__":
    flags.DEFINE_integer("img_size", 256, "image side in pixels")
    flags.DEFINE_integer("channel_base", 2**14, "of the full generator")
    flags.DEFINE_integer("channel_max", 512, "of the full generator")
    flags.DEFINE_list("widths", ["0.5", "0.8125", "1"], "of light generators")
    flags.DEFINE_integer("threads", 2, "of LiteRT")
    flags.DEFINE_integer("turns", 9, "times that each is measured")
    cli.start(main)
