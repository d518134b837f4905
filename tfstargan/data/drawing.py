"""Draw animals into folders, as if they were photographs.

    python -m tfstargan.draw --out=data/critters --img_size=128 --per_domain=100

writes train/SPECIES/0000.png and val/SPECIES/0000.png, with every picture's true
factors in train/factors.json and val/factors.json.
"""

import dataclasses
import json
import pathlib

from tqdm import tqdm

from tfstargan import images
from tfstargan.data import critters

SHARE_OF_VAL = 5  # one validation picture for so many to train on


def draw_set(out: pathlib.Path, per_domain: int, img_size: int, seed: int) -> None:
    """Draw training and validation pictures into a folder, with their factors."""
    counts = {"train": per_domain, "val": max(1, per_domain // SHARE_OF_VAL)}
    total = sum(counts.values()) * len(critters.SPECIES)
    with tqdm(total=total, unit="picture") as bar:
        for split, count in counts.items():
            factors = {}
            for label, species in enumerate(critters.SPECIES):
                for index in range(count):
                    animal = critters.nth_critter(split, label, index, seed)
                    name = f"{species}/{index:04d}.png"
                    images.save(critters.draw(animal, img_size), out / split / name)
                    factors[name] = dataclasses.asdict(animal)
                    bar.update()
            text = json.dumps(factors, indent=1) + "\n"
            (out / split / "factors.json").write_text(text)
