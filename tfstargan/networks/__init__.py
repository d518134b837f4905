"""The networks: layers, blocks, and the one place that sizes them."""

import tfstargan.backend  # noqa: F401 - before Keras
