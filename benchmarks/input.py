"""Time the input pipelines of folders and of records.

    python benchmarks/input.py
    python benchmarks/input.py --torch_python=VENV/bin/python --data_dir=data/afhq
    python benchmarks/input.py --data_dir=data/celeba_hq --jpeg_draft

`--torch_python` is a Python with torch and torchvision: a DataLoader with the same
augmentation then runs in turns with the pipelines. Without `--data_dir`, images of 512
x 512 are generated: drawn animals with noise like that of photographs. The table has
images per second and processor time per image. On a machine with other work, compare
the processor time.
"""

import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.data import critters, packing
from tfstargan.data.stream import batches, keep_freed_memory, open_images
from tfstargan.errors import UserError
from tfstargan.settings import Settings, setting

SIZE = 512


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    data_dir: str = setting("", "holds train/DOMAIN/*.jpg; empty: made ones", path=True)
    torch_python: str = setting("", "of an environment with torchvision")
    img_size: int = setting(256, "of the batches", at_least=32)
    batch_size: int = setting(8, "examples, of three images each")
    jpeg_draft: bool = setting(False, "ours: decode large JPEGs at half")
    rounds: int = setting(7, "times that each pipeline is measured")
    seconds: float = setting(4.0, "that each takes")


def make_images(root: pathlib.Path, suffix: str, per_domain: int = 40) -> None:
    """Write drawn animals with noise; the files are about as long as photographs'."""
    rng = np.random.default_rng(0)
    for label, species in enumerate(critters.SPECIES):
        folder = root / "train" / species
        folder.mkdir(parents=True)
        for index in range(per_domain):
            animal = critters.nth_critter("train", label, index, seed=0)
            grain = rng.normal(0, 3, (SIZE, SIZE, 3))
            pixels = np.clip(critters.draw(animal, SIZE) + grain, 0, 255)
            image = Image.fromarray(pixels.round().astype(np.uint8))
            image.save(folder / f"{index:04d}.{suffix}", quality=90)


class Cost(NamedTuple):
    """The speed of a pipeline."""

    rate: float  # images per second
    work: float  # milliseconds of processor time per image


def cost_of(config: Config, seconds: float) -> Cost:
    """The cost of a stream after its first batches."""
    stream = iter(batches(open_images(config, "train"), config))
    for _ in range(5):
        next(stream)
    count, start, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        next(stream)
        count += 3 * config.batch_size
    used = time.process_time() - used
    return Cost(count / (time.perf_counter() - start), used / count * 1000)


def torch_loader(
    data_dir: pathlib.Path, config: Config, options: Options
) -> Callable[[], Cost]:
    """Start `torch_input.py`; a function that reads its cost."""
    process = subprocess.Popen(
        [
            options.torch_python,
            str(pathlib.Path(__file__).with_name("torch_input.py")),
            f"--root={data_dir / 'train'}",
            f"--img_size={config.img_size}",
            f"--batch_size={config.batch_size}",
            f"--workers={os.cpu_count()}",
            f"--seconds={options.seconds}",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def read_line() -> str:
        line = process.stdout.readline()
        if not line:
            raise UserError(
                f"--torch_python={options.torch_python}: it ended; see above"
            )
        return line.strip()

    print(read_line())

    def ask() -> Cost:
        process.stdin.write("\n")
        process.stdin.flush()
        return Cost(*map(float, read_line().split()))

    return ask


def compare(data_dir: pathlib.Path, packed: pathlib.Path, options: Options) -> None:
    """Measure every pipeline in turns and print its speed."""
    packing.build(data_dir, packed, options.img_size)
    config = Config(
        data_dir=str(data_dir),
        img_size=options.img_size,
        batch_size=options.batch_size,
        jpeg_draft=options.jpeg_draft,
        iterations=10**6,
    )
    record = dataclasses.replace(config, data_dir=str(packed))
    pipelines: dict[str, Callable[[], Cost]] = {
        "folder": lambda: cost_of(config, options.seconds),
        "records": lambda: cost_of(record, options.seconds),
    }
    if options.torch_python:
        pipelines["torch"] = torch_loader(data_dir, config, options)
    costs: dict[str, list[Cost]] = {name: [] for name in pipelines}
    for _ in range(options.rounds):
        for name, measure in pipelines.items():
            costs[name].append(measure())
    files = [f for f in (data_dir / "train").rglob("*.*") if f.is_file()]
    with Image.open(files[0]) as first:
        kind = f"{first.format} {first.width} x {first.height}"
    size = statistics.mean(f.stat().st_size for f in files) / 1000
    print(f"\n{len(files)} images, {kind}, {size:.0f} kB, to {options.img_size}")
    for name, measured in costs.items():
        rate = statistics.median(cost.rate for cost in measured)
        work = statistics.median(cost.work for cost in measured)
        line = f"{name:8} {rate:6.0f} images/s {work:6.2f} ms"
        if "torch" in costs and name != "torch":
            pairs = list(zip(measured, costs["torch"], strict=True))
            faster = statistics.median(ours.rate / torch.rate for ours, torch in pairs)
            lighter = statistics.median(torch.work / ours.work for ours, torch in pairs)
            line += f"; torch's, {faster:.2f} times and 1/{lighter:.2f}"
        print(line, flush=True)


def main(options: Options) -> None:
    """Compare on the images that the flags name, or on generated ones."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    keep_freed_memory()  # as in training with a GPU
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        if options.data_dir:
            compare(pathlib.Path(options.data_dir), work / "records", options)
        for suffix in () if options.data_dir else ("jpg", "png"):
            make_images(work / suffix, suffix)
            compare(work / suffix, work / f"{suffix}-records", options)


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
