"""A light generator, for devices: the full one's plan in separable convolutions.

Three differences from `networks.Generator` make it fit a phone:

- a 3x3 convolution is a depthwise 3x3 and a pointwise one (MobileNets, Howard et al.,
  arXiv:1704.04861): about a ninth of the arithmetic;
- the first convolution halves the resolution and the last doubles it by sub-pixels
  (Shi et al., arXiv:1609.05158): no feature map is as large as the image, and it is
  the passes over these that take the time once the arithmetic is little;
- there are fewer channels (`Config.light_width`).

Styles, norms, residual blocks and the high-pass skips of faces are as they were. Made
of a trained run by `distill.py`, or trained from scratch (`--generator=light`).
"""

import math
from typing import Any

import keras
from keras import ops

from tfstargan.networks.blocks import AdaINResidualBlock, ResidualBlock
from tfstargan.networks.generator import Generator
from tfstargan.networks.layers import Conv2D, Shape, he_normal, upsample

STEM = 4  # side of the first convolution's kernel: each halved pixel sees 4x4


@keras.saving.register_keras_serializable("tfstargan")
class DepthwiseConv2D(keras.layers.Layer):
    """A 3x3 convolution of every channel on its own, zeros beyond the border.

    [B, H, W, C] to [B, H', W', C].

    Args:
        strides: 1, or 2 to halve the resolution.
        use_bias: whether to add a bias (from 0).
    """

    # Whether the taps are nine shifted maps, summed, in place of the operation.
    shifts = False

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
        if self.shifts and self.strides == 1:
            features = self._sum_shifted(features)
        else:
            features = ops.depthwise_conv(
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


def sum_taps(network: keras.Model) -> None:
    """Have depthwise convolutions computed in the way that suits XLA on a CPU."""
    for layer in network._flatten_layers():
        if isinstance(layer, DepthwiseConv2D):
            layer.shifts = True


@keras.saving.register_keras_serializable("tfstargan")
class SeparableConv2D(keras.layers.Layer):
    """A depthwise 3x3 and a pointwise convolution, in the place of `layers.Conv2D`.

    Each works at the smaller of the two resolutions if it can: "down" is a depthwise
    convolution of stride 2, "up" is pointwise, nearest-neighbour doubling, depthwise.
    [B, H, W, C] to [B, H', W', filters].

    Args:
        filters: number of output channels.
        resample: None, "down" or "up".
        gain: factor on the result, as `layers.Conv2D` has it; not with "up".

    Raises:
        ValueError: if `resample` is unknown, or does not go with the gain.
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
        # The bias comes last: one before the other convolution would be lost in its.
        dtype = self.dtype_policy
        self.pointwise = Conv2D(
            self.filters, 1, use_bias=not up, gain=self.gain, dtype=dtype
        )
        strides = 2 if self.resample == "down" else 1
        self.depthwise = DepthwiseConv2D(strides, use_bias=up, dtype=dtype)
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
class SubpixelConv2D(keras.layers.Layer):
    """A separable convolution to twice the resolution: 2x2 pixels from each place.

    Shi et al., arXiv:1609.05158, section 2.2. [B, H, W, C] to [B, 2H, 2W, filters].

    Args:
        filters: number of output channels.
    """

    def __init__(self, filters: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: Shape) -> None:
        self.conv = SeparableConv2D(4 * self.filters, dtype=self.dtype_policy)
        self.conv.build(input_shape)

    def call(self, features: Any) -> Any:
        return ops.depth_to_space(self.conv(features), 2)

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
    """Translate images into a style, like `Generator`, with little arithmetic.

    Its arguments are those of `Generator`, and so is what it is called with. Where
    w_hpf > 0 features of the image's own resolution have no skip: there are none.
    """

    encoder_block = LightResidualBlock
    decoder_block = LightAdaINResidualBlock
    halvings = 1

    def make_from_rgb(self, filters: int) -> Any:
        """Return a convolution of stride 2."""
        init = he_normal(math.prod((STEM, STEM, 3)))
        return keras.layers.Conv2D(
            filters, STEM, strides=2, padding="same", kernel_initializer=init
        )

    def make_to_rgb(self) -> Any:
        """Return a convolution that doubles the resolution."""
        return SubpixelConv2D(3, dtype="float32")
