"""Convolutions that resample, and linear layers per domain.

Nothing here is specific to StarGAN.

A 3x3 convolution next to a change of resolution needs only a quarter of the arithmetic:

- Means of 2x2 pixels commute with a convolution. If they are taken first, only every
  second pixel is convolved.
- Nearest-neighbour doubling inserts zeros between the pixels, then sums 2x2. If the sum
  is taken after the convolution, three of four of its inputs are zeros, which a
  transposed convolution skips.

The values are the same except for rounding.
"""

import math
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from tfstargan.networks import channels_last
from tfstargan.networks.lowering import LITERT, Lowered

Shape = tuple[Any, ...]  # of sizes; None: any

# Eight times a pixel minus its eight neighbours: 0 in constant areas.
HIGH_PASS = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])


def he_normal(fan_in: int) -> keras.initializers.Initializer:
    """The reference's initializer: N(0, 2 / fan_in), not truncated.

    He et al., arXiv:1502.01852, eq. 10. Keras' own `HeNormal` is truncated.
    """
    return keras.initializers.RandomNormal(stddev=math.sqrt(2.0 / fan_in))


def average_pool(features: Any) -> Any:
    """Means of 2x2 pixels: [B, H, W, C] to [B, H / 2, W / 2, C]."""
    return channels_last.average_pool(features, 2, padding="valid")


def upsample(features: Any) -> Any:
    """Nearest-neighbour doubling: [B, H, W, C] to [B, 2H, 2W, C].

    Copies along the channels are reshaped into columns, then into rows. This is fast on
    every backend, and the LiteRT converter keeps it, unlike resizing operations.
    """
    _, height, width, channels = features.shape
    wide = ops.concatenate([features, features], axis=-1)  # [B, H, W, 2C]
    wide = ops.reshape(wide, (-1, height, 2 * width * channels))
    tall = ops.concatenate([wide, wide], axis=-1)  # [B, H, 2 * 2W * C]
    return ops.reshape(tall, (-1, 2 * height, 2 * width, channels))


def to_patches(images: Any, size: int) -> Any:
    """Squares of pixels as channels, [B, H / size, W / size, size**2 * C].

    As before the first layer of Ridnik et al., arXiv:2003.13630, section 2.1. In
    float32: TensorFlow has no kernel for bfloat16 on GPUs.
    """
    if size == 1:
        return images
    return channels_last.space_to_depth(ops.cast(images, "float32"), size)


def patches_shape(img_size: int, size: int) -> Shape:
    """The shape of the patches of images, [None, H / size, W / size, 3 * size**2]."""
    return None, img_size // size, img_size // size, 3 * size**2


def from_patches(patches: Any, size: int) -> Any:
    """The images of `to_patches`; sub-pixels of Shi et al., arXiv:1609.05158."""
    return patches if size == 1 else channels_last.depth_to_space(patches, size)


def high_pass(features: Any, weight: float) -> Any:
    """Differences of every pixel from its neighbours, [B, H, W, C].

    Each channel is convolved with `HIGH_PASS / weight`. It is padded with zeros, so a
    border counts as a difference.

    Args:
        features: [B, H, W, C].
        weight: divides the filter; StarGAN v2's w_hpf, above 0.
    """
    kernel = np.tile(HIGH_PASS[..., None, None] / weight, (features.shape[-1], 1))
    kernel = ops.cast(kernel, features.dtype)  # [3, 3, C, 1]
    return channels_last.depthwise_conv(features, kernel, padding="same")


@keras.saving.register_keras_serializable("tfstargan")
class Conv2D(Lowered):
    """Convolution of stride 1, He-initialized, that may halve or double the resolution.

    [B, H, W, C] to [B, H', W', filters].

    Args:
        filters: number of output channels.
        kernel_size: side of the kernel.
        padding: "same" (zeros) or "valid".
        use_bias: whether to add a bias (initially 0).
        gain: factor on the result, applied to kernel and bias, which are smaller.
        resample: None; "down" for a 2x2 average pool after the convolution; "up" for
            nearest-neighbour doubling before it. Both need a "same" kernel of 1 or 3.
        **kwargs: those of `Lowered`. Every lowering doubles the resolution by four
            small convolutions, each for every second row and column, instead of a
            transposed one. "litert_pairs" convolves two rows at a time from
            PAIRS_FROM on.

    Raises:
        ValueError: if `resample` is unknown, or is not supported with this kernel_size
            and padding.
    """

    # Two rows at a time take a third fewer multiplications, more additions, and a
    # kernel that is a third larger. They are faster from this width and height on.
    PAIRS_FROM: ClassVar = {"channels": 128, "side": 64}

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        padding: str = "same",
        use_bias: bool = True,
        resample: str | None = None,
        gain: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if resample not in (None, "down", "up"):
            raise ValueError(f"resample must be None, 'down' or 'up', got {resample!r}")
        if resample and (kernel_size not in (1, 3) or padding != "same"):
            raise ValueError(
                "resample needs kernel_size 1 or 3 and padding 'same', "
                f"got {kernel_size} and {padding!r}"
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.padding = padding
        self.use_bias = use_bias
        self.resample = resample
        self.gain = gain

    def build(self, input_shape: Shape) -> None:
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        init = he_normal(math.prod(shape[:3]))
        self.kernel = self.add_weight(shape, init, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((self.filters,), "zeros", name="bias")

    def call(self, features: Any) -> Any:
        kernel = self._scaled(self.kernel)
        if self.resample == "down":
            features = self._convolve_then_pool(features, kernel)
        elif self.resample == "up":
            features = self._upsample_then_convolve(features, kernel)
        elif self.lowering == "litert_pairs" and self._pairs_pay(features):
            features = self._convolve_pairs(features, kernel)
        else:
            features = channels_last.conv(features, kernel, padding=self.padding)
        return ops.add(features, self._scaled(self.bias)) if self.use_bias else features

    def _scaled(self, weight: Any) -> Any:
        return weight if self.gain == 1 else weight * self.gain

    def _pairs_pay(self, features: Any) -> bool:
        _, height, _, channels = features.shape
        usual = self.kernel_size == 3 and self.padding == "same" and height % 2 == 0
        wide = min(channels, self.filters) >= self.PAIRS_FROM["channels"]
        return usual and wide and height >= self.PAIRS_FROM["side"]

    def _convolve_pairs(self, features: Any, kernel: Any) -> Any:
        """The 3x3 convolution, two rows at a time by four 1x3 convolutions.

        The two results of a column `a b c d` and a filter `f g h`, `af + bg + ch` and
        `bf + cg + dh`, are sums of four products instead of six (Winograd's F(2, 3);
        Lavin and Gray, arXiv:1509.09308, section 4.1).
        """
        _, height, width, channels = features.shape
        # Two rows side by side: [B, H / 2 + 1, 2W, C].
        padded = ops.pad(features, [(0, 0), (1, 1), (0, 0), (0, 0)])
        rows = ops.reshape(padded, (-1, height // 2 + 1, 2 * width, channels))
        a, b = rows[:, :-1, :width], rows[:, :-1, width:]
        c, d = rows[:, 1:, :width], rows[:, 1:, width:]
        f, g, h = (kernel[i : i + 1] for i in range(3))
        first, plus, minus, last = (
            channels_last.conv(row, taps, padding="same")
            for row, taps in (
                (a - c, f),
                (b + c, (f + g + h) / 2),
                (c - b, (f - g + h) / 2),
                (b - d, h),
            )
        )
        pair = ops.concatenate([first + plus + minus, plus - minus - last], axis=2)
        return ops.reshape(pair, (-1, height, width, self.filters))

    def _convolve_then_pool(self, features: Any, kernel: Any) -> Any:
        if self.kernel_size == 1:  # commutes with pooling: a quarter of the work
            return channels_last.conv(average_pool(features), kernel, padding="same")
        means = ops.pad(features, [(0, 0), (1, 1), (1, 1), (0, 0)])
        means = channels_last.average_pool(means, 2, strides=1)  # [B, H + 1, W + 1, C]
        return channels_last.conv(means, kernel, strides=2, padding="valid")

    def _upsample_then_convolve(self, features: Any, kernel: Any) -> Any:
        if self.kernel_size == 1:  # commutes with copying
            return upsample(channels_last.conv(features, kernel, padding="same"))
        kernel = 4 * kernel  # sums are four means
        spread = self._spread_in_phases if self.lowering else self._spread
        return channels_last.average_pool(spread(features, kernel), 2, strides=1)

    def _spread(self, features: Any, kernel: Any) -> Any:
        """The convolution of pixels with zeros between them, [B, 2H + 1, 2W + 1, F].

        A transposed convolution takes the kernel flipped, with its channels swapped.
        """
        kernel = ops.transpose(ops.flip(kernel, (0, 1)), (0, 1, 3, 2))
        return channels_last.conv_transpose(
            features, kernel, strides=2, padding="valid"
        )

    def _spread_in_phases(self, features: Any, kernel: Any) -> Any:
        """The same by four convolutions, each with the taps that meet pixels.

        Between two pixels, the outer taps of a filter meet both. At a pixel, only its
        middle tap meets one.
        """
        between, at = (slice(0, 3, 2), (1, 1)), (slice(1, 2), (0, 1))
        phases = []  # 4 x [B, H + 1, W + 1, F]
        for rows, above_below in (between, at):
            for columns, sides in (between, at):
                padded = ops.pad(features, [(0, 0), above_below, sides, (0, 0)])
                taps = kernel[rows, columns]
                phases.append(channels_last.conv(padded, taps, padding="valid"))
        whole = channels_last.depth_to_space(ops.concatenate(phases, axis=-1), 2)
        return whole[:, :-1, :-1]

    def get_config(self) -> dict:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "padding": self.padding,
            "use_bias": self.use_bias,
            "resample": self.resample,
            "gain": self.gain,
        }


@keras.saving.register_keras_serializable("tfstargan")
class DomainDense(Lowered):
    """A linear layer for each domain, `x_k @ kernel_k + bias_k`; all are applied.

    [B, K, C] (or [B, 1, C]: the same input for every domain) to [B, K, units].
    Heads of domains that are absent from a batch have a zero gradient rather than none,
    as in the reference.

    Args:
        units: number of outputs of each domain's layer.
        num_domains: K.
        **kwargs: those of `Lowered`. For LiteRT, whose quantizer does not support
            batches of matrix products, there is a product for each domain.
    """

    def __init__(self, units: int, num_domains: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.num_domains = num_domains

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        shape = (self.num_domains, channels, self.units)
        self.kernel = self.add_weight(shape, he_normal(channels), name="kernel")
        self.bias = self.add_weight(
            (self.num_domains, self.units), "zeros", name="bias"
        )

    def call(self, features: Any) -> Any:
        if features.shape[1] == 1:
            heads = ops.einsum("bc,kcu->bku", ops.squeeze(features, 1), self.kernel)
        elif self.lowering in LITERT:
            width = features.shape[-1]
            flat = ops.reshape(features, (-1, self.num_domains * width))
            products = [
                ops.matmul(flat[:, k * width : (k + 1) * width], self.kernel[k])
                for k in range(self.num_domains)
            ]
            heads = ops.concatenate(products, axis=-1)
            heads = ops.reshape(heads, (-1, self.num_domains, self.units))
        else:
            heads = ops.einsum("bkc,kcu->bku", features, self.kernel)
        return heads + self.bias

    def get_config(self) -> dict:
        return super().get_config() | {
            "units": self.units,
            "num_domains": self.num_domains,
        }


def pick_domain(heads: Any, domain: Any) -> Any:
    """The output of each example for its domain: [B, K, C] and int [B] to [B, C]."""
    chosen = ops.one_hot(domain, heads.shape[1], dtype=heads.dtype)  # [B, K]
    return ops.einsum("bkc,bk->bc", heads, chosen)


def pick_logits(logits: Any, domain: Any) -> Any:
    """The logit of each example for its domain: [B, K] and int [B] to [B]."""
    return ops.squeeze(pick_domain(ops.expand_dims(logits, -1), domain), -1)
