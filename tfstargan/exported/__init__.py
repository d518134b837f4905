"""Exported models: what they promise, and how they are run; without TensorFlow."""
