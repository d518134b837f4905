"""The presets of the package, and the demo that teaches one of them."""

import json
import pathlib
import re

import numpy as np
import pytest
from commands import command, refusal
from PIL import Image

from tfstargan import files, resources
from tfstargan.config import Config, TrainOptions
from tfstargan.metrics.evaluation import evaluate_run
from tfstargan.runs.locating import presets
from tfstargan.runs.run import open_run
from tfstargan.settings import parse
from tfstargan.training.beginning import SHARED_SETTINGS

MOST_BYTES = 10 * 2**20
CARDS = {name: resources.presets_dir() / name / "README.md" for name in presets()}


@pytest.mark.parametrize("name", ["new-animal", "photos64"])
def test_a_configuration_that_begins_with_a_preset_has_its_sizes(name):
    flags = [f"--flagfile=configs/{name}.flags"]
    config, options = parse((Config, TrainOptions), flags)
    parent = open_run(options.init_from).config
    for name in SHARED_SETTINGS:
        assert getattr(config, name) == getattr(parent, name), name


@pytest.mark.parametrize("name", ["photos128", "photos256"])
def test_photographs_go_on_at_a_larger_size_from_the_run_of_a_smaller_one(name):
    flags = [f"--flagfile=configs/{name}.flags"]
    config, options = parse((Config, TrainOptions), flags)
    before = [f"--flagfile=configs/{pathlib.Path(options.init_from).name}.flags"]
    parent, options_before = parse((Config, TrainOptions), before)
    assert options.init_from == options_before.run_dir
    for name in (*SHARED_SETTINGS, "largest_map"):
        assert getattr(config, name) == getattr(parent, name), name
    assert config.img_size == 2 * parent.img_size


def test_there_is_the_preset_that_the_pages_speak_of():
    assert "critters64" in CARDS


@pytest.mark.parametrize("name", CARDS)
def test_a_card_has_the_hash_of_every_file_and_they_are_small(name):
    card = CARDS[name]
    others = [p for p in card.parent.rglob("*") if p.is_file() and p != card]
    assert sum(path.stat().st_size for path in others) < MOST_BYTES
    listed = dict(
        re.findall(r"^\| (\S+) \| [\d,]+ \| (\w{64}) \|$", card.read_text(), re.M)
    )
    assert listed == {
        path.relative_to(card.parent).as_posix(): files.checksum(path)
        for path in others
    }
    about = json.loads((card.parent / "run.json").read_text())
    assert "command" not in about
    assert re.search(r"^license: apache-2.0$", card.read_text(), re.M)


@pytest.mark.slow
@pytest.mark.parametrize("name", CARDS)
def test_its_translations_are_what_the_card_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its outputs go to runs/
    measured = evaluate_run(open_run(f"preset:{name}"), probe=True, quick=True)
    quick = CARDS[name].read_text().split("NOTE: quick")[1]
    table = quick.split("probe translations")[1]
    for guide, row in measured["results"]["probe_translations"].items():
        said = re.search(rf"^ +{guide} +([\d.]+)", table, re.M)
        assert row["species"] == pytest.approx(float(said[1]), abs=0.03)


@pytest.mark.all
def test_the_demo_teaches_translates_measures_and_exports(tmp_path):
    for _ in range(2):  # the second time, it is trained already
        result = command("tfstargan.demo", "--out=new", "--iterations=2", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert re.search(r"right species by latent: .*% into fox", result.stdout)
    assert "already trained" in result.stderr
    run = tmp_path / "new" / "fox"
    assert (tmp_path / "new" / "preset" / "references.png").is_file()
    assert len([*(run / "translations").rglob("*.png")]) > 4
    assert (run / "export" / "float32" / "stargan.tflite").is_file()
    parent = json.loads((run / "run.json").read_text())["parent"]
    assert parent["run"] == "preset:critters64"
    grid = np.asarray(Image.open(run / "samples/iteration-0000002-latents-psi1.png"))
    learning = np.asarray(Image.open(run / "samples" / "learning.png"))
    row = 66  # an image and a gap
    np.testing.assert_array_equal(learning[:row], grid[:row])  # the sources
    np.testing.assert_array_equal(learning[-row:], grid[-row:])  # a fox
    assert len(learning) == 2 * row + 2


def test_the_demo_refuses_an_animal_that_it_can_t_draw(tmp_path):
    assert "must be one of fox, owl" in refusal(
        "tfstargan.demo", "--animal=dog", cwd=tmp_path
    )
    assert not [*tmp_path.iterdir()]
