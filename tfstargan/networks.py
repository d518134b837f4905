"""The four networks of StarGAN v2; Choi et al., arXiv:1912.01865, section 2, appendix.

Generator, mapping network, style encoder and discriminator, with the authors' code's
widths. Losses and training are in `stargan.py`, the masks for the generator's skips on
faces (`w_hpf > 0`) in `landmarks.py`.
"""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfstargan.layers import (
    AdaIN,
    Conv2D,
    DomainDense,
    InstanceNormalization,
    Shape,
    average_pool,
    he_normal,
    high_pass,
    pick_domain,
    upsample,
)

LEAK = 0.2  # slope of every LeakyReLU
BOTTLENECK_SIDE = 16  # the generator's smallest feature map
HIGH_PASS_SIDES = (32, 64, 128)  # feature maps that skip the bottleneck if w_hpf > 0
TRUNK_SIDE = 4  # the smallest one of style encoder and discriminator
SHARED_LAYERS = 4  # of the mapping network; then as many per domain
# Keeps the variance of a sum of two. The convolutions that end in the sum have it as
# their gain: on the weights, it costs nothing.
UNIT_VARIANCE = 1 / math.sqrt(2)


@ops.custom_gradient
def leaky_relu(x: Any) -> tuple[Any, Any]:
    """Return x, negative values times 0.2.

    The gradient looks at the sign of the result, which the next convolution keeps
    anyway, and so x need not be kept.
    """
    result = ops.leaky_relu(x, LEAK)

    def gradient(upstream: Any) -> Any:
        return tf.raw_ops.LeakyReluGrad(gradients=upstream, features=result, alpha=LEAK)

    return result, gradient


def channel_widths(
    img_size: int, smallest: int, channel_base: int, channel_max: int
) -> list[int]:
    """Return the channels at sides img_size, img_size / 2, ..., smallest.

    `channel_base / img_size` at full size, doubled at each halving up to `channel_max`.

    Raises:
        ValueError: if img_size is not a power of two of at least 32, or channel_base
            is smaller than img_size.
    """
    if img_size < 32 or img_size & (img_size - 1):
        raise ValueError(f"img_size must be a power of two >= 32, got {img_size}")
    if channel_base < img_size:
        raise ValueError(f"channel_base {channel_base} is below img_size {img_size}")
    widths = [channel_base // img_size]
    for _ in range(int(math.log2(img_size // smallest))):
        widths.append(min(2 * widths[-1], channel_max))
    return widths


@keras.saving.register_keras_serializable("tfstargan")
class ResidualBlock(keras.layers.Layer):
    """Pre-activation residual block, with or without norms and pooling.

    `(shortcut(x) + residual(x)) / sqrt(2)`; residual: [norm], LeakyReLU, conv, [2x2
    average pool], [norm], LeakyReLU, conv; shortcut: [1x1 conv], [pool]. The paper's
    ResBlk (appendix, table of the generator). [B, H, W, C] to [B, H', W', filters].

    Args:
        filters: number of output channels.
        normalize: whether instance normalization precedes each activation.
        downsample: whether the resolution is halved.
    """

    convolution: type[keras.layers.Layer] = Conv2D  # of 3x3, and how it resamples

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
        same: Shape = (None, None, None, channels)
        if self.normalize:
            self.norm1 = InstanceNormalization()
            self.norm2 = InstanceNormalization()
            self.norm1.build(same)
            self.norm2.build(same)
        self.conv1 = self.convolution(channels, resample=resample)
        self.conv2 = self.convolution(self.filters, gain=UNIT_VARIANCE)
        self.conv1.build(same)
        self.conv2.build(same)
        self.conv1x1 = None
        if channels != self.filters:
            self.conv1x1 = Conv2D(
                self.filters, 1, use_bias=False, resample=resample, gain=UNIT_VARIANCE
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
class AdaINResidualBlock(keras.layers.Layer):
    """Residual block of the decoder: the style enters through two AdaINs.

    `(shortcut(x) + residual(x, s)) / sqrt(2)`; residual: AdaIN, LeakyReLU, [nearest 2x
    upsampling], conv, AdaIN, LeakyReLU, conv; shortcut: [1x1 conv], [upsampling]. The
    paper's AdaResBlk. [B, H, W, C] and style [B, S] to [B, H', W', filters].

    Args:
        filters: number of output channels.
        upsample: whether the resolution is doubled.
        shortcut: if not, the block is its residual alone, undivided (for faces, where
            the high-pass skips bring the source's shape instead).
    """

    convolution: type[keras.layers.Layer] = Conv2D

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
        outer: Shape = (None, None, None, channels)
        inner: Shape = (None, None, None, self.filters)
        self.norm1 = AdaIN()
        self.norm2 = AdaIN()
        self.norm1.build(outer, s_shape)
        self.norm2.build(inner, s_shape)
        self.conv1 = self.convolution(self.filters, resample=resample)
        gain = UNIT_VARIANCE if self.shortcut else 1.0
        self.conv2 = self.convolution(self.filters, gain=gain)
        self.conv1.build(outer)
        self.conv2.build(inner)
        self.conv1x1 = None
        if self.shortcut and channels != self.filters:
            self.conv1x1 = Conv2D(
                self.filters, 1, use_bias=False, resample=resample, gain=gain
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


@keras.saving.register_keras_serializable("tfstargan")
class Generator(keras.Model):
    """Translate images into a style: `G(x, s)`, the domain being part of the style.

    Images [B, H, W, 3] in [-1, 1] and style codes [B, style_dim] to images
    [B, H, W, 3], about [-1, 1] (there is no tanh; clip before showing).

    For faces (`w_hpf > 0`) there is one more halving and doubling, and what a mask lets
    through of the encoder's feature maps x at sides 32, 64 and 128 is added to the
    decoder's: `high_pass(mask * x) / w_hpf`. `masks` are two, [B, M, M, 1] in [0, 1]:
    the whole face for side 32, eyes and nose for the others (`landmarks.masks`).

    Args:
        img_size: H and W, a power of two of at least 32.
        style_dim: length of a style code.
        channel_base: channels at side r are `channel_base / r` ...
        channel_max: ... but at most this many.
        w_hpf: divides the high-pass skips; 0: none, and no masks.
        recompute: whether training keeps of each block only its input, and computes the
            rest again for the gradient: a third more arithmetic, less memory.

    Raises:
        ValueError: if called with masks without skips, or skips without masks.
    """

    encoder_block: type[ResidualBlock] = ResidualBlock
    decoder_block: type[AdaINResidualBlock] = AdaINResidualBlock
    halvings = 0  # of the resolution by from_rgb, made up for by to_rgb

    def __init__(
        self,
        img_size: int = 256,
        style_dim: int = 64,
        channel_base: int = 2**14,
        channel_max: int = 512,
        w_hpf: float = 0.0,
        recompute: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.img_size = img_size
        self.style_dim = style_dim
        self.channel_base = channel_base
        self.channel_max = channel_max
        self.w_hpf = w_hpf
        self.recompute = recompute
        bottleneck = BOTTLENECK_SIDE // 2 if w_hpf else BOTTLENECK_SIDE
        widths = channel_widths(img_size, bottleneck, channel_base, channel_max)
        widths = widths[self.halvings :]
        down, up, shortcut = self.encoder_block, self.decoder_block, not w_hpf
        self.from_rgb = self.make_from_rgb(widths[0])
        self.encode = [
            *(down(w, normalize=True, downsample=True) for w in widths[1:]),
            *(down(widths[-1], normalize=True) for _ in range(2)),
        ]
        self.decode = [
            *(up(widths[-1], shortcut=shortcut) for _ in range(2)),
            *(up(w, True, shortcut) for w in widths[-2::-1]),
        ]
        self.to_rgb_norm = InstanceNormalization()
        self.to_rgb = self.make_to_rgb()

    def make_from_rgb(self, filters: int) -> Any:
        """Return the first convolution."""
        return Conv2D(filters)

    def make_to_rgb(self) -> Any:
        """Return the last convolution."""
        return Conv2D(3, 1, dtype="float32")  # whatever the other layers'

    def build(self, x_shape: Shape, s_shape: Shape) -> None:
        shape: Shape = (None, self.img_size, self.img_size, 3)
        before_style: list[Any] = [self.from_rgb, *self.encode]
        for layer in before_style:
            layer.build(shape)
            shape = (*shape[:-1], layer.filters)
        for layer in self.decode:
            layer.build(shape, (None, self.style_dim))
            shape = (*shape[:-1], layer.filters)
        self.to_rgb_norm.build(shape)
        self.to_rgb.build(shape)

    def call(self, x: Any, s: Any, masks: Any = None) -> Any:
        return self.decode_features(self.encode_features(x), s, masks)

    def encode_features(self, x: Any) -> tuple[Any, dict[int, Any]]:
        """Return the half of the way before the style, which serves all styles.

        The feature map at the bottleneck, and those that skip it, by their sides.
        """
        sides = HIGH_PASS_SIDES if self.w_hpf else ()
        kept = {}
        x = self.from_rgb(x)
        for block in self.encode:
            if x.shape[1] in sides:
                kept[x.shape[1]] = x
            x = self._through(block, x)
        return x, kept

    def decode_features(
        self, features: tuple[Any, dict[int, Any]], s: Any, masks: Any = None
    ) -> Any:
        """Return the images of encoded features in a style."""
        if (masks is not None) != (self.w_hpf > 0):
            rule = "takes no masks" if masks is not None else "needs masks"
            raise ValueError(f"a generator with w_hpf {self.w_hpf} {rule}")
        x, kept = features
        for block in self.decode:
            x = self._through(block, x, s)
            if x.shape[1] in kept:
                x = x + self._skip(kept[x.shape[1]], masks)
        return self.to_rgb(leaky_relu(self.to_rgb_norm(x)))

    def _through(self, block: Any, *inputs: Any) -> Any:
        return tf.recompute_grad(block)(*inputs) if self.recompute else block(*inputs)

    def _skip(self, x: Any, masks: Any) -> Any:
        side = x.shape[1]
        mask = masks[0] if side == HIGH_PASS_SIDES[0] else masks[1]
        mask = ops.image.resize(mask, (side, side))  # half-pixel centres, no antialias
        return high_pass(ops.cast(mask, x.dtype) * x, self.w_hpf)

    def get_config(self) -> dict:
        return super().get_config() | {
            "img_size": self.img_size,
            "style_dim": self.style_dim,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "w_hpf": self.w_hpf,
            "recompute": self.recompute,
        }


@keras.saving.register_keras_serializable("tfstargan")
class MappingNetwork(keras.Model):
    """Make style codes of a domain from noise: `F_y(z)`.

    Latents [B, latent_dim] ~ N(0, I) and domains, int [B], to style codes
    [B, style_dim]. Four shared layers, then four of each domain's own.

    Args:
        num_domains: K.
        latent_dim: length of a latent.
        style_dim: length of a style code.
        hidden_dim: width of the hidden layers.
    """

    def __init__(
        self,
        num_domains: int,
        latent_dim: int = 16,
        style_dim: int = 64,
        hidden_dim: int = 512,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_domains = num_domains
        self.latent_dim = latent_dim
        self.style_dim = style_dim
        self.hidden_dim = hidden_dim
        inputs = [latent_dim] + [hidden_dim] * (SHARED_LAYERS - 1)
        self.shared = [
            keras.layers.Dense(
                hidden_dim, activation="relu", kernel_initializer=he_normal(n)
            )
            for n in inputs
        ]
        self.unshared = [DomainDense(hidden_dim, num_domains) for _ in range(3)]
        self.unshared.append(DomainDense(style_dim, num_domains))

    def build(self, z_shape: Shape, y_shape: Shape) -> None:
        channels = self.latent_dim
        for layer in [*self.shared, *self.unshared]:
            layer.build((None, channels))
            channels = layer.units

    def call(self, z: Any, y: Any) -> Any:
        h = z
        for layer in self.shared:
            h = layer(h)
        h = ops.expand_dims(h, 1)  # [B, 1, hidden_dim], then [B, K, ...]
        for layer in self.unshared[:-1]:
            h = ops.relu(layer(h))
        return pick_domain(self.unshared[-1](h), y)

    def get_config(self) -> dict:
        return super().get_config() | {
            "num_domains": self.num_domains,
            "latent_dim": self.latent_dim,
            "style_dim": self.style_dim,
            "hidden_dim": self.hidden_dim,
        }


class Trunk(keras.layers.Layer):
    """What style encoder and discriminator are made of: no norms, down to one pixel.

    A convolution, downsampling residual blocks to 4 x 4, LeakyReLU, a 4x4 convolution
    without padding, LeakyReLU. Images [B, H, W, 3] to features [B, channels].
    """

    def __init__(
        self, img_size: int, channel_base: int, channel_max: int, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.img_size = img_size
        self.channel_base = channel_base
        self.channel_max = channel_max
        widths = channel_widths(img_size, TRUNK_SIDE, channel_base, channel_max)
        self.channels = widths[-1]
        self.from_rgb = Conv2D(widths[0])
        self.blocks = [ResidualBlock(w, downsample=True) for w in widths[1:]]
        self.to_pixel = Conv2D(self.channels, TRUNK_SIDE, padding="valid")

    def build(self, x_shape: Shape) -> None:
        shape: Shape = (None, self.img_size, self.img_size, 3)
        layers: list[Any] = [self.from_rgb, *self.blocks, self.to_pixel]
        for layer in layers:
            layer.build(shape)
            shape = (*shape[:-1], layer.filters)

    def call(self, x: Any) -> Any:
        x = leaky_relu(self.to_pixel(leaky_relu(self.maps(x)[-1])))
        return ops.squeeze(x, (1, 2))

    def maps(self, x: Any) -> list[Any]:
        """Return the blocks' feature maps, [B, H / 2, W / 2, C] down to side 4."""
        x = self.from_rgb(x)
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return maps

    def sizes(self) -> dict[str, int]:
        """Return the arguments that determine the trunk."""
        return {
            "img_size": self.img_size,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
        }


@keras.saving.register_keras_serializable("tfstargan")
class StyleEncoder(keras.Model):
    """Read the style code off a picture: `E_y(x)`.

    Images [B, H, W, 3] in [-1, 1] and their domains, int [B], to style codes
    [B, style_dim].

    Args:
        img_size: H and W, a power of two of at least 32.
        num_domains: K.
        style_dim: length of a style code.
        channel_base: channels at side r are `channel_base / r` ...
        channel_max: ... but at most this many.
    """

    def __init__(
        self,
        img_size: int = 256,
        num_domains: int = 2,
        style_dim: int = 64,
        channel_base: int = 2**14,
        channel_max: int = 512,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_domains = num_domains
        self.style_dim = style_dim
        self.trunk = Trunk(img_size, channel_base, channel_max)
        self.heads = DomainDense(style_dim, num_domains, dtype="float32")

    def build(self, x_shape: Shape, y_shape: Shape) -> None:
        self.trunk.build(x_shape)
        self.heads.build((None, 1, self.trunk.channels))

    def call(self, x: Any, y: Any) -> Any:
        return pick_domain(self.heads(ops.expand_dims(self.trunk(x), 1)), y)

    def get_config(self) -> dict:
        return (
            super().get_config()
            | self.trunk.sizes()
            | {"num_domains": self.num_domains, "style_dim": self.style_dim}
        )


@keras.saving.register_keras_serializable("tfstargan")
class Discriminator(keras.Model):
    """Tell real images of a domain from translated ones: `D_y(x)`.

    Images [B, H, W, 3] in [-1, 1] and domains, int [B], to logits [B] (real above 0).
    One output for each domain, of which the asked one counts.

    Args:
        img_size: H and W, a power of two of at least 32.
        num_domains: K.
        channel_base: channels at side r are `channel_base / r` ...
        channel_max: ... but at most this many.
    """

    def __init__(
        self,
        img_size: int = 256,
        num_domains: int = 2,
        channel_base: int = 2**14,
        channel_max: int = 512,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_domains = num_domains
        self.trunk = Trunk(img_size, channel_base, channel_max)
        self.heads = keras.layers.Dense(
            num_domains, kernel_initializer=he_normal(self.trunk.channels)
        )

    def build(self, x_shape: Shape, y_shape: Shape) -> None:
        self.trunk.build(x_shape)
        self.heads.build((None, self.trunk.channels))

    def call(self, x: Any, y: Any) -> Any:
        logits = ops.expand_dims(self.heads(self.trunk(x)), -1)  # [B, K, 1]
        return ops.squeeze(pick_domain(logits, y), -1)

    def get_config(self) -> dict:
        return (
            super().get_config()
            | self.trunk.sizes()
            | {"num_domains": self.num_domains}
        )
