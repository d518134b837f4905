"""Checkpoints are whole or reported: after kills, flips, a full disk; or untrusted."""

import json
import pathlib
import random
import resource
import shutil
import subprocess
from collections.abc import Iterator

import h5py
import keras
import numpy as np
import pytest
import saving
from conftest import tiny

from tfstargan.errors import UserError
from tfstargan.runs import checkpoint_file
from tfstargan.runs.run import Run, open_run
from tfstargan.training.stargan import StarGANv2

pytestmark = pytest.mark.slow  # all together


@pytest.fixture(scope="module")
def model() -> StarGANv2:
    keras.utils.set_random_seed(0)
    model = StarGANv2(tiny(keep_checkpoints=2))
    model.compile()
    return model


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory) -> pathlib.Path:
    """The directory of a run with checkpoints of iterations 1 and 2."""
    path = tmp_path_factory.mktemp("runs") / "saved"
    with Run.start(path, model.config) as run:
        for iteration in (1, 2):
            save(run, model, iteration)
    return path


@pytest.fixture
def run(saved, tmp_path) -> Iterator[Run]:
    """A copy of it."""
    shutil.copytree(saved, tmp_path / "run")
    with Run.start(tmp_path / "run", open_run(str(saved)).config) as run:
        yield run


def save(run: Run, model: StarGANv2, iteration: int) -> pathlib.Path:
    model.iteration.assign(iteration)
    run.save(model)
    return run.checkpoints()[-1]


def reopened(run: Run) -> Run:
    """The run as another process finds it."""
    return Run(run.path, run.config)


@pytest.mark.process
def test_a_save_killed_at_any_moment_leaves_the_newest_whole(tmp_path):
    assert saving.kill_saves(tmp_path, times=3).whole == 3


def test_a_flipped_byte_is_named_and_the_checkpoint_before_used(run, model, capsys):
    rng = random.Random(0)
    first, newest = run.checkpoints()
    content = newest.read_bytes()
    for _ in range(20):
        flipped = bytearray(content)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        newest.write_bytes(flipped)
        assert reopened(run).checkpoint() == first
        warning = capsys.readouterr().err
        assert f"{newest}: can't be loaded (its checksum differs" in warning
        assert f"using {first.name}" in warning
    reopened(run).load(model)
    assert model.iterations_done() == 1
    with pytest.raises(UserError, match=r"0000002\.weights\.h5: can't be loaded"):
        reopened(run).load(model, 2)  # asked for by its number


@pytest.mark.parametrize("length", [0, 100, 0.5])
def test_a_checkpoint_cut_short_is_named_even_without_its_checksum(run, model, length):
    newest = run.checkpoints()[-1]
    content = newest.read_bytes()
    length = int(len(content) * length) if isinstance(length, float) else length
    newest.write_bytes(content[:length])
    newest.with_name(newest.name + ".sha256").unlink()
    reopened(run).load(model)
    assert model.iterations_done() == 1


def test_training_sets_damaged_ones_aside_or_refuses_if_all_are(model, tmp_path):
    with Run.start(tmp_path, model.config) as run:
        first, newest = save(run, model, 1), save(run, model, 2)
    newest.write_bytes(b"damaged")
    with Run.start(tmp_path, model.config) as run:
        assert run.checkpoints() == [first]
        assert newest.with_name(newest.name + ".damaged").read_bytes() == b"damaged"
    first.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"0000001\.weights\.h5: can't be loaded"):
        with Run.start(tmp_path, model.config):
            pass
    assert first.exists()


def test_a_full_disk_stops_the_save_and_leaves_the_checkpoint_before(run, model):
    newest = run.checkpoints()[-1]
    before = sorted(run.path.rglob("*"))
    size = newest.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for share in (0.0, 0.01, 0.3, 0.99):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size * share), hard))
        try:
            with pytest.raises(UserError) as raised:
                save(run, model, 3)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "iteration-0000003.weights.h5: can't be written" in str(raised.value)
        assert newest.name in str(raised.value)
        assert "\n" not in str(raised.value)
        assert sorted(run.path.rglob("*")) == before
    reopened(run).load(model)
    assert model.iterations_done() == 2


def test_the_newest_and_the_best_are_kept(run, model):
    model.iteration.assign(3)
    run.keep_if_best(model, "fid_clean", 7.0)
    for iteration, value in ((4, 8.0), (5, float("nan")), (6, 9.0)):
        save(run, model, iteration)
        run.keep_if_best(model, "fid_clean", value)
    assert [p.name[10:17] for p in run.checkpoints()] == [
        "0000003",
        "0000005",
        "0000006",
    ]
    reopened(run).load(model, "best")
    assert model.iterations_done() == 3
    model.iteration.assign(7)
    run.keep_if_best(model, "fid_clean", 6.0)
    save(run, model, 8)
    assert [p.name[10:17] for p in run.checkpoints()] == ["0000007", "0000008"]


def test_without_a_best_or_with_no_number_it_says_so(run):
    with pytest.raises(UserError, match="has no best checkpoint"):
        run.checkpoint("best")
    with pytest.raises(
        UserError, match=r"^checkpoint=\.\./x must be an iteration, or best"
    ):
        run.checkpoint("../x")
    (run.checkpoints_dir / "best.json").write_text('{"iteration": "../../x"}')
    assert run.best() is None


def external_link(file: h5py.File) -> None:
    del file["vars/0"]
    file["vars/0"] = h5py.ExternalLink("/etc/hostname", "/")


def external_data(file: h5py.File) -> None:
    del file["vars/0"]
    file["vars"].create_dataset("0", (8,), "u1", external=[("/etc/hostname", 0, 8)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((1,), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (1,))
    del file["vars/0"]
    file.create_virtual_dataset("vars/0", layout)


def compressed(file: h5py.File) -> None:
    zeros = np.zeros(10**8, "u1")
    file.create_dataset("vars/1", data=zeros, compression="gzip")


def objects(file: h5py.File) -> None:
    file.create_dataset("vars/1", data=["text"], dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (external_link, "is a link"),
        (external_data, "in another file"),
        (virtual, "in another file"),
        (compressed, "expand to"),
        (objects, "no numbers"),
    ],
)
def test_an_untrusted_checkpoint_reaches_no_other_file_and_fills_no_memory(
    run, change, fault
):
    newest = run.checkpoints()[-1]
    with h5py.File(newest, "a") as file:
        change(file)
    checkpoint_file.write_checksum(newest, newest)  # anyone can do so
    with pytest.raises(UserError, match=fault):
        reopened(run).checkpoint(2)


def test_an_old_checkpoint_without_a_checksum_is_taken(run, model):
    for path in run.checkpoints_dir.glob("*.sha256"):
        path.unlink()
    reopened(run).load(model)
    assert model.iterations_done() == 2


@pytest.mark.process
def test_the_checksum_is_as_sha256sum_has_it(run):
    sums = sorted(run.checkpoints_dir.glob("*.sha256"))
    command = ["sha256sum", "--check", "--quiet", *sums]
    subprocess.run(command, cwd=run.checkpoints_dir, check=True)


def test_what_a_killed_process_left_half_written_is_removed(model, tmp_path):
    with Run.start(tmp_path, model.config) as run:
        save(run, model, 1)
    half = run.checkpoints_dir / ".partial-iteration-0000002.weights.h5"
    half.write_bytes(b"half")
    with Run.start(tmp_path, model.config) as run:
        assert not half.exists()
        assert len(run.checkpoints()) == 1


def test_a_run_of_before_with_fewer_settings_is_opened(run, tmp_path):
    settings = json.loads((run.path / "config.json").read_text())
    for name in ("skip_broken", "rollback_after"):
        del settings[name]
    shutil.copytree(run.path, tmp_path / "old")
    (tmp_path / "old" / "config.json").write_text(json.dumps(settings))
    assert open_run(str(tmp_path / "old")).config == run.config
