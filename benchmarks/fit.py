"""Compare the ways in which an image that is not square is translated.

    python benchmarks/fit.py --run_dir=runs/critters64 --picture=docs/fit.webp

Scenes are drawn animals on a wider background, at twice the run's size. Each is
translated with `crop`, `pad` and `whole` and pasted back. The probe reads the square of
each animal, as in `evaluate --probe`. The table has, by scene and fit:

- species: the share of animals that show the target's species, in %;
- hue: the mean distance of the fur's hue from that of the animal's square, translated
  alone in the same style, in turns (0.25 by chance);
- tilt: the mean distance of the head's tilt from the source's, in degrees.
"""

import dataclasses
import pathlib
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from tfstargan import cli, images
from tfstargan.data import critters
from tfstargan.files import cache_dir
from tfstargan.metrics import factors, probe
from tfstargan.runs.run import open_run
from tfstargan.settings import setting
from tfstargan.translation.translator import Translator

GAP = 6  # pixels between the images of the picture


class Scene(NamedTuple):
    """Animals on a background; lengths are in sides of an animal's square."""

    name: str
    width: float
    height: float
    lefts: tuple[float, ...]  # of the animals' squares
    top: float = 0.0


SCENES = (
    Scene("square", 1, 1, (0,)),
    Scene("2:1, in the middle", 2, 1, (0.5,)),
    Scene("2:1, at the left", 2, 1, (0,)),
    Scene("4:1, at the left", 4, 1, (0,)),
    Scene("2:1, two animals", 2, 1, (0, 1)),
    Scene("3:2, small animal", 3, 2, (0.25,), 0.5),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this benchmark."""

    count: int = setting(8, "animals of each species", at_least=1)
    probe_side: int = setting(64, "images are reduced to it before they are read")
    picture: str = setting("", "an image file of four scenes", path=True)


def drawn(
    scene: Scene, animals: list[critters.Critter], side: int
) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """A scene [H, W, 3] uint8, and the boxes of its animals."""
    first = animals[0]
    alike = {
        name: getattr(first, name)
        for name in ("background_hue", "background_lightness")
    }
    background = critters.draw_background(first, side)[:, :1]
    strip = background.repeat(round(scene.width * side), axis=1)
    top, boxes = round(scene.top * side), []
    for animal, left in zip(animals, scene.lefts, strict=False):
        start = round(left * side)
        square = critters.draw(dataclasses.replace(animal, **alike), side)
        strip[:, start : start + side] = square
        boxes.append((start, top, start + side, top + side))
    below = round(scene.height * side) - side - top
    return np.pad(strip, [(top, below), (0, 0), (0, 0)], mode="edge"), boxes


def fits_of(side: int) -> dict[str, dict]:
    """The ways to compare, by name: arguments of `translate`."""
    return {
        "crop": {"fit": "crop"},
        "pad": {"fit": "pad"},
        "whole": {"fit": "whole"},
        f"whole, --size={2 * side}": {"fit": "whole", "size": 2 * side},
    }


class Readings:
    """The scores of a scene and a fit."""

    def __init__(self, reader: probe.Probe, side: int):
        self.reader, self.side = reader, side
        self.fakes: list[np.ndarray] = []
        self.alone: list[np.ndarray] = []
        self.wanted: list[int] = []
        self.animals: list[critters.Critter] = []

    def add(
        self,
        fake: Image.Image,
        alone: Image.Image,
        target: str,
        animal: critters.Critter,
    ) -> None:
        """Add the square of an animal, in the scene and by itself."""
        self.fakes.append(images.to_float(images.square(fake, self.side)))
        self.alone.append(images.to_float(images.square(alone, self.side)))
        self.wanted.append(critters.EVERY_SPECIES.index(target))
        self.animals.append(animal)

    def scores(self) -> tuple[float, float, float]:
        """Right species in %, distance of hues in turns, of tilts in degrees."""
        found = self.reader.read(np.stack(self.fakes))
        alone = self.reader.read(np.stack(self.alone))
        true = probe.Factors.of(self.animals)
        low, high = critters.RANGES["tilt"]
        return (
            100 * float(np.mean(found.choices["species"] == self.wanted)),
            float(factors.distance(found, alone, "hue").mean()),
            float(factors.distance(found, true, "tilt").mean() * (high - low)),
        )


def main(options: Options) -> None:
    """Measure, print the table, and write the picture."""
    translator = Translator.of_run(open_run(options.run_dir), options.checkpoint)
    side, species = translator.config.img_size, translator.domains
    reader = probe.load(options.probe_side, cache_dir() / "probes", species)
    fits = fits_of(side)
    readings = {(s, f): Readings(reader, side) for s in SCENES for f in fits}
    shown: dict[Scene, list[Image.Image]] = {}
    jobs = [
        (scene, source, target, i)
        for scene in SCENES
        for source in species
        for target in species
        if source != target
        for i in range(options.count)
    ]
    for scene, source, target, i in tqdm(jobs, unit="scene"):
        label = critters.EVERY_SPECIES.index(source)
        animals = [
            critters.nth_critter("val", label, i + k * options.count, seed=0)
            for k in range(len(scene.lefts))
        ]
        photograph, boxes = drawn(scene, animals, 2 * side)
        whole = Image.fromarray(photograph)
        style = {"domain": target, "seed": i}
        alone = [translator.translate(whole.crop(box), **style) for box in boxes]
        for name, fit in fits.items():
            fake = translator.translate(whole, paste=True, **style, **fit)
            for box, one, animal in zip(boxes, alone, animals, strict=True):
                readings[scene, name].add(fake.crop(box), one, target, animal)
            shown.setdefault(scene, [whole])
            if len(shown[scene]) <= len(fits):
                shown[scene].append(fake)
    print("| scene | fit | species | hue | tilt |\n|---|---|---:|---:|---:|")
    for (scene, name), some in readings.items():
        right, hue, tilt = some.scores()
        print(f"| {scene.name} | {name} | {right:.0f} % | {hue:.3f} | {tilt:.1f} |")
    if options.picture:
        picture(shown).save(pathlib.Path(options.picture), quality=90)


def picture(shown: dict[Scene, list[Image.Image]]) -> Image.Image:
    """Scenes as rows: the source, then each fit; the animals' squares as 96 pixels."""
    rows = [shown[scene] for scene in SCENES if 1 < scene.width < 4]
    scale = 96 / rows[0][0].height
    rows = [[ImageOps.scale(image, scale) for image in row] for row in rows]
    widths = [sum(image.width + GAP for image in row) - GAP for row in rows]
    heights = [row[0].height + GAP for row in rows]
    canvas = Image.new("RGB", (max(widths), sum(heights) - GAP), "white")
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for image in row:
            canvas.paste(image, (left, top))
            left += image.width + GAP
        top += height
    return canvas


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
