"""Residual blocks of the generator, the style encoder and the discriminator.

Choi et al., arXiv:1912.01865, appendix: ResBlk without a style, and AdaResBlk, which
applies a style code by adaptive instance normalization. `channel_widths` is the rule
for the number of channels at each resolution.
"""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfstargan.networks.layers import Conv2D, Shape, average_pool, upsample
from tfstargan.networks.lowering import Lowered
from tfstargan.networks.norms import AdaIN, InstanceNormalization

LEAK = 0.2  # slope of every LeakyReLU
# Keeps the variance of a sum of two. It is the gain of the convolutions before the sum:
# applied to their weights, it takes no time.
UNIT_VARIANCE = 1 / math.sqrt(2)


@ops.custom_gradient
def leaky_relu(x: Any) -> tuple[Any, Any]:
    """LeakyReLU: x, with negative values times 0.2.

    The gradient uses the sign of the result, which the next convolution keeps anyway,
    so x is not kept.
    """
    result = ops.leaky_relu(x, LEAK)

    def gradient(upstream: Any) -> Any:
        return tf.raw_ops.LeakyReluGrad(gradients=upstream, features=result, alpha=LEAK)

    return result, gradient


def channel_widths(
    side: int, smallest: int, channel_base: int, channel_max: int
) -> list[int]:
    """Channels at sides `side`, side / 2, ..., smallest.

    `channel_base / side` at full size, doubled at each halving up to `channel_max`.

    Args:
        side: of the largest feature map, `img_size / patch_size`.
        smallest: side of the smallest feature map.
        channel_base: see above.
        channel_max: see above.

    Raises:
        ValueError: if side is not a power of two of at least 32, or channel_base is
            smaller than side.
    """
    # Only with patches is the side another than img_size.
    if side < 32 or side & (side - 1):
        raise ValueError(f"img_size must be a power of two >= 32, got {side}")
    if channel_base < side:
        raise ValueError(f"channel_base {channel_base} is below img_size {side}")
    widths = [channel_base // side]
    for _ in range(int(math.log2(side // smallest))):
        widths.append(min(2 * widths[-1], channel_max))
    return widths


@keras.saving.register_keras_serializable("tfstargan")
class ResidualBlock(Lowered):
    """Pre-activation residual block, with or without norms and pooling.

    `(shortcut(x) + residual(x)) / sqrt(2)`; residual: [norm], LeakyReLU, conv, [2x2
    average pool], [norm], LeakyReLU, conv; shortcut: [1x1 conv], [pool]. The paper's
    ResBlk (appendix, table of the generator). [B, H, W, C] to [B, H', W', filters].

    Args:
        filters: number of output channels.
        normalize: whether instance normalization precedes each activation.
        downsample: whether the resolution is halved.
        **kwargs: those of `Lowered`, passed to the layers inside.
    """

    convolution: type[Any] = Conv2D  # 3x3; it may resample

    def __init__(
        self,
        filters: int,
        normalize: bool = False,
        downsample: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.normalize = normalize
        self.downsample = downsample

    def build(self, input_shape: Shape) -> None:
        self.channels = channels = input_shape[-1]
        resample = "down" if self.downsample else None
        shared = self.inherited()
        same: Shape = (None, None, None, channels)
        if self.normalize:
            self.norm1 = InstanceNormalization(**shared)
            self.norm2 = InstanceNormalization(**shared)
            self.norm1.build(same)
            self.norm2.build(same)
        self.conv1 = self.convolution(channels, resample=resample, **shared)
        self.conv2 = self.convolution(self.filters, gain=UNIT_VARIANCE, **shared)
        self.conv1.build(same)
        self.conv2.build(same)
        self.conv1x1 = None
        if channels != self.filters:
            self.conv1x1 = Conv2D(
                self.filters,
                1,
                use_bias=False,
                resample=resample,
                gain=UNIT_VARIANCE,
                **shared,
            )
            self.conv1x1.build(same)

    def call(self, x: Any) -> Any:
        residual = self.norm1(x) if self.normalize else x
        residual = self.conv1(leaky_relu(residual))
        residual = self.norm2(residual) if self.normalize else residual
        residual = self.conv2(leaky_relu(residual))
        if self.conv1x1 is not None:
            return self.conv1x1(x) + residual
        if self.downsample:
            x = average_pool(x)
        return x * UNIT_VARIANCE + residual

    def get_config(self) -> dict:
        return super().get_config() | {
            "filters": self.filters,
            "normalize": self.normalize,
            "downsample": self.downsample,
        }


@keras.saving.register_keras_serializable("tfstargan")
class AdaINResidualBlock(Lowered):
    """Residual block of the decoder, with the style in two AdaINs.

    `(shortcut(x) + residual(x, s)) / sqrt(2)`; residual: AdaIN, LeakyReLU, [nearest 2x
    upsampling], conv, AdaIN, LeakyReLU, conv; shortcut: [1x1 conv], [upsampling]. The
    paper's AdaResBlk. [B, H, W, C] and style [B, S] to [B, H', W', filters].

    Args:
        filters: number of output channels.
        upsample: whether the resolution is doubled.
        shortcut: if False, the block is only its residual, undivided. Faces use this:
            their high-pass skips keep the shape of the source.
        **kwargs: those of `Lowered`, passed to the layers inside.
    """

    convolution: type[Any] = Conv2D

    def __init__(
        self,
        filters: int,
        upsample: bool = False,
        shortcut: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.upsample = upsample
        self.shortcut = shortcut

    def build(self, x_shape: Shape, s_shape: Shape) -> None:
        self.channels = channels = x_shape[-1]
        resample = "up" if self.upsample else None
        shared = self.inherited()
        outer: Shape = (None, None, None, channels)
        inner: Shape = (None, None, None, self.filters)
        self.norm1 = AdaIN(**shared)
        self.norm2 = AdaIN(**shared)
        self.norm1.build(outer, s_shape)
        self.norm2.build(inner, s_shape)
        self.conv1 = self.convolution(self.filters, resample=resample, **shared)
        gain = UNIT_VARIANCE if self.shortcut else 1.0
        self.conv2 = self.convolution(self.filters, gain=gain, **shared)
        self.conv1.build(outer)
        self.conv2.build(inner)
        self.conv1x1 = None
        if self.shortcut and channels != self.filters:
            self.conv1x1 = Conv2D(
                self.filters, 1, use_bias=False, resample=resample, gain=gain, **shared
            )
            self.conv1x1.build(outer)

    def call(self, x: Any, s: Any) -> Any:
        residual = self.conv1(leaky_relu(self.norm1(x, s)))
        residual = self.conv2(leaky_relu(self.norm2(residual, s)))
        if not self.shortcut:
            return residual
        if self.conv1x1 is not None:
            return self.conv1x1(x) + residual
        if self.upsample:
            x = upsample(x)
        return x * UNIT_VARIANCE + residual

    def get_config(self) -> dict:
        return super().get_config() | {
            "filters": self.filters,
            "upsample": self.upsample,
            "shortcut": self.shortcut,
        }
