"""The emoji set: the same signs drawn by four vendors, as a paired data set.

The drawings are SVG in npm packages of Iconify. `build` downloads them with npm,
checks their published hashes, and draws every sign that all four vendors have, without
skin tones and flags of countries: 1,463 training and 131 validation images of each
vendor. A file's name is its sign's code points, so that images of one name are pairs.
"""

import hashlib
import importlib.metadata
import io
import itertools
import json
import os
import pathlib
import re
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tfstargan import files, images
from tfstargan.data import npm
from tfstargan.errors import UserError
from tfstargan.progress import Bar

SIDE = 96  # of the images
CANVAS = 128  # pixels on which a sign is composed, before it is reduced to SIDE ...
SIGN = 112  # ... and of the sign's longer side on it
DRAWN = 256  # pixels of the SVG's width
OPAQUE = 8  # alpha, of 255, above which a pixel is part of the sign
SHARE_OF_VAL = 10  # one group of signs in so many is for validation
WHITE = "white"


class Vendor(NamedTuple):
    """A vendor's drawings, and the package that names them by code points."""

    icons: npm.Package
    characters: npm.Package


def _package(name: str, version: str, integrity: str) -> npm.Package:
    return npm.Package(f"@iconify-json/{name}", version, integrity)


_FLUENT = _package(
    "fluent-emoji",
    "1.2.7",
    "sha512-D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OB"
    "v4hz4Hc/QA==",
)
_FLUENT_FLAT = _package(  # the same names; the other package has no code points
    "fluent-emoji-flat",
    "1.2.6",
    "sha512-RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSY"
    "M1M4fRXlUw==",
)
_NOTO = _package(
    "noto",
    "1.2.9",
    "sha512-DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0m"
    "qHYeZVAuaw==",
)
_OPENMOJI = _package(
    "openmoji",
    "1.2.29",
    "sha512-vXdhkqcXVSO6suy+m9LbcUM3OdVyuNOtpV8/als/WqfkQIRxevL5Geb/g+6GH/Qwnq1OqksEmaDG"
    "TCmZ5nFKJQ==",
)
_TWEMOJI = _package(
    "twemoji",
    "1.2.5",
    "sha512-uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41W"
    "U6/mvgALsw==",
)
VENDORS = {
    "fluent": Vendor(_FLUENT, _FLUENT_FLAT),
    "noto": Vendor(_NOTO, _NOTO),
    "openmoji": Vendor(_OPENMOJI, _OPENMOJI),
    "twemoji": Vendor(_TWEMOJI, _TWEMOJI),
}
README = """\
# Emoji: the same signs drawn by {count} vendors

Written by `tfstargan emoji`. Images of one name in two folders are the same sign;
names.json has the signs' names. Each drawing was cropped, scaled and put on a white
square of {side} x {side} pixels; it is otherwise unchanged. The vendors' licences apply
to the images. To publish images under CC BY or CC BY-SA, name the vendor and the
licence; CC BY-SA also asks for the same licence.

| folder | drawings | licence | npm package |
|---|---|---|---|
"""
ROW = (
    "| {domain} | [{author[name]}]({author[url]}) "
    "| [{license[title]}]({license[url]}) | {package.name} {package.version} |\n"
)


class Icons(NamedTuple):
    """The drawings of a vendor: SVG by the key of the sign, and about the vendor."""

    names: dict[str, str]  # name of a drawing, by key
    content: dict[str, Any]  # icons.json
    info: dict[str, Any]  # info.json


def build(out: str | os.PathLike, halves: bool = False) -> pathlib.Path:
    """Draw the set into a new folder; an interrupted call is resumed.

    Until it is complete, the folder has another name beside `out`. Downloaded packages
    stay in the user's cache.

    Args:
        out: the folder.
        halves: whether every other vendor has every other training sign, `is_drawn`.

    Returns:
        The folder.

    Raises:
        UserError: if there is something already, it can't be written, `resvg-py` is
            not installed, or a package can't be downloaded.
    """
    out = pathlib.Path(out)
    if out.exists():
        raise UserError(f"--out={out}: name a folder that does not exist yet")
    partial = out.with_name(f"{files.PARTIAL}{out.name}-{_fingerprint(halves)}")
    cache = files.cache_dir() / "npm"
    icons = {domain: _open(vendor, cache) for domain, vendor in VENDORS.items()}
    try:
        draw(icons, partial, halves)
        partial.rename(out)
    except OSError as error:
        raise UserError(f"--out={out}: can't be written ({error})") from error
    return out


def _fingerprint(halves: bool) -> str:
    """A name for all that the images depend on, so that no two versions are mixed."""
    try:
        version = importlib.metadata.version("resvg-py")
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            "emoji are drawn by resvg-py: `pip install 'tfstargan[emoji]'`"
        ) from None
    about = [VENDORS, SIDE, CANVAS, SIGN, DRAWN, OPAQUE, SHARE_OF_VAL, version, halves]
    return hashlib.sha256(repr(about).encode()).hexdigest()[:8]


def _open(vendor: Vendor, cache: pathlib.Path) -> Icons:
    characters = npm.read_json(vendor.characters, "chars.json", cache)
    return Icons(
        {key_of(text): name for text, name in characters.items()},
        npm.read_json(vendor.icons, "icons.json", cache),
        npm.read_json(vendor.icons, "info.json", cache),
    )


def draw(icons: dict[str, Icons], folder: pathlib.Path, halves: bool = False) -> None:
    """Draw every common sign of some vendors into a folder; what is there stays.

    Args:
        icons: the drawings of each vendor, by domain.
        folder: may hold images of an interrupted call.
        halves: as `build` has it.

    Raises:
        UserError: if an image can't be written.
        OSError: if another file can't.
    """
    keys = common_keys(icons)
    wanted = [
        (domain, key)
        for column, domain in enumerate(icons)
        for row, key in enumerate(keys)
        if not halves or is_drawn(row, column, split_of(key))
    ]
    for split, domain in itertools.product(("train", "val"), icons):
        files.remove_partial(folder / split / domain)
    for domain, key in Bar(wanted, unit="image", dynamic_ncols=True):
        path = folder / split_of(key) / domain / f"{key}.png"
        if not path.exists():
            vendor = icons[domain]
            images.save(draw_icon(vendor.content, vendor.names[key]), path)
    first = next(iter(icons.values()))
    names = {key: first.names[key] for key in keys}
    files.write_text(json.dumps(names, indent=0) + "\n", folder / "names.json")
    files.write_text(_readme(icons), folder / "README.md")


def is_drawn(sign: int, vendor: int, split: str) -> bool:
    """Whether an image is part of the set of halves.

    Even vendors have the even training signs, odd vendors the odd ones: no training
    image then has a counterpart in a domain of the other half. Validation is whole.
    """
    return split == "val" or sign % 2 == vendor % 2


def _readme(icons: dict[str, Icons]) -> str:
    text = README.format(count=len(icons), side=SIDE)
    for domain, vendor in icons.items():
        package = VENDORS[domain].icons
        text += ROW.format(domain=domain, package=package, **vendor.info)
    return text


def key_of(code_points: str) -> str:
    """A sign's key: its code points without the variation selector FE0F."""
    return "-".join(p for p in code_points.lower().split("-") if p != "fe0f")


def common_keys(icons: dict[str, Icons]) -> list[str]:
    """The keys that every vendor draws, sorted; no skin tones, no regional letters."""
    keys = set.intersection(*(set(vendor.names) for vendor in icons.values()))
    return sorted(
        key
        for key in keys
        if not re.search("1f3f[b-f]", key)
        and not any(0x1F1E6 <= int(p, 16) <= 0x1F1FF for p in key.split("-"))
        and all(v.names[key] in v.content["icons"] for v in icons.values())
    )


def split_of(key: str) -> str:
    """The split of a sign, "train" or "val", by a hash of its group.

    Man, woman and person doing the same, to either side, are one group, so that no sign
    has a twin in the other split.
    """
    parts = [p for p in key.split("-") if p not in ("2640", "2642", "200d", "27a1")]
    group = "-".join("1f9d1" if p in ("1f468", "1f469") else p for p in parts)
    number = int(hashlib.sha256(group.encode()).hexdigest(), 16)
    return "train" if number % SHARE_OF_VAL else "val"


def draw_icon(content: dict[str, Any], name: str) -> np.ndarray:
    """A sign on white, [SIDE, SIDE, 3] uint8, as large as fits, in the middle.

    Args:
        content: of Iconify's icons.json.
        name: of a drawing in it.
    """
    drawing = _rendered(content, name)
    rows, columns = np.nonzero(np.asarray(drawing)[..., 3] > OPAQUE)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    drawing = drawing.crop(box)
    scale = SIGN / max(drawing.size)
    width, height = (max(1, round(side * scale)) for side in drawing.size)
    behind = Image.new("RGBA", drawing.size, WHITE)
    sign = Image.alpha_composite(behind, drawing).convert("RGB")
    sign = _resized(sign, width, height)
    canvas = Image.new("RGB", (CANVAS, CANVAS), WHITE)
    canvas.paste(sign, ((CANVAS - width) // 2, (CANVAS - height) // 2))
    return np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    """An image reduced by the Lanczos filter, one axis after the other.

    In the order of Pillow 13, which starts with the rows of tall images. Earlier
    versions do not, and would give other pixels.
    """
    rows_first = image.height - height > max(0, 2 * (image.width - width))
    half = (image.width, height) if rows_first else (width, image.height)
    for size in (half, (width, height)):
        image = image.resize(size, Image.Resampling.LANCZOS)
    return image


def _rendered(content: dict[str, Any], name: str) -> Image.Image:
    """The drawing as RGBA; Iconify's defaults of the box are 0, 0, 16, 16."""
    import resvg_py

    icon = content["icons"][name]
    defaults = {"left": 0, "top": 0, "width": 16, "height": 16}
    left, top, width, height = (
        icon.get(side, content.get(side, default)) for side, default in defaults.items()
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}" width="{width}" height="{height}">'
        f"{icon['body']}</svg>"
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, width=DRAWN, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")
