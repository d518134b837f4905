"""The emoji set: its signs, how they are drawn, the download, and resumption."""

import importlib.metadata
import importlib.util
import io
import json
import os
import pathlib
import tarfile

import numpy as np
import pytest
from commands import command, refusal
from PIL import Image

from tfstargan.data import emoji, npm
from tfstargan.data.folder import Folder
from tfstargan.errors import UserError
from tfstargan.metrics.paired import paired

SHARED = pathlib.Path(__file__).parents[2] / "shared" / "data" / "emoji"
with_resvg = pytest.mark.skipif(
    importlib.util.find_spec("resvg_py") is None,
    reason="the extra emoji is not installed",
)
SQUARE = '<path fill="#f00" d="M2 4h8v4H2z"/>'  # 8 x 4
CHARACTERS = {"1f600": "grin", "1f385": "santa", "1f600-1f3fb": "tone", "1f1e6": "a"}
KEYS = ("1f385", "1f600")  # of these, those that are drawn
INFO = {
    "author": {"name": "Someone", "url": "https://someone.example"},
    "license": {"title": "MIT", "url": "https://mit.example"},
}


def archive(package: npm.Package, folder: pathlib.Path) -> npm.Package:
    """Write an archive of a few drawings; return its package with the right hash."""
    icons = {"icons": {name: {"body": SQUARE} for name in CHARACTERS.values()}}
    contents = {"icons": icons, "chars": CHARACTERS, "info": INFO}
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / package.file, "w:gz") as tar:
        for name, content in contents.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/{name}.json")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return package._replace(integrity=npm.integrity(folder / package.file))


@pytest.fixture
def two_vendors(monkeypatch, tmp_path):
    """Have two vendors of two common signs, their archives in the cache."""
    cache = tmp_path / "cache" / "tfstargan" / "npm"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packages = [archive(npm.Package(n, "1.0.0", ""), cache) for n in ("one", "two")]
    vendors = {package.name: emoji.Vendor(package, package) for package in packages}
    monkeypatch.setattr(emoji, "VENDORS", vendors)
    return cache


def npm_that(does: str, folder: pathlib.Path, monkeypatch) -> None:
    """Put a program `npm` in the place of npm."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{does}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_signs_without_skin_tones_and_regional_letters_are_drawn():
    content = {"icons": {name: {} for name in CHARACTERS.values()}}
    names = dict(CHARACTERS)
    icons = {n: emoji.Icons(names, content, INFO) for n in ("one", "two")}
    assert emoji.common_keys(icons) == ["1f385", "1f600"]
    lacking = emoji.Icons(names, {"icons": {"grin": {}}}, INFO)
    assert emoji.common_keys(icons | {"three": lacking}) == ["1f600"]
    assert emoji.key_of("1F468-FE0F-200D") == "1f468-200d"


def test_man_woman_and_person_are_of_one_split():
    for doing in ("1f680", "1f692", "1f3a4", "1f9af-200d-27a1"):
        people = ("1f468", "1f469", "1f9d1")
        assert len({emoji.split_of(f"{p}-200d-{doing}") for p in people}) == 1
    splits = [emoji.split_of(f"{n:x}") for n in range(0x1F300, 0x1F400)]
    assert 10 < splits.count("val") < 45


def test_a_sign_fills_the_middle_on_white(monkeypatch):
    drawing = Image.new("RGBA", (64, 64))
    drawing.paste((255, 0, 0, 255), (3, 10, 43, 30))  # 40 x 20
    monkeypatch.setattr(emoji, "_rendered", lambda *_: drawing)
    sign = emoji.draw_icon({}, "")
    assert sign.shape == (96, 96, 3)
    red = np.argwhere((sign == (255, 0, 0)).all(-1))
    low, high = red.min(0), red.max(0) + 1
    np.testing.assert_allclose((high - low), (42, 84), atol=2)  # 112 / 128 of 96
    np.testing.assert_allclose((high + low) / 2, (48, 48), atol=1)
    assert (sign[0, 0] == 255).all()


def test_of_the_halves_no_training_sign_has_a_counterpart_in_the_other_half():
    for sign in range(4):
        drawn = [emoji.is_drawn(sign, vendor, "train") for vendor in range(4)]
        assert drawn == [sign % 2 == 0, sign % 2 == 1] * 2
        assert all(emoji.is_drawn(sign, vendor, "val") for vendor in range(4))


@with_resvg
def test_the_command_builds_pairs_with_their_licences(two_vendors, tmp_path):
    result = command("tfstargan.emoji", "--out=data/emoji", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "data/emoji"
    out = tmp_path / "data" / "emoji"
    files = sorted(str(f.relative_to(out)) for f in out.rglob("*.png"))
    assert files == [
        f"{emoji.split_of(k)}/{d}/{k}.png" for d in ("one", "two") for k in KEYS
    ]
    assert paired(Folder(out, "train")) == [[0, 1], [0, 1]]
    row = "| [Someone](https://someone.example) | [MIT](https://mit.example)"
    assert (out / "README.md").read_text().splitlines()[-2:] == [
        f"| {name} {row} | {name} 1.0.0 |" for name in ("one", "two")
    ]
    assert json.loads((out / "names.json").read_text())["1f600"] == "grin"
    assert [p.name for p in out.parent.iterdir()] == ["emoji"]
    line = refusal("tfstargan.emoji", "--out=data/emoji", cwd=tmp_path)
    assert "name a folder that does not exist yet" in line


@with_resvg
def test_the_command_draws_halves(two_vendors, tmp_path):
    result = command("tfstargan.emoji", "--out=emoji", "--halves", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    drawn = {str(f.relative_to(tmp_path / "emoji")) for f in tmp_path.rglob("*.png")}
    assert drawn == {
        f"{emoji.split_of(key)}/{domain}/{key}.png"
        for vendor, domain in enumerate(("one", "two"))
        for sign, key in enumerate(KEYS)
        if emoji.is_drawn(sign, vendor, emoji.split_of(key))
    }
    assert len(drawn) < 4


@with_resvg
def test_what_is_drawn_is_not_drawn_again(two_vendors, tmp_path, monkeypatch):
    drawn = []
    real = emoji.draw_icon

    def draw_three(*arguments):
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(arguments[1])
        return real(*arguments)

    monkeypatch.setattr(emoji, "draw_icon", draw_three)
    with pytest.raises(KeyboardInterrupt):
        emoji.build(tmp_path / "emoji")
    assert not (tmp_path / "emoji").exists()
    monkeypatch.setattr(emoji, "draw_icon", lambda *a: drawn.append(a) or real(*a))
    emoji.build(tmp_path / "emoji")
    assert len(drawn) == 4
    assert len([*(tmp_path / "emoji").rglob("*.png")]) == 4


def test_without_resvg_a_line_says_what_to_install(two_vendors, tmp_path, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    line = refusal("tfstargan.emoji", "--out=emoji", cwd=tmp_path)
    assert "emoji are drawn by resvg-py: `pip install 'tfstargan[emoji]'`" in line


def test_without_npm_a_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="npm, which is not installed"):
        npm.read_json(npm.Package("@a/b", "1.0.0", ""), "x.json", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.process
@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("exit 7", r"npm can't download @a/b@1\.0\.0 \(exit code 7\); check"),
        ("exit 0", r"\(no archive\)"),
        ("echo x > a-b-1.0.0.tgz", "another hash than the published one"),
    ],
)
def test_a_failed_download_is_named_and_leaves_nothing(
    does, says, tmp_path, monkeypatch
):
    npm_that(does, tmp_path / "bin", monkeypatch)
    with pytest.raises(UserError, match=says):
        npm.read_json(npm.Package("@a/b", "1.0.0", "sha512-"), "x", tmp_path / "cache")
    assert not list(tmp_path.glob("cache/*"))


@pytest.mark.process
def test_a_package_is_downloaded_once_and_checked(tmp_path, monkeypatch):
    package = archive(npm.Package("@a/b", "1.0.0", ""), tmp_path / "published")
    served, log = tmp_path / "published" / package.file, tmp_path / "log"
    npm_that(f"cp {served} .; echo $1 $2 >> {log}", tmp_path / "bin", monkeypatch)
    cache = tmp_path / "cache"
    for _ in range(2):
        assert npm.read_json(package, "info.json", cache) == INFO
    (cache / package.file).write_bytes(b"damaged")
    assert npm.read_json(package, "info.json", cache) == INFO
    assert log.read_text().splitlines() == ["pack @a/b@1.0.0"] * 2


@with_resvg
@pytest.mark.all
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data/emoji")
def test_drawings_equal_those_of_our_sibling_pixel_for_pixel():
    """Needs npm and a network once; 50 signs of each vendor."""
    cache = npm.files.cache_dir() / "npm"
    try:
        icons = {d: emoji._open(v, cache) for d, v in emoji.VENDORS.items()}
    except UserError as error:
        pytest.skip(str(error))
    keys = emoji.common_keys(icons)
    for split, count in ("train", 1463), ("val", 131):
        expected = sorted(f.stem for f in (SHARED / split / "noto").iterdir())
        assert sorted(k for k in keys if emoji.split_of(k) == split) == expected
        assert len(expected) == count
    for key in keys[::32]:
        for domain, vendor in icons.items():
            found = emoji.draw_icon(vendor.content, vendor.names[key])
            path = SHARED / emoji.split_of(key) / domain / f"{key}.png"
            np.testing.assert_array_equal(found, np.asarray(Image.open(path)), key)
