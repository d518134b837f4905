"""HEIC, the photographs of phones, read by the extra `heic` (pillow-heif)."""

import functools
from typing import Any, BinaryIO

from PIL import ImageFile

EXTENSIONS = (".heic", ".heif")
# Of HEVC images and sequences, and of containers for any codec (ISO/IEC 23008-12).
BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HEAD = 12  # bytes that show the brand


def is_heic(head: bytes) -> bool:
    """Whether a file begins as HEIC does."""
    return head[4:8] == b"ftyp" and head[8:HEAD] in BRANDS


@functools.cache
def reader() -> Any:
    """The class that opens HEIC; None if pillow-heif is not installed."""
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        return None
    return HeifImageFile


def open_heic(file: BinaryIO) -> ImageFile.ImageFile | None:
    """The image in a file, turned upright; None if it is no HEIC or can't be read.

    Raises:
        Exception: if it is damaged.
    """
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    if not is_heic(head) or reader() is None:
        return None
    return reader()(file)
