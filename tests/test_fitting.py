"""The geometry of whole photographs: boxes, canvases, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tfstargan import images
from tfstargan.images import fitting

LENGTHS = st.integers(1, 5000)
SIDES = st.sampled_from([32, 64, 100, 256])


def noise(width, height, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


@given(LENGTHS, LENGTHS, SIDES, st.sampled_from(fitting.FITS))
def test_a_fit_lies_inside_the_image_and_the_canvas(width, height, side, rule):
    size = width, height
    if rule == "whole" and max(size) > 40 * min(size):
        return
    fit = fitting.fit(rule, size, side)
    left, top, right, bottom = fit.box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    left, top, right, bottom = fit.inside
    assert 0 <= left < right <= fit.canvas[0]
    assert 0 <= top < bottom <= fit.canvas[1]
    assert (right - left, bottom - top) == fit.scaled
    # in the middle, but for a pixel
    assert abs(left - (fit.canvas[0] - right)) <= 1
    assert abs(top - (fit.canvas[1] - bottom)) <= 1


def test_crop_takes_the_largest_centred_square():
    fit = fitting.crop((700, 400), 256)
    assert fit == ((150, 0, 550, 400), (256, 256), (256, 256))
    assert fit.inside == (0, 0, 256, 256)


def test_pad_keeps_the_whole_image_and_its_aspect():
    fit = fitting.pad((700, 350), 64)
    assert fit == ((0, 0, 700, 350), (64, 32), (64, 64))
    assert fit.inside == (0, 16, 64, 48)
    assert fitting.pad((1, 4000), 64).scaled == (1, 64)


def test_whole_has_the_short_side_of_the_training_and_a_canvas_of_multiples():
    fit = fitting.whole((700, 400), 64)
    assert fit == ((0, 0, 700, 400), (112, 64), (128, 64))
    assert fit.inside == (8, 0, 120, 64)
    assert fitting.whole((400, 700), 100).canvas == (128, 192)
    assert fitting.whole((1024, 1024), 1024, multiple=64).canvas == (1024, 1024)


@pytest.mark.parametrize("rule", fitting.FITS)
def test_of_a_square_all_rules_are_one(rule):
    assert fitting.fit(rule, (90, 90), 64) == fitting.crop((90, 90), 64)


def test_a_placed_crop_is_the_square_of_all_other_commands():
    image = noise(70, 41)
    placed = fitting.place(image, fitting.crop(image.size, 32))
    np.testing.assert_array_equal(placed, images.square(image, 32))


@pytest.mark.parametrize(("width", "height"), [(70, 41), (41, 70), (3, 200), (64, 64)])
@pytest.mark.parametrize("rule", ["pad", "whole"])
def test_what_is_placed_is_cut_back_unchanged(rule, width, height):
    image = noise(width, height)
    fit = fitting.fit(rule, image.size, 64)
    placed = fitting.place(image, fit)
    assert placed.size == fit.canvas
    expected = image.resize(fit.scaled, Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(fitting.cut(np.asarray(placed), fit), expected)


def test_the_canvas_is_filled_by_reflection():
    image = Image.fromarray(np.arange(4, dtype=np.uint8)[None, :, None].repeat(3, 2))
    row = np.asarray(fitting.reflect(image, (9, 1)))[0, :, 0]
    assert row.tolist() == [2, 1, 0, 1, 2, 3, 2, 1, 0]
    one = np.asarray(fitting.reflect(image.crop((2, 0, 3, 1)), (4, 3)))
    assert (one == 2).all()


def test_a_batch_of_canvases_is_cut_at_once():
    fit = fitting.pad((20, 10), 8)
    canvases = np.arange(2 * 8 * 8 * 3).reshape(2, 8, 8, 3)
    np.testing.assert_array_equal(fitting.cut(canvases, fit), canvases[:, 2:6])
