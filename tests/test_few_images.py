"""The benchmark of few images: arms are trained once, timed, measured and tabulated."""

import json
import sys

import numpy as np
import pytest
from conftest import benchmark, tiny
from PIL import Image

from tfstargan.config import TrainOptions
from tfstargan.errors import UserError
from tfstargan.metrics import probe
from tfstargan.settings import parse

few = benchmark("few_images")
measures = sys.modules["benchmarks.few_images_measures"]


@pytest.fixture(autouse=True)
def untrained_probe(monkeypatch):
    def of_run(config, quick):
        species = probe.critters.chosen(config.domains)
        return probe.Probe(probe.make_network(32, species), species)

    monkeypatch.setattr(probe, "of_run", of_run)


def options(experiment: str, out: object, **settings: object) -> object:
    """Options of one seed and few translations."""
    usual = {"out": str(out), "seeds": ("4",), "translations": 12}
    return few.Options(experiment=experiment, **usual | settings)


@pytest.mark.slow
def test_a_second_start_repeats_nothing(eager, small_grids, tmp_path, capsys):
    config = tiny(augment_images=8, sample_every=2)
    for _ in "twice":
        few.main(config, TrainOptions(), options("ada", tmp_path, only=("ada",)))
        (row,) = json.loads((tmp_path / "ada" / "results.json").read_text())
    assert (row["arm"], row["seed"], row["iterations"]) == ("ada", 4, 3)
    assert row["species by latent"]["count"] == 12
    low, high = row["species by reference"]["interval"]
    assert low < row["species by reference"]["share"] + 1e-9 <= high + 1e-9
    assert row["p"] >= 0
    assert np.isfinite(row["overfitting"])
    lines = (tmp_path / "ada" / "ada-3-seed4" / "iterations.txt").read_text()
    assert len(lines.splitlines()) == 3
    assert "| arm | seed | iterations | wall minutes |" in capsys.readouterr().out


@pytest.mark.slow
def test_a_new_species_is_compared_with_its_parent(
    run_dir, eager, small_grids, tmp_path
):
    begin = TrainOptions(init_from=str(run_dir), like=("owl:cat", "fox:cat"))
    one = options("new_species", tmp_path, animal="owl")
    few.main(tiny(sample_every=3), begin, one)
    (row,) = json.loads((tmp_path / "new_species" / "results.json").read_text())
    assert row["arm"] == "owl-from-parent"
    assert "parent" not in row["owl by latent"]
    assert row["owl by latent"]["count"] == 12  # from three species
    assert row["rabbit by reference"]["count"] == 8  # from the two old others
    assert 0 <= row["rabbit by reference"]["parent"] <= 1


def test_an_interrupted_experiment_resumes(eager, small_grids, tmp_path):
    starts = []

    def measure(run: object) -> dict:
        starts.append(run)
        if len(starts) == 1:
            raise KeyboardInterrupt
        return {"measure": 1.0}

    arm = few.Arm("one", tiny(iterations=2, sample_every=2), measure)
    with pytest.raises(KeyboardInterrupt):
        few.measured(arm, tmp_path)
    row = few.measured(arm, tmp_path)
    assert row["measure"] == 1
    assert len((tmp_path / "iterations.txt").read_text().splitlines()) == 2


def test_minutes_are_of_training_without_the_first_iteration(tmp_path):
    file = tmp_path / "iterations.txt"
    file.write_text("1 30 45 1\n2 1 2 0\n3 3 4 0\n4 20 33 1\n5 2 3 0\n")
    found = measures.minutes(file, 30)
    assert found["wall minutes"] == pytest.approx(1)
    assert found["CPU minutes"] == pytest.approx(1.5)
    assert found["compilation"] == pytest.approx(36 / 60)  # of a start


def test_the_first_photographs_are_linked(tmp_path):
    for split, count in (("train", 5), ("val", 2)):
        for domain in ("a", "b"):
            for i in range(count):
                path = tmp_path / "data" / split / domain / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (40, 40), (i, 0, 0)).save(path)
    config = tiny(dataset="folder", domains=(), data_dir=str(tmp_path / "data"))
    for _ in "twice":
        few.first(config, tmp_path / "first", 3)
    found = sorted((tmp_path / "first" / "train" / "b").iterdir())
    assert [file.resolve().name for file in found] == ["0.png", "1.png", "2.png"]
    assert len([*(tmp_path / "first" / "val" / "a").iterdir()]) == 2
    with pytest.raises(UserError, match="no such folder"):
        few.first(tiny(data_dir=str(tmp_path / "none")), tmp_path / "first", 3)


@pytest.mark.parametrize("experiment", ["ada", "photographs"])
def test_the_flags_of_an_experiment_are_settings(experiment):
    flags = [*few.defaults([f"--experiment={experiment}"]), "--augment_images=7"]
    config, _ = parse((few.Config, TrainOptions), flags)
    assert config.augment_images == 7


def test_another_flagfile_takes_the_place_of_the_usual_one():
    given = ["--experiment=new_species", "--flagfile=mine.flags"]
    assert few.defaults(given) == ["--critters_per_domain=60"]
    assert few.defaults([]) == []


def test_a_share_is_shown_with_its_interval_and_change():
    share = {"share": 0.95, "interval": [0.94, 0.96], "count": 2000}
    assert few.shown(share) == "95.0 (94.0 to 96.0)"
    assert few.shown(share | {"parent": 0.97}) == "95.0 (94.0 to 96.0), -2.0"
