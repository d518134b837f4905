"""How long whole commands take, beside those of another checkout.

    python benchmarks/commands.py --against=OTHER_CHECKOUT

Each figure is of whole processes, the checkouts in turns. The rate of a folder is the
time of many images less that of few, hence without start-up. The runs are made by the
other checkout, whose version may be older; their weights are random, which changes no
time. Processor time is that of all threads; other work on the machine hardly changes
it.
"""

import dataclasses
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from benchmarks.translation import PHOTOGRAPHS, make_images, process
from tfstargan import cli
from tfstargan.settings import Settings, setting

ROOT = pathlib.Path(__file__).parents[1]
DRAWN = 340  # animals of each species, enough for the largest folder
COUNTS = {"64": (24, 1000), "256": (3, 15), PHOTOGRAPHS: (2, 10)}  # few and many images
JIT = "--iterations=1 --critters_per_domain=20 --probe_every=0 --jit"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    against: str = setting(
        "", "checkout to compare with", required="name another checkout", path=True
    )
    rounds: int = setting(2, "runs of each command and checkout", at_least=1)
    rows: tuple[str, ...] = setting((), "parts of the names of rows; empty: all")


class Place:
    """A folder with runs and images for the commands.

    Args:
        folder: an empty folder.
        there: the checkout that makes the runs.
    """

    def __init__(self, folder: pathlib.Path, there: pathlib.Path):
        self.folder, self.there = folder, there

    def command(self, checkout: pathlib.Path, words: str) -> tuple[float, float]:
        """Wall and processor seconds of a command of a checkout."""
        name, *arguments = words.split()
        return process(
            [sys.executable, "-m", f"tfstargan.{name}", *arguments],
            checkout=checkout,
            cwd=self.folder,
            check="--help" not in arguments,  # whose code was 1 in version 0.1.0
        )

    def run_dir(self, size: str) -> str:
        """A run of one iteration, narrow at 64 px as configs/critters64.flags."""
        name = f"run{size}"
        if not (self.folder / name).exists():
            config = "--dataset=critters --img_size=256 --batch_size=1"
            if size == "64":
                config = f"--flagfile={ROOT}/configs/critters64.flags --probe_every=0"
            flags = "--iterations=1 --critters_per_domain=3 --nojit"
            self.command(self.there, f"train {config} {flags} --run_dir={name}")
        return name

    def images(self, kind: str, count: int) -> str:
        """A folder of so many images."""
        folder = self.folder / f"{kind}-{count}"
        if not folder.exists():
            everything = self.folder / kind
            if not everything.exists():
                size = 256 if kind == PHOTOGRAPHS else int(kind)
                stage = kind if kind == PHOTOGRAPHS else "folder"
                make_images(everything, stage, size, DRAWN)
            folder.mkdir()
            files = sorted((everything / "train").rglob("*.*g"))[:count]
            for i, file in enumerate(files):
                (folder / f"{i:04}{file.suffix}").hardlink_to(file)
        return folder.name

    def translate(
        self, checkout: pathlib.Path, kind: str, count: int
    ) -> tuple[float, float]:
        """Seconds of translating so many images; they are written anew."""
        size = "256" if kind == PHOTOGRAPHS else kind
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            words = f"translate --run_dir={self.run_dir(size)} --domain=cat --seed=3"
            source = self.images(kind, count)
            return self.command(checkout, f"{words} --source={source} --out={out}")

    def rate(self, checkout: pathlib.Path, kind: str) -> tuple[float, float]:
        """Wall and processor seconds of one more image of a folder."""
        few, many = (self.translate(checkout, kind, n) for n in COUNTS[kind])
        more = COUNTS[kind][1] - COUNTS[kind][0]
        return (many[0] - few[0]) / more, (many[1] - few[1]) / more

    def animation(self, checkout: pathlib.Path) -> tuple[float, float]:
        """Seconds of all sample grids and animations."""
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            words = f"samples --run_dir={self.run_dir('64')} --animation=webp"
            return self.command(checkout, f"{words} --out={out}")

    def first_iteration(
        self, checkout: pathlib.Path, config: str
    ) -> tuple[float, float]:
        """Seconds of `train --jit` for one iteration, start and checkpoint included."""
        with tempfile.TemporaryDirectory(dir=self.folder) as run:
            flags = f"--flagfile={ROOT}/configs/{config}.flags --run_dir={run}/run"
            return self.command(checkout, f"train {flags} {JIT}")


def rows(place: Place) -> dict[str, Callable[[pathlib.Path], tuple[float, float]]]:
    """What is measured, by name."""
    return {
        "`train --help`": lambda side: place.command(side, "train --help"),
        "one image of 64 px": lambda side: place.translate(side, "64", 1),
        "a folder of 64 px, each image": lambda side: place.rate(side, "64"),
        "a folder of 256 px, each image": lambda side: place.rate(side, "256"),
        "JPEGs of 12 megapixels to 256 px, each": lambda side: place.rate(
            side, PHOTOGRAPHS
        ),
        "`samples --animation=webp`, 64 px": place.animation,
        "`train --jit`, 1 iteration, 32 px": lambda side: place.first_iteration(
            side, "critters"
        ),
        "`train --jit`, 1 iteration, 64 px": lambda side: place.first_iteration(
            side, "critters64"
        ),
    }


def main(options: Options) -> None:
    """Print a table."""
    sides = {"there": pathlib.Path(options.against).resolve(), "here": ROOT}
    print("| | there: s | processor | here: s | processor | s, ratio | processor |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        place = Place(pathlib.Path(folder), sides["there"])
        for name, measure in rows(place).items():
            if options.rows and not any(word in name for word in options.rows):
                continue
            taken: dict[str, list[tuple[float, float]]] = {s: [] for s in sides}
            for _ in range(options.rounds):
                for side, checkout in sides.items():
                    taken[side].append(measure(checkout))
            pairs = [*zip(*taken.values(), strict=True)]
            ratios = (statistics.median(a[i] / b[i] for a, b in pairs) for i in (0, 1))
            cells = [
                f"{statistics.median(one[i] for one in each):.3f}"
                for each in taken.values()
                for i in (0, 1)
            ]
            cells += [f"{ratio:.2f}" for ratio in ratios]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__, tensorflow=False)
