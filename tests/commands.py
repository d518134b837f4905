"""Runs our commands as users do: in this process, or where that matters in their own.

Importing TensorFlow takes seconds, which a command run here does not need again. All
else is as `python -m` has it: arguments, folder, environment, output, exit code.
"""

import contextlib
import io
import os
import pathlib
import runpy
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator
from unittest import mock

ROOT = pathlib.Path(__file__).parents[1]


def command(*arguments: object, cwd: pathlib.Path) -> subprocess.CompletedProcess:
    """Do what `python -m ...` does in a folder, here."""
    words = [*map(str, arguments)]
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as held:
        held.enter_context(contextlib.chdir(cwd))
        held.enter_context(mock.patch.dict(os.environ))
        held.enter_context(mock.patch.object(sys, "argv", words))
        held.enter_context(contextlib.redirect_stdout(output))
        held.enter_context(contextlib.redirect_stderr(errors))
        held.enter_context(warnings.catch_warnings())
        warnings.resetwarnings()  # to be printed, not raised as in a test
        held.enter_context(forgotten(words[0]))
        code = exit_code_of(words[0])
    return subprocess.CompletedProcess(
        words, code, output.getvalue(), errors.getvalue()
    )


@contextlib.contextmanager
def forgotten(module: str) -> Iterator[None]:
    """Remove a module from `sys.modules`, of which `runpy` would warn."""
    found = sys.modules.pop(module, None)
    yield
    if found:
        sys.modules[module] = found


def exit_code_of(module: str) -> int:
    """Run a module as `__main__`; what it raises is printed, as Python does."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code or 0
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def process(*arguments: object, cwd: pathlib.Path) -> subprocess.CompletedProcess:
    """Run `python -m ...` in a folder, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(*arguments: object, cwd: pathlib.Path) -> str:
    """Run a command that must fail and write nothing; return its error message."""
    before = sorted(cwd.rglob("*"))
    result = command(*arguments, cwd=cwd)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(cwd.rglob("*")) == before
    lines = [x for x in result.stderr.splitlines() if x.startswith("error: ")]
    assert len(lines) == 1
    assert result.stderr.rstrip().endswith(lines[0])
    return lines[0]
