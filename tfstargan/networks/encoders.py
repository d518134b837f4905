"""StarGAN v2's style encoder and discriminator: a `Trunk` with a head for each domain.

Choi et al., arXiv:1912.01865, section 2 and appendix, with the widths of the authors'
code.
"""

from typing import Any

import keras
from keras import ops

from tfstargan.networks.blocks import ResidualBlock, channel_widths, leaky_relu
from tfstargan.networks.layers import (
    Conv2D,
    DomainDense,
    Shape,
    he_normal,
    patches_shape,
    pick_domain,
    pick_logits,
    to_patches,
)
from tfstargan.networks.lowering import Lowered

TRUNK_SIDE = 4  # of the smallest feature map


class Trunk(Lowered):
    """The style encoder and the discriminator without their heads; no norms.

    A convolution, downsampling residual blocks to 4 x 4, LeakyReLU, a 4x4 convolution
    without padding, LeakyReLU. Images [B, H, W, 3] to features [B, channels].

    Args:
        img_size: H and W; divided by patch_size, a power of two of at least 32.
        channel_base: channels at side r are `channel_base / r` ...
        channel_max: ... but at most this many.
        patch_size: squares of so many pixels to a side are the channels of one pixel of
            the first feature map.
        **kwargs: those of `Lowered`, passed to all layers.
    """

    def __init__(
        self,
        img_size: int,
        channel_base: int,
        channel_max: int,
        patch_size: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.img_size = img_size
        self.channel_base = channel_base
        self.channel_max = channel_max
        self.patch_size = patch_size
        side = img_size // patch_size
        widths = channel_widths(side, TRUNK_SIDE, channel_base, channel_max)
        self.channels = widths[-1]
        shared = self.inherited()
        self.from_rgb = Conv2D(widths[0], **shared)
        self.blocks = [ResidualBlock(w, downsample=True, **shared) for w in widths[1:]]
        self.to_pixel = Conv2D(self.channels, TRUNK_SIDE, padding="valid", **shared)

    def build(self, x_shape: Shape) -> None:
        shape = patches_shape(self.img_size, self.patch_size)
        layers: list[Any] = [self.from_rgb, *self.blocks, self.to_pixel]
        for layer in layers:
            layer.build(shape)
            shape = (*shape[:-1], layer.filters)

    def call(self, x: Any) -> Any:
        x = leaky_relu(self.to_pixel(leaky_relu(self.maps(x)[-1])))
        return ops.squeeze(x, (1, 2))

    def maps(self, x: Any) -> list[Any]:
        """The blocks' feature maps: half the side of the largest one, down to 4."""
        x = self.from_rgb(to_patches(x, self.patch_size))
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return maps

    def sizes(self) -> dict[str, int]:
        """The arguments that determine the trunk's size."""
        return {
            "img_size": self.img_size,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "patch_size": self.patch_size,
        }


@keras.saving.register_keras_serializable("tfstargan")
class StyleEncoder(Lowered, keras.Model):
    """Style codes of images in their domains, `E_y(x)`.

    Images [B, H, W, 3] in [-1, 1] and their domains, int [B], to style codes
    [B, style_dim].

    Args:
        img_size: H and W; divided by patch_size, a power of two of at least 32.
        num_domains: K.
        style_dim: length of a style code.
        channel_base: channels at side r are `channel_base / r` ...
        channel_max: ... but at most this many.
        patch_size: squares of so many pixels to a side are the channels of one pixel of
            the first feature map.
        **kwargs: those of `Lowered`, passed to all layers. The heads compute in float32
            with any dtype.
    """

    def __init__(
        self,
        img_size: int = 256,
        num_domains: int = 2,
        style_dim: int = 64,
        channel_base: int = 2**14,
        channel_max: int = 512,
        patch_size: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_domains = num_domains
        self.style_dim = style_dim
        sizes = (img_size, channel_base, channel_max, patch_size)
        self.trunk = Trunk(*sizes, **self.inherited())
        self.heads = DomainDense(
            style_dim, num_domains, dtype="float32", lowering=self.lowering
        )

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
class Discriminator(Lowered, keras.Model):
    """Logits that images are real images of their domains, `D_y(x)`.

    Images [B, H, W, 3] in [-1, 1] and domains, int [B], to logits [B] (real above 0).
    Of the outputs, one for each domain, that of the given domain is returned; without
    domains all are, [B, K].

    Args:
        img_size: H and W; divided by patch_size, a power of two of at least 32.
        num_domains: K.
        channel_base: channels at side r are `channel_base / r` ...
        channel_max: ... but at most this many.
        patch_size: squares of so many pixels to a side are the channels of one pixel of
            the first feature map.
        **kwargs: those of `Lowered`, passed to all layers.
    """

    def __init__(
        self,
        img_size: int = 256,
        num_domains: int = 2,
        channel_base: int = 2**14,
        channel_max: int = 512,
        patch_size: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_domains = num_domains
        sizes = (img_size, channel_base, channel_max, patch_size)
        self.trunk = Trunk(*sizes, **self.inherited())
        self.heads = keras.layers.Dense(
            num_domains,
            kernel_initializer=he_normal(self.trunk.channels),
            dtype=self.dtype_policy,
        )

    def build(self, x_shape: Shape, y_shape: Shape | None = None) -> None:
        self.trunk.build(x_shape)
        self.heads.build((None, self.trunk.channels))

    def call(self, x: Any, y: Any = None) -> Any:
        logits = self.heads(self.trunk(x))
        return logits if y is None else pick_logits(logits, y)

    def get_config(self) -> dict:
        return (
            super().get_config()
            | self.trunk.sizes()
            | {"num_domains": self.num_domains}
        )
