"""Keras with the TensorFlow backend, whichever module imports Keras first.

Keras chooses its backend when it is imported, from the environment or the user's
keras.json. TensorFlow's own import is an import of Keras, too. Packages whose modules
import one of the two import this module in their `__init__`, hence before it; in
packages that some commands use without TensorFlow, modules import `tf` and `keras` from
here. The environment is not changed.
"""

import os
import sys

from tfstargan.errors import UserError

VARIABLE = "KERAS_BACKEND"


def import_keras() -> None:
    """Import Keras on TensorFlow.

    Raises:
        UserError: if the program has imported Keras on another backend.
    """
    if "keras" not in sys.modules:
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = "tensorflow"
        try:
            import keras
        finally:
            if before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = before
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"Keras runs on {keras.backend.backend()} in this program, tfstargan needs "
            "TensorFlow: import tfstargan.backend before Keras, or set "
            f"{VARIABLE}=tensorflow"
        )


import_keras()

import keras  # noqa: E402, F401 - from here only, on TensorFlow
import tensorflow as tf  # noqa: E402, F401 - after Keras
