"""What happens around training: progress, TensorBoard, sample grids, checkpoints."""

import abc
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfstargan import images
from tfstargan.metrics import factors, report
from tfstargan.metrics.evaluation import Evaluation
from tfstargan.metrics.probe import Probe
from tfstargan.progress import Bar
from tfstargan.runs.run import Run
from tfstargan.training.non_finite import NonFinite
from tfstargan.translation.grids import Examples, animations, draw_all
from tfstargan.translation.translator import Translator


class Progress(keras.callbacks.Callback):
    """A bar with the iteration, the time left and some losses."""

    def __init__(self, iterations: int):
        super().__init__()
        self.iterations = iterations

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
        """Move on by one iteration."""
        shown = self.model.shown.items()
        losses = {name: f"{logs[key]:.2f}" for name, key in shown}
        self.bar.set_postfix(losses, refresh=False)
        self.bar.update()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Leave the bar as it is."""
        self.bar.close()


class Scalars(keras.callbacks.Callback):
    """Every loss as a point in TensorBoard, every few iterations."""

    def __init__(self, writer: tf.summary.SummaryWriter, every: int):
        super().__init__()
        self.writer = writer
        self.every = every

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        """Write the points."""
        iteration = self.model.iterations_done()
        if iteration % self.every == 0:
            with self.writer.as_default(iteration):
                for name, value in logs.items():
                    tf.summary.scalar(name, value)


class Periodic(keras.callbacks.Callback, abc.ABC):
    """What is done every few iterations, and at the start, if it was interrupted.

    Args:
        run: where it is kept.
        writer: of TensorBoard's files.
        every: so many iterations; 0: never.
    """

    def __init__(self, run: Run, writer: tf.summary.SummaryWriter, every: int):
        super().__init__()
        self.run = run
        self.writer = writer
        self.every = every

    @abc.abstractmethod
    def act(self, iteration: int) -> None:
        """Do it."""

    @abc.abstractmethod
    def is_done(self, iteration: int) -> bool:
        """Return whether it was done, to the end."""

    def is_due(self, iteration: int) -> bool:
        """Return whether it is to be done after an iteration."""
        return bool(self.every and iteration) and iteration % self.every == 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Do what the run was interrupted in."""
        iteration = self.model.iterations_done()
        if self.is_due(iteration) and not self.is_done(iteration):
            self.act(iteration)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Do it when it is time."""
        iteration = self.model.iterations_done()
        if self.is_due(iteration):
            self.act(iteration)

    def translator(self) -> Translator:
        """Return one with the averaged networks of now."""
        return Translator(self.run.config, self.model.translating_networks())

    def write_scalars(self, prefix: str, values: dict, iteration: int) -> None:
        """Write points to TensorBoard."""
        with self.writer.as_default(iteration):
            for name, value in values.items():
                tf.summary.scalar(f"{prefix}/{name}", value)
        self.writer.flush()


class Samples(Periodic):
    """Grids of translated pictures, as PNG and in TensorBoard, and again at the end."""

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
        """Return whether the last of the grids is there."""
        return sample_file(self.run, iteration, "latents-psi1.png").exists()

    def act(self, iteration: int) -> None:
        """Write the grids of now."""
        grids = self.draw(self.translator(), self.examples)
        with self.writer.as_default(iteration):
            for name, grid in grids.items():
                images.save(grid, sample_file(self.run, iteration, f"{name}.png"))
                tf.summary.image(name, grid[None])
        self.writer.flush()

    def is_due(self, iteration: int) -> bool:
        """Return whether it is to be done after an iteration."""
        return super().is_due(iteration) or iteration == self.run.config.iterations


class Animations(Periodic):
    """The same as animations (WebP)."""

    def __init__(self, run: Run, writer: tf.summary.SummaryWriter, examples: Examples):
        super().__init__(run, writer, run.config.animate_every)
        self.examples = examples

    def is_done(self, iteration: int) -> bool:
        """Return whether the last of them is there."""
        return sample_file(self.run, iteration, "latents.webp").exists()

    def act(self, iteration: int) -> None:
        """Write the animations of now."""
        for name, frames in animations(self.translator(), self.examples).items():
            file = sample_file(self.run, iteration, f"{name}.webp")
            images.save_animation(frames, file)


def sample_file(run: Run, iteration: int, name: str) -> pathlib.Path:
    """Return where a picture of an iteration is kept."""
    return run.samples_dir / f"iteration-{iteration:07d}-{name}"


class Evaluations(Periodic):
    """FID, LPIPS and their like: files, means in TensorBoard, the best checkpoint.

    The best has the lowest FID (the first of those that are measured), in the mean over
    both guides. Nothing that training depends on is touched: no global random state is
    drawn from.
    """

    def __init__(
        self, run: Run, writer: tf.summary.SummaryWriter, evaluation: Evaluation
    ):
        super().__init__(run, writer, run.config.evaluate_every)
        self.evaluation = evaluation

    def is_done(self, iteration: int) -> bool:
        """Return whether the report is there."""
        name = f"{self.evaluation.name(iteration)}.json"
        return (self.run.evaluation_dir / name).exists()

    def act(self, iteration: int) -> None:
        """Measure the averages of now."""
        translator = self.translator()
        results = self.evaluation.measure(translator, iteration)
        means = {guide: section["mean"] for guide, section in results.items()}
        for guide, mean in means.items():
            self.write_scalars(f"evaluation/{guide}", mean, iteration)
        for measure in (one.name for one in self.evaluation.instruments.inceptions[:1]):
            value = sum(mean[measure] for mean in means.values()) / len(means)
            self.run.keep_if_best(self.model, measure, value)
        self.evaluation.report(translator, iteration, results)  # so it is done


class Probing(Periodic):
    """What the probe reads off drawn animals, likewise."""

    def __init__(self, run: Run, writer: tf.summary.SummaryWriter, probe: Probe):
        super().__init__(run, writer, run.config.probe_every)
        self.probe = probe

    def file(self, iteration: int) -> pathlib.Path:
        """Return where the scores are kept."""
        return self.run.evaluation_dir / f"iteration-{iteration:07d}-probe.json"

    def is_done(self, iteration: int) -> bool:
        """Return whether the scores are there."""
        return self.file(iteration).exists()

    def act(self, iteration: int) -> None:
        """Measure the averages of now."""
        few = min(factors.SOURCES, self.run.config.critters_per_domain)
        scores = factors.translation_scores(self.translator(), self.probe, few)
        self.write_scalars("probe", factors.headline(scores), iteration)
        report.write_json(self.file(iteration), scores)


class Checkpoints(keras.callbacks.Callback):
    """A checkpoint every few iterations and at the end.

    To stand behind samples: those of a checkpoint's iteration are there. After updates
    that were left out there is none: one is to be gone back to that is known as good.
    """

    def __init__(
        self, run: Run, writer: tf.summary.SummaryWriter, non_finite: NonFinite
    ):
        super().__init__()
        self.run = run
        self.writer = writer
        self.non_finite = non_finite

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Save when it is time."""
        iteration, config = self.model.iterations_done(), self.run.config
        due = iteration % config.save_every == 0 and not self.non_finite.in_a_row
        if due or iteration == config.iterations:
            self.save()

    def save(self) -> None:
        """Save what there is, and the losses up to here."""
        self.writer.flush()
        self.run.save(self.model)
