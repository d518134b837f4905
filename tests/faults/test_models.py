"""Exported models as untrusted input: read if intact, else refused in a line."""

import contextlib
import copy
import json
import pathlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_settings import bounded, json_values

from tfstargan.errors import UserError
from tfstargan.exported.contract import NAME, Contract, ModelFile

CONTRACT = Contract(
    variant="float32",
    run="demo",
    iteration=4000,
    img_size=32,
    style_dim=2,
    latent_dim=16,
    batch=1,
    domains=("bear", "cat"),
    mean_styles={"bear": (0.0, 1.0), "cat": (0.5, -1.0)},
    signature_files=dict.fromkeys(
        ("map_latent", "encode_style", "translate"), "stargan.tflite"
    ),
    files={},
    quality={"psnr": 70.1},
)
MODEL = random.Random(0).randbytes(500)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    """An exported folder; its model is only loaded as bytes here."""
    folder = tmp_path_factory.mktemp("float32")
    (folder / "stargan.tflite").write_bytes(MODEL)
    CONTRACT.seal(folder)
    return folder


@pytest.fixture
def described(folder) -> dict:
    return json.loads((folder / NAME).read_text())


def places(found: object, here: tuple = ()) -> list[tuple]:
    """The path to every value in parsed JSON."""
    children = {}
    if isinstance(found, dict):
        children = found
    elif isinstance(found, list):
        children = dict(enumerate(found))
    paths = [here] if here else []
    return paths + [p for k, v in children.items() for p in places(v, (*here, k))]


@bounded
@given(data=st.data())
def test_an_untrusted_description_is_read_or_refused(described, data):
    found = copy.deepcopy(described)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(places(found)))
        parent = found
        for key in path:
            parent = parent[key]
        if data.draw(st.booleans()):
            parent[last] = data.draw(json_values)
        else:
            del parent[last]
    with contextlib.suppress(UserError):  # and no other error
        Contract.parse(found).describe()


@bounded
@given(content=st.binary() | json_values.map(json.dumps).map(str.encode))
def test_an_untrusted_file_of_any_content_is_refused(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(UserError) as raised:
        Contract.load(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / NAME}: ")


def test_a_model_with_a_byte_changed_or_cut_off_is_refused(folder):
    rng, path = random.Random(0), folder / "stargan.tflite"
    assert Contract.load(folder).files["stargan.tflite"] == ModelFile.of(path)
    for _ in range(100):
        content = bytearray(MODEL)
        if rng.random() < 0.5:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        else:
            del content[rng.randrange(len(content)) :]
        path.write_bytes(content)
        with pytest.raises(UserError, match="differs from its SHA-256"):
            Contract.load(folder)
    path.write_bytes(MODEL)
    Contract.load(folder)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", ".x", "a\\x", ""])
def test_a_file_beyond_the_folder_is_refused(described, name):
    found = json.loads(
        json.dumps(described).replace("stargan.tflite", json.dumps(name)[1:-1])
    )
    with pytest.raises(UserError, match="is not a plain name"):
        Contract.parse(found)
