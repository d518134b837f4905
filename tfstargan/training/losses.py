"""The formulas of StarGAN v2's objectives: tensors in, a scalar out.

Choi et al., arXiv:1912.01865, section 2.2. `StarGANv2` applies them to the networks.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def adversarial(logits: Any, real: bool) -> Any:
    """Non-saturating loss of logits whose images should be real, or fake.

    `mean(-log sigmoid(+-logits))`; eq. 1, with the generator's side non-saturating
    (Goodfellow et al., arXiv:1406.2661, section 3), as in the authors' code.

    Args:
        logits: [B] float32.
        real: whether the images should be classified as real.

    Returns:
        Scalar float32, >= 0.
    """
    return tf.reduce_mean(tf.nn.softplus(-logits if real else logits))


def r1_penalty(gradients: Any) -> Any:
    """Half the squared gradient norm per image, averaged over the batch.

    R1 of Mescheder et al. (arXiv:1801.04406, eq. 9), without its weight `lambda_reg`:
    `0.5 * mean_b sum_hwc(gradients ** 2)`.

    Args:
        gradients: [B, H, W, 3] float32, d(sum of logits) / d(image) on *real* images
            in [-1, 1]. The sum: with the mean the penalty would shrink as 1 / B**2.

    Returns:
        Scalar float32, >= 0. Differentiable: keep the outer tape open.

    Raises:
        ValueError: if the rank is not 4.
    """
    if len(gradients.shape) != 4:
        raise ValueError(f"gradients must be [B, H, W, 3], got {gradients.shape}")
    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradients), axis=(1, 2, 3)))


def l1(a: Any, b: Any) -> Any:
    """Mean absolute difference of two tensors of the same shape, a scalar.

    Style reconstruction (eq. 2), diversity (eq. 3) and cycle consistency (eq. 4) use
    this distance between styles or images.
    """
    return tf.reduce_mean(tf.abs(a - b))


def features(maps: Sequence[Any], wanted: Sequence[Any]) -> Any:
    """Distance between feature maps, a scalar >= 0.

    The mean over maps of `mean |a - b| / mean |b|`: all maps have the same weight,
    whatever the scale of their values. Comparing images by a network's features follows
    Johnson et al., arXiv:1603.08155.

    Args:
        maps: tensors of any shapes.
        wanted: the targets, of the same shapes; without a gradient.
    """
    ratios = [
        l1(a, tf.stop_gradient(b)) / tf.reduce_mean(tf.abs(tf.stop_gradient(b)))
        for a, b in zip(maps, wanted, strict=True)
    ]
    return tf.add_n(ratios) / len(ratios)
