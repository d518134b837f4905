"""Training that begins with the weights of another run, whatever its domains and size.

All weights except those of the heads serve every domain, and are copied. The heads of a
domain are those of the parent's domain of the same name or of the one given by `like`,
or else the mean of all heads. Optimizers, schedules and the iteration start anew.

Networks for another image size differ in their outer layers only: a block more for each
doubling, before the first and after the last layer that both have. The inner layers are
copied, as in progressive growing (Karras et al., arXiv:1710.10196); the outer ones
begin with random weights. Where `patch_size` grows by the same factor, there are no
such blocks: the networks do with squares of pixels what the parent's did with pixels.
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

# Settings of the networks besides img_size and patch_size: parent and child must have
# the same.
SHARED_SETTINGS = (
    "channel_base channel_max style_dim latent_dim hidden_dim w_hpf generator "
    "light_width residual"
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
        The entry for run.json: the parent's folder or address, its iteration, image
        size and patch size, the checkpoint's SHA-256, and the domain that each domain
        began as (None: the mean of all).

    Raises:
        UserError: if the parent is missing or damaged, has other networks, or lacks a
            domain.
    """
    with _flags_of_the_parent():
        parent = open_run(init_from)
        path = parent.checkpoint(checkpoint)
    old_domains = parent.config.domains
    _require_same_networks(parent, model.config)
    _require_same_widths(parent, model)
    origins = _origins(parent, model.config.domains, like or {})
    times = _times_finer(parent.config.img_size, parent.config.patch_size, model.config)
    old = StarGANv2(parent.config)
    parent.load(old, iteration_of(path))
    mixing = _mixing(origins, old_domains)
    for name in NETWORKS:
        _copy(getattr(old, name), getattr(model, name), mixing, times)
    for name, average in model.averages.items():
        _copy(old.averages[name], average, mixing, times)
    if model.fan is not None and old.fan is not None:  # both, of one w_hpf
        model.fan.set_weights(old.fan.get_weights())
    return {
        "run": name_of(init_from),
        "iteration": iteration_of(path),
        "img_size": parent.config.img_size,
        "patch_size": parent.config.patch_size,
        "sha256": files.checksum(path),
        "domains": origins,
    }


def name_of(init_from: str | os.PathLike) -> str:
    """The address of a parent, or its absolute path."""
    if is_elsewhere(init_from):
        return os.fspath(init_from)
    return str(pathlib.Path(init_from).absolute())


def describe_parent(parent: Mapping[str, Any], config: Config) -> str:
    """Lines on what `begin_from` has returned for a run of these settings."""
    line = f"begins with: {parent['run']}, iteration {parent['iteration']:,}"
    side, patch = parent["img_size"], parent["patch_size"]
    times = _times_finer(side, patch, config)
    if times != 1:
        how = f"a pixel of it begins as {times} x {times} pixels here"
        if not times:
            how = "the outer layers have random weights"
        patches = f" in patches of {patch}" if patch > 1 else ""
        line = f"{line}, of {side} x {side}{patches}: {how}"
    new = [domain for domain, origin in parent["domains"].items() if origin is None]
    if not new:
        return line
    how = f"--like={new[0]}:DOMAIN names one"
    return f"{line}\nbegin as the mean of its domains: {', '.join(new)} ({how})"


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


def _require_same_networks(parent: Run, new: Config) -> None:
    differences = [
        f"{name}={getattr(parent.config, name)} there, {getattr(new, name)} here"
        for name in parent.config.differing(new)
        if name in SHARED_SETTINGS
    ]
    if differences:
        raise UserError(
            f"--init_from={parent.path}: its networks are not the same "
            f"({'; '.join(differences)}); give the values there"
        )


def _require_same_widths(parent: Run, model: StarGANv2) -> None:
    """Check that the layers inside are as wide in networks of both image sizes.

    The width of the outermost layer is rounded down, and the others are its multiples.
    """
    there, here = parent.config.largest_map, model.config.largest_map
    for network in (model.generator, model.discriminator.trunk):
        base = network.channel_base
        if there != here and base % max(there, here):
            raise UserError(
                f"--init_from={parent.path}: img_size / patch_size is {there} there, "
                f"{here} here: channel_base (of a light generator, times light_width) "
                f"must be a multiple of both, not {base}"
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


def _times_finer(img_size: int, patch_size: int, new: Config) -> int:
    """How many new pixels make up the side of one of another run of these sizes.

    0 if its feature maps have other sides or its patches are larger: then the layers
    at its pixels don't serve.
    """
    if img_size // patch_size != new.largest_map:
        return 0
    return new.patch_size // patch_size


def _copy(old: keras.Model, new: keras.Model, mixing: np.ndarray, times: int) -> None:
    """Copy the weights that both have; heads are mixed along their axis of domains.

    Those of the layers at the pixels serve squares of `times` x `times`; 0: none do.
    """
    heads = _heads(new)
    for source, target in _shared_weights(old, new):
        value = keras.ops.convert_to_numpy(source)
        axis = heads.get(id(target))
        if axis is not None:
            value = np.moveaxis(np.tensordot(mixing, value, (1, axis)), 0, axis)
        target.assign(value)
    if not times:
        return
    for theirs, ours in zip(_at_pixels(old), _at_pixels(new), strict=True):
        patch_size = getattr(old, "trunk", old).patch_size
        for source, target in zip(theirs.weights, ours.weights, strict=True):
            value = keras.ops.convert_to_numpy(source)
            target.assign(_for_squares(value, target.shape, times, patch_size))


def _for_squares(
    value: np.ndarray, shape: Sequence[int], times: int, patch_size: int
) -> np.ndarray:
    """A kernel or bias that does with squares of pixels what it did with pixels.

    Its inputs are the means of the squares, or its outputs are repeated over them.

    Args:
        value: of patches of `patch_size`; kernels [H, W, inputs, outputs].
        shape: of the result: `times**2` as many inputs or outputs.
        times: the squares' side.
        patch_size: see above.
    """
    for axis in range(value.ndim):
        if value.shape[axis] != shape[axis]:
            pixels = np.moveaxis(value, axis, 0)
            pixels = pixels.reshape(-1, patch_size, patch_size, 3, *pixels.shape[1:])
            pixels = pixels.repeat(times, 1).repeat(times, 2)
            pixels = pixels.reshape(shape[axis], *pixels.shape[4:])
            share = times**2 if axis == value.ndim - 2 else 1  # of the mean
            value = np.moveaxis(pixels, 0, axis) / share
    return value


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
    """Chains of layers, from those that every img_size has to the outermost ones."""
    match network:
        case Generator():
            return [
                network.encode[::-1],
                [*network.decode, network.to_rgb_norm],
            ]
        case StyleEncoder() | Discriminator():
            trunk = network.trunk
            inner = [network.heads, trunk.to_pixel]
            return [[*inner, *trunk.blocks[::-1]]]
        case _:
            return [[network]]


def _at_pixels(network: keras.Model) -> list[Any]:
    """The layers whose inputs or outputs are the pixels' colours."""
    match network:
        case Generator():
            return [network.from_rgb, network.to_rgb]
        case StyleEncoder() | Discriminator():
            return [network.trunk.from_rgb]
        case _:
            return []


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
