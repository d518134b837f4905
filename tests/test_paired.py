"""Evaluation of paired data: distances to the true counterparts, and retrieval."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from commands import command, refusal
from conftest import tiny
from parity import GOLDENS, MetricsCase, formula
from PIL import Image

from tfstargan import images
from tfstargan.data.folder import Folder
from tfstargan.errors import UserError
from tfstargan.metrics import learned as learned_distances
from tfstargan.metrics import lpips, paired
from tfstargan.metrics.learned import Learned, nearest

DOMAINS = ("bear", "cat", "rabbit")
NAMES = ("one", "three", "two")


def pixels(*seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)


@pytest.fixture
def data(tmp_path) -> pathlib.Path:
    """Three domains of three pairs, in formats and folders of their own."""
    root = tmp_path / "data"
    for k, domain in enumerate(DOMAINS):
        images.save(pixels(k, 9), root / "train" / domain / "a.png")
        images.save(pixels(k, 8), root / "train" / domain / "b.png")
        for i, name in enumerate(NAMES):
            suffix = ("bmp", "png", "png")[k]
            folder = root / "val" / domain / ("deep" if k == i == 1 else "")
            images.save(pixels(k, i), folder / f"{name}.{suffix}")
    return root


class Shift:
    """A translator that adds its style to every level."""

    def __init__(self, style: int):
        self.config = tiny(domains=DOMAINS)
        self.domains = DOMAINS
        self.style = style
        self.references: list[np.ndarray] = []

    def map_latents(self, latents, domain):
        return np.full((len(latents), 1), self.style)

    def encode_styles(self, references, domain):
        self.references.append(references)
        return np.arange(len(references))[:, None]

    def apply_styles(self, sources, styles):
        self.styles = styles
        return np.clip(sources.astype(int) + styles[:, None, None], 0, 255).astype("u1")


FLAT = Learned(
    "flat",
    lambda x: x.reshape(len(x), -1).astype(float),
    lambda a, b: np.abs(a - b).mean(axis=1),
    nearest,
)


def test_pixels_and_ssim_are_those_of_each_pair_of_names(data):
    found = paired.measure(Shift(0), Folder(data, "val"), FLAT)
    row = found["pairs_latent"]["rabbit to bear"]
    away = [np.abs(pixels(2, i).astype(int) - pixels(0, i)).mean() for i in range(3)]
    assert row["pixels"] == row["flat"] == pytest.approx(np.mean(away))
    for measure in ("pixels", "ssim", "flat", "retrieval"):
        assert row[measure] == row[f"{measure}_source"]
    assert abs(row["ssim"]) < 0.1  # of noise
    assert list(found["pairs_reference"]) == [*found["pairs_latent"]]
    assert len(found["pairs_latent"]) == 7  # six pairs and the mean


def test_a_translation_that_is_the_counterpart_is_found(data):
    for k in (1, 2):  # the others as the first, 10 levels darker
        for i, name in enumerate(NAMES):
            (file,) = (data / "val" / DOMAINS[k]).rglob(f"{name}.png")
            images.save(np.clip(pixels(0, i), 10, None) - 10, file)
            images.save(np.clip(pixels(0, i), 10, None), data / f"val/bear/{name}.bmp")
    row = paired.measure(Shift(10), Folder(data, "val"), FLAT)["pairs_latent"]
    there = row["cat to bear"]
    assert (there["pixels"], there["ssim"], there["retrieval"]) == (0, 1, 1)
    assert there["pixels_source"] == pytest.approx(10)
    assert row["bear to cat"]["pixels"] > 10  # the wrong way


def test_every_figure_has_an_interval_over_names(data):
    found = paired.measure(Shift(0), Folder(data, "val"), FLAT)["pairs_latent"]
    row = found["rabbit to bear"]
    away = [np.abs(pixels(2, i).astype(int) - pixels(0, i)).mean() for i in range(3)]
    assert row["pixels_low"] < row["pixels"] < row["pixels_high"]
    assert row["pixels_low"] >= min(away)
    assert row["pixels_high"] <= max(away)
    figures = {name for name in row if not name.endswith(("_low", "_high"))}
    assert {f"{name}{end}" for name in figures for end in ("_low", "_high")} < {*row}
    # The same names are drawn for translations and sources.
    assert row["ratio_low"] == row["ratio"] == row["ratio_high"] == 1


def test_the_mean_over_pairs_draws_names_not_pairs(data):
    found = paired.measure(Shift(0), Folder(data, "val"))["pairs_latent"]
    rows = [row for name, row in found.items() if name != "mean"]
    mean = found["mean"]
    assert mean["pixels"] == pytest.approx(np.mean([row["pixels"] for row in rows]))
    widths = [row["pixels_high"] - row["pixels_low"] for row in rows]
    assert 0 < mean["pixels_high"] - mean["pixels_low"] <= np.mean(widths)


def test_an_interrupted_measurement_resumes_with_equal_results(data, tmp_path):
    def measured(translator: Shift, parts: pathlib.Path | None) -> dict:
        return paired.measure(translator, Folder(data, "val"), FLAT, parts=parts)

    class Interrupted(Shift):
        def apply_styles(self, sources, styles):
            if len(list(tmp_path.glob("parts/*"))) == 5:
                raise KeyboardInterrupt
            return super().apply_styles(sources, styles)

    whole = measured(Shift(7), None)
    with pytest.raises(KeyboardInterrupt):
        measured(Interrupted(7), tmp_path / "parts")
    rest = Shift(7)
    assert measured(rest, tmp_path / "parts") == whole
    assert len(rest.references) == 4  # of 6 pairs; those of two were measured


def test_the_reference_is_an_image_of_the_target_and_never_the_counterpart(data):
    translator = Shift(0)
    paired.measure(translator, Folder(data, "val"))
    assert len(translator.references) == 6
    np.testing.assert_array_equal(
        translator.references[0], [pixels(1, i) for i in range(3)]
    )
    styles = paired._styles(Shift(0), "reference", 0, 1, translator.references[0])
    assert (styles[:, 0] != np.arange(3)).all()


def test_names_that_do_not_pair_are_refused(data):
    (data / "val" / "cat" / "two.png").rename(data / "val" / "cat" / "2.png")
    with pytest.raises(
        UserError, match="image 'two' of bear has no counterpart in cat"
    ):
        paired.paired(Folder(data, "val"))
    shutil.copy(data / "val/bear/one.bmp", data / "val/bear/one.gif")
    with pytest.raises(UserError, match="two validation images of bear are named"):
        paired.paired(Folder(data, "val"))


def test_images_without_names_are_refused(run_dir, tmp_path):
    line = refusal(
        "tfstargan.evaluate", f"--run_dir={run_dir}", "--pairs", cwd=tmp_path
    )
    assert "--pairs: these validation images have no names" in line


@pytest.fixture
def run(run_dir, tmp_path, monkeypatch) -> pathlib.Path:
    """A run without evaluations, on a machine without networks that measure."""
    monkeypatch.setattr("importlib.util.find_spec", without_lite0())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ignore = shutil.ignore_patterns("evaluation")
    return pathlib.Path(shutil.copytree(run_dir, tmp_path / "run", ignore=ignore))


def evaluated(run: pathlib.Path, data: pathlib.Path):
    """The result of the command."""
    flags = [f"--run_dir={run}", f"--data_dir={data}", "--pairs"]
    result = command("tfstargan.evaluate", *flags, cwd=run.parent)
    assert result.returncode == 0, result.stderr
    return result


def test_the_command_writes_the_table_and_says_what_is_missing(run, data):
    result = evaluated(run, data)
    assert "NOTE: pairs have no learned distance: efficientnet-lite0" in result.stdout
    assert "pip install 'tfstargan[lite0]'" in result.stdout
    (file,) = (run / "evaluation").glob("*.json")
    row = json.loads(file.read_text())["results"]["pairs_reference"]["mean"]
    assert [name for name in row if not name.endswith(("_low", "_high"))] == [
        "pixels",
        "pixels_source",
        "ssim",
        "ssim_source",
    ]
    shown = f"{row['pixels_low']:.2f}..{row['pixels_high']:.2f}"
    assert shown in result.stdout
    assert "pairs_reference" in json.loads(file.read_text())["meaning"]


def test_parts_are_of_the_same_images_and_names_alone(run, data):
    def folders_after_evaluation() -> int:
        evaluated(run, data)
        return len([*(run / "evaluation/parts").iterdir()])

    assert [folders_after_evaluation() for _ in range(2)] == [1, 1]
    val = data / "val"
    for domain, suffix in (("bear", "bmp"), ("cat", "png"), ("rabbit", "png")):
        files = {n: next((val / domain).rglob(f"{n}.{suffix}")) for n in NAMES}
        files["one"].rename(val / domain / f"zoo.{suffix}")  # the last of the names
    assert folders_after_evaluation() == 2
    images.save(pixels(5), val / "bear" / "zoo.bmp")
    assert folders_after_evaluation() == 3


def without_lite0():
    import importlib.util

    real = importlib.util.find_spec
    return lambda name, *a: None if name.startswith("efficientnet") else real(name, *a)


def test_lpips_is_the_squared_distance_of_embeddings():
    network = lpips.alexnet()
    MetricsCase(GOLDENS / "metrics.json").set_weights("alexnet", network)
    measure = lpips.LPIPS(network)
    a, b = formula.images("a", 3, 40), formula.images("b", 3, 40)
    vectors = [np.asarray(measure.embed(x)) for x in (a, b)]
    distance = np.sum((vectors[0] - vectors[1]) ** 2, axis=1)
    np.testing.assert_allclose(distance, measure.distance(a, b), rtol=1e-4)


def test_cosines_are_about_the_mean_of_each_set(monkeypatch):
    monkeypatch.setattr(learned_distances.backbones, "find", lambda *_, **__: None)
    monkeypatch.setattr(learned_distances.backbones, "load", lambda *_: None)
    learned = learned_distances._open_lite0(4)
    a = np.eye(4)
    assert learned.nearest(a + 100, a - 5).tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(learned.distance(a, np.roll(a, 1, 0)), np.ones(4))
    np.testing.assert_allclose(learned.distance(a, 3 * a), np.zeros(4), atol=1e-12)


def test_a_picture_is_seen_at_the_size_of_the_run(data):
    picture = Image.fromarray(pixels(0, 0)).resize((80, 60))
    images.save(np.asarray(picture), data / "val" / "bear" / "one.bmp")
    found = paired.measure(Shift(0), Folder(data, "val"), limit=2)
    assert found["pairs_latent"]["bear to cat"].keys() >= {"pixels", "ssim_source"}
