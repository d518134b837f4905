"""Compare time and memory of a training iteration with the authors' PyTorch code.

    python benchmarks/training_step.py --sizes=128,256 --batches=1
    python benchmarks/training_step.py --reference=stargan-v2 --reference_python=PYTHON
    python benchmarks/training_step.py --against=OTHER_CHECKOUT

`--reference` is a clone of github.com/clovaai/stargan-v2, `--reference_python` a Python
with PyTorch. Without them only our code is measured. Each side is a process of its own.
The two run one iteration each in turns, so that other work on the machine slows both.
The first iteration, with compilation, does not count. Every setting of a run is a flag:
`--recompute`, `--jit`, ...

On a machine with other work, add `--threads=1` and compare CPU seconds. PyTorch's
threads wait for each other in busy loops, so that one delayed thread costs the time of
all.

Seconds are medians of elapsed time. CPU seconds are those of all threads of a process.
Memory is the largest resident set of the process, libraries included.
"""

import dataclasses
import json
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from arithmetic import peak

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.errors import UserError
from tfstargan.settings import Settings, setting
from tfstargan.training.distribution import choose_strategy
from tfstargan.training.loop import make_model
from tfstargan.training.stargan import StarGANv2

REFERENCE_STEP = pathlib.Path(__file__).with_name("reference_step.py")
ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    sizes: tuple[str, ...] = setting(
        (
            "128",
            "256",
        ),
        "image sides",
    )
    batches: tuple[str, ...] = setting(("1",), "images per iteration")
    threads: int = setting(0, "of each side; 0: one for each processor", at_least=0)
    rounds: int = setting(3, "iterations that count, of each side", at_least=1)
    reference: str = setting(
        "", "clone of the authors' code; empty: ours alone", path=True
    )
    against: str = setting("", "another checkout of ours to compare with", path=True)
    reference_python: str = setting(sys.executable, "a Python with PyTorch")
    worker: str = setting("", "JSON of a Config: be one side's process")


class Side:
    """A process that runs one iteration at a time."""

    def __init__(self, command: list[str]):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.measured: list[dict[str, float]] = []

    def iterate(self) -> None:
        """Run one iteration; raise a UserError if the process ends instead."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            self.measured.append(json.loads(self.process.stdout.readline()))
        except (BrokenPipeError, json.JSONDecodeError):
            code = self.process.wait()
            self.errors.seek(0)
            last = [f"exit code {code}", *self.errors.read().splitlines()][-1]
            raise UserError(f"{' '.join(self.process.args[:2])}: {last}") from None

    def median(self, what: str) -> float:
        """The median over all iterations except the first."""
        return statistics.median(m[what] for m in self.measured[1:])

    def peak(self) -> float:
        """The largest resident set so far, in GB."""
        return self.measured[-1]["peak_bytes"] / 1e9

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()


def ours(config: Config, threads: int, checkout: pathlib.Path = ROOT) -> list[str]:
    """The command of a process that trains with these settings.

    In another checkout they mean what is its default, where they are our default.
    """
    settings = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    }
    script = str(checkout / "benchmarks" / "training_step.py")
    python = ["env", f"PYTHONPATH={checkout}", sys.executable]
    return [*python, script, f"--worker={json.dumps(settings)}", f"--threads={threads}"]


def reference(config: Config, threads: int, checkout: str, python: str) -> list[str]:
    """The command of a process that runs the authors' code with these settings.

    Raises:
        UserError: if it has no such setting.
    """
    if not (pathlib.Path(checkout) / "core" / "solver.py").exists():
        raise UserError(f"--reference={checkout}: no clone of clovaai/stargan-v2")
    theirs = "channel_base channel_max patch_size residual generator w_hpf".split()
    if {*theirs} & {*config.differing(Config())}:
        raise UserError(
            f"the reference is measured with the defaults of {', '.join(theirs)}"
        )
    same = (
        "img_size style_dim latent_dim batch_size w_hpf lambda_reg lambda_sty lambda_ds"
        " lambda_cyc beta1 beta2 weight_decay"
    ).split()
    sizes = {name: getattr(config, name) for name in same} | {
        "num_domains": len(config.domains),
        "lr": config.learning_rate,
        "f_lr": config.mapping_learning_rate,
        "mode": "train",
        "threads": threads,
        "checkpoint_dir": tempfile.gettempdir(),  # nothing is written there
    }
    return [python, str(REFERENCE_STEP), checkout, json.dumps(sizes)]


def work(config: Config, threads: int) -> None:
    """Run one iteration for each line of the input and print its measurements."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    model = make_model(config, choose_strategy(config))
    iterations = train_forever(model, config)
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        next(iterations)
        measured = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - used,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(measured), flush=True)


def train_forever(model: StarGANv2, config: Config) -> Iterator[None]:
    """Run an iteration, as `fit` does, for every `next`."""
    batch = noise(config)
    stream = iter(tf.data.Dataset.from_tensors(batch).repeat())
    model.make_train_function()
    while True:
        losses = model.train_function(stream)
        yield float(losses["lambda_ds"])  # waits for the end


def noise(config: Config) -> Batch:
    """A batch of noise."""
    rng = np.random.default_rng(0)
    count, side = config.batch_size, config.img_size
    images = rng.uniform(-1, 1, (3, count, side, side, 3)).astype(np.float32)
    latents = rng.standard_normal((2, count, config.latent_dim), np.float32)
    y_src = np.arange(count, dtype=np.int32) % len(config.domains)
    return Batch(
        x_src=images[0],
        y_src=y_src,
        x_ref=images[1],
        x_ref2=images[2],
        y_trg=(y_src + 1) % len(config.domains),
        z=latents[0],
        z2=latents[1],
    )


def compare(
    config: Config, our_command: list[str], theirs: list[str] | None, rounds: int
) -> str:
    """The rows of both sides, which run in turns."""
    count = config.batch_size
    with Side(our_command) as a:
        if theirs is None:
            for _ in range(1 + rounds):
                a.iterate()
            return row(config, a, count)
        with Side(theirs) as b:
            for _ in range(1 + rounds):
                a.iterate()
                b.iterate()
            ratios = (
                a.median("seconds") / b.median("seconds"),
                a.median("cpu_seconds") / b.median("cpu_seconds"),
                a.peak() / b.peak(),
            )
            return "\n".join(
                [
                    row(config, a, count),
                    row(config, b, count, "other"),
                    "| | | ratio | {:.2f} | | {:.2f} | {:.2f} | |".format(*ratios),
                ]
            )


def row(config: Config, side: Side, count: int, name: str = "ours") -> str:
    """A side's measurements as a row of the table."""
    seconds = side.median("seconds")
    return (
        f"| {config.img_size} | {count} | {name} | {seconds:.2f} | "
        f"{seconds / count:.2f} | {side.median('cpu_seconds'):.2f} | "
        f"{side.peak():.2f} | {side.peak() / count:.2f} |"
    )


def main(config: Config, options: Options) -> None:
    """Print a table of sizes and batches, or run as one of its processes."""
    if options.worker:
        work(Config(**json.loads(options.worker)), options.threads)
        return
    print(f"{platform.processor() or platform.machine()}, TensorFlow {tf.__version__}")
    print(f"a large matrix product: {peak():.0f} GMAC/s of a core")
    print("| side | batch | | s/iteration | s/image | CPU s | peak GB | GB/image |")
    print("|---|---|---|---|---|---|---|---|")
    for size in map(int, options.sizes):
        for batch in map(int, options.batches):
            config = dataclasses.replace(
                config, img_size=size, batch_size=batch, domains=("a", "b", "c")
            )
            threads, theirs = options.threads, None
            if options.reference:
                theirs = reference(
                    config, threads, options.reference, options.reference_python
                )
            elif options.against:
                theirs = ours(config, threads, pathlib.Path(options.against).resolve())
            rows = compare(config, ours(config, threads), theirs, options.rounds)
            print(rows, flush=True)


if __name__ == "__main__":
    cli.start(main, Config, Options, about=__doc__)
