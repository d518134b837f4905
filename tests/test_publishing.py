"""A run becomes a folder to publish, which opens as a run wherever it is."""

import dataclasses
import json
import os
import pathlib
import shutil

import h5py
import numpy as np
import pytest
from commands import command, refusal

from tfstargan import resources
from tfstargan.errors import UserError
from tfstargan.runs.locating import locate
from tfstargan.runs.publishing import publish
from tfstargan.runs.run import Run, open_run
from tfstargan.translation.translator import Translator

DATA = "Drawn animals, in the public domain."


@pytest.fixture(scope="module")
def run(run_dir) -> Run:
    return open_run(run_dir)


@pytest.fixture(scope="module")
def published(run, tmp_path_factory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("published") / "animals"
    return publish(run, out, "apache-2.0", DATA)


def output(run_dir: str | os.PathLike) -> np.ndarray:
    """What a run makes of a gray image."""
    source = np.full((32, 32, 3), 128, np.uint8)
    translator = Translator.load(run_dir)
    return np.asarray(translator.translate(source, domain="cat", seed=1))


def test_it_opens_as_a_run_with_the_same_weights(run, published):
    np.testing.assert_array_equal(output(published), output(run.path))


def test_the_state_of_the_optimizers_is_not_in_it(run, published):
    kept = open_run(published).checkpoint()
    with h5py.File(run.checkpoint()) as old, h5py.File(kept) as new:
        assert [*new["vars"]] == ["0"]  # the iteration
        assert len(old["vars"]) > 1
    assert kept.stat().st_size < 0.7 * run.checkpoint().stat().st_size


def test_nothing_in_it_tells_of_its_author(run, published):
    text = "".join(
        path.read_text()
        for path in published.rglob("*")
        if path.suffix in (".md", ".json")
    )
    process = json.loads(run.about.read_text())["process"]
    for private in (str(run.path), process["host"], str(pathlib.Path.home())):
        assert private not in text


def test_the_card_says_what_it_is(published):
    card = (published / "README.md").read_text()
    front, body = card.removeprefix("---\n").split("---\n", 1)
    assert "license: apache-2.0" in front
    assert "pipeline_tag: image-to-image" in front
    for said in (
        "bear, cat, rabbit",
        "32 x 32",
        DATA,
        "Iteration 3",
        "--channel_max=12",
    ):
        assert said in body
    assert "![translations](samples/references.png)" in body
    assert (published / "samples" / "references.png").exists()
    assert "checkpoints/iteration-0000003.weights.h5" in body


def test_only_what_was_made_of_the_published_iteration_is_in_it(run, tmp_path):
    other = Run(shutil.copytree(run.path, tmp_path / "run"), run.config)
    newer = other.samples_dir / "iteration-0000009-references.png"
    newer.write_bytes(b"of other weights")
    for variant, iteration in (("float32", 3), ("mixed", 2)):
        folder = other.export_dir / variant
        folder.mkdir(parents=True)
        (folder / "stargan.tflite").write_bytes(b"weights")
        about = json.dumps({"run": {"iteration": iteration}})
        (folder / "stargan.json").write_text(about)
    out = publish(other, tmp_path / "animals", "apache-2.0", DATA)
    assert (out / "samples" / "references.png").read_bytes() != newer.read_bytes()
    assert [p.name for p in (out / "export").iterdir()] == ["float32"]
    assert "--run_dir=./animals " in (out / "README.md").read_text()


@pytest.mark.parametrize(
    ("parent", "said"),
    [
        ("/home/me/runs/cats", "iteration 5 of another run."),
        ("hf://me/cats", "iteration 5 of hf://me/cats."),
    ],
)
def test_a_parent_is_named_if_it_is_public(run, tmp_path, parent, said):
    other = Run(shutil.copytree(run.path, tmp_path / "run"), run.config)
    other.about.write_text(json.dumps({"parent": {"run": parent, "iteration": 5}}))
    out = publish(other, tmp_path / "animals", "apache-2.0", DATA)
    assert said in (out / "README.md").read_text()
    assert "/home/me" not in (out / "run.json").read_text()


@pytest.mark.parametrize("license", ["Apache 2.0", "mit\ninference: true", "{0}"])
def test_a_licence_is_an_identifier(run, tmp_path, license):
    with pytest.raises(UserError, match="license="):
        publish(run, tmp_path / "out", license, DATA)
    assert not (tmp_path / "out").exists()


def test_the_authors_landmark_network_keeps_its_licence(run, tmp_path):
    faces = Run(run.path, dataclasses.replace(run.config, w_hpf=1.0))
    with pytest.raises(UserError, match=r"which is CC BY-NC 4\.0"):
        publish(faces, tmp_path / "out", "apache-2.0", DATA)
    card = publish(faces, tmp_path / "out", "cc-by-nc-4.0", DATA) / "README.md"
    assert "(FAN), unchanged, by the\nauthors" in card.read_text()


def test_a_preset_is_read_where_it_is_and_written_to_elsewhere(
    published, tmp_path, monkeypatch
):
    shutil.copytree(published, tmp_path / "presets" / "animals")
    config = dataclasses.replace(open_run(published).config, data_dir="/home/you")
    config.save(tmp_path / "presets" / "animals" / "config.json")
    monkeypatch.setattr(resources, "presets_dir", lambda: tmp_path / "presets")
    monkeypatch.chdir(tmp_path)
    opened = open_run("preset:animals")
    assert opened.config.data_dir == ""  # whatever its author wrote there
    assert opened.samples_dir == pathlib.Path("runs/preset-animals/samples")
    np.testing.assert_array_equal(output("preset:animals"), output(published))
    with pytest.raises(UserError, match="no such preset; there are: animals"):
        open_run("preset:plants")


def test_a_model_of_the_hub_comes_from_its_cache(published, tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    commit = "0123456789abcdef0123456789abcdef01234567"
    model = tmp_path / "models--me--animals"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    blobs, snapshot = model / "blobs", model / "snapshots" / commit
    blobs.mkdir()
    for number, path in enumerate(p for p in published.rglob("*") if p.is_file()):
        shutil.copy(path, blobs / str(number))
        link = snapshot / path.relative_to(published)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blobs / str(number))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert locate("hf://me/animals").source == snapshot
    np.testing.assert_array_equal(output("hf://me/animals"), output(published))
    with pytest.raises(UserError, match="hf://me/plants: can't be fetched"):
        open_run("hf://me/plants")


@pytest.mark.parametrize("address", ["hf://me", "hf://me/../x", "hf://a/b/c"])
def test_other_addresses_are_refused(address):
    with pytest.raises(UserError, match="must be hf://OWNER/NAME"):
        open_run(address)


def test_a_flag_takes_an_address(tmp_path):
    line = refusal("tfstargan.samples", "--run_dir=hf://a/b/c", cwd=tmp_path)
    assert "must be hf://OWNER/NAME" in line


def test_the_command_writes_it_and_refuses_what_is_there(run, tmp_path):
    flags = [f"--run_dir={run.path}", "--out=mine", "--license=other", f"--data={DATA}"]
    result = command("tfstargan.card", *flags, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "mine/README.md" in result.stdout
    assert "does not exist yet" in refusal("tfstargan.card", *flags, cwd=tmp_path)
    line = refusal("tfstargan.card", *flags[:2], cwd=tmp_path)
    assert "licence of the weights" in line


def test_a_preset_can_t_be_trained(tmp_path):
    line = refusal("tfstargan.train", "--run_dir=preset:animals", cwd=tmp_path)
    assert "use --init_from=preset:animals" in line
