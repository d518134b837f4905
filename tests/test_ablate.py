"""The ablation trains each variant, and what it takes away is gone."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from conftest import benchmark, tiny

from tfstargan.config import Config
from tfstargan.metrics import probe
from tfstargan.runs.run import open_run
from tfstargan.training.stargan import StarGANv2

ROOT = pathlib.Path(__file__).parents[1]
ablate = benchmark("ablate")


def measured(name: str, out: pathlib.Path) -> dict:
    (variant,) = (v for v in ablate.VARIANTS if v.name == name)
    return ablate.measure(variant, tiny(iterations=2), out, sources=3)


@pytest.fixture(autouse=True)
def untrained_probe(monkeypatch):
    monkeypatch.setattr(
        probe, "of_run", lambda config: probe.Probe(probe.make_network(32))
    )


def test_every_variant_changes_one_thing_that_exists():
    usual = Config.from_flagfile(ROOT / "configs/critters.flags")
    for variant in ablate.VARIANTS[1:]:
        assert bool(variant.settings) != bool(variant.networks)
        assert all(getattr(usual, n) != v for n, v in variant.settings.items())


@pytest.mark.slow
def test_a_label_in_place_of_the_style_leaves_no_diversity(
    eager, small_grids, tmp_path
):
    scores = measured("label instead of AdaIN", tmp_path)
    assert set(scores["latent"]["diversity"].values()) == {0.0}
    again = measured("label instead of AdaIN", tmp_path)  # not trained again
    assert again == scores
    table = ablate.table({"label instead of AdaIN": scores})
    assert table.splitlines()[0].startswith("| model | species | position |")


@pytest.mark.slow
def test_without_averaging_the_networks_of_now_are_measured(
    eager, small_grids, tmp_path
):
    measured("no averaging", tmp_path)
    run = open_run(str(tmp_path / "no-averaging"))
    model = StarGANv2(run.config)
    run.load(model)
    for ours, average in zip(
        model.generator.get_weights(),
        model.averages["generator"].get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(ours, average, rtol=1e-6, atol=1e-9)


@pytest.mark.process
def test_the_command_takes_a_configuration_and_names_its_lines():
    script = ["benchmarks/ablate.py", "--flagfile=configs/critters.flags"]
    result = subprocess.run(
        [sys.executable, *script, "--only=no hope"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert "--only=no hope: the lines are StarGAN v2, no style" in result.stderr


def test_a_single_head_does_not_know_domains(monkeypatch):
    monkeypatch.setattr("tfstargan.networks.build.Discriminator", ablate.SingleHead)
    model = StarGANv2(tiny())
    x = np.zeros((3, 32, 32, 3), np.float32)
    logits = model.discriminator(x, np.array([0, 1, 2]))
    np.testing.assert_array_equal(logits, np.repeat(logits[:1], 3))


def test_the_label_takes_the_place_of_the_style():
    y = np.array([2, 0])
    style = np.full((2, 6), 7.0, np.float32)
    np.testing.assert_array_equal(ablate.label_for(style, y), np.eye(6)[y])
