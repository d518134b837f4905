"""The face alignment network (FAN): heatmaps and coordinates of facial landmarks.

Bulat and Tzimiropoulos, arXiv:1703.07332, as trained by Wang et al. with the adaptive
wing loss (arXiv:1904.07399): one hourglass, 98 landmarks. StarGAN v2 makes the masks of
the generator's high-pass skips from its heatmaps (`masks.py`) and aligns photographs by
its landmarks. It is not trained here; its weights are in the authors' `wing.ckpt`.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from tfstargan.networks import channels_last
from tfstargan.networks.layers import Conv2D, Shape, average_pool, he_normal, upsample
from tfstargan.networks.lowering import Lowered

SIDE = 256  # of FAN's input images, and of masks
HEATMAP_SIDE = SIDE // 4
LANDMARKS = 98
HOURGLASS_DEPTH = 4
CHANNELS = 256  # of the hourglass


def coordinates(height: int, width: int) -> np.ndarray:
    """The x, y and distance from the centre of every pixel, [1, H, W, 3].

    x and y run from -1 to 1, x from top to bottom (as in the authors' code) and y from
    left to right; the distance is scaled to at most 1.
    """
    axes = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    x, y = np.meshgrid(*axes, indexing="ij")
    r = np.hypot(x, y)
    return np.stack([x, y, r / r.max()], axis=-1)[None]


def norm_relu(norm: keras.layers.BatchNormalization, features: Any) -> Any:
    """ReLU of the batch norm, computed with its running statistics."""
    return ops.relu(norm(features, training=False))


def batch_norm(channels: int, dtype: Any = None) -> keras.layers.BatchNormalization:
    """A built batch norm with PyTorch's epsilon."""
    norm = keras.layers.BatchNormalization(epsilon=1e-5, dtype=dtype)
    norm.build((None, None, None, channels))
    return norm


@keras.saving.register_keras_serializable("tfstargan")
class CoordConv(keras.layers.Layer):
    """Convolution with the pixels' coordinates as additional inputs.

    The pixels' `coordinates` are three more input channels, after the others; Liu et
    al., arXiv:1807.03247. It is padded with zeros by half a kernel. [B, H, W, C] to
    [B, H / strides, W / strides, filters].

    Args:
        filters: number of output channels.
        kernel_size: side of the kernel, odd.
        strides: of the convolution.
    """

    def __init__(
        self, filters: int, kernel_size: int = 1, strides: int = 1, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides

    def build(self, input_shape: Shape) -> None:
        self.coordinates = coordinates(*input_shape[1:3])
        inputs = input_shape[-1] + self.coordinates.shape[-1]
        shape = (self.kernel_size, self.kernel_size, inputs, self.filters)
        init = he_normal(math.prod(shape[:3]))
        self.kernel = self.add_weight(shape, init, name="kernel")
        self.bias = self.add_weight((self.filters,), "zeros", name="bias")

    def call(self, features: Any) -> Any:
        # A convolution is linear: the coordinates' part is the same for all images.
        channels = features.shape[-1]
        where = ops.cast(self.coordinates, features.dtype)
        seen = self._convolve(features, self.kernel[:, :, :channels])
        return seen + self._convolve(where, self.kernel[:, :, channels:]) + self.bias

    def _convolve(self, features: Any, kernel: Any) -> Any:
        margin = (self.kernel_size // 2, self.kernel_size // 2)
        features = ops.pad(features, [(0, 0), margin, margin, (0, 0)])
        return channels_last.conv(features, kernel, self.strides, padding="valid")

    def get_config(self) -> dict:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


@keras.saving.register_keras_serializable("tfstargan")
class ConvBlock(Lowered):
    """FAN's residual block: three convolutions in sequence, their outputs concatenated.

    Each is BN, ReLU, 3x3 convolution, to a half, a quarter and a quarter of `filters`;
    arXiv:1703.07332, section 3.1. Shortcut: the input, or BN, ReLU, 1x1 convolution of
    it where the number of channels changes. [B, H, W, C] to [B, H, W, filters].

    Args:
        filters: number of output channels, a multiple of 4.
        **kwargs: those of `Lowered`, passed to the layers inside.
    """

    def __init__(self, filters: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        half, quarter = self.filters // 2, self.filters // 4
        shared = self.inherited()
        self.convs = [
            Conv2D(n, use_bias=False, **shared) for n in (half, quarter, quarter)
        ]
        inputs = [channels, half, quarter]
        self.norms = [batch_norm(n, self.dtype_policy) for n in inputs]
        for conv, n in zip(self.convs, inputs, strict=True):
            conv.build((None, None, None, n))
        self.conv1x1 = None
        if channels != self.filters:
            self.norm1x1 = batch_norm(channels, self.dtype_policy)
            self.conv1x1 = Conv2D(self.filters, 1, use_bias=False, **shared)
            self.conv1x1.build(input_shape)

    def call(self, x: Any) -> Any:
        parts, part = [], x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            part = conv(norm_relu(norm, part))
            parts.append(part)
        if self.conv1x1 is not None:
            x = self.conv1x1(norm_relu(self.norm1x1, x))
        return x + ops.concatenate(parts, axis=-1)

    def get_config(self) -> dict:
        return super().get_config() | {"filters": self.filters}


@keras.saving.register_keras_serializable("tfstargan")
class Hourglass(Lowered):
    """Residual blocks at full resolution, and in parallel at half of it, recursively.

    `b1(x) + upsample(b3(inner(b2(average_pool(x)))))`, where `inner` is an hourglass
    with a depth of one less, or a ConvBlock at depth 1; Newell et al.,
    arXiv:1603.06937, section 3.1. [B, H, W, C] to [B, H, W, C].

    Args:
        depth: number of halvings.
        **kwargs: those of `Lowered`, passed to the layers inside.
    """

    def __init__(self, depth: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.depth = depth

    def build(self, input_shape: Shape) -> None:
        _, height, width, channels = input_shape
        half: Shape = (None, height // 2, width // 2, channels)
        shared = self.inherited()
        self.b1, self.b2, self.b3 = (ConvBlock(channels, **shared) for _ in range(3))
        if self.depth == 1:
            self.inner = ConvBlock(channels, **shared)
        else:
            self.inner = Hourglass(self.depth - 1, **shared)
        self.b1.build(input_shape)
        for block in (self.b2, self.inner, self.b3):
            block.build(half)

    def call(self, x: Any) -> Any:
        low = self.b3(self.inner(self.b2(average_pool(x))))
        return self.b1(x) + upsample(low)

    def get_config(self) -> dict:
        return super().get_config() | {"depth": self.depth}


@keras.saving.register_keras_serializable("tfstargan")
class FAN(Lowered, keras.Model):
    """Face alignment network: 98 heatmaps, each high at its landmark.

    Images [B, H, W, 3] in [-1, 1], of any size (they are resized to 256), to heatmaps
    [B, 64, 64, 98], unbounded, about [0, 1]. Frozen.

    Args:
        **kwargs: those of `Lowered`, passed to all layers.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        shared, dtype = self.inherited(), self.dtype_policy
        self.conv1 = CoordConv(64, kernel_size=7, strides=2, dtype=dtype)
        self.conv2 = ConvBlock(128, **shared)
        self.conv3 = ConvBlock(128, **shared)
        self.conv4 = ConvBlock(CHANNELS, **shared)
        self.coord_conv = CoordConv(CHANNELS, dtype=dtype)
        self.hourglass = Hourglass(HOURGLASS_DEPTH, **shared)
        self.top = ConvBlock(CHANNELS, **shared)
        self.conv_last = Conv2D(CHANNELS, 1, **shared)
        self.to_heatmaps = Conv2D(LANDMARKS + 1, 1, **shared)  # and the face's boundary

    def build(self, x_shape: Shape) -> None:
        self.conv1.build((None, SIDE, SIDE, 3))
        self.bn1 = batch_norm(64, self.dtype_policy)
        self.conv2.build((None, SIDE // 2, SIDE // 2, 64))
        self.conv3.build((None, HEATMAP_SIDE, HEATMAP_SIDE, 128))
        self.conv4.build((None, HEATMAP_SIDE, HEATMAP_SIDE, 128))
        shape = (None, HEATMAP_SIDE, HEATMAP_SIDE, CHANNELS)
        for layer in (self.coord_conv, self.hourglass, self.top, self.conv_last):
            layer.build(shape)
        self.bn_end = batch_norm(CHANNELS, self.dtype_policy)
        self.to_heatmaps.build(shape)
        self.trainable = False

    def call(self, x: Any) -> Any:
        x = norm_relu(self.bn1, self.conv1(prepare(x)))
        x = self.conv4(self.conv3(average_pool(self.conv2(x))))
        x = self.top(self.hourglass(self.coord_conv(x)))
        x = self.to_heatmaps(norm_relu(self.bn_end, self.conv_last(x)))
        return x[..., :LANDMARKS]

    def has_weights(self) -> bool:
        """Whether weights have been loaded: the mean of a trained norm is not 0."""
        return bool(np.any(self.bn1.moving_mean.numpy()))

    def landmarks(self, x: Any) -> Any:
        """Landmarks of images, in pixels of 256 x 256 (see `landmarks`)."""
        return landmarks(self(x))


def prepare(x: Any) -> Any:
    """Inputs of FAN: images [B, H, W, 3] in [-1, 1], resized to 256 x 256, in [0, 1].

    The filter is bilinear with half-pixel centres, without antialiasing.
    """
    if tuple(x.shape[1:3]) != (SIDE, SIDE):
        x = channels_last.resize(x, (SIDE, SIDE))
    return 0.5 * x + 0.5


def landmarks(heatmaps: Any) -> Any:
    """Positions of the heatmaps' maxima, to a quarter of a pixel.

    A maximum is moved by a quarter of a pixel towards the larger neighbour in x and in
    y, unless it lies on the border.

    Args:
        heatmaps: [B, 64, 64, 98], the output of FAN.

    Returns:
        [B, 98, 2], (x, y) in pixels of the 256 x 256 image: pixel i spans [i, i + 1].
    """
    _, height, width, count = heatmaps.shape
    flat = (-1, height * width, count)
    peak = _first_maximum(ops.reshape(heatmaps, flat))
    y, x = np.divmod(np.arange(height * width)[:, None], width)
    right = (
        heatmaps[:, 1:-1, 2:] - heatmaps[:, 1:-1, :-2]
    )  # right neighbour minus left one
    below = heatmaps[:, 2:, 1:-1] - heatmaps[:, :-2, 1:-1]
    places = []
    for place, slope in ((x, right), (y, below)):
        slope = ops.pad(slope, [(0, 0), (1, 1), (1, 1), (0, 0)])  # the border: 0
        slope = ops.sum(ops.reshape(slope, flat) * peak, axis=1)
        place = ops.sum(ops.cast(place, heatmaps.dtype) * peak, axis=1)
        places.append((place + 0.25 * ops.sign(slope) + 0.5) * (SIDE / width))
    return ops.stack(places, axis=-1)


def _first_maximum(maps: Any) -> Any:
    # [B, P, C]: 1 at each map's first maximum, else 0. A product with it reads a value
    # at the maximum; LiteRT supports neither Keras' argmax nor a plain gather for this.
    order = ops.cast(np.arange(maps.shape[1])[:, None], maps.dtype)  # [P, 1]
    highest = ops.max(maps, axis=1, keepdims=True)
    first = ops.where(ops.equal(maps, highest), order, maps.shape[1])
    first = ops.min(first, axis=1, keepdims=True)
    return ops.cast(ops.equal(order, first), maps.dtype)
