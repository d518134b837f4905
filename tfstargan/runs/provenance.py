"""How a run was made: the content of its run.json."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import PIL


def provenance() -> dict:
    """The command, process, versions and, if any, commit of this program."""
    from tfstargan.backend import keras, tf

    modules = (tf, keras, np, PIL)
    return {
        "command": sys.argv,
        "process": {"id": os.getpid(), "host": socket.gethostname()},
        "commit": commit_of(pathlib.Path(__file__)),
        "python": sys.version.split()[0],
        "versions": {module.__name__: module.__version__ for module in modules},
    }


def commit_of(file: pathlib.Path) -> str | None:
    """The commit of the repository that has a file; None if there is none.

    A program installed into an environment inside another repository is none of its
    files.
    """

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=file.parent, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", file.name)
        return git("describe", "--always", "--dirty")
    except (OSError, subprocess.CalledProcessError):
        return None


def process_of(about: pathlib.Path) -> str:
    """The process that trains, in words, from a run.json."""
    try:
        process = json.loads(about.read_text())["process"]
        return f"process {process['id']} on {process['host']}"
    except (OSError, ValueError, TypeError, KeyError):
        return "unknown process"
