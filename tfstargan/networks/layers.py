"""Layers that know nothing of StarGAN: norms, resampling convolutions, domain heads.

InstanceNormalization takes the place of tensorflow-addons' (ended in May 2024), AdaIN
is Huang and Belongie's (arXiv:1703.06868). A 3x3 convolution beside a change of
resolution costs a quarter of what it seems to. Means of 2x2 pixels commute with a
convolution: taken before it, only every second pixel has to be convolved. Doubling is
spreading the pixels apart and summing 2x2: summed after the convolution, three of four
pixels that it sees are zeros, which a transposed convolution skips. The same numbers
but for rounding.
"""

import math
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

Shape = tuple[Any, ...]  # of sizes; None where any will do

# Eight times a pixel less its eight neighbours: 0 where nothing changes.
HIGH_PASS = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])


def he_normal(fan_in: int) -> keras.initializers.Initializer:
    """Return the reference's initializer: N(0, 2 / fan_in), not truncated.

    He et al., arXiv:1502.01852, eq. 10. Keras' own `HeNormal` cuts the tails off.
    """
    return keras.initializers.RandomNormal(stddev=math.sqrt(2.0 / fan_in))


def normalize(
    features: Any, gain: Any, offset: Any, epsilon: float, staged: bool = False
) -> Any:
    """Return every channel of every image with mean `offset` and deviation `gain`.

    `gain * (x - mean) / sqrt(var + epsilon) + offset`, mean and (biased) variance over
    H and W; a constant channel becomes its offset.

    Args:
        features: [B, H, W, C]; everything is computed in float32 whatever its dtype.
        gain: [B, 1, 1, C], or [1, 1, 1, C] for all images.
        offset: the same.
        epsilon: added to the variance; 1e-5 is the reference's.
        staged: whether means are taken of rows first and then of these: for LiteRT,
            which sums one number after the other, and in float16 on some GPUs.

    Returns:
        [B, H, W, C] float32. Its gradient is written out, which takes fewer passes over
        memory and keeps one tensor of that size; it has no gradient of its own.
    """

    def mean(x: Any) -> Any:
        if staged:
            x = ops.mean(x, axis=2, keepdims=True)
        return ops.mean(x, axis=(1, 2), keepdims=True)

    @ops.custom_gradient
    def standardize(x: Any, gain: Any, offset: Any) -> tuple[Any, Any]:
        centred = x - mean(x)
        # The square is written as a product: LiteRT's SQUARED_DIFFERENCE, which a
        # square becomes, overflows in float16.
        inverse = ops.rsqrt(mean(centred * centred) + epsilon)
        scale = gain * inverse

        def gradient(upstream: Any) -> Any:
            total = mean(upstream)
            along = mean(upstream * centred) * inverse
            pixels = upstream.shape[1] * upstream.shape[2]
            return (
                (upstream - total - centred * (along * inverse)) * scale,
                summed(along) * pixels,
                summed(total) * pixels,
            )

        def summed(moments: Any) -> Any:
            if gain.shape[0] == 1:
                return ops.sum(moments, axis=0, keepdims=True)
            return moments

        return centred * scale + offset, gradient

    return standardize(ops.cast(features, "float32"), gain, offset)


def average_pool(features: Any) -> Any:
    """Return the means of 2x2 pixels: [B, H, W, C] to [B, H / 2, W / 2, C]."""
    return ops.average_pool(features, 2, padding="valid")


def upsample(features: Any) -> Any:
    """Return every pixel four times (nearest): [B, H, W, C] to [B, 2H, 2W, C].

    Channels become columns and columns rows: cheap everywhere, and unlike resizing
    operations left whole by the LiteRT converter.
    """
    _, height, width, channels = features.shape
    wide = ops.concatenate([features, features], axis=-1)  # [B, H, W, 2C]
    wide = ops.reshape(wide, (-1, height, 2 * width * channels))
    tall = ops.concatenate([wide, wide], axis=-1)  # [B, H, 2 * 2W * C]
    return ops.reshape(tall, (-1, 2 * height, 2 * width, channels))


def high_pass(features: Any, weight: float) -> Any:
    """Return what changes from pixel to pixel, each channel on its own.

    Convolution with `HIGH_PASS / weight`, beyond the border zeros (so a border is a
    change). [B, H, W, C] to [B, H, W, C].

    Args:
        features: [B, H, W, C].
        weight: divides the filter; StarGAN v2's w_hpf, above 0.
    """
    kernel = np.tile(HIGH_PASS[..., None, None] / weight, (features.shape[-1], 1))
    kernel = ops.cast(kernel, features.dtype)  # [3, 3, C, 1]
    return ops.depthwise_conv(features, kernel, padding="same")


@keras.saving.register_keras_serializable("tfstargan")
class InstanceNormalization(keras.layers.Layer):
    """Instance normalization over H and W, then a learned scale and offset.

    `gamma * (x - mean) / sqrt(var + epsilon) + beta`; Ulyanov et al., arXiv:1607.08022.
    [B, H, W, C] to [B, H, W, C].

    Args:
        epsilon: added to the variance. 1e-5 is PyTorch's; tensorflow-addons said 1e-3.
        affine: whether there are a scale (gamma, from 1) and an offset (beta, from 0).
    """

    staged = False  # see `normalize`

    def __init__(self, epsilon: float = 1e-5, affine: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.affine = affine

    def build(self, input_shape: Shape) -> None:
        if self.affine:
            channels = (input_shape[-1],)
            self.gamma = self.add_weight(channels, "ones", name="gamma")
            self.beta = self.add_weight(channels, "zeros", name="beta")

    def call(self, features: Any) -> Any:
        channels = (features.shape[-1],)
        gamma, beta = ops.ones(channels), ops.zeros(channels)
        if self.affine:
            gamma, beta = (ops.cast(v, "float32") for v in (self.gamma, self.beta))
        gamma, beta = (ops.reshape(v, (1, 1, 1, -1)) for v in (gamma, beta))
        normalized = normalize(features, gamma, beta, self.epsilon, self.staged)
        return ops.cast(normalized, self.compute_dtype)

    def get_config(self) -> dict:
        return super().get_config() | {"epsilon": self.epsilon, "affine": self.affine}


@keras.saving.register_keras_serializable("tfstargan")
class AdaIN(keras.layers.Layer):
    """Adaptive instance normalization: a style sets every channel's scale and offset.

    `(1 + gamma) * (x - mean) / sqrt(var + epsilon) + beta`, (gamma, beta) a linear
    function of the style; arXiv:1703.06868, eq. 8. The `1 +`, absent there, is StarGAN
    v2's, so that (with the initial zero bias) a zero style is plain instance norm.
    Features [B, H, W, C] and style [B, S] to [B, H, W, C].

    Args:
        epsilon: added to the variance.
    """

    staged = False  # see `normalize`

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, features_shape: Shape, style_shape: Shape) -> None:
        self.fc = keras.layers.Dense(
            2 * features_shape[-1],
            kernel_initializer=he_normal(style_shape[-1]),
        )
        self.fc.build(style_shape)

    def call(self, features: Any, style: Any) -> Any:
        gamma, beta = ops.split(ops.cast(self.fc(style), "float32"), 2, axis=-1)
        gamma, beta = (ops.expand_dims(v, (1, 2)) for v in (gamma, beta))
        normalized = normalize(features, 1.0 + gamma, beta, self.epsilon, self.staged)
        return ops.cast(normalized, self.compute_dtype)

    def get_config(self) -> dict:
        return super().get_config() | {"epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfstargan")
class Conv2D(keras.layers.Layer):
    """Convolution of stride 1, He-initialized, that may halve or double the resolution.

    [B, H, W, C] to [B, H', W', filters].

    Args:
        filters: number of output channels.
        kernel_size: side of the kernel.
        padding: "same" (zeros) or "valid".
        use_bias: whether to add a bias (from 0).
        gain: factor on the result; it is put on kernel and bias, which are smaller.
        resample: None; "down" for a 2x2 average pool after the convolution; "up" for
            nearest-neighbour doubling before it. Both need a "same" kernel of 1 or 3.

    Raises:
        ValueError: if `resample` is unknown or does not go with kernel and padding.
    """

    # Whether doubling is, instead of a transposed convolution, four small ones, each of
    # every second row and column: for LiteRT, which is slow at the former. See
    # `upsample_in_phases`.
    phases = False

    # Whether rows are convolved in pairs, a third less arithmetic, where channels are
    # enough to outweigh what that adds and subtracts, and pixels to outweigh that it
    # makes the kernel a third larger. See `convolve_in_pairs`.
    pairs = False
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
        elif self.pairs and self._pairs_pay(features):
            features = self._convolve_pairs(features, kernel)
        else:
            features = ops.conv(features, kernel, padding=self.padding)
        return ops.add(features, self._scaled(self.bias)) if self.use_bias else features

    def _scaled(self, weight: Any) -> Any:
        return weight if self.gain == 1 else weight * self.gain

    def _pairs_pay(self, features: Any) -> bool:
        _, height, _, channels = features.shape
        usual = self.kernel_size == 3 and self.padding == "same" and height % 2 == 0
        wide = min(channels, self.filters) >= self.PAIRS_FROM["channels"]
        return usual and wide and height >= self.PAIRS_FROM["side"]

    def _convolve_pairs(self, features: Any, kernel: Any) -> Any:
        """Return the 3x3 convolution, two rows at a time of four convolutions by 1x3.

        Of a column `a b c d` and a filter `f g h` both results, `af + bg + ch` and
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
            ops.conv(row, taps, padding="same")
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
            return ops.conv(average_pool(features), kernel, padding="same")
        means = ops.pad(features, [(0, 0), (1, 1), (1, 1), (0, 0)])
        means = ops.average_pool(means, 2, strides=1)  # [B, H + 1, W + 1, C]
        return ops.conv(means, kernel, strides=2, padding="valid")

    def _upsample_then_convolve(self, features: Any, kernel: Any) -> Any:
        if self.kernel_size == 1:  # commutes with copying
            return upsample(ops.conv(features, kernel, padding="same"))
        kernel = 4 * kernel  # sums are four means
        spread = self._spread_in_phases if self.phases else self._spread
        return ops.average_pool(spread(features, kernel), 2, strides=1)

    def _spread(self, features: Any, kernel: Any) -> Any:
        """Return the convolution of pixels with zeros between, [B, 2H + 1, 2W + 1, F].

        A transposed convolution turns the kernel around and swaps its channels.
        """
        kernel = ops.transpose(ops.flip(kernel, (0, 1)), (0, 1, 3, 2))
        return ops.conv_transpose(features, kernel, strides=2, padding="valid")

    def _spread_in_phases(self, features: Any, kernel: Any) -> Any:
        """Return the same from four convolutions by those taps that see no zeros.

        Between two pixels a filter sees both with its outer taps, and at a pixel only
        that one with its middle tap.
        """
        between, at = (slice(0, 3, 2), (1, 1)), (slice(1, 2), (0, 1))
        phases = []  # 4 x [B, H + 1, W + 1, F]
        for rows, above_below in (between, at):
            for columns, sides in (between, at):
                padded = ops.pad(features, [(0, 0), above_below, sides, (0, 0)])
                taps = kernel[rows, columns]
                phases.append(ops.conv(padded, taps, padding="valid"))
        whole = ops.depth_to_space(ops.concatenate(phases, axis=-1), 2)
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


def upsample_in_phases(network: keras.Model) -> None:
    """Have a network double resolutions in the way that suits LiteRT."""
    for layer in network._flatten_layers():
        if isinstance(layer, Conv2D):
            layer.phases = True


@keras.saving.register_keras_serializable("tfstargan")
class DomainDense(keras.layers.Layer):
    """One linear layer for each domain, all applied: `x_k @ kernel_k + bias_k`.

    [B, K, C] (or [B, 1, C]: the same input for every domain) to [B, K, units].
    All heads are computed, so that those of domains absent from a batch have a zero
    gradient rather than none, as in the reference.

    Args:
        units: number of outputs of each domain's layer.
        num_domains: K.
    """

    # Whether there is a product for each domain instead of a batch of them: LiteRT's
    # quantizer knows only the former.
    apart = False

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
        elif self.apart:
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
    """Return every example's output for its domain: [B, K, C] and int [B] to [B, C]."""
    chosen = ops.one_hot(domain, heads.shape[1], dtype=heads.dtype)  # [B, K]
    return ops.einsum("bkc,bk->bc", heads, chosen)


def suit_litert(network: keras.Model) -> None:
    """Have a network compute as LiteRT is best at: the same numbers but for rounding.

    See `Conv2D.phases`, `normalize` on `staged`, and `DomainDense.apart`.
    """
    upsample_in_phases(network)
    for layer in network._flatten_layers():
        if isinstance(layer, AdaIN | InstanceNormalization):
            layer.staged = True
        elif isinstance(layer, DomainDense):
            layer.apart = True


def convolve_in_pairs(network: keras.Model, pairs: bool) -> None:
    """Have a network take rows in pairs where that pays, or not: `Conv2D.pairs`."""
    for layer in network._flatten_layers():
        if isinstance(layer, Conv2D):
            layer.pairs = pairs
