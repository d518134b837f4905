"""Where training runs: one device, several, several machines, or a TPU.

The weights change in the same way everywhere. Every replica gets a part of the batch
(`data/stream.py`), and gradients are summed over the replicas.
"""

import json
import os
from typing import Any

import tensorflow as tf

from tfstargan.config import Config
from tfstargan.errors import UserError


class Workers(tf.distribute.MultiWorkerMirroredStrategy):
    """Several machines, each with its TF_CONFIG; `reduce` works with Keras' `fit`.

    Keras asks for the mean of nested tensors, which TensorFlow's `reduce` does not
    support here, and for the mean of logs along their first axis, which a scalar lacks.
    """

    def reduce(self, reduce_op: Any, value: Any, axis: int | None = None) -> Any:
        """Every tensor reduced over the replicas and, except for scalars, an axis."""

        def reduced(leaf: Any) -> Any:
            scalar = self.experimental_local_results(leaf)[0].shape.rank == 0
            along = None if scalar else axis
            return tf.distribute.Strategy.reduce(self, reduce_op, leaf, along)

        return tf.nest.map_structure(reduced, value)


def choose_strategy(config: Config) -> tf.distribute.Strategy:
    """The strategy to train with: on a TPU, on TF_CONFIG's workers, or on this machine.

    Call it before TensorFlow computes anything, or workers can't be connected.

    Raises:
        UserError: if there are fewer devices than requested, or they can't share the
            batch evenly; if TF_CONFIG is invalid; if the TPU can't be reached.
    """
    if config.tpu:
        strategy = connect_tpu(config.tpu)
    elif count_workers() > 1:
        if config.replicas:
            raise UserError(
                "--replicas: workers of TF_CONFIG use all their devices; omit it"
            )
        if config.patience:  # only the chief evaluates, and can't end the others
            raise UserError("--patience: works without TF_CONFIG only; omit it")
        strategy = Workers()
    else:
        strategy = on_devices(choose_devices(config.replicas))
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % (replicas * config.accumulate):
        raise UserError(
            f"--batch_size={config.batch_size}: must be a multiple of the {replicas} "
            "replicas (one for each GPU or TPU core, or as --replicas says) times "
            "--accumulate"
        )
    return strategy


def count_workers() -> int:
    """The number of workers that TF_CONFIG names; 0 if it is not set."""
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        cluster = json.loads(text).get("cluster", {})
        return sum(len(cluster.get(kind, [])) for kind in ("chief", "worker"))
    except (json.JSONDecodeError, AttributeError, TypeError) as error:
        raise UserError(
            f"TF_CONFIG: not in the format of tf.distribute ({error})"
        ) from error


def connect_tpu(name: str) -> tf.distribute.Strategy:
    """The strategy for an initialized TPU, given its name or "local"."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        if name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, OSError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"--tpu={name}: can't be reached ({reason})") from error
    return tf.distribute.TPUStrategy(resolver)


def devices_here() -> list[str]:
    """The names of this machine's GPUs, or of its CPU if it has none."""
    gpus = tf.config.list_logical_devices("GPU")
    return [device.name for device in gpus or tf.config.list_logical_devices("CPU")]


def choose_devices(replicas: int) -> list[str]:
    """The names of the devices to train on; 0: all GPUs, or the CPU.

    Raises:
        UserError: if the machine has fewer.
    """
    devices = devices_here()
    if replicas > len(devices):
        raise UserError(f"--replicas={replicas}: this machine has {len(devices)}")
    gpus = len(tf.config.list_logical_devices("GPU"))
    return devices[: replicas or max(gpus, 1)]


def on_devices(devices: list[str]) -> tf.distribute.Strategy:
    """The strategy that trains on the devices together.

    For one device it is TensorFlow's default strategy. A MirroredStrategy would compute
    the same, but with XLA on a CPU an iteration took 1.8 times as long.
    """
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(devices)


def describe(strategy: tf.distribute.Strategy) -> str:
    """The replicas in one line, such as "GPU:0, GPU:1"."""
    if isinstance(strategy, Workers):
        resolver = strategy.cluster_resolver
        return (
            f"{strategy.num_replicas_in_sync} replicas of {count_workers()} workers; "
            f"this is {resolver.task_type} {resolver.task_id}"
        )
    if strategy is tf.distribute.get_strategy():  # the default: one device
        names = devices_here()[:1]
    else:
        names = list(strategy.extended.worker_devices)
    return ", ".join(name.rpartition("device:")[2] for name in names)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run directory; exactly one does."""
    if not isinstance(strategy, Workers):
        return True
    resolver = strategy.cluster_resolver
    no_chief = "chief" not in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (no_chief and resolver.task_id == 0)


def agree(strategy: tf.distribute.Strategy, value: int) -> bool:
    """Whether all workers have the same value; waits until all have called it."""
    if not isinstance(strategy, Workers):
        return True

    @tf.function(autograph=False)
    def mine() -> Any:
        return strategy.run(tf.constant, args=([value],))

    return bool((strategy.gather(mine(), axis=0).numpy() == value).all())
