"""Kill a process that saves checkpoints, at random moments of it.

    python tests/faults/saving.py RUN

saves the same small model over and over, each time an iteration later.
"""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from typing import NamedTuple

HERE = pathlib.Path(__file__)
sys.path.insert(0, str(HERE.parents[1]))  # where conftest.py is

import keras  # noqa: E402
from conftest import tiny  # noqa: E402

from tfstargan.runs import checkpoint_file  # noqa: E402
from tfstargan.runs.run import Run, iteration_of, open_run  # noqa: E402, open_run


class Kills(NamedTuple):
    """How many kills, how many in mid-save, after how many all was whole."""

    times: int
    in_mid_save: int
    whole: int


def kill_saves(folder: pathlib.Path, times: int, seed: int = 0) -> Kills:
    """Let a process save and kill it; the newest checkpoint must be whole each time."""
    rng = random.Random(seed)
    in_mid_save = whole = newest = 0
    with subprocess.Popen(
        [sys.executable, str(HERE), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(HERE.parents[2])},
        text=True,
    ) as process:
        try:
            for _ in range(times):
                process.stdin.write("go\n")
                process.stdin.flush()
                child = int(process.stdout.readline())
                time.sleep(rng.uniform(0.05, 0.3))
                os.kill(child, signal.SIGKILL)
                assert process.stdout.readline() == "killed\n"
                run = open_run(str(folder))
                in_mid_save += any(run.checkpoints_dir.glob(".partial-*"))
                path = run.checkpoints()[-1]
                assert not checkpoint_file.fault(path)
                assert iteration_of(path) >= newest
                newest = iteration_of(path)
                whole += 1
        finally:
            process.stdin.close()
    return Kills(times, in_mid_save, whole)


class Weights(keras.Model):
    """As much as a small StarGAN v2, in as many parts, and made in no time."""

    def __init__(self):
        super().__init__()
        self.parts = [self.add_weight((1000,), "ones") for _ in range(300)]
        self.iteration = 0
        self.built = True

    def iterations_done(self) -> int:
        return self.iteration


def save_for_ever(folder: pathlib.Path) -> None:
    """Fork a process that saves for each line of standard input; wait for its end."""
    for _ in sys.stdin:
        child = os.fork()  # TensorFlow has not computed yet, so that it can
        if not child:
            model = Weights()
            with Run.start(folder, tiny()) as run:
                found = run.checkpoints()
                model.iteration = iteration_of(found[-1]) if found else 0
                run.save(model)
                print(os.getpid(), flush=True)
                while True:
                    model.iteration += 1
                    run.save(model)
        os.waitpid(child, 0)
        print("killed", flush=True)


if __name__ == "__main__":
    save_for_ever(pathlib.Path(sys.argv[1]))
