"""How training makes images square: squeezed as the authors do, cropped or padded."""

import pathlib

import numpy as np
import pytest
from conftest import tiny
from PIL import Image

from tfstargan import images
from tfstargan.config import SQUARES
from tfstargan.data import image_set, packing
from tfstargan.data.image_set import squared
from tfstargan.data.stream import example, examples_of, open_images
from tfstargan.data.survey import survey
from tfstargan.errors import UserError
from tfstargan.metrics.digests import digest


def thirds() -> np.ndarray:
    """A wide image of three squares: red, green, blue; [20, 60, 3]."""
    return np.eye(3, dtype=np.uint8).repeat(20, 0)[None].repeat(20, 0) * 255


@pytest.fixture
def data(tmp_path) -> pathlib.Path:
    for split in ("train", "val"):
        for domain in ("cat", "dog"):
            for i in range(2):
                images.save(thirds(), tmp_path / "data" / split / domain / f"{i}.png")
    return tmp_path / "data"


def settings(data, **changed):
    return tiny(dataset="folder", data_dir=str(data), domains=(), **changed)


def seen(data, fit):
    """An image as training takes it without a random crop, [32, 32, 3]."""
    config = settings(data, fit=fit, crop_probability=0.0, flip_probability=0.0)
    return example(open_images(config, "train"), config, 0).x_src


def test_an_image_is_squeezed_cropped_or_padded(data):
    squeezed, cropped, padded = (seen(data, fit) for fit in SQUARES)
    assert (squeezed[16, [2, 16, 29]].argmax(-1) == [0, 1, 2]).all()
    assert (cropped.argmax(-1) == 1).all()
    assert (padded[:, [2, 16, 29]].argmax(-1) == [0, 1, 2]).all()
    middle = Image.fromarray(thirds()).resize((32, 11), Image.Resampling.BILINEAR)
    assert abs(padded[11:21].astype(int) - np.asarray(middle)[:10]).max() <= 40


def test_padding_reflects_and_bounds_the_square(monkeypatch):
    y, x = np.mgrid[:40, :10].astype(np.uint8)
    tall = Image.fromarray(np.stack([x, y, x], -1))
    padded = np.asarray(squared(tall, "pad"))
    assert padded.shape == (40, 40, 3)
    np.testing.assert_array_equal(padded[:, 15:25], tall)
    np.testing.assert_array_equal(padded[:, 14], padded[:, 16])
    monkeypatch.setattr(image_set, "LONGEST", 20)
    assert squared(tall, "pad").size == (20, 20)
    assert squared(tall, "squeeze") is tall
    assert squared(tall, "crop").size == (10, 10)


def test_grids_and_measurements_see_the_same_images(data):
    crop, pad = (open_images(settings(data, fit=f), "val") for f in ("crop", "pad"))
    assert (examples_of(crop, 32, 1)[0, 0].argmax(-1) == 1).all()
    shown = examples_of(pad, 32, 1)[0, 0]
    assert (shown[16, [2, 16, 29]].argmax(-1) == [0, 1, 2]).all()
    squeezed = open_images(settings(data), "val")
    assert len({digest(some, 0, [0]) for some in (crop, pad, squeezed)}) == 3


@pytest.mark.parametrize("fit", SQUARES)
@pytest.mark.parametrize("packed", ["squeeze", "pad"])
def test_packed_images_are_those_of_the_folder(data, tmp_path, fit, packed):
    packing.build(data, tmp_path / "packed", 32, fit=packed)
    whole, half = settings(data, fit=fit), settings(tmp_path / "packed", fit=fit)
    for index in range(6):
        expected, found = (
            example(open_images(config, "train"), config, index)
            for config in (whole, half)
        )
        np.testing.assert_array_equal(found.x_src, expected.x_src)
        np.testing.assert_array_equal(found.x_ref, expected.x_ref)


def test_shards_of_another_fit_are_packed_again(data, tmp_path):
    def changed(fit):
        packing.build(data, tmp_path / "packed", 32, fit=fit)
        return [
            p.stat().st_mtime_ns for p in sorted(tmp_path.glob("packed/*.tfrecord"))
        ]

    first = changed("squeeze")
    assert changed("squeeze") == first
    padded = changed("pad")
    assert padded != first
    assert changed("pad") == padded


@pytest.mark.parametrize(
    ("fit", "says"),
    [
        ("squeeze", "4 of 4 are not square and are squeezed to 32 x 32."),
        ("crop", "4 of 4 are not square and are cropped to their centred square."),
        ("pad", "4 of 4 are not square and are padded to a square by reflection."),
    ],
)
def test_the_survey_says_what_is_done(data, fit, says):
    config = settings(data, fit=fit)
    lines = survey(*(open_images(config, s) for s in ("train", "val")), config)
    assert says in lines
    # Of a padded image, the longer side fills the square.
    assert ("are smaller than 32 pixels" in lines) == (fit != "pad")


def test_an_unknown_fit_is_refused():
    with pytest.raises(UserError, match="fit=half must be one of squeeze, crop, pad"):
        tiny(fit="half")
