"""Drawn animals as folders of images, with the true factors of each."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence

from tqdm import tqdm

from tfstargan import files, images
from tfstargan.data import critters
from tfstargan.errors import UserError

SHARE_OF_VAL = 5  # training images for each validation image


def draw_set(
    out: str | os.PathLike,
    per_domain: int,
    img_size: int,
    seed: int = 0,
    domains: Sequence[str] = (),
) -> pathlib.Path:
    """Draw training and validation images into a new folder, with their factors.

    Args:
        out: the folder; it is written atomically.
        per_domain: training images of each species.
        img_size: height and width.
        seed: of the whole set.
        domains: species; by default bear, cat and rabbit.

    Returns:
        The folder.

    Raises:
        UserError: if a species is unknown, or the folder exists or can't be written.
    """
    species = critters.chosen(domains)
    out = pathlib.Path(out)
    if out.exists():
        raise UserError(f"--out={out}: name a folder that does not exist yet")
    try:
        with files.atomic_folder(out) as folder:
            _draw_into(folder, per_domain, img_size, seed, species)
    except OSError as error:
        raise UserError(f"--out={out}: can't be written ({error})") from error
    return out


def _draw_into(
    out: pathlib.Path,
    per_domain: int,
    img_size: int,
    seed: int,
    domains: Sequence[str],
) -> None:
    counts = {"train": per_domain, "val": max(1, per_domain // SHARE_OF_VAL)}
    total = sum(counts.values()) * len(domains)
    with tqdm(total=total, unit="image", delay=1) as bar:
        for split, count in counts.items():
            factors = {}
            for species in domains:
                number = critters.EVERY_SPECIES.index(species)
                for index in range(count):
                    animal = critters.nth_critter(split, number, index, seed)
                    name = f"{species}/{index:04d}.png"
                    images.save(critters.draw(animal, img_size), out / split / name)
                    factors[name] = dataclasses.asdict(animal)
                    bar.update()
            text = json.dumps(factors, indent=1) + "\n"
            (out / split / "factors.json").write_text(text)
