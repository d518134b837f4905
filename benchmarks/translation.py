"""How fast this checkout translates, beside another one.

    python benchmarks/translation.py --against=OTHER_CHECKOUT

Each stage runs in processes of its own, the checkouts in turns. Start-up is not timed.
Processor time is that of both cores together, which other work on the machine hardly
changes. One image from nothing by an exported model is timed as a whole process.
"""

import dataclasses
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tfstargan import cli
from tfstargan.data.drawing import draw_set
from tfstargan.settings import Settings, setting

ROOT = pathlib.Path(__file__).parents[1]
WORKER = pathlib.Path(__file__).with_name("translation_worker.py")
PHOTOGRAPHS = "photographs"  # a folder of 12 megapixels each
STAGES = (  # stage, img_size
    ("folder", 64),
    ("folder", 256),
    ("evaluation", 64),
    ("evaluation", 256),
    ("probing", 64),
    (PHOTOGRAPHS, 256),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    against: str = setting(
        "", "checkout to compare with", required="name another checkout", path=True
    )
    rounds: int = setting(3, "runs of each stage and checkout", at_least=1)
    stages: tuple[str, ...] = setting(
        (), f"of {', '.join(dict(STAGES))} or none; empty: all, in this order"
    )
    sizes: tuple[str, ...] = setting(
        ("64", "256"), "of the images", one_of=("64", "256")
    )
    images: int = setting(600, "images of the folder at 64 px", at_least=1)
    model: str = setting(
        "", "exported model, to time one image from nothing", path=True
    )
    reference: str = setting("", "clone of the authors' code, for the same", path=True)
    reference_python: str = setting(sys.executable, "a Python with PyTorch")


def timed(checkout: pathlib.Path, stage: str, size: int, folder: str) -> dict:
    """Wall and processor seconds of a stage in a checkout."""
    result = subprocess.run(
        [sys.executable, str(WORKER), stage, str(size), folder],
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def make_images(folder: pathlib.Path, stage: str, size: int, each: int) -> None:
    """Write drawn animals, or JPEGs of 12 megapixels, into a folder."""
    if stage != PHOTOGRAPHS:
        draw_set(str(folder), each if size == 64 else 12, size, 0)
        return
    (folder / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(16):
        small = Image.fromarray(rng.integers(0, 256, (300, 400, 3), np.uint8))
        large = small.resize((4000, 3000), Image.Resampling.BICUBIC)
        large.save(folder / "train" / f"{i:02}.jpg", quality=90)


def from_nothing(model: str, folder: pathlib.Path) -> tuple[float, float]:
    """Wall and processor seconds of translating one image with a model."""
    domain = json.loads((pathlib.Path(model) / "stargan.json").read_text())["domains"][
        0
    ]
    flags = {
        "model": model,
        "source": next((folder / "train").rglob("*.png")),
        "out": folder / "out.png",
        "domain": domain,
        "seed": 1,
    }
    arguments = [f"--{name}={value}" for name, value in flags.items()]
    return process([sys.executable, "-m", "tfstargan.translate", *arguments])


def reference_from_nothing(options: Options) -> tuple[float, float]:
    """The same of the authors' generator in PyTorch, for noise of 64 px.

    It has the narrow widths of configs/critters64.flags. Nothing is read or written.
    """
    sizes = {"img_size": 64, "style_dim": 32, "max_conv_dim": 64, "w_hpf": 0}
    command = [
        options.reference_python,
        str(WORKER.with_name("reference_generator.py")),
        f"--checkout={options.reference}",
        f"--sizes={json.dumps(sizes)}",
        "--threads=2",
    ]
    return process(command, "\n")


def process(
    command: list[str],
    text: str = "",
    checkout: pathlib.Path = ROOT,
    cwd: pathlib.Path | None = None,
    check: bool = True,
) -> tuple[float, float]:
    """Wall and processor seconds of a process.

    Args:
        command: its arguments.
        text: its standard input.
        checkout: whose packages it imports.
        cwd: its folder; None: this one.
        check: whether to raise if it fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        input=text,
        text=True,
        capture_output=True,
        check=check,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    times = (after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime)
    return wall, sum(times)


def main(options: Options) -> None:
    """Print a line for each stage."""
    sides = {"here": ROOT, "there": pathlib.Path(options.against).resolve()}
    print(f"{'there / here':14} {'px':>4} {'images':>7} {'wall':>6} {'cpu':>6}")
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / "one"
        if options.model:
            draw_set(str(folder), 1, 64, 0)
        for stage, size in STAGES:
            wanted = not options.stages or stage in options.stages
            if not wanted or str(size) not in options.sizes:
                continue
            images = pathlib.Path(place) / f"{size}-{stage == PHOTOGRAPHS}"
            if not images.exists():
                make_images(images, stage, size, options.images // 3)
            sources = str(images / "train")
            count = len([*(images / "train").rglob("*.*g")])
            ratios: dict[str, list[float]] = {"wall": [], "cpu": []}
            for _ in range(options.rounds):
                one = {s: timed(p, stage, size, sources) for s, p in sides.items()}
                for kind, values in ratios.items():
                    values.append(one["there"][kind] / one["here"][kind])
            wall, cpu = (statistics.median(values) for values in ratios.values())
            shown = count if stage in ("folder", PHOTOGRAPHS) else ""
            print(f"{stage:14} {size:4} {shown:>7} {wall:6.2f} {cpu:6.2f}", flush=True)
        if options.model:
            shots: dict[str, list[tuple[float, float]]] = {"here": [], "reference": []}
            for _ in range(options.rounds):
                shots["here"].append(from_nothing(options.model, folder))
                if options.reference:
                    shots["reference"].append(reference_from_nothing(options))
            for name, took in shots.items():
                if took:
                    wall, cpu = map(statistics.median, zip(*took, strict=True))
                    print(f"one image, {name}: {wall:.2f} s, processor {cpu:.2f} s")


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__, tensorflow=False)
