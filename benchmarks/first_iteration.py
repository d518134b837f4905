"""How long the first iteration with --jit takes, which compiles the training step.

    python benchmarks/first_iteration.py --against=OTHER_CHECKOUT
    python benchmarks/first_iteration.py --cache

With `--cache`, XLA's persistent compilation cache is tried: a process that fills it and
one that finds what it needs. Each figure is of a process of its own, in turns, without
TensorFlow's import. `equal` says whether all weights are the same after three
iterations as those of the first process.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.append(str(pathlib.Path(__file__).parents[1]))  # after PYTHONPATH

from tfstargan import cli
from tfstargan.settings import Settings, setting

ROOT = pathlib.Path(__file__).parents[1]
CACHE = "--tf_xla_persistent_cache_directory"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    configs: tuple[str, ...] = setting(("critters", "critters64"), "files of configs/")
    against: str = setting("", "checkout to compare with", path=True)
    cache: bool = setting(False, "try XLA's persistent cache")
    rounds: int = setting(1, "processes of each kind", at_least=1)
    worker: str = setting("", "a file of configs/: be one of the processes")


def work(name: str) -> None:
    """Run three iterations; print seconds of the first and a hash of all weights."""
    cli.import_tensorflow()
    from tfstargan.config import Config
    from tfstargan.data.stream import batches, open_images
    from tfstargan.training.distribution import choose_strategy
    from tfstargan.training.loop import make_model

    config = Config.from_flagfile(ROOT / "configs" / f"{name}.flags", jit=True)
    training = open_images(config, "train")
    config = dataclasses.replace(config, domains=training.domains)
    model = make_model(config, choose_strategy(config))
    stream = iter(batches(training, config))
    start = time.perf_counter(), time.process_time()
    model.make_train_function()
    float(model.train_function(stream)["lambda_ds"])  # waits for the end
    took = time.perf_counter() - start[0], time.process_time() - start[1]
    for _ in range(2):
        float(model.train_function(stream)["lambda_ds"])
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.asarray(weight).tobytes())
    print(json.dumps([*took, digest.hexdigest()]))


def timed(name: str, checkout: pathlib.Path, flags: str) -> tuple[float, float, str]:
    """Wall and processor seconds of a first iteration, and the hash of the weights."""
    given = {"PYTHONPATH": str(checkout), "TF_XLA_FLAGS": flags}
    result = subprocess.run(
        [sys.executable, __file__, f"--worker={name}"],
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu, digest = json.loads(result.stdout.splitlines()[-1])
    return wall, cpu, digest


def main(options: Options) -> None:
    """Print a table, or run as one of its processes."""
    if options.worker:
        work(options.worker)
        return
    print("| configuration | | s | processor time, s | equal |\n|---|---|---|---|---|")
    for name in options.configs:
        taken: dict[str, list[tuple[float, float, str]]] = {}
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                kinds = {"here": (ROOT, "")}
                if options.against:
                    kinds["there"] = pathlib.Path(options.against).resolve(), ""
                if options.cache:
                    kinds |= dict.fromkeys(
                        ("cache, first start", "cache, second start"),
                        (ROOT, f"{CACHE}={folder}"),
                    )
                for kind, how in kinds.items():
                    taken.setdefault(kind, []).append(timed(name, *how))
        for kind, each in taken.items():
            wall, cpu = (statistics.median(one[i] for one in each) for i in (0, 1))
            equal = {one[2] for one in each} == {taken["here"][0][2]}
            print(f"| {name} | {kind} | {wall:.1f} | {cpu:.1f} | {equal} |", flush=True)


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__, tensorflow=False)
