"""Exported files in other runtimes: the versions that they declare hold there.

Runtimes round 8-bit arithmetic differently. Results may differ by half of a variant's
own error.
"""

import json
import pathlib
import subprocess

import numpy as np
import pytest

from export.litert import flatbuffer, versions
from export.litert.making import Export
from tfstargan.exported import runtime
from tfstargan.exported.contract import Contract
from tfstargan.exported.variants import VARIANTS
from tfstargan.runs.run import open_run

pytestmark = pytest.mark.slow  # all together

ROOT = pathlib.Path(__file__).parents[1]
OLD_PYTHON = ROOT / ".venv-old-runtime" / "bin" / "python"
SIGNATURES = ("map_latent", "encode_style", "translate")

# By TensorFlow's op_version.cc and runtime_version.cc; other operators have version 1.
FULLY_CONNECTED = {"FULLY_CONNECTED": 5}
DECLARED = {
    "float32": ("2.3.0", FULLY_CONNECTED),
    "float16": ("2.3.0", FULLY_CONNECTED | {"DEQUANTIZE": 3}),
    "dynamic": ("2.17.0", {"FULLY_CONNECTED": 12, "CONV_2D": 5}),
    "mixed": ("2.7.0", FULLY_CONNECTED | {"DEQUANTIZE": 5}),
    "weights4": ("2.18.0", FULLY_CONNECTED | {"DEQUANTIZE": 6}),
    "int8": ("2.7.0", FULLY_CONNECTED | {"CONV_2D": 3, "DEQUANTIZE": 5}),
    "int16x8": (
        "2.7.0",
        FULLY_CONNECTED | {"CONV_2D": 4, "DEQUANTIZE": 5, "QUANTIZE": 2},
    ),
}


@pytest.fixture(scope="module")
def export(run_dir, tmp_path_factory) -> Export:
    out = tmp_path_factory.mktemp("exports")
    return Export(open_run(str(run_dir)), out=str(out))


@pytest.fixture(scope="module")
def made(export) -> dict[str, bytes]:
    return {v: content for v in VARIANTS for content in export.make(v).values()}


@pytest.fixture(scope="module")
def vectors(export) -> dict[str, dict[str, np.ndarray]]:
    """The inputs of each signature."""
    rng = np.random.default_rng(0)
    style = export.translator.random_style("cat", seed=0)
    x, y = export.images[:1], np.array([1], np.int32)
    z = rng.standard_normal((1, export.run.config.latent_dim), np.float32)
    return {
        "map_latent": {"z": z, "y": y},
        "encode_style": {"x_ref": x, "y": y},
        "translate": {"x_src": x, "s": style},
    }


def outputs(content: bytes, vectors: dict) -> dict[str, np.ndarray]:
    endpoints = runtime.endpoints(dict.fromkeys(SIGNATURES, content))
    return {n: next(iter(endpoints[n](**vectors[n]).values())) for n in SIGNATURES}


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_operator_declares_the_version_that_it_needs(made, variant):
    model = flatbuffer.read(made[variant])
    release, expected = DECLARED[variant]
    assert versions.min_runtime(model) == release
    found = {versions.name_of(c): c.version for c in model.operatorCodes}
    assert {name: v for name, v in found.items() if v > 1} == expected
    for code in model.operatorCodes:
        assert code.deprecatedBuiltinCode == code.builtinCode  # all are below 127


def test_versions_of_the_converter_s_own_file_are_kept(export):
    before = flatbuffer.read(export.unquantized)
    after = flatbuffer.read(flatbuffer.write(flatbuffer.read(export.unquantized)))
    assert [vars(code) for code in after.operatorCodes] == [
        vars(code) for code in before.operatorCodes
    ]
    assert versions.min_runtime(after) == versions.min_runtime(before)


def test_a_cut_file_declares_what_its_own_signature_needs(made):
    cut = flatbuffer.read(flatbuffer.cut(made["weights4"], "map_latent"))
    assert versions.min_runtime(cut) == "2.7.0"  # no convolution, no 4-bit weights
    assert "CONV_2D" not in {versions.name_of(c) for c in cut.operatorCodes}


def test_the_contract_names_the_oldest_runtime(export, made):
    folder = export.write("dynamic", {"stargan.tflite": made["dynamic"]}, {})
    assert Contract.load(folder).min_runtime == "2.17.0"


@pytest.mark.all
@pytest.mark.parametrize("variant", VARIANTS)
def test_openvino_is_as_near_to_float32_as_litert(made, vectors, variant, tmp_path):
    openvino = pytest.importorskip("openvino")
    exact_arithmetic = {"INFERENCE_PRECISION_HINT": "f32"}  # not bfloat16
    exact, expected = (outputs(made[v], vectors) for v in ("float32", variant))
    for name in SIGNATURES:
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(flatbuffer.cut(made[variant], name))
        if variant == "weights4" and name != "map_latent":  # 4-bit convolutions
            with pytest.raises(RuntimeError, match="i4/u4"):  # its own limit
                openvino.compile_model(path, "CPU", exact_arithmetic)
            continue
        compiled = openvino.compile_model(path, "CPU", exact_arithmetic)
        found = compiled(vectors[name])[0]
        bound = 1e-3 + 1.5 * rms(expected[name] - exact[name])
        assert rms(found - exact[name]) < bound, name


@pytest.mark.all
def test_an_old_runtime_gives_the_same_or_refuses(made, vectors, tmp_path):
    if not OLD_PYTHON.exists():
        pytest.skip("make old-runtime")
    recorded = {f"{n}/{key}": v for n in vectors for key, v in vectors[n].items()}
    for variant, content in made.items():
        (tmp_path / f"{variant}.tflite").write_bytes(content)
        found = outputs(content, vectors)
        recorded |= {f"{variant}/{name}": value for name, value in found.items()}
    np.savez(tmp_path / "vectors.npz", **recorded)
    done = subprocess.run(
        [OLD_PYTHON, ROOT / "tests" / "old_runtime.py", tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    result, exact = json.loads(done.stdout), outputs(made["float32"], vectors)
    for variant, (release, _) in DECLARED.items():
        if versions.as_numbers(release) > (2, 14, 0):
            assert (
                "An older version of this builtin might be supported"
                in (result[variant])
            )
        else:
            for name in SIGNATURES:
                error = rms(recorded[f"{variant}/{name}"] - exact[name])
                assert result[variant][name] < 1e-3 + 0.5 * error, (variant, name)
