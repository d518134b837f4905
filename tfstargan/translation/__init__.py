"""Translating with a trained run: styles, grids, folders, large collections."""

import tfstargan.backend  # noqa: F401 - before Keras
