"""Estimate the time of a full evaluation of AFHQ from a few images in each stage.

    python benchmarks/evaluation.py

Weights are random, because the time does not depend on them. The stages run in turns;
elapsed time is the best of --rounds. Processor time is that of all cores together. It
hardly depends on other work on the machine.
"""

import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from benchmarks.arithmetic import peak
from tfstargan import cli, images
from tfstargan.config import Config
from tfstargan.metrics import fid, inception, lpips
from tfstargan.metrics.instruments import Inception
from tfstargan.metrics.protocol import OUTPUTS, in_batches, tasks
from tfstargan.networks.build import build_networks
from tfstargan.settings import Settings, setting
from tfstargan.translation.translator import Translator

TRAINING = (5153, 4739, 4738)  # images of cats, dogs and wild animals in AFHQ
VALIDATION = 500  # of each
BATCH = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    rounds: int = setting(3, "how often each stage is timed", at_least=1)


class Stage(NamedTuple):
    """A part of the work: the function to time, its number of images, the total."""

    run: Callable[[], object]
    count: int
    needed: int


def stages(config: Config) -> dict[str, Stage]:
    """The stages by name."""
    rng = np.random.default_rng(0)
    size = config.img_size
    every_task = len(tasks(len(TRAINING)))
    outputs = every_task * VALIDATION * OUTPUTS
    translator = Translator(config, build_networks(config, ("generator",)))
    encode, decode = tf.function(translator.encode), tf.function(translator.decode)
    distance = in_batches(lpips.LPIPS(lpips.alexnet()).mean_distance, BATCH)
    x = rng.uniform(-1, 1, (BATCH, size, size, 3)).astype(np.float32)
    style = rng.standard_normal((BATCH, config.style_dim), np.float32)
    encoded = encode(x)
    fakes = [Image.fromarray(p) for p in images.to_uint8(x)]
    found = {
        "before the style": Stage(lambda: encode(x), BATCH, outputs // OUTPUTS),
        "from it on": Stage(lambda: decode(encoded, style), BATCH, outputs),
        "LPIPS": Stage(lambda: distance(x[:, None].repeat(2, 1)), 2 * BATCH, outputs),
    }
    for name, make, prepare in (
        ("fid_reference", inception.torchvision_trunk, inception.prepare_reference),
        ("fid_clean", inception.tensorflow_2015_trunk, inception.prepare_clean),
    ):
        one = Inception(name, "", in_batches(make(), BATCH), prepare)
        found[name] = Stage(
            lambda one=one: one.see(fakes, size), BATCH, outputs + sum(TRAINING)
        )
    sets = []
    for _ in range(2):
        features = rng.standard_normal((VALIDATION * OUTPUTS, inception.FEATURES))
        sets.append(fid.FeatureSet(len(features)))
        sets[-1].add(features.astype(np.float32))
    kept = [s.features for s in sets]
    for name, run in {
        "Frechet distance": lambda: fid.frechet_distance(*sets),
        "KID": lambda: fid.kernel_distance(*kept),
        "precision, recall": lambda: fid.precision_recall(*kept),
    }.items():
        found[name] = Stage(run, 1, every_task)
    return found


def main(options: Options) -> None:
    """Print a row for each stage and the total."""
    config = Config(domains=("cat", "dog", "wild"))
    every_stage = stages(config)
    wall = dict.fromkeys(every_stage, np.inf)
    processor = dict.fromkeys(every_stage, np.inf)
    print(f"a large matrix product: {peak():.0f} GMAC/s of a core")
    for round_number in range(options.rounds + 1):
        for name, stage in every_stage.items():
            start = time.perf_counter(), time.process_time()
            stage.run()
            took = time.perf_counter() - start[0], time.process_time() - start[1]
            if round_number:  # the first compiles
                wall[name] = min(wall[name], took[0])
                processor[name] = min(processor[name], took[1])
    print(
        f"{'':18} {'number':>7} {'wall ms':>9} {'cpu ms':>9} {'wall h':>7} {'cpu h':>7}"
    )
    for name, stage in every_stage.items():
        each = np.array([wall[name], processor[name]]) / stage.count
        hours = each * stage.needed / 3600
        print(
            f"{name:18} {stage.needed:7} {1e3 * each[0]:9.1f} {1e3 * each[1]:9.1f} "
            f"{hours[0]:7.2f} {hours[1]:7.2f}"
        )


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
