"""A run as a TensorFlow SavedModel with three signatures, for serving.

    python -m export.savedmodel --run_dir=R

writes RUN/export/savedmodel/, with a stargan.json in it. It takes any number of
pictures at once. It is loaded and compared with Keras on real pictures; one that
differs is not kept.
"""

import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfstargan.exported.runtime import Endpoints


def load(folder: pathlib.Path) -> Endpoints:
    """Return the signatures of a SavedModel as functions of named arrays."""
    signatures = tf.saved_model.load(str(folder)).signatures

    def endpoint(name: str) -> Callable[..., dict[str, np.ndarray]]:
        def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            return {k: v.numpy() for k, v in signatures[name](**tensors).items()}

        return call

    return {name: endpoint(name) for name in signatures}
