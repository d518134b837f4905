"""PNG files whose text or profile is too long for Pillow."""

import io
import struct
import zlib
from typing import BinaryIO

from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
ORIENTED = b"XML:com.adobe.xmp\0\0"  # a text that may hold the orientation
SHORT = 1 << 16  # bytes of a text that is kept
LONGEST_PROFILE = 16 << 20  # bytes; profiles of printers have a few MB


def is_too_long(error: ValueError) -> bool:
    """Whether Pillow refused a PNG because of the length of its text or profile."""
    return "MAX_TEXT_" in str(error)


def open_without_text(file: BinaryIO) -> Image.Image:
    """A PNG without its texts. Its profile is unpacked here.

    Raises:
        ValueError: if the profile is longer than `LONGEST_PROFILE`.
    """
    content, profile = io.BytesIO(), b""
    content.write(file.read(len(SIGNATURE)))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        body = file.read(length + 4)  # with its checksum
        if kind == b"iCCP":
            profile = _unpacked(body[:-4])
        elif kind not in TEXTS or (body.startswith(ORIENTED) and length < SHORT):
            content.write(head + body)
    content.seek(0)
    image = Image.open(content, formats=["PNG"])
    if profile:
        image.info["icc_profile"] = profile
    return image


def _unpacked(chunk: bytes) -> bytes:
    """The profile in a chunk: a name, a zero, the method, deflated data."""
    data = chunk.partition(b"\0")[2][1:]
    unpacker = zlib.decompressobj()
    profile = unpacker.decompress(data, LONGEST_PROFILE)
    if unpacker.unconsumed_tail:
        raise ValueError(f"a colour profile of more than {LONGEST_PROFILE:,} bytes")
    return profile
