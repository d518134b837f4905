"""Time and memory that a .tflite takes; memory is measured in a separate process.

    python -m export.litert.latency RUN/export/float32/stargan.tflite

prints the memory that `translate` of a file takes, as JSON. It needs no TensorFlow.
"""

import json
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfstargan.exported.contract import TRANSLATE
from tfstargan.progress import Bar

ROUNDS = 15
WARM_UPS = 2
MEGABYTE = 1e6


def times(
    models: Mapping[Any, bytes], threads: int, rounds: int = ROUNDS
) -> dict[Any, dict[str, float]]:
    """The time of each model; the models run in turns, in shuffled order.

    Args:
        models: {name: content of a .tflite with one signature}.
        threads: number of threads to compute with.
        rounds: how often each model is timed.

    Returns:
        {name: {"median_ms", "p95_ms"}}.
    """
    runs = {
        name: on_noise(
            Interpreter(model_content=content, num_threads=threads), signature=None
        )
        for name, content in models.items()
    }
    taken: dict[Any, list[float]] = {name: [] for name in runs}
    order = [*runs] * (WARM_UPS + rounds)
    random.Random(0).shuffle(order)
    for name in Bar(order, "Timing", leave=False):
        start = time.perf_counter()
        runs[name]()
        taken[name].append(1e3 * (time.perf_counter() - start))
    return {
        name: {
            "median_ms": float(np.median(values[WARM_UPS:])),
            "p95_ms": float(np.percentile(values[WARM_UPS:], 95)),
        }
        for name, values in taken.items()
    }


def peak_memory(path: str | os.PathLike[str]) -> float:
    """The most memory that loading and running a .tflite adds to a process, in MB."""
    command = [sys.executable, "-m", "export.litert.latency", os.fspath(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["peak_mb"]


def leftovers(content: bytes) -> Counter[str]:
    """The operators of a .tflite with one signature that XNNPACK does not compute.

    LiteRT has no public list of them. After all nodes it lists those that replace the
    operators that XNNPACK computes. An operator is left over if one of these, or an
    output of the model, needs its result.
    """
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    nodes = interpreter._get_ops_details()
    taken = [node for node in nodes if node["op_name"] == "DELEGATE"]
    given = {int(tensor) for node in taken for tensor in node["outputs"]}
    wanted = {int(tensor) for node in taken for tensor in node["inputs"]}
    wanted |= {output["index"] for output in interpreter.get_output_details()}
    found: Counter[str] = Counter()
    for node in reversed([node for node in nodes if node["op_name"] != "DELEGATE"]):
        if wanted.intersection(map(int, node["outputs"])) - given:
            found[node["op_name"]] += 1
            wanted.update(map(int, node["inputs"]))
    return found


def on_noise(
    interpreter: Interpreter, signature: str | None = TRANSLATE
) -> Callable[[], Any]:
    """A function that runs a signature (None: the only one) on noise."""
    run = interpreter.get_signature_runner(signature)
    rng = np.random.default_rng(0)
    noise = {
        name: rng.uniform(-1, 1, details["shape"]).astype(details["dtype"])
        for name, details in run.get_input_details().items()
    }
    return lambda: run(**noise)


def _resident_peak() -> float:
    """The most memory that this process has used so far, in MB."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # getrusage includes what the parent had at the fork
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found:
            return int(found[1]) * 1024 / MEGABYTE
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE


def main(path: str) -> None:
    """Print the memory that a file takes, as JSON."""
    before = _resident_peak()
    translate = on_noise(Interpreter(model_path=path, num_threads=2))
    for _ in range(2):
        translate()
    print(json.dumps({"peak_mb": _resident_peak() - before}))


if __name__ == "__main__":
    main(sys.argv[1])
