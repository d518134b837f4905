"""Exported models run in LiteRT, without TensorFlow."""

import os
import pathlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, SignatureRunner

from tfstargan.exported.contract import Contract
from tfstargan.exported.signatures import Signature

# {signature: a function of named arrays to named arrays}
Endpoints = dict[str, Callable[..., dict[str, Any]]]


class Endpoint:
    """A signature of a .tflite: a function of named arrays, for any thread.

    Args:
        runner: what computes it.
        lock: the lock of its interpreter, which has one set of tensors for all callers.
        signature: what inputs are checked against; None for no check.
    """

    def __init__(
        self,
        runner: SignatureRunner,
        lock: threading.Lock,
        signature: Signature | None = None,
    ):
        self.runner = runner
        self.signature = signature
        self._lock = lock

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs by name.

        Raises:
            ValueError: if an input is missing, of another shape or type, or a label
                that no domain has.
        """
        if self.signature:
            self.signature.check(inputs)
        with self._lock:
            return self.runner(**inputs)

    def get_input_details(self) -> dict[str, dict]:
        """LiteRT's details of the inputs, by name."""
        return self.runner.get_input_details()

    def get_output_details(self) -> dict[str, dict]:
        """LiteRT's details of the outputs, by name."""
        return self.runner.get_output_details()


def load(folder: str | os.PathLike[str], threads: int | None = None) -> Endpoints:
    """The endpoints of an exported folder, checked against its contract.

    They check their inputs, and may be called by several threads.

    Args:
        folder: the folder with stargan.json and the files that it names.
        threads: number of threads to compute with; by default one for each processor.

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
    models = {name: contents[file] for name, file in contract.signature_files.items()}
    return endpoints(models, threads, contract.signatures())


def endpoints(
    models: dict[str, bytes],
    threads: int | None = None,
    signatures: tuple[Signature, ...] = (),
) -> Endpoints:
    """The endpoints of {signature: the .tflite that holds it}.

    Args:
        models: the files' contents; signatures of the same object share an interpreter.
        threads: number of threads to compute with; by default one for each processor.
        signatures: what inputs are checked against; by default they are not checked.
    """
    promised = {signature.name: signature for signature in signatures}
    shared: dict[int, tuple[Interpreter, threading.Lock]] = {}
    found: Endpoints = {}
    for name, content in models.items():
        if id(content) not in shared:
            interpreter = Interpreter(
                model_content=content, num_threads=threads or os.cpu_count()
            )
            interpreter.allocate_tensors()  # says that it uses XNNPACK, now
            shared[id(content)] = interpreter, threading.Lock()
        interpreter, lock = shared[id(content)]
        runner = interpreter.get_signature_runner(name)
        found[name] = Endpoint(runner, lock, promised.get(name))
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
