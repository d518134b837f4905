"""Keras callbacks of a run: progress, TensorBoard, sample grids, checkpoints."""

import abc
import pathlib
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfstargan import images
from tfstargan.metrics import factors, report
from tfstargan.metrics.evaluation import Evaluation
from tfstargan.metrics.probe import Probe
from tfstargan.progress import Bar
from tfstargan.runs.run import Run
from tfstargan.training.announcing import say_impatience
from tfstargan.training.non_finite import NonFinite
from tfstargan.translation.grids import Examples, animations, draw_all
from tfstargan.translation.translator import Translator


class Progress(keras.callbacks.Callback):
    """A progress bar with the iteration, the time left and some losses."""

    def __init__(self, iterations: int):
        super().__init__()
        self.iterations = iterations
        self.bar: Any = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start at the iteration where training starts."""
        done = self.model.iterations_done()
        self.bar = Bar(
            total=self.iterations,
            initial=done,
            unit="it",
            dynamic_ncols=True,
            smoothing=0.05,
        )

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        """Advance the bar by one iteration."""
        shown = self.model.shown.items()
        losses = {name: f"{logs[key]:.2f}" for name, key in shown}
        self.bar.set_postfix(losses, refresh=False)
        self.bar.update()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Close the bar."""
        self.close()

    def close(self) -> None:
        """Close the bar, if it was started, so that other lines can follow it."""
        if self.bar is not None:
            self.bar.close()


class Scalars(keras.callbacks.Callback):
    """Writes every loss to TensorBoard, every few iterations."""

    def __init__(self, writer: tf.summary.SummaryWriter, every: int):
        super().__init__()
        self.writer = writer
        self.every = every

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        """Write the losses if they are due."""
        iteration = self.model.iterations_done()
        if iteration % self.every == 0:
            with self.writer.as_default(iteration):
                for name, value in logs.items():
                    tf.summary.scalar(name, value)


class Periodic(keras.callbacks.Callback, abc.ABC):
    """An action every few iterations, repeated at the start if it was interrupted.

    Args:
        run: where its results are kept.
        writer: of TensorBoard's files.
        every: iterations between actions; 0: never.
    """

    at_the_end: ClassVar = False  # whether the action is due after the last iteration

    def __init__(self, run: Run, writer: tf.summary.SummaryWriter, every: int):
        super().__init__()
        self.run = run
        self.writer = writer
        self.every = every

    @abc.abstractmethod
    def act(self, iteration: int) -> None:
        """Perform the action."""

    @abc.abstractmethod
    def is_done(self, iteration: int) -> bool:
        """Whether the action of an iteration was completed."""

    def is_due(self, iteration: int) -> bool:
        """Whether the action is due after an iteration."""
        if self.at_the_end and iteration == self.run.config.iterations:
            return True
        return bool(self.every and iteration) and iteration % self.every == 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Perform the action that the run was interrupted in."""
        iteration = self.model.iterations_done()
        if self.is_due(iteration) and not self.is_done(iteration):
            self.act(iteration)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Perform the action if it is due."""
        iteration = self.model.iterations_done()
        if self.is_due(iteration):
            self.act(iteration)

    def translator(self) -> Translator:
        """A translator with the current averaged networks."""
        return Translator(self.run.config, self.model.translating_networks())

    def write_scalars(self, prefix: str, values: dict, iteration: int) -> None:
        """Write values to TensorBoard."""
        with self.writer.as_default(iteration):
            for name, value in values.items():
                tf.summary.scalar(f"{prefix}/{name}", value)
        self.writer.flush()


class Samples(Periodic):
    """Writes grids of translated images as PNG and to TensorBoard; also at the end."""

    at_the_end = True

    def __init__(
        self,
        run: Run,
        writer: tf.summary.SummaryWriter,
        examples: Examples,
        draw: Callable[[Translator, Examples], dict[str, np.ndarray]] = draw_all,
    ):
        super().__init__(run, writer, run.config.sample_every)
        self.examples = examples
        self.draw = draw

    def is_done(self, iteration: int) -> bool:
        """Whether the last of the grids exists."""
        return sample_file(self.run, iteration, "latents-psi1.png").exists()

    def act(self, iteration: int) -> None:
        """Write the grids of the current networks."""
        grids = self.draw(self.translator(), self.examples)
        with self.writer.as_default(iteration):
            for name, grid in grids.items():
                images.save(grid, sample_file(self.run, iteration, f"{name}.png"))
                tf.summary.image(name, grid[None])
        self.writer.flush()


class Animations(Periodic):
    """Writes animations of translated images as WebP."""

    def __init__(self, run: Run, writer: tf.summary.SummaryWriter, examples: Examples):
        super().__init__(run, writer, run.config.animate_every)
        self.examples = examples

    def is_done(self, iteration: int) -> bool:
        """Whether the last of the animations exists."""
        return sample_file(self.run, iteration, "latents.webp").exists()

    def act(self, iteration: int) -> None:
        """Write the animations of the current networks."""
        for name, frames in animations(self.translator(), self.examples).items():
            file = sample_file(self.run, iteration, f"{name}.webp")
            images.save_animation(frames, file)


def sample_file(run: Run, iteration: int, name: str) -> pathlib.Path:
    """The path of an iteration's sample."""
    return run.samples_dir / f"iteration-{iteration:07d}-{name}"


class Evaluations(Periodic):
    """Measures FID, LPIPS and other metrics, and keeps the best checkpoint.

    The results are written to files, their means to TensorBoard. The best checkpoint
    has the lowest FID (the first one that is measured), averaged over both guides.
    Evaluation does not draw from the global random state, so training is unaffected.
    """

    def __init__(
        self, run: Run, writer: tf.summary.SummaryWriter, evaluation: Evaluation
    ):
        super().__init__(run, writer, run.config.evaluate_every)
        self.evaluation = evaluation

    def is_done(self, iteration: int) -> bool:
        """Whether the report exists."""
        name = f"{self.evaluation.name(iteration)}.json"
        return (self.run.evaluation_dir / name).exists()

    def act(self, iteration: int) -> None:
        """Measure the current averaged networks."""
        translator = self.translator()
        results = self.evaluation.measure(translator, iteration)
        means = {guide: section["mean"] for guide, section in results.items()}
        for guide, mean in means.items():
            self.write_scalars(f"evaluation/{guide}", mean, iteration)
        for measure in (one.name for one in self.evaluation.instruments.inceptions[:1]):
            value = sum(mean[measure] for mean in means.values()) / len(means)
            self.run.keep_if_best(self.model, measure, value)
        self.evaluation.report(translator, iteration, results)  # marks it as done
        if self.run.out_of_patience(iteration):
            self.run.save(self.model)
            self.model.stop_training = True

    def on_train_end(self, logs: dict | None = None) -> None:
        """Say so if nothing better was found for too long."""
        if self.run.out_of_patience(self.model.iterations_done()):
            say_impatience(self.run)


class Probing(Periodic):
    """Measures what the probe reads off drawn animals, in the same way."""

    def __init__(self, run: Run, writer: tf.summary.SummaryWriter, probe: Probe):
        super().__init__(run, writer, run.config.probe_every)
        self.probe = probe

    def file(self, iteration: int) -> pathlib.Path:
        """The path of an iteration's scores."""
        return self.run.evaluation_dir / f"iteration-{iteration:07d}-probe.json"

    def is_done(self, iteration: int) -> bool:
        """Whether the scores exist."""
        return self.file(iteration).exists()

    def act(self, iteration: int) -> None:
        """Measure the current averaged networks."""
        few = min(factors.SOURCES, self.run.config.critters_per_domain)
        scores = factors.translation_scores(self.translator(), self.probe, few)
        self.write_scalars("probe", factors.headline(scores), iteration)
        report.write_json(self.file(iteration), scores)


class Checkpoints(keras.callbacks.Callback):
    """Saves a checkpoint every few iterations and at the end.

    Place it after the callbacks that draw, so that the samples of a checkpoint's
    iteration exist. None is saved after an iteration with skipped updates: a run has to
    be rolled back to weights that are known to be good.
    """

    def __init__(
        self, run: Run, writer: tf.summary.SummaryWriter, non_finite: NonFinite
    ):
        super().__init__()
        self.run = run
        self.writer = writer
        self.non_finite = non_finite

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Save if a checkpoint is due."""
        iteration, config = self.model.iterations_done(), self.run.config
        due = iteration % config.save_every == 0 and not self.non_finite.in_a_row
        if due or iteration == config.iterations:
            self.save()

    def save(self) -> None:
        """Save a checkpoint, and write the losses up to it."""
        self.writer.flush()
        self.run.save(self.model)
