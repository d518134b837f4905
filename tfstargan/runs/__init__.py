"""Run directories: settings, checkpoints, provenance."""

import tfstargan.backend  # noqa: F401 - before Keras
