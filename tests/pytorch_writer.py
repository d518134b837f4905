"""PyTorch's two file formats, written by hand: what tests read is not what they wrote.

Independent of `tfstargan.pytorch_file.save`: Python's own pickler makes the pickles,
from stand-ins for PyTorch's classes.
"""

import collections
import contextlib
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
NAMES = {
    "<f4": "FloatStorage",
    "<f8": "DoubleStorage",
    "<f2": "HalfStorage",
    "<i8": "LongStorage",
    "<i4": "IntStorage",
    "|b1": "BoolStorage",
    "|u1": "ByteStorage",
}


class Storage(NamedTuple):
    """Values in a row."""

    key: str
    kind: str
    count: int
    raw: bytes

    @classmethod
    def of(cls, key: str, array: np.ndarray) -> "Storage":
        return cls(key, NAMES[array.dtype.str], array.size, array.tobytes())


class Tensor:
    """A view of a storage, pickled as PyTorch does."""

    def __init__(self, storage: Storage, offset: int, size: tuple, stride: tuple):
        self.storage, self.view = storage, (offset, size, stride)

    def __reduce__(self) -> tuple:
        hooks: dict = collections.OrderedDict()
        arguments = (self.storage, *self.view, False, hooks)
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class Parameter:
    """A tensor that is trained."""

    def __init__(self, tensor: Tensor):
        self.tensor = tensor

    def __reduce__(self) -> tuple:
        rebuild = sys.modules["torch._utils"]._rebuild_parameter
        return rebuild, (self.tensor, True, collections.OrderedDict())


@contextlib.contextmanager
def stand_ins() -> Iterator[types.ModuleType]:
    """Have modules `torch` and `torch._utils` with the names that are pickled."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch._utils = utils
    kinds = [*NAMES.values(), "BFloat16Storage"]
    for module, name in [(torch, k) for k in kinds] + [
        (utils, "_rebuild_tensor_v2"),
        (utils, "_rebuild_parameter"),
    ]:
        stand_in = type(name, (), {"__module__": module.__name__})
        setattr(module, name, stand_in)
    own = {"torch": torch, "torch._utils": utils}
    before = {name: sys.modules.get(name) for name in own}
    sys.modules.update(own)
    try:
        yield torch
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def pickled(tree: Any, *view: None) -> tuple[bytes, dict[str, Storage]]:
    """The pickle of a tree and its storages."""
    storages: dict[str, Storage] = {}
    with stand_ins() as torch:

        class Pickler(pickle.Pickler):
            def persistent_id(self, value: Any) -> Any:
                if not isinstance(value, Storage):
                    return None
                storages[value.key] = value
                kind = getattr(torch, value.kind)
                return ("storage", kind, value.key, "cuda:0", value.count, *view)

        buffer = io.BytesIO()
        Pickler(buffer, protocol=2).dump(tree)
    return buffer.getvalue(), storages


def archive(description: bytes, storages: dict[str, bytes], **records: bytes) -> bytes:
    """A zip archive as of PyTorch 1.6 and later."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("nets/data.pkl", description)
        for name, data in records.items():
            file.writestr(f"nets/{name}", data)
        for key, raw in storages.items():
            file.writestr(f"nets/data/{key}", raw)
        file.writestr("nets/version", b"3\n")
    return buffer.getvalue()


def zipped(tree: Any) -> bytes:
    """A tree as PyTorch 1.6 and later write it."""
    description, storages = pickled(tree)
    return archive(description, {key: s.raw for key, s in storages.items()})


def streamed(tree: Any) -> bytes:
    """A tree as PyTorch before 1.6 wrote it."""
    description, storages = pickled(tree, None)
    sizes = {"short": 2, "int": 4, "long": 4}
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
    return b"".join(
        [
            *(pickle.dumps(x, protocol=2) for x in (MAGIC, 1001, machine)),
            description,
            pickle.dumps(sorted(storages), protocol=2),
            *(count(s) + s.raw for _, s in sorted(storages.items())),
        ]
    )


def count(storage: Storage) -> bytes:
    return struct.pack("<q", min(storage.count, 2**63 - 1))


FORMATS = {"zip": zipped, "stream": streamed}


def tensors(arrays: dict[str, np.ndarray], prefix: str = "") -> dict:
    """A state dict of arrays, each with a storage of its own."""
    state: dict = collections.OrderedDict()
    for name, array in arrays.items():
        array = np.array(array, order="C")
        strides = tuple(n // array.itemsize for n in array.strides)
        storage = Storage.of(f"{prefix}{name}", array)
        state[name] = Tensor(storage, 0, array.shape, strides)
    state._metadata = {"": {"version": 1}}  # modules' versions, as PyTorch keeps them
    return state


def write(path: pathlib.Path, networks: dict[str, dict], form: str = "zip") -> None:
    """Write {network: {name: array}} as a checkpoint."""
    tree = {n: tensors(arrays, f"{n}/") for n, arrays in networks.items()}
    path.write_bytes(FORMATS[form](tree))
