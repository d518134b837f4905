"""Images: reading files, and writing images, grids and animations.

The rest of the library says `images.read`, `images.save`.
"""

from tfstargan.images.reading import (
    EXTENSIONS,
    POSTPROCESSING,
    PREPROCESSING,
    UnreadableError,
    decode,
    find,
    opened,
    read,
    square,
    to_float,
    to_rgb,
    to_uint8,
)
from tfstargan.images.writing import grid, save, save_animation

__all__ = [
    "EXTENSIONS",
    "POSTPROCESSING",
    "PREPROCESSING",
    "UnreadableError",
    "decode",
    "find",
    "grid",
    "opened",
    "read",
    "save",
    "save_animation",
    "square",
    "to_float",
    "to_rgb",
    "to_uint8",
]
