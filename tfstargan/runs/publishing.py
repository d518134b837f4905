"""A folder to publish: a run's weights, settings, grid and exports, with a model card.

It has the layout of a run, so that it opens as one (`locating`). What training alone
needs (optimizers), and what concerns the author alone (paths, command, machine), is not
in it. The card is that of the Hugging Face Hub: Markdown with a front matter.
"""

import dataclasses
import json
import os
import pathlib
import re
import shutil
from typing import Any

import h5py

from tfstargan import files
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.runs import checkpoint_file
from tfstargan.runs.locating import is_elsewhere
from tfstargan.runs.run import CHECKPOINT, Run, iteration_of

VARIABLES = "vars"  # the group of the optimizers and the iteration in a checkpoint
OPTIMIZERS = "optimizers"  # the group of the former, before version 0.2
OPTIMIZER = (".optimizer.", ".step_counter", ".dynamic_scale")  # in their keys
GRIDS = ("references", "latents-psi1")  # of those that `samples` makes
PRIVATE = ("command", "process")  # of run.json
LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")  # the Hub's identifiers
NONCOMMERCIAL = re.compile(r"other|.*-nc-.*")  # of these
FAN = """
With the networks are the weights of the landmark network (FAN), unchanged, by the
authors of [StarGAN v2](https://github.com/clovaai/stargan-v2): CC BY-NC 4.0.
"""
CARD = """\
---
license: {license}
library_name: tfstargan
pipeline_tag: image-to-image
tags:
- stargan-v2
- image-to-image
- keras
---

# {name}

Translates images between {domains}, in many styles, with one generator: StarGAN v2
(Choi et al., [arXiv:1912.01865](https://arxiv.org/abs/1912.01865)), trained with
tfstargan {version}. Images are {img_size} x {img_size}.
{grid}
## Use

    tfstargan translate --run_dir={address} --source=image.jpg \\
        --domain={domain} --seed=3

    import tfstargan as sg
    translator = sg.Translator.load("{address}")
    image = translator.translate("image.jpg", domain="{domain}", seed=3)

`train --init_from={address}` begins a training with these weights, with the same or
with other domains.

## Data

{data}
{fan}
## Training

Iteration {iteration}, of {iterations}.{parent} Settings that are not the default:

{settings}

## Numbers

{numbers}

## Limits

It was trained on images like those above. Of others, and of images that are framed
otherwise, it makes images that look plausible and mean nothing. The largest centred
square of an image is taken. What varies within a domain is style, and may change: fur,
hair, make-up, age. Nothing in an output is evidence of how its source looked.

## Files

{listing}
"""


def publish(
    run: Run,
    out: str | os.PathLike,
    license: str,
    data: str,
    checkpoint: int | str | None = None,
    name: str = "",
) -> pathlib.Path:
    """Write a run as a folder to publish, atomically.

    Args:
        run: the run.
        out: the new folder.
        license: of the weights, as the Hugging Face Hub names it: "cc-by-nc-4.0".
        data: what it was trained on, and its licence, in a sentence or more.
        checkpoint: the run's iteration, or "best"; None: the newest.
        name: of the model; empty: the run's.

    Returns:
        The folder.

    Raises:
        UserError: if the folder exists, the licence does not fit, the run has no
            checkpoint, or it can't be written.
    """
    out = pathlib.Path(out)
    _check_license(license, run)
    if not name.isprintable():
        raise UserError("--name: must be one line")
    if out.exists():
        raise UserError(f"--out={out}: name a folder that does not exist yet")
    path = run.checkpoint(checkpoint)
    try:
        with files.atomic_folder(out) as folder:
            _fill(folder, run, path)
            fields = _fields(run, folder, iteration_of(path))
            fields |= {"license": license, "data": data, "name": name or _name(run)}
            fields["address"] = f"./{out.name}"
            fields["fan"] = FAN if run.config.w_hpf else ""
            files.write_text(CARD.format(**fields), folder / "README.md")
    except OSError as error:
        raise UserError(f"--out={out}: can't be written ({error})") from error
    return out


def _check_license(license: str, run: Run) -> None:
    if not LICENSE.fullmatch(license):
        raise UserError(
            f"--license={license}: must be an identifier of the Hub, such as "
            "apache-2.0, cc-by-nc-4.0 or other"
        )
    if run.config.w_hpf and not NONCOMMERCIAL.fullmatch(license):
        raise UserError(
            f"--license={license}: must be cc-by-nc-4.0 or other: this run (w_hpf > 0) "
            "contains the authors' landmark network, which is CC BY-NC 4.0"
        )


def _fill(folder: pathlib.Path, run: Run, checkpoint: pathlib.Path) -> None:
    iteration = iteration_of(checkpoint)
    run.config.without_paths().save(folder / "config.json")
    about = json.dumps(_about(run), indent=2) + "\n"
    files.write_text(about, folder / "run.json")
    weights = folder / "checkpoints" / CHECKPOINT.format(iteration)
    weights.parent.mkdir()
    copy_weights(checkpoint, weights)
    for grid in GRIDS:
        drawn = run.samples_dir / f"iteration-{iteration:07d}-{grid}.png"
        if drawn.exists():
            (folder / "samples").mkdir(exist_ok=True)
            shutil.copy(drawn, folder / "samples" / f"{grid}.png")
    for exported in sorted({p.parent for p in run.export_dir.glob("*/*.tflite")}):
        if _exported_from(exported) == iteration:
            shutil.copytree(exported, folder / "export" / exported.name)


def _exported_from(folder: pathlib.Path) -> int | None:
    """The iteration of an export's weights; None if it does not say."""
    try:
        return json.loads((folder / "stargan.json").read_text())["run"]["iteration"]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def copy_weights(checkpoint: pathlib.Path, out: pathlib.Path) -> None:
    """Copy a checkpoint without the state of its optimizers, with a checksum."""
    with h5py.File(checkpoint, "r") as old, h5py.File(out, "w") as new:
        for name in old:
            if name not in (OPTIMIZERS, VARIABLES):
                old.copy(name, new)
        variables = new.create_group(VARIABLES)
        for name in old[VARIABLES]:
            if not any(part in name for part in OPTIMIZER):
                old.copy(f"{VARIABLES}/{name}", variables)
    checkpoint_file.write_checksum(out, out)


def _about(run: Run) -> dict[str, Any]:
    """What run.json says, without the author's command, machine and paths."""
    try:
        about = json.loads(run.about.read_text())
    except (OSError, ValueError):
        return {}
    about = {name: value for name, value in about.items() if name not in PRIVATE}
    if parent := run.parent():
        public = is_elsewhere(str(parent.get("run")))
        about["parent"] = {k: v for k, v in parent.items() if k != "run" or public}
    return about


def _name(run: Run) -> str:
    return run.path.resolve().name


def _fields(run: Run, folder: pathlib.Path, iteration: int) -> dict[str, Any]:
    """What the card says that is known."""
    from tfstargan import __version__

    config = run.config
    grids = [f"samples/{g}.png" for g in GRIDS]
    grid = next((g for g in grids if (folder / g).exists()), None)
    parent = _about(run).get("parent")
    return {
        "version": __version__,
        "domains": ", ".join(config.domains),
        "domain": config.domains[-1],
        "img_size": config.img_size,
        "grid": f"\n![translations]({grid})\n" if grid else "",
        "iteration": iteration,
        "iterations": config.iterations,
        "parent": f" It began with iteration {parent.get('iteration')} of "
        f"{parent.get('run', 'another run')}."
        if parent
        else "",
        "settings": _settings(config),
        "numbers": _numbers(run, iteration),
        "listing": _listing(folder),
    }


def _settings(config: Config) -> str:
    config = config.without_paths()
    lines = [
        f"    --{field.name}={value}"
        for field in dataclasses.fields(config)
        if (value := getattr(config, field.name)) != field.default
        and field.name != "domains"
    ]
    return "\n".join(lines) or "    (none)"


def _numbers(run: Run, iteration: int) -> str:
    """The tables of the evaluation of this iteration."""
    found = sorted(run.evaluation_dir.glob(f"iteration-{iteration:07d}*.txt"))
    if not found:
        return "This iteration has not been evaluated."
    tables = [path.read_text().splitlines()[1:] for path in found]
    return "\n\n".join("\n".join(f"    {x}".rstrip() for x in t) for t in tables)


def _listing(folder: pathlib.Path) -> str:
    lines = ["| file | bytes | SHA-256 |", "| --- | --- | --- |"]
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        lines.append(f"| {name} | {path.stat().st_size:,} | {files.checksum(path)} |")
    return "\n".join(lines)
