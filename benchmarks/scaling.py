"""Measure how the cost of training grows with size, batch, domains and data set.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --channel_base=16384 --channel_max=512 --sizes=128,256

One setting changes at a time. Every case runs in a process of its own, whose peak
memory is printed. By default the networks are narrow, so that all cases take minutes on
a CPU. On a machine with other work, compare processor time. The last line has the bytes
that several workers exchange per iteration at the paper's size.
"""

import dataclasses
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import keras
import numpy as np
from PIL import Image

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.data import packing
from tfstargan.data.stream import batches, open_images
from tfstargan.networks.build import NETWORKS, build_networks
from tfstargan.settings import Settings, setting
from tfstargan.training.distribution import choose_strategy
from tfstargan.training.loop import make_model
from tfstargan.training.stargan import UPDATES
from tfstargan.translation.translator import Translator

ITERATIONS = 8
TIMED = 6  # of them, the last
LINKS = (10, 100)  # Gbit/s


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    sizes: tuple[str, ...] = setting(
        (
            "32",
            "64",
            "128",
        ),
        "img_size; the middle for the rest",
    )
    batch_sizes: tuple[str, ...] = setting(
        (
            "2",
            "4",
            "8",
        ),
        "the first for the rest",
    )
    domain_counts: tuple[str, ...] = setting(
        (
            "2",
            "10",
            "50",
        ),
        "the first for the rest",
    )
    channel_base: int = setting(1024, "as in training")
    channel_max: int = setting(64, "as in training")
    case: str = setting("", "of a process of its own: settings as JSON")


def make_folder(root: pathlib.Path, domains: int, each: int, size: int) -> str:
    """A folder with domains of noise."""
    rng = np.random.default_rng(0)
    for domain in range(domains):
        folder = root / "train" / f"domain{domain:03d}"
        folder.mkdir(parents=True)
        noise = Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8))
        for index in range(each):
            noise.save(folder / f"{index:06d}.jpg")
    return str(root)


class Clocks(keras.callbacks.Callback):
    """Records elapsed and processor time at the end of every iteration."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Record the start."""
        self.ends: list[tuple[float, float]] = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Record the end of an iteration."""
        self.ends.append((time.perf_counter(), time.process_time()))

    def last(self, count: int) -> list[float]:
        """Elapsed and processor time of one of the last iterations."""
        ends = np.array(self.ends[-count - 1 :])
        return list((ends[-1] - ends[0]) / count)


def measure(config: Config) -> None:
    """Print times and peak memory of a case as JSON, in a process of its own."""
    image_set = open_images(config, "train")
    config = dataclasses.replace(config, domains=image_set.domains)
    model = make_model(config, choose_strategy(config))
    clocks = Clocks()
    stream = batches(image_set, config)
    model.fit(stream, verbose=0, shuffle=False, callbacks=[clocks])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    translator = Translator(config, model.translating_networks())
    source = np.zeros((1, config.img_size, config.img_size, 3), np.float32)
    style = translator.random_style(config.domains[0], 0)
    translations = []
    for _ in range(4):
        start = time.process_time()
        translator.apply_styles(source, style)
        translations.append(time.process_time() - start)
    wall, work = clocks.last(TIMED)
    result = {
        "wall": wall,
        "work": work,
        "peak": peak,
        "parameters": sum(getattr(model, name).count_params() for name in NETWORKS),
        "translation": min(translations),
    }
    print(json.dumps(result))


def run(config: Config) -> dict:
    """The measurements of a case, from a process of its own."""
    case = json.dumps(dataclasses.asdict(config))
    command = [sys.executable, __file__, f"--case={case}"]
    printed = subprocess.run(command, capture_output=True, text=True)
    if printed.returncode:
        raise RuntimeError(printed.stderr)
    return json.loads(printed.stdout.splitlines()[-1])


def training_costs(work: pathlib.Path, options: Options) -> None:
    """Print how an iteration depends on size, batch and domains."""
    sizes, batch_sizes, domains = (
        [int(n) for n in values]
        for values in (options.sizes, options.batch_sizes, options.domain_counts)
    )
    middle = sizes[len(sizes) // 2], batch_sizes[0], domains[0]
    cases = [(size, *middle[1:]) for size in sizes]
    cases += [(middle[0], batch, middle[2]) for batch in batch_sizes[1:]]
    cases += [(*middle[:2], count) for count in domains[1:]]
    print("an iteration: seconds, seconds of a processor, peak memory; a translation")
    print("  size batch domains parameters    s  CPU s peak MB  CPU s")
    for number, (size, batch, count) in enumerate(cases):
        config = Config(
            data_dir=make_folder(work / str(number), count, 4, size),
            img_size=size,
            batch_size=batch,
            channel_base=options.channel_base,
            channel_max=options.channel_max,
            iterations=ITERATIONS,
        )
        cost = run(config)
        print(
            f"{size:6} {batch:5} {count:7} {cost['parameters']:10,} "
            f"{cost['wall']:4.2f} {cost['work']:6.2f} {cost['peak']:7.0f} "
            f"{cost['translation']:6.3f}",
            flush=True,
        )


def data_costs(work: pathlib.Path) -> None:
    """Print how opening a data set and reading a batch depend on its size."""
    print("\nimages    folder: s to open, s/batch    records: s to open, s/batch")
    for each in (50, 500, 5000):
        folder = make_folder(work / f"of {each}", 2, each, 64)
        packed = work / f"records of {each}"
        packing.build(pathlib.Path(folder), packed, 32)
        line = f"{2 * each:8}"
        for root in (folder, str(packed)):
            config = Config(data_dir=root, img_size=32)
            start = time.perf_counter()
            image_set = open_images(config, "train")
            opened = time.perf_counter() - start
            stream = iter(batches(image_set, config))
            next(stream)
            start = time.perf_counter()
            for _ in range(50):
                next(stream)
            line += f"{opened:16.3f} {(time.perf_counter() - start) / 50:11.4f}"
        print(line, flush=True)


def exchanged() -> None:
    """Print the bytes that workers exchange per iteration at the paper's size."""
    networks = build_networks(Config(domains=("cat", "dog", "wild")), NETWORKS)
    numbers = {name: network.count_params() for name, network in networks.items()}
    total = 4 * sum(numbers[name] for names in UPDATES.values() for name in names)
    print(f"\ngradients of an iteration, 256 px, 3 domains: {total / 1e6:.0f} MB")
    for workers in (2, 4, 8):
        sent = 2 * (workers - 1) / workers * total  # of a ring all-reduce
        times = (f"{sent * 8 / link / 1e9:.2f} s at {link} Gbit/s" for link in LINKS)
        print(f"{workers} workers: each sends {sent / 1e6:.0f} MB: {', '.join(times)}")


def main(options: Options) -> None:
    """Measure all cases, or the one of this process."""
    if options.case:
        measure(Config(**json.loads(options.case)))
        return
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        training_costs(pathlib.Path(folder), options)
        data_costs(pathlib.Path(folder))
    exchanged()


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
