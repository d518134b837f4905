"""The authors' files: PyTorch's formats, names and layouts of parameters."""

import tfstargan.backend  # noqa: F401 - before Keras
