"""Picture files of strangers: each is used, or refused by its name; none does harm."""

import pictures
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
    """Return a folder with two domains: one has a picture of every kind."""
    root = tmp_path_factory.mktemp("zoo")
    pictures.write(root / "train" / "cat")
    (root / "train" / "dog").mkdir()
    for name in ("a.png", "b.png"):
        pictures.noise().save(root / "train" / "dog" / name)
    return root


@pytest.mark.parametrize("name", pictures.GOOD)
def test_an_unusual_picture_is_used_and_its_kind_told(zoo, name):
    path = zoo / "train" / "cat" / name
    assert look(path).kinds == pictures.GOOD[name]
    assert not look(path).problem
    image = images.read(path)
    assert image.mode == "RGB"
    assert image.size == (pictures.SIZE[::-1] if name == "turned.jpg" else image.size)


@pytest.mark.parametrize("name", pictures.BROKEN)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_broken_picture_is_named_with_its_problem(zoo, name):
    path = zoo / "train" / "cat" / name
    seen = look(path)
    assert seen.problem == pictures.BROKEN[name]
    assert f"{path}: not a readable picture; remove or replace it" in seen.line
    with pytest.raises(UserError, match="no such file" if "dangl" in name else name):
        images.read(path)


def test_a_folder_with_broken_pictures_is_refused_or_they_are_left_out(zoo, capsys):
    with pytest.raises(UserError, match=rf"there are {len(pictures.BROKEN)} such"):
        Folder(zoo, "train")
    config = tiny(dataset="folder", data_dir=str(zoo), domains=(), skip_broken=True)
    image_set = open_images(config, "train")
    assert image_set.count(0) == len(pictures.GOOD)
    assert capsys.readouterr().err.count("left out: ") == len(pictures.BROKEN)
    assert examples_of(image_set, 32, len(pictures.GOOD)).shape[1] == len(pictures.GOOD)


def test_a_domain_without_a_whole_picture_is_refused(zoo, tmp_path):
    for domain in ("cat", "dog"):
        (tmp_path / "train" / domain).mkdir(parents=True)
        (tmp_path / "train" / domain / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"train/cat: no picture is readable"):
        Folder(tmp_path, "train", skip_broken=True)


def test_the_command_lists_all_in_one_pass_with_a_count_of_each_kind(zoo):
    result = command("tfstargan.check", f"--data_dir={zoo}", cwd=zoo)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    whole, broken = len(pictures.GOOD), len(pictures.BROKEN)
    text = f"{whole + broken + 2} pictures, {broken} of them can't be used"
    assert text in result.stdout
    for name in pictures.BROKEN:
        assert f"{name}: not a readable picture" in result.stdout
    counts = {line.strip() for line in result.stdout.splitlines()}
    assert {"3 damaged", "2 not a file", "1 too large", "1 CMYK", "2 link"} <= counts
    assert f"error: {zoo}: {broken} of the pictures can't be used" in result.stderr


def test_many_pictures_are_looked_at_once_until_they_change(zoo, tmp_path, monkeypatch):
    from tfstargan.data import scan

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(scan, "REMEMBERED", 1)
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path in paths:
        pictures.noise().save(path)
    assert not scan.broken(paths)
    monkeypatch.setattr(scan, "look", None)
    assert not scan.broken(paths)  # from memory
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(scan, "REMEMBERED", 1)
    paths[1].write_bytes(paths[1].read_bytes()[:90])
    paths[2].unlink()
    assert list(scan.broken(paths)) == paths[1:]


def test_damage_at_random_never_does_more_than_be_named():
    pictures.read_damaged(300)
