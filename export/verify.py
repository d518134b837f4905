"""Whether an exported model gives what Keras gives, on real pictures."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from export.signatures import functions, signatures
from tfstargan.config import Config, UserError
from tfstargan.data import examples_of, open_images
from tfstargan.data.critters import Critters
from tfstargan.translator import Translator

TOLERANCE = 1e-4  # largest difference, of the largest value: float32's rounding
PICTURES = 6  # about so many, evenly over the domains

# {signature: a function of named arrays, batch 1, to named arrays}
Endpoints = dict[str, Callable[..., dict[str, Any]]]


def real_pictures(config: Config) -> np.ndarray:
    """Return pictures of a run's data, [N, H, W, 3] float32 in [-1, 1].

    Where the data is not at hand (a run copied to another machine), drawn animals.
    """
    try:
        image_set = open_images(config, "val")
    except UserError as error:
        print(f"{error}\nComparing on drawn animals instead.", file=sys.stderr)
        image_set = Critters("val", config.img_size, PICTURES)
    each = max(1, PICTURES // len(image_set.domains))
    return np.concatenate(examples_of(image_set, config.img_size, each))


def verify(
    translator: Translator, endpoints: Endpoints, pictures: np.ndarray
) -> dict[str, float]:
    """Print each signature's largest difference from Keras, and return them.

    Raises:
        UserError: if one is beyond TOLERANCE, or no number.
    """
    # On GPUs TensorFlow rounds a convolution's inputs to 10 bits unless told not to.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    differences = largest_differences(translator, endpoints, pictures)
    for name, difference in differences.items():
        print(f"{name:14} largest difference from Keras {difference:.1e}")
    if not all(d <= TOLERANCE for d in differences.values()):  # nan is not
        raise UserError(
            f"the exported model differs from Keras by more than {TOLERANCE}: it is "
            "not written; please report this with the versions in the run's run.json"
        )
    return differences


def largest_differences(
    translator: Translator, endpoints: Endpoints, pictures: np.ndarray
) -> dict[str, float]:
    """Return each signature's largest difference from Keras, nan if any is.

    The difference is absolute, or relative to the largest value where that is above 1.

    Every picture is translated with a random latent's style and with its own.

    Args:
        translator: holds the Keras networks.
        endpoints: the exported ones.
        pictures: [N, H, W, 3] float32 in [-1, 1].
    """
    config = translator.config
    by_name = {signature.name: signature for signature in signatures(config)}
    expected_of = functions(translator)
    worst = dict.fromkeys(by_name, 0.0)
    rng = np.random.default_rng(0)

    def compare(name: str, *inputs: np.ndarray) -> np.ndarray:
        signature = by_name[name]
        names = (tensor.name for tensor in signature.inputs)
        found = endpoints[name](**dict(zip(names, inputs, strict=True)))
        expected = expected_of[name](*inputs).numpy()
        difference = np.max(np.abs(found[signature.output.name] - expected))
        relative = difference / max(1.0, np.max(np.abs(expected)))
        worst[name] = float(np.maximum(worst[name], relative))
        return expected

    for i, picture in enumerate(pictures):
        x, y = picture[None], np.array([i % len(config.domains)], np.int32)
        z = rng.standard_normal((1, config.latent_dim), np.float32)
        for style in (compare("map_latent", z, y), compare("encode_style", x, y)):
            compare("translate", x, style)
    return worst
