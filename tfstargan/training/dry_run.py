"""Trying out a run's settings: what would be trained, and how long it takes."""

import dataclasses
import datetime
import json
import time

import keras

from tfstargan.config import Config
from tfstargan.data.stream import open_images
from tfstargan.data.survey import survey
from tfstargan.training import distribution
from tfstargan.training.loop import describe, fit, make_model, require_pairs


def dry_run(config: Config) -> None:
    """Print settings, devices, parameters and a step's time; write nothing."""
    strategy = distribution.choose_strategy(config)
    training = open_images(config, "train")
    require_pairs(training)
    config = dataclasses.replace(config, domains=training.domains)
    print(json.dumps(dataclasses.asdict(config), indent=2))
    print(survey(training, open_images(config, "val"), config))
    print("devices:", distribution.describe(strategy))
    model = make_model(config, strategy)
    print(describe(model, strategy.num_replicas_in_sync))
    clock = StepClock()
    few = dataclasses.replace(config, iterations=3)
    fit(model, strategy, training, few, [clock])
    seconds = clock.seconds[-1]
    whole = datetime.timedelta(seconds=round(config.iterations * seconds))
    print(
        f"one iteration: {seconds:.2f} s "
        f"(the first, with compilation: {clock.seconds[0]:.1f} s); "
        f"{config.iterations:,} take about {whole}"
    )


class StepClock(keras.callbacks.Callback):
    """The seconds that each iteration took."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start the clock."""
        self.seconds: list[float] = []
        self.last = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Read it."""
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now
