"""Parts of photographs, put back with a feathered border."""

import numpy as np
import pytest
from PIL import Image

from tfstargan.images.pasting import FEATHER, feather, paste, paste_mapped

RED, GREY = (200, 0, 0), (90, 90, 90)


def levels(image):
    return np.asarray(image).astype(int)


def test_a_part_fades_at_the_wanted_edges_only():
    opacity = levels(feather((80, 40), (True, False, False, True)))
    reach = round(40 * FEATHER)
    assert (opacity[: 40 - reach, reach:] == 255).all()
    assert opacity[0, 0] < 10
    assert opacity[-1, -1] < 10
    row, column = opacity[10], opacity[:, 40]
    assert (np.diff(row[: reach + 1]) > 0).all()
    assert (np.diff(column[-reach - 1 :]) < 0).all()
    assert row[-1] == 255
    assert column[0] == 255


def test_outside_of_the_box_a_photograph_stays_as_it_is():
    rng = np.random.default_rng(0)
    photograph = Image.fromarray(rng.integers(0, 256, (60, 100, 3), np.uint8))
    found = levels(paste(photograph, Image.new("RGB", (16, 16), RED), (20, 0, 80, 60)))
    np.testing.assert_array_equal(found[:, :20], levels(photograph)[:, :20])
    np.testing.assert_array_equal(found[:, 80:], levels(photograph)[:, 80:])
    assert (found[:, 30:70] == RED).all()  # up to the photograph's own edges
    assert abs(found[:, 20] - levels(photograph)[:, 20]).max() <= 3


def test_a_part_as_large_as_the_photograph_replaces_it():
    photograph = Image.new("RGB", (30, 20), GREY)
    found = paste(photograph, Image.new("RGB", (15, 10), RED), (0, 0, 30, 20))
    assert (levels(found) == RED).all()


def ramps(width, height):
    """An image whose colour says where a pixel is."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([2 * x, 2 * y, 0 * x + 128], -1)


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.5])
def test_a_part_goes_back_by_the_map_by_which_it_was_cut(scale):
    turn = np.radians(25)
    matrix = scale * np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    side = round(50 * scale)
    matrix = np.column_stack([matrix, side / 2 - matrix @ (60, 45)])
    y, x = np.mgrid[:side, :side] + 0.5
    back = np.linalg.inv(matrix[:, :2])
    places = (np.stack([x, y], -1) - matrix[:, 2]) @ back.T
    part = np.concatenate([2 * places, np.full((side, side, 1), 128)], -1)
    photograph = ramps(120, 90)
    found = levels(
        paste_mapped(
            Image.fromarray(photograph.astype(np.uint8)),
            Image.fromarray(np.rint(part).clip(0, 255).astype(np.uint8)),
            matrix,
        )
    )
    assert abs(found - photograph).max() <= 3


def test_a_part_beyond_the_photograph_is_dropped():
    photograph = Image.new("RGB", (40, 40), GREY)
    part = Image.new("RGB", (20, 20), RED)
    half = paste_mapped(photograph, part, np.array([[1.0, 0, 10], [0, 1, 10]]))
    found = levels(half)
    assert (found[:5, :5] == RED).all()
    assert (found[12:, 12:] == GREY).all()
    away = paste_mapped(photograph, part, np.array([[1.0, 0, 100], [0, 1, 0]]))
    assert (levels(away) == GREY).all()
    with pytest.raises(ValueError, match="without an inverse"):
        paste_mapped(photograph, part, np.zeros((2, 3)))
