"""Two logical processors for tests of several replicas, and small trained runs."""

import collections
import importlib.util
import os
import pathlib
import shutil
import signal
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import filelock
import matplotlib
import pytest

from tfstargan import cli

# As each command does, with the same options for tests before and after the first one.
cli.import_tensorflow()

import tensorflow as tf  # noqa: E402
import webpage  # noqa: E402

from tfstargan.config import Config  # noqa: E402
from tfstargan.training import loop  # noqa: E402
from tfstargan.translation import grids  # noqa: E402

# Keras imports Matplotlib where it finds it. Its list of fonts, which takes seconds to
# make, stays where it is when a test points the caches elsewhere.
os.environ.setdefault("MPLCONFIGDIR", matplotlib.get_cachedir())

# A shell's background job, and what it starts, ignores interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, that none is begun when all else is done."""
    for item in items:
        if "playwright" in item.fixturenames:
            item.add_marker("process")
    slow = collections.Counter(x.path for x in items if x.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def tiny(**settings: object) -> Config:
    """Settings with which everything takes seconds."""
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
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pathlib.Path]:
    """A function that makes a folder once for all tests, in whichever process they run.

    `once(name, make)` calls `make(path)`, unless another test did, and returns the
    path. The folder is not to be changed.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # of all workers of this session
    shared = base / "shared"
    shared.mkdir(exist_ok=True)

    def made(name: str, make: Callable[[pathlib.Path], Any]) -> pathlib.Path:
        path, done = shared / name, shared / f"{name}.done"
        with filelock.FileLock(shared / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(path, ignore_errors=True)  # of one that failed
                make(path)
                done.touch()
        return path

    return made


@pytest.fixture(scope="session")
def run_dir(once: Callable[..., pathlib.Path]) -> pathlib.Path:
    """A run of three iterations on drawn animals; not to be changed."""

    def train(path: pathlib.Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            train_eagerly(patch)
            draw_little(patch)
            loop.train_run(tiny(), path)

    return once("tiny", train)


def train_eagerly(patch: pytest.MonkeyPatch) -> None:
    """Let runs train without a graph: of few iterations, it takes most of the time."""
    make = loop.make_model

    def make_eager(*arguments: object) -> object:
        model = make(*arguments)
        model.run_eagerly = True
        return model

    patch.setattr(loop, "make_model", make_eager)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runs of a test train without a graph."""
    train_eagerly(monkeypatch)


def draw_little(patch: pytest.MonkeyPatch) -> None:
    """Let grids have one image of each of three domains, not three."""
    patch.setattr(grids, "COLUMNS", 3)


@pytest.fixture
def small_grids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sample grids of a test be small."""
    draw_little(monkeypatch)


# ---- the page of web_demo/ ----


@pytest.fixture(scope="session")
def site(run_dir: pathlib.Path, once: Callable[..., pathlib.Path]) -> pathlib.Path:
    """The site of `run_dir`; not to be changed."""
    from export.apps.site import find_litert, write_site
    from tfstargan.errors import UserError
    from tfstargan.runs.run import open_run

    try:
        find_litert()
    except UserError as error:
        pytest.skip(str(error))

    def make(path: pathlib.Path) -> None:
        run = shutil.copytree(run_dir, path / "run")  # a copy to export into
        write_site(open_run(run), path / "site", references=2)

    return once("page", make) / "site"


@pytest.fixture(scope="session")
def endpoints(site: pathlib.Path) -> Any:
    """The functions of the site's model in LiteRT."""
    from tfstargan.exported import runtime

    return runtime.load(site / "model")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    """Playwright; skips the test where it or Chromium is missing."""
    if not webpage.CHROMIUM:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    """Headless Chromium."""
    browser = playwright.chromium.launch(
        executable_path=webpage.CHROMIUM, args=webpage.FLAGS
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def address(site: pathlib.Path) -> Iterator[str]:
    """Where the site is served."""
    yield from webpage.serve(site)


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[webpage.Pages]:
    """A function that opens the page and waits for its first translation."""
    pages = webpage.Pages(browser, address)
    yield pages
    pages.close()


@pytest.fixture
def page(open_page: webpage.Pages) -> Iterator[Any]:
    """The page, which must have no errors and ask no other host."""
    page = open_page()
    yield page
    assert page.problems == []
