"""What is told of the images before a training."""

import dataclasses
import pathlib

import numpy as np
import pytest
from conftest import tiny
from PIL import Image, ImageFilter

from tfstargan.data import packing
from tfstargan.data.alike import near_duplicates, thumbnail
from tfstargan.data.stream import open_images
from tfstargan.data.survey import survey


def photograph(seed: int, size=(160, 120)) -> Image.Image:
    """Something smooth and large, as in a photograph."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
    large = small.resize(size, Image.Resampling.BICUBIC)
    return large.filter(ImageFilter.GaussianBlur(3))


def put(image: Image.Image, path: pathlib.Path, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


def told(folder: pathlib.Path, **settings: object) -> list[str]:
    config = tiny(dataset="folder", data_dir=str(folder), domains=(), **settings)
    sets = [open_images(config, split) for split in ("train", "val")]
    return survey(*sets, config).splitlines()


@pytest.fixture
def data(tmp_path) -> pathlib.Path:
    for i in range(8):
        put(photograph(i), tmp_path / f"train/cat/{i}.png")
    for i in range(2):
        put(photograph(20 + i, (50, 50)), tmp_path / f"train/dog/{i}.png")
    for domain, seed in (("cat", 40), ("dog", 41)):
        put(photograph(seed), tmp_path / f"val/{domain}/0.png")
    return tmp_path


def test_counts_sizes_passes_and_advice(data):
    paragraph, few, unequal, small = told(data, img_size=128, channel_base=128)
    assert "data: 8 cat, 2 dog to train on; 1 cat, 1 dog to validate on." in paragraph
    assert "Sizes from 50 x 50 to 160 x 120, 160 x 120 in the middle." in paragraph
    assert "8 of 10 are not square and are squeezed to 128 x 128." in paragraph
    assert "In 3 iterations" in paragraph
    assert "about this many times: 2 (cat), 9 (dog)." in paragraph  # 3 * 4 * 3 / 2
    assert "uplicate" not in paragraph
    assert few.startswith("advice: fewer than 1,000 images of cat, dog")
    assert unequal.startswith("advice: cat has 4 times as many images as dog")
    assert small == (
        "advice: 10 of 10 images are smaller than 128 pixels and are enlarged; "
        "consider --img_size=64"
    )


def test_few_images_are_not_advised_to_use_what_they_use(data):
    config = tiny(dataset="folder", data_dir=str(data), domains=(), augment="ada")
    sets = [open_images(config, split) for split in ("train", "val")]
    told = [survey(*sets, config, begun) for begun in (False, True)]
    assert "overfitting; see --init_from, watch the sample grids" in told[0]
    assert "overfitting; watch the sample grids" in told[1]
    assert "overfitting; see --augment and --init_from, watch" in survey(
        *sets, dataclasses.replace(config, augment="none")
    )


def test_near_duplicates_within_and_across_domains_and_splits(data):
    put(photograph(3, (120, 90)), data / "train/cat/x.jpg", quality=70)
    put(photograph(4), data / "train/dog/4.jpg", quality=80)
    put(photograph(5), data / "val/cat/5.webp")
    paragraph = told(data)[0]
    assert "1 across domains (train/cat/4.png and train/dog/4.jpg)" in paragraph
    assert (
        "1 across training and validation (train/cat/5.png and val/cat/5.webp)"
        in paragraph
    )
    assert "1 within a domain (train/cat/3.png and train/cat/x.jpg)" in paragraph


def test_images_that_stand_in_for_validation_are_no_duplicates(data):
    (data / "val").rename(data / "elsewhere")
    assert "uplicate" not in told(data)[0]


def test_of_packed_and_drawn_images_the_counts_are_told(data, tmp_path):
    packing.build(data, tmp_path / "packed", 32)
    paragraph = told(tmp_path / "packed")[0]
    assert paragraph.startswith("data: 8 cat, 2 dog to train on; 1 cat, 1 dog to val")
    config = tiny()
    sets = [open_images(config, split) for split in ("train", "val")]
    lines = survey(*sets, config).splitlines()
    assert "5 bear, 5 cat, 5 rabbit to train on" in lines[0]
    assert len(lines) == 1


def test_copies_are_found_and_flat_or_different_images_are_told_apart():
    seen = [photograph(i) for i in range(40)]
    flat = [Image.new("RGB", (60, 60), (0, level, 0)) for level in range(0, 250, 9)]
    assert not list(near_duplicates([thumbnail(image) for image in seen + flat]))
    copies = [image.resize((90, 70)) for image in seen]
    pairs = near_duplicates([thumbnail(image) for image in seen + copies])
    found = {tuple(sorted((i, j))) for i, others in pairs for j in others.tolist()}
    assert found == {(i, i + 40) for i in range(40)}
    assert not list(near_duplicates([thumbnail(seen[0])]))
