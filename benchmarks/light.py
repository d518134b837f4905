"""Compare light generators with the full one in LiteRT, with random weights.

    python benchmarks/light.py --img_size=256 --widths=0.5,0.8125,1

The generators run in turns, exported in float32, with 1 image. The table has their
multiplications, size and time, and the number of operations that LiteRT computes
outside XNNPACK with slower code.
"""

import dataclasses
import pathlib
import sys
import time

sys.path[0] = str(pathlib.Path(__file__).parents[1])  # else `export` were its neighbour

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tqdm import tqdm, trange

from export.litert import flatbuffer, latency
from export.model import graph
from tfstargan import cli
from tfstargan.config import Config
from tfstargan.exported import contract
from tfstargan.networks.build import build_networks, translating
from tfstargan.settings import Settings, setting
from tfstargan.translation.translator import Translator


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    img_size: int = setting(256, "image side in pixels")
    channel_base: int = setting(2**14, "of the full generator")
    channel_max: int = setting(512, "of the full generator")
    widths: tuple[str, ...] = setting(
        (
            "0.5",
            "0.8125",
            "1",
        ),
        "of light generators",
    )
    threads: int = setting(2, "of LiteRT")
    turns: int = setting(9, "times that each is measured")


def exported(config: Config) -> bytes:
    """The .tflite of a configuration's generator, with random weights."""
    translator = Translator(config, build_networks(config, translating(config)))
    whole = graph.convert(graph.for_export(translator, "litert_pairs"))
    return flatbuffer.cut(whole, contract.TRANSLATE)


def main(options: Options) -> None:
    """Measure, and print the table."""
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
    runs = {
        name: latency.on_noise(
            Interpreter(model_content=model, num_threads=options.threads)
        )
        for name, model in models.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    rng = np.random.default_rng(0)
    for _ in trange(options.turns, leave=False):
        for name in rng.permutation(list(runs)):
            runs[name]()  # so that caches hold this generator when it is timed
            start = time.perf_counter()
            runs[name]()
            seconds[name].append(time.perf_counter() - start)
    head = "generator", "GMAC", "MB", "ms, median", "ms, least", "ratio to full"
    print("|", " | ".join([*head, "outside XNNPACK"]), "|")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, model in models.items():
        multiplications = flatbuffer.multiplications(flatbuffer.read(model))
        ratio = np.median(np.divide(seconds[name], seconds["full"]))
        print(
            f"| {name} | {multiplications / 1e9:.2f} | {len(model) / 1e6:.1f} "
            f"| {1e3 * np.median(seconds[name]):.0f} | {1e3 * min(seconds[name]):.0f} "
            f"| {ratio:.3f} | {sum(latency.leftovers(model).values())} |"
        )


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
