"""PyTorch's files without PyTorch: `load(path)` and `save(path, tree)`.

Both formats of `torch.save` are read: the zip archive (PyTorch 1.6 and later) and the
older stream. In both, a pickle describes dictionaries of tensors (see
`pytorch_pickle.py`; it is not executed). Their values are stored beside it as raw
"storages", which tensors may share:

    archive/data.pkl, archive/data/KEY, archive/byteorder, archive/version
    MAGIC, protocol, system, description, [KEY, ...] as pickles; then count, values, ...
"""

import io
import mmap
import os
import pathlib
import struct
import zipfile
from typing import Any

import numpy as np

from tfstargan.errors import UserError
from tfstargan.files import atomic_file
from tfstargan.reference.pytorch_pickle import Storages, describe, interpret

ZIP_START = b"PK\x03\x04"
MAGIC = 0x1950A86A20F9469CFC6C
STREAM_START = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."
STREAM_PROTOCOL = 1001
LONGEST_REASON = 300
# Errors of zipfile on a damaged archive, or one with unsupported features.
OF_ZIPFILE = (zipfile.BadZipFile, NotImplementedError, RuntimeError)


def load(path: str | os.PathLike) -> dict[str, Any]:
    """The dictionary in a file of `torch.save`, its tensors as NumPy arrays.

    bfloat16 becomes float32; other types are kept. Tensors that share a storage share
    memory. Numbers, texts, lists and tuples are returned as they are.

    Args:
        path: of the file, in either format.

    Raises:
        UserError: if the file is missing, damaged or of another kind, or if it asks for
            more than tensors.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            start = file.read(len(STREAM_START))
        if start.startswith(ZIP_START):
            tree = _load_zip(path)
        elif start == STREAM_START:
            tree = _load_stream(path)
        else:
            raise ValueError("it does not begin like a file of torch.save")
        if not isinstance(tree, dict):
            raise ValueError("no dictionary in it")
    except (LookupError, EOFError, OverflowError, struct.error) as error:
        raise UserError(f"{path}: not a readable PyTorch file (damaged)") from error
    except (ValueError, OSError, *OF_ZIPFILE) as error:
        reason = str(error).splitlines()[0][:LONGEST_REASON]  # may quote the file
        raise UserError(f"{path}: not a readable PyTorch file ({reason})") from error
    return tree


def _load_zip(path: pathlib.Path) -> Any:
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        found = [n for n in infos if n.count("/") == 1 and n.endswith("/data.pkl")]
        if len(found) != 1:
            raise ValueError("a zip archive, but not from torch.save")
        top = found[0].removesuffix("data.pkl")
        if f"{top}constants.pkl" in infos:
            raise ValueError("a TorchScript program, not a checkpoint")

        def record(name: str, expected: int | None = None) -> bytes:
            info = infos.get(top + name)
            if info is None:
                raise ValueError(f"{name} is missing")
            stored = info.compress_type == zipfile.ZIP_STORED
            if not stored or info.file_size > size:  # it would unpack to more
                raise ValueError(f"{name} is packed in an unknown way")
            raw = archive.read(info)
            if len(raw) != (len(raw) if expected is None else expected):
                raise ValueError(f"{name} has the wrong size")
            return raw

        storages = Storages(size)
        tree = interpret(io.BytesIO(record("data.pkl")), storages)
        big_endian = f"{top}byteorder" in infos and record("byteorder") == b"big"
        for key in storages.arrays:
            raw = record(f"data/{key}", storages.size(key))
            storages.fill(key, raw, big_endian)
    return tree


def _load_stream(path: pathlib.Path) -> Any:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stream,
    ):
        storages = Storages(len(stream))
        interpret(stream, storages)  # MAGIC
        if interpret(stream, storages) != STREAM_PROTOCOL:
            raise ValueError("of an unknown version")
        interpret(
            stream, storages
        )  # byte order of the machine; values are little-endian
        tree = interpret(stream, storages)
        keys = interpret(stream, storages)
        if not isinstance(keys, list) or sorted(storages.arrays) != keys:
            raise ValueError("its storages are not those described")
        for key in keys:
            (count,) = struct.unpack("<q", stream.read(8))
            raw = stream.read(storages.size(key))
            if count != len(storages.arrays[key]) or len(raw) != storages.size(key):
                raise ValueError("cut short, or its sizes are wrong")
            storages.fill(key, raw)
    return tree


def save(path: str | os.PathLike, tree: dict[str, Any]) -> None:
    """Write nested dictionaries of arrays so that `torch.load` reads them as tensors.

    The file has the zip format, which `torch.load(path, weights_only=True)` accepts. It
    is written atomically.

    Args:
        path: of the file; its folder is created.
        tree: keys are texts, arrays of the types in TYPES.

    Raises:
        UserError: if the file can't be written.
        ValueError: if an array is of another type.
    """
    path = pathlib.Path(path)
    arrays: list[np.ndarray] = []
    description = b"\x80\x02" + b"".join(describe(tree, arrays)) + b"."
    try:
        with atomic_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:

            def write(name: str, data: bytes) -> None:
                archive.writestr(zipfile.ZipInfo(f"archive/{name}"), data)

            write("data.pkl", description)
            write("byteorder", b"little")
            for key, array in enumerate(arrays):
                write(f"data/{key}", array.tobytes())
            write("version", b"3\n")
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error})") from error
