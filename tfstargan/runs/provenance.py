"""How a run was made: the content of its run.json."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import PIL
import tensorflow as tf


def provenance() -> dict:
    """The command, process, versions and, if any, commit of this program."""
    describe = ["git", "describe", "--always", "--dirty"]
    folder = pathlib.Path(__file__).parent
    try:
        commit = subprocess.run(
            describe, cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = None
    modules = (tf, keras, np, PIL)
    return {
        "command": sys.argv,
        "process": {"id": os.getpid(), "host": socket.gethostname()},
        "commit": commit,
        "python": sys.version.split()[0],
        "versions": {module.__name__: module.__version__ for module in modules},
    }


def process_of(about: pathlib.Path) -> str:
    """The process that trains, in words, from a run.json."""
    try:
        process = json.loads(about.read_text())["process"]
        return f"process {process['id']} on {process['host']}"
    except (OSError, ValueError, TypeError, KeyError):
        return "unknown process"
