"""What happens around training: progress, TensorBoard, sample grids, checkpoints."""

import math
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfstargan import images
from tfstargan.config import UserError
from tfstargan.metrics import factors, report
from tfstargan.metrics.evaluation import Evaluation
from tfstargan.metrics.probe import Probe
from tfstargan.run import Run
from tfstargan.samples import Examples, animations, draw_all
from tfstargan.translator import Translator


class Progress(keras.callbacks.Callback):
    """A bar with the iteration, the time left and some losses."""

    def __init__(self, iterations: int):
        super().__init__()
        self.iterations = iterations

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start at the iteration where training starts."""
        done = self.model.iterations_done()
        self.bar = tqdm(
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


class StopOnNonFinite(keras.callbacks.Callback):
    """End training at the first loss that is no number, and say which it is."""

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        """Raise a UserError if there is one."""
        for name, value in logs.items():
            if not math.isfinite(value):
                raise UserError(
                    f"iteration {self.model.iterations_done()}: the loss {name} is "
                    f"{value}; the last checkpoint is whole: go on from it with a "
                    "lower --learning_rate"
                )


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


class Samples(keras.callbacks.Callback):
    """Grids of translated pictures, as PNG and in TensorBoard, and again at the end.

    Where the run's `animate_every` is not 0, animations as WebP, too.
    """

    def __init__(
        self,
        run: Run,
        writer: tf.summary.SummaryWriter,
        examples: Examples,
        draw: Callable[[Translator, Examples], dict[str, np.ndarray]] = draw_all,
    ):
        super().__init__()
        self.run = run
        self.writer = writer
        self.examples = examples
        self.draw = draw
        self.written = -1  # iteration of the newest grids

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Write what is due."""
        iteration, config = self.model.iterations_done(), self.run.config
        if iteration % config.sample_every == 0:
            self.write_grids()
        if config.animate_every and iteration % config.animate_every == 0:
            self.write_animations()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Write the last ones."""
        if self.written != self.model.iterations_done():
            self.write_grids()

    def write_grids(self) -> None:
        """Write the grids of now."""
        grids = self.draw(self.translator(), self.examples)
        iteration = self.model.iterations_done()
        with self.writer.as_default(iteration):
            for name, grid in grids.items():
                images.save(grid, self.file(f"{name}.png"))
                tf.summary.image(name, grid[None])
        self.writer.flush()
        self.written = iteration

    def write_animations(self) -> None:
        """Write the animations of now."""
        for name, frames in animations(self.translator(), self.examples).items():
            images.save_animation(frames, self.file(f"{name}.webp"))

    def translator(self) -> Translator:
        """Return one with the averaged networks of now."""
        return Translator(self.run.config, self.model.translating_networks())

    def file(self, name: str) -> pathlib.Path:
        """Return where a picture of now is kept."""
        iteration = self.model.iterations_done()
        return self.run.samples_dir / f"iteration-{iteration:07d}-{name}"


class Evaluations(keras.callbacks.Callback):
    """FID, LPIPS and their like every few iterations: files, and means in TensorBoard.

    Nothing that training depends on is touched: no global random state is drawn from.
    """

    def __init__(self, writer: tf.summary.SummaryWriter, evaluation: Evaluation):
        super().__init__()
        self.writer = writer
        self.evaluation = evaluation

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Measure when it is time."""
        config, iteration = self.evaluation.run.config, self.model.iterations_done()
        if iteration % config.evaluate_every:
            return
        translator = Translator(config, self.model.translating_networks())
        results = self.evaluation.measure(translator, iteration)
        self.evaluation.report(translator, iteration, results)
        with self.writer.as_default(iteration):
            for guide, section in results.items():
                for name, value in section["mean"].items():
                    tf.summary.scalar(f"evaluation/{guide}/{name}", value)
        self.writer.flush()


class Probing(keras.callbacks.Callback):
    """What the probe reads off drawn animals, every few iterations, likewise."""

    def __init__(self, writer: tf.summary.SummaryWriter, run: Run, probe: Probe):
        super().__init__()
        self.writer = writer
        self.run = run
        self.probe = probe

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Measure when it is time."""
        config, iteration = self.run.config, self.model.iterations_done()
        if iteration % config.probe_every:
            return
        translator = Translator(config, self.model.translating_networks())
        few = min(factors.SOURCES, config.critters_per_domain)
        scores = factors.translation_scores(translator, self.probe, few)
        file = f"iteration-{iteration:07d}-probe.json"
        report.write_json(self.run.evaluation_dir / file, scores)
        with self.writer.as_default(iteration):
            for name, value in factors.headline(scores).items():
                tf.summary.scalar(f"probe/{name}", value)
        self.writer.flush()


class Checkpoints(keras.callbacks.Callback):
    """A checkpoint every few iterations and at the end."""

    def __init__(self, run: Run):
        super().__init__()
        self.run = run

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Save when it is time."""
        if self.model.iterations_done() % self.run.config.save_every == 0:
            self.run.save(self.model)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Save the end."""
        self.run.save(self.model)
