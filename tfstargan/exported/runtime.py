"""Exported models run in LiteRT; without TensorFlow."""

import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfstargan.exported.contract import Contract, Signature

# {signature: a function of named arrays to named arrays}
Endpoints = dict[str, Callable[..., dict[str, Any]]]


def load(folder: str | os.PathLike[str], threads: int | None = None) -> Endpoints:
    """The endpoints of an exported folder, checked against its contract.

    Args:
        folder: holds stargan.json and the files it names.
        threads: number of threads to compute with; by default one per processor.

    Raises:
        UserError: if the folder is incomplete or damaged; see `Contract.load`.
    """
    return of_contract(Contract.load(folder), folder, threads)


def of_contract(
    contract: Contract, folder: str | os.PathLike[str], threads: int | None = None
) -> Endpoints:
    """The endpoints of an exported folder whose contract is loaded already."""
    contents = {
        name: (pathlib.Path(folder) / name).read_bytes() for name in contract.files
    }
    return endpoints(
        {name: contents[file] for name, file in contract.signature_files.items()},
        threads,
    )


def endpoints(models: dict[str, bytes], threads: int | None = None) -> Endpoints:
    """The endpoints of {signature: the .tflite that holds it}."""
    interpreters: dict[int, Interpreter] = {}
    found = {}
    for name, content in models.items():
        if id(content) not in interpreters:
            interpreter = Interpreter(
                model_content=content, num_threads=threads or os.cpu_count()
            )
            interpreter.allocate_tensors()  # says that it uses XNNPACK, now
            interpreters[id(content)] = interpreter
        found[name] = interpreters[id(content)].get_signature_runner(name)
    return found


class Rows:
    """An endpoint called with any number of rows.

    Args:
        signature: of the endpoint, for the names of its tensors.
        endpoint: takes and returns arrays by name, of as many rows as the signature.
    """

    def __init__(self, signature: Signature, endpoint: Callable[..., dict[str, Any]]):
        self.signature = signature
        self.endpoint = endpoint

    def rows(self, *inputs: np.ndarray) -> np.ndarray:
        """The endpoint's output for inputs in the order of the signature."""
        names = [tensor.name for tensor in self.signature.inputs]
        size = self.signature.output.shape[0] or len(inputs[0])
        results = []
        for start in range(0, len(inputs[0]), size):
            parts = [np.asarray(x)[start : start + size] for x in inputs]
            full = [np.resize(part, (size, *part.shape[1:])) for part in parts]
            found = self.endpoint(**dict(zip(names, full, strict=True)))
            # A copy: the interpreter's memory is used again.
            results.append(np.array(found[self.signature.output.name][: len(parts[0])]))
        return np.concatenate(results)
