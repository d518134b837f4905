"""StarGAN v2 in TensorFlow and Keras 3."""

import os

# Both are read when they are imported. A user's ~/.keras/keras.json may name another
# backend; TensorFlow's informational messages hide ours (0 shows them).
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
