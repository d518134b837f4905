"""Files of version 0.1.0 stay usable: a run, packed images, exported models.

The names in its README work for one more version.
"""

import dataclasses
import pathlib
import re
import runpy
import shutil
import sys

import numpy as np
import pytest
from conftest import tiny
from PIL import Image
from test_stargan import contents

from export.checks import quality
from export.checks.verify import exported_translator, real_images, verify
from export.litert.exporting import export_run, exported
from export.litert.variants import FLOORS
from export.model import saved_model
from tfstargan import images
from tfstargan.config import Config
from tfstargan.data.checking import damaged_shards
from tfstargan.data.image_set import ImageSet
from tfstargan.data.stream import open_images
from tfstargan.exported import runtime
from tfstargan.exported.contract import Contract
from tfstargan.files import checksum
from tfstargan.networks.build import NETWORKS
from tfstargan.runs.run import Run, open_run
from tfstargan.training.distribution import choose_strategy
from tfstargan.training.loop import make_model, train_run
from tfstargan.translation.translator import Translator

OLD = pathlib.Path(__file__).parent / "compatibility" / "0.1.0"
DOMAINS = ("bear", "cat", "rabbit")


@pytest.fixture
def run(tmp_path) -> Run:
    """A copy of the run as it was after two iterations."""
    later = shutil.ignore_patterns("iteration-0000004.*")
    return open_run(shutil.copytree(OLD / "run", tmp_path / "run", ignore=later))


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load(OLD / "run", checkpoint=2)


def packed() -> Config:
    return tiny(dataset="folder", data_dir=str(OLD / "packed"), iterations=1)


# ---- the run ----


def test_every_array_of_a_checkpoint_is_restored(run, tmp_path):
    model = make_model(run.config, choose_strategy(run.config))
    run.load(model)
    assert model.iterations_done() == 2
    model.save_weights(tmp_path / "again.weights.h5")
    found, expected = (
        arrays_of(tmp_path / "again.weights.h5"),
        contents(run.checkpoint()),
    )
    assert len(expected) == 437
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, name)


def arrays_of(file: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint, the optimizers' named as they were then."""
    found = {}
    for name, array in contents(file).items():
        if match := re.fullmatch(r"vars/(\w+)\.optimizer\.(\d+)", name):
            number = NETWORKS.index(match[1])
            group = f"adam_{number}" if number else "adam"
            name = f"optimizers/{group}/vars/{match[2]}"
        found[name] = array
    return found


def check_resumes(run: Run, **settings: object) -> None:
    """Check that two more iterations move every array by what they moved it by then.

    On the processor that the files are of, a compiled iteration gives them to the bit.
    Others round otherwise. Adam makes whole steps of the sign of a gradient that only
    rounding has: that of the biases before instance normalization. Measured without
    --jit: the median array's movement differs by 0.05 %, that of a network, an average
    or an optimizer by 13 % at most. Where the optimizers' moments are lost, the figures
    are 67 % and 92 %.
    """
    before = contents(run.checkpoint())
    train_run(dataclasses.replace(run.config, **settings), run.path)
    found = arrays_of(run.checkpoint(4))
    expected = contents(Run(OLD / "run", run.config).checkpoint(4))
    assert found.keys() == expected.keys()
    shares = []
    squares: dict[str, np.ndarray] = {}  # of differences and movements, by their owner
    for name, array in expected.items():
        moved = array.astype(np.float64) - before[name]
        apart = array.astype(np.float64) - found[name]
        pair = np.array([np.sum(apart**2), np.sum(moved**2)])
        owner = "/".join(name.split("/")[:2])
        squares[owner] = squares.get(owner, 0) + pair
        if pair[1]:
            shares.append(np.sqrt(pair[0] / pair[1]))
    assert len(squares) == 16
    for owner, (apart, moved) in squares.items():
        assert moved > 0, owner
        assert np.sqrt(apart / moved) < 0.25, owner
    assert np.median(shares) < 0.005


@pytest.mark.slow
def test_training_resumes(run, eager):
    check_resumes(run, jit=False)
    assert len(list(run.samples_dir.iterdir())) == 3


@pytest.mark.all
def test_training_resumes_compiled(run):
    check_resumes(run)


def test_the_run_translates(translator):
    assert translator.domains == DOMAINS
    source = open_images(packed(), "val").image(1, 0)
    image = translator.translate(source, domain="bear", seed=3)
    assert image.size == (32, 32)


@pytest.mark.slow
def test_the_run_is_exported_again_to_the_same(run, translator):
    before = exported_by_litert(run.export_dir / "float32")
    shutil.rmtree(run.export_dir)
    (folder,) = export_run(run, ["float32"], checkpoint=2, report=False)
    verify(before, exported_by_litert(folder), real_images(run.config))


# ---- exported models ----


def exported_by_litert(folder: pathlib.Path) -> Translator:
    config = open_run(OLD / "run").config
    return exported_translator(config, runtime.load(folder))


@pytest.mark.parametrize("variant", ["float32", "float16", "mixed"])
def test_an_exported_model_gives_what_keras_does(translator, variant):
    folder = OLD / "run" / "export" / variant
    contract = Contract.load(folder)
    assert (contract.variant, contract.iteration) == (variant, 2)
    assert tuple(contract.domains) == DOMAINS
    old, pictures = exported_by_litert(folder), real_images(translator.config)
    if variant == "float32":
        verify(translator, old, pictures)
    measured = quality.measure(translator, old, pictures, None)
    assert measured["psnr"] > FLOORS.get(variant, 80)


def test_a_saved_model_gives_what_keras_does(translator):
    folder = OLD / "run" / "export" / "savedmodel"
    assert Contract.load(folder).batch is None
    old = exported_translator(translator.config, saved_model.load(folder), None)
    verify(translator, old, real_images(translator.config))


@pytest.mark.slow
def test_a_model_of_an_unknown_checkpoint_stays_and_apps_get_another(run, monkeypatch):
    monkeypatch.setitem(FLOORS, "mixed", 0.0)  # of trained networks
    before = checksum(run.export_dir / "mixed" / "stargan.tflite")
    folder = exported(run, "mixed", checkpoint=2)
    assert folder == run.export_dir / "apps" / "mixed"
    assert checksum(run.export_dir / "mixed" / "stargan.tflite") == before


# ---- packed images ----


@pytest.fixture(params=["train", "val"])
def image_set(request) -> ImageSet:
    return open_images(packed(), request.param)


def test_packed_images_are_read(image_set):
    assert image_set.domains == DOMAINS
    counts = {image_set.count(label) for label in range(3)}
    assert counts in ({5}, {1})
    for label in range(3):
        assert images.square(image_set.image(label, 0), 32).size == (32, 32)


def test_packed_images_are_complete_and_train(eager, tmp_path):
    assert damaged_shards(OLD / "packed") == []
    run = train_run(packed(), tmp_path / "run", draw=lambda *_: {})
    assert [p.name for p in run.checkpoints()] == ["iteration-0000001.weights.h5"]


# ---- names before version 0.2, to go in 0.3 ----


@pytest.mark.parametrize(("old", "new"), [("check", "check"), ("records", "pack")])
def test_an_old_command_says_what_it_is_called_now(old, new, capsys):
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"tfstargan.data.{old}", run_name="__main__")
    assert ended.value.code == 2
    line = f"error: tfstargan.data.{old} is now `tfstargan {new}`\n"
    assert capsys.readouterr() == ("", line)


def test_the_readme_s_translation_of_then_works(translator, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "tfstargan.translator", raising=False)
    open_images(packed(), "val").image(1, 0).save(tmp_path / "cat.png")
    with pytest.warns(DeprecationWarning, match=r"is now tfstargan\.Translator"):
        from tfstargan.translator import Translator

    of_then = Translator.load(str(OLD / "run"), 2)
    cat = of_then.read(tmp_path / "cat.png")
    style = of_then.random_style("bear", seed=3)
    bear = of_then.translate(cat[None], style)[0]
    images.save(images.to_uint8(bear), tmp_path / "bear.png")
    now = translator.translate(tmp_path / "cat.png", domain="bear", seed=3)
    with Image.open(tmp_path / "bear.png") as image:
        apart = np.asarray(image).astype(int) - np.asarray(now)
    assert np.abs(apart).max() <= 1
    assert of_then.translate(cat, "bear", seed=3).tobytes() == now.tobytes()


def test_the_readme_s_use_of_an_exported_model_of_then_works():
    from export import litert

    with pytest.warns(DeprecationWarning, match=r"is now tfstargan\.exported\.runtime"):
        endpoints = litert.load(OLD / "run" / "export" / "float32")
    z = np.random.default_rng(3).standard_normal((1, 5), np.float32)
    style = endpoints["map_latent"](z=z, y=np.array([1], np.int32))["s"]
    gray = np.zeros((1, 32, 32, 3), np.float32)
    fake = endpoints["translate"](x_src=gray, s=style)["x_fake"]
    assert fake.shape == (1, 32, 32, 3)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        litert.lode  # noqa: B018
