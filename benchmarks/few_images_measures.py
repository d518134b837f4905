"""What `few_images.py` measures: time, species, kernel distance and overfitting."""

import pathlib
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

import keras
import numpy as np
from PIL import Image
from tqdm import tqdm

from tfstargan import images
from tfstargan.config import Config
from tfstargan.data.stream import open_images
from tfstargan.metrics import factors, intervals, probe
from tfstargan.metrics.fid import squared_discrepancy
from tfstargan.metrics.instruments import open_instruments
from tfstargan.metrics.protocol import GUIDES, Outputs, tasks
from tfstargan.runs.run import Run
from tfstargan.training import fitting, loop
from tfstargan.training.overfitting import measured as overfitting_of
from tfstargan.training.stargan import StarGANv2
from tfstargan.translation.translator import Translator

Row = dict[str, Any]


class Clock(keras.callbacks.Callback):
    """Writes a line for each iteration: its number, wall and CPU seconds, if first."""

    def __init__(self, file: pathlib.Path):
        super().__init__()
        self.file = file
        self.first = 1

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Start the clock."""
        self.start = np.array([time.perf_counter(), time.process_time()])

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stop it."""
        seconds = np.array([time.perf_counter(), time.process_time()]) - self.start
        with self.file.open("a") as file:
            print(self.model.iterations_done(), *seconds, self.first, file=file)
        self.first = 0


def minutes(file: pathlib.Path, iterations: int) -> Row:
    """The minutes of all iterations, and of compilation, from the lines of `Clock`."""
    lines = np.loadtxt(file, ndmin=2)
    first = lines[lines[:, 3] == 1]
    each = lines[lines[:, 3] == 0][:, 1:3].mean(axis=0)
    wall, cpu = each * iterations / 60
    beyond = np.maximum(first[:, 2] - each[1], 0).mean() / 60
    return {"wall minutes": wall, "CPU minutes": cpu, "compilation": beyond}


def train(config: Config, folder: pathlib.Path, **beginning: Any) -> Run:
    """Train a run, or resume it, with a clock; `beginning` is for `train_run`."""

    def timed(*arguments: Any) -> None:
        *usual, drawing, measuring = arguments
        clock = Clock(folder / "iterations.txt")
        fitting.fit_run(*usual, [clock, *drawing], measuring)

    with mock.patch.object(loop, "fit_run", timed):
        return loop.train_run(config, folder, **beginning)


def share_right(
    translator: Translator, reader: probe.Probe, tasks: Sequence[factors.Task]
) -> dict[str, Row]:
    """The share of translations that show the target, by guide; one of each source."""
    rng = np.random.default_rng(0)
    reads: dict[str, list[probe.Factors]] = {guide: [] for guide in GUIDES}
    for task in tqdm(tasks, desc="probe", unit="pair", leave=False):
        size = (len(task.x_src), translator.config.latent_dim)
        latents = rng.standard_normal(size, np.float32)
        styles = translator.map_latents(latents, task.target)
        reads["latent"].append(reader.read(translator.apply_styles(task.x_src, styles)))
        reads["reference"].append(reader.read(factors.by_reference(translator, task)))
    count = sum(len(task.x_src) for task in tasks)
    shares = {
        guide: factors.right_species(read, tasks) for guide, read in reads.items()
    }
    return {
        guide: {"share": x, "interval": intervals.wilson(x, count), "count": count}
        for guide, x in shares.items()
    }


def end_of(run: Run) -> Row:
    """The last measure of overfitting, and p."""
    found = overfitting_of(run)
    row = {"overfitting": found[max(found)]["overfitting"]} if found else {}
    model = StarGANv2(run.config)
    run.load(model)
    p = 0.0 if model.augmentation is None else float(model.augmentation.p)
    return row | {"p": p}


def distances(run: Run) -> Row:
    """The kernel distance to the validation images by guide, mean over pairs."""
    (lite0,) = open_instruments(["kid_lite0"]).inceptions
    validation = open_images(run.config, "val")
    side, outputs = run.config.img_size, Outputs(Translator.of_run(run), validation)
    real = [
        lite0.see([validation.image(k, i) for i in range(validation.count(k))], side)
        for k in range(len(validation.domains))
    ]
    found: dict[str, list[float]] = {guide: [] for guide in GUIDES}
    for task in tqdm(tasks(len(real)), desc="kid_lite0", leave=False):
        fakes = [
            lite0.see([Image.fromarray(x) for group in some for x in group], side)
            for some in map(images.to_uint8, outputs.of(task))
        ]
        distance = squared_discrepancy(real[task.target], np.concatenate(fakes))
        found[task.guide].append(distance)
    means = {f"kid_lite0 by {guide}": float(np.mean(x)) for guide, x in found.items()}
    return means | end_of(run)
