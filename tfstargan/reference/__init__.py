"""The authors' files: PyTorch's formats, parameter names and layouts."""

import tfstargan.backend  # noqa: F401 - before Keras
