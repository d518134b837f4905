"""Folders as people have them: links, hidden copies, names of every spelling."""

import json
import os
import shutil
import unicodedata

import numpy as np
import pytest
from commands import command
from conftest import tiny
from PIL import Image

from tfstargan import files, images
from tfstargan.data import packing
from tfstargan.data.checking import check
from tfstargan.data.folder import Folder, find_domains
from tfstargan.data.overlap import overlap
from tfstargan.data.shards import Shards
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.faces import cutting
from tfstargan.metrics.protocol import pairs
from tfstargan.translation.folders import plan, readable, stems
from tfstargan.translation.styles import NamedStyle, domain_of


def paint(path, level=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(level)
    Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def data(tmp_path):
    """A folder with train/ and val/ of two domains, all images different."""
    root = tmp_path / "data"
    for s, split in enumerate(("train", "val")):
        for d, domain in enumerate(("cat", "dog")):
            for i in range(3):
                paint(root / split / domain / f"{i}.png", 100 * s + 10 * d + i)
    return root


def count(root, split="train"):
    return [*map(len, Folder(root, split).files)]


def test_linked_folders_are_followed_and_links_back_are_skipped(data, capsys):
    far = data.parent / "far"
    paint(far / "deep" / "x.png")
    cat = data / "train" / "cat"
    (cat / "part2").symlink_to(far)
    (far / "back").symlink_to(data / "train")
    (far / "deep" / "self").symlink_to(far / "deep")
    (cat / "gone").symlink_to(data / "nowhere")
    (data / "train" / "fox").symlink_to(far)
    assert count(data) == [4, 3, 1]
    told = capsys.readouterr().err
    assert "4 links back to a folder that it is in (back, self)" in told
    assert "1 links to nothing (gone)" in told


def test_hidden_and_system_files_are_skipped_by_every_command_and_counted(data):
    for place in (data / "train", data / "train" / "cat", data / "train" / "cat" / "a"):
        for name in (
            ".ipynb_checkpoints",
            "@eaDir",
            "__MACOSX",
            "#recycle",
            ".Trash-0",
        ):
            paint(place / name / "0.png")
        if place.name != "train":
            paint(place / "real.png")
            shutil.copy(place / "real.png", place / "._real.png")
    paint(data / "train" / "cat" / "@eaDir" / "1.png" / "SYNOPHOTO_THUMB_M.jpg")
    assert count(data) == [5, 3]
    assert len(images.find(data / "train").files) == 8
    targets = cutting.plan(data / "train", data.parent / "faces", [256])
    assert len(targets) == len(readable(data / "train", data.parent / "o", False)) == 8
    index = packing.build(data, data.parent / "packed", 32)
    assert index["splits"]["train"]["pictures"] == {"cat": 5, "dog": 3}
    result = command("tfstargan.check", f"--data_dir={data}", cwd=data)
    assert "17 hidden or of the system (" in result.stdout
    assert "14 images, 0 of them" in result.stdout
    assert images.is_ours("cat")
    assert not images.is_ours("$RECYCLE.BIN")


def test_every_format_is_read_and_what_is_none_is_counted(data, capsys):
    cat = data / "train" / "cat"
    for suffix in ("webp", "BMP", "gif", "tif", "tiff", "jfif"):
        shape = Image.new("RGB", (9, 9))
        shape.save(cat / f"a.{suffix}", "JPEG" if suffix == "jfif" else None)
    (cat / "a.svg").write_bytes(b"")
    (cat / "LICENSE").write_bytes(b"")
    paint(data / "train" / "beside.png")
    assert count(data) == [9, 3]
    told = capsys.readouterr().err
    assert "1 beside the domains' folders (beside.png)" in told
    assert "1 named .svg (a.svg)" in told
    assert "1 without a suffix (LICENSE)" in told


def test_a_reference_is_of_the_domain_in_whose_folder_it_is_named(tmp_path):
    domains = ("bear", "cat")
    far = paint(tmp_path / "bear" / "x.png")
    link = tmp_path / "ref" / "cat" / "x.png"
    link.parent.mkdir(parents=True)
    link.symlink_to(far)
    assert domain_of(link, domains) == "cat"
    (tmp_path / "ref" / "cat" / "part").symlink_to(tmp_path / "bear")
    below = tmp_path / "ref" / "cat" / "part" / "x.png"
    assert domain_of(below, domains, tmp_path / "ref") == "cat"
    assert domain_of(below, domains, below.parent) == ""
    os.chdir(far.parent)
    try:
        assert (
            domain_of(images.find(far.parent.relative_to(far.parent)).files[0], domains)
            == "bear"
        )
    finally:
        os.chdir(tmp_path)


@pytest.mark.parametrize("keep_time", [False, True])
def test_an_image_changed_in_place_is_packed_again(data, keep_time):
    out, file = data.parent / "packed", data / "train" / "dog" / "1.bmp"
    Image.new("RGB", (9, 9), (1, 2, 3)).save(file)
    packing.build(data, out, 32)
    before = file.stat()
    Image.new("RGB", (9, 9), (7, 8, 9)).save(file)
    assert file.stat().st_size == before.st_size
    if keep_time:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    packing.build(data, out, 32)
    assert Shards(out, "train").image(1, 1).getpixel((4, 4)) == (7, 8, 9)
    shard = next(out.glob("train-*.tfrecord"))
    written = shard.stat().st_mtime_ns
    file.touch()
    packing.build(data, out, 32)
    assert shard.stat().st_mtime_ns == written


def test_output_among_the_input_is_refused_by_every_command(data, run_dir):
    cat = data / "train" / "cat"
    (data.parent / "elsewhere").mkdir()
    (cat / "link").symlink_to(data.parent / "elsewhere")
    for out in (cat, cat / "new" / "er", data.parent / "elsewhere" / "new"):
        for refuse in (
            lambda out=out: readable(cat, out, False),
            lambda out=out: cutting.plan(cat, out, [256]),
            lambda out=out: packing.build(data, out, 32),
        ):
            with pytest.raises(UserError, match=r"lies in (source|data_dir)="):
                refuse()
    with pytest.raises(UserError, match="is data_dir"):
        packing.build(data, data, 32)
    for domain in ("bear", "rabbit"):  # of the run
        shutil.copytree(data / "val" / "dog", data / "val" / domain)
    (data / "train").rename(data / "old")
    (data / "val").rename(data / "train")
    cat = data / "train" / "cat"
    for name, flag in (("samples", "out"), ("translate", "out")):
        more = ["--source=data/train/cat", "--domain=cat", "--seed=1"]
        result = command(
            f"tfstargan.{name}",
            f"--run_dir={run_dir}",
            f"--{flag}=data/train/cat/grids",
            *(more if name == "translate" else ["--data_dir=data"]),
            cwd=data.parent,
        )
        assert result.returncode == 2
        assert f"--{flag}=data/train/cat/grids: lies in" in result.stderr
    assert not (cat / "grids").exists()


def test_names_of_domains_become_names_of_files_that_differ():
    names = ["big cat", "big-cat", "Big Cat", "a/b", "a%2Fb", "con", "x.", ".x", "é:"]
    safe = files.safe_names(names)
    assert len({name.casefold() for name in safe}) == len(names)
    assert safe[:2] == names[:2]
    assert not any(set(name) & set('/\\:*?"<>|') for name in safe)
    assert files.safe_names(["cat"] * 3) == ["cat", "cat~2", "cat~3"]
    odd = pairs(["a", "b to c", "a to b", "c"])
    assert len(set(odd.values())) == 12
    assert pairs(["cat", "dog"])[0, 1] == "cat to dog"


def test_long_names_are_shortened_and_differ(tmp_path):
    long = "ü" * 120
    assert files.shortened("short.png") == "short.png"
    one, other = (files.shortened(f"{long}{end}.png") for end in "ab")
    assert one != other
    assert max(len(os.fsencode(name)) for name in (one, other)) <= 200
    assert one.endswith(".png")
    with files.atomic_file(tmp_path / ("x" * 250 + ".png")) as partial:
        partial.write_bytes(b"")
    style = NamedStyle("cat-seed1", np.zeros((1, 2)))
    source = paint(tmp_path / "s" / ("y" * 240 + ".png"))
    ((_, _, target),) = plan(source.parent, [source], [style], tmp_path / "out")
    paint(target)


def test_a_translation_does_not_replace_its_source(tmp_path):
    style = NamedStyle("cat-seed1", np.zeros((1, 2)))
    source, link = paint(tmp_path / "a.png"), tmp_path / "b.png"
    link.symlink_to(source)
    for out in (source, link):
        with pytest.raises(UserError, match="is the source; name another file"):
            next(plan(source, [source], [style], out))
    next(plan(source, [source], [style], tmp_path / "c.png"))


def test_sources_that_differ_by_suffix_keep_both_names(tmp_path):
    paths = [tmp_path / n for n in ("a.jpg", "a.png", "A.PNG", "b.png", "s/a.png")]
    assert stems(paths) == ["a.jpg", "a.png", "A.PNG~2", "b", "a"]


def test_broken_sources_are_refused_or_skipped(tmp_path, capsys):
    paint(tmp_path / "s" / "a.png")
    (tmp_path / "s" / "b.png").write_text("no image")
    with pytest.raises(UserError, match=r"b\.png: .*; or add skip_broken"):
        readable(tmp_path / "s", tmp_path / "o", False)
    usable = readable(tmp_path / "s", tmp_path / "o", True)
    assert [*usable] == [tmp_path / "s" / "a.png"]
    assert "skipped: " in capsys.readouterr().err


def test_a_jpeg_has_all_its_colours_and_the_wanted_quality(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    images.save(levels, tmp_path / "fine.jpg")
    images.save(levels, tmp_path / "rough.jpg", 30)
    assert (tmp_path / "fine.jpg").stat().st_size > 2 * (
        tmp_path / "rough.jpg"
    ).stat().st_size
    with Image.open(tmp_path / "rough.jpg") as image:
        assert {layer[1:3] for layer in image.layer} == {(1, 1)}


def test_a_folder_that_is_not_there_is_not_said_to_lack_val(tmp_path, capsys):
    with pytest.raises(UserError, match="no such folder"):
        check(str(tmp_path / "mien"))
    assert "val/" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["test", "valid", "validation"])
def test_another_name_of_val_is_used_and_it_is_said(data, capsys, name):
    (data / "val").rename(data / name)
    config = tiny(dataset="folder", data_dir=str(data), domains=())
    assert data / name in open_images(config, "val").files[0][0].parents
    assert f"no val/ in it; validation uses {name}/" in capsys.readouterr().err
    index = packing.build(data, data.parent / "packed", 32)
    assert index["splits"]["val"]["pictures"] == {"cat": 3, "dog": 3}


def test_training_images_in_the_place_of_val_or_copied_there_are_told(data, capsys):
    assert overlap(Folder(data, "train"), Folder(data, "val")) == ""
    shutil.copy(data / "train/cat/1.png", data / "val/cat/other.png")
    told = "1 of 7 validation images are training images, too"
    assert overlap(Folder(data, "train"), Folder(data, "val")) == told
    assert told in command("tfstargan.check", f"--data_dir={data}", cwd=data).stdout
    shutil.rmtree(data / "val")
    Folder(data, "val")
    assert "validation uses the training images" in capsys.readouterr().err


def test_folders_of_other_domains_are_counted(data, capsys):
    paint(data / "val" / "wolf" / "0.png")
    Folder(data, "val", Folder(data, "train").domains)
    assert "skipped: 1 folders of other domains (wolf)" in capsys.readouterr().err
    check(data)
    told = capsys.readouterr().out
    assert "skipped: 1 folders of other domains (wolf)" in told
    assert "val/wolf" not in told
    shutil.rmtree(data / "val" / "cat")
    with pytest.raises(UserError, match="val/cat: no such folder"):
        check(data)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video, or an image of another kind"),
        (b"\n<!DOCTYPE html><title>404</title>", "HTML or SVG"),
        (b"\0\1\2", "not an image)"),
    ],
)
def test_a_file_that_is_named_as_an_image_is_told_by_what_it_is(
    tmp_path, content, says
):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError) as caught:
        images.read(tmp_path / "a.jpg")
    assert says in str(caught.value)


def test_a_domain_is_one_in_all_its_spellings(data):
    composed, other = (unicodedata.normalize(f, "caté") for f in ("NFC", "NFD"))
    (data / "train" / "cat").rename(data / "train" / composed)
    (data / "val" / "cat").rename(data / "val" / other)
    for given in ((), (composed, "dog"), (other, "dog")):
        config = tiny(dataset="folder", data_dir=str(data), domains=given)
        for split in ("train", "val"):
            assert open_images(config, split).domains == (composed, "dog")
    assert tiny(domains=(other, "x")) == tiny(domains=(composed, "x"))
    packing.build(data, data.parent / "packed", 32)
    assert Shards(data.parent / "packed", "val", (other, "dog")).count(0) == 3


def test_names_that_are_not_utf_8_are_read_packed_and_told(data):
    name = os.fsdecode(b"\x83l\x83R")
    os.rename(data / "train/cat", data / "train" / name)
    os.rename(data / "val/cat", data / "val" / name)
    (data / "train" / name / f"{name}.png").write_text("no image")
    result = command(
        "tfstargan.pack",
        f"--data_dir={data}",
        "--out=p",
        "--img_size=32",
        cwd=data.parent,
    )
    assert result.returncode == 0, result.stderr
    packed = Shards(data.parent / "p", "train")
    assert packed.domains == Folder(data, "train", skip_broken=True).domains
    assert packed.image(1, 0).size == (9, 9)
    json.loads((data.parent / "p" / "index.json").read_text())
    assert find_domains(data, "val")[0].keys() == {name, "dog"}
    assert files.safe_names([name]) == ["%83l%83R"]


def test_a_user_without_home_or_cache_works(monkeypatch, tmp_path):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(files.pathlib.Path, "home", nobody)
    folder = files.cache_dir()
    assert folder.parent.is_dir()
    assert folder == files.cache_dir()


def test_advice_to_skip_broken_files_can_be_followed_on_resume():
    assert type(tiny()).may_change("skip_broken")
    assert type(tiny()).may_change("accumulate")
    assert tiny().reading(skip_broken=True).skip_broken
