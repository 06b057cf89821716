"""Intervals and the sign-flip test against oracles, by exact arithmetic, and on degenerate input."""

import itertools

import numpy as np
import pytest
from scipy import stats as scipy_stats

from hunch.stats import (
    all_equal,
    hall_interval,
    paired_interval,
    pairing_correlation,
    seeds_for_direction,
    seeds_for_equivalence,
    seeds_for_sign_flip,
    sign_flip_p,
    skewness,
    smallest_sign_flip_p,
    t_interval,
)


@pytest.mark.parametrize("n", [2, 5, 20, 80])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6])
def test_the_t_interval_is_that_of_scipy(n, alpha):
    d = np.random.default_rng(n).normal(0.3, 1, n)
    expected = scipy_stats.ttest_1samp(d, 0).confidence_interval(1 - alpha)
    assert np.allclose(t_interval(d, alpha), (expected.low, expected.high), atol=1e-10, rtol=0)


def test_skewness_is_that_of_scipy_and_no_power_of_a_tiny_number_underflows():
    d = np.random.default_rng(5).gamma(1.0, size=(4, 12))
    assert np.allclose(skewness(d), scipy_stats.skew(d, axis=-1), atol=1e-10, rtol=0)
    assert np.allclose(skewness(d * 1e-150), skewness(d))


@pytest.mark.parametrize("shape", [0.2, 1.0, 30.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_ends_of_halls_interval_are_where_the_cubic_equals_the_t_quantile(shape, sign):
    d = sign * np.random.default_rng(6).gamma(shape, size=15)
    n, g, spread = len(d), skewness(d), d.std(ddof=1)
    for end, quantile in zip(hall_interval(d, 0.05), (0.975, 0.025), strict=True):
        u = (d.mean() - end) / spread
        cubic = np.sqrt(n) * (u + g * u**2 / 3 + g**2 * u**3 / 27 + g / (6 * n))
        assert np.isclose(cubic, scipy_stats.t.ppf(quantile, n - 1), atol=1e-9)


def test_halls_interval_of_symmetric_differences_is_the_t_interval():
    d = np.array([-2.0, -1, 0, 1, 2]) + 0.7
    assert np.allclose(hall_interval(d, 0.05), t_interval(d, 0.05), atol=1e-9)


def test_the_interval_is_widened_only_where_the_differences_are_skewed():
    rng = np.random.default_rng(7)
    d = np.concatenate([rng.normal(size=(40, 12)), rng.lognormal(0, 1, (40, 12))])
    (low, high), (t_low, t_high), (h_low, h_high) = (
        f(d, 0.05) for f in (paired_interval, t_interval, hall_interval)
    )
    skewed = np.abs(skewness(d)) > 0.5
    assert 0 < skewed.sum() < len(d)
    assert np.array_equal(low[~skewed], t_low[~skewed])
    assert np.array_equal(high[~skewed], t_high[~skewed])
    assert np.array_equal(low[skewed], np.minimum(t_low, h_low)[skewed])
    assert np.array_equal(high[skewed], np.maximum(t_high, h_high)[skewed])
    assert (high - low > t_high - t_low).any()


@pytest.mark.parametrize("interval", [t_interval, hall_interval, paired_interval])
def test_swapping_the_arms_mirrors_the_interval(interval):
    d = np.random.default_rng(8).lognormal(size=(5, 9))
    low, high = interval(d, 0.05)
    mirror_low, mirror_high = interval(-d, 0.05)
    assert np.allclose(low, -mirror_high)
    assert np.allclose(high, -mirror_low)


def flips_by_hand(d):
    sums = [abs(sum(s * x for s, x in zip(signs, d, strict=True))) for signs in
            itertools.product([1, -1], repeat=len(d))]  # fmt: skip
    return np.mean([s >= abs(sum(d)) - 1e-12 for s in sums])


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_the_sign_flip_p_value_counts_every_flip(n):
    d = np.random.default_rng(n).integers(-4, 6, n).astype(float)  # integers, so that sums tie
    assert sign_flip_p(d) == flips_by_hand(d.tolist())


def test_the_exact_p_value_is_that_of_scipy_up_to_fourteen_seeds():
    d = np.random.default_rng(10).normal(0.4, 1, 14)
    oracle = scipy_stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert np.isclose(sign_flip_p(d), oracle.pvalue, atol=1e-10)


def test_beyond_fourteen_seeds_the_drawn_flips_come_near_the_exact_p_value():
    d = np.random.default_rng(11).normal(0.5, 1, 16)
    assert abs(float(sign_flip_p(d)) - flips_by_hand(d.tolist())) < 0.01


def test_drawn_flips_are_the_same_on_every_machine():
    d = np.random.default_rng(12).integers(-5, 8, 30).astype(float)
    assert float(sign_flip_p(d)) == pytest.approx(0.44325567443255676, abs=1e-12)


@pytest.mark.parametrize("n", [10, 40])
def test_the_p_value_depends_on_neither_the_order_of_seeds_nor_which_arm_comes_first(n):
    rng = np.random.default_rng(13)
    d = rng.normal(0.3, 1, n)
    assert sign_flip_p(d) == sign_flip_p(-d) == sign_flip_p(rng.permutation(d))


@pytest.mark.parametrize("n", [7, 20])
def test_many_studies_at_once_are_many_single_studies(n):
    d = np.random.default_rng(14).normal(0.3, 1, (600, n))
    p = sign_flip_p(d.reshape(2, 300, n))
    assert p.shape == (2, 300)
    assert p.reshape(-1)[[0, 599]].tolist() == [sign_flip_p(d[0]), sign_flip_p(d[599])]


@pytest.mark.parametrize("n", [5, 8, 14, 15, 40])
def test_the_smallest_p_value_is_reached_when_all_differences_agree(n):
    floor = smallest_sign_flip_p(n)
    assert sign_flip_p(np.full(n, 0.3)) == floor
    assert floor == 2 / 2**n if n <= 14 else 1 / 10_001 <= floor <= 3 / 10_001


def test_the_sign_flip_floor_says_how_many_seeds_a_share_of_alpha_needs():
    assert [seeds_for_sign_flip(0.05 / k) for k in (1, 2, 6, 400)] == [6, 7, 8, 14]
    assert 15 < seeds_for_sign_flip(0.05 / 500) < 25
    assert seeds_for_sign_flip(0.05 / 1000) is None


@pytest.mark.parametrize("n", [6, 9])
def test_the_sign_flip_test_is_exact_for_exchangeable_pairs(n):
    rng = np.random.default_rng(15)
    d = rng.lognormal(0, 1.5, (20_000, n)) * rng.choice([-1, 1], (20_000, n))
    p = sign_flip_p(d)
    for alpha in (0.05, 0.1, 0.25):
        attainable = np.floor(alpha * 2 ** (n - 1)) / 2 ** (n - 1)  # p is a multiple of 2/2^n
        rate = (p <= alpha).mean()
        assert abs(rate - attainable) <= 4 * np.sqrt(alpha * (1 - alpha) / len(d))


def test_all_equal_sees_through_rounding_only():
    assert all_equal([[0.1 + 0.2, 0.3], [0.3, 0.3001], [0.0, 0.0], [0.0, 1e-30]]).tolist() == [
        True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("d", "low_is_nan"),
    [([], True), ([1.0], True), ([0.0] * 6, False), ([2.0] * 6, False), ([np.nan] * 6, True)],
)
def test_degenerate_differences_give_numbers_or_nan_and_no_warning(d, low_is_nan):
    for interval in (t_interval, hall_interval, paired_interval):
        assert np.isnan(interval(d, 0.05)[0]) == low_is_nan
    assert np.isfinite(seeds_for_direction(d, 0.05)) == (len(d) == 6 and d[0] == 2.0)
    p = float(sign_flip_p(d))
    assert np.isnan(p) if not d or np.isnan(d[0]) else 0 < p <= 1
    if d and d[0] == 0.0:
        assert p == 1.0


def test_projected_seeds_follow_their_formulas():
    d = np.random.default_rng(16).normal(0.5, 1, 10)
    t, s = scipy_stats.t.ppf(0.975, 9), d.std(ddof=1)
    assert np.isclose(seeds_for_direction(d, 0.05), ((t + 0.84) * s / d.mean()) ** 2)
    assert np.isclose(seeds_for_equivalence(d, 0.05, 0.3), 10.5 * (s / 0.3) ** 2, rtol=2e-3)
    assert seeds_for_direction([-1.0, 1.0], 0.05) == np.inf
    assert np.isnan(seeds_for_equivalence([1.0], 0.05, 0.3))


def test_pairing_correlation_is_pearsons_and_nan_where_nothing_varies():
    rng = np.random.default_rng(17)
    a = rng.normal(size=12)
    b = a + rng.normal(size=12)
    assert np.isclose(pairing_correlation(a, b), np.corrcoef(a, b)[0, 1])
    assert np.isnan(pairing_correlation(np.ones(12), b))
    assert np.isnan(pairing_correlation([1.0, 2.0], [2.0, 1.0]))
