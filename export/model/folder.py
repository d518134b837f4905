"""Where an export is written."""

import contextlib
import pathlib
from collections.abc import Iterator

import tensorflow as tf

from tfstargan.errors import UserError
from tfstargan.exported import contract
from tfstargan.files import atomic_folder
from tfstargan.runs.run import Run


def exports_dir(run: Run, out: str = "") -> pathlib.Path:
    """The folder that holds a run's exports: `out`, or by default RUN/export."""
    return pathlib.Path(out) if out else run.export_dir


@contextlib.contextmanager
def writing(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield an empty folder that becomes `target` when the context ends.

    An earlier export there is replaced. If an error is raised, it stays.

    Args:
        target: the folder to be, with the contract in it.

    Raises:
        UserError: if `target` is something else than an export, or can't be written.
    """
    require_replaceable(target)
    try:
        with atomic_folder(target) as folder:
            yield folder
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(f"{target}: can't be written ({error})") from error


def require_replaceable(target: pathlib.Path) -> None:
    """Raise a UserError if `target` exists and is not an export of ours."""
    if target.exists() and not (target / contract.NAME).is_file():
        raise UserError(
            f"{target}: exists already and is not an export; give another --out"
        )
