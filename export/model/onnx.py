"""A run as ONNX files, for ONNX Runtime and what builds on it.

    pip install 'tfstargan[onnx]'
    python -m export.onnx --run_dir=R

writes RUN/export/onnx/: map_latent.onnx, encode_style.onnx, translate.onnx and
stargan.json. They are run in ONNX Runtime and compared with Keras on real pictures;
files that differ are not kept.
"""

import pathlib
import tempfile
from collections.abc import Callable

import numpy as np

from export.litert import flatbuffer
from tfstargan.errors import UserError
from tfstargan.exported.runtime import Endpoints

OPSET = 18


MISSING = "needs tf2onnx and onnxruntime: pip install 'tfstargan[onnx]'"


def convert(content: bytes, signature: str, path: pathlib.Path) -> None:
    """Write one signature of a float32 .tflite as an ONNX file.

    Raises:
        UserError: if tf2onnx is not installed.
    """
    try:
        import tf2onnx.convert
    except ImportError:
        raise UserError(MISSING) from None
    with tempfile.TemporaryDirectory() as folder:
        alone = pathlib.Path(folder) / f"{signature}.tflite"
        alone.write_bytes(flatbuffer.cut(content, signature))
        tf2onnx.convert.from_tflite(str(alone), opset=OPSET, output_path=str(path))


def load(folder: pathlib.Path) -> Endpoints:
    """Return the signatures of a folder of ONNX files as functions of named arrays.

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
