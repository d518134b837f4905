"""Exported models: names, shapes, weights, variants, and the numbers of Keras."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.cpu_options import CpuOptions
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.options import Options
from commands import refusal
from conftest import tiny
from parity import formula

from export.checks import quality, verify
from export.litert import exporting, flatbuffer, latency, onnx_files
from export.litert.variants import FLOORS
from export.model import graph, saved_model
from tfstargan.errors import UserError
from tfstargan.exported import runtime
from tfstargan.exported.contract import Contract
from tfstargan.exported.variants import VARIANTS
from tfstargan.metrics import probe
from tfstargan.networks.build import build_networks, translating
from tfstargan.networks.layers import Conv2D
from tfstargan.networks.masks import masks_of
from tfstargan.networks.norms import InstanceNormalization
from tfstargan.reference import parameters
from tfstargan.runs.run import open_run
from tfstargan.translation.translator import Translator

pytestmark = pytest.mark.slow  # all together

FORCE_FP16 = 7  # XNNPACK's flags: signed and unsigned 8 bits, and float16 for float32
SIGNATURES = ("map_latent", "encode_style", "translate")


@pytest.fixture(scope="module")
def export(run_dir) -> exporting.Export:
    return exporting.Export(open_run(str(run_dir)), None)


@pytest.fixture(scope="module")
def model(export) -> bytes:
    return export.unquantized


def in_litert(config, model: bytes, batch: int = 1) -> Translator:
    endpoints = runtime.endpoints(dict.fromkeys(SIGNATURES, model))
    return verify.exported_translator(config, endpoints, batch)


def test_the_file_has_the_promised_signatures(export, model):
    interpreter = Interpreter(model_content=model)
    found = interpreter.get_signature_list()
    promised = graph.signatures(export.run.config)
    assert tuple(s.name for s in promised) == SIGNATURES
    for signature in promised:
        names = found[signature.name]
        assert sorted(names["inputs"]) == sorted(t.name for t in signature.inputs)
        assert names["outputs"] == [signature.output.name]
        runner = interpreter.get_signature_runner(signature.name)
        details = runner.get_input_details() | runner.get_output_details()
        for tensor in (*signature.inputs, signature.output):
            assert tuple(details[tensor.name]["shape"]) == tensor.shape
            assert details[tensor.name]["dtype"] == np.dtype(tensor.dtype)


def test_a_second_conversion_gives_the_same_bytes(export, model):
    assert graph.convert(export.copy) == model


def test_the_file_gives_what_keras_gives(export, model):
    exported = in_litert(export.run.config, model)
    worst = verify.verify(export.translator, exported, export.images)
    assert set(worst) == set(SIGNATURES)


def test_a_file_of_several_images_at_once_gives_the_same(export):
    model = graph.convert(export.copy, batch=4)
    exported = in_litert(export.run.config, model, batch=4)
    images = export.images[:6]  # a whole batch and a half
    expected = quality.translations(export.translator, images, export.translator)
    found = quality.translations(exported, images, export.translator)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_the_probe_reads_the_same_off_the_file_s_translations(export, model):
    reader = probe.Probe(probe.make_network(32))
    expected = quality.probed(export.translator, reader)
    found = quality.probed(in_litert(export.run.config, model), reader)
    assert found == pytest.approx(expected, abs=0.02)


def test_xnnpack_takes_all_of_the_generator(model):
    assert not latency.leftovers(flatbuffer.cut(model, "translate"))
    for name in ("map_latent", "encode_style"):  # int32 labels to one-hot, no more
        assert set(latency.leftovers(flatbuffer.cut(model, name))) == {
            "CAST",
            "ONE_HOT",
        }


def test_operations_that_xnnpack_does_not_know_are_found():
    @tf.function(input_signature=[tf.TensorSpec((1, 4, 4, 2), name="x")])
    def function(x):
        return {"y": tf.image.resize(tf.nn.relu(x), (8, 8), "nearest") * 2.0}

    module = tf.Module()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], module
    )
    assert latency.leftovers(converter.convert()) == {"RESIZE_NEAREST_NEIGHBOR": 1}


def test_no_operation_needs_tensorflow(model):
    assert b"Flex" not in model


def test_weights_are_there_once_and_unpadded(export, model):
    networks = export.translator.networks.values()
    floats = sum(4 * w.size for n in networks for w in n.get_weights())
    assert floats < len(model) < floats + 150_000  # operations and names


def test_a_cut_file_has_one_signature_and_its_numbers(export, model):
    parts = {name: flatbuffer.cut(model, name) for name in SIGNATURES}
    assert sum(map(len, parts.values())) < 1.02 * len(model)
    for name, part in parts.items():
        assert list(Interpreter(model_content=part).get_signature_list()) == [name]
    exported = verify.exported_translator(export.run.config, runtime.endpoints(parts))
    verify.verify(export.translator, exported, export.images[:2])


def test_multiplications_are_counted_by_hand():
    kernel = np.ones((3, 3, 5, 7), np.float32)

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 6, 5), name="x")])
    def function(x):
        y = tf.nn.conv2d(x, kernel, 2, "SAME")
        return tf.matmul(tf.reshape(y, (1, 84)), np.ones((84, 2), np.float32))

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], tf.Module()
    )
    model = flatbuffer.read(converter.convert())
    assert flatbuffer.multiplications(model) == 4 * 3 * 7 * 9 * 5 + 84 * 2


@pytest.fixture(scope="module")
def saved(export, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    graph.write_saved_model(export.copy, folder)
    return folder


def test_the_saved_model_takes_any_number_of_images(export, saved):
    exported = verify.exported_translator(
        export.run.config, saved_model.load(saved), None
    )
    verify.verify(export.translator, exported, export.images[:2])
    many = quality.translations(exported, export.images[:5], export.translator)
    assert many.shape == (5, 32, 32, 3)


def test_the_saved_model_s_endpoints_take_the_contract_s_names(export, saved):
    loaded = tf.saved_model.load(saved)
    for signature in graph.signatures(export.run.config, None):
        _, named = loaded.signatures[signature.name].structured_input_signature
        assert set(named) == {tensor.name for tensor in signature.inputs}
    default = loaded.signatures["serving_default"]
    assert set(default.structured_input_signature[1]) == {"x_src", "s"}
    x, s = export.images[:3], np.ones((3, 6), np.float32)
    layer = keras.layers.TFSMLayer(str(saved), call_endpoint="translate")
    fake = export.translator.apply_styles(x, s)
    np.testing.assert_allclose(layer(x, s=s)["x_fake"], fake, atol=1e-4)
    np.testing.assert_allclose(loaded.translate(x, s)["x_fake"], fake, atol=1e-4)


def test_onnx_runtime_gives_what_keras_gives_for_any_number_of_images(export, tmp_path):
    pytest.importorskip("tf2onnx", reason="needs the extra onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what tf2onnx calls
        onnx_files.write(export.translator, tmp_path)
    exported = verify.exported_translator(
        export.run.config, onnx_files.load(tmp_path), batch=None
    )
    verify.verify(export.translator, exported, export.images[:2])
    found, expected = (
        quality.translations(translator, export.images[:5], export.translator)
        for translator in (exported, export.translator)
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)
    for signature in graph.signatures(export.run.config, None):
        session = onnxruntime.InferenceSession(tmp_path / f"{signature.name}.onnx")
        inputs = [(i.name, tuple(i.shape)) for i in session.get_inputs()]
        assert inputs == [(t.name, ("batch", *t.shape[1:])) for t in signature.inputs]


@pytest.mark.parametrize("kind", ["savedmodel", "onnx"])
def test_a_folder_that_can_t_be_written_is_refused_in_a_line(kind, run_dir, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "mine" / kind).mkdir(parents=True)
    for out, reason in (("file", "can't be written"), ("mine", "not an export")):
        line = refusal(
            f"export.{kind}", f"--run_dir={run_dir}", f"--out={out}", cwd=tmp_path
        )
        assert f"{out}/{kind}: " in line
        assert reason in line


def test_inputs_of_a_file_are_in_the_order_of_the_contract(export):
    (content,) = export.make("float16").values()
    model = flatbuffer.read(content)
    for signature in graph.signatures(export.run.config):
        (found,) = (
            s for s in model.signatureDefs if s.signatureKey.decode() == signature.name
        )
        names = [tensor.name for tensor in signature.inputs]
        assert [named.name.decode() for named in found.inputs] == names
        inputs = model.subgraphs[found.subgraphIndex].inputs
        assert [*inputs] == [named.tensorIndex for named in found.inputs]


def test_a_model_that_differs_is_refused(export, model):
    endpoints = runtime.endpoints(dict.fromkeys(SIGNATURES, model))
    run = endpoints["translate"]

    def spoilt(value: float):
        def endpoint(**inputs):
            fake = run(**inputs)["x_fake"].copy()
            fake[0, 3, 4, 1] += value
            return {"x_fake": fake}

        return endpoint

    for value in (1.0, np.nan):
        endpoints["translate"] = spoilt(value)
        exported = verify.exported_translator(export.run.config, endpoints)
        with pytest.raises(UserError, match="differs from Keras"):
            verify.verify(export.translator, exported, export.images[:2])


# Of two bytes, one and a half of four a weight, scales and operations in float on top.
SHARES = {
    "float16": 0.5,
    "dynamic": 0.25,
    "mixed": 0.25,
    "weights4": 0.25,
    "int8": 0.25,
    "int16x8": 0.25,
}


@pytest.mark.parametrize("variant", list(FLOORS))
def test_every_variant_is_small_and_near_keras(export, variant):
    files = export.make(variant)
    (content,) = files.values()
    networks = export.translator.networks.values()
    weights = sum(4 * w.size for n in networks for w in n.get_weights())
    assert len(content) < SHARES[variant] * weights + 200_000
    measured = quality.measure(export.translator, export.exported(files), export.images)
    # Floors are of trained networks; in ones this narrow less of the rounding cancels.
    assert measured["psnr"] > FLOORS[variant] - 12
    assert measured["psnr_min"] <= measured["psnr"] < 100  # not the float32 file
    assert 0 < measured["style_latent"] < 0.1
    assert 0 < measured["style_reference"] < 0.5


def test_quality_of_the_same_model_is_perfect_and_of_noise_is_not(export):
    translator = export.translator
    same = quality.measure(translator, translator, export.images)
    assert same["psnr"] == 150
    assert same["ssim"] == pytest.approx(1)
    assert same["style_latent"] == same["style_reference"] == 0
    found = np.zeros((2, 8, 8, 3), np.float32)
    expected = np.stack([found[0] + 0.02, found[0] + 0.2])
    np.testing.assert_allclose(quality.psnr(found, expected), [40, 20], atol=1e-4)
    styles = np.random.default_rng(0).standard_normal((3, 1000, 4))
    noise = np.random.default_rng(1).standard_normal(styles.shape)
    assert quality.style_error(styles + noise / 4, styles) == pytest.approx(0.25, 0.05)
    alike = np.zeros((3, 8, 1), np.float32)
    assert quality.style_error(alike, alike) == 0
    assert np.isfinite(quality.style_error(alike + 1, alike))


def test_of_many_domains_twelve_are_compared():
    domains = tuple(f"domain {k}" for k in range(150))
    chosen = quality.some(types.SimpleNamespace(domains=domains))
    assert chosen == [domains[k * 150 // 12] for k in range(12)]
    assert quality.some(types.SimpleNamespace(domains=domains[:3])) == [*domains[:3]]


def test_a_variant_below_its_floor_is_written_by_force_alone(capsys):
    exporting.check("weights4", 30.0, force=False)
    with pytest.raises(UserError, match=r"weights4: 29\.9 dB against Keras, below"):
        exporting.check("weights4", 29.9, force=False)
    exporting.check("weights4", 29.9, force=True)
    assert "--force was given" in capsys.readouterr().err
    with pytest.raises(UserError, match="nan dB"):
        exporting.check("float16", float("nan"), force=False)


def test_variants_are_asked_for_by_name():
    assert exporting.wanted(["float32"]) == ["float32"]
    assert exporting.wanted(["dynamic", "float16"]) == ["float16", "dynamic"]
    assert exporting.wanted(["all"]) == list(VARIANTS)
    with pytest.raises(UserError, match=r"^variants=int4 must be of float32, float16"):
        exporting.wanted(["int4"])


@pytest.mark.parametrize("split", [False, True], ids=["one file", "split"])
def test_a_folder_is_all_that_an_app_needs(export, split, tmp_path, monkeypatch):
    one = exporting.Export.__new__(exporting.Export)
    vars(one).update(vars(export))
    one.split = split
    monkeypatch.setattr(one, "folder", tmp_path)
    files = one.make("float32")
    folder = one.write("float32", files, {"psnr": 77.0})
    assert sorted(p.name for p in folder.iterdir()) == sorted([*files, "stargan.json"])
    contract = Contract.load(folder)
    assert contract.domains == ("bear", "cat", "rabbit")
    assert (contract.img_size, contract.style_dim, contract.batch) == (32, 6, 1)
    assert contract.quality == {"psnr": 77.0}
    np.testing.assert_allclose(
        contract.mean_styles["cat"], one.translator.mean_style("cat"), rtol=1e-6
    )
    exported = verify.exported_translator(one.run.config, runtime.load(folder))
    verify.verify(one.translator, exported, one.images[:2])
    for name in files:  # the description travels in each file, too
        carried = flatbuffer.metadata((folder / name).read_bytes(), exporting.METADATA)
        assert carried
        assert json.loads(carried)["domains"] == ["bear", "cat", "rabbit"]
    again = one.write("float32", one.make("float32"), {"psnr": 77.0})
    assert Contract.load(again) == contract  # hashes and all: the same bytes


@pytest.mark.process
def test_the_file_runs_without_tensorflow(export, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "folder", tmp_path)
    folder = export.write("float32", export.make("float32"), {})
    script = (
        "import sys\n"
        "import numpy as np\n"
        "sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from tfstargan.exported import runtime\n"
        f"endpoints = runtime.load({str(folder)!r})\n"
        f"z = np.ones((1, {export.run.config.latent_dim}), np.float32)\n"
        "y = np.array([1], np.int32)\n"
        "s = endpoints['map_latent'](z=z, y=y)['s']\n"
        "x = np.zeros((1, 32, 32, 3), np.float32)\n"
        "print(endpoints['translate'](x_src=x, s=s)['x_fake'].mean())\n"
    )
    root = pathlib.Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ones = np.ones((1, export.run.config.latent_dim), np.float32)
    style = export.translator.map_latents(ones, "cat")
    expected = export.translator.apply_styles(
        np.zeros((1, 32, 32, 3), np.float32), style
    )
    assert float(done.stdout) == pytest.approx(expected.mean(), abs=1e-4)


def test_what_can_t_be_written_leaves_the_old_folder(export, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "folder", tmp_path)
    folder = export.write("float32", export.make("float32"), {})
    before = {p: p.read_bytes() for p in folder.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Contract, "seal", full)
    with pytest.raises(UserError, match=r"can.t be written.*No space left"):
        export.write("float32", export.make("float32"), {})
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["float32"]


def test_a_run_whose_data_is_elsewhere_is_compared_on_drawn_animals(capsys):
    config = tiny(dataset="folder", data_dir="gone", domains=("cat", "dog"))
    assert verify.real_images(config).shape == (12, 32, 32, 3)
    assert "drawn animals" in capsys.readouterr().err


@pytest.mark.slow
def test_wide_convolutions_of_the_float_file_are_in_pairs_and_give_the_same(
    export, monkeypatch
):
    monkeypatch.setattr(Conv2D, "PAIRS_FROM", {"channels": 128, "side": 8})
    config = tiny(channel_base=4096, channel_max=128)
    translator = Translator(config, build_networks(config, translating(config)))
    plain, pairs = (
        graph.convert(graph.for_export(translator, lowering))
        for lowering in ("litert", "litert_pairs")
    )
    multiplied = [
        flatbuffer.multiplications(flatbuffer.read(flatbuffer.cut(model, "translate")))
        for model in (plain, pairs)
    ]
    assert multiplied[1] < 0.85 * multiplied[0]
    assert not latency.leftovers(flatbuffer.cut(pairs, "translate"))
    exported = in_litert(config, pairs)
    verify.verify(translator, exported, export.images[:2])


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{}, {"generator": "light"}, {"residual": True}], ids=str
)
def test_the_file_of_a_run_of_patches_gives_what_keras_gives(export, settings):
    config = tiny(img_size=64, patch_size=2, **settings)
    translator = Translator(config, build_networks(config, translating(config)))
    model = graph.convert(graph.for_export(translator))
    assert b"Flex" not in model
    assert not latency.leftovers(flatbuffer.cut(model, "translate"))
    images = export.images[:6].repeat(2, 1).repeat(2, 2)
    verify.verify(translator, in_litert(config, model), images)


@pytest.mark.slow
def test_the_file_of_a_run_for_faces_makes_the_masks_itself(export):
    config = tiny(w_hpf=1.0)
    translator = Translator(config, build_networks(config, translating(config)))
    fan = translator.networks["fan"]
    shapes = {k: v.shape for k, v in parameters.to_reference(fan).items()}
    parameters.from_reference(fan, formula.weights("fan", shapes))
    assert tf.reduce_max(masks_of(fan, export.images)[0]) > 0.5
    model = graph.convert(graph.for_export(translator))
    assert b"Flex" not in model
    exported = in_litert(config, model)
    verify.verify(translator, exported, export.images[:6])


def test_norms_of_many_pixels_are_exact():
    # One number after the other, as LiteRT sums, 65,536 are 2e-5 from their mean.
    x = np.random.default_rng(0).standard_normal((1, 256, 256, 4), np.float32) + 3
    layer = InstanceNormalization(affine=False, lowering="litert")
    function = tf.function(layer, input_signature=[tf.TensorSpec(x.shape)])
    concrete = [function.get_concrete_function()]
    model = tf.lite.TFLiteConverter.from_concrete_functions(concrete).convert()
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    centred = x - x.mean((1, 2), np.float64, keepdims=True)
    deviation = np.sqrt((centred**2).mean((1, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(found, centred / deviation, atol=1e-5)


def forced_to_float16(content: bytes, **inputs: np.ndarray) -> np.ndarray:
    """The one output of a .tflite by XNNPACK that computes in float16."""
    options = Options(
        hardware_accelerators=HardwareAccelerator.CPU,
        cpu_options=CpuOptions(num_threads=1, xnnpack_flags=FORCE_FP16),
    )
    model = CompiledModel.from_buffer(content, options=options)
    ((key, names),) = model.get_signature_list().items()
    given = {name: model.create_input_buffer_by_name(key, name) for name in inputs}
    for name, value in inputs.items():
        given[name].write(value)
    (name,) = names["outputs"]
    output = model.create_output_buffer_by_name(key, name)
    model.run_by_name(key, given, {name: output})
    shape = model.get_output_tensor_details(key)[name]["shape"]
    return output.read(int(np.prod(shape)), np.float32).reshape(shape)


def test_in_float16_arithmetic_images_stay_the_same(export):
    content = flatbuffer.cut(*export.make("float16").values(), "translate")
    for i, image in enumerate(export.images[:3]):
        style = export.translator.random_style("cat", seed=i)
        x = image[None]
        found = forced_to_float16(content, x_src=x, s=style)
        expected = export.translator.apply_styles(x, style)
        assert quality.psnr(np.clip(found, -1, 1), np.clip(expected, -1, 1)) > 50


@pytest.mark.parametrize(
    ("mean", "deviation"), [(0, 1), (100, 1), (0, 300), (0, 2000), (0, 0.1), (50, 10)]
)
def test_norms_are_safe_in_float16(mean, deviation):
    norm = InstanceNormalization(affine=False)

    @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 8), name="x")])
    def function(x):
        return {"y": norm(x)}

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures={"norm": function})
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["norm"]
        )
        content = converter.convert()
    noise = np.random.default_rng(0).standard_normal((1, 32, 32, 8))
    x = (mean + deviation * noise).astype(np.float16).astype(np.float32)
    expected = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(
        x.var((1, 2), keepdims=True) + 1e-5
    )
    # Half a unit in the last place of the largest input, over the deviation.
    rounding = np.abs(x).max() * 2**-11 / x.std()
    found = forced_to_float16(content, x=x)
    assert np.abs(found - expected).max() < 0.01 + 2 * rounding
