"""Instance normalization, and its adaptive form, controlled by a style code.

`InstanceNormalization` replaces tensorflow-addons' layer (the package ended in May
2024). `AdaIN` is adaptive instance normalization (Huang and Belongie,
arXiv:1703.06868). Both compute in float32, whatever the dtype of their inputs.
"""

from typing import Any

import keras
from keras import ops

from tfstargan.networks.layers import Shape, he_normal
from tfstargan.networks.lowering import LITERT, Lowered


def normalize(
    features: Any, gain: Any, offset: Any, epsilon: float, staged: bool = False
) -> Any:
    """Features with mean `offset` and deviation `gain` in each channel of each image.

    `gain * (x - mean) / sqrt(var + epsilon) + offset`, with mean and (biased) variance
    over H and W. A constant channel becomes its offset.

    The gradient is written out: it makes fewer passes over memory than the automatic
    one and keeps a single tensor of the size of `features`. It is differentiable.

    Args:
        features: [B, H, W, C] of any dtype; all is computed in float32.
        gain: [B, 1, 1, C], or [1, 1, 1, C] for all images.
        offset: of the same shape.
        epsilon: added to the variance; 1e-5 is the reference's.
        staged: whether to average rows first, then their means. LiteRT sums one number
            after the other, on some GPUs in float16.

    Returns:
        [B, H, W, C] float32.
    """

    def mean(x: Any) -> Any:
        if staged:
            x = ops.mean(x, axis=2, keepdims=True)
        return ops.mean(x, axis=(1, 2), keepdims=True)

    @ops.custom_gradient
    def standardize(x: Any, gain: Any, offset: Any) -> tuple[Any, Any]:
        centred = x - mean(x)
        # A product: a square would be converted to LiteRT's SQUARED_DIFFERENCE, which
        # overflows in float16.
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


@keras.saving.register_keras_serializable("tfstargan")
class InstanceNormalization(Lowered):
    """Instance normalization over H and W, then a learned scale and offset.

    `gamma * (x - mean) / sqrt(var + epsilon) + beta`; Ulyanov et al., arXiv:1607.08022.
    [B, H, W, C] to [B, H, W, C].

    Args:
        epsilon: added to the variance. 1e-5 is PyTorch's; tensorflow-addons had 1e-3.
        affine: whether to learn a scale (gamma, initially 1) and an offset (beta, 0).
        **kwargs: those of `Lowered`.
    """

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
        staged = self.lowering in LITERT
        normalized = normalize(features, gamma, beta, self.epsilon, staged)
        return ops.cast(normalized, self.compute_dtype)

    def get_config(self) -> dict:
        return super().get_config() | {"epsilon": self.epsilon, "affine": self.affine}


@keras.saving.register_keras_serializable("tfstargan")
class AdaIN(Lowered):
    """Adaptive instance normalization: a style sets every channel's scale and offset.

    `(1 + gamma) * (x - mean) / sqrt(var + epsilon) + beta`, where (gamma, beta) are a
    linear function of the style; arXiv:1703.06868, eq. 8. The `1 +` is StarGAN v2's:
    with the initial zero bias, a zero style is plain instance normalization.
    Features [B, H, W, C] and style [B, S] to [B, H, W, C].

    Args:
        epsilon: added to the variance.
        **kwargs: those of `Lowered`.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, features_shape: Shape, style_shape: Shape) -> None:
        self.fc = keras.layers.Dense(
            2 * features_shape[-1],
            kernel_initializer=he_normal(style_shape[-1]),
            dtype=self.dtype_policy,
        )
        self.fc.build(style_shape)

    def call(self, features: Any, style: Any) -> Any:
        gamma, beta = ops.split(ops.cast(self.fc(style), "float32"), 2, axis=-1)
        gamma, beta = (ops.expand_dims(v, (1, 2)) for v in (gamma, beta))
        staged = self.lowering in LITERT
        normalized = normalize(features, 1.0 + gamma, beta, self.epsilon, staged)
        return ops.cast(normalized, self.compute_dtype)

    def get_config(self) -> dict:
        return super().get_config() | {"epsilon": self.epsilon}
