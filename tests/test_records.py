"""TFRecord shards: the same stream as the folder's; interrupted and damaged packing."""

import io
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from commands import command, refusal
from conftest import tiny
from PIL import Image

from tfstargan.config import Config
from tfstargan.data import packing, shards
from tfstargan.data.stream import batches, open_images
from tfstargan.errors import UserError


@pytest.fixture
def photographs(tmp_path: pathlib.Path) -> pathlib.Path:
    """Noise of several sizes and formats in two domains, some turned by EXIF."""
    rng = np.random.default_rng(0)
    for domain, count in (("cat", 5), ("dog", 3)):
        for split in ("train", "val"):
            folder = tmp_path / "photographs" / split / domain
            folder.mkdir(parents=True)
            for i in range(count):
                size = rng.integers(40, 90, 2)
                noise = rng.integers(0, 256, (*size, 3), np.uint8)
                image = Image.fromarray(noise)
                exif = image.getexif()
                exif[0x0112] = 6 if i in (1, 2) else 1
                suffix = "png" if i % 2 else "JPG"
                image.save(folder / f"{i}.{suffix}", exif=exif)
    return tmp_path / "photographs"


def settings(data_dir: pathlib.Path, **others: object) -> Config:
    return tiny(dataset="folder", data_dir=str(data_dir), domains=(), **others)


def stream(config: Config, start: int = 0) -> list:
    return list(batches(open_images(config, "train"), config, start))


def assert_same(a: list, b: list) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        for p, q in zip(x, y, strict=True):
            np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize("img_size", [32, 64], ids=["its own size", "another"])
def test_records_give_the_folder_s_batches(photographs, tmp_path, img_size):
    packing.build(photographs, tmp_path / "records", 32, shards=3)
    folder, packed = (
        settings(path, img_size=img_size, iterations=4)
        for path in (photographs, tmp_path / "records")
    )
    expected = stream(folder)
    assert_same(stream(packed), expected)
    assert_same(stream(packed, start=2), expected[2:])
    a, b = (open_images(config, "val") for config in (folder, packed))
    assert [b.count(k) for k in range(2)] == [5, 3]
    for k in range(2):
        for i in range(a.count(k)):
            np.testing.assert_array_equal(a.image(k, i), b.image(k, i))
    assert a.content(0, 0) == b.content(0, 0)  # a JPEG, kept as it is


def test_an_uncropped_draw_is_not_decoded(photographs, tmp_path, monkeypatch):
    packing.build(photographs, tmp_path / "records", 32)
    config = settings(tmp_path / "records", crop_probability=0.0)
    expected = stream(config)
    monkeypatch.delattr(shards.images, "decode")
    assert_same(stream(config), expected)


def test_domains_can_be_chosen_and_put_in_order(photographs, tmp_path):
    packing.build(photographs, tmp_path / "records", 32)
    chosen = shards.Shards(tmp_path / "records", "train", ("dog", "cat"))
    assert [chosen.count(k) for k in range(2)] == [3, 5]
    with pytest.raises(UserError, match="no domain cow"):
        shards.Shards(tmp_path / "records", "train", ("dog", "cow"))


def test_shards_are_ordinary_tfrecords(photographs, tmp_path):
    index = packing.build(photographs, tmp_path / "records", 32, shards=3)
    files = [
        tmp_path / "records" / s["file"] for s in index["splits"]["train"]["shards"]
    ]
    assert len(files) == 3
    dataset = tf.data.TFRecordDataset([str(file) for file in files])
    names, labels, kinds = [], [], set()
    for raw in dataset:
        features = tf.train.Example.FromString(raw.numpy()).features.feature
        names.append(features[shards.FILENAME].bytes_list.value[0].decode())
        labels.append(features[shards.LABEL].int64_list.value[0])
        encoded = features[shards.ENCODED].bytes_list.value[0]
        with Image.open(io.BytesIO(encoded)) as image:
            kinds.add((names[-1].split(".")[1], image.format))
        if names[-1].endswith("JPG"):
            assert encoded == (photographs / names[-1]).read_bytes()
    assert kinds == {("JPG", "JPEG"), ("png", "PPM")}
    assert labels == [0] * 5 + [1] * 3
    assert names[0] == "train/cat/0.JPG"


def test_broken_images_are_skipped_listed_and_counted(photographs, tmp_path):
    whole = (photographs / "train/cat/2.JPG").read_bytes()
    (photographs / "train/cat/2.JPG").write_bytes(whole[: len(whole) // 2])
    (photographs / "val/dog/1.png").write_text("not an image")
    arguments = ("--data_dir=photographs", "--out=records", "--img_size=32")
    result = command("tfstargan.pack", *arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "RuntimeWarning" not in result.stderr
    assert "train: 4 cat, 3 dog in 1 shards; 1 skipped" in result.stdout
    assert "skipped: photographs/train/cat/2.JPG: not a readable" in result.stdout
    index = json.loads((tmp_path / "records/index.json").read_text())
    assert index["splits"]["val"]["pictures"] == {"cat": 5, "dog": 2}
    assert len(index["splits"]["val"]["broken"]) == 1
    assert shards.Shards(tmp_path / "records", "val").count(1) == 2


def test_an_interrupted_build_resumes_without_writing_finished_shards_again(
    photographs, tmp_path, monkeypatch
):
    out = tmp_path / "records"
    expected = packing.build(photographs, tmp_path / "at once", 32, shards=3)
    encode, calls = packing.encode, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return encode(*arguments)

    monkeypatch.setattr(packing, "encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        packing.build(photographs, out, 32, shards=3)
    assert not (out / "index.json").exists()
    first = next(out.glob("train-00000-*.tfrecord"))
    written = first.stat().st_mtime_ns
    calls.extend([None] * 100)
    encoded = len(calls)
    assert packing.build(photographs, out, 32, shards=3) == expected
    assert first.stat().st_mtime_ns == written
    assert len(calls) - encoded == 16 - 2  # two of the first shard were finished
    assert not list(out.glob("*.partial"))


def test_a_damaged_shard_or_a_changed_image_is_packed_again(photographs, tmp_path):
    out = tmp_path / "records"
    expected = packing.build(photographs, out, 32, shards=2)
    first, second = sorted(out.glob("train-*.tfrecord"))
    damaged = bytearray(first.read_bytes())
    damaged[1000] ^= 1
    first.write_bytes(damaged)
    assert packing.build(photographs, out, 32, shards=2) == expected
    assert shards.Shards(out, "train").count(0) == 5
    untouched = first.stat().st_mtime_ns
    Image.new("RGB", (50, 50)).save(photographs / "train/dog/2.JPG")
    changed = packing.build(photographs, out, 32, shards=2)
    assert changed["splits"]["train"] != expected["splits"]["train"]
    assert first.stat().st_mtime_ns == untouched
    black = shards.Shards(out, "train").squeezed(1, 2, 32)
    assert not np.asarray(black).any()
    assert second.exists()


def test_a_shard_cut_short_or_missing_is_named(photographs, tmp_path):
    out = tmp_path / "records"
    packing.build(photographs, out, 32)
    shard = next(out.glob("train-*.tfrecord"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"train-.*cut short; run .tfstargan pack"):
        shards.Shards(out, "train")
    (out / "index.json").write_text("{")
    with pytest.raises(UserError, match=r"index\.json"):
        shards.Shards(out, "train")


def test_bad_arguments_get_one_line_and_write_nothing(photographs):
    cwd = photographs.parent
    line = refusal("tfstargan.pack", "--out=x", cwd=cwd)
    assert "--data_dir: name the folder that holds train/DOMAIN/*.jpg" in line
    line = refusal("tfstargan.pack", "--data_dir=photographs", cwd=cwd)
    assert "--out: name a new folder" in line
    arguments = ("--data_dir=nowhere", "--out=x")
    line = refusal("tfstargan.pack", *arguments, cwd=cwd)
    assert f"--data_dir=nowhere: no such folder in {cwd}; expected train/" in line
    (cwd / "others").mkdir()
    (cwd / "others" / "train-00000-of-00001.tfrecord").write_text("someone's")
    arguments = ("--data_dir=photographs", "--out=others")
    line = refusal("tfstargan.pack", *arguments, cwd=cwd)
    assert "--out=others: holds other packed data" in line
