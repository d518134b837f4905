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


def test_a_log_gets_a_line_in_ten_seconds_not_one_for_each_step(capsys):
    for _ in progress.Bar(range(1000)):
        pass
    assert len(capsys.readouterr().err.splitlines()) == 2  # the first and the last
