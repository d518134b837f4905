"""95 % intervals of means and shares."""

import numpy as np
import pytest

from tfstargan.metrics import intervals


def test_a_mean_of_many_has_the_interval_of_the_normal_distribution():
    values = np.random.default_rng(1).standard_normal(400)
    low, high = intervals.between(intervals.resamplings(400) @ values)
    reach = intervals.Z * values.std() / 20
    assert low == pytest.approx(values.mean() - reach, abs=0.01)
    assert high == pytest.approx(values.mean() + reach, abs=0.01)


def test_resamplings_are_shares_and_the_same_each_time():
    draws = intervals.resamplings(7)
    np.testing.assert_allclose(draws.sum(axis=1), 1)
    assert draws.shape == (intervals.RESAMPLES, 7)
    np.testing.assert_array_equal(draws, intervals.resamplings(7))


def test_the_interval_of_a_share():
    # Newcombe (1998), table I: 81 of 263, and 0 of 20.
    assert intervals.wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert intervals.wilson(0.0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert intervals.wilson(1.0, 20)[1] == 1
