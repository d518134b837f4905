"""The authors' published weights, and the settings that follow from their sizes."""

import dataclasses
import itertools
import pathlib
from typing import Any

import numpy as np

from tfstargan.config import Config
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.networks.blocks import channel_widths
from tfstargan.networks.build import AVERAGED
from tfstargan.networks.encoders import TRUNK_SIDE
from tfstargan.networks.layers import HIGH_PASS
from tfstargan.reference import parameters, pytorch_file

Arrays = dict[str, np.ndarray]


def read(path: pathlib.Path) -> dict[str, Arrays]:
    """{network: {reference name: array}} of the authors' `*_nets_ema.ckpt`.

    Raises:
        UserError: if it is not such a file.
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
            raise UserError(f"{path}: {name} is not a dictionary of arrays")
    return {n: parameters.unwrapped(arrays) for n, arrays in parts.items()}


def sizes(parts: dict[str, Arrays]) -> dict[str, Any]:
    """The settings that size the networks, and the number of domains.

    Numbers of channels are compared with each other, so that a wrong file is refused
    before networks of its sizes are built.

    Raises:
        ValueError: if these are not networks of StarGAN v2.
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
    """The divisor of the generator's high-pass filter; 0 if it has none.

    Raises:
        ValueError: if the filter is not StarGAN v2's.
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


def config_of(
    parts: dict[str, Arrays], domains: tuple[str, ...], data_dir: str
) -> Config:
    """The settings of a run of these networks (see `import_reference`).

    Raises:
        UserError: if domains or images can't be used.
        ValueError: if the networks can't.
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
