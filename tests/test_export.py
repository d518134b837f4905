"""Exported models: names, shapes, shared weights, and the numbers of Keras."""

import json

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from conftest import tiny
from parity import formula

from export import savedmodel, signatures, tflite, verify
from tfstargan import reference_weights
from tfstargan.config import UserError
from tfstargan.stargan import build_networks, translating
from tfstargan.translator import Translator


@pytest.fixture(scope="module")
def translator(run_dir) -> Translator:
    return Translator.load(str(run_dir))


@pytest.fixture(scope="module")
def model(translator) -> bytes:
    return tflite.convert(translator)


@pytest.fixture(scope="module")
def pictures(translator) -> np.ndarray:
    return verify.real_pictures(translator.config)


def test_the_file_has_the_promised_signatures(translator, model):
    interpreter = Interpreter(model_content=model)
    found = interpreter.get_signature_list()
    promised = signatures.signatures(translator.config)
    assert {s.name for s in promised} == {"map_latent", "encode_style", "translate"}
    for signature in promised:
        names = found[signature.name]
        assert sorted(names["inputs"]) == sorted(t.name for t in signature.inputs)
        assert names["outputs"] == [signature.output.name]
        runner = interpreter.get_signature_runner(signature.name)
        details = runner.get_input_details() | runner.get_output_details()
        for tensor in (*signature.inputs, signature.output):
            assert tuple(details[tensor.name]["shape"]) == tensor.shape
            assert details[tensor.name]["dtype"] == np.dtype(tensor.dtype)


def test_the_file_gives_what_keras_gives(translator, model, pictures):
    worst = verify.verify(translator, tflite.load(model), pictures)
    assert set(worst) == {"map_latent", "encode_style", "translate"}


def test_no_operation_needs_tensorflow(model):
    assert b"Flex" not in model


def test_weights_are_there_once(translator, model):
    networks = translator.networks.values()
    floats = sum(4 * w.size for n in networks for w in n.get_weights())
    assert floats < len(model) < 2.2 * floats + 300_000


def test_the_saved_model_gives_what_keras_gives(translator, pictures, tmp_path):
    signatures.write_saved_model(translator, tmp_path / "saved")
    endpoints = savedmodel.load(tmp_path / "saved")
    verify.verify(translator, endpoints, pictures)


def test_a_model_that_differs_is_refused(translator, model, pictures):
    endpoints = tflite.load(model)
    run = endpoints["translate"]

    def spoilt(value: float):
        def endpoint(**inputs):
            fake = run(**inputs)["x_fake"].copy()
            fake[0, 3, 4, 1] += value
            return {"x_fake": fake}

        return endpoint

    for value in (1.0, np.nan):
        endpoints["translate"] = spoilt(value)
        with pytest.raises(UserError, match="differs from Keras"):
            verify.verify(translator, endpoints, pictures)


def test_the_description_tells_an_app_what_it_needs(translator, tmp_path):
    path = signatures.write_description(translator, tmp_path)
    description = json.loads(path.read_text())
    assert description["format_version"] == 1
    assert description["domains"] == ["bear", "cat", "rabbit"]
    assert (description["img_size"], description["style_dim"]) == (32, 6)
    np.testing.assert_allclose(
        description["mean_styles"]["cat"], translator.mean_style("cat"), rtol=1e-6
    )
    translate = description["signatures"]["translate"]
    assert translate["inputs"]["x_src"]["shape"] == [1, 32, 32, 3]
    assert list(translate["outputs"]) == ["x_fake"]


def test_a_run_whose_data_is_elsewhere_is_compared_on_drawn_animals(capsys):
    config = tiny(dataset="folder", data_dir="gone", domains=("cat", "dog"))
    assert verify.real_pictures(config).shape == (6, 32, 32, 3)
    assert "drawn animals" in capsys.readouterr().err


@pytest.mark.slow
def test_the_file_of_a_run_for_faces_makes_the_masks_itself(pictures):
    config = tiny(w_hpf=1.0)
    translator = Translator(config, build_networks(config, translating(config)))
    fan = translator.networks["fan"]
    shapes = {k: v.shape for k, v in reference_weights.to_reference(fan).items()}
    reference_weights.from_reference(fan, formula.weights("fan", shapes))
    assert tf.reduce_max(fan.masks(pictures)[0]) > 0.5
    model = tflite.convert(translator)
    assert b"Flex" not in model
    verify.verify(translator, tflite.load(model), pictures)
