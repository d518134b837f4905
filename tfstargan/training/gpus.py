"""GPUs of the machine that TensorFlow can't use, named in one line.

TensorFlow itself trains on the CPU then without a word, or stops at the first kernel.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

# The oldest Linux driver for each major version of CUDA (NVIDIA, CUDA Compatibility).
DRIVERS = {"11": (450, 80), "12": (525, 60), "13": (580, 65)}
QUERY = ("--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader")


class GPU(NamedTuple):
    """A GPU as its driver names it: compute capability "12.0", driver "570.86.10"."""

    name: str
    capability: str
    driver: str


def warning() -> str:
    """A line on a GPU of this machine that TensorFlow can't use; empty if none."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return ""  # hidden on purpose
    seen = len(tf.config.list_physical_devices("GPU"))
    return unusable(found(), tf.sysconfig.get_build_info(), seen)


def found() -> list[GPU]:
    """The GPUs that NVIDIA's driver has; empty without a driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        result = subprocess.run(
            [program, *QUERY], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse(result.stdout)


def parse(text: str) -> list[GPU]:
    """The GPUs in the output of `nvidia-smi` for QUERY."""
    rows = (line.rsplit(",", 2) for line in text.splitlines())
    return [GPU(*(cell.strip() for cell in row)) for row in rows if len(row) == 3]


def unusable(gpus: Sequence[GPU], build: Mapping[str, Any], seen: int) -> str:
    """A line on the first GPU that can't be used, and what to do; empty if none.

    Args:
        gpus: those of the driver.
        build: what `tf.sysconfig.get_build_info` returns.
        seen: how many GPUs TensorFlow lists.
    """
    if not gpus:
        return ""
    gpu, cuda = gpus[0], str(build.get("cuda_version", ""))
    if not build.get("is_cuda_build"):
        return (
            f"warning: {gpu.name}: this TensorFlow is built without CUDA and trains on "
            "the CPU; pip install 'tfstargan[gpu]'"
        )
    least = DRIVERS.get(cuda.partition(".")[0], (0, 0))
    if _numbers(gpu.driver) < least:
        return (
            f"warning: {gpu.name}: its driver {gpu.driver} is too old for CUDA {cuda} "
            f"of this TensorFlow; install {'.'.join(map(str, least))} or newer"
        )
    for gpu in gpus:
        if not _has_kernels(gpu.capability, build.get("cuda_compute_capabilities", ())):
            return (
                f"warning: {gpu.name}: this TensorFlow has no kernels for compute "
                f"capability {gpu.capability} and may fail; install one that has them, "
                "or train on the CPU with CUDA_VISIBLE_DEVICES=-1"
            )
    if not seen:
        return (
            f"warning: {gpu.name}: TensorFlow does not find it and trains on the CPU; "
            "TF_CPP_MIN_LOG_LEVEL=0 shows why"
        )
    return ""


def _has_kernels(capability: str, built: Sequence[str]) -> bool:
    """Whether kernels were built for a capability, or one of its major version before.

    Args:
        capability: such as "8.6".
        built: such as "sm_80" and "compute_90"; empty: unknown.
    """
    wanted = _numbers(capability)
    numbers = [re.findall(r"(\d+)(\d)", name)[:1] for name in built]
    kernels = [(int(n[0][0]), int(n[0][1])) for n in numbers if n]
    if not kernels or len(wanted) != 2:
        return True
    return any(major == wanted[0] and minor <= wanted[1] for major, minor in kernels)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:2])
