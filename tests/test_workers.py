"""Two processes, connected by TF_CONFIG, train as one; a checkpoint goes anywhere."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from commands import ROOT, refusal
from conftest import tiny, train_eagerly
from PIL import Image
from test_replicas import weights

from tfstargan.config import Config
from tfstargan.data.stream import batches, open_images
from tfstargan.errors import UserError
from tfstargan.runs.run import iteration_of, open_run
from tfstargan.training.distribution import count_workers
from tfstargan.training.loop import train_run
from tfstargan.training.stargan import StarGANv2


def noise(root: pathlib.Path) -> Config:
    """Settings for images of noise, without sums that rounding decides.

    `test_replicas` says why noise. All of it is cropped: two references that are one
    image, pixel for pixel, would give two equal fakes, and the diversity loss the
    sign of rounding.
    """
    rng = np.random.default_rng(0)
    for domain in ("a", "b", "c"):
        folder = root / "train" / domain
        folder.mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    # A decay as large as gradients: one of the wrong scale shows in Adam, too.
    return tiny(
        dataset="folder",
        data_dir=str(root),
        domains=(),
        learning_rate=1e-3,
        mapping_learning_rate=1e-3,
        weight_decay=0.1,
        ema_decay=0.9,
        crop_probability=1.0,
        save_every=2,
    )


def flags_of(config: Config) -> list[str]:
    def text(value: object) -> str:
        return ",".join(value) if isinstance(value, tuple) else str(value)

    return [f"--{k}={text(v)}" for k, v in dataclasses.asdict(config).items()]


def train_in_one(config: Config, run_dir: pathlib.Path) -> None:
    """Train in this process, without grids, and on one device without a graph."""
    with pytest.MonkeyPatch.context() as patch:
        if config.replicas < 2:
            train_eagerly(patch)
        train_run(config, run_dir, draw=lambda translator, examples: {})


def start_workers(config: Config, run_dir: pathlib.Path) -> list[subprocess.Popen]:
    """Start the training command in two processes, the chief first."""
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            ports.append(free.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    processes = []
    for index in range(2):
        place = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        environment = {"TF_CONFIG": json.dumps(place), "PYTHONPATH": str(ROOT)}
        arguments = [*flags_of(config), f"--run_dir={run_dir}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tfstargan.train", *arguments],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
    return processes


def train_with_workers(config: Config, run_dir: pathlib.Path) -> list[str]:
    """Run the training command in two processes; return what each printed."""
    processes = start_workers(config, run_dir)
    try:
        printed = [process.communicate(timeout=1500)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], printed
    return printed


def at(run_dir: pathlib.Path, iteration: int) -> dict[str, np.ndarray]:
    """The weights of a checkpoint."""
    run = open_run(str(run_dir))
    model = StarGANv2(run.config)
    model.compile()
    run.load(model, iteration)
    return weights(model)


def assert_moved_alike(a: dict, b: dict, before: dict) -> None:
    for name, start in before.items():
        moved = np.linalg.norm(a[name] - start)
        assert moved > 1e-6 * np.linalg.norm(start), name
        # Rounding turns a few steps of Adam round, each 1e-2 of what a network moves; a
        # wrong scale of the gradients gives 0.2 to 0.5.
        assert np.linalg.norm(b[name] - a[name]) < 5e-2 * moved, name


@pytest.mark.slow
@pytest.mark.process
def test_workers_resume_the_run_of_one_process_and_the_reverse(tmp_path):
    config = noise(tmp_path / "noise")

    def until(iterations: int, **settings: object) -> Config:
        return dataclasses.replace(config, iterations=iterations, **settings)

    one, many = tmp_path / "one", tmp_path / "many"
    train_in_one(until(4), one)
    shutil.copytree(one, many, ignore=shutil.ignore_patterns("iteration-0000004*"))
    before = {p.name for p in (many / "logs").iterdir()}
    printed = train_with_workers(until(4), many)
    assert_moved_alike(at(one, 4), at(many, 4), at(one, 2))
    assert "iterations: 2 to 4\n" in printed[1]
    assert "devices: 2 replicas of 2 workers; this is worker 1\n" in printed[1]
    # The chief alone writes.
    written = {p.name for p in (many / "logs").iterdir()} - before
    assert len([name for name in written if not name.endswith("-resumed")]) == 1
    assert "it/s" in printed[0]
    assert "it/s" not in printed[1]
    # And from several workers on to one process, with one replica and with two.
    shutil.copytree(many, tmp_path / "one again")
    train_in_one(until(5), tmp_path / "one again")
    train_in_one(until(5, replicas=2), many)
    assert_moved_alike(at(tmp_path / "one again", 5), at(many, 5), at(many, 4))


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.process
def test_where_a_worker_dies_the_chief_saves_and_says_what_to_do(tmp_path):
    config = tiny(iterations=10**6, save_every=10**6, sample_every=10**6)
    chief, worker = start_workers(config, tmp_path / "run")
    try:
        trained = re.compile(r" [1-9]\d*/1000000 ")  # a line every ten seconds
        while chief.poll() is None and not trained.search(chief.stderr.readline()):
            pass
        worker.kill()
        printed = chief.communicate(timeout=300)[1]
    finally:
        for process in (chief, worker):
            process.kill()
            process.communicate()
    assert chief.returncode == 2, printed
    assert "Traceback" not in printed
    assert printed.count("error: ") == 1
    assert "error: another worker of TF_CONFIG has ended" in printed
    (saved,) = open_run(tmp_path / "run").checkpoints()
    done = iteration_of(saved)
    train_with_workers(
        dataclasses.replace(config, iterations=done + 1), saved.parents[1]
    )


def test_the_workers_parts_make_up_the_whole_batch():
    config = tiny(iterations=3)
    image_set = open_images(config, "train")
    whole = list(batches(image_set, config, start=1))
    parts = [
        list(batches(image_set, config, 1, tf.distribute.InputContext(2, worker, 4)))
        for worker in range(2)
    ]
    assert [len(part) for part in parts] == [4, 4]  # two replicas each, two iterations
    for step, batch in enumerate(whole):
        replicas = [b for part in parts for b in part[2 * step : 2 * step + 2]]
        for tensors in zip(batch, *replicas, strict=True):
            np.testing.assert_array_equal(tensors[0], np.concatenate(tensors[1:]))


def test_a_damaged_tf_config_is_named(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert count_workers() == 0
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"chief": ["a"], "worker": ["b"]}}')
    assert count_workers() == 2
    for text in ("{", "[]", '{"cluster": 3}'):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(UserError, match="TF_CONFIG"):
            count_workers()


def test_a_tpu_that_is_not_there_is_named(tmp_path):
    arguments = ("--dataset=critters", "--img_size=32", "--tpu=nowhere")
    line = refusal("tfstargan.train", *arguments, "--run_dir=run", cwd=tmp_path)
    assert "--tpu=nowhere: can't be reached" in line
