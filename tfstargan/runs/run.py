"""The run directory: configuration, checkpoints, samples, logs, exports.

    RUN/config.json                         every setting, resolved
    RUN/run.json                            command, process, versions, commit
    RUN/lock                                held by the process that trains
    RUN/checkpoints/iteration-0005000.weights.h5, and its .sha256
    RUN/checkpoints/best.json               which of them, and by what measure
    RUN/samples/*.png   RUN/logs/ (TensorBoard)   RUN/evaluation/   RUN/export/

A checkpoint is the whole `StarGANv2`: networks, averages, optimizers and iteration. It
is written aside and renamed, its checksum first: under its name there is a whole one,
or none. Everything is read as a stranger's: no file of a run can run code.
"""

import contextlib
import json
import math
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

import filelock
import keras

from tfstargan import files
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.runs import checkpoint_file
from tfstargan.runs.provenance import process_of, provenance

RUNS = pathlib.Path("runs")
CHECKPOINT = "iteration-{:07d}.weights.h5"
BEST = "best"


class Best(NamedTuple):
    """The checkpoint with the lowest value of a measure."""

    iteration: int
    measure: str
    value: float


class Run:
    """One run directory; see the module for what is in it.

    Args:
        path: the directory; `start` and `open_run` check it.
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
        self.about = path / "run.json"
        self._whole: set[pathlib.Path] = set()  # checkpoints that were checked

    @classmethod
    @contextlib.contextmanager
    def start(cls, path: pathlib.Path, config: Config) -> Iterator["Run"]:
        """Make a run directory, or take up one that was begun with these settings.

        Until the context ends, no other process can.

        Raises:
            UserError: if its settings differ in more than the schedule, or another
                process trains there.
        """
        config_file = path / "config.json"
        if config_file.exists():
            _require_same(path, Config.load(config_file), config)
        run = cls(path, config)
        with contextlib.ExitStack() as held:
            try:
                path.mkdir(parents=True, exist_ok=True)
                held.enter_context(run._locked())
                files.remove_partial(run.checkpoints_dir)
                run._set_damaged_aside()
                config.save(config_file)
                files.write_text(json.dumps(provenance(), indent=2) + "\n", run.about)
            except OSError as error:
                raise UserError(
                    f"--run_dir={path}: can't be written ({error})"
                ) from error
            yield run

    def checkpoints(self) -> list[pathlib.Path]:
        """Return the checkpoints, oldest first."""
        return sorted(
            path
            for path in self.checkpoints_dir.glob("iteration-*.weights.h5")
            if re.fullmatch(r"iteration-\d{7,}\.weights\.h5", path.name)
        )

    def checkpoint(self, iteration: int | str | None = None) -> pathlib.Path:
        """Return the newest checkpoint that is whole, or that of an iteration.

        Newer ones that are damaged are named on standard error.

        Args:
            iteration: the wanted one, or "best"; by default the newest.

        Raises:
            UserError: if there is none, or the wanted one is damaged.
        """
        found = self.checkpoints()
        if iteration is not None:
            path = self.checkpoints_dir / CHECKPOINT.format(self.number(iteration))
            if path not in found:
                known = ", ".join(str(iteration_of(p)) for p in found) or "none"
                raise UserError(f"{path}: no such checkpoint; there are {known}")
            found = [path]
        if not found:
            raise UserError(f"{self.path}: no checkpoint in this run yet; train first")
        faults: list[str] = []
        for path in reversed(found):
            if path in self._whole or not (fault := checkpoint_file.fault(path)):
                self._whole.add(path)
                for fault in faults:
                    print(f"warning: {fault}; using {path.name}", file=sys.stderr)
                return path
            faults.append(f"{path}: can't be loaded ({fault})")
        raise UserError("; ".join(faults))

    def number(self, iteration: int | str) -> int:
        """The iteration that a number, as text or not, or "best" stands for."""
        if iteration == BEST:
            best = self.best()
            if best is None:
                raise UserError(f"{self.path}: none is best, nothing was measured")
            return best.iteration
        if not str(iteration).isdecimal():
            raise UserError(f"--checkpoint={iteration}: an iteration, or {BEST}")
        return int(iteration)

    def best(self) -> "Best | None":
        """Return which checkpoint is the best; None if nothing was measured."""
        try:
            text = (self.checkpoints_dir / f"{BEST}.json").read_text()
            best = Best(**json.loads(text))
            return Best(int(best.iteration), str(best.measure), float(best.value))
        except (OSError, ValueError, TypeError):  # none, or not ours
            return None

    def load(self, model: keras.Model, iteration: int | str | None = None) -> None:
        """Give a model the state of the newest whole checkpoint, or of an iteration's.

        Raises:
            UserError: if there is none, or it is damaged or of another architecture.
        """
        path = self.checkpoint(iteration)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = [*str(error).splitlines(), repr(error)][0]
            raise UserError(f"{path}: can't be loaded ({reason})") from error

    def load_averages(
        self,
        networks: dict[str, keras.Model],
        iteration: int | str | None = None,
    ) -> None:
        """Give networks a checkpoint's averages; `fan` and `discriminator` its weights.

        They are named as in `StarGANv2.averages`. The rest of the checkpoint (the other
        trained networks, optimizers) is not read.
        """
        self.load(_Averages(networks), iteration)

    def save(self, model: keras.Model) -> None:
        """Write a checkpoint, whole or not at all, and drop the oldest but the best.

        Raises:
            UserError: if it can't be written; what was there is there still.
        """
        path = self.checkpoints_dir / CHECKPOINT.format(model.iterations_done())
        try:
            with files.atomic_file(path, lasting=True) as partial:
                # HDF5 does not survive a disk that is full in the middle of a file.
                files.reserve(partial, self._room_for(model))
                model.save_weights(partial)
                checkpoint_file.write_checksum(partial, path)
        except OSError as error:
            kept = ", ".join(p.name for p in self.checkpoints()) or "none"
            # HDF5's own words are of many lines.
            reason = os.strerror(error.errno) if error.errno else error
            raise UserError(
                f"{path}: can't be written ({reason}); whole before it: {kept}; make "
                "room, and the same command goes on"
            ) from error
        self._whole.add(path)
        best = self.best()
        for old in self.checkpoints()[: -self.config.keep_checkpoints]:
            if best is None or iteration_of(old) != best.iteration:
                checkpoint_file.remove(old)

    def _room_for(self, model: keras.Model) -> int:
        """Return about how many bytes a checkpoint takes."""
        found = self.checkpoints()
        if found:
            return found[-1].stat().st_size * 21 // 20
        with_moments = 2  # for networks and averages, of which half are trained
        return sum(with_moments * 4 * math.prod(v.shape) for v in model.variables)

    def keep_if_best(self, model: keras.Model, measure: str, value: float) -> None:
        """Keep a checkpoint of now beside the newest if its value is the lowest yet."""
        best = self.best()
        lowest = best.value if best and best.measure == measure else math.inf
        if not value < lowest:  # nan is not
            return
        self.save(model)
        best = Best(model.iterations_done(), measure, value)
        text = json.dumps(best._asdict()) + "\n"
        files.write_text(text, self.checkpoints_dir / f"{BEST}.json", lasting=True)

    def _set_damaged_aside(self) -> None:
        """Name and rename newest checkpoints that are damaged, or they stay newest."""
        found = self.checkpoints()
        if found:
            for path in found[found.index(self.checkpoint()) + 1 :]:
                checkpoint_file.set_aside(path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the run's lock, which the system releases when this process ends."""
        lock = filelock.FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UserError(
                f"--run_dir={self.path}: another training is at work there "
                f"({process_of(self.about)}); wait for its end, or give another. If it "
                f"runs on no machine any more, delete {self.path / 'lock'}"
            ) from None
        except (NotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in files.LACKING:
                raise
            print(
                f"warning: {self.path}: this file system has no locks; do not train "
                "twice in this folder at once",
                file=sys.stderr,
            )
        try:
            yield
        finally:
            lock.release()


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


def _require_same(path: pathlib.Path, old: Config, new: Config) -> None:
    """Raise a UserError if settings differ that make another run."""
    differences = [
        f"{name}: {getattr(old, name)!r} there, {getattr(new, name)!r} now"
        for name in new.__dataclass_fields__
        if not new.may_change(name) and getattr(old, name) != getattr(new, name)
    ]
    if differences:
        raise UserError(
            f"{path}: begun with other settings ({'; '.join(differences)}); "
            "give another --run_dir"
        )


def open_run(run_dir: str | os.PathLike = "") -> Run:
    """A run that exists: the one named, or the newest under runs/.

    Args:
        run_dir: the run's folder; empty for the newest.

    Raises:
        UserError: if there is none.
    """
    path = pathlib.Path(run_dir) if os.fspath(run_dir) else newest_run()
    if not (path / "config.json").exists():
        raise UserError(f"--run_dir={path}: no run there (no config.json in it)")
    return Run(path, Config.load(path / "config.json"))


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
