"""ONNX files, converted from a float32 .tflite and run in ONNX Runtime."""

import pathlib
import tempfile
from collections.abc import Callable

import numpy as np

from export.litert import flatbuffer
from export.model import graph
from tfstargan.errors import UserError
from tfstargan.exported.contract import Signature
from tfstargan.exported.runtime import Endpoints
from tfstargan.translation.translator import Translator

OPSET = 18
MISSING = "needs tf2onnx and onnxruntime: pip install 'tfstargan[onnx]'"


def write(translator: Translator, folder: pathlib.Path) -> None:
    """Write a file for each signature of a translator's networks."""
    content = graph.convert(graph.for_export(translator), batch=None)
    for signature in graph.signatures(translator.config, batch=None):
        convert(content, signature, folder / f"{signature.name}.onnx")


def convert(content: bytes, signature: Signature, path: pathlib.Path) -> None:
    """Write one signature of a float32 .tflite as an ONNX file.

    Inputs have the order of the contract. A dimension without a size is named "batch".

    Raises:
        UserError: if tf2onnx is not installed.
    """
    try:
        import onnx
        import tf2onnx.convert
    except ImportError:
        raise UserError(MISSING) from None
    with tempfile.TemporaryDirectory() as folder:
        alone = pathlib.Path(folder) / f"{signature.name}.tflite"
        alone.write_bytes(flatbuffer.cut(content, signature.name))
        model, _ = tf2onnx.convert.from_tflite(str(alone), opset=OPSET)
    names = [tensor.name for tensor in signature.inputs]
    model.graph.input.sort(key=lambda value: names.index(value.name))
    for value in (*model.graph.input, *model.graph.output):
        for size in value.type.tensor_type.shape.dim:
            if not size.dim_value:
                size.dim_param = "batch"
    onnx.save(model, path)


def load(folder: pathlib.Path) -> Endpoints:
    """The signatures of a folder of ONNX files, as functions of named arrays.

    Raises:
        UserError: if ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UserError(MISSING) from None

    def endpoint(path: pathlib.Path) -> Callable[..., dict[str, np.ndarray]]:
        session = onnxruntime.InferenceSession(path)
        names = [output.name for output in session.get_outputs()]

        def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            return dict(zip(names, session.run(names, inputs), strict=True))

        return call

    return {path.stem: endpoint(path) for path in folder.glob("*.onnx")}
