"""Images: reading files, and writing images, grids and animations.

The rest of the library calls them `images.read`, `images.save`.
"""

from tfstargan.images import heic
from tfstargan.images.colour import UnsuitableError, is_deep, kind_of_profile
from tfstargan.images.orientation import orientation
from tfstargan.images.reading import (
    POSTPROCESSING,
    PREPROCESSING,
    READING,
    UnreadableError,
    content,
    decode,
    decoded,
    opened,
    read,
    square,
    to_float,
    to_rgb,
    to_uint8,
)
from tfstargan.images.walking import (
    EXTENSIONS,
    HIDDEN,
    Found,
    find,
    is_image,
    is_ours,
    no_images,
    require_outside,
    walk,
)
from tfstargan.images.writing import QUALITY, grid, save, save_animation

HEIC = heic.EXTENSIONS

__all__ = [
    "EXTENSIONS",
    "HEIC",
    "HIDDEN",
    "POSTPROCESSING",
    "PREPROCESSING",
    "QUALITY",
    "READING",
    "Found",
    "UnreadableError",
    "UnsuitableError",
    "content",
    "decode",
    "decoded",
    "find",
    "grid",
    "is_deep",
    "is_image",
    "is_ours",
    "kind_of_profile",
    "no_images",
    "opened",
    "orientation",
    "read",
    "require_outside",
    "save",
    "save_animation",
    "square",
    "to_float",
    "to_rgb",
    "to_uint8",
    "walk",
]
