"""Many devices train as one does: Keras sums gradients over replicas."""

import concurrent.futures
import functools
import multiprocessing

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny

from tfstargan.data.batch import NOISE, SHOWN, UPDATES, Batch
from tfstargan.networks.build import AVERAGED, NETWORKS
from tfstargan.reference import parameters
from tfstargan.training import stargan
from tfstargan.training.stargan import StarGANv2

ITERATIONS = 3
BATCH = 4
SAVING = {"accumulate": 2, "recompute": True}  # memory; the results are the same


def stream() -> tf.data.Dataset:
    """A few batches of noise, the same each time.

    Drawn animals would not do: in their flat areas thousands of pixels are equal, and
    where rounding turns the sign of one, in a LeakyReLU or an L1, it turns all.
    """
    rng = np.random.default_rng(0)
    count = BATCH * ITERATIONS
    images = rng.uniform(-1, 1, (3, count, 32, 32, 3)).astype(np.float32)
    latents = rng.standard_normal((2, count, 5), np.float32)
    domains = rng.integers(0, 3, (2, count), np.int32)
    whole = Batch(
        x_src=images[0],
        y_src=domains[0],
        x_ref=images[1],
        x_ref2=images[2],
        y_trg=domains[1],
        z=latents[0],
        z2=latents[1],
        noise=rng.random((count, UPDATES, len(SHOWN), NOISE), np.float32),
    )
    return tf.data.Dataset.from_tensor_slices(whole).batch(BATCH, drop_remainder=True)


def weights(model: StarGANv2) -> dict[str, np.ndarray]:
    """{network: all its parameters}, without those that no output shows.

    A norm removes what the generator's biases add to a channel: their gradient is
    zero but for rounding, and Adam makes a whole step of its sign.
    """
    networks = {name: getattr(model, name) for name in NETWORKS}
    networks |= {f"{name} average": model.averages[name] for name in AVERAGED}
    found = {}
    for name, network in networks.items():
        arrays = parameters.to_reference(network)
        if name.startswith("generator"):
            removed = ("conv1.bias", "conv2.bias", "from_rgb.bias")
            arrays = {k: x for k, x in arrays.items() if not k.endswith(removed)}
        found[name] = np.concatenate([x.ravel() for x in arrays.values()])
    return found


@functools.cache
def trained_by_one(sgd: bool, **settings: object) -> tuple[dict, dict, dict]:
    """The result of `trained` with one replica; not to be changed."""
    return trained(1, sgd, **settings)


def trained(replicas: int, sgd: bool, **settings: object) -> tuple[dict, dict, dict]:
    """The weights before and after a few iterations, and the last losses."""
    devices = [d.name for d in tf.config.list_logical_devices("CPU")[:replicas]]
    assert len(devices) == replicas
    keras.utils.set_random_seed(0)
    with tf.distribute.MirroredStrategy(devices).scope():
        # averages that move by so much that float32 resolves it
        model = StarGANv2(tiny(batch_size=BATCH, ema_decay=0.9, **settings))
        optimizers = {name: keras.optimizers.SGD(2e-3) for name in NETWORKS}
        # Several replicas train compiled, as users' do: after eager ones, TensorFlow's
        # collectives mismatch in compiled ones. For one, eager is faster.
        model.compile(optimizers if sgd else None, run_eagerly=replicas == 1)
    before = weights(model)
    logs = model.fit(stream(), verbose=0, shuffle=False).history
    assert model.iterations_done() == ITERATIONS
    return before, weights(model), {name: value[0] for name, value in logs.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sgd", "settings"),
    [
        (False, {}),
        (True, {}),
        (True, {"augment": "diffaugment", "lambda_other": 1.0} | SAVING),
    ],
    ids=["adam", "sgd", "sgd saving memory, with recipes"],
)
def test_two_replicas_train_as_one_with_the_whole_batch(sgd, settings):
    # Adam's steps have one size whatever the gradient's: only SGD shows a wrong scale.
    # With a loss not divided by the replicas, it moves twice as far: `apart` is 1.
    computed_alike = {k: x for k, x in settings.items() if k not in SAVING}
    before, one, logs = trained_by_one(sgd, **computed_alike)
    before_two, two, logs_two = trained(2, sgd, **settings)
    for name in one:
        np.testing.assert_array_equal(before[name], before_two[name])
        moved = np.linalg.norm(one[name] - before[name])
        assert moved > 1e-6 * np.linalg.norm(before[name]), name
        apart = np.linalg.norm(two[name] - one[name]) / moved
        assert apart < 1e-2, name  # 4e-4 at most, with eight seeds and roundings
    assert logs_two == pytest.approx(logs, rel=1e-3)  # means over all images


def updates_with_overflows() -> list[dict[str, tuple[float, bool]]]:
    """Of each network how its loss scale changed, and whether it moved.

    Three updates in float16 on two replicas: as they should be, with an infinite pixel
    in the first replica's part of the batch, and with one in the second's.
    """
    stargan.UPDATES = {"G/latent": stargan.UPDATES["G/latent"]}
    devices = [d.name for d in tf.config.list_logical_devices("CPU")]
    keras.utils.set_random_seed(0)
    with tf.distribute.MirroredStrategy(devices).scope():
        model = StarGANv2(tiny(batch_size=BATCH, precision="mixed_float16"))
        model.compile()

    def scales() -> dict[str, float]:
        each = {name: model.optimizers[name].dynamic_scale for name in AVERAGED}
        return {name: float(tf.convert_to_tensor(x.value)) for name, x in each.items()}

    whole = next(iter(stream()))
    found = []
    for broken in (None, 0, BATCH // 2):
        batch = whole
        if broken is not None:
            x_src = tf.tensor_scatter_nd_update(
                whole.x_src, [[broken, 5, 5, 0]], [float("inf")]
            )
            batch = whole._replace(x_src=x_src)
        before, scale = weights(model), scales()
        model.fit(tf.data.Dataset.from_tensors(batch), verbose=0, shuffle=False)
        after, now = weights(model), scales()
        found.append(
            {
                name: (now[name] / scale[name], (after[name] != before[name]).any())
                for name in AVERAGED
            }
        )
    return found


@pytest.mark.slow
@pytest.mark.process
def test_a_float16_overflow_in_any_replica_lets_all_skip_the_update():
    # In a process of its own: TensorFlow mixes up the collective operations of models
    # that are mirrored one after the other.
    apart = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=apart) as pool:
        whole, *overflows = pool.submit(updates_with_overflows).result()
    assert whole == dict.fromkeys(AVERAGED, (1.0, True))
    assert overflows == [dict.fromkeys(AVERAGED, (0.5, False))] * 2
