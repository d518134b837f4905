"""Incomplete folders: removed when a process is asked to end, or after it died."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tfstargan import cli
from tfstargan.files import PARTIAL, atomic_folder
from tfstargan.settings import Settings

HOLD = """
import pathlib, sys, time
from tfstargan.files import atomic_folder
with atomic_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "half").write_text("")
    print(1, flush=True)
    time.sleep(600)
"""


@pytest.fixture(params=[signal.SIGTERM, signal.SIGHUP])
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    """A signal as it is at first; nohup ignores SIGHUP."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def test_a_command_that_is_asked_to_end_removes_its_incomplete_folder(
    number, tmp_path, capsys
):
    def main(settings: Settings) -> None:
        with atomic_folder(tmp_path / "made") as folder:
            (folder / "half").write_text("")
            os.kill(os.getpid(), number)
            (folder / "half").write_text("")

    assert cli.run(main, (Settings,), [], None, tensorflow=False) == cli.PREEMPTED
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(number) is signal.SIG_DFL


def test_the_incomplete_folder_of_a_killed_process_is_removed_by_the_next(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "made")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"1\n"
        with atomic_folder(tmp_path / "second"):
            pass
        assert list(tmp_path.glob(PARTIAL + "*"))  # it is still being filled
        other.kill()
    with atomic_folder(tmp_path / "made") as folder:
        (folder / "whole").write_text("")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made", "second"]
    assert [p.name for p in (tmp_path / "made").iterdir()] == ["whole"]
