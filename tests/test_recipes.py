"""Options that are not the paper's: lazy R1, images of other domains, residual."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_stargan import CONFIG, arrays, loss_of, make_batch, make_model, numbers

from tfstargan.data.batch import NOISE, SHOWN, UPDATES
from tfstargan.networks.build import NETWORKS
from tfstargan.training import losses


def model_with(**settings):
    return make_model(dataclasses.replace(CONFIG, **settings))


@pytest.mark.parametrize("guide", ["latent", "reference"])
def test_lazy_r1_is_left_out_and_has_its_weight_when_it_is_due(guide):
    batch, update = make_batch(1), f"D/{guide}"
    always, lazy = model_with(), model_with(r1_every=3)
    for iteration in range(4):
        always.iteration.assign(iteration)
        lazy.iteration.assign(iteration)
        loss, terms = loss_of(always, batch, update)
        lazy_loss, lazy_terms = loss_of(lazy, batch, update)
        reg = float(terms["reg"])
        due = iteration % 3 == 0
        assert float(lazy_terms["reg"]) == pytest.approx(reg if due else 0.0)
        change = 2 * reg * (2 if due else -1)  # lambda_reg = 2; three times, or none
        assert float(lazy_loss - loss) == pytest.approx(change, rel=1e-4)


@pytest.mark.parametrize("guide", ["latent", "reference"])
def test_images_of_other_domains_are_no_real_ones_of_a_domain(guide):
    batch, update = make_batch(1), f"D/{guide}"
    plain, other = model_with(), model_with(lambda_other=3.0)
    loss, terms = loss_of(plain, batch, update)
    other_loss, other_terms = loss_of(other, batch, update)
    every = plain.discriminator(batch.x_src).numpy()  # [B, K]
    wrong = [
        np.log1p(np.exp(logits[k]))
        for logits, y in zip(every, np.array(batch.y_src), strict=True)
        for k in range(len(logits))
        if k != y
    ]
    assert other_terms.keys() - terms.keys() == {"other"}
    assert float(other_terms["other"]) == pytest.approx(np.mean(wrong), rel=1e-5)
    assert float(other_loss - loss) == pytest.approx(3 * np.mean(wrong), rel=1e-4)


def test_images_of_other_domains_are_augmented_like_the_others():
    model = model_with(lambda_other=1.0, augment="diffaugment")
    noise = np.random.default_rng(2).random((3, UPDATES, len(SHOWN), NOISE), np.float32)
    batch = make_batch(1)._replace(noise=tf.constant(noise))
    _, terms = loss_of(model, batch, "D/latent")
    changed = model.augmentation(batch.x_src, noise[:, 0, SHOWN.index("real")])
    expected = losses.other_domains(model.discriminator(changed), batch.y_src)
    assert float(terms["other"]) == pytest.approx(float(expected), rel=1e-5)
    plain = losses.other_domains(model.discriminator(batch.x_src), batch.y_src)
    assert float(plain) != pytest.approx(float(expected), rel=1e-2)


def test_a_discriminator_without_domains_has_the_logits_of_all():
    batch, model = make_batch(1), model_with()
    every = model.discriminator(batch.x_src).numpy()
    for k in range(every.shape[1]):
        of_k = model.discriminator(batch.x_src, np.full(len(every), k))
        np.testing.assert_array_equal(every[:, k], of_k)


def trained(iterations: int, **settings) -> tuple[list[np.ndarray], dict]:
    """The networks after compiled iterations by SGD, and the last losses."""
    model = model_with(**settings)
    model.compile({name: keras.optimizers.SGD(1e-3) for name in NETWORKS})
    step = tf.function(
        model.train_step, autograph=False, jit_compile=settings.get("jit", False)
    )
    for seed in range(iterations):
        logs = step(make_batch(seed))
    networks = (getattr(model, name) for name in NETWORKS)
    return [x for network in networks for x in arrays(network)], numbers(logs)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"jit": True}, {"accumulate": 3}])
@pytest.mark.parametrize(
    "recipe",
    [{"r1_every": 2}, {"lambda_other": 1.0, "r1_every": 2}, {"residual": True}],
    ids=["lazy R1", "other and lazy R1", "residual"],
)
def test_a_recipe_trains_alike_in_parts_and_with_xla(recipe, settings):
    weights, logs = trained(3, **recipe)
    found, found_logs = trained(3, **recipe, **settings)
    assert found_logs == pytest.approx(logs, rel=1e-3, abs=1e-5)
    for x, y in zip(found, weights, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=5e-6)
