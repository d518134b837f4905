"""How good an exported variant is: its pictures and styles beside those of Keras."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfstargan.metrics import factors
from tfstargan.metrics.probe import Probe
from tfstargan.translation.translator import Translator

# Of two pictures, [N, H, W, 3] in [-1, 1] each, how far they are apart, [N].
Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]


def measure(
    translator: Translator,
    exported: Translator,
    pictures: np.ndarray,
    lpips: Distance | None = None,
) -> dict[str, float]:
    """Return how far an exported model's results are from Keras'.

    Every picture is translated into another domain by a random latent's style, the same
    (Keras') style on both sides.

    Args:
        translator: of the Keras networks.
        exported: of the exported ones.
        pictures: [N, H, W, 3] in [-1, 1], sorted by domain, as many of each.
        lpips: the distance to add, if its network is there.

    Returns:
        `psnr` and `psnr_min` in dB, mean and worst over pictures, `ssim`, `lpips`, and
        `style_latent` and `style_reference`: the error of the styles (root mean square)
        over the styles' deviation.
    """
    expected = translations(translator, pictures, translator)
    found = translations(exported, pictures, translator)
    decibels = psnr(found, expected)
    measured = {
        "psnr": float(decibels.mean()),
        "psnr_min": float(decibels.min()),
        "ssim": float(np.mean(tf.image.ssim(found, expected, max_val=2.0))),
        "style_latent": style_error(latent_styles(exported), latent_styles(translator)),
        "style_reference": style_error(
            reference_styles(exported, pictures), reference_styles(translator, pictures)
        ),
    }
    if lpips:
        measured["lpips"] = float(np.mean(lpips(found, expected)))
    return measured


def translations(
    by: Translator, pictures: np.ndarray, styled_by: Translator
) -> np.ndarray:
    """Return the pictures in styles of seeds 0, 1, ..., clipped to [-1, 1]."""
    names = styled_by.domains
    styles = [
        styled_by.random_style(names[i % len(names)], seed=i)
        for i in range(len(pictures))
    ]
    return np.clip(by.apply_styles(pictures, np.concatenate(styles)), -1.0, 1.0)


def psnr(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the peak signal-to-noise ratio of each picture of [-1, 1], in dB.

    `10 log10(2^2 / MSE)`; at most 150, of equal pictures.
    """
    squares = np.square(found.astype(np.float64) - expected)
    return 10 * np.log10(4.0 / np.maximum(squares.mean((1, 2, 3)), 4e-15))


def latent_styles(translator: Translator) -> np.ndarray:
    """Return the styles of 32 latents in every domain."""
    size = (32, translator.config.latent_dim)
    z = np.random.default_rng(0).standard_normal(size, np.float32)
    return np.stack([translator.map_latents(z, name) for name in translator.domains])


def reference_styles(translator: Translator, pictures: np.ndarray) -> np.ndarray:
    """Return the styles of the pictures as references of every domain."""
    return np.stack(
        [translator.encode_styles(pictures, name) for name in translator.domains]
    )


def style_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the root mean square error over the styles' root mean square deviation.

    The deviation of styles that are all alike is taken to be the smallest float32.
    """
    deviation = expected - expected.mean(axis=1, keepdims=True)
    spread = max(float(np.mean(np.square(deviation))), np.finfo(np.float32).tiny)
    return float(np.sqrt(np.mean(np.square(found - expected), dtype=float) / spread))


def probed(translator: Translator, probe: Probe) -> dict[str, float]:
    """Return what the probe reads off translations of drawn animals, see `factors`."""
    return factors.headline(factors.translation_scores(translator, probe, sources=20))
