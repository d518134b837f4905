"""StarGAN v2 in TensorFlow and Keras 3."""

import importlib.util
import os

if importlib.util.find_spec("tensorflow") is None:
    raise ImportError(
        "tfstargan needs TensorFlow: pip install 'tfstargan[cpu]' or 'tfstargan[gpu]'"
    )
# Both are read when they are imported. A user's ~/.keras/keras.json may name another
# backend; TensorFlow's informational messages hide ours (0 shows them).
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
