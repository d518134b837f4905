"""Keras with TensorFlow behind it, whichever module asks for Keras first.

Keras reads its backend when it is first imported: from the environment, or from the
user's keras.json. Rooms whose modules import Keras import this module in their
`__init__`, hence before it. The environment is left as it was.
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
