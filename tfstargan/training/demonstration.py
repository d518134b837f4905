"""The steps of `tfstargan demo`: a preset learns a new animal from few drawings."""

import pathlib

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


def draw_preset(out: pathlib.Path) -> str:
    """Draw what the preset has learned; returns a line about the files."""
    return write_samples(open_run(PRESET), out)


def teach(run_dir: pathlib.Path, animal: str, iterations: int = 0) -> Run:
    """Train a run that begins with the preset and has one more species.

    Args:
        run_dir: its folder; a run in it is resumed.
        animal: of BEGINS_AS.
        iterations: to train; 0: those of CONFIGURATION.
    """
    settings = {"iterations": iterations} if iterations else {}
    domains = (*critters.SPECIES, animal)
    config = Config.from_flagfile(CONFIGURATION, domains=domains, **settings)
    like = {animal: BEGINS_AS[animal]}
    return train_run(config, run_dir, init_from=PRESET, like=like)


def translate(run: Run, drawings: pathlib.Path, animal: str) -> str:
    """Translate drawings into the new animal; returns a line about the files.

    Args:
        run: the run.
        drawings: folder of the drawings; they are drawn if it is not there.
        animal: the target domain.
    """
    if not drawings.exists():
        draw_set(drawings, SHOWN, run.config.img_size, domains=run.config.domains)
    translator = Translator.of_run(run)
    styles = choose_styles(translator, animal, seeds=(3,))
    styles += choose_styles(translator, animal, reference=drawings / "val" / animal)
    out = run.path / "translations"
    return translate_folder(translator, drawings / "val", styles, out)


def measure(run: Run, animal: str) -> str:
    """Measure with a quick probe; returns a line about the new animal."""
    shares = evaluate_run(run, probe=True, quick=True)["results"]["probe_species"]
    return f"right species, into {animal}: " + ", ".join(
        f"{share[animal]:.0%} by {guide}" for guide, share in shares.items()
    )
