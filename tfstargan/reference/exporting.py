"""A run's averaged networks in the authors' format."""

import os
import pathlib

from tfstargan.errors import UserError
from tfstargan.networks.build import build_networks, translating
from tfstargan.reference import parameters, pytorch_file
from tfstargan.runs.run import Run, iteration_of


def export_reference(
    run: Run, out: str | os.PathLike = "", checkpoint: int | str | None = None
) -> pathlib.Path:
    """Write a checkpoint's averages, and FAN if there is one, in the authors' format.

    With w_hpf > 0 the file has the generator's `hpf.filter` and zeros for the shortcuts
    that it never applies.

    Args:
        run: the run.
        out: the file; empty: RUN/export/ITERATION_nets_ema.ckpt.
        checkpoint: its iteration, or "best"; by default the newest.

    Returns:
        The file.

    Raises:
        UserError: if there is no such checkpoint, its networks are not the authors', or
            the file can't be written.
    """
    if run.config.generator != "full":
        raise UserError(
            f"{run.path}: has a {run.config.generator} generator, which the authors' "
            "code does not have; export the run that it was distilled from"
        )
    if run.config.patch_size != 1:
        raise UserError(
            f"{run.path}: its networks work on patches (patch_size="
            f"{run.config.patch_size}), those of the authors' code on pixels"
        )
    if run.config.residual:
        raise UserError(
            f"{run.path}: its generator adds its output to the image (residual), that "
            "of the authors' code does not"
        )
    iteration = iteration_of(run.checkpoint(checkpoint))
    networks = build_networks(run.config, translating(run.config))
    run.load_averages(networks, iteration)
    file = pathlib.Path(out or run.export_dir / f"{iteration:06d}_nets_ema.ckpt")
    tree = {
        name: parameters.to_reference(network) for name, network in networks.items()
    }
    pytorch_file.save(file, tree)
    return file
