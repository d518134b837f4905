"""One side of `translation.py`: times a stage, and prints its seconds as JSON.

    PYTHONPATH=CHECKOUT python translation_worker.py STAGE IMG_SIZE FOLDER

It imports tfstargan from the checkout that PYTHONPATH names, hence uses only names that
version 0.2.0 had from the start. Weights are random: they change no time.
"""

import dataclasses
import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

from tfstargan import cli

cli.import_tensorflow()

from tfstargan.config import Config  # noqa: E402
from tfstargan.data.critters import SPECIES  # noqa: E402
from tfstargan.data.stream import open_images  # noqa: E402
from tfstargan.metrics import factors, probe  # noqa: E402
from tfstargan.metrics.protocol import QUICK, Outputs, tasks  # noqa: E402
from tfstargan.networks.build import build_networks, translating  # noqa: E402
from tfstargan.translation.folders import translate_folder  # noqa: E402
from tfstargan.translation.styles import NamedStyle  # noqa: E402
from tfstargan.translation.translator import Translator  # noqa: E402

NARROW = {
    "channel_base": 1024,
    "channel_max": 64,
    "hidden_dim": 128,
    "style_dim": 32,
}


def made(img_size: int) -> Translator:
    """A translator: narrow at 64 px, as configs/critters64.flags; else full width."""
    config = Config(
        dataset="critters",
        domains=SPECIES,
        critters_per_domain=400,
        img_size=img_size,
    )
    if img_size == 64:
        config = dataclasses.replace(config, **NARROW)
    return Translator(config, build_networks(config, translating(config)))


def folder(translator: Translator, sources: pathlib.Path) -> Callable[[], object]:
    """Translating a folder into the style of a seed."""
    styles = [NamedStyle("cat-seed1", translator.random_style("cat", 1))]

    def run() -> None:
        with tempfile.TemporaryDirectory() as out:
            translate_folder(translator, sources, styles, out)

    return run


def evaluation(translator: Translator, _: pathlib.Path) -> Callable[[], object]:
    """What the generator does in a quick evaluation: the outputs of four tasks.

    At 256 px, where an output takes long, of one.
    """
    validation = open_images(translator.config, "val")
    count = 4 if translator.config.img_size == 64 else 1

    def run() -> None:
        outputs = Outputs(translator, validation, QUICK)
        for task in tasks(len(SPECIES))[:count]:
            for _ in outputs.of(task):
                pass

    return run


def probing(translator: Translator, _: pathlib.Path) -> Callable[[], object]:
    """What `evaluate --probe` translates of one pair, and an untrained probe."""
    side = translator.config.img_size
    reader = probe.Probe(probe.make_network(side))
    pairs = factors.make_tasks(side, 50, 0)[:1]

    def run() -> None:
        factors.latent_scores(translator, reader, pairs)
        factors.reference_scores(translator, reader, pairs)
        factors.identity_error(translator, pairs)
        factors.cycle_error(translator, pairs)

    return run


def main(stage: str, img_size: str, sources: str) -> None:
    """Print {"wall": ..., "cpu": ...} of a second run; the first one compiles."""
    make = {
        "folder": folder,
        "evaluation": evaluation,
        "probing": probing,
        "photographs": folder,
    }[stage]
    run = make(made(int(img_size)), pathlib.Path(sources))
    run()
    start = time.perf_counter(), time.process_time()
    run()
    took = time.perf_counter() - start[0], time.process_time() - start[1]
    print(json.dumps(dict(zip(("wall", "cpu"), took, strict=True))))


main(*sys.argv[1:])
