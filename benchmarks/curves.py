"""Plot the probe's scores over the iterations of a run.

    python benchmarks/curves.py --run_dir=runs/critters64 --out=curves.png

The run must have been trained with `--probe_every`. The left plot has the target's
species, the hue of the fur and the diversity of styles. The right plot has R2 of the
source's factors.
"""

import dataclasses
import json
import pathlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfstargan import cli, images
from tfstargan.errors import UserError
from tfstargan.metrics.factors import headline
from tfstargan.runs.run import Run, open_run
from tfstargan.settings import Settings, setting

PANELS = {
    "What was wanted came (shares)": ("species", "hue", "diversity"),
    "What should stay stayed (R2)": ("position", "size", "tilt", "gaze", "mouth"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    run_dir: str = setting("", "the run; empty: the newest under runs/", path=True)
    out: str = setting("curves.png", "the image file to write", path=True)


def scores(run: Run) -> dict[int, dict[str, float]]:
    """The headline scores of every measurement, by iteration.

    Raises:
        UserError: if there is none.
    """
    files = sorted(run.evaluation_dir.glob("iteration-*-probe.json"))
    if not files:
        raise UserError(f"{run.path}: no curves; train it with --probe_every=500")
    return {
        int(file.name.split("-")[1]): headline(json.loads(file.read_text()))
        for file in files
    }


def draw(run: Run, out: pathlib.Path) -> None:
    """Write the image file."""
    found = scores(run)
    figure = Figure((11, 4), dpi=110, layout="tight")
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for axis, (title, names) in zip(axes, PANELS.items(), strict=True):
        for name in names:
            values = [score[name] for score in found.values()]
            axis.plot(list(found), values, marker="o", markersize=3, label=name)
        axis.set(title=title, xlabel="iteration", ylim=(0, 1.02))
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, loc="lower right")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    images.save(np.asarray(canvas.buffer_rgba())[..., :3], out)


def main(options: Options) -> None:
    """Plot the curves of a run."""
    run = open_run(options.run_dir)
    draw(run, pathlib.Path(options.out))


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
