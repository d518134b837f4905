"""The file of a checkpoint: its checksum, and the checks before it is read.

    iteration-0005000.weights.h5          plain HDF5, as Keras writes it
    iteration-0005000.weights.h5.sha256   for `sha256sum --check`

HDF5 files can refer to other files and can expand to any size. Keras' checkpoints do
neither: a file that does was not written by Keras, and is refused before it is read.
"""

import pathlib
from typing import Any

import h5py

from tfstargan import files

NUMBERS = "fiu"  # kinds of NumPy types


def write_checksum(content: pathlib.Path, path: pathlib.Path) -> None:
    """Write the checksum of a file that is about to be renamed to `path`."""
    line = f"{files.checksum(content)}  {path.name}\n"
    files.write_text(line, _checksum_of(path), lasting=True)


def fault(path: pathlib.Path) -> str:
    """What is wrong with a checkpoint; empty if nothing is.

    A file without a checksum, such as an older one, is checked all the same.
    """
    try:
        beside = _checksum_of(path)
        if beside.exists():
            if beside.read_text().split()[:1] != [files.checksum(path)]:
                return "its checksum differs: it was changed or damaged"
        with h5py.File(path, "r") as file:
            return _foreign(file, path.stat().st_size)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        return f"damaged: {cause_of(error)}"


def cause_of(error: Exception) -> str:
    """The first line of an error that names the cause.

    Keras counts the objects that could not be loaded, and then gives one's error.
    """
    lines = [line for line in str(error).splitlines() if line] or [repr(error)]
    return lines[1 if lines[0].startswith("A total of") else 0]


def remove(path: pathlib.Path) -> None:
    """Remove a checkpoint, its checksum last."""
    path.unlink()
    _checksum_of(path).unlink(missing_ok=True)


def set_aside(path: pathlib.Path) -> None:
    """Rename a damaged checkpoint, so that it is no longer found."""
    path.rename(path.with_name(path.name + ".damaged"))
    _checksum_of(path).unlink(missing_ok=True)


def _checksum_of(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(path.name + ".sha256")


def _foreign(file: h5py.File, size: int) -> str:
    """What Keras would not have written into an HDF5 file; empty if nothing."""
    faults: list[str] = []
    total = 0

    def look(name: str, link: Any) -> None:
        nonlocal total
        if not isinstance(link, h5py.HardLink):
            faults.append(f"{name} is a link")
            return
        item = file[name]
        if not isinstance(item, h5py.Dataset):
            return
        total += item.nbytes
        if item.external or item.is_virtual:
            faults.append(f"{name} is in another file")
        elif item.dtype.kind not in NUMBERS:
            faults.append(f"{name} holds no numbers")

    file.visititems_links(look)
    if total > size:
        faults.append(f"its {size} bytes expand to {total}")
    return faults[0] if faults else ""
