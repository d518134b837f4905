"""Measure what `photographs.py` trained, and draw both sides' curves.

    python benchmarks/photograph_curves.py --out=runs/photographs

Runs of `tfstargan train` are measured as well if they are named OUT/NAME-seedN.

Every saved iteration of every side is measured once (`measures.json`), on the data that
it was trained with. All validation images are translated into the other domains:

- distance: kernel distance of EfficientNet-Lite0's features to the target's training
  images, mean over targets; the other domains' validation images untranslated are the
  ceiling, the target's own the floor;
- species: share that a linear probe on the same features takes for the target;
- variety: of ten outputs of a source, the variance of the same features, as a share of
  that of the target's training images;
- diversity: mean distance of the ten outputs by ST-LPIPS (`--features_dir`) if it is
  there;
- cycle, self: mean absolute error, of pixels in [-1, 1], of a source that went there
  and back, and of one in its own style.

CPU time is that of training, without each start's first iteration (compilation).
"""

import dataclasses
import itertools
import json
import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tqdm import tqdm

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from benchmarks.photograph_measures import Measurement
from tfstargan import cli, files, images
from tfstargan.errors import UserError
from tfstargan.runs.run import iteration_of, open_run
from tfstargan.settings import Settings, setting
from tfstargan.training.importing import import_reference
from tfstargan.translation.translator import Translator

COLOURS = ["#1f6fb4", "#d1662a", "#2a9d5c", "#8a4fb5", "#b58900", "#444444"]
PANELS = {
    "distance": "Kernel distance to the target (lower is better)",
    "species": "Share in the target domain",
    "variety": "Variety of a source's translations (real images: 1)",
    "cycle": "Error of the cycle",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    out: str = setting("runs/photographs", "folder of the trainings", path=True)
    figure: str = setting("", "the image to write; empty: OUT/curves.png", path=True)
    every: int = setting(500, "iterations between measurements", at_least=1)
    features_dir: str = setting("", "folder with stlpips.py and its weights", path=True)
    backbone_dir: str = setting("", "folder of the networks that measure", path=True)


def translators(
    folder: pathlib.Path, every: int, domains: tuple[str, ...]
) -> Iterator[tuple[int, Callable[[], Translator]]]:
    """The saved iterations of one side, each with what opens it."""
    if (folder / "config.json").exists():
        run = open_run(folder)
        for path in run.checkpoints():
            i = iteration_of(path)
            if i % every == 0:
                yield i, lambda i=i: Translator.of_run(run, i)
        return
    for path in sorted(folder.glob("*_nets_ema.ckpt")):
        i = int(path.name.split("_")[0])
        if i % every == 0:
            yield i, lambda path=path: imported(path, domains)


def imported(weights: pathlib.Path, domains: tuple[str, ...]) -> Translator:
    """The translator of a file of the authors' code."""
    with tempfile.TemporaryDirectory() as scratch:
        model = import_reference(weights, pathlib.Path(scratch) / "run", domains)
    return Translator(model.config, model.translating_networks())


def cpu_minutes(folder: pathlib.Path, iteration: int) -> float:
    """CPU time until an iteration; a start's compilation counts as an iteration.

    It is not known of a run of `tfstargan train`.
    """
    file = folder / "cpu_seconds.json"
    if not file.exists():
        return np.nan
    seconds = np.array(json.loads(file.read_text()))
    usual = np.median(seconds)
    seconds = np.where(seconds > 10 * usual, usual, seconds)
    return float(seconds[:iteration].sum() / 60)


def measure(options: Options) -> dict[str, Any]:
    """All measurements, those of before included."""
    out = pathlib.Path(options.out)
    names = ("cpu_seconds.json", "config.json")  # the latter in runs
    sides = sorted({p.parent for name in names for p in out.glob(f"*-seed*/{name}")})
    ours = next((p for p in sides if (p / "config.json").exists()), None)
    if ours is None:
        raise UserError(f"--out={out}: no training of ours; run photographs.py first")
    config = open_run(ours).config
    file = out / "measures.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    measurement = Measurement(config, options.backbone_dir, options.features_dir)
    found["real"] = measurement.references()
    for folder in sides:
        done = found.setdefault(folder.name, {})
        opened = [*translators(folder, options.every, config.domains)]
        for iteration, load in tqdm(opened, desc=folder.name):
            if str(iteration) not in done:
                done[str(iteration)] = measurement.of(load())
                files.write_text(json.dumps(found, indent=1), file)
            done[str(iteration)]["cpu_minutes"] = cpu_minutes(folder, iteration)
    files.write_text(json.dumps(found, indent=1), file)
    return found


def draw(found: dict[str, Any], path: pathlib.Path) -> None:
    """Write the curves: by iterations, and by CPU time if all of it is known."""
    trainings = {
        tuple(name.rsplit("-", 1)): values
        for name, values in found.items()
        if name != "real"
    }
    every = [v for values in trainings.values() for v in values.values()]
    known = all(np.isfinite(v["cpu_minutes"]) for v in every)
    by = ("iteration", "CPU minutes") if known else ("iteration",)
    sides = sorted({side for side, _ in trainings})
    colours = dict(zip(sides, itertools.cycle(COLOURS)))
    figure = Figure((15, 3.5 * len(by)), dpi=110, layout="tight")
    grid = figure.subplots(len(by), len(PANELS), squeeze=False)
    for row, axis_name in zip(grid, by, strict=True):
        for axis, (measure, title) in zip(row, PANELS.items(), strict=True):
            for (side, seed), values in trainings.items():
                x = [
                    int(i) if axis_name == "iteration" else v["cpu_minutes"]
                    for i, v in values.items()
                ]
                y = [v.get(measure, np.nan) for v in values.values()]
                style = "o-" if seed == "seed0" else "o--"
                label = f"{side}, {seed}"
                axis.plot(x, y, style, markersize=3, color=colours[side], label=label)
            if measure == "distance":
                axis.axhline(found["real"]["floor"], color="gray", lw=0.8)
                axis.axhline(found["real"]["ceiling"], color="gray", lw=0.8)
            axis.set(title=title, xlabel=axis_name)
            axis.set_ylim(bottom=0)
            axis.grid(alpha=0.3)
            axis.spines[["top", "right"]].set_visible(False)
    grid[0][0].legend(frameon=False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    images.save(np.asarray(canvas.buffer_rgba())[..., :3], path)


def table(found: dict[str, Any]) -> str:
    """The last measurement of each training."""
    names = (
        "cpu_minutes distance_latent distance_reference species_latent "
        "species_reference variety diversity cycle self"
    ).split()
    lines = [f"{'training':16} {'iteration':>9} " + " ".join(f"{n:>18}" for n in names)]
    for name, values in found.items():
        if name != "real" and values:
            iteration, last = max(values.items(), key=lambda item: int(item[0]))
            numbers = " ".join(f"{last.get(n, np.nan):18.4f}" for n in names)
            lines.append(f"{name:16} {iteration:>9} {numbers}")
    return "\n".join([*lines, f"real images: {found['real']}"])


def main(options: Options) -> None:
    """Measure, print the table and draw the curves."""
    found = measure(options)
    path = pathlib.Path(options.figure or f"{options.out}/curves.png")
    draw(found, path)
    print(table(found))
    print(path)


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
