"""Files written atomically, and where a run came from."""

import os
import pathlib
import subprocess

import pytest

from tfstargan import files
from tfstargan.runs.provenance import commit_of


def test_a_file_is_flushed_through_a_descriptor_that_may_write(tmp_path, monkeypatch):
    # Windows refuses to flush any other ("Bad file descriptor").
    modes: list[int] = []
    plain = os.open

    def noted(path, mode, *rest):
        modes.append(mode & os.O_ACCMODE)
        return plain(path, mode, *rest)

    monkeypatch.setattr(os, "open", noted)
    with files.atomic_file(tmp_path / "a.txt", lasting=True) as partial:
        partial.write_bytes(b"a")
    assert modes[0] == os.O_RDWR
    assert (tmp_path / "a.txt").read_bytes() == b"a"


@pytest.mark.parametrize("address", ["gs://bucket/run", "S3://b", "https://a.b/c"])
def test_an_address_becomes_no_folder(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="is an address"):
        files.write_text("a", pathlib.Path(address) / "a.txt")
    assert not [*tmp_path.iterdir()]
    assert not files.is_address("C://photos/cat")


def test_the_commit_is_that_of_the_program_not_of_a_repository_around_it(tmp_path):
    def git(*words: str) -> None:
        author = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *author, *words], cwd=tmp_path, check=True)

    own, installed = tmp_path / "own.py", tmp_path / "venv" / "installed.py"
    installed.parent.mkdir()
    for file in (own, installed):
        file.touch()
    git("init", "--quiet")
    git("add", own.name)
    git("commit", "--quiet", "--message=one")
    assert commit_of(own)
    assert commit_of(installed) is None
    assert commit_of(pathlib.Path("/proc/none.py")) is None
