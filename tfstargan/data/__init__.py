"""Pictures of several domains, and the endless stream of batches drawn from them."""

from tfstargan.data.stream import ImageSet, batches, open_images

__all__ = ["ImageSet", "batches", "open_images"]
