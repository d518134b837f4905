"""The run directory: configuration, checkpoints, samples, logs, exports.

    RUN/config.json                         every setting, resolved
    RUN/run.json                            command, versions, commit
    RUN/checkpoints/iteration-0005000.weights.h5
    RUN/samples/*.png   RUN/logs/ (TensorBoard)   RUN/evaluation/   RUN/export/

A checkpoint is the whole `StarGANv2`: networks, averages, optimizers and iteration.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import PIL
import tensorflow as tf

from tfstargan.config import SCHEDULE, Config, UserError

RUNS = pathlib.Path("runs")
CHECKPOINT = "iteration-{:07d}.weights.h5"


class Run:
    """One run directory; see the module for what is in it.

    Args:
        path: the directory; `start` and `open` check it.
        config: the run's settings.
    """

    def __init__(self, path: pathlib.Path, config: Config):
        self.path = path
        self.config = config
        self.checkpoints_dir = path / "checkpoints"
        self.samples_dir = path / "samples"
        self.logs_dir = path / "logs"
        self.evaluation_dir = path / "evaluation"
        self.export_dir = path / "export"

    @classmethod
    def start(cls, path: pathlib.Path, config: Config) -> "Run":
        """Make a run directory, or take up one that was begun with these settings.

        Raises:
            UserError: if its settings differ in more than the schedule.
        """
        config_file = path / "config.json"
        if config_file.exists():
            old = Config.load(config_file)
            differences = [
                f"{name}: {getattr(old, name)!r} there, {getattr(config, name)!r} now"
                for name in config.__dataclass_fields__
                if name not in SCHEDULE and getattr(old, name) != getattr(config, name)
            ]
            if differences:
                raise UserError(
                    f"{path}: begun with other settings ({'; '.join(differences)}); "
                    "give another --run_dir"
                )
        try:
            path.mkdir(parents=True, exist_ok=True)
            config.save(config_file)
            (path / "run.json").write_text(json.dumps(provenance(), indent=2) + "\n")
        except OSError as error:
            raise UserError(f"--run_dir={path}: can't be written ({error})") from error
        return cls(path, config)

    @classmethod
    def open(cls, run_dir: str = "") -> "Run":
        """Return a run that exists: the one named, or the newest under runs/.

        Raises:
            UserError: if there is none.
        """
        path = pathlib.Path(run_dir) if run_dir else newest_run()
        if not (path / "config.json").exists():
            raise UserError(f"--run_dir={path}: no run there (no config.json in it)")
        return cls(path, Config.load(path / "config.json"))

    def checkpoints(self) -> list[pathlib.Path]:
        """Return the checkpoints, oldest first."""
        return sorted(self.checkpoints_dir.glob("iteration-*.weights.h5"))

    def checkpoint(self, iteration: int | None = None) -> pathlib.Path:
        """Return the newest checkpoint, or that of an iteration.

        Raises:
            UserError: if there is none.
        """
        found = self.checkpoints()
        if iteration is not None:
            path = self.checkpoints_dir / CHECKPOINT.format(iteration)
            if path not in found:
                known = ", ".join(str(iteration_of(p)) for p in found) or "none"
                raise UserError(f"{path}: no such checkpoint; there are {known}")
            return path
        if not found:
            raise UserError(f"{self.path}: no checkpoint in this run yet; train first")
        return found[-1]

    def load(self, model: keras.Model, iteration: int | None = None) -> None:
        """Give a model the state of the newest checkpoint, or of an iteration's.

        Raises:
            UserError: if there is none, or it is damaged or of another architecture.
        """
        path = self.checkpoint(iteration)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{path}: can't be loaded ({reason})") from error

    def load_averages(
        self, networks: dict[str, keras.Model], iteration: int | None = None
    ) -> None:
        """Give networks a checkpoint's averages; `fan` and `discriminator` its weights.

        They are named as in `StarGANv2.averages`. The rest of the checkpoint (the other
        trained networks, optimizers) is not read.
        """
        self.load(_Averages(networks), iteration)

    def save(self, model: keras.Model) -> None:
        """Write a checkpoint, whole or not at all, and drop the oldest."""
        self.checkpoints_dir.mkdir(parents=True, exist_ok=True)
        path = self.checkpoints_dir / CHECKPOINT.format(model.iterations_done())
        partial = self.checkpoints_dir / "partial.weights.h5"
        model.save_weights(partial)
        os.replace(partial, path)
        for old in self.checkpoints()[: -self.config.keep_checkpoints]:
            old.unlink()


class _Averages(keras.Model):
    """Some networks of a `StarGANv2`, in their places in a checkpoint."""

    def __init__(self, networks: dict[str, keras.Model]):
        super().__init__()
        averages = dict(networks)
        self.fan = averages.pop("fan", None)
        self.discriminator = averages.pop("discriminator", None)
        self.averages = averages
        self.built = True

    def load_own_variables(self, store: dict) -> None:
        """Pass over the iteration."""


def iteration_of(path: pathlib.Path) -> int:
    """Return the iteration in a checkpoint's name."""
    return int(re.findall(r"\d+", path.name)[0])


def newest_run() -> pathlib.Path:
    """Return the run under runs/ that was trained last, and say which.

    Raises:
        UserError: if there is none.
    """
    runs = [p.parent for p in RUNS.glob("*/config.json")]
    if not runs:
        raise UserError(
            f"no run under {RUNS.absolute()}; train first or give --run_dir"
        )

    def trained(run: pathlib.Path) -> float:
        return max(
            p.stat().st_mtime for p in [run / "config.json", *run.glob("check*/*")]
        )

    newest = max(runs, key=trained)
    print(f"Using the newest run, {newest}", file=sys.stderr)
    return newest


def provenance() -> dict:
    """Return what made this run: command, versions, and the commit if there is one."""
    describe = ["git", "describe", "--always", "--dirty"]
    folder = pathlib.Path(__file__).parent
    try:
        commit = subprocess.run(
            describe, cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = None
    modules = (tf, keras, np, PIL)
    return {
        "command": sys.argv,
        "commit": commit,
        "python": sys.version.split()[0],
        "versions": {module.__name__: module.__version__ for module in modules},
    }
