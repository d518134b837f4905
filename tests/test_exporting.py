"""Exporting as a whole: which checkpoint and folder, all variants, the report."""

import dataclasses
import json
import pathlib
import shutil
import threading

import h5py
import numpy as np
import pytest

from export.checks import report
from export.checks.report import Entry
from export.litert import exporting
from export.litert.exporting import export_run, exported
from export.model.source import open_source
from tfstargan.errors import UserError
from tfstargan.exported import runtime
from tfstargan.exported.contract import Contract
from tfstargan.files import checksum
from tfstargan.runs import checkpoint_file
from tfstargan.runs.run import Run, open_run

pytestmark = pytest.mark.slow  # all together


@pytest.fixture(scope="module")
def folder(run_dir, tmp_path_factory) -> pathlib.Path:
    """An exported folder; not to be changed."""
    out = tmp_path_factory.mktemp("exports")
    return export_run(open_run(run_dir), report=False, out=str(out))[0]


@pytest.fixture
def run(run_dir, tmp_path) -> Run:
    """A run of one's own."""
    return open_run(shutil.copytree(run_dir, tmp_path / "run"))


def change(path: pathlib.Path) -> None:
    """Give a checkpoint another content under the same name."""
    with h5py.File(path, "r+") as file:
        file.attrs["trained"] = "again"
    checkpoint_file.write_checksum(path, path)


def seal(source: pathlib.Path, target: pathlib.Path, **fields: object) -> pathlib.Path:
    """Copy an export, its description with some fields changed."""
    shutil.copytree(source, target)
    (target / "stargan.json").unlink()
    dataclasses.replace(Contract.load(source), **fields).seal(target)
    return target


def test_apps_get_an_export_of_the_same_checkpoint_or_one_of_their_own(run, folder):
    mine = run.export_dir / "float32"
    own = run.export_dir / "apps" / "float32"
    seal(folder, mine)
    assert exported(run, "float32") == mine
    shutil.rmtree(mine)
    seal(folder, mine, batch=4)  # a user's, which stays
    before = (mine / "stargan.json").read_bytes()
    seal(folder, own)
    assert exported(run, "float32") == own
    written = (own / "stargan.tflite").stat().st_mtime_ns

    change(run.checkpoint())
    assert exported(run, "float32") == own
    assert (own / "stargan.tflite").stat().st_mtime_ns > written
    assert Contract.load(own).checkpoint == checksum(run.checkpoint())
    assert (mine / "stargan.json").read_bytes() == before


def test_a_checkpoint_that_training_replaces_is_read_from_the_next(run, monkeypatch):
    load, newest = run.load_averages, run.checkpoint()
    later = newest.with_name("iteration-0000009.weights.h5")

    def replaced(*arguments: object) -> None:
        if newest.exists():
            shutil.copy(newest, later)
            checkpoint_file.write_checksum(later, later)
            checkpoint_file.remove(newest)
        load(*arguments)

    monkeypatch.setattr(run, "load_averages", replaced)
    source = open_source(run)
    assert (source.iteration, source.checkpoint) == (9, checksum(later))
    with pytest.raises(UserError, match="no such checkpoint; there are"):
        open_source(run, 3)


def test_every_variant_is_tried_and_reported(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(exporting.FLOORS, "float16", 300.0)
    monkeypatch.setitem(exporting.FLOORS, "dynamic", 0.0)
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"float16: .* below its floor of 300") as error:
        export_run(run, ["float16", "dynamic"], out=str(out))
    assert "dynamic" not in str(error.value)
    assert Contract.load(out / "dynamic").min_runtime == "2.17.0"
    assert not (out / "float16").exists()
    assert not run.export_dir.exists()
    found = json.loads((out / "report.json").read_text())["variants"]
    assert "not written" in found["float16"]["fault"]
    assert found["dynamic"]["fault"] == ""
    assert "Oldest TensorFlow Lite" in capsys.readouterr().out
    assert '<p class="fault">float16: ' in (out / "report.html").read_text()


def test_a_folder_that_is_no_export_is_not_replaced(run, tmp_path):
    (tmp_path / "out" / "float32").mkdir(parents=True)
    with pytest.raises(UserError, match="exists already and is not an export"):
        export_run(run, report=False, out=str(tmp_path / "out"))


def test_threads_that_share_a_model_get_their_own_images(folder):
    endpoints = runtime.load(folder, threads=1)
    rng = np.random.default_rng(0)
    style = rng.standard_normal((1, 6), np.float32)
    images = [rng.uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32) for _ in range(8)]

    def translate(image: np.ndarray) -> np.ndarray:
        return endpoints["translate"](x_src=image, s=style)["x_fake"]

    expected = [translate(image) for image in images]
    wrong = []

    def work(index: int) -> None:
        for _ in range(100):
            if not np.array_equal(translate(images[index]), expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=[i]) for i in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"y": np.array([3], np.int32)}, r"y=\[3\]: labels must be from 0 to 2"),
        ({"y": np.array([-1], np.int32)}, r"y=\[-1\]: labels must be from 0 to 2"),
        ({"y": np.array([1], np.int64)}, r"y: is int64 \[1\], must be int32 \[1\]"),
        ({"z": np.zeros((2, 5), np.float32)}, r"z: is float32 \[2, 5\], must be"),
        ({"x": np.zeros(1)}, "map_latent: takes z, y; given z, y, x"),
    ],
)
def test_inputs_that_the_model_would_compute_wrongly_are_refused(folder, inputs, says):
    good = {"z": np.zeros((1, 5), np.float32), "y": np.array([1], np.int32)}
    endpoints = runtime.load(folder)
    assert endpoints["map_latent"](**good)["s"].shape == (1, 6)
    with pytest.raises(ValueError, match=says):
        endpoints["map_latent"](**good | inputs)


def test_the_contract_says_what_is_not_checked_and_how_16_bits_are_read(folder):
    described = Contract.load(folder).describe()
    label = described["signatures"]["map_latent"]["inputs"]["y"]["range"]
    assert "0 to 2; the model does not check it" in label
    assert "the upper 8 of 16 bits" in described["preprocessing"]


def entry(variant: str, psnr: float, fault: str = "") -> Entry:
    measures = {"MB": 1.5, "psnr": psnr, "ms_1_thread": 3.0}
    return Entry(variant, measures, {}, np.zeros((2, 8, 8, 3)), fault)


def test_the_report_recommends_what_was_written_and_aligns_its_columns():
    entries = [
        entry("float32", 130.0),
        entry("float16", 79.0),
        entry("mixed", 30.0, "mixed: 30.0 dB against Keras: not written"),
    ]
    best = report.recommendations(entries)
    assert {purpose: text.split()[0] for purpose, text in best.items()} == {
        "Phones": "float16",
        "Web": "float32",
        "Archive": "float32",
    }
    assert report.recommendations(entries[:1]) == {}
    lines = report.text(entries).splitlines()
    ends = {len(line) for line in lines[: 1 + 3]}
    assert len(ends) == 1
    assert "mixed: 30.0 dB against Keras: not written" in lines
