"""`train_run`: the training of a run, from its data to its last iteration."""

import contextlib
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfstargan.config import Config
from tfstargan.data import fingerprint
from tfstargan.data.folder import require_apart
from tfstargan.data.image_set import ImageSet
from tfstargan.data.overlap import stands_in
from tfstargan.data.stream import open_images
from tfstargan.data.survey import survey
from tfstargan.errors import UserError
from tfstargan.metrics import probe
from tfstargan.metrics.evaluation import Evaluation
from tfstargan.metrics.instruments import open_default
from tfstargan.metrics.protocol import FULL, QUICK
from tfstargan.progress import waiting
from tfstargan.runs.locating import require_folder
from tfstargan.runs.run import Run
from tfstargan.training import distribution, tensorboard
from tfstargan.training.announcing import (
    announce,
    say,
    say_impatience,
    warn_of_gpus,
)
from tfstargan.training.beginning import begin_from, describe_parent, name_of
from tfstargan.training.callbacks import Animations, Evaluations, Probing, Samples
from tfstargan.training.fitting import fit_run
from tfstargan.training.overfitting import Overfitting
from tfstargan.training.stargan import StarGANv2
from tfstargan.translation.grids import Examples, draw_all
from tfstargan.translation.translator import Translator


def train_run(
    config: Config,
    run_dir: str | os.PathLike,
    model_of: Callable[..., StarGANv2] = StarGANv2,
    draw: Callable[[Translator, Examples], dict[str, np.ndarray]] = draw_all,
    *,
    init_from: str | os.PathLike = "",
    init_checkpoint: int | str | None = None,
    like: Mapping[str, str] | None = None,
    allow_changed_data: bool = False,
) -> Run:
    """Train a run up to `config.iterations`, or resume it.

    Args:
        config: the run's settings.
        run_dir: folder of the run.
        model_of: makes the model (`distillation` has another).
        draw: makes the sample grids, by name.
        init_from: another run whose weights a new run begins with; empty: none.
        init_checkpoint: that run's iteration, or "best"; None: the newest.
        like: {domain: domain of that run to begin as}; see `beginning`.
        allow_changed_data: resume although the images are others than before.

    Returns:
        The run.

    Raises:
        UserError: if the data is unsuitable, the run was begun with other settings or
            images, or another process trains it.
        KeyboardInterrupt: after Ctrl-C; `Preempted` after SIGTERM or SIGHUP. As after
            any error, the progress is saved first.
    """
    require_folder(run_dir)
    run_dir = pathlib.Path(run_dir)
    warn_of_gpus(config)
    strategy = distribution.choose_strategy(config)
    chief = distribution.is_chief(strategy)
    config, training, validation = open_splits(config)
    for image_set in (training, validation):
        require_apart(run_dir, image_set, "--run_dir")
    run = Run(run_dir, config)
    images = fingerprint.of(training, validation)
    if chief and not allow_changed_data:
        fingerprint.require_same(run_dir, images)
    if chief:
        with waiting("comparing the images"):
            begun = bool(init_from or run.parent())
            told = survey(training, validation, config, begun)
        say(told)
    examples = Examples.choose(validation, config.img_size)
    with waiting("building the networks"):
        model = make_model(config, strategy, model_of)
    # Raises before anything is written, as do the next lines.
    parent = begin(run, model, init_from, init_checkpoint, like)
    if not distribution.agree(strategy, parent["iteration"] if parent else 0):
        raise UserError(
            f"--init_from={init_from}: workers read different checkpoints of it; give "
            "--init_checkpoint"
        )
    changed = run.changed_settings() if chief else []  # `Run.start` replaces them
    evaluation = make_evaluation(run) if chief else None
    reader = probe.of_run(config) if chief and config.probe_every else None
    with contextlib.ExitStack() as held:
        writer = tf.summary.create_noop_writer()
        if chief:
            run = held.enter_context(Run.start(run_dir, config, parent))
            fingerprint.remember(run_dir, images)
        resume(run, model)
        start = model.iterations_done()
        if chief:
            tensorboard.drop_after(start, run.logs_dir)
            writer = tf.summary.create_file_writer(str(run.logs_dir))
            held.callback(writer.close)
        if not distribution.agree(strategy, start):
            raise UserError(
                f"--run_dir={run_dir}: must be one folder, seen by all workers"
            )
        drawing: list[keras.callbacks.Callback] = [
            Samples(run, writer, examples, draw),
            Animations(run, writer, examples),
        ]
        is_student = model_of is not StarGANv2
        if not is_student and not stands_in(training, validation):
            drawing.append(Overfitting(run, writer, training, validation))
        measuring: list[keras.callbacks.Callback] = [
            *([Evaluations(run, writer, evaluation)] if evaluation else []),
            *([Probing(run, writer, reader)] if reader else []),
        ]
        for callback in (*drawing, *measuring) if chief else ():
            # Completes what the run was interrupted in, if anything.
            callback.set_model(model)
            callback.on_train_begin()
        if run.out_of_patience(start):
            say_impatience(run)
        elif start < config.iterations:
            if parent:
                say(describe_parent(parent, config))
            if changed:
                say(f"{run.path}: goes on with other settings: {'; '.join(changed)}")
            announce(run, model, strategy)
            fit_run(run, model, strategy, training, writer, drawing, measuring)
        else:
            say(
                f"{run.path}: already trained for {start:,} iterations; to continue, "
                "raise --iterations"
            )
    # The other workers wait here until the chief has saved.
    distribution.agree(strategy, config.iterations)
    return run


def open_splits(config: Config) -> tuple[Config, ImageSet, ImageSet]:
    """The settings with the domains of the data, its training and validation images."""
    training = open_images(config, "train")
    require_pairs(training)
    config = config.with_domains(training)
    return config, training, open_images(config, "val")


def require_pairs(training: ImageSet) -> None:
    """Raise a UserError if a domain has fewer than two images."""
    for k, domain in enumerate(training.domains):
        if training.count(k) < 2:
            raise UserError(
                f"domain {domain}: {training.count(k)} image to train on; diversity is "
                "learned from two references, so every domain needs at least two images"
            )


def begin(
    run: Run,
    model: StarGANv2,
    init_from: str | os.PathLike,
    init_checkpoint: int | str | None,
    like: Mapping[str, str] | None,
) -> dict[str, Any] | None:
    """Give a new run's model the weights that it begins with; see `train_run`.

    Returns:
        What `begin_from` returns; None without a parent, or if the run has begun.

    Raises:
        UserError: if they can't be had, or the run was begun without the parent.
    """
    if run.checkpoints():
        if init_from:
            _compare_parent(run, init_from)
        return None
    parent = None
    if init_from:
        parent = begin_from(model, init_from, init_checkpoint, like)
    model.load_fan()
    return parent


def _compare_parent(run: Run, init_from: str | os.PathLike) -> None:
    """Refuse a parent of a run that began without one; say so if it had another."""
    parent = run.parent()
    if parent is None:
        raise UserError(
            f"--init_from={init_from}: {run.path} was begun without it; give another "
            "--run_dir"
        )
    began = parent.get("run")
    if began != name_of(init_from):  # a folder may have been moved
        say(f"--init_from={init_from} is not read: the run began with {began}")


def resume(run: Run, model: StarGANv2) -> None:
    """Load a run's newest checkpoint into a model, if there is one."""
    if run.checkpoints():
        run.load(model)
        model.use_configured_rates()  # the checkpoint has overwritten them


def make_evaluation(run: Run) -> Evaluation | None:
    """The evaluation during training; None if the settings ask for none.

    Raises:
        UserError: if nothing can be measured.
    """
    config = run.config
    if not config.evaluate_every:
        return None
    instruments = open_default(config.backbone_dir)
    for note in instruments.notes:
        say(note)
    if config.patience and not instruments.inceptions:
        raise UserError(
            f"--patience={config.patience}: no distance can be measured that could "
            "improve; pip install 'tfstargan[lite0]', or omit it"
        )
    extent = QUICK if config.evaluate_quick else FULL
    return Evaluation(run, instruments, extent)


def make_model(
    config: Config,
    strategy: tf.distribute.Strategy,
    model_of: Callable[..., StarGANv2] = StarGANv2,
) -> StarGANv2:
    """The seeded model, ready to train on the strategy's devices.

    Args:
        config: the settings; `domains` must be set.
        strategy: where the model trains.
        model_of: makes the model, called with `config` and the keyword `lowering`.
    """
    keras.utils.set_random_seed(config.seed)
    xla_on_cpu = config.jit and not tf.config.list_physical_devices("GPU")
    with strategy.scope():
        model = model_of(config, lowering="xla_cpu" if xla_on_cpu else None)
        model.compile()
    return model
