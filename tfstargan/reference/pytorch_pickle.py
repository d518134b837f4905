"""PyTorch's pickles, read and written without executing anything.

A pickle is a program. `interpret` implements the instructions that build dictionaries,
lists, tuples, texts and numbers. Of the names that a pickle may call, it knows
OrderedDict and the functions by which PyTorch describes a tensor, and implements them
itself. Everything else is refused. Sizes are compared with the size of the file before
memory is allocated. `describe` is the reverse.

This is not a subclass of `pickle.Unpickler`, which hashes any object that a pickle uses
as a key, so that nested tuples crash the process, and which allocates as large a memo
as a pickle asks for. A subclass could only restrict names and storages.
"""

import itertools
import math
import pickletools
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

MOST_AXES = 32
MOST_INSTRUCTIONS = 1_000_000  # a tensor takes 40; one byte may need memory for 80
LONGEST_NAME = 300  # each use of a name reads all of it
KEYS_BELOW = 2**60  # such numbers are their own hashes; larger ones may collide

BFLOAT16 = "BFloat16Storage"  # the upper halves of float32: NumPy has no such type
TYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    BFLOAT16: np.dtype("<u2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
ORDERED_DICT = "collections OrderedDict"
REBUILD_TENSOR = "torch._utils _rebuild_tensor_v2"
REBUILD_PARAMETER = "torch._utils _rebuild_parameter"
ALLOWED = {ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER}
ALLOWED |= {f"torch {name}" for name in TYPES}

# Instructions that push their argument, and those that push a constant.
LITERALS = frozenset(
    "BINUNICODE SHORT_BINSTRING BINSTRING BININT BININT1 BININT2 LONG1 BINFLOAT".split()
)
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Name(NamedTuple):
    """A name that a file may call, as "module name"."""

    name: str


class Storages:
    """The storages that a description names: allocated first, filled afterwards.

    Args:
        room: bytes in the file; storages that need more are refused.
    """

    def __init__(self, room: int):
        self.room = room
        self.arrays: dict[str, np.ndarray] = {}
        self.kinds: dict[str, str] = {}

    def get(self, persistent_id: Any) -> np.ndarray:
        """The storage of an id, [count]; a new one is not filled yet.

        Args:
            persistent_id: ("storage", class, key, device, count); in the older format
                followed by None, for "not a view of another storage".
        """
        match persistent_id:
            case ("storage", _Name(name), str(key), str(), int(count)):
                pass
            case ("storage", _Name(name), str(key), str(), int(count), None):
                pass
            case _:
                raise ValueError("a storage is described in an unknown way")
        kind = name.removeprefix("torch ")
        if kind not in TYPES or not _is_key(key) or count < 0:
            raise ValueError("a storage is described in an unknown way")
        if key not in self.arrays:
            self.room -= count * TYPES[kind].itemsize
            if self.room < 0:
                raise ValueError("cut short, or its sizes are wrong")
            dtype = np.dtype("f4") if kind == BFLOAT16 else TYPES[kind]
            self.arrays[key] = np.empty(count, dtype)
            self.kinds[key] = kind
        if self.kinds[key] != kind or len(self.arrays[key]) != count:
            raise ValueError(f"storage {key} is described in two ways")
        return self.arrays[key]

    def size(self, key: str) -> int:
        """The size of a storage in the file, in bytes."""
        return len(self.arrays[key]) * TYPES[self.kinds[key]].itemsize

    def fill(self, key: str, raw: bytes, big_endian: bool = False) -> None:
        """Set the values of a storage."""
        dtype = TYPES[self.kinds[key]].newbyteorder(">" if big_endian else "<")
        array = self.arrays[key]
        if self.kinds[key] == "BoolStorage":
            array[:] = np.frombuffer(raw, "u1") != 0
        elif self.kinds[key] == BFLOAT16:
            array.view("u4")[:] = np.frombuffer(raw, dtype)
            array.view("u4")[:] <<= 16
        else:
            array[:] = np.frombuffer(raw, dtype)


def interpret(file: Any, storages: Storages) -> Any:
    """The object that a pickle describes; the file is read to the pickle's end.

    Args:
        file: with `read` (which must not allocate more than the file holds, as that of
            BytesIO and mmap), `readline` and `tell`.
        storages: receives those that the pickle names. The arrays returned are views of
            them, which the caller fills.

    Raises:
        ValueError, LookupError, OverflowError: if it is damaged, or asks for something
            that is not allowed.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def pop_to_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    argument: Any
    instructions = itertools.islice(pickletools.genops(file), MOST_INSTRUCTIONS)
    for instruction, argument, _ in instructions:
        match instruction.name:
            case "PROTO":
                pass
            case "STOP":
                return stack.pop()
            case "MARK":
                marks.append(len(stack))
            case name if name in LITERALS:
                stack.append(argument)
            case name if name in CONSTANTS:
                stack.append(CONSTANTS[name])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "TUPLE":
                stack.append(tuple(pop_to_mark()))
            case name if name in TUPLES:
                items = [stack.pop() for _ in range(TUPLES[name])]
                stack.append(tuple(reversed(items)))
            case "APPEND":
                item = stack.pop()
                _expect(stack[-1], list).append(item)
            case "APPENDS":
                items = pop_to_mark()
                _expect(stack[-1], list).extend(items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _set(stack[-1], [key, value])
            case "SETITEMS":
                items = pop_to_mark()
                _set(stack[-1], items)
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                if argument not in ALLOWED:
                    asked = argument.replace(" ", ".")
                    raise ValueError(f"it asks for {asked!r}, which is not a tensor")
                stack.append(_Name(argument))
            case "BINPERSID":
                stack.append(storages.get(stack.pop()))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(_rebuild(function, arguments))
            case "BUILD":  # the attributes of an OrderedDict: versions of modules
                stack.pop()
                _expect(stack[-1], dict)
            case name:
                raise ValueError(f"it asks for {name}, which no tensor needs")
    raise ValueError("its description is too long")


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"no {kind.__name__} where one is needed")
    return value


def _set(target: Any, items: list[Any]) -> None:
    _expect(target, dict)
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not _is_key(key):
            raise ValueError("a key is neither a short text nor a number")
        target[key] = value


def _is_key(key: Any) -> bool:
    """Whether an object may be a key; messages may show keys."""
    if isinstance(key, int):
        return abs(key) < KEYS_BELOW
    return isinstance(key, str) and len(key) <= LONGEST_NAME and key.isprintable()


def _rebuild(function: Any, arguments: Any) -> Any:
    """The result of one of the ALLOWED functions."""
    match function, arguments:
        case _Name(name), () if name == ORDERED_DICT:
            return {}
        case _Name(name), (np.ndarray() as tensor, *_) if name == REBUILD_PARAMETER:
            return tensor
        case (
            _Name(name),
            (np.ndarray() as storage, offset, tuple(size), tuple(stride), _, _),
        ) if name == REBUILD_TENSOR:
            return _tensor(storage, offset, size, stride)
    raise ValueError("a tensor is described in an unknown way")


def _tensor(storage: np.ndarray, offset: Any, size: tuple, stride: tuple) -> np.ndarray:
    """A tensor's view of its storage; offset and strides count values."""
    numbers = (offset, *size, *stride)
    if not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError("a size, stride or offset is not a number of values")
    if not len(size) == len(stride) <= MOST_AXES:
        raise ValueError("a tensor has the wrong number of axes")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    count = math.prod(size)
    if count and (last >= len(storage) or count > len(storage)):
        raise ValueError(f"a tensor of {count} values exceeds its storage")
    strides = [step * storage.itemsize for step in stride] if count else None
    start = storage[offset:] if count else storage[:0]
    return np.lib.stride_tricks.as_strided(start, size, strides)


def describe(value: Any, arrays: list[np.ndarray]) -> Iterator[bytes]:
    """Yield the pickle (protocol 2) of a value, in pieces.

    Args:
        value: nested dictionaries and tuples of texts, whole numbers and arrays.
        arrays: receives the value's arrays; the i-th is the storage with key "i".

    Raises:
        ValueError: if PyTorch has no storage for an array's type.
    """
    match value:
        case dict():
            yield b"}("
            for key, item in value.items():
                yield from describe(key, arrays)
                yield from describe(item, arrays)
            yield b"u"
        case str():
            text = value.encode()
            yield b"X" + struct.pack("<I", len(text)) + text
        case int():
            size = value.bit_length() // 8 + 1
            yield b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)
        case tuple():
            yield b"("
            for item in value:
                yield from describe(item, arrays)
            yield b"t"
        case np.ndarray():
            array = value.astype(value.dtype.newbyteorder("<"), copy=False)
            names = [n for n, t in TYPES.items() if t == array.dtype and n != BFLOAT16]
            if not names:
                raise ValueError(f"PyTorch's files have no {value.dtype}")
            key = str(len(arrays))
            arrays.append(array)
            steps = [math.prod(value.shape[i + 1 :]) for i in range(value.ndim)]
            yield _call(REBUILD_TENSOR) + b"("
            yield b"(" + b"".join(describe("storage", arrays))
            yield _call(f"torch {names[0]}")
            for item in (key, "cpu", value.size):
                yield from describe(item, arrays)
            yield b"tQ"
            for item in (0, value.shape, tuple(steps)):
                yield from describe(item, arrays)
            yield b"\x89" + _call(ORDERED_DICT) + b")R" + b"tR"  # no gradient, no hooks
        case _:
            raise ValueError(f"PyTorch's files have no {type(value).__name__} here")


def _call(name: str) -> bytes:
    return b"c" + name.replace(" ", "\n").encode() + b"\n"
