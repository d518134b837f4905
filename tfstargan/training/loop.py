"""The training of a run: data, model, callbacks, `fit`, interruption, resuming."""

import contextlib
import dataclasses
import os
import pathlib
import re
import sys
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfstargan.config import Config
from tfstargan.data.folder import require_apart
from tfstargan.data.image_set import ImageSet
from tfstargan.data.overlap import overlap
from tfstargan.data.stream import batches, keep_freed_memory, open_images
from tfstargan.errors import UserError
from tfstargan.metrics import probe
from tfstargan.metrics.evaluation import Evaluation
from tfstargan.metrics.instruments import open_default
from tfstargan.metrics.protocol import FULL, QUICK
from tfstargan.networks.build import NETWORKS
from tfstargan.runs.run import Run
from tfstargan.training import distribution, memory
from tfstargan.training.callbacks import (
    Animations,
    Checkpoints,
    Evaluations,
    Probing,
    Progress,
    Samples,
    Scalars,
)
from tfstargan.training.interruption import Interruptions
from tfstargan.training.non_finite import NonFinite
from tfstargan.training.stargan import StarGANv2
from tfstargan.translation.grids import Examples, draw_all
from tfstargan.translation.translator import Translator


def train_run(
    config: Config,
    run_dir: str | os.PathLike,
    model_of: Callable[..., StarGANv2] = StarGANv2,
    draw: Callable[[Translator, Examples], dict[str, np.ndarray]] = draw_all,
) -> Run:
    """Train in a run directory up to `config.iterations`, resuming what is there.

    Args:
        config: its settings.
        run_dir: the run.
        model_of: makes what is trained (``distillation`` has another).
        draw: makes the sample grids, by their names.

    Returns:
        The run.

    Raises:
        UserError: if the data is unfit, the run was begun with other settings, or
            another process trains there.
        KeyboardInterrupt: if it was interrupted; `Preempted`, if by the system. What
            was learned is saved.
    """
    run_dir = pathlib.Path(run_dir)
    strategy = distribution.choose_strategy(config)
    chief = distribution.is_chief(strategy)
    training = open_images(config, "train")
    require_pairs(training)
    config = dataclasses.replace(config, domains=training.domains)
    validation = open_images(config, "val")
    for image_set in (training, validation):
        require_apart(run_dir, image_set, "--run_dir")
    if chief and (copies := overlap(training, validation)):
        say(f"{config.data_dir or config.dataset}: {copies}")
    examples = Examples.choose(validation, config.img_size)
    model = make_model(config, strategy, model_of)
    run = Run(run_dir, config)
    if not run.checkpoints():
        model.load_fan()  # or refuse, before anything is written
    # Or refuse, likewise.
    evaluation = make_evaluation(run) if chief else None
    reader = probe.of_run(config) if chief and config.probe_every else None
    with contextlib.ExitStack() as held:
        writer = tf.summary.create_noop_writer()
        if chief:
            run = held.enter_context(Run.start(run_dir, config))
            writer = tf.summary.create_file_writer(str(run.logs_dir))
            held.callback(writer.close)
        resume(run, model)
        start = model.iterations_done()
        if not distribution.agree(strategy, start):
            raise UserError(
                f"--run_dir={run_dir}: must be one folder, seen by all workers"
            )
        drawing = [
            Samples(run, writer, examples, draw),
            Animations(run, writer, examples),
        ]
        measuring: list[keras.callbacks.Callback] = [
            *([Evaluations(run, writer, evaluation)] if evaluation else []),
            *([Probing(run, writer, reader)] if reader else []),
        ]
        if start < config.iterations:
            announce(run, model, strategy)
            go_on(run, model, strategy, training, writer, drawing, measuring)
        else:
            say(f"{run.path}: already trained for {start} iterations")
            for callback in (*drawing, *measuring) if chief else ():
                # Unless it was interrupted in that.
                callback.set_model(model)
                callback.on_train_begin()
    # A worker that is done waits here while the chief saves: none may leave before.
    distribution.agree(strategy, config.iterations)
    return run


def require_pairs(training: ImageSet) -> None:
    """Raise a UserError if a domain has no two pictures to be references at once."""
    for k, domain in enumerate(training.domains):
        if training.count(k) < 2:
            raise UserError(
                f"domain {domain}: {training.count(k)} picture to train on; diversity "
                "is learned from two references, so every domain needs two at least"
            )


def resume(run: Run, model: StarGANv2) -> None:
    """Give a model the state of the run's newest checkpoint, if there is one."""
    if run.checkpoints():
        run.load(model)
        model.use_configured_rates()  # a checkpoint holds the rates, too


def announce(run: Run, model: StarGANv2, strategy: tf.distribute.Strategy) -> None:
    """Say what will be trained, where."""
    start, end = model.iterations_done(), run.config.iterations
    devices = distribution.describe(strategy)
    say(f"{run.path}: iterations {start} to {end} on {devices}")
    say(describe(model, strategy.num_replicas_in_sync))
    if warning := memory.advice(run.config):
        say(warning)


def go_on(
    run: Run,
    model: StarGANv2,
    strategy: tf.distribute.Strategy,
    training: ImageSet,
    writer: tf.summary.SummaryWriter,
    drawing: Sequence[keras.callbacks.Callback],
    measuring: Sequence[keras.callbacks.Callback],
) -> None:
    """Train to the end; where that is interrupted, save what was learned.

    The chief draws and measures; the other workers only train.
    """
    chief = distribution.is_chief(strategy)
    non_finite = NonFinite(run)
    checkpoints = Checkpoints(run, writer, non_finite)
    with Interruptions(leave=chief) as interruptions:
        callbacks: list[keras.callbacks.Callback] = [non_finite, interruptions]
        if chief:
            shown = [
                Progress(run.config.iterations),
                Scalars(writer, run.config.log_every),
            ]
            callbacks = [*shown, *callbacks, *drawing, checkpoints, *measuring]
        try:
            fit(model, strategy, training, run.config, callbacks)
        except KeyboardInterrupt:
            if chief and not non_finite.in_a_row:  # else back to the one before
                checkpoints.save()
                say(f"\nsaved iteration {model.iterations_done()}")
            raise
        except UserError as error:
            if interruptions.wanted and not chief:  # which has left, as was wanted
                raise interruptions.wanted from error
            raise


def fit(
    model: StarGANv2,
    strategy: tf.distribute.Strategy,
    training: ImageSet,
    config: Config,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train a model on from its iteration to `config.iterations`.

    Raises:
        UserError: if TensorFlow stops; says why.
    """
    if config.tpu or tf.config.list_physical_devices("GPU"):
        keep_freed_memory()
    start = model.iterations_done()
    stream = strategy.distribute_datasets_from_function(
        lambda part: batches(training, config, start, part)
    )
    try:
        model.fit(
            stream,
            # Without it the end is an error in mid-step, which might count as one.
            steps_per_epoch=config.iterations - start,
            verbose=0,
            shuffle=False,  # the stream has its own order
            callbacks=list(callbacks),
        )
    except tf.errors.OpError as error:
        raise UserError(cause_of(error)) from error


def make_evaluation(run: Run) -> Evaluation | None:
    """Return what measures during training; None if that isn't wanted.

    Raises:
        UserError: if nothing can be measured.
    """
    config = run.config
    if not config.evaluate_every:
        return None
    instruments = open_default(config.backbone_dir)
    for note in instruments.notes:
        say(note)
    extent = QUICK if config.evaluate_quick else FULL
    return Evaluation(run, instruments, extent)


def make_model(
    config: Config,
    strategy: tf.distribute.Strategy,
    model_of: Callable[..., StarGANv2] = StarGANv2,
) -> StarGANv2:
    """The seeded model, ready to train on the strategy's devices.

    Args:
        config: its settings; `domains` must be known.
        strategy: where it trains.
        model_of: makes it from `config` and, as a keyword, `lowering`.
    """
    keras.utils.set_random_seed(config.seed)
    xla_on_cpu = config.jit and not tf.config.list_physical_devices("GPU")
    with strategy.scope():
        model = model_of(config, lowering="xla_cpu" if xla_on_cpu else None)
        model.compile()
    return model


def describe(model: StarGANv2, replicas: int) -> str:
    """Return the numbers of parameters, and the memory needed."""
    counts = (f"{n} {getattr(model, n).count_params():,}" for n in NETWORKS)
    needed = memory.estimate(model, replicas) / 1e9
    return (
        f"parameters: {', '.join(counts)}\n"
        f"memory: about {needed:.2f} GB on each device, besides TensorFlow's own"
    )


def cause_of(error: tf.errors.OpError) -> str:
    """Return what made TensorFlow stop: a picture, memory, or its own words."""
    if picture := re.search(r"(?:User|Unreadable)Error: (.+)", str(error)):
        return picture[1]
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return (
            "out of memory; add --accumulate=2 (or more) or --recompute, or lower "
            "--img_size or --channel_base"
        )
    return str(error).strip().splitlines()[0]


def say(text: str) -> None:
    """Print a message beside the progress bar."""
    print(text, file=sys.stderr, flush=True)
