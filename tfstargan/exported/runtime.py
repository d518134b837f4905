"""Exported models run in LiteRT; without TensorFlow."""

import os
import pathlib
from collections.abc import Callable
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from tfstargan.exported.contract import Contract

# {signature: a function of named arrays to named arrays}
Endpoints = dict[str, Callable[..., dict[str, Any]]]


def load(folder: str | os.PathLike[str], threads: int | None = None) -> Endpoints:
    """Return the endpoints of an exported folder, checked against its contract.

    Args:
        folder: that holds stargan.json and the files it names.
        threads: how many to compute with; by default one for each processor.

    Raises:
        UserError: if the folder is not whole; see `Contract.load`.
    """
    contract = Contract.load(folder)
    contents = {
        name: (pathlib.Path(folder) / name).read_bytes() for name in contract.files
    }
    return endpoints(
        {name: contents[file] for name, file in contract.signature_files.items()},
        threads,
    )


def endpoints(models: dict[str, bytes], threads: int | None = None) -> Endpoints:
    """Return endpoints of {signature: the .tflite that holds it}."""
    interpreters: dict[int, Interpreter] = {}
    found = {}
    for name, content in models.items():
        if id(content) not in interpreters:
            interpreters[id(content)] = Interpreter(
                model_content=content, num_threads=threads or os.cpu_count()
            )
        found[name] = interpreters[id(content)].get_signature_runner(name)
    return found
