"""One training at a time in a run directory; a process that died holds nothing."""

import errno
import fcntl
import os
import stat
import subprocess
import sys

import h5py
import pytest
from conftest import tiny

from tfstargan import files
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
        with pytest.raises(UserError, match=r"is at work .*process.*delete .*lock$"):
            with Run.start(tmp_path, config):
                pass
        assert {p: p.read_bytes() for p in tmp_path.rglob("*")} == before
        other.kill()
    with Run.start(tmp_path, config):
        pass


def test_runs_do_not_hinder_each_other_nor_those_who_read(tmp_path):
    with Run.start(tmp_path / "a", tiny()), Run.start(tmp_path / "b", tiny()):
        assert open_run(str(tmp_path / "a")).config == tiny()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch, number):
    def flock(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with Run.start(tmp_path, tiny()):
        pass
    assert open_run(tmp_path).config == tiny()


def test_a_folder_that_cannot_be_locked_for_another_reason_is_refused(
    tmp_path, monkeypatch
):
    def flock(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UserError, match="can't be written"):
        with Run.start(tmp_path, tiny()):
            pass


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_is_written_where_folders_cannot_be_flushed(
    tmp_path, monkeypatch, number
):
    flush = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_text("text", tmp_path / "a.txt", lasting=True)
    assert (tmp_path / "a.txt").read_text() == "text"


def test_a_file_that_cannot_be_flushed_is_not_put_in_place(tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output"):
        files.write_text("text", tmp_path / "a.txt", lasting=True)
    assert not list(tmp_path.iterdir())


def test_checkpoints_are_read_without_a_lock_of_hdf5(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = 1
    with (tmp_path / "a.h5").open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with h5py.File(tmp_path / "a.h5", "r") as file:
            assert file["x"][()] == 1
