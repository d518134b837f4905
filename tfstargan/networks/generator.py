"""StarGAN v2's generator, which translates an image into a style.

Choi et al., arXiv:1912.01865, section 2 and appendix, with the widths of the authors'
code. The masks for its skips on faces (`w_hpf > 0`) are in `masks.py`.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import ops

from tfstargan.networks import channels_last
from tfstargan.networks.blocks import (
    AdaINResidualBlock,
    ResidualBlock,
    channel_widths,
    leaky_relu,
)
from tfstargan.networks.layers import (
    Conv2D,
    Shape,
    from_patches,
    high_pass,
    patches_shape,
    to_patches,
)
from tfstargan.networks.lowering import Lowered
from tfstargan.networks.norms import InstanceNormalization

BOTTLENECK_SIDE = 16  # the generator's smallest feature map
HIGH_PASS_SIDES = (32, 64, 128)  # feature maps that skip the bottleneck if w_hpf > 0


class Features(NamedTuple):
    """What a generator's decoder needs of images, the same for all styles.

    Attributes:
        bottleneck: [B, h, w, C], the smallest feature map.
        skips: {side: feature map that skips the bottleneck}.
        image: [B, H, W, 3], the images if the generator is residual, else None.
    """

    bottleneck: Any
    skips: dict[int, Any]
    image: Any


@keras.saving.register_keras_serializable("tfstargan")
class Generator(Lowered, keras.Model):
    """Images translated into a style, `G(x, s)`; the style implies the domain.

    Images [B, H, W, 3] in [-1, 1] and style codes [B, style_dim] to images
    [B, H, W, 3], about [-1, 1] (there is no tanh; clip before display).

    For faces (`w_hpf > 0`) there is one more halving and doubling. The encoder's
    feature maps x at sides 32, 64 and 128 are masked and added to the decoder's:
    `high_pass(mask * x) / w_hpf`. There are two `masks`, [B, M, M, 1] in [0, 1]: the
    whole face for side 32, eyes and nose for the other sides (`masks.face_masks`).

    A residual generator adds its output to the image, as Shen & Liu
    (arXiv:1612.05363) do for attributes of faces: it need not draw what it keeps.

    Args:
        img_size: H and W; divided by patch_size, a power of two of at least 32.
        style_dim: length of a style code.
        channel_base: channels at side r are `channel_base / r` ...
        channel_max: ... but at most this many.
        w_hpf: divides the high-pass skips; 0: no skips and no masks.
        recompute: whether training keeps only the input of each block and computes the
            rest again for the gradient: a third more arithmetic, less memory.
        patch_size: squares of so many pixels to a side are the channels of one pixel of
            the first feature map, and of the last one.
        residual: whether the image is added to the output.
        **kwargs: those of `Lowered`, passed to all layers. `to_rgb` computes in float32
            with any dtype.

    Raises:
        ValueError: if masks are given without skips, or not given with skips.
    """

    encoder_block: type[ResidualBlock] = ResidualBlock
    decoder_block: type[AdaINResidualBlock] = AdaINResidualBlock
    halvings = 0  # of the resolution in from_rgb, undone in to_rgb

    def __init__(
        self,
        img_size: int = 256,
        style_dim: int = 64,
        channel_base: int = 2**14,
        channel_max: int = 512,
        w_hpf: float = 0.0,
        recompute: bool = False,
        patch_size: int = 1,
        residual: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.img_size = img_size
        self.style_dim = style_dim
        self.channel_base = channel_base
        self.channel_max = channel_max
        self.w_hpf = w_hpf
        self.recompute = recompute
        self.patch_size = patch_size
        self.residual = residual
        bottleneck = BOTTLENECK_SIDE // 2 if w_hpf else BOTTLENECK_SIDE
        side = img_size // patch_size
        widths = channel_widths(side, bottleneck, channel_base, channel_max)
        widths = widths[self.halvings :]
        down, up, shortcut = self.encoder_block, self.decoder_block, not w_hpf
        shared = self.inherited()
        self.from_rgb = self.make_from_rgb(widths[0])
        self.encode = [
            *(down(w, normalize=True, downsample=True, **shared) for w in widths[1:]),
            *(down(widths[-1], normalize=True, **shared) for _ in range(2)),
        ]
        self.decode = [
            *(up(widths[-1], shortcut=shortcut, **shared) for _ in range(2)),
            *(up(w, True, shortcut, **shared) for w in widths[-2::-1]),
        ]
        self.to_rgb_norm = InstanceNormalization(**shared)
        self.to_rgb = self.make_to_rgb(3 * patch_size**2)

    def make_from_rgb(self, filters: int) -> Any:
        """The first convolution."""
        return Conv2D(filters, **self.inherited())

    def make_to_rgb(self, filters: int) -> Any:
        """The last convolution, in float32 whatever the dtype of the other layers."""
        return Conv2D(filters, 1, dtype="float32", lowering=self.lowering)

    def build(self, x_shape: Shape, s_shape: Shape) -> None:
        shape = patches_shape(self.img_size, self.patch_size)
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

    def encode_features(self, x: Any) -> Features:
        """Features of images, the same for all styles."""
        sides = HIGH_PASS_SIDES if self.w_hpf else ()
        kept = {}
        image = x if self.residual else None
        x = self.from_rgb(to_patches(x, self.patch_size))
        for block in self.encode:
            if x.shape[1] in sides:
                kept[x.shape[1]] = x
            x = self._through(block, x)
        return Features(x, kept, image)

    def decode_features(self, features: Features, s: Any, masks: Any = None) -> Any:
        """Images [B, H, W, 3] decoded from features, each in its style."""
        if (masks is not None) != (self.w_hpf > 0):
            rule = "takes no masks" if masks is not None else "needs masks"
            raise ValueError(f"a generator with w_hpf {self.w_hpf} {rule}")
        x, kept, image = features
        for block in self.decode:
            x = self._through(block, x, s)
            if x.shape[1] in kept:
                x = x + self._skip(kept[x.shape[1]], masks)
        x = self.to_rgb(leaky_relu(self.to_rgb_norm(x)))
        x = from_patches(x, self.patch_size)
        return x if image is None else ops.cast(image, x.dtype) + x

    def _through(self, block: Any, *inputs: Any) -> Any:
        return tf.recompute_grad(block)(*inputs) if self.recompute else block(*inputs)

    def _skip(self, x: Any, masks: Any) -> Any:
        side = x.shape[1]
        mask = masks[0] if side == HIGH_PASS_SIDES[0] else masks[1]
        # Bilinear, half-pixel centres, no antialiasing.
        mask = channels_last.resize(mask, (side, side))
        return high_pass(ops.cast(mask, x.dtype) * x, self.w_hpf)

    def get_config(self) -> dict:
        return super().get_config() | {
            "img_size": self.img_size,
            "style_dim": self.style_dim,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "w_hpf": self.w_hpf,
            "recompute": self.recompute,
            "patch_size": self.patch_size,
            "residual": self.residual,
        }
