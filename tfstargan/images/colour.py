"""Pixels of every kind as 8-bit sRGB.

- 16 or 12 bits a channel: the upper eight are used.
- Floating point: 0 is black, 1 is white. Files with other values are refused, since
  nothing says which value is white. So are signed and 32-bit integers.
- An embedded ICC profile is converted to sRGB by LittleCMS (perceptual intent). A
  profile that can't be read, or is one of other channels, is ignored.
- CIELAB (in TIFF) has the white point D50.
- Transparency is composed on white, in sRGB.

8-bit RGB without a profile and transparency is returned unchanged.
"""

import functools
import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms, ImageFile

from tfstargan.errors import UserError

BACKGROUND = (255, 255, 255)
MOST_CHANGED = 2  # levels; a profile that moves no colour further is sRGB's
DEEP = "deep"  # in `Image.info`
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and one of its values
BITS, SAMPLE_FORMAT, SIGNED = 258, 339, 2
CHANNELS = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of a profile: Pillow's mode


class UnsuitableError(UserError):
    """Pixels for which there is no rule; `kind` is the fault in a few words."""

    def __init__(self, kind: str, detail: str):
        self.kind, self.detail = kind, detail
        super().__init__(f"this image can't be used: {kind}: {detail}")


def to_srgb(image: Image.Image) -> Image.Image:
    """A loaded image as RGB; see the top of this file.

    Raises:
        UnsuitableError: if there is no rule for its pixels.
    """
    if image.mode == "RGB" and not {"transparency", "icc_profile"} & image.info.keys():
        return image
    alpha = alpha_of(image)
    opaque = _converted(_of_8_bits(image), profile_of(image))
    if alpha is None or alpha.getextrema() == (255, 255):
        return opaque
    canvas = Image.new("RGB", image.size, BACKGROUND)
    canvas.paste(opaque, mask=alpha)
    return canvas


def fit_key(image: ImageFile.ImageFile) -> None:
    """Scale the transparent colour of a PNG, not yet loaded, to its 8-bit levels."""
    key, raw = image.info.get("transparency"), str(image.tile[0].args)
    if isinstance(key, tuple) and "16" in raw:
        image.info["transparency"] = tuple(level >> 8 for level in key)
    elif image.mode in ("1", "L") and isinstance(key, int):
        bits = {"1": 1, "L;2": 2, "L;4": 4}.get(raw, 8)
        image.info["transparency"] = key * 255 // (2**bits - 1)


def is_deep(image: Image.Image) -> bool:
    """Whether an opened image has more than 8 bits a channel."""
    raw = "".join(str(tile.args) for tile in getattr(image, "tile", ()))
    deep = image.info.get(DEEP) is True  # loaded when it was opened
    return deep or image.mode.startswith("I") or ";16" in raw or ";12" in raw


def alpha_of(image: Image.Image) -> Image.Image | None:
    """The opacity of a loaded image, mode L; None if it is opaque."""
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode.upper())
    if "A" in image.mode and image.mode != "LAB":
        return image.getchannel("A")
    key = image.info.get("transparency")
    if key is None:
        return None
    if image.mode.startswith("I;16"):
        levels = np.asarray(image)
        return Image.fromarray(np.where(levels == key, 0, 255).astype(np.uint8))
    if image.mode not in ("1", "L", "P", "RGB"):
        return None
    return image.convert("RGBA").getchannel("A")


def profile_of(image: Image.Image) -> bytes:
    """An image's ICC profile; empty if there is none."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) else b""  # a text may have that name


def kind_of_profile(image: Image.Image) -> str:
    """What is unusual about an opened image's profile; empty if it is sRGB's."""
    profile = profile_of(image)
    if not profile:
        return ""
    mode = mode_of(profile)
    grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
    if mode != ("L" if grey else "CMYK" if image.mode == "CMYK" else "RGB"):
        return "colour profile that can't be used, read as sRGB"
    return "converted to sRGB" if _transform(profile, mode) else ""


def _of_8_bits(image: Image.Image) -> Image.Image:
    """The opaque colours of a loaded image, in mode RGB, L, CMYK or LAB."""
    mode = image.mode
    if SIGNED in _tag(image, SAMPLE_FORMAT) and 32 not in _tag(image, BITS):
        raise UnsuitableError(
            "signed integers", "nothing says which is white; save it unsigned"
        )
    if mode.startswith("I;16"):
        return Image.fromarray(_upper_bits(image))
    if mode == "I" and image.format == "PPM":  # 16 bits in a wider type
        return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if mode == "I":
        raise UnsuitableError(
            "32-bit integers", "nothing says which is white; save it with 8 or 16 bits"
        )
    if mode == "F":
        return Image.fromarray(_of_floats(image))
    if mode in ("RGB", "L", "CMYK", "LAB"):
        return image
    if mode in ("La", "RGBa"):
        return image.convert(mode.upper()).convert(mode[:-1])
    if mode in ("LA", "1"):
        return image.convert("L")
    if mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # or Pillow warns
    return image.convert("RGB")


def _tag(image: Image.Image, tag: int) -> tuple:
    """The values of a TIFF's tag; empty if there is none."""
    value = getattr(image, "tag_v2", {}).get(tag, ())
    return value if isinstance(value, tuple) else (value,)


def _upper_bits(image: Image.Image) -> np.ndarray:
    bits = (_tag(image, BITS) or (16,))[0]
    levels = np.asarray(image).astype(np.uint16) >> (bits - 8)
    levels = levels.clip(0, 255).astype(np.uint8)
    return 255 - levels if WHITE_IS_ZERO in _tag(image, PHOTOMETRIC) else levels


def _of_floats(image: Image.Image) -> np.ndarray:
    values = np.asarray(image)
    if not (values.min() >= 0 and values.max() <= 1):  # also true for nan
        raise UnsuitableError(
            "floats outside of 0 to 1", "nothing says which is white; scale them"
        )
    if WHITE_IS_ZERO in _tag(image, PHOTOMETRIC):
        values = 1 - values
    return np.rint(values * 255).astype(np.uint8)


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    """Opaque colours as RGB, from their profile's to sRGB."""
    if image.mode == "LAB":
        return _from_lab().apply(image)
    wanted = mode_of(profile) if profile else ""
    if wanted == "L" and image.mode == "RGB" and _is_grey(image):
        image = image.getchannel(0)
    transform = _transform(profile, wanted) if wanted == image.mode else None
    if transform and wanted == "L":
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        table = np.asarray(transform.apply(ramp))[0]
        image = Image.fromarray(table[np.asarray(image)])
    elif transform:
        image = transform.apply(image)
    elif image.mode != "RGB":
        image = image.convert("RGB")
    image.info.pop("icc_profile", None)
    return image


def _is_grey(image: Image.Image) -> bool:
    red, green, blue = (channel.tobytes() for channel in image.split())
    return red == green == blue


@functools.lru_cache(maxsize=16)
def mode_of(profile: bytes) -> str:
    """The mode of the pixels that a profile describes; empty if it can't be used."""
    try:
        opened = ImageCms.getOpenProfile(io.BytesIO(profile))
        mode = CHANNELS.get(opened.profile.xcolor_space.strip(), "")
        if mode:
            _build(opened, mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return ""
    return mode


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion of a profile's colours to sRGB; None if they are sRGB."""
    transform = _build(ImageCms.getOpenProfile(io.BytesIO(profile)), mode)
    if mode == "CMYK":
        return transform
    sample = Image.fromarray(np.stack([*_colours(len(mode))], -1).squeeze()[None])
    there = np.asarray(sample.convert("RGB"), np.int16)
    moved = np.asarray(transform.apply(sample), np.int16)
    return None if np.abs(moved - there).max() <= MOST_CHANGED else transform


def _colours(channels: int) -> Iterator[np.ndarray]:
    """Yield each channel of colours spread over the whole cube."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    for channel in np.meshgrid(*[levels] * channels):
        yield channel.reshape(-1)


def _build(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    # LittleCMS' shortcut is up to nine levels off for grey, and 15 for LAB.
    exact = mode in ("L", "LAB")
    flags = ImageCms.Flags.NOOPTIMIZE if exact else ImageCms.Flags.NONE
    return ImageCms.buildTransform(profile, _srgb(), mode, "RGB", flags=flags)


@functools.cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@functools.cache
def _from_lab() -> ImageCms.ImageCmsTransform:
    return _build(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")
