"""Quality of an exported variant: its images and styles against those of Keras."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfstargan.data.stream import some_labels
from tfstargan.metrics import factors
from tfstargan.metrics.probe import Probe
from tfstargan.translation.translator import Translator

MOST_DOMAINS = 12  # in which styles are measured

# A function of two batches [N, H, W, 3] in [-1, 1]: the distance of each pair, [N].
Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]


def measure(
    translator: Translator,
    exported: Translator,
    images: np.ndarray,
    lpips: Distance | None = None,
) -> dict[str, float]:
    """Differences of an exported model's results from those of Keras.

    Each image is translated into another domain, in the style of a random latent that
    Keras computed for both.

    Args:
        translator: the Keras networks.
        exported: the exported model.
        images: [N, H, W, 3] in [-1, 1], sorted by domain, the same number of each.
        lpips: the distance to add, if its network is available.

    Returns:
        `psnr` and `psnr_min` in dB, mean and lowest over the images; `ssim`; `lpips`;
        `style_latent` and `style_reference`, the root mean square error of the styles
        over their standard deviation.
    """
    expected = translations(translator, images, translator)
    found = translations(exported, images, translator)
    decibels = psnr(found, expected)
    measured = {
        "psnr": float(decibels.mean()),
        "psnr_min": float(decibels.min()),
        "ssim": float(np.mean(tf.image.ssim(found, expected, max_val=2.0))),
        "style_latent": style_error(latent_styles(exported), latent_styles(translator)),
        "style_reference": style_error(
            reference_styles(exported, images), reference_styles(translator, images)
        ),
    }
    if lpips:
        measured["lpips"] = float(np.mean(lpips(found, expected)))
    return measured


def translations(
    by: Translator, images: np.ndarray, styled_by: Translator
) -> np.ndarray:
    """The images translated into styles of seeds 0, 1, ..., clipped to [-1, 1]."""
    names = styled_by.domains
    styles = [
        styled_by.random_style(names[i % len(names)], seed=i)
        for i in range(len(images))
    ]
    return np.clip(by.apply_styles(images, np.concatenate(styles)), -1.0, 1.0)


def psnr(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The peak signal-to-noise ratio of each image in [-1, 1], in dB.

    `10 log10(2^2 / MSE)`; 150 for equal images.
    """
    squares = np.square(found.astype(np.float64) - expected)
    return 10 * np.log10(4.0 / np.maximum(squares.mean((1, 2, 3)), 4e-15))


def latent_styles(translator: Translator) -> np.ndarray:
    """The styles of 32 latents in each of some domains, [domains, 32, style_dim]."""
    size = (32, translator.config.latent_dim)
    z = np.random.default_rng(0).standard_normal(size, np.float32)
    return np.stack([translator.map_latents(z, name) for name in some(translator)])


def reference_styles(translator: Translator, images: np.ndarray) -> np.ndarray:
    """The styles of the images as references of each of some domains."""
    return np.stack([translator.encode_styles(images, n) for n in some(translator)])


def some(translator: Translator) -> list[str]:
    """The domains whose styles are measured: at most 12, evenly spaced."""
    labels = some_labels(len(translator.domains), MOST_DOMAINS)
    return [translator.domains[label] for label in labels]


def style_error(found: np.ndarray, expected: np.ndarray) -> float:
    """The root mean square error over the root mean square deviation of the styles.

    If all styles are alike, the deviation is taken to be the smallest float32.
    """
    deviation = expected - expected.mean(axis=1, keepdims=True)
    spread = max(float(np.mean(np.square(deviation))), np.finfo(np.float32).tiny)
    return float(np.sqrt(np.mean(np.square(found - expected), dtype=float) / spread))


def probed(translator: Translator, probe: Probe) -> dict[str, float]:
    """The probe's scores of translations of drawn animals; see `metrics.factors`."""
    return factors.headline(factors.translation_scores(translator, probe, sources=20))
