"""Runs our commands as users do, but for the seconds that importing TensorFlow takes.

Every command has a process of its own, forked from one that has imported TensorFlow and
done nothing else: it has not begun its threads, in particular. (multiprocessing's
forkserver is alike, but ends and fails in other ways than `python -m`.) What is read at
import, such as TF_CPP_MIN_LOG_LEVEL, is what it was at the first command.
"""

import functools
import json
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]


def command(*arguments: object, cwd: pathlib.Path) -> subprocess.CompletedProcess:
    """Run `python -m ...` in a folder."""
    server = start_server()
    words = [*map(str, arguments)]
    request = words, str(cwd), os.environ | {"PYTHONPATH": str(ROOT)}
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    code, output, errors = json.loads(server.stdout.readline())
    return subprocess.CompletedProcess(words, code, output, errors)


def refusal(*arguments: object, cwd: pathlib.Path) -> str:
    """Run a command that must fail, leaving nothing behind; return its one line."""
    before = sorted(cwd.rglob("*"))
    result = command(*arguments, cwd=cwd)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert sorted(cwd.rglob("*")) == before
    lines = [x for x in result.stderr.splitlines() if x.startswith("error: ")]
    assert len(lines) == 1
    assert result.stderr.rstrip().endswith(lines[0])
    return lines[0]


@functools.cache
def start_server() -> subprocess.Popen:
    """Return the process that commands are forked from; it ends when we do."""
    return subprocess.Popen(
        [sys.executable, __file__],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def serve() -> None:
    """Fork a command for every line of standard input; answer what it gave."""
    import tensorflow  # noqa: F401

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        words, folder, environment = json.loads(line)
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            child = os.fork()
            if not child:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(output.fileno(), 1)
                os.dup2(errors.fileno(), 2)
                sys.exit(become(words, folder, environment))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            texts = []
            for file in (output, errors):
                file.seek(0)
                texts.append(file.read().decode())
        print(json.dumps([code, *texts]), file=answers, flush=True)


def become(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be `python -m words...` in a folder."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0], sys.argv = folder, words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve()
