"""Makes the variants of an exported model (`exported/variants.py`) by quantization.

It uses LiteRT's quantizer (`pip install 'tfstargan[quantize]'`). Only convolutions and
linear layers are quantized: they hold the weights and do nearly all of the arithmetic.
Each output channel has its own scale. Norms and sums stay in float32.
"""

import contextlib
import importlib.util
import io
import re
import warnings
from collections.abc import Iterator

import numpy as np

from export.litert import flatbuffer
from tfstargan.errors import UserError
from tfstargan.exported import contract

# {signature: a list of its inputs}, to measure ranges on
Calibration = dict[str, list[dict[str, np.ndarray]]]

# Lowest PSNR of translations against those of Keras, in dB, mean over images. Below it,
# the file is faulty or the network is too sensitive for the variant.
FLOORS = {
    "float16": 60.0,
    "dynamic": 36.0,
    "mixed": 36.0,
    "weights4": 30.0,
    "int8": 28.0,
    "int16x8": 34.0,
}
CALIBRATED = {"int8": 8, "int16x8": 16}  # bits of the inputs
FEW = 16  # channels; a convolution with fewer gains nothing from 8-bit arithmetic


def require_quantizer(variant: str) -> None:
    """Raise a UserError if a variant needs the quantizer and it is not installed."""
    if variant != "float32" and importlib.util.find_spec("litert_quantizer") is None:
        raise UserError(
            f"--variants={variant} needs the package litert-quantizer: "
            "pip install 'tfstargan[quantize]'"
        )


def quantize(content: bytes, variant: str, calibration: Calibration) -> bytes:
    """A float32 .tflite in another variant.

    Args:
        content: the file that `graph.convert` made.
        variant: a name of VARIANTS except float32.
        calibration: typical inputs of each signature; for CALIBRATED.

    Raises:
        UserError: if the quantizer is not installed.
    """
    require_quantizer(variant)
    from litert_quantizer import quantizer

    made = quantizer.Quantizer(content, recipe(content, variant))
    with _quiet():
        ranges = made.calibrate(calibration) if variant in CALIBRATED else None
        quantized = bytes(made.quantize(ranges).quantized_model)
    return flatbuffer.write(flatbuffer.read(quantized))  # which corrects versions


def recipe(content: bytes, variant: str) -> list[dict]:
    """The quantizer's rules for a variant; later rules take precedence.

    Args:
        content: the float32 .tflite with all three signatures.
        variant: a name of VARIANTS except float32.
    """
    from litert_quantizer import recipe_manager
    from litert_quantizer.algorithm_manager import AlgorithmName
    from litert_quantizer.qtyping import TFLOperationName as Operation

    rules = recipe_manager.RecipeManager()
    kinds = (Operation.CONV_2D, Operation.DEPTHWISE_CONV_2D, Operation.FULLY_CONNECTED)
    for kind in kinds:
        if variant == "float16":
            casting = AlgorithmName.FLOAT_CASTING
            rules.add_weight_only_config(".*", kind, 16, algorithm_key=casting)
        elif variant == "dynamic":
            rules.add_dynamic_config(".*", kind, 8)
        else:
            rules.add_weight_only_config(".*", kind, 8)

    model = flatbuffer.read(content)
    for layer in flatbuffer.convolutions(model):
        this = (f"^{re.escape(layer.name)}(;|$)", Operation.CONV_2D)
        if variant == "weights4":
            if min(layer.channels) == layer.widest:
                octav = AlgorithmName.OCTAV  # chooses where to clip
                rules.add_weight_only_config(*this, 4, algorithm_key=octav)
        elif variant in CALIBRATED and layer.signature == contract.TRANSLATE:
            rules.add_static_config(*this, CALIBRATED[variant], 8)
        elif variant in ("mixed", *CALIBRATED) and min(layer.channels) >= FEW:
            rules.add_dynamic_config(*this, 8)
    return rules.get_quantization_recipe()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the quantizer's progress bars, reports and warnings."""
    with (
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
