"""A run is resumed with the images that it was begun with, or it says so."""

import json
import os
import pathlib

import numpy as np
import pytest
from commands import command, refusal
from conftest import tiny
from PIL import Image

from tfstargan import images
from tfstargan.data import fingerprint, packing, scan
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.training import loop
from tfstargan.training.loop import train_run


def paint(path: pathlib.Path, seed: int, size=(40, 40)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(path)


@pytest.fixture
def data(tmp_path) -> pathlib.Path:
    """A folder of two domains with three images each, and one each to validate."""
    for d, domain in enumerate(("cat", "dog")):
        for i in range(3):
            paint(tmp_path / "data/train" / domain / f"{i}.png", 10 * d + i)
        paint(tmp_path / "data/val" / domain / "0.png", 100 + d)
    return tmp_path / "data"


def of(folder: pathlib.Path, **settings: object) -> dict[str, str]:
    config = tiny(dataset="folder", data_dir=str(folder), domains=(), **settings)
    return fingerprint.of(*(open_images(config, split) for split in ("train", "val")))


def test_a_folder_and_its_shards_are_the_same_images(data, tmp_path):
    (data / "train/cat/broken.png").write_text("no image")
    packing.build(data, tmp_path / "packed", 32, shards=2)
    found = of(data, skip_broken=True)
    assert len(found) == 9
    assert found["train/cat/broken.png"] == ""
    assert of(tmp_path / "packed") == found


def test_every_kind_of_change_is_named(data, tmp_path):
    (tmp_path / "run").mkdir()
    fingerprint.require_same(tmp_path / "run", of(data))  # of an earlier version
    fingerprint.remember(tmp_path / "run", of(data))
    fingerprint.require_same(tmp_path / "run", of(data))
    paint(data / "train/cat/1.png", 77)
    paint(data / "train/dog/new.png", 78)
    (data / "train/dog/2.png").unlink()
    with pytest.raises(UserError) as raised:
        fingerprint.require_same(tmp_path / "run", of(data))
    assert "1 changed: train/cat/1.png; 1 new: train/dog/new.png" in str(raised.value)
    assert "1 missing: train/dog/2.png" in str(raised.value)
    assert raised.value.as_flags.endswith("or add --allow_changed_data")


def test_a_file_that_broke_and_is_skipped_is_no_change(data, tmp_path):
    (tmp_path / "run").mkdir()
    fingerprint.remember(tmp_path / "run", of(data))
    (data / "train/cat/1.png").write_text("no image")
    fingerprint.require_same(tmp_path / "run", of(data, skip_broken=True))


def test_a_damaged_file_of_the_run_is_named(tmp_path):
    for text in ("{", "[]", '{"images": 3}', "[" * 100_000):
        (tmp_path / fingerprint.FILE).write_text(text)
        with pytest.raises(UserError, match=r"data\.json: can't be read .* delete it"):
            fingerprint.recall(tmp_path)


def test_training_refuses_other_images_before_it_begins(data):
    run = data.parent / "run"
    run.mkdir()
    fingerprint.remember(run, {"train/cat/0.png": "0" * 16})
    line = refusal(
        "tfstargan.train",
        *("--dataset=folder", "--data_dir=data", "--run_dir=run", "--img_size=32"),
        cwd=data.parent,
    )
    assert "begun with other images (1 changed: train/cat/0.png; 7 new: " in line


def test_a_training_remembers_its_images_and_takes_others_if_told_to(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "fit_run", lambda *_: None)  # and saves nothing
    settings = {"dataset": "folder", "data_dir": str(data), "domains": ()}
    run = train_run(tiny(**settings, iterations=1), tmp_path / "run")
    before = json.loads((run.path / "data.json").read_text())["images"]
    assert before == of(data)
    paint(data / "train/cat/1.png", 77)
    more = tiny(**settings, iterations=2)
    with pytest.raises(UserError, match=r"1 changed: train/cat/1\.png"):
        train_run(more, run.path)
    train_run(more, run.path, allow_changed_data=True)
    train_run(more, run.path)


def test_many_images_are_read_once_until_they_change(data, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(scan, "REMEMBERED", 1)
    before = of(data)
    read = []
    content = images.content
    monkeypatch.setattr(images, "content", lambda p: (read.append(p), content(p))[1])
    assert of(data) == before
    assert not read
    paint(data / "train/cat/1.png", 77)
    os.utime(data / "train/dog/1.png", ns=(5, 5))
    assert of(data) != before
    assert [p.name for p in read] == ["1.png", "1.png"]
    for memory in (tmp_path / "cache/tfstargan/images").iterdir():
        memory.write_text('{"a": [1]}')
    read.clear()
    of(data)
    assert len(read) == 8


def test_distill_has_the_flag_too():
    result = command("tfstargan.distill", "--help", cwd=pathlib.Path())
    assert "--allow_changed_data" in result.stdout
