"""An interrupted run goes on to the same numbers and pictures as one that was not."""

import os
import signal

import pytest
from conftest import tiny
from test_stargan import contents

from tfstargan.runs.run import Run
from tfstargan.training import loop
from tfstargan.training.interruption import Interruptions, Preempted
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
