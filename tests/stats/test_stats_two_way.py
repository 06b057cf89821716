"""The intervals for new examples against a two-way analysis of variance done with loops, and by simulation."""

import numpy as np
import pytest
from benchmarks.error_rates import two_doubts_of_costs
from scipy import stats as scipy_stats

from hunch.stats import hall_interval, new_examples_interval, paired_interval, two_intervals


def variances_by_loops(d):
    """Mean squares of the two-way random-effects model, cell by cell, and the two variances of the mean."""
    n, m = len(d), len(d[0])
    grand = sum(sum(row) for row in d) / (n * m)
    rows = [sum(row) / m for row in d]
    columns = [sum(d[i][j] for i in range(n)) / n for j in range(m)]
    ms_rows = m * sum((r - grand) ** 2 for r in rows) / (n - 1)
    ms_columns = n * sum((c - grand) ** 2 for c in columns) / (m - 1)
    ms_rest = sum(
        (d[i][j] - rows[i] - columns[j] + grand) ** 2 for i in range(n) for j in range(m)
    ) / ((n - 1) * (m - 1))  # fmt: skip
    seed = ms_rows / (n * m)
    return grand, seed, max(seed, (ms_rows + ms_columns - ms_rest) / (n * m))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 40), (12, 7)])
def test_both_variances_are_those_of_an_analysis_of_variance_by_loops(n, m):
    d = np.random.default_rng(n).integers(-1, 2, (n, m)).astype(float)
    grand, seed, both = variances_by_loops(d.tolist())
    found = two_intervals(d, 0.05)
    assert found.mean == pytest.approx(grand, abs=1e-10)
    half = scipy_stats.t.ppf(0.975, n - 1) * seed**0.5
    wide = scipy_stats.t.ppf(0.975, min(n, m) - 1) * both**0.5
    assert np.allclose(found.here, (grand - half, grand + half), atol=1e-10, rtol=0)
    assert np.allclose(found.elsewhere, (grand - wide, grand + wide), atol=1e-10, rtol=0)


def test_the_interval_here_is_the_t_interval_of_the_seed_means():
    d = np.random.default_rng(3).normal(0.2, 1, (9, 30))
    oracle = scipy_stats.ttest_1samp(d.mean(axis=1), 0).confidence_interval(0.95)
    assert np.allclose(two_intervals(d, 0.05).here, (oracle.low, oracle.high), atol=1e-10, rtol=0)


def test_new_examples_are_never_more_certain_than_these():
    rng = np.random.default_rng(4)
    for _ in range(200):
        found = two_intervals(rng.integers(-1, 2, rng.integers(2, 8, 2)), 0.05)
        assert found.elsewhere[1] - found.elsewhere[0] >= found.here[1] - found.here[0]


def covered(n_studies=1_500, n=8, m=60, examples=0.5):
    """How often each interval holds the mean over all seeds and examples."""
    rng = np.random.default_rng(5)
    inside = np.zeros(2)
    for _ in range(n_studies):
        d = 0.1 * rng.normal(size=(n, 1)) + examples * rng.normal(size=(1, m)) + rng.normal(size=(n, m))
        found = two_intervals(d, 0.05)
        inside += [low <= 0 <= high for low, high in (found.here, found.elsewhere)]
    return inside / n_studies


def test_the_interval_for_new_examples_covers_and_the_one_for_these_does_not():
    here, elsewhere = covered()
    assert elsewhere >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 1_500)
    assert here < 0.9  # it is not meant to: these examples are all it speaks of


def error(n):
    return np.sqrt(0.05 * 0.95 / n)


def test_the_interval_for_new_examples_covers_lognormal_losses_of_correlated_arms():
    n = 400
    for n_seeds, shared in ((10, 0.5), (10, 0.9), (40, 0.5)):
        here, elsewhere = two_doubts_of_costs(n, n_seeds, 1.0, np.random.default_rng(21), shared)
        assert elsewhere <= 0.05 + 3 * error(n)
        assert here <= 0.05 + 3 * error(n)


def test_students_t_alone_would_not_cover_losses_of_a_heavy_tail_and_hall_covers_more_of_them():
    n = 300
    t, widened = (
        two_doubts_of_costs(n, 10, 1.5, np.random.default_rng(22), 0.9, widened=w)[1] for w in (False, True)
    )
    assert widened < t
    assert widened <= 0.1
    assert two_doubts_of_costs(n, 10, 2.0, np.random.default_rng(23), 0.9, widened=False)[1] > 0.15


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("n_seeds", [5, 10, 40, 80])
@pytest.mark.parametrize(("spread", "limit"), [(0.5, 0.05), (1.0, 0.05), (1.5, 0.1)])
def test_the_interval_for_new_examples_covers_lognormal_losses(spread, limit, n_seeds, shared):
    n = 2_000
    rng = np.random.default_rng([n_seeds, int(10 * spread), int(10 * shared)])
    _, elsewhere = two_doubts_of_costs(n, n_seeds, spread, rng, shared)
    print(f"spread {spread}, {n_seeds} seeds, shared {shared}: {elsewhere:.4f}")
    assert elsewhere <= limit + 3 * np.sqrt(limit * (1 - limit) / n)


def test_where_the_mean_is_not_skewed_the_interval_is_students_and_never_narrower_elsewhere():
    rng = np.random.default_rng(6)
    even = rng.normal(size=(12, 40))
    assert new_examples_interval(even, 0.05) == two_intervals(even, 0.05).elsewhere
    widened = 0
    for _ in range(200):
        d = np.exp(rng.normal(size=tuple(rng.integers(2, 30, 2))) * rng.uniform(0, 2))
        low, high = new_examples_interval(d, 0.05)
        t_low, t_high = two_intervals(d, 0.05).elsewhere
        assert low <= t_low and high >= t_high
        widened += (low, high) != (t_low, t_high)
    assert widened > 20


def test_a_long_tail_stretches_the_interval_towards_it_and_its_mirror_image_the_other_way():
    d = np.exp(np.random.default_rng(7).normal(size=(1, 50)) * 1.5) + np.zeros((8, 1))
    low, high = new_examples_interval(d, 0.05)
    found = two_intervals(d, 0.05)
    assert high - found.mean > 1.3 * (found.mean - low)
    assert new_examples_interval(-d, 0.05) == pytest.approx((-high, -low))
    assert new_examples_interval(3 * d + 2, 0.05) == pytest.approx((3 * low + 2, 3 * high + 2))


@pytest.mark.parametrize("shape", [(9, 400), (400, 9)])
def test_where_one_doubt_is_all_the_interval_is_halls_of_it(shape):
    """Seeds that differ alike on every example leave only themselves to doubt; so do examples alike at every seed."""
    rng = np.random.default_rng(9)
    few = np.exp(1.5 * rng.normal(size=9))
    d = np.broadcast_to(few[:, None] if shape[0] == 9 else few, shape)
    # Without a residual the other means do not vary at all.
    assert new_examples_interval(d, 0.05) == pytest.approx(
        tuple(float(end) for end in paired_interval(few, 0.05)), rel=1e-9
    )
    assert float(hall_interval(few, 0.05)[1]) == pytest.approx(new_examples_interval(d, 0.05)[1], rel=1e-9)


def test_degenerate_tables_give_numbers_or_nan_and_no_warning():
    for d in (np.zeros((0, 5)), np.zeros((5, 0)), np.zeros((0, 0))):
        found = two_intervals(d, 0.05)
        assert np.isnan([found.mean, *found.here, *found.elsewhere]).all()
    for d in (np.zeros((1, 5)), np.zeros((5, 1))):
        found = two_intervals(d, 0.05)
        assert found.mean == 0.0 and np.isnan([*found.here, *found.elsewhere]).all()
    assert two_intervals(np.ones((4, 4)), 0.05).elsewhere == (1.0, 1.0)
    assert new_examples_interval(np.ones((4, 4)), 0.05) == (1.0, 1.0)
    for d in (np.zeros((0, 5)), np.zeros((1, 5)), np.full((3, 3), np.inf), np.full((3, 3), np.nan)):
        assert np.isnan(new_examples_interval(d, 0.05)).all()
    assert np.isfinite(new_examples_interval(1e-200 * np.arange(12.0).reshape(3, 4) ** 6, 0.05)).all()
    holed = np.ones((4, 4))
    holed[1, 2] = np.nan
    found = two_intervals(holed, 0.05)
    assert np.isnan([found.mean, *found.here, *found.elsewhere]).all()
    holed[1, 2] = np.inf
    assert np.isnan(two_intervals(holed, 0.05).elsewhere).all()
