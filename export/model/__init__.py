"""A run's networks as graphs: SavedModel, ONNX, LiteRT's float32."""

import tfstargan.backend  # noqa: F401 - before Keras
