"""A loss or gradient that is not finite reaches no weight, is named, and ends."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny
from test_stargan import arrays, lend, make_batch, make_model, state

from tfstargan.data.batch import Batch
from tfstargan.errors import UserError
from tfstargan.networks.build import NETWORKS
from tfstargan.runs.run import Run
from tfstargan.training import losses
from tfstargan.training.non_finite import NonFinite
from tfstargan.training.stargan import StarGANv2

pytestmark = pytest.mark.slow  # all together

CONFIG = tiny(rollback_after=2)


@pytest.fixture(scope="module")
def shared() -> tuple[StarGANv2, list[np.ndarray]]:
    """A model that has not been trained, and its state."""
    model = make_model(CONFIG)
    return model, arrays(state(model))


@pytest.fixture
def model(shared) -> Iterator[StarGANv2]:
    """It; the test may change it."""
    yield from lend(*shared)


def trained(model: StarGANv2) -> dict[str, list[np.ndarray]]:
    """What updates change: weights, moments and counts, by network."""
    return {
        name: [
            *getattr(model, name).get_weights(),
            *(np.array(v) for v in model.optimizers[name].variables),
        ]
        for name in NETWORKS
    }


def changed(before: dict, after: dict) -> set[str]:
    return {
        name
        for name in before
        if any((a != b).any() for a, b in zip(before[name], after[name], strict=True))
    }


def with_nan(batch: Batch, name: str, value: float = math.nan) -> Batch:
    """A batch with one number of one image replaced."""
    tensor = np.array(getattr(batch, name))
    tensor.reshape(-1)[0] = value
    return batch._replace(**{name: tf.constant(tensor)})


@pytest.mark.parametrize(
    ("where", "left_out"),
    [
        ("x_src", {"D/latent", "D/reference", "G/latent", "G/reference"}),
        ("z", {"D/latent", "G/latent"}),
        ("x_ref2", {"G/reference"}),
    ],
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_updates_that_meet_it_are_left_out_and_no_other(
    model, where, left_out, value
):
    before = trained(model)
    logs = model.train_step(with_nan(make_batch(1), where, value))
    named = {k.removeprefix("left_out/") for k, v in logs.items() if "left" in k and v}
    assert {name.rpartition("/")[0] for name in named} == left_out
    after = trained(model)
    for values in after.values():
        assert all(np.isfinite(x).all() for x in values)
    expected = {
        network
        for update, networks in (
            ("D/latent", {"discriminator"}),
            ("D/reference", {"discriminator"}),
            ("G/latent", {"generator", "mapping_network", "style_encoder"}),
            ("G/reference", {"generator"}),
        )
        if update not in left_out
        for network in networks
    }
    assert changed(before, after) == expected


def test_a_gradient_alone_is_enough_and_its_network_is_named(model, monkeypatch):
    @tf.custom_gradient
    def broken(x):
        return tf.identity(x), lambda gradient: gradient * math.nan

    real = model.mapping_network.call
    monkeypatch.setattr(
        model.mapping_network, "call", lambda *a, **k: broken(real(*a, **k))
    )
    before = trained(model)
    logs = model.train_step(make_batch(1))
    assert math.isfinite(logs["G/latent/loss"])
    assert [k for k, v in logs.items() if k.startswith("left_out/") and v] == [
        "left_out/G/latent/mapping_network"
    ]
    # and yet none of the update's networks moved in it
    assert changed(before, trained(model)) == {"discriminator", "generator"}


def test_a_gradient_whose_square_overflows_would_stay_in_adam_for_ever(
    model, monkeypatch
):
    real = losses.adversarial
    monkeypatch.setattr(losses, "adversarial", lambda *a, **k: real(*a, **k) * 1e25)
    before = trained(model)
    model.train_step(make_batch(1))
    assert not changed(before, trained(model))


@pytest.fixture
def watch(model, tmp_path):
    """The watch over a model in a run that has a checkpoint."""
    with Run.start(tmp_path, CONFIG) as run:
        run.save(model)
        watch = NonFinite(run)
        watch.set_model(model)
        yield watch


def step(watch: NonFinite, batch: Batch) -> None:
    logs = watch.model.train_step(batch)
    watch.on_train_batch_end(0, {k: float(v) for k, v in logs.items()})


def test_each_is_named_and_after_some_in_a_row_the_run_goes_back(watch, capsys):
    good, bad = make_batch(1), with_nan(make_batch(1), "x_src")
    model = watch.model
    at_checkpoint = trained(model)
    step(watch, good)
    for batch in (bad, good, bad):  # never two in a row
        step(watch, batch)
    assert changed(at_checkpoint, trained(model)) == set(NETWORKS)
    said = capsys.readouterr().err
    assert "iteration 2: update D/latent of the discriminator skipped" in said
    assert "update G/latent of the mapping_network skipped, its loss (nan)" in said
    step(watch, bad)
    assert not changed(at_checkpoint, trained(model))
    assert model.iterations_done() == 5  # data and schedules continue
    said = capsys.readouterr().err
    assert "iteration 5: restored the weights of iteration-0000000.w" in said
    assert watch.in_a_row == 0
    step(watch, good)
    step(watch, bad)
    with pytest.raises(UserError, match=r"iteration 8: .* 2 iterations, again after"):
        step(watch, bad)


def test_without_a_checkpoint_it_ends_and_says_what_to_do(model, tmp_path):
    watch = NonFinite(Run(tmp_path, CONFIG))
    watch.set_model(model)
    bad = with_nan(make_batch(1), "z")
    step(watch, bad)
    with pytest.raises(UserError, match=r"no checkpoint; lower learning_rate"):
        step(watch, bad)
