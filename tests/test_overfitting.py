"""Training notices what the discriminator has memorized, and ends in time."""

import dataclasses
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny

from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.metrics.instruments import Instruments
from tfstargan.runs.run import Run, iteration_of, open_run
from tfstargan.training import loop
from tfstargan.training.distribution import choose_strategy
from tfstargan.training.overfitting import (
    Overfitting,
    measured,
    memorized_since,
    overfitting,
)
from tfstargan.training.stargan import StarGANv2


def test_overfitting_is_0_for_images_alike_and_1_for_images_like_translations():
    assert overfitting(2.0, 2.0, -1.0) == 0
    assert overfitting(2.0, -1.0, -1.0) == 1
    assert overfitting(2.0, 0.5, -1.0) == pytest.approx(0.5)
    assert overfitting(-1.0, 0.0, 2.0) == 0  # it can't tell translations at all


@pytest.mark.parametrize(
    ("values", "since"),
    [
        ([0.1, 0.2, 0.3], None),
        ([0.1, 0.6, 0.2], None),
        ([0.1, 0.2, 0.9], None),  # once is chance
        ([0.1, 0.6, 0.7], 200),
        ([0.6, 0.6, 0.7], 100),
        ([], None),
    ],
)
def test_memorized_images_are_named_from_where_they_stay_so(values, since):
    found = {100 * (i + 1): {"overfitting": v} for i, v in enumerate(values)}
    assert memorized_since(found) == since


def test_a_training_measures_its_discriminator(run_dir):
    found = measured(open_run(run_dir))
    assert list(found) == [3]
    assert np.isfinite([*found[3].values()]).all()
    assert {"training", "validation", "translated", "overfitting"} == {*found[3]}


def test_a_discriminator_that_memorized_its_images_is_told_from_another(
    run_dir, tmp_path
):
    run = Run(tmp_path, open_run(run_dir).config)
    sets = [open_images(run.config, split) for split in ("train", "val")]
    model = StarGANv2(run.config)
    callback = Overfitting(run, tf.summary.create_noop_writer(), *sets)
    callback.set_model(model)
    known = {x.tobytes() for x in callback.images(sets[0]).reshape(-1, 32, 32, 3)}

    def memorized(x: np.ndarray, y: np.ndarray) -> list[float]:
        return [1.0 if image.tobytes() in known else -1.0 for image in x]

    model.discriminator = memorized
    callback.act(1)
    callback.act(2)
    assert measured(run)[2]["overfitting"] == 1
    assert memorized_since(measured(run)) == 1


def test_translations_are_those_of_the_networks_that_train(run_dir, tmp_path):
    run = Run(tmp_path, open_run(run_dir).config)
    sets = [open_images(run.config, split) for split in ("train", "val")]
    model = StarGANv2(run.config)
    callback = Overfitting(run, tf.summary.create_noop_writer(), *sets)
    callback.set_model(model)
    x = callback.images(sets[1])[:, :2]
    before = callback.translations(x)
    for network in model.averages.values():
        network.set_weights([0 * weight for weight in network.get_weights()])
    np.testing.assert_array_equal(callback.translations(x), before)
    weights = model.generator.get_weights()
    model.generator.set_weights([0.5 * weight for weight in weights])
    assert np.abs(callback.translations(x) - before).max() > 0.01


def test_advice_names_the_iteration(run_dir, tmp_path, capsys):
    run = Run(shutil.copytree(run_dir, tmp_path / "run"), open_run(run_dir).config)
    (tmp_path / "run/evaluation").mkdir(exist_ok=True)
    (tmp_path / "run/evaluation/overfitting.json").write_text(
        '{"500": {"overfitting": 0.8}, "1000": {"overfitting": 0.9}}'
    )
    sets = [open_images(run.config, split) for split in ("train", "val")]
    Overfitting(run, tf.summary.create_noop_writer(), *sets).on_train_end()
    line = capsys.readouterr().err
    assert "since iteration 500: use --augment=ada in a new run, or stop" in line
    run.config = dataclasses.replace(run.config, augment="ada")
    Overfitting(run, tf.summary.create_noop_writer(), *sets).on_train_end()
    assert "since iteration 500: stop there\n" in capsys.readouterr().err


class Better:
    """An evaluation that finds the same value every time."""

    instruments = SimpleNamespace(inceptions=[SimpleNamespace(name="kid")])

    def name(self, iteration: int) -> str:
        return f"evaluation-{iteration}"

    def measure(self, translator: object, iteration: int) -> dict:
        return {"latent": {"mean": {"kid": 1.0}}}

    def report(self, *_: object) -> None:
        """Write nothing."""


@pytest.mark.slow
def test_an_interrupted_evaluation_is_completed_before_patience_is_lost(
    run_dir, tmp_path, monkeypatch, eager, small_grids
):
    path = shutil.copytree(run_dir, tmp_path / "run")
    best = '{"iteration": 0, "measure": "kid", "value": 2.0}'
    (path / "checkpoints" / "best.json").write_text(best)
    monkeypatch.setattr(loop, "make_evaluation", lambda run: Better())
    config = tiny(iterations=4, evaluate_every=3, patience=1)
    run = loop.train_run(config, path)
    assert run.best().iteration == 3
    assert iteration_of(run.checkpoint()) == 4


@pytest.mark.slow
def test_a_training_ends_when_patience_is_lost_and_says_so(
    tmp_path, monkeypatch, eager, small_grids, capsys
):
    monkeypatch.setattr(loop, "make_evaluation", lambda run: Better())
    config = tiny(iterations=9, evaluate_every=1, patience=2, sample_every=9)
    run = loop.train_run(config, tmp_path / "run")
    assert run.best().iteration == 1
    assert iteration_of(run.checkpoint()) == 3
    line = "kid was best at iteration 1, and not better in 2 evaluations since: ended"
    assert capsys.readouterr().err.count(line) == 1
    loop.train_run(config, tmp_path / "run")  # again, nothing is trained
    assert iteration_of(run.checkpoint()) == 3
    assert capsys.readouterr().err.count(line) == 1


def test_patience_needs_a_distance(tmp_path, monkeypatch):
    lpips_alone = Instruments([], None, {"lpips": "alexnet.pth"}, [])
    monkeypatch.setattr(loop, "open_default", lambda folder: lpips_alone)
    config = tiny(evaluate_every=1, patience=2)
    with pytest.raises(UserError, match="no distance can be measured"):
        loop.make_evaluation(Run(tmp_path, config))


def test_workers_have_no_patience(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a", "b"]}}')
    with pytest.raises(UserError, match="patience"):
        choose_strategy(tiny(evaluate_every=1, patience=1))


def test_patience_counts_evaluations_since_the_best(tmp_path):
    config = tiny(evaluate_every=100, patience=2)
    run = Run(tmp_path, config)
    assert not run.out_of_patience(500)
    run.checkpoints_dir.mkdir()
    best = '{"iteration": 300, "measure": "kid_lite0", "value": 0.1}'
    (run.checkpoints_dir / "best.json").write_text(best)
    assert not run.out_of_patience(400)
    assert run.out_of_patience(500)
    endless = Run(tmp_path, dataclasses.replace(config, patience=0))
    assert not endless.out_of_patience(500)
