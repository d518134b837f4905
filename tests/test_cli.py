"""The command line as a whole: help, names, exit codes, what is near."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest
from commands import forgotten
from PIL import Image

import tfstargan
from tfstargan import cli
from tfstargan.__main__ import COMMANDS, FORMATS, dispatch
from tfstargan.errors import Preempted, UserError
from tfstargan.settings import Settings

ROOT = pathlib.Path(__file__).parents[1]
EVERY = [*COMMANDS, *(f"export {name}" for name in FORMATS)]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def help_of(name: str, capsys: pytest.CaptureFixture) -> str:
    package, _, module = name.rpartition(" ")
    with (
        forgotten(f"{package or 'tfstargan'}.{module}"),
        pytest.raises(SystemExit) as done,
    ):
        dispatch([*name.split(), "--help"])
    assert done.value.code == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@pytest.mark.parametrize("name", EVERY)
def test_help_has_an_example_and_every_flag_in_groups(name, capsys):
    text = help_of(name, capsys)
    assert f"    tfstargan {name} --" in text
    assert "\n  --" in text
    assert max(map(len, text.splitlines())) <= 88


def test_help_lists_all_settings_of_training(capsys):
    text = help_of("train", capsys)
    for group in ("data:", "networks:", "losses:", "speed and memory:"):
        assert f"\n{group}\n" in text
    assert "--lambda_cyc=1.0" in text
    assert "--run_dir=" in text


@pytest.mark.process
def test_no_help_imports_tensorflow():
    code = f"""if True:
        import runpy, sys
        for name in {EVERY!r}:
            package, _, command = name.rpartition(" ")
            sys.argv = ["x", "--help"]
            try:
                module = f"{{package or 'tfstargan'}}.{{command}}"
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            except SystemExit as end:
                assert end.code == 0, name
        assert not {{"tensorflow", "keras", "numpy"}} & set(sys.modules) - {{"numpy"}}
    """
    result = python("-c", code)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--source=a.png", "--domain=fish", "--seed=1"],
            "--domain=fish: this run has",
        ),
        (["--source=no.png", "--domain=cat", "--seed=1"], "no.png: not a readable"),
        (["--source=all", "--domain=cat", "--seed=1"], "all/no.png: not a readable"),
        (["--source=a.png", "--domain=cat", "--reference=no.png"], "no.png: not a rea"),
    ],
)
def test_a_translation_is_refused_before_tensorflow_starts(words, says, tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "no.png").write_text("no image")
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "no.png").write_text("no image")
    words = ["translate", "--run_dir=preset:critters64", *words]
    code = f"""if True:
        import os, sys
        from tfstargan.__main__ import dispatch
        os.chdir({os.fspath(tmp_path)!r})
        try:
            dispatch({words!r})
        finally:
            assert not {{"tensorflow", "keras"}} & set(sys.modules)
    """
    result = python("-c", code)
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {says}")
    assert result.stderr.count("\n") == 1


@pytest.mark.process
def test_the_program_is_the_module(tmp_path):
    result = python("-m", "tfstargan", "--version")
    assert result.stdout == f"tfstargan {tfstargan.__version__}\n"
    assert result.returncode == 0


def test_without_a_command_all_are_listed(capsys):
    assert dispatch([]) == 0
    text = capsys.readouterr().out
    for name in EVERY:
        assert f"  {name} " in text
    assert dispatch(["--help"]) == dispatch(["export"]) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["trian"], "'trian' is not a command; did you mean train?"),
        (["export", "tflit"], "'tflit' is not a command; did you mean tflite?"),
        (["xyz"], "there are demo, train"),
    ],
)
def test_an_unknown_command_gets_what_is_near(words, says, capsys):
    assert dispatch(words) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UserError("--out=x: is there"), 2, "error: --out=x: is there\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (Preempted(), 75, "preempted; run the same command again\n"),
    ],
)
def test_every_end_has_its_exit_code_and_one_line(error, code, says, capsys):
    def main(settings: Settings) -> None:
        raise error

    assert cli.run(main, (Settings,), [], None, tensorflow=False) == code
    assert capsys.readouterr().err == says


FULL = "No space left on device"


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (OSError(errno.ENOSPC, FULL, "out/grid.png"), "out/grid.png: "),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), ""),
        # of HDF5, and of TensorFlow
        (OSError(f"Can't write data (errno = 28, error message = '{FULL}')"), ""),
        (
            RuntimeError(f"runs/x/logs/events.v2; {FULL} [Op:Flush]"),
            "runs/x/logs/events.v2: ",
        ),
    ],
)
def test_a_full_disk_is_one_line_in_every_command(error, place, capsys):
    def main(settings: Settings) -> None:
        raise error

    assert cli.run(main, (Settings,), [], None, tensorflow=False) == 2
    line = "no space left on the disk; make room and run the command again"
    assert capsys.readouterr().err == f"error: {place}{line}\n"


def test_an_error_of_ours_is_not_hidden():
    def main(settings: Settings) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        cli.run(main, (Settings,), [], None, tensorflow=False)


@pytest.mark.process
def test_tensorflow_s_own_lines_are_not_seen(tmp_path):
    code = """if True:
        from tfstargan import cli
        from tfstargan.settings import Settings
        def main(settings):
            import tensorflow as tf
            tf.constant(1)
        cli.start(main, Settings, about="x")
    """
    result = python("-c", code)
    assert (result.returncode, result.stdout) == (0, "")
    ours = "starting TensorFlow: "  # on a slow machine
    assert [x for x in result.stderr.splitlines() if not x.startswith(ours)] == []


@pytest.mark.process
def test_without_tensorflow_a_line_says_what_to_install(tmp_path):
    hidden = """if True:
        import importlib.util, sys
        find = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: (
            None if name == "tensorflow" else find(name, *rest)
        )
        from tfstargan.__main__ import dispatch
        sys.exit(dispatch(sys.argv[1:]))
    """
    for words in (["train"], ["distill"], ["samples"], ["export", "tflite"]):
        result = python("-c", hidden, *words)
        assert result.returncode == 2
        assert result.stderr == (
            "error: no TensorFlow: pip install 'tfstargan[cpu]' or 'tfstargan[gpu]'\n"
        )


def test_messages_become_arguments_but_not_in_commands():
    error = UserError("a.jpg: broken; `tfstargan check --data_dir=x` or --skip_broken")
    assert str(error) == "a.jpg: broken; `tfstargan check --data_dir=x` or skip_broken"
    assert error.as_flags.endswith("or --skip_broken")


@pytest.mark.process
def test_a_command_runs_without_standard_streams(tmp_path):
    command = f"{sys.executable} -m tfstargan draw --per_domain=1 --img_size=32"
    for out, closed in (("a", ">&-"), ("b", "<&- >&- 2>&-")):
        result = subprocess.run(
            f"{command} --out={out} {closed}",
            shell=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.process
def test_a_reader_that_stops_reading_gets_no_traceback():
    for words in ("", "train"):
        command = f"{sys.executable} -m tfstargan {words} --help | head -n 1"
        result = subprocess.run(
            command,
            shell=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stderr == ""
        assert len(result.stdout.splitlines()) == 1


@pytest.mark.process
def test_garbage_is_collected_again_after_the_import_of_tensorflow():
    code = "from tfstargan import cli; import gc; cli.import_tensorflow()"
    done = python("-c", f"{code}; print(gc.isenabled(), gc.get_freeze_count() > 0)")
    assert done.stdout.split() == ["True", "True"]
