"""An interrupted run resumes to the same numbers and images as one that was not."""

import os
import signal
import threading

import pytest
import tensorflow as tf
from conftest import tiny
from tensorboard.backend.event_processing import plugin_event_accumulator
from test_stargan import contents

from tfstargan.errors import Preempted, UserError
from tfstargan.runs.run import Run
from tfstargan.training import fitting, loop, tensorboard
from tfstargan.training.interruption import Interruptions
from tfstargan.translation.grids import draw_all


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.slow  # eager: the campaign kills processes that have a graph
def test_asked_to_end_while_it_draws_it_saves_and_goes_on_as_if_never_asked(
    eager, small_grids, tmp_path
):
    config = tiny(sample_every=2)
    never, run = (Run(tmp_path / name, config) for name in ("never", "run"))
    loop.train_run(config, never.path)
    drawn = []

    def interrupted(*arguments: object) -> object:
        drawn.append(1)
        if len(drawn) == 1:
            terminate()
        return draw_all(*arguments)

    with pytest.raises(Preempted):
        loop.train_run(config, run.path, draw=interrupted)
    assert [p.name for p in run.checkpoints()] == ["iteration-0000002.weights.h5"]
    assert not run.samples_dir.exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    loop.train_run(config, run.path)
    drawn = {p.name: p.read_bytes() for p in never.samples_dir.iterdir()}
    assert len(drawn) == 6  # three grids after two iterations, and at the end
    assert drawn == {p.name: p.read_bytes() for p in run.samples_dir.iterdir()}
    found, expected = (contents(r.checkpoint(3)) for r in (run, never))
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert array.tobytes() == found[name].tobytes(), name


def test_in_mid_iteration_it_waits_for_the_end_of_it():
    with Interruptions() as interruptions:
        interruptions.on_train_batch_begin(0)
        terminate()
        terminate()
        with pytest.raises(Preempted):
            interruptions.on_train_batch_end(0)
        terminate()  # while it saves
    with Interruptions() as interruptions, pytest.raises(Preempted):
        terminate()


def test_a_second_control_c_does_not_wait():
    with Interruptions() as interruptions:
        interruptions.on_train_batch_begin(0)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_worker_stays_until_its_chief_has_left():
    with Interruptions(leave=False) as interruptions:
        terminate()
        interruptions.on_train_batch_end(0)
        assert interruptions.wanted is Preempted


def test_a_closed_terminal_ends_it_as_the_system_does(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with Interruptions(), pytest.raises(Preempted):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with Interruptions():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_output_to_a_terminal_that_is_gone_is_no_error():
    pid, terminal = os.forkpty()
    if not pid:  # the child: no more than that, in the copy of a process with threads
        try:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup
            with Interruptions():
                os.write(1, b"ready")
                signal.pause()
        except Preempted:
            os._exit(os.write(2, b"saved") - 5)
        finally:
            os._exit(1)
    assert os.read(terminal, 5) == b"ready"
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0


def test_it_trains_in_a_thread_and_leaves_signals_alone(eager, small_grids, tmp_path):
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    run = Run(tmp_path, tiny(iterations=1))
    thread = threading.Thread(target=loop.train_run, args=(run.config, tmp_path))
    thread.start()
    thread.join()
    assert run.checkpoint(1)
    assert {number: signal.getsignal(number) for number in before} == before


def test_an_error_in_mid_run_saves_what_was_learned(eager, tmp_path, capsys):
    run = Run(tmp_path, tiny(sample_every=2, save_every=100))

    def broken(*_: object) -> None:
        raise OSError("the drive is away")

    with pytest.raises(OSError, match="the drive is away"):
        loop.train_run(run.config, run.path, draw=broken)
    assert "saved iteration 2" in capsys.readouterr().err
    assert [p.name for p in run.checkpoints()] == ["iteration-0000002.weights.h5"]


def test_an_error_before_the_first_iteration_saves_nothing(eager, tmp_path):
    def missing(*_: object) -> None:
        raise UserError("a.jpg: not a readable picture")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfstargan.data.critters.Critters.squeezed", missing)
        patch.setattr("tfstargan.data.critters.Critters.image", missing)
        patch.setattr(loop.Examples, "choose", lambda *_: None)
        with pytest.raises(UserError, match=r"a\.jpg: not a readable picture"):
            loop.train_run(tiny(), tmp_path)
    assert not Run(tmp_path, tiny()).checkpoints()


def test_a_full_disk_is_not_called_a_lack_of_memory():
    def cause(text: str) -> str:
        return fitting.cause_of(tf.errors.ResourceExhaustedError(None, None, text))

    full = cause("runs/x/logs/events.out.v2; No space left on device [Op:Flush]")
    assert full.startswith("runs/x/logs/events.out.v2: no space left on the disk")
    assert cause("OOM when allocating tensor").startswith("out of memory; add --acc")


def test_points_logged_after_the_checkpoint_are_dropped(tmp_path):
    def log(*steps: int) -> None:
        with tf.summary.create_file_writer(str(tmp_path)).as_default():
            for step in steps:
                tf.summary.scalar("loss", 0.0, step)

    tensorboard.drop_after(0, tmp_path)
    assert not list(tmp_path.iterdir())
    log(1, 2, 3, 4)  # and killed; the checkpoint is of 2
    for file in tmp_path.iterdir():  # a second ago
        seconds = file.name.split(".")[3]
        file.rename(tmp_path / file.name.replace(seconds, str(int(seconds) - 1)))
    tensorboard.drop_after(2, tmp_path)
    log(3, 4, 5)
    found = plugin_event_accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [point.step for point in found.Tensors("loss")] == [1, 2, 3, 4, 5]
