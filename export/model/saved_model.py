"""Loading of SavedModels."""

import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfstargan.exported.runtime import Endpoints


def load(folder: pathlib.Path) -> Endpoints:
    """The signatures of a SavedModel as functions of named arrays."""
    signatures = tf.saved_model.load(str(folder)).signatures

    def endpoint(name: str) -> Callable[..., dict[str, np.ndarray]]:
        def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            return {k: v.numpy() for k, v in signatures[name](**tensors).items()}

        return call

    return {name: endpoint(name) for name in signatures}
