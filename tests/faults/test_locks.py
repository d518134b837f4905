"""One training at a time in a run directory; a process that died holds nothing."""

import subprocess
import sys

import pytest
from conftest import tiny

from tfstargan.errors import UserError
from tfstargan.runs.run import Run, open_run

HOLD = """
import sys, time, filelock
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print(1, flush=True)
time.sleep(600)
"""


@pytest.mark.process
def test_a_second_training_refuses_until_the_first_has_ended_or_died(tmp_path):
    config = tiny()
    with Run.start(tmp_path, config):
        before = {p: p.read_bytes() for p in tmp_path.rglob("*")}
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(UserError, match=r"another training is at work .*process"):
            with Run.start(tmp_path, config):
                pass
        assert {p: p.read_bytes() for p in tmp_path.rglob("*")} == before
        other.kill()
    with Run.start(tmp_path, config):
        pass


def test_runs_do_not_hinder_each_other_nor_those_who_read(tmp_path):
    with Run.start(tmp_path / "a", tiny()), Run.start(tmp_path / "b", tiny()):
        assert open_run(str(tmp_path / "a")).config == tiny()
