"""What training prints at its start: devices, sizes, memory, and what to do."""

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


def say_impatience(run: Run) -> None:
    """Print why a run ended early, and where its best checkpoint is."""
    best = run.best()
    if best is not None:
        say(
            f"{run.path}: {best.measure} was best at iteration {best.iteration:,}, and "
            f"not better in {run.config.patience} evaluations since: ended. Use "
            "--checkpoint=best; to continue, raise --patience"
        )


def warn_of_gpus(config: Config) -> None:
    """Print a line if a GPU is here that TensorFlow can't use."""
    if not config.tpu and (line := gpus.warning()):
        say(line)


def announce(run: Run, model: StarGANv2, strategy: tf.distribute.Strategy) -> None:
    """Print what will be trained, where, and how to stop and resume it."""
    start, end = model.iterations_done(), run.config.iterations
    say(f"run: {run.path}")
    say(f"iterations: {start:,} to {end:,}")
    say(describe(model, strategy))
    if warning := memory.advice(run.config):
        say(warning)
    compiling = "20 s" if run.config.jit else "10 s"
    say(f"the first iteration compiles the training step: about {compiling} on a CPU")
    say(
        f"checkpoints: every {run.config.save_every:,} iterations, and on Ctrl-C; run "
        "the same command again to resume"
    )


def describe(model: StarGANv2, strategy: tf.distribute.Strategy) -> str:
    """Devices, numbers of parameters, and the memory needed: a line each."""
    counts = {name: getattr(model, name).count_params() for name in NETWORKS}
    each = (f"{name.replace('_', ' ')} {n:,}" for name, n in counts.items())
    needed = memory.estimate(model, strategy.num_replicas_in_sync) / 1e9
    return (
        f"devices: {distribution.describe(strategy)}\n"
        f"parameters: {sum(counts.values()):,} ({', '.join(each)})\n"
        f"memory: about {needed:.2f} GB on each device, besides TensorFlow's own"
    )
