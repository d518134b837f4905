"""A light generator for devices: `Generator` with separable convolutions.

It differs from `Generator` in three ways:

- A 3x3 convolution is a depthwise 3x3 and a pointwise one (MobileNets, Howard et al.,
  arXiv:1704.04861): about a ninth of the arithmetic.
- The first convolution halves the resolution, and the last one doubles it by sub-pixels
  (Shi et al., arXiv:1609.05158). No feature map is as large as the image: with so
  little arithmetic, passes over large feature maps would take most of the time.
- It has fewer channels (`Config.light_width`).

Styles, norms, residual blocks and the high-pass skips of faces are the same. It is
distilled from a trained run (`training/distillation.py`) or trained from scratch
(`generator="light"`).
"""

from typing import Any

import keras
from keras import ops

from tfstargan.networks import channels_last
from tfstargan.networks.blocks import AdaINResidualBlock, ResidualBlock
from tfstargan.networks.generator import Generator
from tfstargan.networks.layers import Conv2D, Shape, he_normal, upsample
from tfstargan.networks.lowering import Lowered

STEM = 4  # side of the first convolution's kernel, which has a stride of 2


@keras.saving.register_keras_serializable("tfstargan")
class DepthwiseConv2D(Lowered):
    """A 3x3 convolution of every channel by itself, padded with zeros.

    [B, H, W, C] to [B, H', W', C].

    Args:
        strides: 1, or 2 to halve the resolution.
        use_bias: whether to add a bias (initially 0).
        **kwargs: those of `Lowered`. With "xla_cpu" and strides of 1, nine shifted maps
            are summed instead of TensorFlow's operation.
    """

    def __init__(self, strides: int = 1, use_bias: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.strides = strides
        self.use_bias = use_bias

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        self.kernel = self.add_weight((3, 3, channels, 1), he_normal(9), name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((channels,), "zeros", name="bias")

    def call(self, features: Any) -> Any:
        if self.lowering == "xla_cpu" and self.strides == 1:
            features = self._sum_shifted(features)
        else:
            features = channels_last.depthwise_conv(
                features, self.kernel, strides=self.strides, padding="same"
            )
        return ops.add(features, self.bias) if self.use_bias else features

    def _sum_shifted(self, features: Any) -> Any:
        _, height, width, _ = features.shape
        padded = ops.pad(features, [(0, 0), (1, 1), (1, 1), (0, 0)])
        return sum(
            padded[:, i : i + height, j : j + width] * self.kernel[i, j, :, 0]
            for i in range(3)
            for j in range(3)
        )

    def get_config(self) -> dict:
        return super().get_config() | {
            "strides": self.strides,
            "use_bias": self.use_bias,
        }


@keras.saving.register_keras_serializable("tfstargan")
class SeparableConv2D(Lowered):
    """A depthwise 3x3 and a pointwise convolution, instead of `layers.Conv2D`.

    "down" is a depthwise convolution of stride 2, then the pointwise one. "up" is the
    pointwise convolution, nearest-neighbour doubling, then the depthwise one.
    [B, H, W, C] to [B, H', W', filters].

    Args:
        filters: number of output channels.
        resample: None, "down" or "up".
        gain: factor on the result, as in `layers.Conv2D`; not with "up".
        **kwargs: those of `Lowered`, passed to both convolutions.

    Raises:
        ValueError: if `resample` is unknown, or there is a gain with "up".
    """

    def __init__(
        self,
        filters: int,
        resample: str | None = None,
        gain: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if resample not in (None, "down", "up"):
            raise ValueError(f"resample must be None, 'down' or 'up', got {resample!r}")
        if resample == "up" and gain != 1:
            raise ValueError(f"resample 'up' has no gain, got {gain}")
        self.filters = filters
        self.resample = resample
        self.gain = gain

    def build(self, input_shape: Shape) -> None:
        up = self.resample == "up"
        shared = self.inherited()
        # Only the last convolution has a bias: one before it would be redundant.
        self.pointwise = Conv2D(
            self.filters, 1, use_bias=not up, gain=self.gain, **shared
        )
        strides = 2 if self.resample == "down" else 1
        self.depthwise = DepthwiseConv2D(strides, use_bias=up, **shared)
        self.pointwise.build(input_shape)
        channels = self.filters if up else input_shape[-1]
        self.depthwise.build((*input_shape[:-1], channels))

    def call(self, features: Any) -> Any:
        if self.resample == "up":
            return self.depthwise(upsample(self.pointwise(features)))
        return self.pointwise(self.depthwise(features))

    def get_config(self) -> dict:
        return super().get_config() | {
            "filters": self.filters,
            "resample": self.resample,
            "gain": self.gain,
        }


@keras.saving.register_keras_serializable("tfstargan")
class SubpixelConv2D(Lowered):
    """A separable convolution to twice the resolution, 2x2 pixels from each one.

    Shi et al., arXiv:1609.05158, section 2.2. [B, H, W, C] to [B, 2H, 2W, filters].

    Args:
        filters: number of output channels.
        **kwargs: those of `Lowered`, passed to the convolution.
    """

    def __init__(self, filters: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: Shape) -> None:
        self.conv = SeparableConv2D(4 * self.filters, **self.inherited())
        self.conv.build(input_shape)

    def call(self, features: Any) -> Any:
        return channels_last.depth_to_space(self.conv(features), 2)

    def get_config(self) -> dict:
        return super().get_config() | {"filters": self.filters}


@keras.saving.register_keras_serializable("tfstargan")
class LightResidualBlock(ResidualBlock):
    """The encoder's residual block, separable."""

    convolution = SeparableConv2D


@keras.saving.register_keras_serializable("tfstargan")
class LightAdaINResidualBlock(AdaINResidualBlock):
    """The decoder's residual block, separable."""

    convolution = SeparableConv2D


@keras.saving.register_keras_serializable("tfstargan")
class LightGenerator(Generator):
    """Images translated into a style, as by `Generator`, with little arithmetic.

    Its arguments are those of `Generator`. With w_hpf > 0 there is no skip at the
    resolution of its input, at which it has no features.
    """

    encoder_block = LightResidualBlock
    decoder_block = LightAdaINResidualBlock
    halvings = 1

    def make_from_rgb(self, filters: int) -> Any:
        """The first convolution, of stride 2."""
        init = he_normal(STEM**2 * 3 * self.patch_size**2)
        return keras.layers.Conv2D(
            filters,
            STEM,
            strides=2,
            padding="same",
            kernel_initializer=init,
            dtype=self.dtype_policy,
            **channels_last.LAST,
        )

    def make_to_rgb(self, filters: int) -> Any:
        """The last convolution, which doubles the resolution, in float32."""
        return SubpixelConv2D(filters, dtype="float32", lowering=self.lowering)
