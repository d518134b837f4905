"""The light run that was distilled from a run, if there is one: R-light next to R."""

import os
import pathlib

from tfstargan.errors import UserError
from tfstargan.runs import locating
from tfstargan.runs.run import Run, open_run

LIGHT = "-light"  # appended to the name of a run by `distill`


def open_light(run: Run, run_dir: str | os.PathLike) -> Run:
    """The light run of a run, or the run itself if it has none.

    A light run without a checkpoint, or with other domains or another image size, is
    not one of this run.

    Args:
        run: the run.
        run_dir: the name that it was opened by: a folder or `preset:NAME`.
    """
    if run.config.generator == "light":
        return run
    for name in _names(run, run_dir):
        try:
            light = open_run(name)
        except UserError:  # damaged: the run itself is used
            continue
        is_light = light.config.generator == "light" and light.checkpoints()
        if is_light and _purpose(light) == _purpose(run):
            return light
    return run


def _names(run: Run, run_dir: str | os.PathLike) -> list[str]:
    """The names of light runs that exist: the user's own before a preset."""
    names = []
    own = f"{run.path}{LIGHT}"
    if (pathlib.Path(own) / "config.json").is_file():
        names.append(own)
    given = os.fspath(run_dir)
    preset = given.removeprefix(locating.PRESET) + LIGHT
    if given.startswith(locating.PRESET) and preset in locating.presets():
        names.append(f"{locating.PRESET}{preset}")
    return names


def _purpose(run: Run) -> tuple[tuple[str, ...], int]:
    return run.config.domains, run.config.img_size
