"""Make a run of the authors' published weights.

    python -m tfstargan.import_reference --checkpoint=100000_nets_ema.ckpt \
        --run_dir=runs/afhq-authors --domains=cat,dog,wild
    python -m tfstargan.import_reference --checkpoint=100000_nets_ema.ckpt \
        --run_dir=runs/celeba-authors --domains=female,male --wing=wing.ckpt

The files are published with the code of StarGAN v2, github.com/clovaai/stargan-v2, and
are CC BY-NC 4.0. PyTorch is not needed. All sizes are read off the file; the run
translates, exports and trains further as any other.
"""

import dataclasses
import itertools
import pathlib
import re
import shutil
from typing import Any

import keras
import numpy as np
from absl import flags

from tfstargan import cli, pytorch_file, reference_weights
from tfstargan.config import Config, UserError
from tfstargan.data import open_images
from tfstargan.layers import HIGH_PASS
from tfstargan.networks import TRUNK_SIDE, channel_widths
from tfstargan.run import Run
from tfstargan.stargan import AVERAGED, StarGANv2

Arrays = dict[str, np.ndarray]


def read(path: pathlib.Path) -> dict[str, Arrays]:
    """Return {network: {reference name: array}} of the authors' `*_nets_ema.ckpt`.

    Raises:
        UserError: if it is another file.
    """
    parts = pytorch_file.load(path)
    needed, known = set(AVERAGED), {*AVERAGED, "fan"}
    if not needed <= parts.keys() <= known:
        found = ", ".join(map(str, parts)) or "nothing"
        raise UserError(
            f"{path}: holds {found[:200]}, not generator, mapping_network and "
            "style_encoder; the authors' *_nets_ema.ckpt is needed"
        )
    for name, arrays in parts.items():
        if not isinstance(arrays, dict):
            raise UserError(f"{path}: {name} is no dictionary of arrays")
    return {n: reference_weights.unwrapped(arrays) for n, arrays in parts.items()}


def sizes(parts: dict[str, Arrays]) -> dict[str, Any]:
    """Return the settings that size the networks, and how many domains there are.

    Channels are held to one another here, so that a wrong file is refused before
    networks of its sizes are built.

    Raises:
        ValueError: if these are no networks of StarGAN v2.
    """

    def shape(network: str, name: str, rank: int) -> tuple[int, ...]:
        array = parts[network].get(name)
        if not isinstance(array, np.ndarray) or array.ndim != rank:
            raise ValueError(f"{network} has no {name} of {rank} axes")
        return array.shape

    def consecutive(network: str, pattern: str, start: int) -> int:
        names = (pattern.format(i) for i in itertools.count(start))
        return len(list(itertools.takewhile(parts[network].__contains__, names)))

    blocks = consecutive("style_encoder", "shared.{}.conv1.weight", start=1)
    img_size = TRUNK_SIDE * 2**blocks
    widths = [shape("style_encoder", "shared.0.weight", 4)[0]]
    for i in range(1, blocks + 1):
        inner = shape("style_encoder", f"shared.{i}.conv1.weight", 4)
        outer = shape("style_encoder", f"shared.{i}.conv2.weight", 4)
        if {*inner[:2], outer[1]} != {widths[-1]}:
            raise ValueError(
                f"style_encoder's shared.{i} does not fit what precedes it"
            )
        widths.append(outer[0])
    channels = {"channel_base": widths[0] * img_size, "channel_max": widths[-1]}
    if widths != channel_widths(img_size, TRUNK_SIDE, **channels):
        raise ValueError(f"channels of the style encoder are {widths}")
    hidden_dim, latent_dim = shape("mapping_network", "shared.0.weight", 2)
    if shape("mapping_network", "shared.2.weight", 2) != (hidden_dim, hidden_dim):
        raise ValueError("mapping_network's layers do not fit one another")
    return channels | {
        "img_size": img_size,
        "style_dim": shape("style_encoder", "unshared.0.weight", 2)[0],
        "latent_dim": latent_dim,
        "hidden_dim": hidden_dim,
        "w_hpf": w_hpf(parts["generator"]),
        "num_domains": consecutive("style_encoder", "unshared.{}.weight", start=0),
    }


def w_hpf(generator: Arrays) -> float:
    """Return what divides the generator's high-pass filter; 0 if it has none.

    Raises:
        ValueError: if the filter is another.
    """
    stored = generator.get("hpf.filter")
    if stored is None:
        return 0.0
    if isinstance(stored, np.ndarray) and stored.shape == HIGH_PASS.shape:
        with np.errstate(all="ignore"):
            exact = float(HIGH_PASS.max() / np.float64(stored.max()))
        for weight in (float(f"{exact:.6g}"), exact):  # 0.3 was 0.3, not 0.30000001
            if 0 < weight < np.inf:
                if np.array_equal(stored, (HIGH_PASS / weight).astype("float32")):
                    return weight
    raise ValueError("hpf.filter is not the high-pass filter of StarGAN v2")


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
        parts["fan"] = reference_weights.read_fan(wing)
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


def config_of(
    parts: dict[str, Arrays], domains: tuple[str, ...], data_dir: str
) -> Config:
    """Return the settings of a run of these networks (see `import_reference`).

    Raises:
        UserError: if domains or photographs are unfit.
        ValueError: if the networks are.
    """
    settings = sizes(parts)
    count = settings.pop("num_domains")
    named = Config(data_dir=data_dir, domains=domains)
    if data_dir:
        domains = open_images(named, "train").domains
    domains = domains or tuple(f"domain{i}" for i in range(count))
    if len(domains) != count:
        raise UserError(
            f"--domains={','.join(domains)}: these networks have {count} domains"
        )
    try:
        return dataclasses.replace(named, domains=domains, **settings)
    except UserError as error:  # of the file, not of a flag
        raise ValueError(str(error)) from error


def fill(model: StarGANv2, parts: dict[str, Arrays]) -> None:
    """Give a model's averages, and the networks that they average, their weights.

    Raises:
        ValueError: if a name or shape is wrong.
    """
    for name in AVERAGED:
        for network in (model.averages[name], getattr(model, name)):
            reference_weights.from_reference(network, parts[name])
    if model.fan is not None:
        reference_weights.from_reference(model.fan, parts["fan"])


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


def main() -> None:
    """Import what the flags say, and say what came of it."""
    options = flags.FLAGS
    if not options.checkpoint:
        raise UserError("--checkpoint: name the authors' *_nets_ema.ckpt")
    if not options.run_dir:
        raise UserError("--run_dir: name the run to make")
    run_dir = pathlib.Path(options.run_dir)
    model = import_reference(
        pathlib.Path(options.checkpoint),
        run_dir,
        tuple(options.domains),
        options.wing,
        options.data_dir,
    )
    config = model.config
    faces = f", w_hpf {config.w_hpf:g}" if config.w_hpf else ""
    print(
        f"{run_dir}: {', '.join(config.domains)} at {config.img_size} x "
        f"{config.img_size}{faces}, iteration {model.iterations_done()}"
    )
    if not options.domains and not options.data_dir:
        print(
            "--domains= gives them better names, in the order of their training: "
            "female,male (CelebA-HQ) or cat,dog,wild (AFHQ)"
        )
    print(
        "The discriminator is not in the file: further training starts it, and the "
        "optimizers, anew"
    )


if __name__ == "__main__":
    flags.DEFINE_string("checkpoint", "", "the authors' *_nets_ema.ckpt")
    flags.DEFINE_string("wing", "", "the authors' wing.ckpt, needed for faces")
    flags.DEFINE_string("run_dir", "", "the run to make")
    flags.DEFINE_list("domains", [], "names in label order; empty: domain0, ...")
    flags.DEFINE_string("data_dir", "", "photographs for samples; may be left out")
    cli.start(main)
