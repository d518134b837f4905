"""Losses and gradients that are not finite: reported, and rolled back if they persist.

`StarGANv2` skips an update that has one, before it reaches a weight.
"""

import math
import pathlib
import sys

import keras
from tqdm import tqdm

from tfstargan.errors import UserError
from tfstargan.runs.run import Run


class NonFinite(keras.callbacks.Callback):
    """Reports every update that was skipped for a loss or gradient that is not finite.

    After `rollback_after` such iterations in a row, weights and optimizers are restored
    from the newest checkpoint. Iteration, data and schedules continue: the same batches
    would lead to the same result.
    """

    def __init__(self, run: Run):
        super().__init__()
        self.run = run
        self.in_a_row = 0
        self.went_back_to: pathlib.Path | None = None

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        """Report what the iteration skipped, and roll back if it has to be."""
        begin = "left_out/"
        left_out = [name.removeprefix(begin) for name in logs if name.startswith(begin)]
        left_out = [name for name in left_out if logs[begin + name]]
        self.in_a_row = self.in_a_row + 1 if left_out else 0
        iteration = self.model.iterations_done()
        for name in left_out:
            update, _, network = name.rpartition("/")
            loss = logs[f"{update}/loss"]
            what = "gradient" if math.isfinite(loss) else f"loss ({loss})"
            tqdm.write(
                f"iteration {iteration}: update {update} of the {network} skipped, "
                f"its {what} is not finite",
                file=sys.stderr,
            )
        if self.in_a_row >= self.run.config.rollback_after:
            self.go_back(iteration)

    def go_back(self, iteration: int) -> None:
        """Restore the newest checkpoint; raise a UserError if that can't help."""
        path = self.run.checkpoint() if self.run.checkpoints() else None
        if path is None or path == self.went_back_to:
            why = f"again after {path.name}" if path else "and there is no checkpoint"
            raise UserError(
                f"{self.run.path}: iteration {iteration}: no finite losses and "
                f"gradients in {self.in_a_row} iterations, {why}; lower "
                "--learning_rate, or check the data"
            )
        self.run.load(self.model)
        self.model.use_configured_rates()
        self.model.iteration.assign(iteration)
        self.went_back_to, self.in_a_row = path, 0
        text = f"iteration {iteration}: restored the weights of {path.name}"
        tqdm.write(text, file=sys.stderr)
