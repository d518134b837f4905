"""Drawn animal faces: data without a download, on which translation can be measured.

The domain is the species, which is shown by shape alone. The style is the fur. The
content is the position of the head and its expression. The true factors of each image
are known, so that one can measure whether a translation kept the content, took over the
fur and changed the species.

Shapes are signed distances, negative inside, in the head's own frame, in which its
radius is 1 and y points down. Edges are blended over one pixel. Pixels are computed
with sums, products, quotients and square roots only, which every machine rounds alike.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from tfstargan.data.image_set import ImageSet
from tfstargan.errors import UserError
from tfstargan.progress import DELAY, Bar

SPECIES = ("bear", "cat", "rabbit")  # by default
EVERY_SPECIES = (*SPECIES, "fox", "owl")
PATTERNS = ("plain", "spots", "stripes")
SPLITS = ("train", "val")
RANGES = {
    "hue": (0.0, 1.0),
    "lightness": (0.42, 0.66),
    "x": (-0.075, 0.075),
    "y": (0.065, 0.175),
    "size": (0.42, 0.62),
    "tilt": (-25.0, 25.0),
    "mouth": (0.0, 1.0),
    "gaze": (-1.0, 1.0),
    "background_hue": (0.0, 1.0),
    "background_lightness": (0.76, 0.92),
}
SMALLEST = 16  # pixels; a smaller face can't be recognized

WHITE = np.ones((3, 1, 1))
INK = np.reshape((0.17, 0.11, 0.13), (3, 1, 1))
THROAT = np.reshape((0.42, 0.12, 0.16), (3, 1, 1))
TONGUE = np.reshape((0.96, 0.5, 0.53), (3, 1, 1))
HORN = np.reshape((0.93, 0.88, 0.78), (3, 1, 1))
PINK = np.reshape((1.0, 0.72, 0.72), (3, 1, 1))
OUTLINE = 0.055  # its width, in head radii

# x, y, radius in the head's frame; few and large, to be visible at 32 pixels
SPOTS = (
    (-0.62, -0.42, 0.29),
    (0.16, -0.72, 0.22),
    (0.86, 0.02, 0.26),
    (-0.8, 0.38, 0.2),
    (0.5, 0.78, 0.2),
    (0.85, -0.93, 0.24),
    (-0.6, -1.1, 0.22),
    (0.3, -1.55, 0.24),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Critter:
    """The true factors of one animal; `RANGES` bounds all but the two indices.

    Attributes:
        species: index into `EVERY_SPECIES`.
        hue: of the fur, in turns, [0, 1]; 1 is 0 again.
        lightness: of the fur, 0.42 (dark) to 0.66 (light).
        pattern: of the fur, index into `PATTERNS`.
        x: the head's centre, -0.075 to 0.075 of the image right of the middle.
        y: the head's centre, 0.065 to 0.175 of the image below the middle.
        size: width of the head without ears, 0.42 to 0.62 of the image.
        tilt: clockwise, -25 to 25 degrees.
        mouth: 0 (closed) to 1 (wide open).
        gaze: direction of the pupils, -1 (left) to 1 (right).
        background_hue: in turns, [0, 1]; 1 is 0 again.
        background_lightness: 0.76 to 0.92, lighter than any fur.

    Raises:
        ValueError: if a factor is outside its range.
    """

    species: int
    hue: float
    lightness: float
    pattern: int
    x: float
    y: float
    size: float
    tilt: float
    mouth: float
    gaze: float
    background_hue: float
    background_lightness: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, names in (("species", EVERY_SPECIES), ("pattern", PATTERNS)):
            if getattr(self, name) not in range(len(names)):
                raise ValueError(f"{name}={getattr(self, name)}: no index into {names}")
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"{name}={getattr(self, name)}: must be from {low} to {high}"
                )


def chosen(domains: Sequence[str]) -> tuple[str, ...]:
    """The species of a data set with these domains; SPECIES if they are empty.

    Raises:
        UserError: if a domain is no species.
    """
    if unknown := set(domains) - {*EVERY_SPECIES}:
        raise UserError(
            f"--domains={','.join(domains)}: no {', '.join(sorted(unknown))}; drawn "
            f"animals are {', '.join(EVERY_SPECIES)}"
        )
    return tuple(domains) or SPECIES


def random_critter(species: int, rng: np.random.Generator) -> Critter:
    """An animal of a species; the other factors are uniform and independent of it."""
    factors = {name: float(rng.uniform(*bounds)) for name, bounds in RANGES.items()}
    pattern = int(rng.integers(len(PATTERNS)))
    return Critter(species=species, pattern=pattern, **factors)


def nth_critter(split: str, species: int, index: int, seed: int) -> Critter:
    """Animal `index` of a species in a split, a function of the arguments alone."""
    if split not in SPLITS:
        raise ValueError(f"split={split}: must be one of {SPLITS}")
    rng = np.random.default_rng((seed, SPLITS.index(split), species, index))
    return random_critter(species, rng)


def make_split(
    count: int,
    img_size: int,
    seed: int,
    split: str = "train",
    species: Sequence[str] = SPECIES,
) -> tuple[np.ndarray, np.ndarray, list[Critter]]:
    """`count` animals of every species, drawn; the first do not depend on the count.

    Args:
        count: images per species.
        img_size: height and width of an image, at least 16.
        seed: of the whole data set.
        split: "train" or "val", which have no image in common.
        species: of EVERY_SPECIES.

    Returns:
        Images [N, H, W, 3] uint8, species by species; their labels, indices into
        `species`, [N] int32; their true factors, N of them.
    """
    critters = [
        nth_critter(split, EVERY_SPECIES.index(name), index, seed)
        for name in species
        for index in range(count)
    ]
    images = np.empty((len(critters), img_size, img_size, 3), np.uint8)
    shown = {"desc": "drawing", "unit": "image", "delay": DELAY, "leave": False}
    for i, critter in enumerate(Bar(critters, **shown)):
        images[i] = draw(critter, img_size)
    labels = np.repeat(np.arange(len(species), dtype=np.int32), count)
    return images, labels, critters


def draw(critter: Critter, img_size: int) -> np.ndarray:
    """The image of an animal, [img_size, img_size, 3] uint8.

    Raises:
        ValueError: if `img_size` is less than 16.
    """
    canvas = Canvas(critter, img_size)
    draw_fur(canvas, critter)
    draw_eyes(canvas, critter)
    draw_mouth(canvas, critter)
    return canvas.pixels()


def draw_background(critter: Critter, img_size: int) -> np.ndarray:
    """The same as `draw`, without the animal."""
    return Canvas(critter, img_size).pixels()


class Critters(ImageSet):
    """The animals of a split as an image set; each is drawn at its first use.

    Args:
        split: "train" or "val".
        img_size: height and width of an image, at least 16.
        per_domain: images per species.
        seed: of the whole data set.
        species: of EVERY_SPECIES: the domains.
    """

    def __init__(
        self,
        split: str,
        img_size: int,
        per_domain: int,
        seed: int = 0,
        species: tuple[str, ...] = SPECIES,
    ):
        self.domains = species
        self.split = split
        self.img_size = img_size
        self.per_domain = per_domain
        self.seed = seed
        self._drawn: dict[tuple[int, int], np.ndarray] = {}

    def count(self, domain: int) -> int:
        """The number of images of a species."""
        return self.per_domain

    def critter(self, domain: int, index: int) -> Critter:
        """The true factors of one image."""
        species = EVERY_SPECIES.index(self.domains[domain])
        return nth_critter(self.split, species, index, self.seed)

    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """One image."""
        drawn = self._drawn.get((domain, index))
        if drawn is None:
            drawn = draw(self.critter(domain, index), self.img_size)
            self._drawn[domain, index] = drawn
        return Image.fromarray(drawn)


class Canvas:
    """An unfinished image, and the coordinates of its pixels in the head's frame.

    Attributes:
        x, y: the pixels' coordinates in the head's frame, [H, W].
        down: their distance below the head's centre in the image, in radii, [H, 1].
        pixel: the size of a pixel in the head's frame.
        rgb: the colours, [3, H, W] in [0, 1].
    """

    def __init__(self, critter: Critter, img_size: int) -> None:
        """Start with the background."""
        if img_size < SMALLEST:
            raise ValueError(f"img_size={img_size}: must be at least {SMALLEST}")
        axis = (np.arange(img_size) + 0.5) / img_size - 0.5
        radius = critter.size / 2
        right = (axis - critter.x) / radius
        self.down = (axis[:, None] - critter.y) / radius
        angle = math.radians(critter.tilt)
        # rounded: the last bits of a sine differ between machines
        cos, sin = round(math.cos(angle), 12), round(math.sin(angle), 12)
        self.x = cos * right + sin * self.down
        self.y = cos * self.down - sin * right
        self.pixel = 1 / (img_size * radius)
        color = hsl(critter.background_hue, 0.45, critter.background_lightness)
        self.rgb = color * (1 - 0.08 * axis[:, None]) * np.ones_like(self.x)

    def paint(self, shape: np.ndarray, color: np.ndarray) -> None:
        """Cover a shape, [H, W], with a colour, [3, 1, 1] or [3, H, W]."""
        self.rgb += np.clip(0.5 - shape / self.pixel, 0, 1) * (color - self.rgb)

    def pixels(self) -> np.ndarray:
        """The image, [H, W, 3] uint8."""
        levels = np.rint(255 * self.rgb.clip(0, 1)).astype(np.uint8)
        return np.ascontiguousarray(levels.transpose(1, 2, 0))


def draw_fur(canvas: Canvas, critter: Critter) -> None:
    """Draw ears and head with their pale parts."""
    ears, inner, head, muzzle = SHAPES[critter.species](abs(canvas.x), canvas.y)
    marks = markings(PATTERNS[critter.pattern], canvas.x, canvas.y)
    pale = hsl(critter.hue, 0.5, 0.45 + 0.62 * critter.lightness)
    draw_coat(canvas, critter, ears, marks)
    canvas.paint(inner, 0.5 * (pale + PINK))
    draw_coat(canvas, critter, head, marks)
    canvas.paint(muzzle, pale)


def draw_coat(
    canvas: Canvas, critter: Critter, shape: np.ndarray, marks: np.ndarray
) -> None:
    """Draw a shape in outline, fur and markings, all of one hue."""
    fur, mark, line = (
        hsl(critter.hue, 0.5, critter.lightness * tone) for tone in (1.0, 0.6, 0.42)
    )
    coat = shape + OUTLINE
    rim = np.clip(1 + coat / 0.25, 0, 1)
    # from above, whatever the tilt
    light = (1.06 - 0.14 * canvas.down) * (1 - 0.1 * rim * rim)
    canvas.paint(shape, line)
    canvas.paint(coat, fur * light)
    canvas.paint(np.maximum(coat, marks), mark * light)


def markings(kind: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The distance to a pattern's marks, [H, W], on head and ears."""
    if kind == "plain":
        return np.ones_like(x)
    if kind == "spots":
        return np.minimum.reduce([ellipse(x - a, y - b, r, r) for a, b, r in SPOTS])
    # bands that bend down and end in points outside the face
    band = (y - 0.25 * abs(x) + 0.06) / 0.46
    outward = abs(x) + np.maximum(-0.55 - y, 0)
    return 0.46 * abs(band - np.rint(band)) - np.clip(0.4 * outward - 0.11, -1, 0.13)


def draw_eyes(canvas: Canvas, critter: Critter) -> None:
    """Draw both eyes at once, in a frame with each of them at 0."""
    x, y = canvas.x - np.copysign(0.42, canvas.x), canvas.y + 0.06
    white = ellipse(x, y, 0.25, 0.28)
    canvas.paint(white - 0.03, INK)
    canvas.paint(white, WHITE)
    x = x - 0.09 * critter.gaze
    canvas.paint(np.maximum(white, ellipse(x, y - 0.02, 0.17, 0.21)), INK)
    canvas.paint(ellipse(x + 0.055, y + 0.07, 0.055, 0.055), WHITE)


def draw_mouth(canvas: Canvas, critter: Critter) -> None:
    """Draw the nose, the lips and the open mouth below them."""
    species, x, y = EVERY_SPECIES[critter.species], abs(canvas.x), canvas.y
    lip = ellipse(x - 0.13, y - 0.36, 0.13, 0.11)
    wide, deep = 0.1 + 0.12 * critter.mouth, 0.03 + 0.32 * critter.mouth
    opening = np.maximum(ellipse(x, y - 0.4, wide, deep), np.maximum(0.38 - y, -lip))
    canvas.paint(opening - 0.03, INK)
    canvas.paint(opening, THROAT)
    tongue = ellipse(x, y - 0.5 - 0.22 * critter.mouth, 0.15, 0.14)
    canvas.paint(np.maximum(opening, tongue), TONGUE)
    if species == "owl":
        canvas.paint(beak(x, y) - 0.03, INK)
        canvas.paint(beak(x, y), HORN)
        return
    if species == "rabbit":
        tooth = np.maximum(ellipse(x - 0.055, y - 0.45, 0.05, 0.12), -lip)
        canvas.paint(tooth - 0.015, INK)
        canvas.paint(tooth, WHITE)
    canvas.paint(np.maximum(abs(lip) - 0.025, 0.36 - y), INK)
    if species == "cat":
        # the distance to so slim an ellipse is wrong at its ends
        reach = abs(x - 0.82) - 0.27
        for slant in (0.5 - 0.24 * x, 0.37 + 0.12 * x):
            whisker = ellipse(x - 0.82, y - slant, 0.3, 0.03)
            canvas.paint(np.maximum(whisker, reach), INK)
    canvas.paint(ellipse(x, y - 0.25, 0.15, 0.1), INK)
    canvas.paint(ellipse(x, y - 0.21, 0.055, 0.02), 0.5 * (INK + WHITE))


def bear(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ears, inner ears, head and muzzle of a round head with round ears."""
    ear = ellipse(x - 0.7, y + 0.64, 0.34, 0.34)
    head = ellipse(x, y, 1.0, 0.9)
    return ear, ear + 0.14, head, ellipse(x, y - 0.42, 0.46, 0.36)


def cat(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ears, inner ears, head and muzzle of a wide head with pointed ears."""
    inner_side = ellipse(x - 1.17, y - 0.03, 1.2, 1.2)
    outer_side = ellipse(x + 0.64, y + 0.33, 1.6, 1.6)
    ear = np.maximum(-blend(-inner_side, -outer_side, 0.12), y + 0.1)
    head = blend(ellipse(x, y, 1.0, 0.8), ellipse(x - 0.7, y - 0.3, 0.38, 0.2), 0.15)
    return ear, ear + 0.17, head, ellipse(x - 0.16, y - 0.38, 0.25, 0.24)


def rabbit(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ears, inner ears, head and muzzle of a soft head with long ears."""
    ear = ellipse(x - 0.42 + 0.12 * (y + 1.04), y + 1.04, 0.28, 0.58)
    cheek = ellipse(x - 0.48, y - 0.24, 0.42, 0.42)
    head = blend(ellipse(x, y, 0.86, 0.82), cheek, 0.3)
    return ear, ear + 0.14, head, ellipse(x - 0.14, y - 0.37, 0.21, 0.2)


def fox(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ears, inner ears, head and cheeks of a tapering head with tall ears."""
    ear = peak(x - 0.7, y + 1.4, 0.55, 0.16, 0.12)
    ear = blend_inside(ear, y + 0.1, 0.1)
    cheek = ellipse(x - 0.62, y - 0.12, 0.42, 0.32)
    chin = ellipse(x, y - 0.6, 0.3, 0.26)
    head = blend(blend(ellipse(x, y + 0.02, 0.88, 0.72), cheek, 0.2), chin, 0.6)
    patch = np.maximum(ellipse(x - 0.44, y - 0.56, 0.44, 0.34), head + 0.12)
    return ear, ear + 0.16, head, patch


def owl(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Tufts, their inside, head and face of a broad head with feathers for ears."""
    tuft = peak(x - 0.86, y + 1.08, 1.3, 0.0, 0.1)
    tuft = blend_inside(tuft, y + 0.2, 0.1)
    head = blend(ellipse(x, y + 0.12, 0.92, 0.84), ellipse(x, y - 0.36, 0.86, 0.5), 0.3)
    disc, bib = ellipse(x - 0.41, y + 0.06, 0.35, 0.38), ellipse(x, y - 0.38, 0.2, 0.2)
    return tuft, tuft + 0.2, head, blend(disc, bib, 0.2)


def peak(
    x: np.ndarray, y: np.ndarray, inward: float, outward: float, width: float
) -> np.ndarray:
    """The distance to a peak with its tip at 0, by how much each side leans outward."""
    inner = (-x - inward * y) / math.sqrt(1 + inward * inward)
    outer = (x - outward * y) / math.sqrt(1 + outward * outward)
    return blend_inside(inner, outer, width)


def beak(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The distance to an owl's beak, which points down."""
    return blend_inside(x - 0.17 + 0.55 * (y - 0.16), 0.14 - y, 0.08)


SHAPES = (bear, cat, rabbit, fox, owl)


def hsl(hue: float, saturation: float, lightness: float) -> np.ndarray:
    """A colour as RGB, [3, 1, 1] in [0, 1]."""
    k = (12 * hue + np.array([0.0, 8.0, 4.0])[:, None, None]) % 12
    ramp = np.clip(np.minimum(k - 3, 9 - k), -1, 1)
    return lightness - saturation * min(lightness, 1 - lightness) * ramp


def ellipse(x: np.ndarray, y: np.ndarray, a: float, b: float) -> np.ndarray:
    """The distance to an ellipse about 0, accurate near its edge."""
    u, v = x / a, y / b
    k = np.sqrt(u * u + v * v)
    u, v = u / a, v / b
    return k * (k - 1) / np.sqrt(u * u + v * v + 1e-12)


def blend_inside(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """The distance to what two shapes share, with its corners rounded off."""
    return -blend(-a, -b, width)


def blend(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """The distance to two shapes with the corners between them filled."""
    corner = np.maximum(width - abs(a - b), 0.0)
    return np.minimum(a, b) - corner * corner / (4 * width)
