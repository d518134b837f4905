"""Untrusted image files: each is used, or refused by its name; none does harm."""

import pathlib

import image_files
import pytest
from commands import command
from conftest import tiny

from tfstargan import images
from tfstargan.data.folder import Folder
from tfstargan.data.scan import look
from tfstargan.data.stream import examples_of, open_images
from tfstargan.errors import UserError


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """A folder with two domains, one of them with an image of every kind."""
    root = tmp_path_factory.mktemp("zoo")
    image_files.write(root / "train" / "cat")
    (root / "train" / "dog").mkdir()
    for name in ("a.png", "b.png"):
        image_files.noise().save(root / "train" / "dog" / name)
    return root


@pytest.mark.parametrize("name", image_files.GOOD)
def test_an_unusual_image_is_used_and_its_kind_told(zoo, name):
    path = zoo / "train" / "cat" / name
    assert look(path).kinds == image_files.GOOD[name]
    assert not look(path).problem
    image = images.read(path)
    assert image.mode == "RGB"
    if name == "turned.jpg":
        assert image.size == image_files.SIZE[::-1]


@pytest.mark.parametrize("name", image_files.BROKEN)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_broken_image_is_named_with_its_problem(zoo, name):
    path = zoo / "train" / "cat" / name
    seen = look(path)
    assert seen.problem == image_files.BROKEN[name]
    assert f"{path}: not a readable image; remove or replace it" in seen.line
    with pytest.raises(UserError, match="no such file" if "dangl" in name else name):
        images.read(path)


def test_a_folder_with_broken_images_is_refused_or_they_are_skipped(zoo, capsys):
    with pytest.raises(UserError, match=rf"there are {len(image_files.BROKEN)} such"):
        Folder(zoo, "train")
    config = tiny(dataset="folder", data_dir=str(zoo), domains=(), skip_broken=True)
    image_set = open_images(config, "train")
    assert image_set.count(0) == len(image_files.GOOD)
    assert capsys.readouterr().err.count("skipped: ") == len(image_files.BROKEN)
    good = len(image_files.GOOD)
    assert examples_of(image_set, 32, good).shape[1] == good


def test_a_domain_without_a_whole_image_is_refused(zoo, tmp_path):
    for domain in ("cat", "dog"):
        (tmp_path / "train" / domain).mkdir(parents=True)
        (tmp_path / "train" / domain / "a.jpg").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"train/cat: no image can be read"):
        Folder(tmp_path, "train", skip_broken=True)


def test_the_command_lists_all_in_one_pass_with_a_count_of_each_kind(zoo):
    result = command("tfstargan.check", f"--data_dir={zoo}", cwd=zoo)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    whole, broken = len(image_files.GOOD), len(image_files.BROKEN)
    text = f"{whole + broken + 2} images, {broken} of them can't be used"
    assert text in result.stdout
    for name in image_files.BROKEN:
        assert f"{name}: not a readable image" in result.stdout
    counts = {line.strip() for line in result.stdout.splitlines()}
    assert {"3 damaged", "2 not a file", "1 too large", "1 CMYK", "2 link"} <= counts
    assert f"error: {zoo}: {broken} of the images can't be used" in result.stderr


def test_many_images_are_looked_at_once_until_they_change(zoo, tmp_path, monkeypatch):
    from tfstargan.data import scan

    def broken() -> list[pathlib.Path]:
        return [path for path, seen in scan.scan(paths).items() if seen.problem]

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(scan, "REMEMBERED", 1)
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path in paths:
        image_files.noise().save(path)
    assert not broken()
    monkeypatch.setattr(scan, "look", None)
    assert not broken()  # from memory
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(scan, "REMEMBERED", 1)
    paths[1].write_bytes(paths[1].read_bytes()[:90])
    paths[2].unlink()
    assert broken() == paths[1:]


def test_damage_at_random_never_does_more_than_be_named():
    image_files.read_damaged(300)
