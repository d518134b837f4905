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


def other_domains(logits: Any, y: Any) -> Any:
    """Loss of real images as images of the domains that are not theirs.

    `mean_b mean_(k != y) -log(1 - sigmoid(logits_bk))`. The discriminator of a domain
    sees what it must not take for real: not only translations, but the images that
    they come from. So does the matching-aware discriminator of GAN-CLS (Reed et al.,
    arXiv:1605.05396, section 4.2). StarGAN v2 has no such term.

    Args:
        logits: [B, K] float32 of real images, for every domain; K >= 2.
        y: [B], their domains.

    Returns:
        Scalar float32, >= 0.
    """
    count = logits.shape[1]
    others = 1.0 - tf.one_hot(y, count, dtype=logits.dtype)
    each = tf.reduce_sum(others * tf.nn.softplus(logits), axis=1) / (count - 1)
    return tf.reduce_mean(each)


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
