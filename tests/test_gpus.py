"""A GPU that TensorFlow can't use is named at the start, with what to do."""

import pytest

from tfstargan.training import gpus

BUILD = {
    "is_cuda_build": True,
    "cuda_version": "12.5.1",
    "cuda_compute_capabilities": ["sm_60", "sm_70", "sm_80", "sm_89", "compute_90"],
}
SMI = """\
NVIDIA GeForce RTX 5090, 12.0, 570.86.10
NVIDIA H100 80GB HBM3, 9.0, 535.104.05
"""
BLACKWELL, HOPPER = gpus.parse(SMI)


def test_the_driver_s_table_is_read():
    assert HOPPER == ("NVIDIA H100 80GB HBM3", "9.0", "535.104.05")
    assert gpus.parse("NVIDIA-SMI has failed because it couldn't communicate\n") == []


@pytest.mark.parametrize(
    ("found", "build", "seen", "says"),
    [
        ([BLACKWELL], BUILD, 1, "no kernels for compute capability 12.0"),
        ([HOPPER, BLACKWELL], BUILD, 2, "NVIDIA GeForce RTX 5090: this TensorFlow has"),
        ([HOPPER], {"is_cuda_build": False}, 0, "pip install 'tfstargan[gpu]'"),
        ([HOPPER._replace(driver="470.57.02")], BUILD, 0, "install 525.60 or newer"),
        ([HOPPER], BUILD, 0, "TensorFlow does not find it"),
    ],
)
def test_a_gpu_that_can_t_be_used_is_one_line(found, build, seen, says):
    line = gpus.unusable(found, build, seen)
    assert says in line
    assert "\n" not in line


@pytest.mark.parametrize("capability", ["9.0", "8.6", "8.9", "7.5", "6.1"])
def test_one_that_can_be_used_is_not_named(capability):
    gpu = HOPPER._replace(capability=capability)
    assert gpus.unusable([gpu], BUILD, 1) == ""


def test_a_machine_without_a_gpu_or_with_a_hidden_one_says_nothing(monkeypatch):
    assert gpus.unusable([], BUILD, 0) == ""
    monkeypatch.setattr(gpus, "found", lambda: [BLACKWELL])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpus.warning() == ""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert "NVIDIA GeForce RTX 5090" in gpus.warning()
