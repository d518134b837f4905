"""A checkpoint's file: its checksum beside it, and what is wrong with it.

    iteration-0005000.weights.h5          plain HDF5, as Keras writes it
    iteration-0005000.weights.h5.sha256   as `sha256sum --check` takes it

HDF5 can refer to other files and can unpack to any size. Keras' checkpoints do neither,
so that one that does is another's work, and refused before a number is read.
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
    """Return what is wrong with a checkpoint; empty if nothing is.

    One without a checksum (older, or another's) is looked at all the same.
    """
    try:
        beside = _checksum_of(path)
        if beside.exists():
            if beside.read_text().split()[:1] != [files.checksum(path)]:
                return "its checksum is another: it was changed or damaged"
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
    """Rename a damaged checkpoint, so that it counts as none."""
    path.rename(path.with_name(path.name + ".damaged"))
    _checksum_of(path).unlink(missing_ok=True)


def _checksum_of(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(path.name + ".sha256")


def _foreign(file: h5py.File, size: int) -> str:
    """Return what is in an HDF5 file that Keras would not write; empty if nothing."""
    faults: list[str] = []
    total = 0

    def look(name: str, link: Any) -> None:
        nonlocal total
        if not isinstance(link, h5py.HardLink):
            faults.append(f"{name} refers to another place")
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
        faults.append(f"its {size} bytes unpack to {total}")
    return faults[0] if faults else ""
