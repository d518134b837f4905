"""The probe reads animals, and its scores tell good translations from bad ones."""

import dataclasses
import json
import shutil
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from commands import command
from conftest import benchmark, tiny
from PIL import Image

from tfstargan.data import critters
from tfstargan.errors import UserError
from tfstargan.images.reading import to_float
from tfstargan.metrics import factors, probe
from tfstargan.metrics.factors import LATENTS, diversity, r2, translation_scores
from tfstargan.metrics.probe import CIRCULAR, CONTENT, LINEAR, Factors
from tfstargan.runs.run import open_run
from tfstargan.training.loop import train_run

SIZE = 32


def animals(count: int, seed: int = 5) -> list[critters.Critter]:
    return critters.make_split(count, 16, seed)[2]


class Painter:
    """Knows every animal by its picture, so that it reads and translates perfectly.

    A style is the fur, as numbers; a latent's is made of its first values.
    """

    def __init__(self, **faults: float):
        self.config = tiny(domains=critters.SPECIES, img_size=SIZE)
        self.domains = critters.SPECIES
        self.faults = faults
        self.known: dict[int, critters.Critter] = {}
        pictures, _, drawn = critters.make_split(8, SIZE, 0, "val")
        for picture, animal in zip(pictures, drawn, strict=True):
            self.known[hash(to_float(picture).tobytes())] = animal

    def of(self, image: np.ndarray) -> critters.Critter:
        return self.known[hash(image.tobytes())]

    def encode_styles(self, images: np.ndarray, domain: str) -> np.ndarray:
        species = critters.SPECIES.index(domain)
        return np.array(
            [(a.hue, a.lightness, a.pattern, species) for a in map(self.of, images)]
        )

    def map_latents(self, latents: np.ndarray, domain: str) -> np.ndarray:
        rng = np.random.default_rng(abs(int(1e6 * latents[0, 0])))
        species = critters.SPECIES.index(domain)
        drawn = [critters.random_critter(species, rng) for _ in latents]
        return np.array([(a.hue, a.lightness, a.pattern, species) for a in drawn])

    def apply_styles(self, sources: np.ndarray, styles: np.ndarray) -> np.ndarray:
        images = []
        for source, (hue, lightness, pattern, species) in zip(
            sources, styles, strict=True
        ):
            animal = dataclasses.replace(
                self.of(source),
                hue=hue,
                lightness=lightness,
                pattern=int(pattern),
                species=int(species),
                **self.faults,
            )
            images.append(to_float(critters.draw(animal, SIZE)))
            self.known[hash(images[-1].tobytes())] = animal
        return np.stack(images)

    def in_styles(self, sources: np.ndarray, styles: Iterable) -> Iterator[np.ndarray]:
        return (self.apply_styles(sources, some) for some in styles)

    def read(self, images: np.ndarray) -> Factors:
        return Factors.of([self.of(image) for image in images])


def numbers(scores: dict) -> dict[str, float]:
    """Nested scores by their paths."""
    flat = {}
    for name, value in scores.items():
        if isinstance(value, dict):
            flat |= {f"{name}/{key}": x for key, x in numbers(value).items()}
        else:
            flat[name] = value
    return flat


def test_a_perfect_translator_has_perfect_scores():
    painter = Painter()
    scores = translation_scores(painter, painter, sources=4)
    for side in ("latent", "reference"):
        assert scores[side]["species"] == 1
        assert scores[side]["content_r2"] == dict.fromkeys(CONTENT, 1.0)
    fur = {"hue_within_30": 1, "hue_error_degrees": 0, "lightness_error": 0}
    assert scores["reference"]["fur"] == fur | {"pattern": 1}
    of_source = scores["reference"]["fur_of_source"]  # by chance
    assert of_source["hue_within_30"] < 0.5
    assert of_source["lightness_error"] > 0.1
    assert of_source["pattern"] < 0.8
    assert scores["reference"]["background_r2"]["of_source"]["background_hue"] == 1
    assert scores["reference"]["background_r2"]["of_reference"]["background_hue"] < 0.5
    assert scores["latent"]["diversity"]["mean"] == pytest.approx(1, abs=0.15)
    assert scores["identity"]["l1"] == scores["cycle"]["l1"] == 0


def test_a_lost_factor_shows_in_its_own_score_alone():
    painter = Painter(tilt=0.0)
    perfect = Painter()
    good = numbers(translation_scores(perfect, perfect, sources=4))
    scores = numbers(translation_scores(painter, painter, sources=4))
    assert {name for name in good if abs(scores[name] - good[name]) > 1e-9} == {
        "latent/content_r2/tilt",
        "reference/content_r2/tilt",
        "identity/l1",
        "cycle/l1",
    }
    assert scores["reference/content_r2/tilt"] < 0.1


def test_one_look_for_all_latents_has_no_diversity():
    same = animals(4)[:1] * (3 * LATENTS)
    assert set(diversity(Factors.of(same), LATENTS).values()) == {0.0}


def test_animals_drawn_at_random_are_as_diverse_as_the_data():
    drawn = animals(LATENTS * 150)
    np.random.default_rng(1).shuffle(drawn)
    ratios = diversity(Factors.of(drawn), LATENTS)
    assert ratios == pytest.approx(dict.fromkeys(ratios, 1.0), abs=0.05)


def test_r2_is_1_for_the_truth_and_0_for_its_mean():
    true = Factors.of(animals(30))
    guess = Factors(
        {name: np.full_like(x, x.mean()) for name, x in true.numbers.items()}, {}
    )
    for name in LINEAR:
        assert r2(true, true, name) == 1
        assert r2(guess, true, name) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", CIRCULAR)
def test_a_hue_of_nearly_one_is_nearly_zero(name):
    true = Factors({name: np.array([0.01, 0.5, 0.99])}, {})
    read = Factors({name: np.array([0.99, 0.51, 0.01])}, {})
    assert r2(read, true, name) > 0.98
    np.testing.assert_allclose(factors.distance(read, true, name), [0.02, 0.01, 0.02])


def test_targets_and_readings_are_inverse():
    true = Factors.of(animals(3))
    wanted = probe.targets(true)

    class Perfect:
        input_shape = (None, SIZE, SIZE, 3)

        def predict(self, images, **options):
            hot = {name: np.eye(3)[wanted[name]] for name in probe.CHOICES}
            return wanted | hot

    read = probe.Probe(Perfect()).read(np.zeros((9, SIZE, SIZE, 3), np.float32))
    for name, values in (true.numbers | true.choices).items():
        np.testing.assert_allclose((read.numbers | read.choices)[name], values)


@pytest.mark.slow
def test_training_writes_scores_and_animations_when_they_are_due(
    eager, small_grids, tmp_path, monkeypatch
):
    untrained = probe.Probe(probe.make_network(SIZE))
    monkeypatch.setattr(probe, "of_run", lambda config, quick=False: untrained)
    train_run(tiny(probe_every=2, animate_every=2), tmp_path / "run")
    animations = {file.name for file in (tmp_path / "run" / "samples").glob("*.webp")}
    assert animations == {
        "iteration-0000002-references.webp",
        "iteration-0000002-latents.webp",
    }
    (file,) = (tmp_path / "run" / "evaluation").glob("*-probe.json")
    assert file.name == "iteration-0000002-probe.json"
    assert set(json.loads(file.read_text())["latent"]["content_r2"]) == set(CONTENT)
    curves = benchmark("curves")
    curves.draw(open_run(str(tmp_path / "run")), tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 1000
    file.unlink()
    with pytest.raises(UserError, match="probe_every"):
        curves.draw(open_run(str(tmp_path / "run")), tmp_path / "none.png")


def test_photographs_are_refused():
    with pytest.raises(UserError, match=r"^probe: .* domains are cat, dog"):
        probe.of_run(tiny(dataset="folder", data_dir="x", domains=("cat", "dog")))


@pytest.mark.slow
def test_the_command_trains_a_good_probe_once_and_condemns_an_untrained_run(
    run_dir, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    copy = shutil.copytree(run_dir, tmp_path / "run")
    for _ in range(2):
        result = command(
            "tfstargan.evaluate", "--probe", f"--run_dir={copy}", cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
    assert "training the probe" not in result.stderr  # the second time
    assert "probe translations" in result.stdout
    report = json.loads(next((copy / "evaluation").glob("*.json")).read_text())
    results = report["results"]
    own = results["probe"]["new images"]
    assert own.pop("species") >= 0.98
    for name, value in own.items():
        assert value >= 0.95, name
    for guide in results["probe_translations"].values():
        assert guide.pop("species") < 0.5
        assert max(guide.values()) < 0.5
    assert results["probe_fur"]["as the reference's"]["hue_within_30"] < 0.4


def test_a_probe_names_species_in_any_order_of_domains():
    class Answers:
        input_shape = (None, 32, 32, 3)

        def predict(self, images, **_):
            outputs = {n: np.zeros((2, 1)) for n in probe.LINEAR}
            outputs |= {n: np.ones((2, 2)) for n in probe.CIRCULAR}
            return outputs | {"species": np.eye(2), "pattern": np.eye(2, 3)}

    reader = probe.Probe(Answers(), ("cat", "owl"))
    read = reader.read(np.zeros((2, 32, 32, 3), np.float32))
    names = [critters.EVERY_SPECIES[k] for k in read.choices["species"]]
    assert names == ["cat", "owl"]
