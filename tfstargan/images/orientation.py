"""EXIF's orientation, read without its other tags.

Other tags may break the standard. That is no reason to refuse an image, or to show it
lying on its side.
"""

import struct

from PIL import Image

ORIENTATION = 0x0112  # EXIF's tag, in its first directory
FORMATS = {1: "B", 3: "H", 4: "I"}  # of the types in which cameras write it
TURNS = {  # its values, and what turns the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(image: Image.Image) -> int:
    """EXIF's orientation of an image, 1 to 8; 1 if there is none.

    Pillow turns a TIFF upright when it is loaded.
    """
    exif = image.info.get("exif")
    if isinstance(exif, bytes):
        try:
            value = _first_directory(exif.removeprefix(b"Exif\0\0"))
        except struct.error:  # cut short
            value = 0
        if value:
            return value if value in TURNS else 1
    try:
        value = image.getexif().get(ORIENTATION, 1)  # in other places, such as XMP
    except Exception:  # Pillow's parser raises any on damaged EXIF
        return 1
    return value if isinstance(value, int) and value in TURNS else 1


def _first_directory(exif: bytes) -> int:
    """The orientation in EXIF's first directory; 0 if there is none."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2], "")
    if not order:
        return 0
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", exif, entry)
        if tag == ORIENTATION and kind in FORMATS:
            return struct.unpack_from(f"{order}{FORMATS[kind]}", exif, entry + 8)[0]
    return 0
