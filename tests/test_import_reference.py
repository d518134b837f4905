"""The authors' weights become a run, and a run becomes their file again."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
import pytorch_writer
import tensorflow as tf
from conftest import tiny
from parity import GOLDENS, TOLERANCES, Case, formula, relative
from PIL import Image

from tfstargan.data.batch import Batch
from tfstargan.errors import UserError
from tfstargan.networks.build import AVERAGED, build_networks
from tfstargan.networks.layers import HIGH_PASS
from tfstargan.reference import parameters, pytorch_file
from tfstargan.reference.exporting import export_reference
from tfstargan.reference.importing import read, sizes, w_hpf
from tfstargan.runs.run import Run, open_run
from tfstargan.training.importing import import_reference
from tfstargan.training.loop import train_run
from tfstargan.training.stargan import StarGANv2
from tfstargan.translation.translator import Translator

pytestmark = pytest.mark.slow  # all together


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(GOLDENS / "small.json")


@pytest.fixture(scope="module")
def parts(case) -> dict:
    """The golden's networks as the authors keep them."""
    return {name: formula.weights(name, case.shapes[name]) for name in AVERAGED}


@pytest.fixture(scope="module")
def checkpoint(parts, tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("authors") / "040000_nets_ema.ckpt"
    pytorch_writer.write(path, parts, "stream")
    return path


@pytest.fixture(scope="module")
def run(checkpoint, tmp_path_factory) -> Run:
    path = tmp_path_factory.mktemp("runs") / "authors"
    import_reference(checkpoint, path, ("cat", "dog", "wild"))
    return open_run(str(path))


@pytest.fixture(scope="module")
def translator(run) -> Translator:
    return Translator.of_run(run)


def refusal(run_dir: pathlib.Path, *arguments: object, **named: object) -> str:
    """The error message of an import, which must write nothing."""
    before = sorted(run_dir.parent.rglob("*"))
    with pytest.raises(UserError) as caught:
        import_reference(*arguments, run_dir=run_dir, **named)
    assert sorted(run_dir.parent.rglob("*")) == before
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.fixture(scope="module")
def face_parts() -> dict:
    """Small networks with high-pass skips, as the authors keep them."""
    config = tiny(domains=("female", "male"), img_size=64, w_hpf=1)
    networks = build_networks(config, AVERAGED)
    parts = {n: parameters.to_reference(net) for n, net in networks.items()}
    shapes = json.loads((GOLDENS / "hpf.json").read_text())["shapes"]["fan"]
    parts["fan"] = formula.weights("fan", shapes)
    parts["fan"]["bn1.num_batches_tracked"] = np.array(7)
    return parts


def test_an_imported_run_gives_the_recorded_outputs(case, translator):
    batch, networks = case.batch(), translator.networks
    style = networks["mapping_network"](batch.z, batch.y_trg)
    outputs = {
        "mapping_network": style,
        "style_encoder": networks["style_encoder"](batch.x_ref, batch.y_trg),
        "generator": translator.apply_styles(batch.x_src, np.asarray(style)),
    }
    for name, value in outputs.items():
        assert relative(value, case.golden[name]) <= TOLERANCES["networks"], name


def test_the_sizes_are_read_off_the_file(case, run):
    expected = case.config
    for name in "img_size style_dim latent_dim hidden_dim w_hpf".split():
        assert getattr(run.config, name) == getattr(expected, name), name
    assert run.config.domains == ("cat", "dog", "wild")
    assert run.checkpoint().name == "iteration-0040000.weights.h5"
    assert (run.path / "run.json").exists()


def test_a_photograph_is_translated(translator, tmp_path):
    Image.effect_noise((640, 480), 60).convert("RGB").save(tmp_path / "photo.jpg")
    source = translator.read(tmp_path / "photo.jpg")
    fake = translator.apply_styles(source[None], translator.random_style("dog", seed=1))
    assert fake.shape == (1, 64, 64, 3)
    assert np.isfinite(fake).all()


def test_training_starts_from_the_imported_networks(run, case, parts):
    model = StarGANv2(run.config)
    model.compile()
    run.load(model)
    assert model.iterations_done() == 40_000
    for name in AVERAGED:
        arrays = parameters.to_reference(getattr(model, name))
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, parts[name][key])
    logs = model.train_step(Batch(*map(tf.constant, case.batch())))
    assert all(np.isfinite(value) for value in logs.values())
    assert model.iterations_done() == 40_001


def test_an_imported_run_goes_on_with_a_fourth_domain(
    run, tmp_path, eager, small_grids
):
    rng = np.random.default_rng(0)
    for domain in ("cat", "dog", "fox", "wild"):
        folder = tmp_path / "data" / "train" / domain
        folder.mkdir(parents=True)
        for i in range(2):
            pixels = rng.integers(256, size=(64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    data = {"dataset": "folder", "data_dir": str(tmp_path / "data"), "domains": ()}
    length = {"iterations": 1, "batch_size": 2, "jit": False}
    config = dataclasses.replace(run.config, **data, **length)
    child = train_run(
        config, tmp_path / "child", init_from=run.path, like={"fox": "dog"}
    )
    parent = json.loads(child.about.read_text())["parent"]
    assert parent["iteration"] == 40_000
    origins = {"cat": "cat", "dog": "dog", "fox": "dog", "wild": "wild"}
    assert parent["domains"] == origins
    before, after = Translator.of_run(run), Translator.of_run(child)
    source = rng.uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
    for domain, origin in origins.items():
        old = before.apply_styles(source, before.random_style(origin, seed=1))
        new = after.apply_styles(source, after.random_style(domain, seed=1))
        # The averages have moved by a thousandth of one update.
        np.testing.assert_allclose(new, old, atol=0.02)


def test_the_export_is_the_import_bit_for_bit(run, parts, tmp_path):
    out = tmp_path / "nets_ema.ckpt"
    export_reference(run, out)
    found = pytorch_file.load(out)
    assert found.keys() == parts.keys()
    for name, arrays in parts.items():
        assert found[name].keys() == arrays.keys()
        for key, array in arrays.items():
            assert found[name][key].shape == array.shape
            assert found[name][key].tobytes() == array.tobytes()
    import_reference(out, tmp_path / "again")
    again = open_run(str(tmp_path / "again"))
    assert again.config.domains == ("domain0", "domain1", "domain2")
    assert again.checkpoint().name == "iteration-0000000.weights.h5"
    for name, network in Translator.of_run(again).networks.items():
        arrays = parameters.to_reference(network)
        assert all(np.array_equal(x, parts[name][key]) for key, x in arrays.items())


def test_names_may_have_the_prefix_of_a_parallel_module(parts, tmp_path):
    path = tmp_path / "nets_ema.ckpt"
    prefixed = {
        name: {f"module.{key}": x for key, x in arrays.items()}
        for name, arrays in parts.items()
    }
    pytorch_writer.write(path, prefixed)
    found = read(path)
    assert {n: list(a) for n, a in found.items()} == {
        n: list(a) for n, a in parts.items()
    }
    assert sizes(found)["num_domains"] == 3


# Faces


def test_faces_come_with_their_landmark_network(face_parts, tmp_path):
    path, wing = tmp_path / "100000_nets_ema.ckpt", tmp_path / "wing.ckpt"
    networks = {name: face_parts[name] for name in AVERAGED}
    pytorch_writer.write(path, networks)
    pytorch_writer.write(wing, {"state_dict": face_parts["fan"]})
    line = refusal(tmp_path / "run", path)
    assert "give wing_weights=wing.ckpt" in line

    import_reference(path, tmp_path / "run", ("female", "male"), str(wing))
    run = open_run(str(tmp_path / "run"))
    assert run.config.w_hpf == 1
    translator = Translator.of_run(run)
    source = formula.images("faces", 1, 64)
    fake = translator.apply_styles(source, translator.random_style("male", seed=2))
    assert np.isfinite(fake).all()

    out = tmp_path / "out.ckpt"
    export_reference(run, out)
    found = pytorch_file.load(out)
    assert found.keys() == face_parts.keys()
    np.testing.assert_array_equal(found["generator"]["hpf.filter"], HIGH_PASS)
    counters = {key for key in face_parts["fan"] if key.endswith("_tracked")}
    for name, arrays in face_parts.items():
        assert found[name].keys() == arrays.keys() - counters
        for key, array in found[name].items():
            np.testing.assert_array_equal(array, arrays[key])


def test_the_file_may_hold_the_landmark_network_itself(face_parts, tmp_path):
    path = tmp_path / "nets_ema.ckpt"
    pytorch_file.save(path, face_parts)
    model = import_reference(path, tmp_path / "run")
    assert model.fan.has_weights()


def test_training_on_faces_takes_the_landmark_network_from_its_file(
    face_parts, checkpoint, tmp_path
):
    fan = build_networks(tiny(w_hpf=1), ("fan",))["fan"]
    wing = tmp_path / "wing.ckpt"
    pytorch_writer.write(wing, {"state_dict": {"module.l0.bias": np.zeros(99, "f4")}})
    with pytest.raises(
        UserError, match=r"^wing_weights=.*wing\.ckpt: no weights .*missing"
    ) as caught:
        parameters.load_fan(fan, str(wing))
    assert "module" not in str(caught.value)
    with pytest.raises(UserError, match=r"^wing_weights=.*no state_dict"):
        parameters.load_fan(fan, str(checkpoint))
    assert not fan.has_weights()
    pytorch_writer.write(wing, {"state_dict": face_parts["fan"]}, "stream")
    parameters.load_fan(fan, str(wing))
    found = parameters.to_reference(fan)
    np.testing.assert_array_equal(found["l0.bias"], face_parts["fan"]["l0.bias"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"generator": "light"}, "has a light generator"),
        ({"img_size": 64, "patch_size": 2}, "patch_size=2"),
        ({"residual": True}, "adds its output to the image"),
    ],
)
def test_networks_that_the_authors_do_not_have_are_not_exported(
    settings, said, tmp_path
):
    with Run.start(tmp_path / "run", tiny(**settings)) as run:
        with pytest.raises(UserError, match=said):
            export_reference(run, tmp_path / "weights.ckpt")
    assert not (tmp_path / "weights.ckpt").exists()


def test_the_exported_names_are_those_recorded(face_parts):
    case = Case(GOLDENS / "hpf.json")
    for name, network in build_networks(case.config, AVERAGED).items():
        found = parameters.to_reference(network)
        shapes = {key: list(x.shape) for key, x in found.items()}
        shapes.pop("hpf.filter", None)  # a constant, not in the goldens' list
        assert shapes == case.shapes[name]
    assert (
        face_parts["fan"].keys() - {"bn1.num_batches_tracked"}
        == case.shapes["fan"].keys()
    )


@pytest.mark.parametrize("weight", [1.0, 0.3, 2.5, 7.0, 1e-3])
def test_the_weight_of_the_high_pass_is_read_off_the_filter(weight):
    stored = (HIGH_PASS / weight).astype("f4")
    assert w_hpf({"hpf.filter": stored}) == weight


@pytest.mark.parametrize("value", [0, np.nan, np.inf, -1])
def test_another_filter_is_refused(value):
    for stored in (np.full((3, 3), value, "f4"), HIGH_PASS * np.float32(value)):
        with pytest.raises(ValueError, match="not the high-pass filter"):
            w_hpf({"hpf.filter": stored})


# Wrong files


def test_foreign_files_are_named_in_one_line(checkpoint, parts, tmp_path):
    run, path = tmp_path / "runs" / "new", tmp_path / "nets_ema.ckpt"
    run.parent.mkdir()
    assert "nets_ema.ckpt: no such file" in refusal(run, path)
    content = checkpoint.read_bytes()
    for length in (0, 10, 1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert "nets_ema.ckpt: not a readable PyTorch file" in refusal(run, path)
    pytorch_file.save(path, {"state_dict": parts["generator"]})
    assert "holds state_dict, not generator" in refusal(run, path)
    pytorch_file.save(path, parts | {"discriminator": {}})
    assert "discriminator, not generator" in refusal(run, path)
    pytorch_file.save(path, parts | {"generator": np.zeros(3)})
    assert "generator is not a dictionary" in refusal(run, path)
    wing = tmp_path / "wing.ckpt"
    pytorch_file.save(wing, parts)
    assert "wing.ckpt: no weights" in refusal(run, checkpoint, wing_weights=str(wing))


@pytest.mark.parametrize(
    ("network", "name", "value", "reason"),
    [
        ("generator", "from_rgb.bias", None, "missing or unknown"),
        ("generator", "from_rgb.bias", np.zeros(5, "f4"), "from_rgb.bias has shape"),
        ("generator", "extra", np.zeros(5, "f4"), "missing or unknown"),
        ("generator", "hpf.filter", np.ones((3, 3), "f4"), "not the high-pass filter"),
        ("generator", "hpf.filter", HIGH_PASS.astype("f4"), "give wing_weights="),
        ("mapping_network", "shared.0.weight", None, "no shared.0.weight of 2 axes"),
        ("mapping_network", "shared.2.weight", np.zeros((1, 1)), "do not fit"),
        ("style_encoder", "shared.0.weight", np.zeros((0, 3, 3, 3)), "does not fit"),
        ("style_encoder", "shared.1.conv2.weight", np.zeros(3), "of 4 axes"),
        ("style_encoder", "shared.1.conv1.weight", None, "img_size must be"),
        ("style_encoder", "unshared.1.weight", None, "at least two domains"),
        ("style_encoder", "unshared.0.weight", {}, "no unshared.0.weight of 2 axes"),
        ("style_encoder", "unshared.0.bias", {}, "unshared.0.bias is not an array"),
    ],
)
def test_networks_that_do_not_fit_are_refused(
    parts, tmp_path, network, name, value, reason
):
    arrays = parts[network] | {name: value}
    if value is None:
        del arrays[name]
    path, run = tmp_path / "nets_ema.ckpt", tmp_path / "runs" / "new"
    run.parent.mkdir()
    pytorch_file.save(path, parts | {network: arrays})
    line = refusal(run, path)
    assert line.startswith(f"{path}: ")
    assert reason in line


def test_domains_and_run_are_checked(checkpoint, run, tmp_path):
    line = refusal(tmp_path / "new", checkpoint, domains=("cat", "dog"))
    assert "domains=cat,dog: these networks have 3 domains" in line
    assert "is not empty" in refusal(run.path, checkpoint)
    (tmp_path / "file").write_text("")
    assert "is not empty" in refusal(tmp_path / "file", checkpoint)
    assert "can't be written" in refusal(tmp_path / "file" / "new", checkpoint)


def test_the_folders_of_the_photographs_name_the_domains(checkpoint, tmp_path):
    for domain in ("wild", "cat", "dog"):
        folder = tmp_path / "data" / "train" / domain
        folder.mkdir(parents=True)
        Image.new("RGB", (40, 30)).save(folder / "0.jpg")
    data = str(tmp_path / "data")
    model = import_reference(checkpoint, tmp_path / "run", data_dir=data)
    assert model.config.domains == ("cat", "dog", "wild")
    assert model.config.data_dir == data
