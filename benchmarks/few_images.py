"""Measure what helps where training images are few.

    python benchmarks/few_images.py --experiment=new_species
    python benchmarks/few_images.py --experiment=new_species --init_from=
    python benchmarks/few_images.py --experiment=ada
    python benchmarks/few_images.py --experiment=photographs --data_dir=data/catdog \
        --init_from=RUN

Arms are trained one after the other, for each of --seeds. A second start resumes, and
does not repeat what was measured. The table has every arm in OUT/EXPERIMENT, and so
has results.json there. All flags of `train` can be given; FLAGS has the defaults.

- new_species: a run of drawn animals learns one more, --animal, from few drawings. The
  table has the share of translations that show the target, by a latent and by a
  reference, each of its own source. Translations into the old species are of the old
  ones; their change is that from the parent. Without a parent (`--init_from=`), the arm
  is trained from scratch.
- ada: drawn animals from scratch, --augment=none and ada. The shares are over all
  pairs. `overfitting` and p are those at the end (docs/few-images.md).
- photographs: the first --count of each domain, --augment=none and ada, from scratch
  and with --init_from. The kernel distance (kid_lite0) is to the validation images.

Shares have 95 % intervals (Wilson). Minutes are of training alone: sample grids, saving
and the first iteration of a start are excluded. Of that, the table has the CPU time
beyond a usual iteration: compilation.
"""

import dataclasses
import json
import math
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from benchmarks import few_images_measures as measures
from benchmarks.few_images_measures import Row
from benchmarks.photographs import RECIPE
from tfstargan import cli, files
from tfstargan.config import Config, TrainOptions
from tfstargan.data import critters
from tfstargan.data.folder import Folder, split_folder
from tfstargan.metrics import factors, probe
from tfstargan.metrics.protocol import GUIDES
from tfstargan.runs.run import Run, open_run
from tfstargan.settings import Settings, setting
from tfstargan.training.beginning import parse_like
from tfstargan.translation.translator import Translator

NEW = critters.EVERY_SPECIES[len(critters.SPECIES) :]
FLAGS = {
    "new_species": ["--flagfile=configs/new-animal.flags", "--critters_per_domain=60"],
    "ada": [
        "--flagfile=configs/critters.flags",
        "--critters_per_domain=100",
        "--iterations=1500",
        "--ds_iterations=2400",
        "--noaugment_colour",
        "--augment_images=6000",
    ],
    "photographs": [
        *(f"--{name}={x}" for name, x in (RECIPE | {"keep_checkpoints": 3}).items()),
        "--iterations=3000",
        "--ds_iterations=3000",
        "--augment_images=12000",
        "--jit",
    ],
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark besides those of training."""

    experiment: str = setting(
        "", "what to measure", one_of=[*FLAGS], required=f"one of {', '.join(FLAGS)}"
    )
    out: str = setting("runs/few-images", "folder of the trainings", path=True)
    seeds: tuple[str, ...] = setting(("0", "1"), "a training of each arm for each")
    only: tuple[str, ...] = setting((), "names of the arms; empty: all")
    animal: str = setting(NEW[0], "new_species: the new one", one_of=NEW)
    count: int = setting(200, "photographs: of each domain", at_least=2)
    quick: bool = setting(False, "a probe that is trained in seconds")
    translations: int = setting(2000, "about as many for each share", at_least=1)

    def check_together(self) -> None:
        """Check that the seeds are numbers."""
        good = all(seed.isdecimal() for seed in self.seeds)
        self.require(good, "seeds", "must be whole numbers of at least 0")


class Arm(NamedTuple):
    """A training, and what is measured of it."""

    name: str
    config: Config
    measure: Callable[[Run], Row]
    init_from: str = ""
    like: dict[str, str] | None = None


def measured(arm: Arm, folder: pathlib.Path) -> Row:
    """The row of an arm, which is trained and measured unless it was before."""
    file = folder / "measured.json"
    beginning = {"init_from": arm.init_from, "like": arm.like}
    settings = json.loads(json.dumps([dataclasses.asdict(arm.config), beginning]))
    found = json.loads(file.read_text()) if file.exists() else {}
    if found.get("settings") != settings:
        run = measures.train(arm.config, folder, **beginning)
        about = {"arm": arm.name, "seed": arm.config.seed}
        about["iterations"] = arm.config.iterations
        times = measures.minutes(folder / "iterations.txt", arm.config.iterations)
        found = {"settings": settings, "row": about | times | arm.measure(run)}
        files.write_text(json.dumps(found, indent=2) + "\n", file)
    return found["row"]


def new_species(config: Config, begin: TrainOptions, options: Options) -> list[Arm]:
    """A parent's species and a new one."""
    old, new = critters.SPECIES, options.animal
    config = dataclasses.replace(config, domains=(*old, new), probe_every=0)
    sources = math.ceil(options.translations / len(old))

    def measure(run: Run) -> Row:
        reader = probe.of_run(run.config, options.quick)
        translator = Translator.of_run(run)
        every = factors.make_tasks(config.img_size, sources, 0, config.domains)
        origin = open_run(begin.init_from) if begin.init_from else None
        parent = Translator.of_run(origin) if origin else None
        row: Row = {"probe's own": factors.reading_scores(reader, every)["species"]}
        for target in (new, *old):
            pairs = [t for t in every if t.target == target and t.source != new]
            found = measures.share_right(translator, reader, pairs)
            if parent and target != new:
                before = measures.share_right(parent, reader, pairs)
                for guide in GUIDES:
                    found[guide]["parent"] = before[guide]["share"]
            row |= {f"{target} by {guide}": found[guide] for guide in GUIDES}
        return row

    if not begin.init_from:
        return [Arm(f"{new}-from-scratch", config, measure)]
    like = parse_like(begin.like)
    like = {domain: x for domain, x in like.items() if domain in config.domains}
    return [Arm(f"{new}-from-parent", config, measure, begin.init_from, like)]


def ada(config: Config, begin: TrainOptions, options: Options) -> list[Arm]:
    """Drawn animals from scratch, with augmentation and without."""

    def measure(run: Run) -> Row:
        domains = run.config.domains
        pairs = len(domains) * (len(domains) - 1)
        sources = math.ceil(options.translations / pairs)
        every = factors.make_tasks(run.config.img_size, sources, 0, domains)
        reader = probe.of_run(run.config, options.quick)
        found = measures.share_right(Translator.of_run(run), reader, every)
        row: Row = {f"species by {guide}": found[guide] for guide in GUIDES}
        return row | measures.end_of(run)

    config = dataclasses.replace(config, probe_every=0)
    kinds = ("none", "ada")
    return [Arm(x, dataclasses.replace(config, augment=x), measure) for x in kinds]


def photographs(config: Config, begin: TrainOptions, options: Options) -> list[Arm]:
    """Few photographs, with augmentation and without, and from a parent."""
    folder = pathlib.Path(options.out) / f"first-{options.count}"
    config = dataclasses.replace(config, data_dir=first(config, folder, options.count))
    arms = []
    for kind in ("none", "ada"):
        augmented = dataclasses.replace(config, augment=kind)
        arms.append(Arm(kind, augmented, measures.distances))
        if begin.init_from:
            parent = begin.init_from, parse_like(begin.like)
            name = f"{kind}-from-parent"
            arms.append(Arm(name, augmented, measures.distances, *parent))
    return arms


def first(config: Config, folder: pathlib.Path, count: int) -> str:
    """A folder of links to the first images of each domain, and to the others' folder.

    Raises:
        UserError: if there are none.
    """
    root = pathlib.Path(config.data_dir).absolute()
    training = Folder(root, "train", config.domains)
    links = {folder / "val": root / split_folder(root, "val")}
    for domain, paths in zip(training.domains, training.files, strict=True):
        for i, path in enumerate(paths[:count]):
            links[folder / "train" / domain / f"{i:05d}{path.suffix}"] = path
    for link, target in links.items():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return str(folder)


def shown(value: Any) -> str:
    """A cell of the table: a share in %, with its interval and change; or a number."""
    if not isinstance(value, dict):
        return f"{value:.2f}" if isinstance(value, float) else str(value)
    low, high = value["interval"]
    text = f"{100 * value['share']:.1f} ({100 * low:.1f} to {100 * high:.1f})"
    change = 100 * (value["share"] - value.get("parent", value["share"]))
    return f"{text}, {change:+.1f}" if "parent" in value else text


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    columns = [*dict.fromkeys(name for row in rows for name in row)]
    cells = [[shown(row[n]) if n in row else "" for n in columns] for row in rows]
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


EXPERIMENTS = {"new_species": new_species, "ada": ada, "photographs": photographs}


def main(config: Config, begin: TrainOptions, options: Options) -> None:
    """Train and measure the arms, and print the table."""
    out = pathlib.Path(options.out) / options.experiment
    for seed in map(int, options.seeds):
        seeded = dataclasses.replace(config, seed=seed)
        for arm in EXPERIMENTS[options.experiment](seeded, begin, options):
            if not options.only or arm.name in options.only:
                measured(arm, out / f"{arm.name}-{config.iterations}-seed{seed}")
                keras.backend.clear_session()
    found = sorted(out.glob("*/measured.json"))
    rows = [json.loads(file.read_text())["row"] for file in found]
    files.write_text(json.dumps(rows, indent=2) + "\n", out / "results.json")
    print(table(rows))


def defaults(arguments: Sequence[str]) -> list[str]:
    """The experiment's flags; another --flagfile takes the place of theirs."""
    names = [x.partition("=")[2] for x in arguments if x.startswith("--experiment=")]
    flags = FLAGS.get(names[-1], []) if names else []
    another = any(x.startswith("--flagfile=") for x in arguments)
    return [x for x in flags if not (another and x.startswith("--flagfile="))]


if __name__ == "__main__":
    sys.argv[1:1] = defaults(sys.argv[1:])
    cli.start(main, Config, TrainOptions, Options, about=__doc__)
