"""The ratio of scatter over seeds under two knobs, by the jackknife."""

import math

import numpy as np
import pytest

from hunch.stats import noise_ratio
from hunch.stats.dose_noise import scatter


def test_scatter_is_the_mean_variance_over_seeds_and_keeps_seed_effects():
    y = np.random.default_rng(1).normal(size=(30, 4))
    assert scatter(y) == pytest.approx(np.mean([np.var(y[:, k], ddof=1) for k in range(4)]), rel=1e-12)
    assert scatter(y + np.array([5.0, -3.0, 0.0, 9.0])) == pytest.approx(scatter(y), rel=1e-9)
    assert scatter(y + 10 * np.arange(30)[:, None]) > 100 * scatter(y)


def test_the_ratio_is_that_of_standard_deviations():
    y = np.random.default_rng(2).normal(size=(25, 6))
    found = noise_ratio(3 * y, y)
    assert found.log_ratio == pytest.approx(math.log(3), rel=1e-12)
    assert found.low == pytest.approx(math.log(3))
    assert found.high == pytest.approx(math.log(3)), "one is the other times three, at every seed"


@pytest.mark.parametrize(
    ("draw", "limit"),
    [
        (lambda rng, size: rng.normal(size=size), 0.05),
        (lambda rng, size: rng.standard_t(4, size=size), 0.065),
        (lambda rng, size: rng.exponential(size=size), 0.075),
    ],
    ids=["gauss", "t4", "exponential"],
)
def test_equal_noise_is_told_apart_about_as_often_as_stated(draw, limit):
    rng, n_studies = np.random.default_rng(3), 600
    wrong = 0
    for _ in range(n_studies):
        found = noise_ratio(draw(rng, (20, 7)), draw(rng, (20, 7)))
        wrong += not found.low <= 0 <= found.high
    assert wrong / n_studies <= limit + 3 * math.sqrt(limit * (1 - limit) / n_studies)


def test_unequal_noise_is_found():
    rng = np.random.default_rng(4)
    found = [noise_ratio(2 * rng.normal(size=(20, 7)), rng.normal(size=(20, 7))) for _ in range(50)]
    assert sum(f.low > 0 for f in found) >= 48


def test_what_says_nothing():
    few = noise_ratio(np.random.default_rng(5).normal(size=(9, 3)), np.ones((9, 3)))
    assert few.reason == "few seeds"
    assert (few.low, few.high) == (-math.inf, math.inf)
    still = noise_ratio(np.ones((12, 3)), np.random.default_rng(6).normal(size=(12, 3)))
    assert still.reason == "no noise"
    with pytest.raises(ValueError, match="on the same seeds"):
        noise_ratio(np.ones((12, 3)), np.ones((11, 3)))
