"""Inception v3 up to its last pooling: 2048 features of an image, for FID and KID.

Szegedy et al., arXiv:1512.00567; parameters are named as in torchvision. There are two
trained networks, each with its own way of preparing images:

- torchvision's, which the authors of StarGAN v2 use;
- TensorFlow's of 2015, on which FID was defined (Heusel et al., arXiv:1706.08500) and
  which clean-fid uses. Its average pools ignore the padding, and the pool of its last
  block takes the maximum.

Keras' own Inception v3 is not used. Its average pools ignore the padding, unlike
torchvision's. As far as we know its weights follow TensorFlow's release of 2016, from
which torchvision's differ (github.com/pytorch/vision/issues/926).
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from PIL import Image

from tfstargan.networks.channels_last import LAST

SIDE = 299  # of its input
FEATURES = 2048
IMAGENET_MEAN = np.array((0.485, 0.456, 0.406), np.float32)
IMAGENET_DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)

Pool = Callable[[Any], Any]


def torchvision_trunk() -> keras.Model:
    """Torchvision's network: every average pool counts the padding as zeros."""
    return trunk(_average_pool_of_padded, _average_pool_of_padded)


def tensorflow_2015_trunk() -> keras.Model:
    """The network of 2015: pools ignore the padding, the last one is a maximum."""
    average = layers.AveragePooling2D(3, 1, "same", **LAST)
    return trunk(average, layers.MaxPooling2D(3, 1, "same", **LAST))


def trunk(average_pool: Pool, last_pool: Pool) -> keras.Model:
    """The network without weights, images [B, H, W, 3] to features [B, 2048].

    Args:
        average_pool: 3x3 of stride 1, within the blocks.
        last_pool: the same, in the last block.
    """
    image = keras.Input((None, None, 3))
    x = conv(image, "Conv2d_1a_3x3", 32, 3, strides=2, padding="valid")
    x = conv(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = conv(x, "Conv2d_2b_3x3", 64, 3)
    x = layers.MaxPooling2D(3, 2, **LAST)(x)
    x = conv(x, "Conv2d_3b_1x1", 80)
    x = conv(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    x = layers.MaxPooling2D(3, 2, **LAST)(x)
    for name, pooled in ("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64):
        x = block_35(x, name, pooled, average_pool)
    x = reduction_35(x, "Mixed_6a")
    for letter, width in zip("bcde", (128, 160, 160, 192), strict=True):
        x = block_17(x, f"Mixed_6{letter}", width, average_pool)
    x = reduction_17(x, "Mixed_7a")
    x = block_8(x, "Mixed_7b", average_pool)
    x = block_8(x, "Mixed_7c", last_pool)
    return keras.Model(image, layers.GlobalAveragePooling2D(**LAST)(x))


def conv(
    x: Any,
    name: str,
    filters: int,
    kernel_size: int | tuple[int, int] = 1,
    strides: int = 1,
    padding: str = "same",
) -> Any:
    """ReLU of the batch norm (running statistics) of a convolution."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding,
        use_bias=False,
        kernel_initializer="zeros",
        name=f"{name}.conv",
        **LAST,
    )(x)
    norm = layers.BatchNormalization(epsilon=1e-3, trainable=False, name=f"{name}.bn")
    return layers.ReLU()(norm(x, training=False))


def block_35(x: Any, name: str, pooled: int, pool: Pool) -> Any:
    """A block at 35 x 35 (torchvision's InceptionA)."""
    one = conv(x, f"{name}.branch1x1", 64)
    five = conv(x, f"{name}.branch5x5_1", 48)
    five = conv(five, f"{name}.branch5x5_2", 64, 5)
    three = conv(x, f"{name}.branch3x3dbl_1", 64)
    three = conv(three, f"{name}.branch3x3dbl_2", 96, 3)
    three = conv(three, f"{name}.branch3x3dbl_3", 96, 3)
    rest = conv(pool(x), f"{name}.branch_pool", pooled)
    return layers.Concatenate()([one, five, three, rest])


def reduction_35(x: Any, name: str) -> Any:
    """From 35 x 35 to 17 x 17 (torchvision's InceptionB)."""
    three = conv(x, f"{name}.branch3x3", 384, 3, strides=2, padding="valid")
    double = conv(x, f"{name}.branch3x3dbl_1", 64)
    double = conv(double, f"{name}.branch3x3dbl_2", 96, 3)
    double = conv(double, f"{name}.branch3x3dbl_3", 96, 3, strides=2, padding="valid")
    return layers.Concatenate()([three, double, layers.MaxPooling2D(3, 2, **LAST)(x)])


def block_17(x: Any, name: str, width: int, pool: Pool) -> Any:
    """A block at 17 x 17 (torchvision's InceptionC)."""
    one = conv(x, f"{name}.branch1x1", 192)
    seven = conv(x, f"{name}.branch7x7_1", width)
    seven = conv(seven, f"{name}.branch7x7_2", width, (1, 7))
    seven = conv(seven, f"{name}.branch7x7_3", 192, (7, 1))
    double = conv(x, f"{name}.branch7x7dbl_1", width)
    double = conv(double, f"{name}.branch7x7dbl_2", width, (7, 1))
    double = conv(double, f"{name}.branch7x7dbl_3", width, (1, 7))
    double = conv(double, f"{name}.branch7x7dbl_4", width, (7, 1))
    double = conv(double, f"{name}.branch7x7dbl_5", 192, (1, 7))
    rest = conv(pool(x), f"{name}.branch_pool", 192)
    return layers.Concatenate()([one, seven, double, rest])


def reduction_17(x: Any, name: str) -> Any:
    """From 17 x 17 to 8 x 8 (torchvision's InceptionD)."""
    three = conv(x, f"{name}.branch3x3_1", 192)
    three = conv(three, f"{name}.branch3x3_2", 320, 3, strides=2, padding="valid")
    seven = conv(x, f"{name}.branch7x7x3_1", 192)
    seven = conv(seven, f"{name}.branch7x7x3_2", 192, (1, 7))
    seven = conv(seven, f"{name}.branch7x7x3_3", 192, (7, 1))
    seven = conv(seven, f"{name}.branch7x7x3_4", 192, 3, strides=2, padding="valid")
    return layers.Concatenate()([three, seven, layers.MaxPooling2D(3, 2, **LAST)(x)])


def block_8(x: Any, name: str, pool: Pool) -> Any:
    """A block at 8 x 8 (torchvision's InceptionE)."""
    one = conv(x, f"{name}.branch1x1", 320)
    three = conv(x, f"{name}.branch3x3_1", 384)
    wide = conv(three, f"{name}.branch3x3_2a", 384, (1, 3))
    high = conv(three, f"{name}.branch3x3_2b", 384, (3, 1))
    double = conv(x, f"{name}.branch3x3dbl_1", 448)
    double = conv(double, f"{name}.branch3x3dbl_2", 384, 3)
    double_wide = conv(double, f"{name}.branch3x3dbl_3a", 384, (1, 3))
    double_high = conv(double, f"{name}.branch3x3dbl_3b", 384, (3, 1))
    rest = conv(pool(x), f"{name}.branch_pool", 192)
    return layers.Concatenate()([one, wide, high, double_wide, double_high, rest])


def _average_pool_of_padded(x: Any) -> Any:
    padded = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    return layers.AveragePooling2D(3, 1, **LAST)(padded)


def prepare_reference(image: Image.Image, img_size: int) -> np.ndarray:
    """An image as the authors' code feeds it to torchvision's network, [299, 299, 3].

    Resized by Pillow's bilinear filter to img_size x img_size, then to 299 x 299, 8
    bits each time; in [0, 1], then `(value - mean) / deviation` of ImageNet.
    """
    for side in (img_size, SIDE):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    values = np.asarray(image, np.float32) / 255
    return (values - IMAGENET_MEAN) / IMAGENET_DEVIATION


def prepare_clean(image: Image.Image, img_size: int) -> np.ndarray:
    """An image as clean-fid feeds it to the network of 2015, [299, 299, 3].

    Resized from its own size by Pillow's bicubic filter, channel by channel in floating
    point (Parmar et al., arXiv:2104.11222); `(value - 128) / 128`.
    """
    del img_size

    def resized(channel: np.ndarray) -> np.ndarray:
        plane = Image.fromarray(channel)
        return np.asarray(plane.resize((SIDE, SIDE), Image.Resampling.BICUBIC))

    channels = np.moveaxis(np.asarray(image, np.float32), -1, 0)
    values = np.stack([resized(channel) for channel in channels], axis=-1)
    return (values.clip(0, 255) - 128) / 128
