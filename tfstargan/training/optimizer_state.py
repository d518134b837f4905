"""The optimizers' state in a checkpoint, under the names of their networks.

    vars/generator.optimizer.0 ...     iterations, learning rate, moments
    vars/generator.dynamic_scale       with mixed_float16, beside step_counter

The loss scale has keys of its own, so a run resumes with any other precision.
"""

import os
from collections.abc import Mapping
from typing import Any

import h5py
import keras
from keras.optimizers import LossScaleOptimizer

Optimizers = Mapping[str, keras.optimizers.Optimizer]
SCALE = ("step_counter", "dynamic_scale")  # variables of a LossScaleOptimizer


def save(optimizers: Optimizers, store: Any) -> None:
    """Write every variable of the optimizers into a Keras store."""
    for network, optimizer in optimizers.items():
        for key, variable in {
            **_moments(network, optimizer),
            **_scale(network, optimizer),
        }.items():
            store[key] = variable


def load(optimizers: Optimizers, store: Any) -> None:
    """Read what `save` has written.

    A store without optimizers changes nothing. If it has no loss scale, the scale keeps
    its initial value.

    Raises:
        ValueError: if the state of an optimizer is incomplete, or has other shapes.
    """
    keys = set(store.keys())
    if not any(".optimizer." in key for key in keys):
        return
    for network, optimizer in optimizers.items():
        moments = _moments(network, optimizer)
        if {k for k in keys if k.startswith(f"{network}.optimizer.")} != set(moments):
            raise ValueError(
                f"the optimizer of the {network} is incomplete or another one"
            )
        scale = {k: v for k, v in _scale(network, optimizer).items() if k in keys}
        for key, variable in (moments | scale).items():
            variable.assign(store[key])


def load_old(optimizers: Optimizers, path: str | os.PathLike) -> None:
    """Read the optimizers of a checkpoint made before version 0.2.

    They are stored under the names of their classes, in the order of the networks:
    `adam`, `adam_1`, ... With mixed_float16 those of the averaged networks, the first
    ones, are inside `loss_scale_optimizer`, `loss_scale_optimizer_1`, ...
    """
    if not h5py.is_hdf5(path):  # Keras' own archives are newer
        return
    with h5py.File(path) as file:
        old = file.get("optimizers", {})
        wrapped = [name for name in old if "inner_optimizer" in old[name]]
        groups = [
            old[name] for name in sorted(old, key=lambda n: (n not in wrapped, n))
        ]
        store: dict[str, Any] = {}
        for network, group in zip(optimizers, groups, strict=False):
            inner = group.get("inner_optimizer", group)
            for i, array in inner["vars"].items():
                store[f"{network}.optimizer.{i}"] = array[()]
            if inner is not group:
                for i, name in enumerate(SCALE, 2):  # two are not used
                    store[f"{network}.{name}"] = group["vars"][str(i)][()]
        load(optimizers, store)


def _moments(network: str, optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return {f"{network}.optimizer.{i}": v for i, v in enumerate(inner.variables)}


def _scale(network: str, optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    if not isinstance(optimizer, LossScaleOptimizer):
        return {}
    return {f"{network}.{name}": getattr(optimizer, name) for name in SCALE}
