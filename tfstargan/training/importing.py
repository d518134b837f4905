"""Make a run of the authors' published weights.

    python -m tfstargan.import_reference --checkpoint=100000_nets_ema.ckpt \
        --run_dir=runs/afhq-authors --domains=cat,dog,wild
    python -m tfstargan.import_reference --checkpoint=100000_nets_ema.ckpt \
        --run_dir=runs/celeba-authors --domains=female,male --wing=wing.ckpt

The files are published with the code of StarGAN v2, github.com/clovaai/stargan-v2, and
are CC BY-NC 4.0. PyTorch is not needed. All sizes are read off the file; the run
translates, exports and trains further as any other.
"""

import pathlib
import re
import shutil

import keras

from tfstargan.errors import UserError
from tfstargan.networks.build import AVERAGED
from tfstargan.reference import parameters
from tfstargan.reference.importing import Arrays, config_of, read
from tfstargan.runs.run import Run
from tfstargan.training.stargan import StarGANv2


def import_reference(
    checkpoint: pathlib.Path,
    run_dir: pathlib.Path,
    domains: tuple[str, ...] = (),
    wing: str = "",
    data_dir: str = "",
) -> StarGANv2:
    """Make a run of the authors' weights, whole or not at all.

    The averages are the file's; the networks that would be trained further start from
    them. The iteration is that in the file's name (`100000_nets_ema.ckpt`), or 0.

    Args:
        checkpoint: the authors' `*_nets_ema.ckpt`.
        run_dir: the run to make; must not exist, or be empty.
        domains: their names, in label order; empty: the folders' in data_dir, or else
            domain0, domain1, ...
        wing: the authors' `wing.ckpt`; needed where w_hpf > 0 and the checkpoint does
            not hold FAN's weights itself.
        data_dir: of photographs, as in training; may be left out.

    Returns:
        The model, as it is in the run.

    Raises:
        UserError: if a file is unfit, or the run can't be made.
    """
    if run_dir.exists() and (not run_dir.is_dir() or any(run_dir.iterdir())):
        raise UserError(f"--run_dir={run_dir}: there is something; give another")
    parts = read(checkpoint)
    if wing:
        parts["fan"] = parameters.read_fan(wing)
    try:
        config = config_of(parts, domains, data_dir)
        if config.w_hpf and "fan" not in parts:
            raise UserError(
                f"{checkpoint}: a generator for faces (w_hpf {config.w_hpf:g}), whose "
                "landmark network is in another file: give --wing=wing.ckpt, too"
            )
        keras.utils.set_random_seed(config.seed)
        model = StarGANv2(config)
        fill(model, parts)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{checkpoint}: not the authors' networks ({error})") from error
    if number := re.match(r"(\d{1,9})_", checkpoint.name):
        model.iteration.assign(int(number[1]))
    model.compile()
    write(model, run_dir)
    return model


def fill(model: StarGANv2, parts: dict[str, Arrays]) -> None:
    """Give a model's averages, and the networks that they average, their weights.

    Raises:
        ValueError: if a name or shape is wrong.
    """
    for name in AVERAGED:
        for network in (model.averages[name], getattr(model, name)):
            parameters.from_reference(network, parts[name])
    if model.fan is not None:
        parameters.from_reference(model.fan, parts["fan"])


def write(model: StarGANv2, run_dir: pathlib.Path) -> None:
    """Make a run directory with a model's state as its one checkpoint."""
    partial = run_dir.with_name(f".{run_dir.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        with Run.start(partial, model.config) as run:
            run.save(model)
        partial.replace(run_dir)
    except OSError as error:
        raise UserError(f"--run_dir={run_dir}: can't be written ({error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
