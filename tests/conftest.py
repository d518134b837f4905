"""Two logical processors for tests of several replicas, and a small trained run."""

import collections
import importlib.util
import os
import pathlib
from types import ModuleType

import matplotlib
import pytest
import tensorflow as tf

from tfstargan.config import Config
from tfstargan.training.loop import train_run

# Keras imports Matplotlib where it finds it. Its list of fonts, which takes seconds to
# make, stays where it is when a test points the caches elsewhere.
os.environ.setdefault("MPLCONFIGDIR", matplotlib.get_cachedir())

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, that none is begun when all else is done."""
    slow = collections.Counter(x.path for x in items if x.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def tiny(**settings: object) -> Config:
    """Return settings with which everything takes seconds."""
    small = {
        "dataset": "critters",
        "domains": ("bear", "cat", "rabbit"),
        "critters_per_domain": 5,
        "img_size": 32,
        "channel_base": 128,
        "channel_max": 12,
        "hidden_dim": 16,
        "style_dim": 6,
        "latent_dim": 5,
        "batch_size": 4,
        "iterations": 3,
        "ds_iterations": 10,
    }
    return Config(**small | settings)


def benchmark(name: str) -> ModuleType:
    """Import a script of benchmarks/."""
    file = pathlib.Path(__file__).parents[1] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return a run of three iterations on drawn animals; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    train_run(tiny(), path)
    return path
