"""The run directory: settings, checkpoints, samples, logs, exports.

    RUN/config.json                         every setting, resolved
    RUN/run.json                            command, process, versions, commit
    RUN/data.json                           a hash of every image
    RUN/lock                                held by the training process
    RUN/checkpoints/iteration-0005000.weights.h5, and its .sha256
    RUN/checkpoints/best.json               the best of them, and its metric
    RUN/samples/*.png   RUN/logs/ (TensorBoard)   RUN/evaluation/   RUN/export/

A checkpoint holds the state of `StarGANv2`: networks, averages, optimizers and
iteration. It is written atomically, its checksum first. All files are treated as
untrusted input: no file of a run can execute code.
"""

import contextlib
import json
import math
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import filelock

from tfstargan import files
from tfstargan.config import LOSSES, OPTIMIZERS, Config
from tfstargan.errors import UserError
from tfstargan.runs import checkpoint_file
from tfstargan.runs.locating import RUNS, is_elsewhere, locate
from tfstargan.runs.provenance import process_of, provenance

if TYPE_CHECKING:
    from tfstargan.backend import keras

CHECKPOINT = "iteration-{:07d}.weights.h5"
BEST = "best"


class Best(NamedTuple):
    """The checkpoint with the lowest value of a metric."""

    iteration: int
    measure: str
    value: float


class Run:
    """A run directory; the module's docstring lists its files.

    Args:
        path: the directory; `start` and `open_run` check it.
        config: the run's settings.
        source: the directory of the checkpoints and of run.json, if it is another one
            (`locating`).
    """

    def __init__(
        self, path: pathlib.Path, config: Config, source: pathlib.Path | None = None
    ):
        self.path = path
        self.config = config
        self.checkpoints_dir = (source or path) / "checkpoints"
        self.samples_dir = path / "samples"
        self.logs_dir = path / "logs"
        self.evaluation_dir = path / "evaluation"
        self.export_dir = path / "export"
        self.about = (source or path) / "run.json"
        self._whole: set[pathlib.Path] = set()  # checkpoints that passed the checks

    @classmethod
    @contextlib.contextmanager
    def start(
        cls, path: pathlib.Path, config: Config, parent: dict | None = None
    ) -> Iterator["Run"]:
        """Make a run directory, or resume one that was begun with these settings.

        No other process can do so until the context ends.

        Args:
            path: the run's folder.
            config: the run's settings.
            parent: the entry in run.json on the run whose weights this one begins with;
                None: the entry that is there, if any.

        Raises:
            UserError: if a setting differs that must stay the same, or another process
                trains there.
        """
        config_file = path / "config.json"
        if config_file.exists():
            _require_same(path, Config.load(config_file), config)
        run = cls(path, config)
        with contextlib.ExitStack() as held:
            try:
                files.make_folder(path)
                held.enter_context(run._locked())
                files.remove_partial(run.checkpoints_dir)
                run._set_damaged_aside()
                config.save(config_file)
                # Without a checkpoint the entry is of a start that came to nothing.
                old = run.parent() if run.checkpoints() else None
                run._write_about(parent or old)
            except OSError as error:
                raise UserError(
                    f"--run_dir={path}: can't be written ({error})"
                ) from error
            yield run

    def changed_settings(self) -> list[str]:
        """The losses' and optimizers' settings that differ from the last start's.

        Before `start`, which replaces them; empty without a checkpoint.
        """
        file = self.path / "config.json"
        if not (self.checkpoints() and file.exists()):
            return []
        old = Config.load(file)
        return [
            f"{name} was {getattr(old, name)}, is {getattr(self.config, name)}"
            for name in old.differing(self.config)
            if Config.group_of(name) in (LOSSES, OPTIMIZERS)
        ]

    def parent(self) -> dict | None:
        """The entry in run.json on the run that this one began from, if any."""
        try:
            found = json.loads(self.about.read_text()).get("parent")
        except (OSError, ValueError, AttributeError):
            return None
        return found if isinstance(found, dict) else None

    def _write_about(self, parent: dict | None) -> None:
        about = provenance() | ({"parent": parent} if parent else {})
        files.write_text(json.dumps(about, indent=2) + "\n", self.about)

    def checkpoints(self) -> list[pathlib.Path]:
        """The checkpoints, oldest first."""
        return sorted(
            path
            for path in self.checkpoints_dir.glob("iteration-*.weights.h5")
            if re.fullmatch(r"iteration-\d{7,}\.weights\.h5", path.name)
        )

    def checkpoint(self, iteration: int | str | None = None) -> pathlib.Path:
        """The checkpoint of an iteration, or the newest undamaged one.

        Newer ones that are damaged are reported on standard error.

        Args:
            iteration: an iteration, or "best"; None: the newest.

        Raises:
            UserError: if there is none, or the requested one is damaged.
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
        """The iteration that a number, its text, or "best" refers to."""
        if iteration == BEST:
            best = self.best()
            if best is None:
                raise UserError(
                    f"{self.path}: has no best checkpoint; train with --evaluate_every"
                )
            return best.iteration
        if not str(iteration).isdecimal():
            raise UserError(
                f"--checkpoint={iteration}: must be an iteration, or {BEST}"
            )
        return int(iteration)

    def best(self) -> "Best | None":
        """The best checkpoint; None if nothing was measured."""
        try:
            text = (self.checkpoints_dir / f"{BEST}.json").read_text()
            best = Best(**json.loads(text))
            return Best(int(best.iteration), str(best.measure), float(best.value))
        except (OSError, ValueError, TypeError):  # none, or not ours
            return None

    def load(self, model: "keras.Model", iteration: int | str | None = None) -> None:
        """Load a checkpoint into a model: an iteration's, or the newest undamaged one.

        Raises:
            UserError: if there is none, or it is damaged or of another architecture.
        """
        path = self.checkpoint(iteration)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise UserError(
                f"{path}: can't be loaded ({checkpoint_file.cause_of(error)})"
            ) from error

    def load_averages(
        self,
        networks: "dict[str, keras.Model]",
        iteration: int | str | None = None,
    ) -> None:
        """Load a checkpoint's averages into networks, named as in `StarGANv2.averages`.

        `fan` and `discriminator`, which have no averages, get their weights. The rest
        of the checkpoint is not read.
        """
        from tfstargan.runs.averages import Averages

        self.load(Averages(networks), iteration)

    def save(self, model: "keras.Model") -> None:
        """Write a checkpoint atomically, and remove the oldest, except the best.

        Raises:
            UserError: if it can't be written; the existing ones stay.
        """
        path = self.checkpoints_dir / CHECKPOINT.format(model.iterations_done())
        try:
            with files.atomic_file(path, lasting=True) as partial:
                # HDF5 can crash if the disk is full in the middle of a file.
                files.reserve(partial, self._room_for(model))
                model.save_weights(partial)
                checkpoint_file.write_checksum(partial, path)
        except OSError as error:
            kept = ", ".join(p.name for p in self.checkpoints()) or "none"
            # HDF5's own messages have many lines.
            reason = os.strerror(error.errno) if error.errno else error
            raise UserError(
                f"{path}: can't be written ({reason}); the checkpoints before it are "
                f"kept ({kept}); make room and run the same command again to resume"
            ) from error
        self._whole.add(path)
        best = self.best()
        for old in self.checkpoints()[: -self.config.keep_checkpoints]:
            if best is None or iteration_of(old) != best.iteration:
                checkpoint_file.remove(old)

    def _room_for(self, model: "keras.Model") -> int:
        """The approximate number of bytes of a checkpoint."""
        found = self.checkpoints()
        if found:
            return found[-1].stat().st_size * 21 // 20
        with_moments = 2  # networks and averages; half of them have two moments
        return sum(with_moments * 4 * math.prod(v.shape) for v in model.variables)

    def keep_if_best(self, model: "keras.Model", measure: str, value: float) -> None:
        """Save a checkpoint and keep it as the best if its value is the lowest yet."""
        best = self.best()
        lowest = best.value if best and best.measure == measure else math.inf
        if not value < lowest:  # also for nan
            return
        self.save(model)
        best = Best(model.iterations_done(), measure, value)
        text = json.dumps(best._asdict()) + "\n"
        files.write_text(text, self.checkpoints_dir / f"{BEST}.json", lasting=True)

    def out_of_patience(self, iteration: int) -> bool:
        """Whether the last `config.patience` evaluations found nothing better."""
        best, evaluations = self.best(), self.config.patience
        if not evaluations or best is None:
            return False
        return iteration - best.iteration >= evaluations * self.config.evaluate_every

    def _set_damaged_aside(self) -> None:
        """Report and rename damaged checkpoints that are newer than any whole one."""
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
                f"({process_of(self.about)}); wait for its end, or give another "
                f"folder. If it runs on no machine any more, delete {lock.lock_file}"
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


def _require_same(path: pathlib.Path, old: Config, new: Config) -> None:
    """Raise a UserError if a setting differs that a resumed run must keep."""
    differences = [
        f"{name}: {getattr(old, name)!r} there, {getattr(new, name)!r} now"
        for name in old.differing(new)
        if not new.may_change(name)
    ]
    if not differences:
        return
    remedy = "give another --run_dir"
    if new.batch_size < old.batch_size:
        remedy += (
            f", or to save memory keep --batch_size={old.batch_size} and add "
            f"--accumulate={math.ceil(old.batch_size / new.batch_size)}"
        )
    raise UserError(
        f"{path}: begun with other settings ({'; '.join(differences)}); {remedy}"
    )


def open_run(run_dir: str | os.PathLike = "") -> Run:
    """A run that exists: the one named, or the newest under runs/.

    Args:
        run_dir: the run's folder, `preset:NAME` or `hf://OWNER/NAME`; empty for the
            newest.

    Raises:
        UserError: if it does not exist.
    """
    source, path = locate(run_dir if os.fspath(run_dir) else newest_run())
    if not (source / "config.json").exists():
        raise UserError(f"--run_dir={run_dir}: no run there (no config.json in it)")
    config = Config.load(source / "config.json")
    if is_elsewhere(run_dir):  # its author does not choose files of this machine
        config = config.without_paths()
    return Run(path, config, source)


def iteration_of(path: pathlib.Path) -> int:
    """The iteration in a checkpoint's name."""
    return int(re.findall(r"\d+", path.name)[0])


def newest_run() -> pathlib.Path:
    """The run under runs/ that was trained last; prints which one it is.

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
