"""LPIPS: a perceptual distance of images, by AlexNet's features.

Zhang et al., arXiv:1801.03924, version 0.1 with the linear weights that they publish
(`lpips_alex.npz`, from their package `lpips`; the licence is in the same folder).
AlexNet is torchvision's, with parameters named as there.
"""

import importlib.resources
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tfstargan.networks.channels_last import LAST

MEAN = (-0.030, -0.088, -0.188)  # of ImageNet, for images in [-1, 1]
DEVIATION = (0.458, 0.448, 0.450)
EPSILON = 1e-10


def alexnet() -> keras.Model:
    """The network without weights: images to the outputs of its five ReLUs.

    Images are [B, H, W, 3], normalized, of at least 31 pixels a side. The outputs are
    five arrays [B, h, w, C], C = 64, 192, 384, 256, 256.
    """
    x = image = keras.Input((None, None, 3))
    outputs = []
    for index, filters, kernel_size, strides, padding in (
        (0, 64, 11, 4, 2),
        (3, 192, 5, 1, 2),
        (6, 384, 3, 1, 1),
        (8, 256, 3, 1, 1),
        (10, 256, 3, 1, 1),
    ):
        if index in (3, 6):
            x = layers.MaxPooling2D(3, 2, **LAST)(x)
        x = layers.Conv2D(
            filters,
            kernel_size,
            strides,
            activation="relu",
            kernel_initializer="zeros",
            name=f"features.{index}",
            **LAST,
        )(layers.ZeroPadding2D(padding, **LAST)(x))
        outputs.append(x)
    return keras.Model(image, outputs)


def linear_weights() -> list[np.ndarray]:
    """The learned weights of the channels of each layer, >= 0."""
    folder = importlib.resources.files(__package__)
    with (folder / "lpips_alex.npz").open("rb") as file, np.load(file) as arrays:
        return [arrays[f"lin{i}"] for i in range(5)]


class LPIPS:
    """The distance, with AlexNet's weights.

    Args:
        network: of `alexnet()`, with weights.
    """

    def __init__(self, network: keras.Model):
        self.network = network
        self.weights = linear_weights()

    def mean_distance(self, groups: Any) -> Any:
        """The mean distance over all pairs of images of each group.

        The distance of two images is the weighted squared difference of their
        features, which have unit length at every pixel; the mean over pixels, the sum
        over layers. The mean of squared differences over all pairs is twice the
        (unbiased) variance, so every image goes through the network once, and no pair
        is formed.

        Args:
            groups: [N, M, H, W, 3] in [-1, 1], M images in each of N groups.

        Returns:
            [N]; the distance itself if M is 2.
        """
        count, size, height, width, _ = groups.shape
        images = ops.reshape(groups, (-1, height, width, 3))
        total = 0.0
        for features, weights in self._units(images):
            features = ops.reshape(features, (count, size, *features.shape[1:]))
            centred = features - ops.mean(features, axis=1, keepdims=True)
            variance = ops.sum(ops.square(centred), axis=1) / (size - 1)
            total += 2 * ops.mean(ops.sum(variance * weights, axis=-1), axis=(1, 2))
        return total

    def distance(self, a: Any, b: Any) -> Any:
        """The distance of a[i] and b[i], [N]; both [N, H, W, 3] in [-1, 1]."""
        return self.mean_distance(ops.stack([a, b], axis=1))

    def embed(self, images: Any) -> Any:
        """Vectors whose squared Euclidean distance is the distance of the images.

        Args:
            images: [N, H, W, 3] in [-1, 1].

        Returns:
            [N, C]; 32 thousand numbers for an image of 64 x 64, 640 thousand for 256.
        """
        parts = []
        for features, weights in self._units(images):
            _, height, width, channels = features.shape
            scaled = features * ops.sqrt(ops.array(weights) / (height * width))
            parts.append(ops.reshape(scaled, (-1, height * width * channels)))
        return ops.concatenate(parts, axis=-1)

    def _units(self, images: Any) -> Iterator[tuple[Any, np.ndarray]]:
        """Yield each layer's features, of unit length at every pixel, and weights."""
        outputs = self.network((images - ops.array(MEAN)) / ops.array(DEVIATION))
        for features, weights in zip(outputs, self.weights, strict=True):
            squares = ops.sum(ops.square(features), axis=-1, keepdims=True)
            yield features * ops.rsqrt(squares + EPSILON), weights
