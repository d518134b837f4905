"""A run's networks as graphs: SavedModel and float32 LiteRT files."""

import tfstargan.backend  # noqa: F401 - before Keras
