"""Training that begins with the weights of another run, whatever its domains and size.

All weights except those of the heads serve every domain, and are copied. The heads of a
domain are those of the parent's domain of the same name or of the one given by `like`,
or else the mean of all heads. Optimizers, schedules and the iteration start anew.

Networks for another image size differ in their outer layers only: a block more for each
doubling, before the first and after the last layer that both have. The inner layers are
copied, as in progressive growing (Karras et al., arXiv:1710.10196); the outer ones
begin with random weights.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tfstargan import files
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.networks.build import NETWORKS
from tfstargan.networks.encoders import Discriminator, StyleEncoder
from tfstargan.networks.generator import Generator
from tfstargan.networks.mapping_network import MappingNetwork
from tfstargan.runs.locating import is_elsewhere
from tfstargan.runs.run import Run, iteration_of, open_run
from tfstargan.training.stargan import StarGANv2

# Settings that size the networks besides img_size: parent and child must have the same.
SIZES = (
    "channel_base channel_max style_dim latent_dim hidden_dim w_hpf generator "
    "light_width"
).split()


def begin_from(
    model: StarGANv2,
    init_from: str | os.PathLike,
    checkpoint: int | str | None = None,
    like: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Load the weights of another run into a model.

    Args:
        model: the model of the new run.
        init_from: folder of the other run, the parent.
        checkpoint: the parent's iteration, or "best"; None: the newest.
        like: {domain of the model: domain of the parent to begin as}.

    Returns:
        The entry for run.json: the parent's folder or address, its iteration and image
        size, the checkpoint's SHA-256, and the domain that each domain began as (None:
        the mean of all).

    Raises:
        UserError: if the parent is missing, damaged or of other sizes, or lacks a
            domain.
    """
    with _flags_of_the_parent():
        parent = open_run(init_from)
        path = parent.checkpoint(checkpoint)
    old_domains = parent.config.domains
    _require_same_sizes(parent, model.config)
    _require_same_widths(parent, model)
    origins = _origins(parent, model.config.domains, like or {})
    old = StarGANv2(parent.config)
    parent.load(old, iteration_of(path))
    mixing = _mixing(origins, old_domains)
    for name in NETWORKS:
        _copy(getattr(old, name), getattr(model, name), mixing)
    for name, average in model.averages.items():
        _copy(old.averages[name], average, mixing)
    if model.fan is not None and old.fan is not None:  # both, of one w_hpf
        model.fan.set_weights(old.fan.get_weights())
    return {
        "run": name_of(init_from),
        "iteration": iteration_of(path),
        "img_size": parent.config.img_size,
        "sha256": files.checksum(path),
        "domains": origins,
    }


def name_of(init_from: str | os.PathLike) -> str:
    """The address of a parent, or its absolute path."""
    if is_elsewhere(init_from):
        return os.fspath(init_from)
    return str(pathlib.Path(init_from).absolute())


def describe_parent(parent: Mapping[str, Any], img_size: int) -> str:
    """A line on what `begin_from` has returned."""
    side = parent["img_size"]
    line = f"begins with: {parent['run']}, iteration {parent['iteration']:,}"
    if side == img_size:
        return line
    return f"{line}, of {side} x {side}: the outer layers have random weights"


def parse_like(pairs: Sequence[str]) -> dict[str, str]:
    """{new domain: the parent's domain} of texts such as "fox:dog".

    Raises:
        UserError: if one is not of this form, or a domain is named twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        domain, colon, origin = pair.partition(":")
        if not (domain and colon and origin):
            raise UserError(f"--like={pair}: must be NEW:OLD, such as fox:dog")
        if domain in found:
            raise UserError(f"--like={pair}: {domain} is named twice")
        found[domain] = origin
    return found


@contextlib.contextmanager
def _flags_of_the_parent() -> Iterator[None]:
    """Name the flags in an error as `train` does."""
    try:
        yield
    except UserError as error:
        text = error.as_flags.replace("--run_dir=", "--init_from=")
        text = text.replace("--checkpoint=", "--init_checkpoint=")
        raise UserError(text) from error


def _require_same_sizes(parent: Run, new: Config) -> None:
    differences = [
        f"{name}={getattr(parent.config, name)} there, {getattr(new, name)} here"
        for name in SIZES
        if getattr(parent.config, name) != getattr(new, name)
    ]
    if differences:
        raise UserError(
            f"--init_from={parent.path}: its networks have other sizes "
            f"({'; '.join(differences)}); give the values there"
        )


def _require_same_widths(parent: Run, model: StarGANv2) -> None:
    """Check that the layers inside are as wide in networks of both image sizes.

    The width of the outermost layer is rounded down, and the others are its multiples.
    """
    there, here = parent.config.img_size, model.config.img_size
    for network in (model.generator, model.discriminator.trunk):
        base = network.channel_base
        if there != here and base % max(there, here):
            raise UserError(
                f"--init_from={parent.path}: img_size is {there} there, {here} here: "
                "channel_base (of a light generator, times light_width) must be a "
                f"multiple of both, not {base}"
            )


def _origins(
    parent: Run, new: Sequence[str], like: Mapping[str, str]
) -> dict[str, str | None]:
    """The parent's domain that each new one begins as; None: the mean of all."""
    old = parent.config.domains
    for domain, origin in like.items():
        if domain not in new:
            raise UserError(f"--like={domain}:{origin}: the data has {', '.join(new)}")
        if origin not in old:
            raise UserError(
                f"--like={domain}:{origin}: {parent.path} has {', '.join(old)}"
            )
    return {
        domain: like.get(domain, domain if domain in old else None) for domain in new
    }


def _mixing(origins: Mapping[str, str | None], old: Sequence[str]) -> np.ndarray:
    """Shares of the old heads in the new ones, [new domains, old domains]."""
    each = np.eye(len(old), dtype=np.float32)
    return np.stack(
        [
            each.mean(0) if origin is None else each[old.index(origin)]
            for origin in origins.values()
        ]
    )


def _copy(old: keras.Model, new: keras.Model, mixing: np.ndarray) -> None:
    """Copy the weights that both have; heads are mixed along their axis of domains."""
    heads = _heads(new)
    for source, target in _shared_weights(old, new):
        value = keras.ops.convert_to_numpy(source)
        axis = heads.get(id(target))
        if axis is not None:
            value = np.moveaxis(np.tensordot(mixing, value, (1, axis)), 0, axis)
        target.assign(value)


def _shared_weights(old: keras.Model, new: keras.Model) -> Iterator[tuple[Any, Any]]:
    """Pairs of the variables that serve the same feature maps in both networks."""
    for chains in zip(_chains(old), _chains(new), strict=True):
        for theirs, ours in zip(*chains, strict=False):
            if _kind(theirs) != _kind(ours):  # past the last block that both have
                break
            yield from zip(theirs.weights, ours.weights, strict=True)


def _kind(layer: Any) -> tuple[Any, ...]:
    """What layers have in common that serve the same feature maps."""
    return type(layer), *(getattr(layer, n, None) for n in ("channels", "filters"))


def _chains(network: keras.Model) -> list[list[Any]]:
    """Chains of layers: first those that every img_size has, then the outer ones."""
    match network:
        case Generator():
            return [
                [*network.encode[::-1], network.from_rgb],
                [*network.decode, network.to_rgb_norm, network.to_rgb],
            ]
        case StyleEncoder() | Discriminator():
            trunk = network.trunk
            inner = [network.heads, trunk.to_pixel]
            return [[*inner, *trunk.blocks[::-1], trunk.from_rgb]]
        case _:
            return [[network]]


def _heads(network: keras.Model) -> dict[int, int]:
    """{id of a variable of the heads: its axis of domains}."""
    match network:
        case MappingNetwork():
            layers, axis = network.unshared, 0
        case StyleEncoder():
            layers, axis = [network.heads], 0
        case Discriminator():
            layers, axis = [network.heads], -1
        case _:
            return {}
    return {id(variable): axis for layer in layers for variable in layer.weights}
