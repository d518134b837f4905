"""How fast a corpus is translated, by runner and number of processes.

    python benchmarks/corpus.py

The networks are those of configs/critters64.flags with random weights, which change no
time. Each figure is of whole commands: the time of many images less that of few, hence
without start-up. The runners take turns. Dask needs the extra `dask`. Processor time is
that of all processes together.
"""

import dataclasses
import importlib.util
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.data.critters import SPECIES
from tfstargan.data.drawing import draw_set
from tfstargan.settings import Settings, setting

ROOT = pathlib.Path(__file__).parents[1]
FEW = 64  # images of each domain that are not timed
PROCESSES = "direct_running_mode=multi_processing"
DASK = "runner=apache_beam.runners.dask.dask_runner.DaskRunner"
RUNNERS: dict[str, tuple[str, ...]] = {
    "translate": (),
    "DirectRunner, in the process of the command": (),
    "DirectRunner, 1 process": (PROCESSES, "direct_num_workers=1"),
    "DirectRunner, 2 processes": (PROCESSES, "direct_num_workers=2"),
    "DaskRunner, 2 processes": (DASK, "dask_partition_size=1"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    images: int = setting(600, "images of each domain", at_least=FEW + 1)
    rounds: int = setting(3, "runs of each runner", at_least=1)
    most: int = setting(2, "largest number of processes", at_least=1)
    size: int = setting(64, "img_size; at 64 the networks are narrow", one_of=(64, 256))


def make_run(folder: pathlib.Path, size: int) -> None:
    """Write a run with random weights."""
    from tfstargan.runs.run import Run
    from tfstargan.training.stargan import StarGANv2

    config = Config(dataset="critters", domains=SPECIES, img_size=size)
    if size == 64:
        narrow = {"channel_base": 1024, "channel_max": 64, "hidden_dim": 128}
        config = dataclasses.replace(config, **narrow, style_dim=32)
    with Run.start(folder, config) as run:
        model = StarGANv2(config)
        model.compile()
        run.save(model)


def timed(place: pathlib.Path, name: str, images: str) -> tuple[float, float]:
    """Wall and processor seconds of a command that translates a folder."""
    command = "translate" if name == "translate" else "translate_corpus"
    with tempfile.TemporaryDirectory(dir=place) as out:
        flags = {"run_dir": "run", "source": images, "domain": "cat", "seed": 3}
        arguments = [
            f"--{flag}={value}" for flag, value in (flags | {"out": out}).items()
        ]
        arguments += [f"--beam={option}" for option in RUNNERS[name]]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", f"tfstargan.{command}", *arguments],
            cwd=place,
            env=os.environ | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH')}"},
            capture_output=True,
            check=True,
        )
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        written = len([*pathlib.Path(out).rglob("*.png")])
    if written != len([*(place / images).rglob("*.png")]):
        raise RuntimeError(f"{name}: {written} images were written")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def main(options: Options) -> None:
    """Print a line for each runner."""
    names = [*RUNNERS]
    if importlib.util.find_spec("dask") is None:
        names = [name for name in names if "Dask" not in name]
    if options.most < 2:
        names = [name for name in names if "2 processes" not in name]
    count = (options.images - FEW) * len(SPECIES)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        make_run(place / "run", options.size)
        for part, each in (("few", FEW), ("many", options.images)):
            draw_set(str(place / part), each, options.size, 0)
        for _ in range(options.rounds):
            for name in names:
                few, many = (timed(place, name, f"{p}/train") for p in ("few", "many"))
                taken[name].append((many[0] - few[0], many[1] - few[1]))
    print(f"{'':45} {'images/s':>8} {'to translate':>12} {'cpu, ms':>8}")
    for name, times in taken.items():
        wall, cpu = map(statistics.median, zip(*times, strict=True))
        pairs = zip(taken["translate"], times, strict=True)
        ratio = statistics.median(one[0] / other[0] for one, other in pairs)
        print(f"{name:45} {count / wall:8.1f} {ratio:12.2f} {1000 * cpu / count:8.2f}")


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
