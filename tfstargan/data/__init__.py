"""Pictures of several domains, and the endless stream of batches drawn from them."""

from tfstargan.data.batch import Batch
from tfstargan.data.image_set import ImageSet
from tfstargan.data.stream import (
    batches,
    examples_of,
    keep_freed_memory,
    open_images,
)

__all__ = [
    "Batch",
    "ImageSet",
    "batches",
    "examples_of",
    "keep_freed_memory",
    "open_images",
]
