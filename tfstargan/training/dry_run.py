"""A trial of a run's settings: what would be trained, and how long it takes."""

import dataclasses
import datetime
import json
import os
import time
from collections.abc import Mapping

import keras

from tfstargan.config import Config
from tfstargan.data.survey import survey
from tfstargan.progress import waiting
from tfstargan.training import distribution
from tfstargan.training.announcing import describe, warn_of_gpus
from tfstargan.training.beginning import begin_from, describe_parent
from tfstargan.training.fitting import fit
from tfstargan.training.loop import make_model, open_splits


def dry_run(
    config: Config,
    init_from: str | os.PathLike = "",
    init_checkpoint: int | str | None = None,
    like: Mapping[str, str] | None = None,
) -> None:
    """Print settings, devices, parameters, memory and times; write nothing.

    Args:
        config: the settings to try.
        init_from: as of `train_run`, like the next two.
        init_checkpoint: see there.
        like: see there.
    """
    warn_of_gpus(config)
    strategy = distribution.choose_strategy(config)
    config, training, validation = open_splits(config)
    print(json.dumps(dataclasses.asdict(config), indent=2))
    with waiting("comparing the images"):
        told = survey(training, validation, config, bool(init_from))
    print(told)
    with waiting("building the networks"):
        model = make_model(config, strategy)
    if init_from:
        parent = begin_from(model, init_from, init_checkpoint, like)
        print(describe_parent(parent, config))
    print(describe(model, strategy))
    clock = StepClock()
    few = dataclasses.replace(config, iterations=3)
    with waiting("three iterations"):
        fit(model, strategy, training, few, [clock])
    seconds = clock.seconds[-1]
    total = datetime.timedelta(seconds=round(config.iterations * seconds))
    print(f"first iteration: {clock.seconds[0]:.1f} s, with compilation")
    print(f"one iteration: {seconds:.2f} s")
    print(f"{config.iterations:,} iterations: about {total}")
    print("Nothing was written. To train, run the command again without --dry_run.")


class StepClock(keras.callbacks.Callback):
    """Seconds of each iteration."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start the clock."""
        self.seconds: list[float] = []
        self.last = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Record the time of the iteration."""
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now
