"""The four updates and their wiring, averages, diversity decay, files, resuming."""

import dataclasses
import pathlib
import shutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny

from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.data.stream import batches, open_images
from tfstargan.errors import UserError
from tfstargan.networks.build import AVERAGED, NETWORKS
from tfstargan.networks.layers import pick_logits
from tfstargan.runs.run import Run, open_run
from tfstargan.training import stargan
from tfstargan.training.loop import train_run
from tfstargan.training.optimizer import Adam
from tfstargan.training.stargan import StarGANv2
from tfstargan.training.step import Sources

# What the paper says each update changes, in its order.
CHANGES = {
    "D/latent": {"discriminator"},
    "D/reference": {"discriminator"},
    "G/latent": {"generator", "mapping_network", "style_encoder"},
    "G/reference": {"generator"},
}
# What each update learns from.
USES = {
    "D/latent": {"x_src", "y_src", "y_trg", "z"},
    "D/reference": {"x_src", "y_src", "y_trg", "x_ref"},
    "G/latent": {"x_src", "y_src", "y_trg", "z", "z2"},
    "G/reference": {"x_src", "y_src", "y_trg", "x_ref", "x_ref2"},
}
CONFIG = tiny(
    batch_size=3,
    learning_rate=1e-3,
    mapping_learning_rate=2e-3,
    lambda_reg=2.0,
    lambda_sty=3.0,
    lambda_ds=4.0,
    lambda_cyc=5.0,
    ds_iterations=8,
    ema_decay=0.9,
)


def make_batch(seed: int) -> Batch:
    """Noise of three images; of domain 2 no target."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(-1, 1, (3, 3, 32, 32, 3)).astype(np.float32)
    latents = rng.standard_normal((2, 3, 5), np.float32)
    domains = np.array([[0, 1, 2], [1, 0, 1]], np.int32)
    return Batch(
        x_src=tf.constant(images[0]),
        y_src=tf.constant(domains[0]),
        x_ref=tf.constant(images[1]),
        x_ref2=tf.constant(images[2]),
        y_trg=tf.constant(domains[1]),
        z=tf.constant(latents[0]),
        z2=tf.constant(latents[1]),
    )


def make_model(config: Any = CONFIG, seed: int = 0) -> StarGANv2:
    keras.utils.set_random_seed(seed)
    model = StarGANv2(config)
    model.compile()
    return model


def state(model: StarGANv2) -> list[Any]:
    """Every variable there is."""
    optimizers = model.optimizers.values()
    return [*model.variables, *(v for o in optimizers for v in o.variables)]


def arrays(of: Any) -> list[np.ndarray]:
    """The values of variables, or of a network's."""
    of = of.weights if isinstance(of, keras.Model) else of
    return [tf.convert_to_tensor(v.value).numpy() for v in of]


def assert_same(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def numbers(logs: dict) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}


@pytest.fixture(scope="module")
def shared() -> tuple[StarGANv2, list[np.ndarray]]:
    """A model one iteration old, and its state."""
    model = make_model()
    model.train_step(make_batch(0))
    return model, arrays(state(model))


def lend(model: StarGANv2, values: list[np.ndarray]) -> Iterator[StarGANv2]:
    """Yield a model that may be changed, and give it its state again."""
    yield model
    for variable, value in zip(state(model), values, strict=True):
        variable.assign(value)


@pytest.fixture
def model(shared) -> Iterator[StarGANv2]:
    """A model one iteration old, which the test may change."""
    yield from lend(*shared)


@pytest.fixture
def batch() -> Batch:
    return make_batch(1)


def loss_of(model: StarGANv2, batch: Batch, update: str) -> tuple[Any, dict]:
    return model.update_loss(update, Sources(model, batch))


def only(monkeypatch: pytest.MonkeyPatch, *updates: str) -> None:
    """Let iterations have these updates alone."""
    chosen = {update: stargan.UPDATES[update] for update in updates}
    monkeypatch.setattr(stargan, "UPDATES", chosen)


def test_the_updates_are_the_paper_s_in_its_order():
    assert list(stargan.UPDATES) == list(CHANGES)


@pytest.mark.parametrize("update", CHANGES)
def test_an_update_changes_all_of_its_networks_and_no_other(
    model, batch, monkeypatch, update
):
    only(monkeypatch, update)
    before = {name: arrays(getattr(model, name)) for name in NETWORKS}
    model.train_step(batch)
    for name in NETWORKS:
        after = arrays(getattr(model, name))
        moved = [(x != y).any() for x, y in zip(before[name], after, strict=True)]
        assert moved == [name in CHANGES[update]] * len(moved), name


@pytest.mark.parametrize("update", CHANGES)
def test_every_variable_of_an_update_has_a_gradient(model, batch, update):
    gradients, _ = model.gradients(batch, update)
    assert set(gradients) == CHANGES[update]
    for name, values in gradients.items():
        variables = getattr(model, name).trainable_variables
        for gradient, variable in zip(values, variables, strict=True):
            assert gradient.shape == variable.shape
            assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_each_update_sees_the_weights_that_the_one_before_left(
    model, batch, monkeypatch
):
    start = arrays(state(model))
    whole = numbers(model.train_step(batch))
    updates = list(CHANGES)
    for i, update in enumerate(updates):
        for variable, value in zip(state(model), start, strict=True):
            variable.assign(value)
        _, at_start = model.gradients(batch, update)
        with monkeypatch.context() as patch:
            only(patch, *updates[:i])
            model.train_step(batch)
            model.iteration.assign_sub(1)  # for lambda_ds
        _, now = model.gradients(batch, update)
        loss = whole[f"{update}/loss"]
        np.testing.assert_allclose(now["loss"], loss, rtol=1e-5)
        if i:
            assert abs(float(at_start["loss"]) / loss - 1) > 1e-4


def test_an_iteration_logs_every_loss_its_terms_and_lambda_ds(model, batch):
    logs = model.train_step(batch)
    terms = {"D": ("loss", "real", "fake", "reg")}
    terms["G"] = ("loss", "adv", "sty", "ds", "cyc")
    expected = {f"{u}/{term}" for u in CHANGES for term in terms[u[0]]}
    left_out = {
        f"left_out/{u}/{network}" for u, names in CHANGES.items() for network in names
    }
    assert set(logs) == expected | left_out | {"lambda_ds"}
    assert not any(logs[name] for name in left_out)
    assert model.iterations_done() == 2


@pytest.mark.parametrize("guide", ["latent", "reference"])
def test_the_discriminator_s_loss_is_adversarial_and_r1(model, batch, guide):
    loss, terms = loss_of(model, batch, f"D/{guide}")
    style = (
        model.mapping_network(batch.z, batch.y_trg)
        if guide == "latent"
        else model.style_encoder(batch.x_ref, batch.y_trg)
    )
    with tf.GradientTape() as tape:
        tape.watch(batch.x_src)
        logits = model.discriminator(batch.x_src, batch.y_src)
        total = tf.reduce_sum(logits)
    slopes = tape.gradient(total, batch.x_src).numpy()
    x_fake = model.generator(batch.x_src, style)
    fakes = model.discriminator(x_fake, batch.y_trg).numpy()
    expected = {
        "real": np.mean(np.log1p(np.exp(-logits.numpy()))),
        "fake": np.mean(np.log1p(np.exp(fakes))),
        "reg": np.sum(slopes**2) / 2 / 3,
    }
    assert numbers(terms) == pytest.approx(expected, rel=1e-4)
    total = expected["real"] + expected["fake"] + 2 * expected["reg"]
    assert float(loss) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("guide", ["latent", "reference"])
def test_the_generator_s_loss_is_the_paper_s_sum_of_four(model, batch, guide):
    model.iteration.assign(2)  # lambda_ds is 4 (1 - 2 / 8)
    loss, terms = loss_of(model, batch, f"G/{guide}")
    network, sources = model.mapping_network, (batch.z, batch.z2)
    if guide == "reference":
        network, sources = model.style_encoder, (batch.x_ref, batch.x_ref2)
    s, s2 = (network(source, batch.y_trg).numpy() for source in sources)
    x_fake = model.generator(batch.x_src, s)
    s_fake = model.style_encoder(x_fake, batch.y_trg)
    s_src = model.style_encoder(batch.x_src, batch.y_src)
    logits = model.discriminator(x_fake, batch.y_trg).numpy()
    expected = {
        "adv": np.mean(np.log1p(np.exp(-logits))),
        "sty": np.mean(np.abs(s_fake - s)),
        "ds": np.mean(np.abs(x_fake - model.generator(batch.x_src, s2))),
        "cyc": np.mean(np.abs(model.generator(x_fake, s_src) - batch.x_src)),
    }
    assert numbers(terms) == pytest.approx(expected, rel=1e-4)
    adv, sty, ds, cyc = expected.values()
    total = adv + 3 * sty - 3 * ds + 5 * cyc
    assert float(loss) == pytest.approx(total, rel=1e-4)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


def test_the_discriminator_s_loss_is_a_function_of_arrays():
    rng = np.random.default_rng(0)
    batch = Batch(*map(np.array, make_batch(1)))
    x_fake = rng.uniform(-1, 1, batch.x_src.shape).astype(np.float32)
    w = rng.normal(0, 0.02, (3, *batch.x_src.shape[1:])).astype(np.float32)

    def logits(_, shown, x, y=None):
        every = tf.einsum("bhwc,khwc->bk", x, w)
        return every if y is None else pick_logits(every, y)

    linear = SimpleNamespace(config=CONFIG, augmentation=None, logits=logits)
    linear.real_logits = lambda batch: StarGANv2.real_logits(linear, batch)
    loss, terms = StarGANv2.discriminator_loss(linear, batch, x_fake)
    real_logits = (batch.x_src * w[batch.y_src]).sum((1, 2, 3))
    fake_logits = (x_fake * w[batch.y_trg]).sum((1, 2, 3))
    expected = {
        "real": softplus(-real_logits).mean(),
        "fake": softplus(fake_logits).mean(),
        "reg": (w[batch.y_src] ** 2).sum((1, 2, 3)).mean() / 2,
    }
    assert numbers(terms) == pytest.approx(expected, rel=1e-5)
    total = expected["real"] + expected["fake"] + CONFIG.lambda_reg * expected["reg"]
    assert float(loss) == pytest.approx(total, rel=1e-5)


def test_the_generator_s_loss_is_a_function_of_arrays():
    rng = np.random.default_rng(0)
    batch = Batch(*map(np.array, make_batch(1)))
    x_fake, x_fake2 = rng.uniform(-1, 1, (2, *batch.x_src.shape)).astype(np.float32)
    style = rng.normal(size=(3, 3)).astype(np.float32)
    simple = SimpleNamespace(
        config=CONFIG,
        generator=lambda x, s, masks: x * s[:, None, None] + masks,
        style_encoder=lambda x, y: x[:, 5, 7] * tf.cast(y + 1, "float32")[:, None],
        logits=lambda _, shown, x, y: x[:, 3, 4, 0] - tf.cast(y, "float32"),
        masks=lambda x: 0.25 * x,
        lambda_ds=lambda: 1.5,
    )
    loss, terms = StarGANv2.generator_loss(simple, batch, style, x_fake, x_fake2)
    s_src = batch.x_src[:, 5, 7] * (batch.y_src + 1)[:, None]
    s_fake = x_fake[:, 5, 7] * (batch.y_trg + 1)[:, None]
    x_rec = x_fake * s_src[:, None, None] + 0.25 * x_fake
    expected = {
        "adv": softplus(batch.y_trg - x_fake[:, 3, 4, 0]).mean(),
        "sty": np.abs(s_fake - style).mean(),
        "ds": np.abs(x_fake - x_fake2).mean(),
        "cyc": np.abs(x_rec - batch.x_src).mean(),
    }
    assert numbers(terms) == pytest.approx(expected, rel=1e-5)
    adv, sty, ds, cyc = expected.values()
    total = adv + CONFIG.lambda_sty * sty - 1.5 * ds + CONFIG.lambda_cyc * cyc
    assert float(loss) == pytest.approx(total, rel=1e-5)


def test_losses_take_arrays_as_they_take_tensors(model, batch):
    arrays = Batch(*map(np.array, batch))
    style = model.style(batch, "latent")
    x_fake, x_fake2 = (model.generator(batch.x_src, s) for s in (style, 1 - style))
    for expected, found in (
        (
            model.discriminator_loss(batch, x_fake),
            model.discriminator_loss(arrays, x_fake.numpy()),
        ),
        (
            model.generator_loss(batch, style, x_fake, x_fake2),
            model.generator_loss(
                arrays, style.numpy(), x_fake.numpy(), x_fake2.numpy()
            ),
        ),
    ):
        assert float(found[0]) == pytest.approx(float(expected[0]), rel=1e-6)
        assert numbers(found[1]) == pytest.approx(numbers(expected[1]), rel=1e-6)


def test_r1_is_per_image_and_so_the_same_for_a_batch_twice_over(model, batch):
    twice = Batch(*(tf.concat([value, value], axis=0) for value in batch))
    _, once = loss_of(model, batch, "D/latent")
    _, terms = loss_of(model, twice, "D/latent")
    assert float(terms["reg"]) == pytest.approx(float(once["reg"]), rel=1e-4)


@pytest.mark.parametrize("update", CHANGES)
def test_an_update_uses_its_own_inputs_and_no_other(model, batch, update):
    loss = float(loss_of(model, batch, update)[0])
    others = make_batch(2)._replace(
        y_src=tf.constant([1, 2, 0]), y_trg=tf.constant([2, 1, 0])
    )
    unused = {name: getattr(others, name) for name in set(Batch._fields) - USES[update]}
    assert float(loss_of(model, batch._replace(**unused), update)[0]) == loss
    for name in USES[update]:
        changed = batch._replace(**{name: getattr(others, name)})
        assert abs(float(loss_of(model, changed, update)[0]) / loss - 1) > 1e-6, name


def test_the_discriminator_s_loss_has_no_gradient_for_the_fakes_styles(model, batch):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([batch.z, batch.x_ref])
        latent, _ = loss_of(model, batch, "D/latent")
        reference, _ = loss_of(model, batch, "D/reference")
    assert tape.gradient(latent, batch.z) is None
    assert tape.gradient(reference, batch.x_ref) is None


def test_only_the_first_fake_moves_away_from_the_second(model, batch):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([batch.z, batch.z2])
        _, terms = loss_of(model, batch, "G/latent")
    assert tape.gradient(terms["ds"], batch.z2) is None
    assert np.abs(tape.gradient(terms["ds"], batch.z)).max() > 0


def test_averages_start_as_copies_of_their_own():
    model = StarGANv2(CONFIG)
    assert set(model.averages) == set(AVERAGED)
    for name, average in model.averages.items():
        network = getattr(model, name)
        assert_same(arrays(average), arrays(network))
        assert not {id(v) for v in average.weights} & {id(v) for v in network.weights}


def test_averages_move_towards_the_new_weights(model, batch):
    before = {name: arrays(average) for name, average in model.averages.items()}
    model.train_step(batch)
    for name, average in model.averages.items():
        weights = arrays(getattr(model, name))
        for old, weight, new in zip(
            before[name], weights, arrays(average), strict=True
        ):
            expected = 0.9 * old.astype(np.float64) + 0.1 * weight
            np.testing.assert_allclose(new, expected, rtol=0, atol=1e-6)
            assert (new != old).any()


def test_without_decay_averages_copy(model, batch, monkeypatch):
    config = dataclasses.replace(CONFIG, ema_decay=0.0)
    monkeypatch.setattr(model, "config", config)
    model.train_step(batch)
    for name, average in model.averages.items():
        for weight, copy in zip(
            arrays(getattr(model, name)), arrays(average), strict=True
        ):
            # a step of the whole difference, which is rounded
            np.testing.assert_allclose(copy, weight, rtol=1e-6, atol=1e-7)


def test_averages_are_not_trained(model):
    own = {id(v) for name in NETWORKS for v in getattr(model, name).weights}
    assert {id(v) for v in model.trainable_variables} == own


def test_a_small_step_of_an_average_is_not_lost_in_rounding(model, monkeypatch):
    # the other way of writing it, d * average + (1 - d) * weight, drifts: d is rounded
    config = dataclasses.replace(CONFIG, ema_decay=0.999)
    monkeypatch.setattr(model, "config", config)
    only(monkeypatch)
    for name, average in model.averages.items():
        average.set_weights(getattr(model, name).get_weights())
    before = arrays(model.averages["generator"])
    for seed in range(3):
        model.train_step(make_batch(seed))
    assert_same(arrays(model.averages["generator"]), before)


def test_lambda_ds_falls_linearly_to_zero_and_stays(model):
    found = []
    for iteration in (0, 1, 4, 7, 8, 9, 1000):
        model.iteration.assign(iteration)
        found.append(float(model.lambda_ds()))
    np.testing.assert_allclose(found, [4, 3.5, 2, 0.5, 0, 0, 0], rtol=1e-6)


def test_learning_rates_stay_unless_they_are_to_fall_in_the_last_part(batch):
    rates = {"learning_rate": 0.5, "mapping_learning_rate": 0.25}
    assert not StarGANv2(tiny(**rates)).scheduled_rates()
    model = StarGANv2(tiny(**rates, iterations=10, decay_share=0.4))
    model.compile()
    found = []
    for iteration in (0, 6, 7, 9, 10, 11):
        model.iteration.assign(iteration)
        found.append(float(model.scheduled_rates()["generator"]))
    np.testing.assert_allclose(found, [0.5, 0.5, 0.375, 0.125, 0, 0], atol=1e-6)
    model.iteration.assign(8)
    model.train_step(batch)
    used = {n: float(o.learning_rate) for n, o in model.optimizers.items()}
    expected = dict.fromkeys(NETWORKS, 0.25) | {"mapping_network": 0.125}
    assert used == pytest.approx(expected, rel=1e-5)


def test_the_first_iteration_has_the_whole_lambda_ds_and_the_next_less(
    model, batch, monkeypatch
):
    only(monkeypatch)
    model.iteration.assign(0)
    logged = [float(model.train_step(batch)["lambda_ds"]) for _ in range(3)]
    np.testing.assert_allclose(logged, [4, 3.5, 3], rtol=1e-6)


def test_it_translates_with_the_averaged_generator(model, batch):
    style = tf.constant(np.linspace(-1, 1, 18, dtype=np.float32).reshape(3, 6))
    images = model(batch.x_src, style)
    averaged = model.averages["generator"](batch.x_src, style)
    np.testing.assert_array_equal(images, averaged)
    trained = model.generator(batch.x_src, style)
    assert np.abs(images - trained).max() > 1e-4


def test_the_optimizers_have_the_settings_of_the_configuration():
    settings = {"beta1": 0.25, "beta2": 0.5}
    config = tiny(
        learning_rate=0.5, mapping_learning_rate=0.125, weight_decay=0.75, **settings
    )
    model = StarGANv2(config)
    model.compile()
    assert set(model.optimizers) == set(NETWORKS)
    for name, optimizer in model.optimizers.items():
        assert isinstance(optimizer, Adam)
        found = optimizer.get_config()
        rate = 0.125 if name == "mapping_network" else 0.5
        expected = settings | {"l2": 0.75, "learning_rate": rate, "epsilon": 1e-8}
        assert found | expected == found, name


def test_given_optimizers_are_used(batch, monkeypatch):
    only(monkeypatch, "G/latent")
    model = StarGANv2(CONFIG)
    rates = dict.fromkeys(NETWORKS, 0.0) | {"style_encoder": 0.5}
    model.compile({name: keras.optimizers.SGD(rate) for name, rate in rates.items()})
    before = {name: arrays(getattr(model, name)) for name in NETWORKS}
    (gradients, _) = model.gradients(batch, "G/latent")
    model.train_step(batch)
    assert_same(arrays(model.generator), before["generator"])
    for old, gradient, new in zip(
        before["style_encoder"],
        gradients["style_encoder"],
        arrays(model.style_encoder),
        strict=True,
    ):
        np.testing.assert_allclose(new, old - 0.5 * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [(("adam",), {}), ((), {"optimizer": "adam"}), ((keras.optimizers.SGD(),), {})],
)
def test_one_optimizer_for_all_networks_is_refused(model, arguments, settings):
    with pytest.raises(
        UserError, match=r"compile\(optimizers=\{network: optimizer\}\)"
    ):
        model.compile(*arguments, **settings)


def test_optimizers_of_some_networks_alone_are_refused(model):
    with pytest.raises(UserError, match=r"for critic: .* generator, mapping_network"):
        model.compile({"critic": keras.optimizers.SGD()})


def test_what_keras_models_have_beside_training_says_what_to_use(model, batch):
    with pytest.raises(UserError, match=r"tfstargan\.Translator.*translate"):
        model.predict(batch.x_src)
    with pytest.raises(UserError, match=r"use tfstargan\.evaluate_run"):
        model.evaluate(batch.x_src)
    with pytest.raises(UserError, match=r"use config\.with_domains\(data\)"):
        StarGANv2(Config())


def test_xla_is_asked_for_by_the_configuration_or_the_call():
    model = StarGANv2(tiny(jit=True))
    model.compile()
    assert model.jit_compile is True
    model.compile(jit_compile=False)
    assert model.jit_compile is False


def test_a_saved_model_is_the_same_and_trains_on_the_same(model, batch, tmp_path):
    model.save(tmp_path / "model.keras")
    twin = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(twin, StarGANv2)
    assert twin.config == model.config
    style = tf.ones((3, 6))
    np.testing.assert_array_equal(twin(batch.x_src, style), model(batch.x_src, style))
    assert_same(arrays(state(twin)), arrays(state(model)))
    assert int(twin.optimizers["generator"].iterations) == 2
    logs, twin_logs = (numbers(m.train_step(batch)) for m in (model, twin))
    assert twin_logs == logs
    assert_same(arrays(state(twin)), arrays(state(model)))


def test_a_saved_model_keeps_the_optimizers_it_was_compiled_with(tmp_path):
    model = StarGANv2(CONFIG)
    rates = {name: 0.5**i for i, name in enumerate(NETWORKS)}
    model.compile({name: keras.optimizers.SGD(rate) for name, rate in rates.items()})
    model.save(tmp_path / "model.keras")
    twin = keras.models.load_model(tmp_path / "model.keras")
    for name, rate in rates.items():
        assert isinstance(twin.optimizers[name], keras.optimizers.SGD)
        assert float(twin.optimizers[name].learning_rate) == rate


@pytest.mark.slow
def test_a_checkpoint_holds_all_that_training_needs(model, tmp_path):
    run = Run(tmp_path, CONFIG)
    batches = [make_batch(seed) for seed in range(1, 4)]
    model.train_step(batches[0])
    run.save(model)
    unbroken = [numbers(model.train_step(batch)) for batch in batches[1:]]
    resumed = make_model(seed=99)
    run.load(resumed)
    assert resumed.iterations_done() == 2
    assert [numbers(resumed.train_step(batch)) for batch in batches[1:]] == unbroken
    assert_same(arrays(state(resumed)), arrays(state(model)))


def contents(file: pathlib.Path) -> dict[str, np.ndarray]:
    """Every array of a checkpoint."""
    found = {}

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(file) as checkpoint:
        checkpoint.visititems(add)
    return found


def as_before_version_2(path: pathlib.Path, wrapped: tuple[str, ...]) -> None:
    """Name the optimizers in a checkpoint by their classes; `wrapped` have a scale."""
    numbers: dict[str, int] = {}
    with h5py.File(path, "r+") as file:
        for network in NETWORKS:
            kind = "loss_scale_optimizer" if network in wrapped else "adam"
            number = numbers[kind] = numbers.get(kind, -1) + 1
            group = f"optimizers/{kind}" + (f"_{number}" if number else "")
            inner = f"{group}/inner_optimizer" if network in wrapped else group
            for name in [n for n in file["vars"] if n.startswith(network)]:
                key = name.rsplit(".")[-1]
                own = {"step_counter": "2", "dynamic_scale": "3"}.get(key)
                place = f"{inner}/vars/{key}" if own is None else f"{group}/vars/{own}"
                file.move(f"vars/{name}", f"/{place}")


def moments(model: StarGANv2) -> dict[str, np.ndarray]:
    """The variables of the optimizers, without loss scales."""
    return {
        f"{name} {i}": np.array(v)
        for name, optimizer in model.optimizers.items()
        for i, v in enumerate(
            getattr(optimizer, "inner_optimizer", optimizer).variables
        )
    }


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True])
def test_every_precision_resumes_from_every_other_with_its_moments(tmp_path, old):
    precisions = ("float32", "mixed_float16")  # bfloat16's optimizers are float32's
    for before in precisions:
        model = make_model(dataclasses.replace(CONFIG, precision=before))
        for optimizer in model.optimizers.values():
            for i, variable in enumerate(optimizer.variables):
                variable.assign(tf.cast(tf.fill(variable.shape, i + 3), variable.dtype))
        path = tmp_path / f"{before}.weights.h5"
        model.save_weights(path)
        if old:
            as_before_version_2(path, AVERAGED if "16" in before else ())
        for after in precisions:
            resumed = make_model(dataclasses.replace(CONFIG, precision=after))
            resumed.load_weights(path)
            found, expected = moments(resumed), moments(model)
            assert found.keys() == expected.keys()
            for name, array in expected.items():
                np.testing.assert_array_equal(found[name], array, name)
            if before == after == "mixed_float16":
                scale, wanted = (m.optimizers["generator"] for m in (resumed, model))
                assert float(scale.dynamic_scale) == float(wanted.dynamic_scale)
                assert int(scale.step_counter) == int(wanted.step_counter)


def test_a_checkpoint_with_half_of_an_optimizer_is_refused(model, tmp_path):
    run = Run(tmp_path, CONFIG)
    run.save(model)
    path = run.checkpoint()
    with h5py.File(path, "r+") as file:
        del file["vars/generator.optimizer.7"]
    path.with_name(path.name + ".sha256").unlink()
    with pytest.raises(UserError, match="optimizer of the generator is incomplete"):
        Run(tmp_path, CONFIG).load(make_model())


def test_a_resumed_run_takes_the_rates_of_now(run_dir, tmp_path, monkeypatch):
    shutil.copytree(run_dir, tmp_path / "run")
    rates = {}

    def fit(model: StarGANv2, *_: Any, **__: Any) -> None:
        rates.update({n: float(o.learning_rate) for n, o in model.optimizers.items()})

    monkeypatch.setattr(StarGANv2, "fit", fit)
    config = tiny(iterations=4, learning_rate=0.5, mapping_learning_rate=0.25)
    train_run(config, tmp_path / "run")
    assert rates.pop("mapping_network") == 0.25
    assert set(rates.values()) == {0.5}


@pytest.mark.slow
def test_training_in_two_parts_ends_where_training_at_once_does(tmp_path):
    for part, iterations in (("parts", 2), ("parts", 3), ("whole", 3)):
        config = tiny(iterations=iterations)
        train_run(config, tmp_path / part, draw=lambda *_: {})
    parts, whole = (
        contents(open_run(str(tmp_path / part)).checkpoint(3))
        for part in ("parts", "whole")
    )
    assert parts.keys() == whole.keys()
    assert len(whole) > 300
    for name, array in whole.items():
        np.testing.assert_array_equal(parts[name], array, name)


def trained(batch: Batch, **settings: object) -> tuple[list[np.ndarray], dict]:
    """The networks after one compiled iteration by SGD, and the losses.

    Adam would make a whole step of the sign of a gradient that only rounding has.
    """
    model = make_model(dataclasses.replace(CONFIG, **settings))
    model.compile({name: keras.optimizers.SGD(1e-2) for name in NETWORKS})
    logs = tf.function(model.train_step, autograph=False)(batch)  # as in `fit`
    networks = (getattr(model, name) for name in NETWORKS)
    return [x for network in networks for x in arrays(network)], numbers(logs)


@pytest.fixture(scope="module")
def plainly_trained() -> tuple[list[np.ndarray], dict]:
    """The result of `trained` with the plain settings."""
    return trained(make_batch(3))


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"recompute": True}, {"accumulate": 3}])
def test_saving_memory_changes_no_iteration(plainly_trained, settings):
    weights, logs = plainly_trained
    found, found_logs = trained(make_batch(3), **settings)
    assert found_logs == pytest.approx(logs, rel=1e-4)
    for x, y in zip(found, weights, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=2e-6)


def history(precision: str) -> dict[str, np.ndarray]:
    """Every loss of 200 iterations on drawn animals."""
    config = tiny(
        precision=precision,
        critters_per_domain=50,
        channel_base=256,  # narrow: on a processor float16 is emulated
        channel_max=16,
        batch_size=2,
        iterations=200,
        ds_iterations=200,
        learning_rate=1e-3,
        mapping_learning_rate=1e-4,
    )
    model = make_model(config)
    recorded: list[dict] = []
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: recorded.append(numbers(logs))
    )
    data = batches(open_images(config, "train"), config)
    model.fit(data, verbose=0, shuffle=False, callbacks=[keep])
    assert len(recorded) == 200
    return {
        name: np.array([values[name] for values in recorded]) for name in recorded[0]
    }


@pytest.fixture(scope="module")
def in_float32() -> dict[str, np.ndarray]:
    """The losses that half precision should stay close to."""
    return history("float32")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_learns_as_float32_does(in_float32, precision):
    found = history(precision)
    for name, values in found.items():
        assert np.isfinite(values).all(), name
    # The adversarial losses swing, and no two roundings swing alike; what is learned of
    # the images is the same: within a tenth, with so few and small images.
    for name in ("G/latent/cyc", "G/reference/cyc"):
        last, expected = found[name][-50:].mean(), in_float32[name][-50:].mean()
        assert last == pytest.approx(expected, rel=0.1)
        assert last < found[name][:10].mean() / 2
