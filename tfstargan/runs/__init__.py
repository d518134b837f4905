"""Run directories: settings, checkpoints, where they came from."""

import tfstargan.backend  # noqa: F401 - before Keras
