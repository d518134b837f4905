"""Exported models: their contract, and running them without TensorFlow."""
