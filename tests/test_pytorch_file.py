"""PyTorch's files read and written without PyTorch; nothing in them is executed.

Files are made by `pytorch_writer.py`, and by PyTorch: see `record_pytorch.py`.
"""

import builtins
import collections
import contextlib
import os
import pickle
import pickletools
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import record_pytorch
from pytorch_writer import (
    FORMATS,
    Parameter,
    Storage,
    Tensor,
    archive,
    pickled,
    streamed,
    tensors,
    zipped,
)

from tfstargan.errors import UserError
from tfstargan.reference import pytorch_file
from tfstargan.reference.pytorch_pickle import ALLOWED

GOLDENS = record_pytorch.GOLDENS
RNG = np.random.default_rng(3)
VALUES = RNG.standard_normal(24).astype("f4")


def refusal(path, content: bytes | None = None) -> str:
    """The error message about a file."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        pytorch_file.load(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert line.isprintable()
    assert len(line) < len(str(path)) + 500
    return line


def result_or_line(path) -> None:
    """Load a file that may be whole or not; anything but a `UserError` is raised."""
    with contextlib.suppress(UserError):
        pytorch_file.load(path)


def same(a, b) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.fixture(params=FORMATS)
def form(request):
    """The writer of one format."""
    return FORMATS[request.param]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "nets.ckpt"


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<f2", "<i8", "<i4", "|b1", "|u1"])
def test_every_type_is_read(path, form, dtype):
    array = (VALUES.reshape(2, 3, 4) * 3).astype(dtype)
    path.write_bytes(form({"net": tensors({"w": array})}))
    assert same(pytorch_file.load(path)["net"]["w"], array)


def test_bfloat16_becomes_float32(path, form):
    halves = (VALUES.view("<u4") >> 16).astype("<u2")
    storage = Storage("0", "BFloat16Storage", halves.size, halves.tobytes())
    path.write_bytes(form({"w": Tensor(storage, 0, (24,), (1,))}))
    expected = (VALUES.view("u4") & 0xFFFF0000).view("f4")
    assert same(pytorch_file.load(path)["w"], expected)


def test_strides_offsets_and_shared_storages_are_followed(path, form):
    storage = Storage.of("0", VALUES)
    tree = {
        "turned": Tensor(storage, 4, (5, 3), (1, 7)),
        "tail": Parameter(Tensor(storage, 21, (3,), (1,))),
        "number": Tensor(storage, 23, (), ()),
        "nothing": Tensor(storage, 0, (0, 3), (3, 1)),
    }
    path.write_bytes(form(tree))
    found = pytorch_file.load(path)
    assert same(found["turned"], VALUES[4:].take(np.add.outer(range(5), [0, 7, 14])))
    assert same(found["tail"], VALUES[21:])
    assert same(found["number"], VALUES[23].reshape(()))
    assert found["nothing"].shape == (0, 3)
    assert np.shares_memory(found["turned"], found["tail"])


def test_a_storage_without_values_is_read(path, form):
    path.write_bytes(form({"net": tensors({"w": VALUES[:0]})}))
    assert same(pytorch_file.load(path)["net"]["w"], VALUES[:0])


def test_numbers_texts_lists_and_nested_dictionaries_stay(path, form):
    tree = {"epoch": 3, "name": "wing", "best": 0.5, "none": None, "yes": True}
    tree |= {"list": [1, "two"], "deep": {"er": {7: (1, 2, 3, 4)}}, "big": 2**70}
    path.write_bytes(form(tree))
    assert pytorch_file.load(path) == tree


def test_values_of_a_big_endian_machine_are_turned(path):
    description, _ = pickled({"w": Tensor(Storage.of("0", VALUES), 0, (24,), (1,))})
    raw = {"0": VALUES.astype(">f4").tobytes()}
    path.write_bytes(archive(description, raw, byteorder=b"big"))
    assert same(pytorch_file.load(path)["w"], VALUES)


def test_what_is_saved_is_loaded(path):
    turned = VALUES.reshape(4, 6).T
    tree = {"net": {"w": turned, "n": np.array(7)}, "flags": np.array([True, False])}
    tree["deep"] = {"er": {"half": VALUES.astype(">f2"), "none": VALUES[:0]}}
    pytorch_file.save(path, tree)
    found = pytorch_file.load(path)
    assert same(found["net"]["w"], np.ascontiguousarray(turned))
    assert same(found["net"]["n"], np.array(7))
    assert same(found["flags"], tree["flags"])
    assert same(found["deep"]["er"]["half"], VALUES.astype("<f2"))
    assert found["deep"]["er"]["none"].shape == (0,)


def test_what_pytorch_has_no_storage_for_is_not_saved(path):
    with pytest.raises(ValueError, match="complex64"):
        pytorch_file.save(path, {"w": VALUES.astype("c8")})
    assert not list(path.parent.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/nets\.ckpt: can't be written"):
        pytorch_file.save(tmp_path / "file" / "nets.ckpt", {"w": VALUES})


# Foreign and damaged files


def test_a_file_that_is_missing_or_foreign_is_named(tmp_path, path):
    assert "no such file" in refusal(path)
    assert "no such file" in refusal(tmp_path)
    for content in (b"", b"\x89PNG\r\n\x1a\n" + bytes(99), pickle.dumps({"w": 1})):
        assert "not a readable PyTorch file (it does not" in refusal(path, content)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("photo.jpg", b"")
    assert "a zip archive, but not from torch.save" in refusal(path)


def test_a_torchscript_program_is_no_checkpoint(path):
    content = archive(b"", {}, **{"constants.pkl": b""})
    assert "TorchScript" in refusal(path, content)


def test_a_file_without_a_dictionary_is_refused(path, form):
    assert "no dictionary" in refusal(path, form([1, 2]))


def test_a_file_cut_short_anywhere_is_refused(path, form):
    content = form({"net": tensors({"w": VALUES, "n": np.array([7])})})
    for length in range(len(content)):
        refusal(path, content[:length])


def test_a_file_with_any_byte_changed_gets_a_result_or_one_line(path, form):
    content = form({"net": tensors({"w": VALUES[:2], "n": np.array([7])})})
    for place in range(len(content)):
        for flip in (1, 0x80):
            changed = bytearray(content)
            changed[place] ^= flip
            path.write_bytes(changed)
            result_or_line(path)


# Hostile files


def text(content: str | bytes) -> bytes:
    """The instruction that pushes a text."""
    raw = content.encode() if isinstance(content, str) else content
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    """The instruction that pushes an integer."""
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def storage_program(key: str | bytes, count: int = 4, view: bytes = b"") -> bytes:
    """The instructions of a storage."""
    start = b"(" + text("storage") + b"ctorch\nFloatStorage\n"
    return start + text(key) + text("cpu") + number(count) + view + b"tQ"


def hostile(description: bytes) -> list[bytes]:
    """Both formats, with a pickle in place of the description."""
    stream = streamed({})
    return [
        archive(description, {}),
        stream.replace(pickle.dumps({}, protocol=2), description, 1),
        stream.replace(pickle.dumps([], protocol=2), description, 1),
    ]


class Call:
    """Pickles as a call, to be made by whoever loads it."""

    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


def test_no_function_is_called(path, tmp_path):
    trap = tmp_path / "trap"
    calls = [
        Call(os.system, f"touch {trap}"),
        Call(builtins.eval, f"open({str(trap)!r}, 'w')"),
        Call(builtins.exec, f"open({str(trap)!r}, 'w')"),
        Call(getattr, "", "join"),
        Call(builtins.__import__, "antigravity"),
        Call(pickle.loads, pickle.dumps(Call(os.system, f"touch {trap}"))),
        Call(np.load, str(trap)),
        Call(collections.defaultdict, list),
        Call(bytearray, 10**12),
    ]
    for call in calls:
        for content in hostile(pickle.dumps({"w": call}, protocol=2)):
            assert "which is not a tensor" in refusal(path, content)
    assert not trap.exists()


def test_no_other_road_leads_to_a_function(path, tmp_path):
    trap = f"touch {tmp_path / 'trap'}".encode()
    text = b"X" + struct.pack("<I", len(trap)) + trap
    system = b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system"
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    ordered = b"ccollections\nOrderedDict\n"
    for program in (
        b"cos\nsystem\n(" + text + b"tR.",
        b"(" + text + b"ios\nsystem\n.",  # INST
        b"(cos\nsystem\n" + text + b"o.",  # OBJ
        system + b"\x93" + text + b"\x85R.",  # STACK_GLOBAL
        b"cos\nsystem\n" + text + b"\x85\x81.",  # NEWOBJ
        b"\x82\x01.",  # EXT1
        ordered + text + b"\x85R.",  # an allowed name with arguments of another kind
        ordered + b")R}X\x0c\x00\x00\x00__setstate__cos\nsystem\nsb.",
        rebuild + b"}X\x08\x00\x00\x00__code__" + text + b"sb.",  # attributes of a name
        rebuild + text + b"\x85R.",
        b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
        b"ctorch\n__builtins__\n.",
        b"ctorch.\nFloatStorage\n.",
        b"ctorch\nFloatStorage\n)R.",
        text + b"Q.",
        b"}P0\n.",
        rebuild + b"N}X\x0c\x00\x00\x00__defaults__)s\x86b.",  # slots of a name,
        ordered + b"N}X\x0b\x00\x00\x00__setitem__" + rebuild + b"s\x86b)R.",
        storage_program("0") + b"K\x01)N\x89U\x01x(tb.",  # __setstate__ of an array
    ):
        for content in hostile(b"\x80\x02" + program):
            refusal(path, content)
    assert list(tmp_path.iterdir()) == [path]


def tensor_program(size: int, count: int = 4, offset: int = 0, stride: int = 1):
    storage = Storage("0", "FloatStorage", count, VALUES[:4].tobytes())
    return {"w": Tensor(storage, offset, (size,), (stride,))}


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 2**50, "count": 2**50},
        {"size": 4, "count": 2**50},
        {"size": 2**70, "count": 2**70},
        {"size": 5, "count": 5},
        {"size": 5},
        {"size": 4, "offset": 1},
        {"size": 3, "stride": 2},
        {"size": 2, "stride": 2**62},
        {"size": 2**40, "stride": 0},
        {"size": -1},
        {"size": 4, "count": -4},
        {"size": 2, "offset": -1},
        {"size": 2, "offset": 3, "stride": -1},
        {"size": True},
        {"size": 2.0},
        {"size": 4, "count": 3},
    ],
    ids=str,
)
def test_wrong_sizes_are_refused_without_taking_memory(path, form, wrong):
    path.write_bytes(form(tensor_program(**wrong)))
    tracemalloc.start()
    refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize(
    "program",
    [
        b"X\xff\xff\xff\xffa.",  # texts longer than the file
        b"\x8d" + b"\xff" * 7 + b"\x7fa.",
        b"\x96" + b"\xff" * 7 + b"\x7fa.",
        b"\x8b\xff\xff\xff\x7fa.",
        b"}r\xff\xff\xff\xff.",  # a memo of four thousand million places: kept as one
        b"}" + b"(" * 1000 + b".",
        b"(" * 20_000 + b"t" * 20_000 + b".",
        b"]" * 20_000 + b"a" * 19_999 + b".",
    ],
)
def test_instructions_that_promise_too_much_take_no_memory(path, program):
    for content in hostile(b"\x80\x02" + program):
        path.write_bytes(content)
        tracemalloc.start()
        result_or_line(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 50_000_000


@pytest.mark.parametrize(
    "program",
    [
        b"})" + b"\x85" * 200_000 + b"Ns.",  # whoever takes its hash is ended by it
        b"}" + b"(" * 200_000 + b"t" * 200_000 + b"Ns.",
        b"})" + b"q\x00h\x00\x86" * 100 + b"Ns.",  # 2 ** 100 tuples, a hash to take
        b"}]Ns.",
        b"}}Ns.",
        b"}" + storage_program("0") + b"Ns.",
        b"}G" + struct.pack(">d", np.nan) + b"Ns.",
        b"}" + text("\x1b[2J") + b"Ns.",
        b"}" + text(b"\xed\xa0\x80") + b"Ns.",  # half a character
        # Names that are long and used often, numbers of one hash: hours
        b"}(" + text("a" * 3_000_000) + b"q\x00N" + b"h\x00N" * 300_000 + b"u.",
        b"}(" + b"".join(number((2**61 - 1) * k) + b"N" for k in range(1, 99)) + b"u.",
    ],
    ids=range(11),
)
def test_only_short_texts_and_numbers_are_keys(path, program):
    for content in hostile(b"\x80\x02" + program):
        assert "neither a short text nor a number" in refusal(path, content)


@pytest.mark.parametrize("key", ["\x1b[2J", "\nfine", b"\xed\xa0\x80", "x" * 10**6])
def test_a_storage_s_name_that_no_message_may_show_is_refused(path, key):
    for count in (4, 3):  # which would be told: "storage ... in two ways"
        program = b"(" + storage_program(key) + storage_program(key, count) + b"t."
        for content in hostile(b"\x80\x02" + program):
            assert "a storage is described in an unknown way" in refusal(path, content)


def test_a_storage_is_described_by_six_values_at_most(path):
    wide = storage_program("0", view=b"N" * 400_000)
    for content in hostile(b"\x80\x02" + wide + b"."):
        assert "a storage is described in an unknown way" in refusal(path, content)


@pytest.mark.parametrize(
    ("size", "stride"),
    [
        ((0, 2**70), (1, 1)),
        ((0, 2**63), (1, 1)),
        ((0, 2**62), (1, 1)),
        ((1,), (2**70,)),  # over one value no step is made
        ((1,), (2**61,)),  # values, but in bytes more than fits
    ],
)
def test_sizes_that_no_processor_has_are_refused(path, form, size, stride):
    tensor = Tensor(Storage.of("0", VALUES), 0, size, stride)
    refusal(path, form({"w": tensor}))


@pytest.mark.parametrize(
    "many", [b"}" * 2_000_000, b")" + b"\x85" * 2_000_000], ids=["}", "()"]
)
def test_a_description_of_too_many_instructions_is_refused(path, many):
    path.write_bytes(archive(b"\x80\x02" + many + b".", {}))
    assert "too long" in refusal(path)


@pytest.mark.parametrize(
    "program",
    [
        b"c" + b"a" * 10**6 + b"\nb\n.",
        b"S" + b"x" * 10**6 + b"\n.",
        b"I\x1b" + b"x" * 10**6 + b"\n.",
        b"F\x1b" + b"x" * 10**6 + b"\n.",
    ],
    ids=lambda program: program[:1].decode(),
)
def test_what_is_refused_is_not_quoted_at_length(path, program):
    for content in hostile(b"\x80\x02" + program):
        refusal(path, content)


def test_what_holds_itself_is_read_once(path):
    lists = text("l") + b"]q\x01h\x01a"
    path.write_bytes(archive(b"\x80\x02}q\x00(" + lists + text("d") + b"h\x00u.", {}))
    found = pytorch_file.load(path)
    assert found["d"] is found
    assert found["l"][0] is found["l"]


def test_arrays_are_no_lists_dictionaries_or_functions(path):
    """Each instruction gets an array for what it expects elsewhere."""
    one = storage_program("0")
    for program in (
        one + b"Na.",
        one + b"(Ne.",
        one + b"K\x00]q\x00h\x00as.",
        one + b"(K\x00Nu.",
        one + b"}b.",
        one + b")R.",
        one + b"Q.",
        b"(" + one * 5 + b"tQ.",
        b"ctorch._utils\n_rebuild_parameter\n" + one + b"R.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + one * 6 + b"tR.",
    ):
        for content in hostile(b"\x80\x02" + program):
            refusal(path, content)


def test_programs_made_up_at_random_get_a_result_or_one_line(path):
    pieces = [code.code.encode("latin-1") for code in pickletools.opcodes]
    pieces += (
        b"} ] ) ( N u s a e t R b Q q\x00 h\x00 q\x01 h\x01 \x85 \x86 \x87".split()
    )
    pieces += b"2 0 \x89 K\x00 K\x01 K\x04 K\x01\x85 K\x04\x85".split()
    pieces += [text("w"), text("storage"), text("0")]
    pieces += [number(4), number(2**70), number(-1)]
    pieces += [b"c%b\n" % n.replace(" ", "\n").encode() for n in sorted(ALLOWED)]
    pieces += [storage_program("0"), storage_program("1", 3), storage_program("2", 0)]
    rng = np.random.default_rng(0)
    for _ in range(500):
        places = rng.integers(len(pieces), size=rng.integers(1, 12))
        program = b"".join(pieces[place] for place in places)
        start = (b"", b"}" + text("w"))[rng.integers(2)]
        for content in hostile(b"\x80\x02" + start + program + b"s.")[:2]:
            path.write_bytes(content)
            result_or_line(path)


def test_a_packed_archive_is_refused(path):
    description, _ = pickled(tensor_program(4))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("nets/data.pkl", description)
        file.writestr("nets/data/0", bytes(16))
    assert "packed" in refusal(path)


def test_a_storage_described_in_two_ways_is_refused(path, form):
    same_key = [Storage.of("0", x) for x in (VALUES[:4], VALUES[:2], VALUES.view("i4"))]
    for other in same_key[1:]:
        views = [Tensor(s, 0, (2,), (1,)) for s in (same_key[0], other)]
        assert "two ways" in refusal(path, form({"a": views[0], "b": views[1]}))


# With PyTorch itself, as `record_pytorch.py` recorded it


@pytest.mark.parametrize("form", ["zip", "stream"])
def test_pytorch_s_own_files_are_read(form):
    found = pytorch_file.load(GOLDENS / f"pytorch-{form}.pt")
    expected = record_pytorch.by_pytorch()
    assert found.keys() == expected.keys()
    expected |= expected.pop("state")
    found |= found.pop("state")
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert same(found[name], array), name


def test_what_is_saved_is_what_pytorch_has_read(path):
    pytorch_file.save(path, record_pytorch.for_pytorch())
    ours, read = map(records, (path, GOLDENS / "for-pytorch.pt"))
    assert ours == read


def records(file) -> list[tuple[str, int, bytes]]:
    with zipfile.ZipFile(file) as archive:
        return [
            (r.filename, r.compress_type, archive.read(r)) for r in archive.filelist
        ]


def test_both_writers_differ_from_ours(path):
    """Hand-made files are not of `save`, or the tests above would show less."""
    tree = {"net": tensors({"w": VALUES})}
    pytorch_file.save(path, {"net": {"w": VALUES}})
    assert path.read_bytes() not in (zipped(tree), streamed(tree))
