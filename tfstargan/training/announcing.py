"""What training prints before it begins: devices, sizes, memory."""

import sys

import tensorflow as tf

from tfstargan.config import Config
from tfstargan.networks.build import NETWORKS
from tfstargan.runs.run import Run
from tfstargan.training import distribution, gpus, memory
from tfstargan.training.stargan import StarGANv2


def say(text: str) -> None:
    """Print a message beside the progress bar."""
    print(text, file=sys.stderr, flush=True)


def warn_of_gpus(config: Config) -> None:
    """Print a line if a GPU is here that TensorFlow can't use."""
    if not config.tpu and (line := gpus.warning()):
        say(line)


def announce(run: Run, model: StarGANv2, strategy: tf.distribute.Strategy) -> None:
    """Print what will be trained, and where."""
    start, end = model.iterations_done(), run.config.iterations
    devices = distribution.describe(strategy)
    say(f"{run.path}: iterations {start} to {end} on {devices}")
    say(describe(model, strategy.num_replicas_in_sync))
    if warning := memory.advice(run.config):
        say(warning)


def describe(model: StarGANv2, replicas: int) -> str:
    """The numbers of parameters, and the memory needed, in two lines."""
    counts = (f"{n} {getattr(model, n).count_params():,}" for n in NETWORKS)
    needed = memory.estimate(model, replicas) / 1e9
    return (
        f"parameters: {', '.join(counts)}\n"
        f"memory: about {needed:.2f} GB on each device, besides TensorFlow's own"
    )
