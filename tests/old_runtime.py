"""Runs recorded vectors in TensorFlow Lite of 2023, in an environment of its own.

    make old-runtime
    .venv-old-runtime/bin/python tests/old_runtime.py FOLDER

FOLDER holds .tflite files and vectors.npz: inputs by SIGNATURE/INPUT, and the outputs
that each file gives in LiteRT by FILE/SIGNATURE. Prints as JSON, for each file, the
root mean square difference by signature, or why the runtime refuses it.
"""

import json
import pathlib
import sys

import numpy as np
from tflite_runtime.interpreter import Interpreter


def differences(path, vectors):
    interpreter = Interpreter(model_path=str(path))
    result = {}
    for name, tensors in interpreter.get_signature_list().items():
        inputs = {key: vectors[f"{name}/{key}"] for key in tensors["inputs"]}
        (found,) = interpreter.get_signature_runner(name)(**inputs).values()
        expected = vectors[f"{path.stem}/{name}"]
        result[name] = float(np.sqrt(np.mean(np.square(found - expected))))
    return result


def main(folder):
    vectors = np.load(folder / "vectors.npz")
    result = {}
    for path in sorted(folder.glob("*.tflite")):
        try:
            result[path.stem] = differences(path, vectors)
        except (ValueError, RuntimeError) as error:
            result[path.stem] = str(error)
    print(json.dumps(result))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
