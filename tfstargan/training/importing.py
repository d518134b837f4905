"""Runs made from the authors' published weights."""

import os
import pathlib
import re

import keras

from tfstargan import files
from tfstargan.errors import UserError
from tfstargan.networks.build import AVERAGED
from tfstargan.reference import parameters
from tfstargan.reference.importing import Arrays, config_of, read
from tfstargan.runs.run import Run
from tfstargan.training.stargan import StarGANv2


def import_reference(
    weights: str | os.PathLike,
    run_dir: str | os.PathLike,
    domains: tuple[str, ...] = (),
    wing_weights: str = "",
    data_dir: str = "",
) -> StarGANv2:
    """Make a run from the authors' weights, atomically.

    The file holds averaged networks. The networks to be trained further start from
    them. The iteration is the one in the file's name (`100000_nets_ema.ckpt`), or 0.

    Args:
        weights: the authors' `*_nets_ema.ckpt`.
        run_dir: the run to make; must not exist or be empty.
        domains: their names, in label order; empty: the names of the folders in
            data_dir, or else domain0, domain1, ...
        wing_weights: the authors' `wing.ckpt`; needed where w_hpf > 0 and `weights`
            does not hold FAN's weights itself.
        data_dir: folder of photographs, as in training; optional.

    Returns:
        The model that was written to the run.

    Raises:
        UserError: if a file is unsuitable, or the run can't be made.
    """
    weights, run_dir = pathlib.Path(weights), pathlib.Path(run_dir)
    if run_dir.exists() and (not run_dir.is_dir() or any(run_dir.iterdir())):
        raise UserError(f"--run_dir={run_dir}: is not empty; give another folder")
    parts = read(weights)
    if wing_weights:
        parts["fan"] = parameters.read_fan(wing_weights)
    try:
        config = config_of(parts, domains, data_dir)
        if config.w_hpf and "fan" not in parts:
            raise UserError(
                f"{weights}: a generator for faces (w_hpf {config.w_hpf:g}), whose "
                "landmark network is in another file: give --wing_weights=wing.ckpt"
            )
        keras.utils.set_random_seed(config.seed)
        model = StarGANv2(config)
        fill(model, parts)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{weights}: not the authors' networks ({error})") from error
    if number := re.match(r"(\d{1,9})_", weights.name):
        model.iteration.assign(int(number[1]))
    model.compile()
    write(model, run_dir)
    return model


def fill(model: StarGANv2, parts: dict[str, Arrays]) -> None:
    """Set the weights of a model's averages, and of the networks that they average.

    Raises:
        ValueError: if a name or shape is wrong.
    """
    for name in AVERAGED:
        for network in (model.averages[name], getattr(model, name)):
            parameters.from_reference(network, parts[name])
    if model.fan is not None:
        parameters.from_reference(model.fan, parts["fan"])


def write(model: StarGANv2, run_dir: pathlib.Path) -> None:
    """Make a run directory with a model's state as its only checkpoint."""
    try:
        with files.atomic_folder(run_dir) as folder:
            with Run.start(folder, model.config) as run:
                run.save(model)
    except OSError as error:
        raise UserError(f"--run_dir={run_dir}: can't be written ({error})") from error
