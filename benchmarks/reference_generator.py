"""Export or time the authors' generator; `export.py` starts this.

    python benchmarks/reference_generator.py --checkout=C --sizes=JSON --export=FILE
    python benchmarks/reference_generator.py --checkout=C --sizes=JSON [--run=FILE]

The second form translates once for each line of its input and prints the time as JSON:
in PyTorch, or with `--run` an ONNX file in ONNX Runtime. C is a clone of
github.com/clovaai/stargan-v2; it is imported and not changed.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from reference_step import Absent


def generator(checkout: str, sizes: dict) -> torch.nn.Module:
    """The authors' generator, untrained."""
    sys.path.insert(0, checkout)
    sys.meta_path.insert(0, Absent())
    torch.manual_seed(0)
    return importlib.import_module("core.model").Generator(**sizes).eval()


def noise(sizes: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """A source and a style."""
    side = sizes["img_size"]
    return 2 * torch.rand(1, 3, side, side) - 1, torch.randn(1, sizes["style_dim"])


def in_torch(network: torch.nn.Module, sizes: dict) -> Callable[[], object]:
    """A function that translates in PyTorch."""
    x, s = noise(sizes)

    def translate() -> torch.Tensor:
        with torch.inference_mode():
            return network(x, s)

    return translate


def in_onnx_runtime(file: str, threads: int) -> Callable[[], object]:
    """A function that translates in ONNX Runtime; the inputs differ in rank."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options)
    rng = np.random.default_rng(0)
    inputs = {
        i.name: rng.uniform(-1, 1, i.shape).astype(np.float32)
        for i in session.get_inputs()
    }
    return lambda: session.run(None, inputs)


def main() -> None:
    """Export, or translate once for each line of the input."""
    parser = argparse.ArgumentParser()
    for name in ("checkout", "sizes", "export", "run"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    answers, sys.stdout = sys.stdout, sys.stderr  # the authors' code prints, too
    torch.set_num_threads(options.threads)
    sizes = json.loads(options.sizes)
    if options.run:
        translate = in_onnx_runtime(options.run, options.threads)
    else:
        network = generator(options.checkout, sizes)
        if options.export:
            torch.onnx.export(network, noise(sizes), options.export, dynamo=False)
            return
        translate = in_torch(network, sizes)
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        translate()
        measured = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - used,
        }
        print(json.dumps(measured), file=answers, flush=True)


if __name__ == "__main__":
    main()
