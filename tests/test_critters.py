"""Drawn animals: reproducible, inside their image, and true to their factors."""

import colorsys
import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from tfstargan.data import critters
from tfstargan.data.critters import (
    EVERY_SPECIES,
    PATTERNS,
    RANGES,
    SPECIES,
    SPLITS,
    Critter,
    Critters,
    chosen,
    draw,
    draw_background,
    make_split,
    nth_critter,
    random_critter,
)
from tfstargan.errors import UserError

BLUE_ON_PEACH = Critter(
    species=0,
    hue=0.6,
    lightness=0.5,
    pattern=0,
    x=0.0,
    y=0.12,
    size=0.55,
    tilt=0.0,
    mouth=0.3,
    gaze=0.0,
    background_hue=0.08,
    background_lightness=0.85,
)
ALL_SPECIES = pytest.mark.parametrize("species", range(len(EVERY_SPECIES)))


def vary(**factors: Any) -> Critter:
    """The blue animal with other factors."""
    return dataclasses.replace(BLUE_ON_PEACH, **factors)


def silhouette(critter: Critter, img_size: int = 64) -> np.ndarray:
    """The pixels of the animal, [H, W] bool."""
    image, behind = draw(critter, img_size), draw_background(critter, img_size)
    return (image != behind).any(-1)


def change(a: Critter, b: Critter, img_size: int = 64) -> np.ndarray:
    """The difference of two images, [H, W] in grey levels."""
    return abs(draw(a, img_size).astype(int) - draw(b, img_size)).max(-1)


def fur_hue(critter: Critter) -> float:
    """The mean hue of the saturated pixels, in turns: of fur, not eyes."""
    fur = draw(critter, 64)[silhouette(critter)] / 255
    hsv = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in fur])
    hues = hsv[hsv[:, 1] > 0.4, 0]
    return float(np.angle(np.exp(2j * np.pi * hues).mean()) / (2 * np.pi) % 1)


@ALL_SPECIES
def test_the_same_factors_give_the_same_image(species: int) -> None:
    critter = nth_critter("train", species, 5, seed=1)
    image = draw(critter, 48)
    assert image.shape == (48, 48, 3)
    assert image.dtype == np.uint8
    assert image.tobytes() == draw(dataclasses.replace(critter), 48).tobytes()
    again = random_critter(species, np.random.default_rng(3))
    assert again == random_critter(species, np.random.default_rng(3))


def test_more_images_leave_the_first_as_they_are() -> None:
    few, few_labels, few_critters = make_split(2, 16, seed=0)
    many, many_labels, many_critters = make_split(5, 16, seed=0)
    first = [0, 1, 5, 6, 10, 11]
    np.testing.assert_array_equal(few, many[first])
    assert few_critters == [many_critters[i] for i in first]
    assert few_labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert few_labels.dtype == np.int32
    assert [c.species for c in many_critters] == many_labels.tolist()
    assert len({c.hue for c in many_critters}) == len(many_critters)


def test_splits_and_seeds_share_no_animal() -> None:
    drawn = [
        critter
        for split, seed in itertools.product(SPLITS, (0, 1))
        for critter in make_split(10, 16, seed, split)[2]
    ]
    assert len({critter.hue for critter in drawn}) == len(drawn)


@ALL_SPECIES
def test_every_animal_stays_inside_the_image(species: int) -> None:
    extremes = {name: RANGES[name] for name in ("x", "y", "size", "mouth")}
    extremes["tilt"] = tuple(np.linspace(*RANGES["tilt"], 5).tolist())
    for values in itertools.product(*extremes.values()):
        critter = vary(species=species, **dict(zip(extremes, values, strict=True)))
        seen = silhouette(critter, 32)
        assert seen.any()
        seen[1:-1, 1:-1] = False
        assert not seen.any(), critter


def test_species_differ_in_shape() -> None:
    shapes = [silhouette(vary(species=k)) for k in range(len(EVERY_SPECIES))]
    for a, b in itertools.combinations(shapes, 2):
        assert (a ^ b).sum() > 0.1 * a.sum()


@ALL_SPECIES
def test_species_do_not_differ_in_colour(species: int) -> None:
    for hue in (0.0, 0.25, 0.6):
        apart = fur_hue(vary(species=species, hue=hue)) - hue
        assert abs((apart + 0.5) % 1 - 0.5) < 0.03


@ALL_SPECIES
def test_fur_leaves_the_silhouette_as_it_is(species: int) -> None:
    plain = vary(species=species)
    for hue, lightness, pattern in ((0.6, 0.65, 1), (0.4, 0.45, 2), (0.9, 0.5, 0)):
        other = vary(species=species, hue=hue, lightness=lightness, pattern=pattern)
        # pixels of the faintest edge may round to the background's colour
        assert (silhouette(plain) ^ silhouette(other)).sum() <= 8
        assert change(plain, other)[silhouette(plain)].mean() > 10


@ALL_SPECIES
def test_content_leaves_the_hue_of_the_fur_as_it_is(species: int) -> None:
    hues = [
        fur_hue(vary(species=species, **content))
        for content in (
            {"x": -0.07, "y": 0.17, "tilt": 20.0},
            {"size": 0.43, "gaze": 1.0},
            {"mouth": 1.0, "tilt": -25.0},
        )
    ]
    assert np.ptp(hues) < 0.02


@ALL_SPECIES
@pytest.mark.parametrize("img_size", [32, 64])
def test_patterns_are_seen_at_training_sizes(species: int, img_size: int) -> None:
    furs = [vary(species=species, pattern=k) for k in range(len(PATTERNS))]
    for a, b in itertools.combinations(furs, 2):
        bold = change(a, b, img_size) > 30
        assert bold.sum() > 0.08 * silhouette(a, img_size).sum()


@ALL_SPECIES
def test_the_mouth_opens_in_the_lower_face_only(species: int) -> None:
    moved = change(vary(species=species, mouth=0.0), vary(species=species, mouth=1.0))
    centre = round(64 * (0.5 + BLUE_ON_PEACH.y))
    assert moved[centre:].max() > 100
    assert moved[: centre + 3].max() == 0


@ALL_SPECIES
def test_the_pupils_follow_the_gaze(species: int) -> None:
    def pupil(gaze: float) -> float:
        image = draw(vary(species=species, gaze=gaze), 128)
        right_eye = image[73:82, 71:87].max(-1)  # white but for the pupil
        return np.nonzero(right_eye < 60)[1].mean()

    assert pupil(-1.0) + 1.5 < pupil(0.0) < pupil(1.0) - 1.5


@ALL_SPECIES
def test_a_tilt_turns_the_head_clockwise(species: int) -> None:
    def mouth(tilt: float) -> float:
        closed, wide = (vary(species=species, tilt=tilt, mouth=m) for m in (0.0, 1.0))
        return np.nonzero(change(closed, wide))[1].mean()

    assert mouth(0.0) == pytest.approx(31.5)
    assert mouth(15.0) + 1 < mouth(0.0) < mouth(-15.0) - 1
    left, right = (silhouette(vary(species=species, tilt=t)) for t in (-15.0, 15.0))
    np.testing.assert_array_equal(left, right[:, ::-1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("species", len(EVERY_SPECIES)),
        ("species", -1),
        ("pattern", 3),
        ("hue", 1.5),
        ("lightness", 0.9),
        ("x", 0.3),
        ("y", -0.1),
        ("size", 0.2),
        ("tilt", 40.0),
        ("mouth", -0.1),
        ("gaze", 2.0),
        ("background_hue", -0.5),
        ("background_lightness", float("nan")),
    ],
)
def test_a_factor_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name}="):
        vary(**{name: value})


def test_bad_calls_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^img_size=15"):
        draw(BLUE_ON_PEACH, 15)
    with pytest.raises(ValueError, match=r"^species=7"):
        random_critter(7, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^split=test"):
        make_split(1, 16, 0, "test")


def test_a_set_of_animals_has_the_same_images_as_a_split() -> None:
    images, labels, critters = make_split(2, 24, seed=4, split="val")
    animals = Critters("val", 24, per_domain=2, seed=4)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        for _ in range(2):  # drawn, then remembered
            np.testing.assert_array_equal(animals.image(label, i % 2), image)
        assert animals.critter(label, i % 2) == critters[i]
    assert [animals.count(k) for k in range(3)] == [2, 2, 2]


def test_other_species_leave_the_first_three_as_they_are() -> None:
    images, labels, _ = make_split(2, 16, 0, species=("owl", "cat", "fox"))
    default, default_labels, _ = make_split(2, 16, 0)
    cats = default[default_labels == SPECIES.index("cat")]
    np.testing.assert_array_equal(images[labels == 1], cats)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    animals = Critters("train", 16, 2, species=("fox", "bear"))
    assert EVERY_SPECIES[animals.critter(0, 0).species] == "fox"
    with pytest.raises(UserError, match="no dog; drawn animals are bear, cat, rabbit"):
        chosen(("cat", "dog"))


def test_drawing_many_animals_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(critters, "DELAY", 0)
    critters.make_split(2, 32, seed=0)
    assert capsys.readouterr().err.startswith("drawing:   0%")
