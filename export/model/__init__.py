"""A run's networks as graphs: SavedModel, ONNX, LiteRT's float32."""
