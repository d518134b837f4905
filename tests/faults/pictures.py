"""Picture files of every kind that folders of strangers hold."""

import contextlib
import io
import os
import pathlib
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from tfstargan import images

GOOD = {  # {name: what `look` calls it}
    "plain.jpg": (),
    "plain.png": (),
    "progressive.jpg": (),
    "cmyk.jpg": ("CMYK",),
    "sixteen.png": ("16 bits, read as 8",),
    "palette.png": ("palette",),
    "grey.png": ("grey",),
    "transparent.png": ("transparent, laid on white",),
    "turned.jpg": ("turned upright by EXIF",),
    "animated.png": ("animated, first frame used",),
    "webp.jpg": ("WEBP named .jpg",),
    "gif.png": ("GIF named .png", "palette"),
    "link.jpg": ("link",),
}
BROKEN = {  # {name: its problem}
    "truncated.jpg": "damaged",
    "truncated.png": "damaged",
    "flipped.png": "damaged",
    "empty.jpg": "empty",
    "text.jpg": "not a picture",
    "postscript.jpg": "not a picture",
    "bomb.png": "too large",
    "dangling.jpg": "a link to nothing",
    "folder.jpg": "not a file",
    "pipe.jpg": "not a file",
}
SIZE = (40, 30)


def noise() -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (*SIZE[::-1], 3), np.uint8))


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def bomb() -> bytes:
    """Return a PNG of 100,000 x 100,000 pixels in some bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def contents() -> dict[str, bytes]:
    """Return the files of GOOD and BROKEN that are files."""
    image = noise()
    jpg, png = encoded(image, "JPEG"), encoded(image, "PNG")
    turned = Image.Exif()
    turned[0x0112] = 6
    deep = Image.fromarray(np.full(SIZE, 40_000, np.uint16))
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 0xFF
    return {
        "plain.jpg": jpg,
        "plain.png": png,
        "progressive.jpg": encoded(image, "JPEG", progressive=True),
        "cmyk.jpg": encoded(image.convert("CMYK"), "JPEG"),
        "sixteen.png": encoded(deep, "PNG"),
        "palette.png": encoded(image.convert("P"), "PNG"),
        "grey.png": encoded(image.convert("L"), "PNG"),
        "transparent.png": encoded(image.convert("RGBA"), "PNG"),
        "turned.jpg": encoded(image, "JPEG", exif=turned),
        "animated.png": encoded(
            image, "PNG", save_all=True, append_images=[image.rotate(90)]
        ),
        "webp.jpg": encoded(image, "WEBP"),
        "gif.png": encoded(image, "GIF"),
        "truncated.jpg": jpg[: len(jpg) // 2],
        "truncated.png": png[: len(png) // 2],
        "flipped.png": bytes(flipped),
        "empty.jpg": b"",
        "text.jpg": b"<html>404 Not Found</html>",
        # Pillow would have Ghostscript run it.
        "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
        b"%%EndComments\n(hi) print showpage\n",
        "bomb.png": bomb(),
    }


def others(folder: pathlib.Path) -> dict[str, Callable[[pathlib.Path], None]]:
    """Return what makes those that are no files of their own."""
    return {
        "link.jpg": lambda path: path.symlink_to(folder / "plain.jpg"),
        "dangling.jpg": lambda path: path.symlink_to(folder / "nowhere.jpg"),
        "folder.jpg": lambda path: path.mkdir(),
        "pipe.jpg": os.mkfifo,
    }


def write(folder: pathlib.Path) -> None:
    """Write one of every kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents().items():
        (folder / name).write_bytes(content)
    for name, make in others(folder).items():
        make(folder / name)


def read_damaged(times: int, seed: int = 0) -> None:
    """Read so many pictures with bytes changed, some cut short: a picture or a line."""
    rng = random.Random(seed)
    whole = list(contents().values())
    for _ in range(times):
        content = bytearray(rng.choice(whole))
        for _ in range(rng.randint(1, 8)):
            if content:
                content[rng.randrange(len(content))] = rng.randrange(256)
        if rng.random() < 0.3:
            del content[rng.randrange(len(content) + 1) :]
        with contextlib.suppress(images.UnreadableError):  # and nothing else
            assert images.decode(io.BytesIO(content), "it").mode == "RGB"
