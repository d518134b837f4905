"""Making an exported model's variants (`exported/variants.py`) of the float32 file.

LiteRT's own quantizer does it (`pip install 'tfstargan[quantize]'`). Only convolutions
and linear layers are quantized, which hold the weights and do nearly all of the
arithmetic, and each output channel has a scale of its own. Norms and sums stay in
float32.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator

import numpy as np

from export.litert import flatbuffer
from tfstargan.errors import UserError
from tfstargan.exported import contract

# {signature: its inputs, one after the other}, for ranges
Calibration = dict[str, list[dict[str, np.ndarray]]]

# The least PSNR in dB, mean over pictures, of translations against Keras'. Below it,
# something is wrong with the file, or the network does not bear the variant.
FLOORS = {
    "float16": 60.0,
    "dynamic": 36.0,
    "mixed": 36.0,
    "weights4": 30.0,
    "int8": 28.0,
    "int16x8": 34.0,
}
CALIBRATED = {"int8": 8, "int16x8": 16}  # bits of the inputs
FEW = 16  # channels, below which a convolution is not worth 8-bit arithmetic


def quantize(content: bytes, variant: str, calibration: Calibration) -> bytes:
    """Return a float32 .tflite in another variant.

    Args:
        content: of `graph.convert`.
        variant: of VARIANTS but float32.
        calibration: inputs like those to come, of every signature; for CALIBRATED.

    Raises:
        UserError: if the quantizer is not installed.
    """
    try:
        from litert_quantizer import quantizer
    except ImportError:
        raise UserError(
            f"--variants={variant} needs the package litert-quantizer: "
            "pip install 'tfstargan[quantize]'"
        ) from None
    made = quantizer.Quantizer(content, recipe(content, variant))
    with _quiet():
        ranges = made.calibrate(calibration) if variant in CALIBRATED else None
        return bytes(made.quantize(ranges).quantized_model)


def recipe(content: bytes, variant: str) -> list[dict]:
    """Return the quantizer's rules for a variant; later ones win.

    Args:
        content: of the float32 .tflite, all three signatures.
        variant: of VARIANTS but float32.
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
                octav = AlgorithmName.OCTAV  # finds where to clip
                rules.add_weight_only_config(*this, 4, algorithm_key=octav)
        elif variant in CALIBRATED and layer.signature == contract.TRANSLATE:
            rules.add_static_config(*this, CALIBRATED[variant], 8)
        elif variant in ("mixed", *CALIBRATED) and min(layer.channels) >= FEW:
            rules.add_dynamic_config(*this, 8)
    return rules.get_quantization_recipe()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave out the quantizer's own bars, reports and warnings."""
    with (
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
