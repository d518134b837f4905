"""The measures' formulas and networks; recorded values are in test_parity.py."""

import itertools

import numpy as np
import pytest
from parity import GOLDENS, MetricsCase, formula
from PIL import Image

from tfstargan.metrics import fid, inception, lpips
from tfstargan.metrics.fid import FeatureSet

GOLDEN = GOLDENS / "metrics.json"


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def features_of(features, parts=4, **settings):
    stream = FeatureSet(len(features), **settings)
    for part in np.array_split(features, parts):
        stream.add(part)
    return stream


# Features


def test_streamed_moments_are_numpy_s():
    features = noise(103, 7) @ noise(7, 7, seed=1) + 50  # far from 0: sums would cancel
    for parts in (1, 5, 103):
        stream = features_of(features, parts)
        exact = features.astype(np.float64)
        np.testing.assert_allclose(stream.mean, exact.mean(axis=0), rtol=1e-14)
        expected = np.cov(exact, rowvar=False)
        np.testing.assert_allclose(stream.covariance, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(stream.features, features)


def test_the_sample_is_spread_evenly_however_the_features_come():
    features = noise(103, 3)
    for parts in (1, 5, 103):
        stream = features_of(features, parts, keep=30)
        np.testing.assert_array_equal(stream.features, features[::4])


def test_a_saved_set_is_read_as_it_was(tmp_path):
    stream = features_of(noise(20, 5))
    stream.save(tmp_path / "cache" / "set.npz")
    again = FeatureSet.load(tmp_path / "cache" / "set.npz")
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["set.npz"]
    assert again.count == 20
    np.testing.assert_array_equal(again.mean, stream.mean)
    np.testing.assert_array_equal(again.covariance, stream.covariance)
    np.testing.assert_array_equal(again.features, stream.features)


@pytest.mark.parametrize("count", [300, 11])  # 11: of rank 10 in 40 dimensions
def test_the_frechet_distance_of_a_set_to_itself_is_0(count):
    one = features_of(5 * noise(count, 40) + 3)
    assert fid.frechet_distance(one, one) == pytest.approx(0, abs=1e-6)


def test_the_frechet_distance_of_a_set_to_itself_moved_is_the_squared_way():
    a = noise(30, 40)
    way = noise(40, seed=1)
    distance = fid.frechet_distance(features_of(a), features_of(a + way))
    assert distance == pytest.approx(np.sum(way**2), rel=1e-5)


def test_the_frechet_distance_is_that_of_the_matrix_root_and_symmetric():
    a, b = noise(60, 5), noise(50, 5, seed=1) @ noise(5, 5, seed=2) + 1
    sets = features_of(a), features_of(b)
    c, d = (np.cov(x.astype(np.float64), rowvar=False) for x in (a, b))
    root = np.sqrt(np.linalg.eigvals(c @ d)).real.sum()
    mean = np.sum((a.mean(0) - b.mean(0)) ** 2)
    expected = mean + np.trace(c) + np.trace(d) - 2 * root
    assert fid.frechet_distance(*sets) == pytest.approx(expected, rel=1e-5)
    assert fid.frechet_distance(*sets[::-1]) == pytest.approx(expected, rel=1e-5)


def test_kid_is_the_mean_of_its_kernel_without_pairs_of_the_same(monkeypatch):
    monkeypatch.setattr(fid, "KID_SUBSETS", 3)
    a, b = noise(8, 6), noise(10, 6, seed=1) + 1
    rng = np.random.default_rng(9)
    values = []
    for _ in range(3):
        x, y = (rng.choice(s, 4, replace=False, shuffle=False) for s in (a, b))

        def k(u, v):
            return (u @ v / 6 + 1) ** 3

        same = [
            np.mean([k(u, v) for u, v in itertools.permutations(s, 2)]) for s in (x, y)
        ]
        values.append(sum(same) - 2 * np.mean([k(u, v) for u in x for v in y]))
    expected = np.mean(values), np.std(values, ddof=1)
    np.testing.assert_allclose(fid.kernel_distance(a, b, seed=9), expected, rtol=1e-5)


def test_kid_is_unbiased_where_fid_is_not():
    same = [noise(60, 20, seed=i) for i in range(2)]
    kid, deviation = fid.kernel_distance(*same)
    assert abs(kid) < deviation / 2
    assert fid.frechet_distance(*map(features_of, same)) > 1
    kid, deviation = fid.kernel_distance(same[0], same[1] + 1)
    assert kid > 10 * deviation


def test_precision_and_recall_tell_quality_from_coverage(monkeypatch):
    monkeypatch.setattr(fid, "ROWS", 7)  # in several parts
    real = noise(80, 3)
    assert fid.precision_recall(real, real) == (1, 1)
    assert fid.precision_recall(real, real + 100) == (0, 0)
    alike = 0.05 * noise(40, 3, seed=1)  # all of them near the middle
    precision, recall = fid.precision_recall(real, alike)
    assert precision > 0.9
    assert recall < 0.2
    assert fid.precision_recall(alike, real) == (recall, precision)


# LPIPS


@pytest.fixture(scope="module")
def distance():
    network = lpips.alexnet()
    MetricsCase(GOLDEN).set_weights("alexnet", network)
    return lpips.LPIPS(network)


def test_lpips_is_symmetric_and_0_on_equal_images(distance):
    a, b = formula.images("a", 3, 40), formula.images("b", 3, 40)
    there, back = distance.distance(a, b).numpy(), distance.distance(b, a).numpy()
    np.testing.assert_array_equal(there, back)
    assert (there > 0.01).all()
    # not quite 0: a convolution may round otherwise at another place in the batch
    np.testing.assert_allclose(distance.distance(a, a), np.zeros(3), atol=1e-12)


def test_the_mean_lpips_of_a_group_is_that_of_its_pairs(distance):
    groups = formula.images("groups", 8, 35).reshape(2, 4, 35, 35, 3)
    pairs = [
        distance.distance(groups[:, i], groups[:, j]).numpy()
        for i, j in itertools.combinations(range(4), 2)
    ]
    found = distance.mean_distance(groups)
    np.testing.assert_allclose(found, np.mean(pairs, axis=0), rtol=1e-6)


def test_alexnet_has_torchvision_s_sizes():
    shapes = [tuple(x.shape) for x in lpips.alexnet()(np.zeros((2, 224, 224, 3)))]
    sides, channels = (55, 27, 13, 13, 13), (64, 192, 384, 256, 256)
    expected = [(2, n, n, c) for n, c in zip(sides, channels, strict=True)]
    assert shapes == expected
    assert [w.shape for w in lpips.linear_weights()] == [(c,) for c in channels]
    assert all((w >= 0).all() for w in lpips.linear_weights())


# Inception


@pytest.mark.slow
def test_the_network_of_2015_has_the_pools_that_tensorflow_s_had():
    """Recorded from torchvision's modules in PyTorch, their pools exchanged."""
    recorded = np.load(GOLDEN.with_name("inception_2015.npz"))["features"]
    network = inception.tensorflow_2015_trunk()
    MetricsCase(GOLDEN).set_weights("inception_v3", network)
    found = network(formula.images("inception_2015", 2, 299))[:, ::16].numpy()
    assert np.abs(found - recorded).max() < 3e-6 * np.abs(recorded).max()


def photograph(width, height):
    pixels = formula.images("photograph", 1, max(width, height))[0, :height, :width]
    return Image.fromarray(np.uint8(pixels * 127.5 + 127.5))


def test_reference_pictures_are_squeezed_in_two_steps_of_8_bits():
    picture = photograph(90, 70)
    seen = inception.prepare_reference(picture, 64)
    steps = picture.resize((64, 64), Image.Resampling.BILINEAR)
    steps = steps.resize((299, 299), Image.Resampling.BILINEAR)
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = (np.asarray(steps) / 255 - mean) / deviation
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_clean_pictures_are_resized_once_and_not_rounded():
    picture = photograph(299, 299)
    seen = inception.prepare_clean(picture, 64)
    expected = (np.asarray(picture, np.float32) - 128) / 128
    np.testing.assert_array_equal(seen, expected)
    levels = inception.prepare_clean(photograph(90, 70), 64) * 128 + 128
    assert levels.shape == (299, 299, 3)
    assert levels.min() >= 0
    assert levels.max() <= 255
    assert np.mean(np.abs(levels - levels.round()) > 0.01) > 0.9
