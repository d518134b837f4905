"""Every kind of image, by every way in, against values computed here with NumPy.

A kind is what a file stores (mode, depth, transparency, profile, orientation) in a
container. What it should be read as is computed from the stored numbers: published
formulas for colour spaces, no call of our reader or of LittleCMS.
"""

import io
import struct
import zlib
from collections.abc import Callable
from unittest import mock

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from tfstargan import images
from tfstargan.data import packing
from tfstargan.data.folder import Folder
from tfstargan.data.scan import look
from tfstargan.data.shards import Shards
from tfstargan.errors import UserError
from tfstargan.faces import cutting
from tfstargan.faces.alignment import Face
from tfstargan.images import heic
from tfstargan.translation import sources

try:
    import pillow_heif
except ImportError:  # the extra `heic`
    pillow_heif = None

HEIGHT, WIDTH = 24, 32
TAGS = {  # EXIF's orientations, as what the camera did to an upright array
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, 1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x, -1),
}
# From linear light in Adobe RGB (1998) to that in sRGB, both D65 (IEC 61966-2-1).
ADOBE_TO_XYZ = np.array(
    [
        [0.57667, 0.18556, 0.18823],
        [0.29734, 0.62736, 0.07529],
        [0.02703, 0.07069, 0.99134],
    ]
)
XYZ_TO_SRGB = np.array(
    [
        [3.24096994, -1.53738318, -0.49861076],
        [-0.96924364, 1.8759675, 0.04155506],
        [0.05563008, -0.20397696, 1.05697151],
    ]
)
TO_D50 = np.array(  # Bradford
    [
        [1.0478112, 0.0228866, -0.0501270],
        [0.0295424, 0.9904844, -0.0170491],
        [-0.0092345, 0.0150436, 0.7521316],
    ]
)


def srgb_curve(light: np.ndarray) -> np.ndarray:
    """Levels 0 to 255 of linear light."""
    light = np.clip(light, 0, 1)
    low, high = 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    return 255 * np.where(light <= 0.0031308, low, high)


def from_adobe(levels: np.ndarray) -> np.ndarray:
    light = (levels / 255) ** (563 / 256)
    return srgb_curve(light @ (XYZ_TO_SRGB @ ADOBE_TO_XYZ).T)


def from_lab(levels: np.ndarray) -> np.ndarray:
    """sRGB levels of CIELAB under D50: L* of 0 to 255, a* and b* as signed bytes."""
    a, b = np.moveaxis(levels[..., 1:].astype(np.int8).astype(float), -1, 0)
    y = (levels[..., 0] / 255 * 100 + 16) / 116
    ratios = np.stack([y + a / 500, y, y - b / 200], -1)
    low = 3 * (6 / 29) ** 2 * (ratios - 4 / 29)
    xyz = np.where(ratios > 6 / 29, ratios**3, low) * [0.9642, 1.0, 0.8249]
    return srgb_curve(xyz @ (XYZ_TO_SRGB @ np.linalg.inv(TO_D50)).T)


def from_cmyk(levels: np.ndarray) -> np.ndarray:
    ink = levels.astype(float) / 255
    return 255 * (1 - ink[..., :3]) * (1 - ink[..., 3:])


def profile(gamma: float, colorants: np.ndarray | None, space: bytes) -> bytes:
    """An ICC profile, version 2, written by hand: a gamma, and primaries for RGB."""

    def s15(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: np.ndarray) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(s15, values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"text\0\0\0\0by hand\0"
    tags = {b"desc": text, b"cprt": text, b"wtpt": xyz([0.9642, 1.0, 0.8249])}
    if colorants is None:
        tags[b"kTRC"] = curve
    else:
        for name, column in zip("rgb", colorants.T, strict=True):
            tags[f"{name}TRC".encode()] = curve
            tags[f"{name}XYZ".encode()] = xyz(column)
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI", offset + len(data), b"none", 0x02400000)
    head += b"mntr" + space + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += b"".join(map(s15, [0.9642, 1.0, 0.8249]))
    return head.ljust(128, b"\0") + table + data


ADOBE = profile(563 / 256, TO_D50 @ ADOBE_TO_XYZ, b"RGB ")
GREY = profile(1.0, None, b"GRAY")  # linear light
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def smooth(channels: int) -> np.ndarray:
    """Levels [H, W, channels] that change slowly, so that JPEG keeps them."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    planes = [40 + x * (6 - c) + y * (c + 1) for c in range(channels)]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def noise(*shape: int, top: int = 256, kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(7).integers(0, top, shape).astype(kind)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    a = alpha[..., None] / 255
    return colours * a + 255 * (1 - a)


def thrice(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, -1)


def png(levels: np.ndarray, colour: int, depth: int, *chunks: bytes) -> bytes:
    """A PNG written by hand: [H, W, C] big-endian levels of 8 or 16 bits."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    kind = ">u2" if depth == 16 else "u1"
    rows = b"".join(b"\0" + row.astype(kind).tobytes() for row in levels)
    height, width = levels.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    extra = b"".join(chunk(data[:4], data[4:]) for data in chunks)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def tiff(
    levels: np.ndarray,
    photometric: int,
    order: str = "<",
    sample_format: int = 1,
    extra: int | None = None,
) -> bytes:
    """A TIFF written by hand: [H, W, C] levels of any type, in one strip."""
    height, width, channels = levels.shape
    data = levels.astype(levels.dtype.newbyteorder(order)).tobytes()
    tags = {  # of two bytes a value, but for where the data is, and its size
        256: [width],
        257: [height],
        258: [8 * levels.itemsize] * channels,
        259: [1],
        262: [photometric],
        273: [0],
        277: [channels],
        278: [height],
        279: [len(data)],
        **({} if extra is None else {338: [extra]}),
        339: [sample_format] * channels,
    }
    start = 8 + 2 + 12 * len(tags) + 4
    behind = b""
    for tag, values in tags.items():  # values that do not fit an entry
        packed = struct.pack(f"{order}{len(values)}H", *values) if tag != 279 else b""
        if len(packed) > 4:
            tags[tag] = (len(values), start + len(behind))
            behind += packed
    tags[273] = [start + len(behind)]
    entries = b""
    for tag, values in tags.items():
        if isinstance(values, tuple):
            entries += struct.pack(f"{order}HHII", tag, 3, *values)
        elif tag in (273, 279):
            entries += struct.pack(f"{order}HHII", tag, 4, 1, *values)
        else:
            short = struct.pack(f"{order}{len(values)}H", *values).ljust(4, b"\0")
            entries += struct.pack(f"{order}HHI", tag, 3, len(values)) + short
    head = b"II" if order == "<" else b"MM"
    head += struct.pack(f"{order}HIH", 42, 8, len(tags))
    return head + entries + bytes(4) + behind + data


def kinds() -> dict[str, tuple[bytes, np.ndarray, float]]:
    """{file's name: (content, levels it is read as, largest difference)}."""
    rgb, grey, alpha = noise(HEIGHT, WIDTH, 3), noise(HEIGHT, WIDTH), noise(24, 32)
    alpha[:4], alpha[-4:] = 0, 255
    rgba = np.dstack([rgb, alpha])
    la = np.dstack([grey, alpha])
    found: dict[str, tuple[bytes, np.ndarray, float]] = {}
    pillow = Image.fromarray
    for suffix, form in {"png": "PNG", "bmp": "BMP", "tif": "TIFF"}.items():
        found[f"rgb.{suffix}"] = saved(pillow(rgb), form), rgb, 0
        found[f"grey.{suffix}"] = saved(pillow(grey), form), thrice(grey), 0
    lossless = saved(pillow(rgb), "WEBP", lossless=True)
    found["rgb.webp"] = lossless, rgb, 0
    for suffix, form, options in (
        ("png", "PNG", {}),
        ("tif", "TIFF", {}),
        ("webp", "WEBP", {"lossless": True, "exact": True}),
    ):
        content = saved(pillow(rgba), form, **options)
        found[f"rgba.{suffix}"] = content, on_white(rgb, alpha), 0.51
    found["la.png"] = png(la, 4, 8), on_white(thrice(grey), alpha), 0.51
    soft = smooth(3)
    found["rgb.jpg"] = saved(pillow(soft), "JPEG", quality=100, subsampling=0), soft, 4
    found["adobe.jpg"] = (
        saved(pillow(soft), "JPEG", quality=100, subsampling=0, icc_profile=ADOBE),
        from_adobe(soft),
        9,  # JPEG's own error, steeper in saturated colours
    )
    for suffix, form in {"png": "PNG", "tif": "TIFF"}.items():
        content = saved(pillow(rgb), form, icc_profile=ADOBE)
        found[f"adobe.{suffix}"] = content, from_adobe(rgb), 2
    found["adobe.webp"] = (
        saved(pillow(rgb), "WEBP", lossless=True, icc_profile=ADOBE),
        from_adobe(rgb),
        2,
    )
    found["adobe_rgba.png"] = (
        saved(pillow(rgba), "PNG", icc_profile=ADOBE),
        on_white(from_adobe(rgb), alpha),
        2.5,
    )
    found["srgb.png"] = saved(pillow(rgb), "PNG", icc_profile=SRGB), rgb, 0
    found["junk_profile.png"] = (
        saved(pillow(rgb), "PNG", icc_profile=b"x" * 200),
        rgb,
        0,
    )
    found["of_grey.png"] = saved(pillow(rgb), "PNG", icc_profile=GREY), rgb, 0
    found["grey_linear.png"] = (
        saved(pillow(grey), "PNG", icc_profile=GREY),
        thrice(srgb_curve(grey / 255)),
        2,
    )
    indices = noise(HEIGHT, WIDTH, top=6)
    colours = noise(6, 3)
    palette = pillow(indices, "P")
    palette.putpalette(colours.tobytes())
    seen = colours[indices]
    found["palette.png"] = saved(palette, "PNG"), seen, 0
    found["palette.gif"] = saved(palette, "GIF"), seen, 0
    opacity = np.array([0, 50, 100, 200, 255, 255], np.uint8)
    content = saved(palette, "PNG", transparency=opacity.tobytes())
    found["palette_alpha.png"] = content, on_white(seen, opacity[indices]), 0.51
    keyed = np.where(indices == 2, 0, 255)
    content = saved(palette, "GIF", transparency=2)
    found["palette_key.gif"] = content, on_white(seen, keyed), 0
    key = b"tRNS" + struct.pack(">HHH", *rgb[3, 4])
    hit = (rgb == rgb[3, 4]).all(-1)
    found["key.png"] = png(rgb, 2, 8, key), on_white(rgb, np.where(hit, 0, 255)), 0
    bits = grey > 100
    found["bits.png"] = saved(pillow(bits), "PNG"), thrice(255 * bits), 0
    deep = noise(HEIGHT, WIDTH, 3, top=65536, kind=np.uint16)
    found["deep.png"] = png(deep, 2, 16), deep >> 8, 0
    one = deep[..., 0]
    found["deep_grey.png"] = png(one[..., None], 0, 16), thrice(one >> 8), 0
    found["deep_grey.tif"] = saved(pillow(one), "TIFF"), thrice(one >> 8), 0
    key = b"tRNS" + struct.pack(">H", one[2, 2])
    found["deep_key.png"] = (
        png(one[..., None], 0, 16, key),
        on_white(thrice(one >> 8), np.where(one == one[2, 2], 0, 255)),
        0,
    )
    both = np.dstack([deep, alpha.astype(np.uint16) * 257])
    found["deep_rgba.png"] = png(both, 6, 16), on_white(deep >> 8, alpha), 0.51
    found["deep_white_is_zero.tif"] = (
        saved(pillow(one), "TIFF", tiffinfo={262: 0}),
        thrice(255 - (one >> 8)),
        0,
    )
    unit = np.random.default_rng(1).random((HEIGHT, WIDTH), np.float32)
    found["floats.tif"] = saved(pillow(unit), "TIFF"), thrice(np.rint(unit * 255)), 0
    cmyk = noise(HEIGHT, WIDTH, 4)
    found["cmyk.tif"] = saved(pillow(cmyk, "CMYK"), "TIFF"), from_cmyk(cmyk), 1.01
    for tag, turn in TAGS.items():
        exif = Image.Exif()
        exif[0x0112] = tag
        stored = pillow(np.ascontiguousarray(turn(rgb)))
        found[f"turned{tag}.png"] = saved(stored, "PNG", exif=exif), rgb, 0
    exif = Image.Exif()
    exif[0x0112] = 6
    for suffix, form, options in (
        ("tif", "TIFF", {}),
        ("webp", "WEBP", {"lossless": True}),
    ):
        stored = pillow(np.ascontiguousarray(TAGS[6](rgb)))
        found[f"turned.{suffix}"] = saved(stored, form, exif=exif, **options), rgb, 0
    stored = pillow(np.ascontiguousarray(TAGS[6](rgba)))
    found["turned_adobe_rgba.png"] = (
        saved(stored, "PNG", exif=exif, icc_profile=ADOBE),
        on_white(from_adobe(rgb), alpha),
        2.5,
    )
    text = b"zTXtnote\0\0" + zlib.compress(b"a" * (3 << 20))
    found["long_text.png"] = png(rgb, 2, 8, text), rgb, 0
    found |= more_tiffs(rgb, grey, alpha, deep)
    found |= more_pngs(rgb, grey, alpha, deep)
    found |= more_bmps(rgb, grey, palette, seen)
    found |= more_jpegs(soft)
    found |= avifs(soft, alpha) if features.check("avif") else {}
    found |= heics(soft, alpha) if pillow_heif else {}
    large = ADOBE.ljust(3 << 20, b"\0")
    large = struct.pack(">I", len(large)) + large[4:]
    chunk = b"iCCPx\0\0" + zlib.compress(large)
    found["large_profile.png"] = png(rgb, 2, 8, chunk), from_adobe(rgb), 2
    return found


Kinds = dict[str, tuple[bytes, np.ndarray, float]]


def more_tiffs(rgb, grey, alpha, deep) -> Kinds:
    """Kinds that Pillow reads from TIFF, and does not write."""
    deep_alpha = alpha.astype(np.uint16) * 257
    opaque = alpha[..., None] / 255
    la = np.dstack([grey, alpha])
    lab = noise(HEIGHT, WIDTH, 3, top=50) - np.uint8(25)  # a*, b*: -25 to 24
    lab[..., 0] = 90 + grey // 3
    cmyk = noise(HEIGHT, WIDTH, 4, top=65536, kind=np.uint16)
    return {
        "deep.tif": (tiff(deep, 2), deep >> 8, 0),
        "deep_big_endian.tif": (tiff(deep, 2, ">"), deep >> 8, 0),
        "deep_grey_big_endian.tif": (
            tiff(deep[..., :1], 1, ">"),
            thrice(deep[..., 0] >> 8),
            0,
        ),
        "deep_rgba.tif": (
            tiff(np.dstack([deep, deep_alpha]), 2, extra=2),
            on_white(deep >> 8, alpha),
            0.51,
        ),
        "premultiplied_rgba.tif": (
            tiff(
                np.dstack([np.rint(rgb * opaque).astype(np.uint8), alpha]), 2, extra=1
            ),
            on_white(rgb, alpha),
            1.6,  # colours were rounded when they were multiplied
        ),
        "unused_channel.tif": (tiff(np.dstack([rgb, alpha]), 2, extra=0), rgb, 0),
        "la.tif": (tiff(la, 1, extra=2), on_white(thrice(grey), alpha), 0.51),
        "white_is_zero.tif": (tiff(grey[..., None], 0), thrice(255 - grey), 0),
        "deep_cmyk.tif": (tiff(cmyk, 5), from_cmyk(cmyk >> 8), 1.01),
        "lab.tif": (tiff(lab, 8), from_lab(lab), 1.5),
    }


def more_pngs(rgb, grey, alpha, deep) -> Kinds:
    """Few bits a channel, and transparency and profiles together with depth."""
    icc = b"iCCPx\0\0" + zlib.compress(ADOBE)
    both = np.dstack([deep, alpha.astype(np.uint16) * 257])
    deep_la = both[..., [0, 3]]
    found: Kinds = {
        "adobe_deep.png": (png(deep, 2, 16, icc), from_adobe(deep >> 8), 2),
        "adobe_deep_rgba.png": (
            png(both, 6, 16, icc),
            on_white(from_adobe(deep >> 8), alpha),
            2.5,
        ),
        "deep_la.png": (
            png(deep_la, 4, 16),
            on_white(thrice(deep_la[..., 0] >> 8), alpha),
            0.51,
        ),
    }
    hit = np.where(grey == grey[1, 1], 0, 255)
    key = b"tRNS" + struct.pack(">H", grey[1, 1])
    found["grey_key.png"] = (
        png(grey[..., None], 0, 8, key),
        on_white(thrice(grey), hit),
        0,
    )
    for bits in (2, 4):
        levels = grey % 2**bits
        rows = np.packbits(
            np.unpackbits(levels[..., None], -1)[..., -bits:].reshape(24, -1), -1
        )
        content = bytearray(png(rows[..., None], 0, 8))
        content[16:25] = struct.pack(">IIB", WIDTH, HEIGHT, bits)
        content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
        expected = thrice(levels * (255 // (2**bits - 1)))
        found[f"{bits}_bits.png"] = bytes(content), expected, 0
    for name, image, expected in (
        ("turned_la.png", np.dstack([grey, alpha]), on_white(thrice(grey), alpha)),
        ("turned_grey.png", grey, thrice(grey)),
    ):
        exif = Image.Exif()
        exif[0x0112] = 8
        stored = Image.fromarray(np.ascontiguousarray(TAGS[8](image)))
        found[name] = saved(stored, "PNG", exif=exif), expected, 0.51
    return found


def more_bmps(rgb, grey, palette, seen) -> Kinds:
    bits = grey > 100
    return {
        "palette.bmp": (saved(palette, "BMP"), seen, 0),
        "bits.bmp": (saved(Image.fromarray(bits), "BMP"), thrice(255 * bits), 0),
        "palette.tif": (saved(palette, "TIFF"), seen, 0),
        "bits.tif": (saved(Image.fromarray(bits), "TIFF"), thrice(255 * bits), 0),
        "lzw.tif": (
            saved(Image.fromarray(rgb), "TIFF", compression="tiff_lzw"),
            rgb,
            0,
        ),
    }


def more_jpegs(soft) -> Kinds:
    best = {"quality": 100, "subsampling": 0}
    found: Kinds = {
        "progressive.jpg": (
            saved(Image.fromarray(soft), "JPEG", progressive=True, **best),
            soft,
            4,
        )
    }
    grey, cmyk = soft[..., 0], np.dstack([soft, 255 - soft[..., 0]])
    found["grey.jpg"] = saved(Image.fromarray(grey), "JPEG", **best), thrice(grey), 3
    stored = Image.fromarray(cmyk, "CMYK")
    found["cmyk.jpg"] = saved(stored, "JPEG", **best), from_cmyk(cmyk), 5
    for tag, turn in TAGS.items():
        exif = Image.Exif()
        exif[0x0112] = tag
        stored = Image.fromarray(np.ascontiguousarray(turn(soft)))
        found[f"turned{tag}.jpg"] = saved(stored, "JPEG", exif=exif, **best), soft, 4
    exif = Image.Exif()
    exif[0x0112] = 5
    stored = Image.fromarray(np.ascontiguousarray(TAGS[5](soft)))
    content = saved(stored, "JPEG", exif=exif, icc_profile=ADOBE, **best)
    found["turned_adobe.jpg"] = content, from_adobe(soft), 9
    return found


def avifs(soft, alpha) -> Kinds:
    best = {"quality": 100, "subsampling": "4:4:4"}
    stored = Image.fromarray(soft)
    turned = Image.fromarray(np.ascontiguousarray(TAGS[6](soft)))
    exif = Image.Exif()
    exif[0x0112] = 6
    clear = np.dstack([soft, alpha])
    grey = soft[..., 0]
    return {
        "rgb.avif": (saved(stored, "AVIF", **best), soft, 4),
        "grey.avif": (saved(Image.fromarray(grey), "AVIF", **best), thrice(grey), 3),
        "rgba.avif": (
            saved(Image.fromarray(clear), "AVIF", **best),
            on_white(soft, alpha),
            5,
        ),
        "adobe.avif": (
            saved(stored, "AVIF", icc_profile=ADOBE, **best),
            from_adobe(soft),
            9,
        ),
        "turned.avif": (saved(turned, "AVIF", exif=exif, **best), soft, 4),
    }


def heics(soft, alpha) -> Kinds:
    def written(pixels, **options):
        content = io.BytesIO()
        image = pillow_heif.from_pillow(Image.fromarray(pixels))
        image.save(content, quality=100, chroma=444, **options)
        return content.getvalue()

    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.ascontiguousarray(TAGS[6](soft))
    p3 = Image.fromarray(soft)
    p3.info["icc_profile"] = ADOBE
    adobe = io.BytesIO()
    pillow_heif.from_pillow(p3).save(adobe, quality=100, chroma=444)
    return {
        "rgb.heic": (written(soft), soft, 4),
        "rgba.heif": (written(np.dstack([soft, alpha])), on_white(soft, alpha), 6),
        "turned.heic": (written(turned, exif=exif.tobytes()), soft, 4),
        "adobe.heic": (adobe.getvalue(), from_adobe(soft), 9),
    }


KINDS = kinds()
ONE = np.ones((8, 8, 1))
REFUSED = {
    "integers.tif": (saved(Image.new("I", (8, 8), 70_000), "TIFF"), "32-bit integers"),
    "radiance.tif": (saved(Image.new("F", (8, 8), 7.5), "TIFF"), "floats outside"),
    "nan.tif": (saved(Image.new("F", (8, 8), float("nan")), "TIFF"), "floats outside"),
    "signed.tif": (tiff(ONE.astype(np.int8), 1, sample_format=2), "signed integers"),
    "signed16.tif": (tiff(ONE.astype(np.int16), 1, sample_format=2), "signed integers"),
    "unsigned32.tif": (tiff(ONE.astype(np.uint32), 1), "32-bit integers"),
    "doubles.tif": (tiff(ONE, 1, sample_format=3), "a kind of TIFF that"),
    "float_rgb.tif": (
        tiff(np.ones((8, 8, 3), np.float32), 2, sample_format=3),
        "a kind of TIFF that",
    ),
    "icc_lab.tif": (tiff(np.ones((8, 8, 3), np.uint8), 9), "a kind of TIFF that"),
}


def as_read(path, tmp_path):
    return images.read(path)


def as_decoded(path, tmp_path):
    return images.decode(io.BytesIO(path.read_bytes()), path.name)


def data_folder(path, tmp_path):
    for domain in ("a", "b"):
        folder = tmp_path / "data" / "train" / domain
        folder.mkdir(parents=True)
        (folder / path.name).write_bytes(path.read_bytes())
    return tmp_path / "data"


def as_in_a_folder(path, tmp_path):
    return Folder(data_folder(path, tmp_path), "train").image(0, 0)


def as_packed(path, tmp_path):
    packing.build(data_folder(path, tmp_path), tmp_path / "packed", WIDTH)
    packed = Shards(tmp_path / "packed", "train")
    image = packed.image(1, 0)
    squeezed = image.resize((WIDTH, WIDTH), Image.Resampling.BILINEAR)
    assert packed.squeezed(1, 0, WIDTH).tobytes() == squeezed.tobytes()
    return image


def as_a_source(path, tmp_path):
    """What `translate` reads, without its square."""
    return sources.photograph(path)


def as_aligned(path, tmp_path):
    """The photograph of which `align` takes a square."""
    taken = []

    def square(image, size):
        taken.append(image)
        return image

    with mock.patch.object(images, "square", square):
        outcome = cutting.align_file(
            path, {}, lambda _: Face(np.zeros((98, 2)), 0), None
        )
    if not taken:
        raise UserError(outcome.skipped)
    return taken[0]


WAYS = [as_read, as_decoded, as_in_a_folder, as_packed, as_a_source, as_aligned]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read_as_its_numbers_say(name: str, way: Callable, tmp_path):
    content, expected, tolerance = KINDS[name]
    (tmp_path / name).write_bytes(content)
    image = way(tmp_path / name, tmp_path)
    assert image.mode == "RGB"
    apart = np.abs(np.asarray(image, float) - expected)
    assert apart.max() <= tolerance


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_passes_the_check(name, tmp_path):
    (tmp_path / name).write_bytes(KINDS[name][0])
    seen = look(tmp_path / name)
    assert not seen.problem
    assert ("converted to sRGB" in seen.kinds) == any(
        word in name for word in ("adobe", "linear", "large_profile")
    )
    transparent = any(word in name for word in ("rgba", "la.", "alpha", "key"))
    assert ("transparent, laid on white" in seen.kinds) == transparent
    assert ("16 bits, read as 8" in seen.kinds) == ("deep" in name)


@pytest.mark.parametrize("name", REFUSED)
def test_pixels_without_a_rule_are_refused_by_every_way(name, tmp_path):
    content, kind = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    assert kind in look(tmp_path / name).problem
    for way in (as_read, as_decoded, as_in_a_folder, as_a_source, as_aligned):
        with pytest.raises(UserError, match=kind):
            way(tmp_path / name, tmp_path)


@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_small_jpegs_and_wrongly_typed_exif_are_read(tmp_path):
    for side in range(1, 9):
        Image.new("RGB", (side, 7), (200, 40, 40)).save(tmp_path / "small.jpg")
        assert not look(tmp_path / "small.jpg").problem
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "text"
    Image.new("RGB", (20, 10)).save(tmp_path / "a.jpg", exif=exif)
    content = (tmp_path / "a.jpg").read_bytes()
    entry = content.index(b"\x01\x0e\x00\x02")  # its type: text; now a rational
    wrong = content[: entry + 3] + b"\x05" + content[entry + 4 :]
    (tmp_path / "a.jpg").write_bytes(wrong)
    assert images.read(tmp_path / "a.jpg").size == (10, 20)
    assert look(tmp_path / "a.jpg").kinds == ("turned upright by EXIF",)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_photograph_of_108_megapixels_is_read(tmp_path):
    Image.new("L", (12000, 9000), 90).save(tmp_path / "large.jpg")
    with images.opened(tmp_path / "large.jpg") as image:
        small = images.to_rgb(image, 1000)
    assert small.size == (1500, 1125)
    assert small.getpixel((7, 7)) == (90, 90, 90)


def test_an_image_in_memory_is_read_by_the_same_rules():
    levels = noise(HEIGHT, WIDTH, 4)
    image = Image.fromarray(levels)
    expected = on_white(levels[..., :3], levels[..., 3])
    assert np.abs(np.asarray(images.to_rgb(image)) - expected).max() <= 0.51
    with pytest.raises(images.UnsuitableError, match="32-bit integers"):
        images.to_rgb(Image.new("I", (8, 8)))


def test_an_image_of_too_many_pixels_is_named_with_the_limit(tmp_path):
    content = bytearray(saved(Image.new("L", (8, 8)), "PNG"))
    content[16:24] = struct.pack(">II", 13_400, 13_400)  # 179.6 megapixels
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (tmp_path / "large.png").write_bytes(content)
    with pytest.raises(UserError, match="too large: more than 179 megapixels; reduce"):
        images.read(tmp_path / "large.png")


def test_heic_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(heic, "reader", lambda: None)
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    (tmp_path / "a.heic").write_bytes(head)
    with pytest.raises(UserError, match=r"a\.heic: .*pip install 'tfstargan\[heic\]'"):
        images.read(tmp_path / "a.heic")
    assert look(tmp_path / "a.heic").problem == "HEIC"


@pytest.mark.skipif(not pillow_heif, reason="needs the extra heic")
def test_a_heic_that_is_cut_short_is_named(tmp_path):
    content = KINDS["rgb.heic"][0]
    for length in (12, 40, len(content) // 2):
        (tmp_path / "a.heic").write_bytes(content[:length])
        with pytest.raises(UserError, match=r"a\.heic: not a readable image"):
            images.read(tmp_path / "a.heic")
