"""Translating a corpus with several processes: nothing is lost, nothing done twice."""

import importlib.util
import pathlib

import numpy as np
import pytest
from PIL import Image

from tfstargan.errors import UserError
from tfstargan.translation.styles import NamedStyle

HAS_DASK = importlib.util.find_spec("distributed") is not None
if importlib.util.find_spec("apache_beam") is None:
    pytest.skip("Apache Beam is not installed", allow_module_level=True)

from dying import Dying  # noqa: E402

from tfstargan.translation import corpus  # noqa: E402

pytestmark = [
    pytest.mark.process,
    pytest.mark.all,
    pytest.mark.filterwarnings("ignore"),  # Beam's and Dask's own
]
HERE = ["--direct_num_workers=1"]
DIRECT = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
DASK = "--runner=apache_beam.runners.dask.dask_runner.DaskRunner"
needs_dask = pytest.mark.skipif(not HAS_DASK, reason="Dask is not installed")
LIST = 8  # files of a list, here


@pytest.fixture(autouse=True)
def found_by_processes(monkeypatch):
    """Beam's processes import the modules of this folder; lists are short."""
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parent), prepend=":")
    monkeypatch.setattr(corpus, "BATCH", LIST)


@pytest.fixture(scope="module")
def on_dask():
    """Options of a Dask cluster of two processes."""
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = f"--dask_client_address={cluster.scheduler_address}"
        yield [DASK, "--dask_partition_size=1", address]


@pytest.fixture
def translated(run_dir, tmp_path):
    """A function that translates some images, one of them broken, with a runner."""
    rng = np.random.default_rng(0)
    translator = corpus.load(str(run_dir))
    style = NamedStyle("a", translator.random_style("cat", 1))

    def run(count: int, options: list[str], out: str, work=corpus.Translate) -> dict:
        photos = tmp_path / f"photos{count}"
        photos.mkdir(exist_ok=True)
        for i in range(count if not any(photos.iterdir()) else 0):
            noise = rng.integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(noise).save(photos / f"{i:03}.png")
        (photos / "broken.png").write_text("not an image")
        where = corpus.places(str(run_dir), str(photos), str(tmp_path / out))
        return corpus.translate(work(where, None, [style]), where, options)

    return run


def files_of(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def numbers(report: dict) -> tuple[int, int, int]:
    return tuple(report[kind] for kind in corpus.OUTCOMES)


def check_runner(translated, tmp_path: pathlib.Path, options: list[str]) -> None:
    """A runner gives what one process gives, with any number of images."""
    for count in (1, LIST - 2, LIST - 1, LIST, 3 * LIST + 1):  # and the broken one
        assert numbers(translated(count, HERE, f"here{count}")) == (count, 0, 1)
        assert numbers(translated(count, options, f"there{count}")) == (count, 0, 1)
        here = files_of(tmp_path / f"here{count}")
        assert len(here) == count + 1
        assert files_of(tmp_path / f"there{count}") == here
    assert numbers(translated(count, options, f"there{count}")) == (0, count, 1)


def test_two_processes_of_the_direct_runner_give_the_same(translated, tmp_path):
    check_runner(translated, tmp_path, DIRECT)


def test_after_a_process_died_a_second_start_completes_the_rest(translated, tmp_path):
    count = 3 * LIST - 1  # and the broken one: every list has images to translate
    with pytest.raises(UserError, match="a worker process ended; run the same command"):
        translated(count, DIRECT, "out", Dying)
    done = len([*(tmp_path / "out").glob("*.png")])
    assert done >= LIST - 1
    report = translated(count, DIRECT, "out", Dying)
    assert numbers(report) == (count - done, done, 1)
    assert len(files_of(tmp_path / "out")) == count + 1


@needs_dask
def test_two_processes_of_dask_give_the_same(translated, tmp_path, on_dask):
    check_runner(translated, tmp_path, on_dask)


@needs_dask
def test_dask_repeats_the_work_of_a_process_that_died(translated, tmp_path, on_dask):
    count = 3 * LIST - 1
    translated_, there, bad = numbers(translated(count, on_dask, "out", Dying))
    assert (translated_ + there, bad) == (count, 1)
    assert there >= LIST - 1  # what it had written
    assert len(files_of(tmp_path / "out")) == count + 1


def test_an_unknown_runner_gets_one_line(translated):
    with pytest.raises(UserError, match=r"beam: .*runner=Nix: Unexpected pipeline"):
        translated(1, ["--runner=Nix"], "out")


def test_a_folder_without_images_is_reported_as_such(run_dir, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("nothing to see")
    where = corpus.places(str(run_dir), str(tmp_path / "photos"), str(tmp_path / "out"))
    report = corpus.translate(corpus.Translate(where, None, []), where, HERE)
    assert numbers(report) == (0, 0, 0)
