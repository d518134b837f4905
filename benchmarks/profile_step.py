r"""Where the time of a training iteration goes, and how far it is from the arithmetic.

    python benchmarks/profile_step.py
    python benchmarks/profile_step.py --sizes=32,64 --batch=8 --channel_base=1024 \
        --channel_max=64 --style_dim=32 --hidden_dim=128 --jit

For each size, the multiplications of convolutions and matrix products are counted in
the graph, and TensorFlow's profiler measures each kind of operation. `floor` is the
time of the multiplications alone at the rate of a large matrix product, which is
measured in the same run, before and after. Shares are of the time of all operations;
those that run at the same time count each. All are processor times, which other work on
the machine hardly changes, but for the shares.
"""

import collections
import dataclasses
import pathlib
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import tensorflow as tf

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from arithmetic import multiplications, peak
from training_step import noise

from tfstargan import cli
from tfstargan.config import Config
from tfstargan.settings import Settings, setting
from tfstargan.training.distribution import choose_strategy
from tfstargan.training.loop import make_model

KINDS = {  # of an operation, by the beginning of its type
    "convolution": ("Conv2D", "_FusedConv2D", "_MklConv2D", "_MklNativeConv2D"),
    "its gradients": (
        "Conv2DBackprop",
        "_MklConv2DBackprop",
        "_MklNativeConv2DBackprop",
    ),
    "matrix product": ("MatMul", "BatchMatMul", "_MklMatMul", "_FusedMatMul", "Einsum"),
    "optimizer, averages": ("Assign", "ResourceApply", "ReadVariable", "L2Loss"),
    "sum, mean": ("Sum", "Mean", "BiasAdd", "AddN", "Max"),
    "copy": (
        *("Transpose", "Concat", "Pad", "Slice", "StridedSlice", "Tile", "Reshape"),
        *("Pack", "Unpack", "Split", "Gather", "Resize", "Broadcast", "Reverse"),
    ),
    "elementwise": (
        *("Add", "Sub", "Mul", "RealDiv", "Sqrt", "Rsqrt", "Square", "Leaky", "Select"),
        *("Pow", "Neg", "Relu", "Max", "Min", "Greater", "Exp", "Log", "Softplus"),
        *("Sigmoid", "Tanh", "Abs", "Sign", "Cast", "_Fused", "_Mkl", "Fill", "Zeros"),
    ),
}
OPERATION = re.compile(r"[\w./>-]+:(\w+)")  # its name and its type
CALLS = {"If", "PartitionedCall", "StatefulPartitionedCall", "StatelessIf", "While"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Settings):
    """The flags of this benchmark."""

    sizes: tuple[str, ...] = setting(("256",), "image sides")
    batch: int = setting(1, "images per iteration", at_least=1)
    rounds: int = setting(3, "iterations that are timed", at_least=1)


def kind_of(operation_type: str) -> str:
    """The kind of an operation."""
    if "Backprop" in operation_type:
        return "its gradients"
    for kind, beginnings in KINDS.items():
        if operation_type.startswith(beginnings):
            return kind
    return "other"


def shares(step: Callable[[], object]) -> dict[str, float]:
    """Seconds of each kind of operation while a function runs."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            step()
        space = xplane_pb2.XSpace()
        file = next(pathlib.Path(folder).rglob("*.xplane.pb"))
        space.ParseFromString(file.read_bytes())
    found: collections.Counter[str] = collections.Counter()
    for plane in space.planes:
        names = {key: value.name for key, value in plane.event_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                operation = OPERATION.fullmatch(names[event.metadata_id])
                if operation and (kind := operation[1]) not in CALLS:
                    found[kind] += event.duration_ps / 1e12
    return dict(found)


def timed(step: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Wall and processor seconds of a function, medians."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        step()
        taken.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, cpu = map(statistics.median, zip(*taken, strict=True))
    return wall, cpu


def main(config: Config, options: Options) -> None:
    """Print a table for each size."""
    for size in map(int, options.sizes):
        sized = dataclasses.replace(
            config, img_size=size, batch_size=options.batch, domains=("a", "b", "c")
        )
        model = make_model(sized, choose_strategy(sized))
        batch = tf.nest.map_structure(tf.constant, noise(sized))
        graph = tf.function(model.train_step, jit_compile=sized.jit or None)
        concrete = graph.get_concrete_function(batch)
        work = multiplications(concrete.graph) / 1e9
        rates = [peak()]

        def step(concrete=concrete, batch=batch) -> None:
            float(concrete(batch)["lambda_ds"])  # waits for the end

        step()
        wall, cpu = timed(step, options.rounds)
        parts: collections.Counter[str] = collections.Counter()
        for kind, seconds in shares(step).items():
            parts[kind_of(kind)] += seconds
        rates.append(peak())
        floor = work / max(rates)  # processor time, as the rates
        print(
            f"\n{size} px, batch {options.batch}: {wall:.3f} s, processor {cpu:.3f} s"
        )
        print(f"{work:.2f} GMAC; matrix product {max(rates):.0f} GMAC/s of a core")
        print(f"floor {floor:.3f} s of processor time, {floor / cpu:.2f} of it")
        for name, seconds in parts.most_common():
            print(f"| {name} | {100 * seconds / parts.total():.0f} % |")


if __name__ == "__main__":
    cli.start(main, Config, Options, about=__doc__)
