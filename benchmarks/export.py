"""Compare time and size of the exported generator with the authors' PyTorch code.

    python benchmarks/export.py
    python benchmarks/export.py --reference=stargan-v2 --reference_python=PYTHON

`--reference` is a clone of github.com/clovaai/stargan-v2, `--reference_python` a Python
with PyTorch, onnx and onnxruntime. The reference runs in PyTorch and, exported by
PyTorch, in ONNX Runtime. Our generator runs in LiteRT in every variant and, with the
extra `onnx`, in ONNX Runtime. All translate one image in turns, in shuffled order, with
untrained weights, because the time does not depend on them.

Elapsed time and CPU time of all threads are medians. On a machine with other work, add
`--threads=1` and compare CPU times. The ratio is the CPU time divided by that of our
float32. Operations outside XNNPACK are computed by slower code.
"""

import dataclasses
import json
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

sys.path[0] = str(pathlib.Path(__file__).parents[1])  # else `export` were this file

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from benchmarks.arithmetic import peak
from export.litert import flatbuffer, latency, onnx_files, variants
from export.model import graph
from tfstargan import cli
from tfstargan.config import Config
from tfstargan.exported import contract
from tfstargan.exported.variants import VARIANTS
from tfstargan.networks.build import build_networks, translating
from tfstargan.settings import Settings, setting
from tfstargan.translation.translator import Translator

REFERENCE_GENERATOR = pathlib.Path(__file__).with_name("reference_generator.py")
Measured = tuple[float, float]  # seconds, CPU seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    variants: tuple[str, ...] = setting(
        (
            "float32",
            "float16",
            "dynamic",
            "mixed",
            "weights4",
        ),
        f"of {', '.join(v for v in VARIANTS if v not in variants.CALIBRATED)}",
    )
    threads: int = setting(2, "of each side", at_least=1)
    rounds: int = setting(7, "translations that count, of each side", at_least=1)
    reference: str = setting(
        "", "clone of the authors' code; empty: ours alone", path=True
    )
    reference_python: str = setting(sys.executable, "a Python with PyTorch")


def untrained(config: Config) -> Translator:
    """A translator with untrained networks."""
    keras.utils.set_random_seed(0)
    return Translator(config, build_networks(config, translating(config)))


def in_litert(content: bytes, threads: int) -> Callable[[], Measured]:
    """A function that times one translation by a .tflite."""
    interpreter = Interpreter(model_content=content, num_threads=threads)
    translate = latency.on_noise(interpreter)

    def measure() -> Measured:
        start, used = time.perf_counter(), time.process_time()
        translate()
        return time.perf_counter() - start, time.process_time() - used

    return measure


def in_process(command: list[str]) -> Callable[[], Measured]:
    """A function that times one translation by a process that reads lines."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def measure() -> Measured:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        found = json.loads(process.stdout.readline())
        return found["seconds"], found["cpu_seconds"]

    return measure


def sides(config: Config, options: Options, folder: pathlib.Path) -> dict[str, tuple]:
    """{name: (function that measures it, GMAC, MB, operations outside XNNPACK)}."""
    translator = untrained(config)
    float32, whole = (
        graph.convert(graph.for_export(translator, lowering))
        for lowering in ("litert_pairs", "litert")
    )
    unquantized = flatbuffer.cut(whole, contract.TRANSLATE)
    found: dict[str, tuple] = {}
    for variant in options.variants:
        if variant == "float32":
            content = flatbuffer.cut(float32, contract.TRANSLATE)
            print(
                f"largest difference from Keras {difference(translator, content):.1e}"
            )
        else:
            content = variants.quantize(unquantized, variant, {})
        left = sum(latency.leftovers(content).values())
        measure = in_litert(content, options.threads)
        gmac = flatbuffer.multiplications(flatbuffer.read(content)) / 1e9
        found[f"LiteRT {variant}"] = (measure, gmac, len(content) / 1e6, left)
    if options.reference:
        command = [
            options.reference_python,
            str(REFERENCE_GENERATOR),
            f"--checkout={options.reference}",
            f"--sizes={json.dumps(generator_sizes(config))}",
            f"--threads={options.threads}",
        ]
        plain = folder / "plain.onnx"
        subprocess.run([*command, f"--export={plain}"], check=True)
        size = plain.stat().st_size / 1e6
        eager = in_process(command)
        runtime = in_process([*command, f"--run={plain}"])
        found["PyTorch, plain"] = (eager, None, None, None)
        found["ONNX Runtime, plain"] = (runtime, None, size, None)
        ours = folder / "ours.onnx"
        onnx_files.convert(whole, contract.TRANSLATE, ours)
        runtime = in_process([*command, f"--run={ours}"])
        gmac = flatbuffer.multiplications(flatbuffer.read(unquantized)) / 1e9
        found["ONNX Runtime, ours"] = (runtime, gmac, ours.stat().st_size / 1e6, None)
    return found


def generator_sizes(config: Config) -> dict[str, int | float]:
    """The sizes of a generator with the authors' names."""
    return {
        "img_size": config.img_size,
        "style_dim": config.style_dim,
        "max_conv_dim": config.channel_max,
        "w_hpf": config.w_hpf,
    }


def difference(translator: Translator, content: bytes) -> float:
    """The largest difference of a .tflite from Keras."""
    config = translator.config
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (1, config.img_size, config.img_size, 3)).astype(np.float32)
    s = rng.standard_normal((1, config.style_dim), np.float32)
    run = Interpreter(model_content=content).get_signature_runner(contract.TRANSLATE)
    expected = translator.generate(x, s).numpy()
    return float(np.abs(run(x_src=x, s=s)["x_fake"] - expected).max())


def main(config: Config, options: Options) -> None:
    """Print the table."""
    config = dataclasses.replace(config, domains=("a", "b", "c"))
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {options.threads} threads, TensorFlow {tf.__version__}")
    print(f"a large matrix product: {peak():.0f} GMAC/s of a core")
    with tempfile.TemporaryDirectory() as folder:
        found = sides(config, options, pathlib.Path(folder))
        taken: dict[str, list[Measured]] = {name: [] for name in found}
        for turn in range(1 + options.rounds):
            names = [*found]
            random.Random(turn).shuffle(names)
            for name in names:
                measured = found[name][0]()
                if turn:  # the first warms up
                    taken[name].append(measured)
    cpu = {
        name: statistics.median(m[1] for m in values) for name, values in taken.items()
    }
    first = next(iter(cpu.values()))
    head = "generator", "GMAC", "MB", "ms", "processor time, ms", "ratio"
    print("|", " | ".join([*head, "outside XNNPACK"]), "|")
    print("|---|---|---|---|---|---|---|")
    for name, (_, gmac, size, left) in found.items():
        seconds = statistics.median(m[0] for m in taken[name])
        cells = [
            name,
            f"{gmac:.2f}" if gmac else "",
            f"{size:.1f}" if size else "",
            f"{1e3 * seconds:.0f}",
            f"{1e3 * cpu[name]:.0f}",
            f"{cpu[name] / first:.2f}",
            "" if left is None else str(left),
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    cli.start(main, Config, Options, about=__doc__)
