"""Progress in a log: lines, not states of a bar."""

import sys

from tqdm import tqdm

from tfstargan import progress


def test_in_a_log_a_bar_is_lines(capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 0)
    with progress.Bar(total=2, unit="it") as bar:
        bar.set_postfix({"D": "1.03"}, refresh=False)
        bar.update()
        with progress.Bar(total=1, leave=False) as inner:
            inner.update()
        tqdm.write("a warning", file=sys.stderr)
        bar.update()
    lines = capsys.readouterr().err.splitlines(keepends=True)
    assert all(line.endswith("\n") and "\r" not in line for line in lines)
    assert not any("\x1b" in line for line in lines)
    assert "a warning\n" in lines
    assert "2/2" in lines[-1]
    assert "D=1.03" in lines[-1]


def test_a_log_gets_a_line_in_five_seconds_not_one_for_each_step(capsys):
    for _ in progress.Bar(range(1000)):
        pass
    assert len(capsys.readouterr().err.splitlines()) == 2  # the first and the last


def test_a_long_step_shows_the_time(capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 0.02)
    with progress.Bar(total=2, desc="slow"):
        shown = ""
        while shown.count("\n") < 3:  # although nothing was completed
            shown += capsys.readouterr().err
    assert shown.startswith("slow:   0%")


def test_waiting_shows_nothing_of_what_takes_a_moment(capsys):
    with progress.waiting("compiling"):
        pass
    assert capsys.readouterr().err == ""


def test_waiting_shows_what_takes_long_and_the_time(capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 0.02)
    monkeypatch.setattr(progress, "DELAY", 0)
    with progress.waiting("compiling"):
        shown = ""
        while not shown:
            shown = capsys.readouterr().err
    assert shown.startswith("compiling: 00:0")
