"""The presets of the package."""

import json
import re

import pytest

from tfstargan import files, resources
from tfstargan.metrics.evaluation import evaluate_run
from tfstargan.runs.locating import presets
from tfstargan.runs.run import open_run

MOST_BYTES = 10 * 2**20
CARDS = {name: resources.presets_dir() / name / "README.md" for name in presets()}


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
