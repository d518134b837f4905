"""The library's face: what the README shows is what there is.

Every command's module is imported first: an attribute of the package must not become a
module of that name.
"""

import importlib
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import tiny
from PIL import Image

import tfstargan as sg
from tfstargan.__main__ import COMMANDS, FORMATS
from tfstargan.data.critters import draw, nth_critter

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope="module")
def _every_command() -> None:
    for name in COMMANDS:
        importlib.import_module(f"tfstargan.{name}")
    for name in FORMATS:
        importlib.import_module(f"export.{name}")


@pytest.fixture(scope="module")
def run(run_dir, tmp_path_factory) -> sg.Run:
    copy = shutil.copytree(run_dir, tmp_path_factory.mktemp("api") / "mine")
    return sg.open_run(copy)


@pytest.fixture(scope="module")
def translator(run) -> sg.Translator:
    return sg.Translator.load(run.path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    """A folder with cat.png, rabbit.png, of 40 x 48 pixels, and cat.jpg."""
    folder = tmp_path_factory.mktemp("images")
    for label, name in ((1, "cat"), (2, "rabbit")):
        picture = Image.fromarray(draw(nth_critter("val", label, 0, 0), 48))
        picture.crop((4, 0, 44, 48)).save(folder / f"{name}.png")
    return folder


@pytest.mark.process
def test_importing_it_leaves_the_process_as_it_was():
    code = """if True:
        import os, sys
        before = dict(os.environ)
        import tfstargan
        assert not {"tensorflow", "keras", "numpy", "absl"} & set(sys.modules)
        assert dict(os.environ) == before
        assert tfstargan.__version__
    """
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.process
@pytest.mark.parametrize(
    ("first", "says"),
    [("", "tensorflow None"), ("import keras", "Keras runs on jax in this program")],
)
def test_keras_comes_with_tensorflow_whatever_keras_json_says(tmp_path, first, says):
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    code = f"""if True:
        import os, sys
        {first or "pass"}
        import tfstargan as sg
        try:
            sg.Translator
        except sg.UserError as error:
            sys.exit(str(error))
        import keras
        print(keras.backend.backend(), os.environ.get("KERAS_BACKEND"))
    """
    if first:  # JAX is not installed: Keras is told so after it was imported
        code = code.replace(
            "import keras\n",
            "import keras; keras.backend.backend = lambda: 'jax'\n",
            1,
        )
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment
        | {"PYTHONPATH": str(ROOT)}
        | ({} if first else {"KERAS_HOME": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert says in (result.stderr if first else result.stdout)
    assert "Traceback" not in result.stderr


def test_every_public_name_is_there_and_no_other():
    for name in sg.__all__:
        assert getattr(sg, name) is not None
        assert not isinstance(getattr(sg, name), type(sys))
    assert set(sg.__all__) <= set(dir(sg))
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        sg.nope  # noqa: B018


def test_a_configuration_comes_of_a_flagfile_and_arguments():
    file = ROOT / "configs" / "custom.flags"
    config = sg.Config.from_flagfile(file, data_dir="data/mine", img_size=128)
    assert (config.data_dir, config.img_size) == ("data/mine", 128)
    assert config.iterations == 50_000
    with pytest.raises(sg.UserError, match="img_size=100 must be a power of two"):
        sg.Config.from_flagfile(file, img_size=100)


@pytest.mark.slow
def test_a_run_is_trained_resumed_opened_and_distilled(eager, small_grids, tmp_path):
    config = tiny(iterations=1, sample_every=9)
    run = sg.train_run(config, tmp_path / "mine")
    assert [p.name for p in run.checkpoints()] == ["iteration-0000001.weights.h5"]
    again = sg.train_run(tiny(iterations=2, sample_every=9), str(tmp_path / "mine"))
    assert len(again.checkpoints()) == 2
    assert sg.open_run(tmp_path / "mine").config == again.config
    light = sg.distill_run(again, tmp_path / "mine-light", iterations=1)
    assert light.config.generator == "light"
    assert light.path == tmp_path / "mine-light"


def test_a_run_without_networks_to_measure_by_says_what_is_missing(run, tmp_path):
    with pytest.raises(sg.UserError, match="missing, and nodownload"):
        sg.evaluate_run(
            run, metrics=["lpips"], download=False, backbone_dir=str(tmp_path)
        )


@pytest.mark.slow
def test_a_run_is_exported(run):
    (folder,) = sg.export_run(run, variants=["mixed"], report=False, force=True)
    assert folder == run.export_dir / "mixed"
    assert (folder / "stargan.tflite").exists()
    with pytest.raises(sg.UserError, match="variants=tiny must be of"):
        sg.export_run(run, variants=["tiny"])


def test_a_translator_takes_a_path_an_image_or_an_array(translator, folder):
    path = folder / "cat.png"
    image = translator.translate(path, domain="rabbit", seed=3)
    assert isinstance(image, Image.Image)
    assert (image.size, image.mode) == ((32, 32), "RGB")
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
        same = [str(path), picture, pixels, translator.read(path)]
        for source in same:
            found = translator.translate(source, domain="rabbit", seed=3)
            np.testing.assert_array_equal(np.asarray(found), np.asarray(image))


def test_the_style_may_be_a_reference_s(translator, folder):
    reference = folder / "rabbit.png"
    image = translator.translate(
        folder / "cat.png", domain="rabbit", reference=reference
    )
    style = translator.encode_styles(translator.read(reference)[None], "rabbit")
    source = translator.read(folder / "cat.png")[None]
    (expected,) = translator.apply_styles(source, style)
    levels = np.clip((expected + 1) * 127.5, 0, 255).round()
    np.testing.assert_allclose(np.asarray(image, float), levels, atol=1)


def test_many_sources_in_many_styles_are_images_by_source_and_style(translator, folder):
    sources = [folder / "cat.png", folder / "rabbit.png"] * 5  # more than one chunk
    images = translator.translate(sources, domain="bear", seeds=range(4))
    assert (len(images), {len(row) for row in images}) == (10, {4})
    for i, seed in ((0, 0), (9, 3)):
        alone = translator.translate(sources[i], domain="bear", seed=seed)
        np.testing.assert_allclose(
            np.asarray(images[i][seed], float), np.asarray(alone, float), atol=1
        )
    row = translator.translate(sources[0], domain="bear", seeds=[1, 2])
    column = translator.translate(sources[:2], domain="bear", seed=1)
    stacked = translator.translate(
        np.stack([translator.read(s) for s in sources[:2]]), domain="bear", seed=1
    )
    assert len(row) == len(column) == len(stacked) == 2
    references = translator.translate(sources[:1], domain="bear", reference=sources[:3])
    assert [len(row) for row in references] == [3]


def test_low_level_methods_give_back_the_range_that_they_get(translator, folder):
    x = translator.read(folder / "cat.png")[None]
    levels = np.round((x + 1) * 127.5).astype(np.uint8)
    style = translator.random_style("bear", seed=1)
    as_float = translator.apply_styles(x, style)
    as_levels = translator.apply_styles(levels, style)
    assert (as_float.dtype, as_levels.dtype) == (np.float32, np.uint8)
    expected = np.round((np.clip(as_float, -1, 1) + 1) * 127.5)
    np.testing.assert_allclose(as_levels, expected, atol=2)
    (in_turn,) = translator.in_styles(levels, [style])
    np.testing.assert_array_equal(in_turn, as_levels)
    np.testing.assert_allclose(
        translator.encode_styles(levels, "cat"),
        translator.encode_styles(x, "cat"),
        atol=1e-2,
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.zeros((32, 32)), r"must be \[H, W, 3\]"),
        (np.zeros((32, 32, 4), np.uint8), r"must be \[H, W, 3\]"),
        (np.zeros((32, 32, 3), np.int64), "uint8 or float"),
        (np.full((32, 32, 3), 255.0), r"in \[-1, 1\]"),
        (np.full((32, 32, 3), np.nan), r"in \[-1, 1\]"),
    ],
)
def test_an_array_that_is_no_image_is_refused(translator, source, says):
    with pytest.raises(ValueError, match=says):
        translator.translate(source, domain="cat", seed=1)


def test_what_is_missing_or_unknown_is_said(translator, folder):
    cat = folder / "cat.png"
    with pytest.raises(sg.UserError, match="domain=dog: this run has bear, cat"):
        translator.translate(cat, domain="dog", seed=1)
    with pytest.raises(sg.UserError, match=r"no\.jpg: no such file"):
        translator.translate("no.jpg", domain="cat", seed=1)
    for choice in ({}, {"seed": 1, "reference": cat}):
        with pytest.raises(ValueError, match="one of seed, seeds and reference"):
            translator.translate(cat, domain="cat", **choice)
    with pytest.raises(sg.UserError, match="no run there"):
        sg.Translator.load(folder)


def test_the_mean_style_is_computed_once(translator):
    mean = translator.mean_style("cat")
    assert translator.mean_style("cat") is mean
    near = translator.random_style("cat", seed=5, psi=0.0)
    np.testing.assert_allclose(near[0], mean, atol=1e-6)


def test_keras_own_fit_trains_on_a_dataset():
    config = tiny(domains=())
    data = sg.dataset(config, "train")
    batch = next(iter(data))
    assert isinstance(batch, sg.Batch)
    assert batch.x_src.shape == (4, 32, 32, 3)
    model = sg.StarGANv2(config.with_domains(data))
    model.compile(run_eagerly=True)
    before = model.iterations_done()
    model.fit(data, steps_per_epoch=1, verbose=0)
    assert model.iterations_done() == before + 1


def test_what_keras_users_try_says_what_to_call_instead():
    with pytest.raises(sg.UserError, match="with_domains"):
        sg.StarGANv2(sg.Config())
    model = sg.StarGANv2(tiny())
    for attempt, says in (
        (lambda: model.compile("adam"), "optimizers="),
        (lambda: model.compile(optimizer="adam"), "optimizers="),
        (lambda: model.predict(np.zeros((1, 32, 32, 3))), "translate"),
        (lambda: model.evaluate(np.zeros((1, 32, 32, 3))), "evaluate_run"),
    ):
        with pytest.raises((sg.UserError, TypeError, NotImplementedError), match=says):
            attempt()
