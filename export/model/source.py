"""The checkpoint that an export is made of."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from tfstargan.errors import UserError
from tfstargan.files import checksum
from tfstargan.networks.build import build_networks, translating
from tfstargan.runs.run import Run, iteration_of
from tfstargan.translation.translator import Translator

TRIES = 20
Result = TypeVar("Result")


class Source(NamedTuple):
    """A run's checkpoint, loaded.

    Attributes:
        run: the run.
        iteration: iteration of the checkpoint.
        checkpoint: SHA-256 of the checkpoint's file.
        translator: its networks.
    """

    run: Run
    iteration: int
    checkpoint: str
    translator: Translator


def open_source(run: Run, checkpoint: int | str | None = None) -> Source:
    """A checkpoint of a run for export, also while the run trains.

    Args:
        run: the run to export.
        checkpoint: its iteration, or "best"; by default the newest.

    Raises:
        UserError: if there is no such checkpoint, or it can't be loaded.
    """
    networks = build_networks(run.config, translating(run.config))

    def load() -> Source:
        path = run.checkpoint(checkpoint)
        digest, iteration = checksum(path), iteration_of(path)
        run.load_averages(networks, iteration)
        return Source(run, iteration, digest, Translator(run.config, networks))

    return _while_it_trains(run, load)


def digest_of(run: Run, checkpoint: int | str | None = None) -> str:
    """The SHA-256 of the checkpoint that `open_source` would load."""
    return _while_it_trains(run, lambda: checksum(run.checkpoint(checkpoint)))


def _while_it_trains(run: Run, read: Callable[[], Result]) -> Result:
    """The result of `read`, tried again if training has replaced checkpoints since."""
    for left in reversed(range(TRIES)):
        before = run.checkpoints()
        try:
            return read()
        except (UserError, OSError):
            if not left or run.checkpoints() == before:
                raise
    raise AssertionError("not reached")
