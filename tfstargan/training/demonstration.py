"""The steps of `tfstargan demo`: a preset learns a new animal from few drawings."""

import pathlib

import numpy as np
from PIL import Image

from tfstargan import images
from tfstargan.config import Config
from tfstargan.data import critters
from tfstargan.data.drawing import draw_set
from tfstargan.metrics.evaluation import evaluate_run
from tfstargan.runs.run import Run, open_run
from tfstargan.training.loop import train_run
from tfstargan.translation.folders import translate_folder
from tfstargan.translation.grids import write_samples
from tfstargan.translation.styles import choose_styles
from tfstargan.translation.translator import Translator

PRESET = "preset:critters64"
CONFIGURATION = "configs/new-animal.flags"
BEGINS_AS = {"fox": "cat", "owl": "bear"}  # the species of the preset
SHOWN = 10  # drawings of each species to translate: a fifth of them, of val/
LEARNING = "learning.png"


def draw_preset(out: pathlib.Path) -> str:
    """Draw what the preset has learned; returns a line about the files."""
    return write_samples(open_run(PRESET), out)


def configure(animal: str, iterations: int = 0) -> Config:
    """The settings of the training: CONFIGURATION, for an animal of BEGINS_AS.

    Args:
        animal: the new species.
        iterations: to train; 0: those of CONFIGURATION.
    """
    settings = {"iterations": iterations} if iterations else {}
    domains = (*critters.SPECIES, animal)
    return Config.from_flagfile(CONFIGURATION, domains=domains, **settings)


def teach(config: Config, run_dir: pathlib.Path) -> Run:
    """Train a run that begins with the preset and has one more species, the last.

    Args:
        config: of `configure`.
        run_dir: its folder; a run in it is resumed.
    """
    animal = config.domains[-1]
    like = {animal: BEGINS_AS[animal]}
    return train_run(config, run_dir, init_from=PRESET, like=like)


def draw_learning(run: Run) -> pathlib.Path:
    """Draw how the new species came: sources above, a row for each sample grid.

    The rows are the last ones of the grids with random styles that were drawn during
    training: the same sources in the same style of the last domain.
    """
    rows: list[np.ndarray] = []
    for path in sorted(run.samples_dir.glob("iteration-*-latents-psi1.png")):
        with Image.open(path) as file:
            grid = np.asarray(file.convert("RGB"))
        height, width, _ = grid.shape
        pitch = height - width  # it has a row more than columns
        gap = width % pitch
        rows += [grid[-pitch:]] if rows else [grid[: pitch + gap], grid[-pitch:]]
    out = run.samples_dir / LEARNING
    images.save(np.concatenate(rows), out)
    return out


def translate(run: Run, drawings: pathlib.Path) -> str:
    """Translate drawings into the new species; returns a line about the files.

    Args:
        run: of `teach`.
        drawings: folder of the drawings; they are drawn if it is not there.
    """
    animal = run.config.domains[-1]
    if not drawings.exists():
        draw_set(drawings, SHOWN, run.config.img_size, domains=run.config.domains)
    translator = Translator.of_run(run)
    styles = choose_styles(translator, animal, seeds=range(4))
    styles += choose_styles(translator, animal, reference=drawings / "val" / animal)
    out = run.path / "translations"
    return translate_folder(translator, drawings / "val", styles, out)


def measure(run: Run) -> str:
    """Measure with a quick probe; returns a line about each species."""
    shares = evaluate_run(run, probe=True, quick=True)["results"]["probe_species"]
    return "\n".join(
        f"right species by {guide}: "
        + ", ".join(f"{share:.0%} into {name}" for name, share in row.items())
        for guide, row in shares.items()
    )
