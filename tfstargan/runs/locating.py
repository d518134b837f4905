"""Where the files of a run are: in a folder, in this package, or on a model hub.

    runs/mine                 a folder
    preset:critters64         a preset of this package
    hf://owner/name           a model on the Hugging Face Hub, cached; the extra `hub`
    hf://owner/name@revision  the same at a branch, tag or commit

Presets and models of a hub are read where they are. What is made of them (samples,
translations, exports) goes to a folder of their name under runs/.
"""

import os
import pathlib
import re
from typing import NamedTuple

from tfstargan import files, resources
from tfstargan.errors import UserError

RUNS = pathlib.Path("runs")
PRESET, HUB = "preset:", "hf://"
MODEL = re.compile(r"([\w-][\w.-]*)/([\w-][\w.-]*)(?:@([\w./-]+))?")
# All that is fetched of a model.
WANTED = ["config.json", "run.json", "README.md", "checkpoints/*", "export/*"]


class Place(NamedTuple):
    """The folder of a run's settings and checkpoints, and that of its outputs."""

    source: pathlib.Path
    outputs: pathlib.Path


def locate(run_dir: str | os.PathLike) -> Place:
    """The place that a name stands for; whether there is a run is not checked.

    Raises:
        UserError: if there is no such preset, or a model can't be had.
    """
    name = os.fspath(run_dir)
    if name.startswith(PRESET):
        preset = name.removeprefix(PRESET)
        return Place(_preset(preset), RUNS / f"preset-{preset}")
    if name.startswith(HUB):
        return _model(name)
    return Place(pathlib.Path(name), pathlib.Path(name))


def is_elsewhere(run_dir: str | os.PathLike) -> bool:
    """Whether a name is that of a preset or of a model on a hub, and of no folder."""
    return os.fspath(run_dir).startswith((PRESET, HUB))


def require_folder(run_dir: str | os.PathLike) -> None:
    """Refuse to train where a run is only read.

    Raises:
        UserError: if the name is that of a preset or of a model on a hub.
    """
    name = os.fspath(run_dir)
    if is_elsewhere(name):
        raise UserError(
            f"--run_dir={name}: can't be trained itself; use --init_from={name} with "
            "another --run_dir"
        )


def presets() -> list[str]:
    """The names of the presets."""
    return sorted(p.parent.name for p in resources.presets_dir().glob("*/config.json"))


def _preset(name: str) -> pathlib.Path:
    if name not in presets():
        known = ", ".join(presets()) or "none"
        raise UserError(f"--run_dir={PRESET}{name}: no such preset; there are: {known}")
    return resources.presets_dir() / name


def _model(address: str) -> Place:
    parts = MODEL.fullmatch(address.removeprefix(HUB))
    if not parts:
        raise UserError(
            f"--run_dir={address}: must be {HUB}OWNER/NAME or {HUB}OWNER/NAME@REVISION"
        )
    owner, name, revision = parts.groups()
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(
            f"--run_dir={address}: needs huggingface_hub: pip install 'tfstargan[hub]'"
        ) from None
    try:
        folder = snapshot_download(
            f"{owner}/{name}", revision=revision, allow_patterns=WANTED
        )
    except Exception as error:  # of many kinds: network, access, cache
        reason = files.first_line(error)
        raise UserError(f"--run_dir={address}: can't be fetched ({reason})") from error
    return Place(pathlib.Path(folder), RUNS / f"{owner}--{name}")
