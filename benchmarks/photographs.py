"""Train the authors' code and ours on the same photographs, batch by batch.

    python benchmarks/photographs.py --data_dir=data/catdog --out=runs/photographs \
        --reference=stargan-v2 --reference_python=PYTHON

Both sides get the same batches, latents and schedules, and one thread each. Each saves
its networks every `--every` iterations, with the CPU time until then. A second start
resumes both. Then `photograph_curves.py` measures what they learned.

The recipe is the paper's at narrow widths: RECIPE holds what differs. The authors' code
has no falling learning rate; here it gets ours. `--sides=` also takes the names in
VARIANTS: our code with other settings.

CPU time is that of the process while it trains: reading images, the first iteration
after each start (compilation) and saving do not count.
"""

import concurrent.futures
import dataclasses
import io
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfstargan import cli, files
from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.data.stream import batches, open_images
from tfstargan.errors import UserError
from tfstargan.runs.run import Run
from tfstargan.settings import Settings, setting
from tfstargan.training.distribution import choose_strategy
from tfstargan.training.loop import make_model, resume

REFERENCE = pathlib.Path(__file__).with_name("reference_training.py")
OURS, AUTHORS = "ours", "authors"
RECIPE = {
    "img_size": 64,
    "channel_base": 1024,
    "channel_max": 128,
    "hidden_dim": 256,
    "learning_rate": 5e-4,
    "mapping_learning_rate": 5e-5,
    "decay_share": 0.3,
    "ema_decay": 0.998,
    "lambda_ds": 1.0,
    "crop_probability": 0.3,
    "batch_size": 8,
    "keep_checkpoints": 10_000,
}
VARIANTS = {  # our side with these settings in place of RECIPE's
    OURS: {},
    "rates": {"learning_rate": 2e-3, "mapping_learning_rate": 2e-4},
    "penalty": {"lambda_reg": 0.1},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    data_dir: str = setting("", "folder with train/DOMAIN/*.jpg", path=True)
    out: str = setting("runs/photographs", "folder of the trainings", path=True)
    reference: str = setting("", "clone of the authors' code", path=True)
    reference_python: str = setting(sys.executable, "a Python with PyTorch")
    sides: tuple[str, ...] = setting(
        (OURS, AUTHORS), "which to train", one_of=(AUTHORS, *VARIANTS)
    )
    iterations: int = setting(3000, "of each side", at_least=1)
    every: int = setting(250, "iterations between checkpoints", at_least=1)
    seeds: tuple[str, ...] = setting(("0",), "one training of each side for each")
    jit: bool = setting(True, "compile our side with XLA")
    worker: str = setting("", "JSON of a Config: be our side's process")


def config_of(options: Options, side: str, seed: int) -> Config:
    """The settings of a training."""
    settings: dict[str, Any] = RECIPE | VARIANTS.get(side, {})
    settings |= {"iterations": options.iterations, "ds_iterations": options.iterations}
    config = Config(data_dir=options.data_dir, seed=seed, jit=options.jit, **settings)
    return dataclasses.replace(config, domains=open_images(config, "train").domains)


def ours(config: Config, folder: pathlib.Path) -> list[str]:
    """The command of a process that trains with our code."""
    settings = json.dumps(dataclasses.asdict(config))
    return [sys.executable, __file__, f"--worker={settings}", f"--out={folder}"]


def authors(config: Config, folder: pathlib.Path, options: Options) -> list[str]:
    """The command of a process that trains with the authors' code.

    Raises:
        UserError: if it is not there.
    """
    if not (pathlib.Path(options.reference) / "core" / "solver.py").exists():
        raise UserError(
            f"--reference={options.reference}: no clone of clovaai/stargan-v2"
        )
    same = (
        "img_size style_dim latent_dim hidden_dim channel_base channel_max batch_size"
        " w_hpf lambda_reg lambda_sty lambda_ds lambda_cyc beta1 beta2 weight_decay"
        " ema_decay seed"
    ).split()
    sizes = {name: getattr(config, name) for name in same} | {
        "num_domains": len(config.domains),
        "lr": config.learning_rate,
        "f_lr": config.mapping_learning_rate,
        "mode": "train",
        "threads": 1,
        "checkpoint_dir": str(folder),
    }
    python = options.reference_python
    return [python, str(REFERENCE), options.reference, json.dumps(sizes)]


def headers(config: Config, start: int, every: int) -> Iterator[dict[str, Any]]:
    """The rates of every iteration, and whether to save after it."""
    end = config.iterations
    for done in range(start, end):
        left = 1.0 - done / end
        factor = min(left / config.decay_share, 1.0) if config.decay_share else 1.0
        yield {
            "lr": config.learning_rate * factor,
            "f_lr": config.mapping_learning_rate * factor,
            "lambda_ds": config.lambda_ds * max(1.0 - done / config.ds_iterations, 0.0),
            "save": (done + 1) % every == 0 or done + 1 == end,
        }


def feed(command: list[str], config: Config, folder: pathlib.Path, every: int) -> None:
    """Train one side to the end: send batches, and record the CPU time.

    Raises:
        UserError: if its process ends early.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "errors.txt").open("ab") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            start = json.loads(process.stdout.readline())["iteration"]
            times = _times(folder, start)
            image_set = open_images(config, "train")
            stream = batches(image_set, config, start).as_numpy_iterator()
            bar = tqdm(initial=start, total=config.iterations, desc=folder.name)
            for header in headers(config, start, every):
                send(process.stdin, header, next(stream))
                times.append(json.loads(process.stdout.readline())["cpu_seconds"])
                if header["save"]:
                    files.write_text(json.dumps(times), folder / "cpu_seconds.json")
                bar.update()
            process.stdin.close()
        except (OSError, ValueError):
            process.kill()
            raise UserError(f"{folder}: training ended early; see errors.txt") from None


def send(stream: IO[bytes], header: dict[str, Any], batch: Batch) -> None:
    """Write a line of JSON, and the batch of which it has the length, as .npz."""
    arrays = io.BytesIO()
    np.savez(arrays, **{n: x for n, x in batch._asdict().items() if n != "noise"})
    line = json.dumps(header | {"bytes": arrays.tell()})
    stream.write(line.encode() + b"\n" + arrays.getvalue())
    stream.flush()


def _times(folder: pathlib.Path, start: int) -> list[float]:
    """CPU seconds of the iterations so far."""
    file = folder / "cpu_seconds.json"
    return json.loads(file.read_text())[:start] if start else []


def work(config: Config, folder: pathlib.Path) -> None:
    """Train our side on the batches of standard input."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = make_model(config, choose_strategy(config))
    with Run.start(folder, config) as run:
        resume(run, model)
        iteration = model.iterations_done()
        print(json.dumps({"iteration": iteration}), flush=True)
        if iteration == config.iterations:
            return
        saves: list[bool] = []
        stream = tf.data.Dataset.from_generator(
            lambda: received(saves), output_signature=signature(config)
        )
        iterator = iter(stream)
        model.make_train_function()
        while iteration < config.iterations:
            used = time.process_time()
            float(model.train_function(iterator)["lambda_ds"])  # waits for the end
            measured = {"cpu_seconds": time.process_time() - used}
            iteration += 1
            if saves.pop(0):
                run.save(model)
            print(json.dumps(measured), flush=True)


def received(saves: list[bool]) -> Iterator[Batch]:
    """The batches of standard input; `saves` gets what their headers say of saving."""
    while line := sys.stdin.buffer.readline():
        header = json.loads(line)
        saves.append(header["save"])
        yield Batch(**np.load(io.BytesIO(sys.stdin.buffer.read(header["bytes"]))))


def signature(config: Config) -> Batch:
    """The shapes of a batch."""
    count, side = config.batch_size, config.img_size
    image = tf.TensorSpec((count, side, side, 3))
    label = tf.TensorSpec((count,), tf.int32)
    latent = tf.TensorSpec((count, config.latent_dim))
    return Batch(image, label, image, image, label, latent, latent)


def main(options: Options) -> None:
    """Train all sides and seeds, both sides of a seed at once."""
    if options.worker:
        settings = json.loads(options.worker)
        settings["domains"] = tuple(settings["domains"])
        work(Config(**settings), pathlib.Path(options.out))
        return
    for seed in map(int, options.seeds):
        with concurrent.futures.ThreadPoolExecutor() as threads:
            running = []
            for side in options.sides:
                folder = pathlib.Path(options.out) / f"{side}-seed{seed}"
                config = config_of(options, side, seed)
                command = (
                    authors(config, folder, options)
                    if side == AUTHORS
                    else ours(config, folder)
                )
                running.append(
                    threads.submit(feed, command, config, folder, options.every)
                )
            for future in running:
                future.result()


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
