"""When a curve arrives at a target, against hand-made curves and other people's libraries."""

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from scipy import stats as scipy_stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint

from hunch.stats import (
    arrival_curve,
    arrival_times,
    clopper_pearson,
    log_restricted,
    median_time,
    reach_rate,
    restarts_time,
    restricted,
    win_probability,
)

AT = np.array([0, 10, 20, 30, 40])
NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("cost", "time"),
    [
        pytest.param([3, 2, 1, 0.5, 0.4], 15.0, id="interpolated between two evaluations"),
        pytest.param([3, 1.5, 1, 0.5, 0.4], 10.0, id="a cost equal to the target is a hit"),
        pytest.param([1, 1, 1, 1, 1], 0.0, id="reached before training"),
        pytest.param([3, 1, 3, 1, 1], 27.5, id="one lucky evaluation does not count"),
        pytest.param([3, 3, 3, 3, 1], INF, id="a hit at the last evaluation is not confirmed"),
        pytest.param([3, 3, 3, 1, 1], 27.5, id="the last but one can be"),
        pytest.param([3, 3, 3, 3, 3], INF, id="never"),
        pytest.param([NAN] * 5, INF, id="NaN never hits"),
        pytest.param([3, 1, NAN, NAN, NAN], INF, id="diverged before it was confirmed"),
        pytest.param([3, NAN, 1, 1, 1], 20.0, id="no line from a NaN: the hit itself"),
        pytest.param([3, INF, 1, 1, 1], 20.0, id="nor from infinity"),
        pytest.param([-INF, -INF, 3, 3, 3], 0.0, id="nor to minus infinity"),
    ],
)
def test_a_hit_is_two_evaluations_in_a_row_and_its_time_is_interpolated(cost, time):
    times, reached = arrival_times(AT, cost, 1.5)
    assert float(times) == time
    assert bool(reached) == np.isfinite(time)


def test_arrival_times_are_the_same_one_by_one_and_all_at_once():
    rng = np.random.default_rng(1)
    cost = 3 - np.cumsum(rng.uniform(-0.3, 0.8, (4, 7, 30)), axis=-1)
    cost[0, 0, 5:] = NAN
    at = np.cumsum(rng.integers(1, 5, 30))
    times, reached = arrival_times(at, cost, 1.0)
    for i in np.ndindex(4, 7):
        one, hit = arrival_times(at, cost[i], 1.0)
        assert (one, hit) == (times[i], reached[i])
    assert 0 < reached.mean() <= 1
    assert not reached[0, 0]


def test_many_targets_broadcast_against_the_runs():
    cost = np.array([[3.0, 2, 1, 0.5, 0.4], [3, 3, 3, 3, 3]])
    times, reached = arrival_times(AT, cost, np.array([[2.5], [1.5]]))
    assert times.tolist() == [[5.0, INF], [15.0, INF]]
    assert reached.tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize("n_evaluations", [0, 1])
def test_a_curve_too_short_to_confirm_a_hit_has_none(n_evaluations):
    times, reached = arrival_times(AT[:n_evaluations], np.zeros((3, n_evaluations)), 1.0)
    assert times.tolist() == [INF] * 3
    assert not reached.any()


def test_restricted_times_stop_at_the_budget_and_their_logs_start_at_one_iteration():
    assert restricted([5, 200, INF], 100).tolist() == [5, 100, 100]
    assert np.allclose(log_restricted([0, 0.2, 1, 50, INF], 100), np.log([1, 1, 1, 50, 100]))


def test_reach_rate_counts_what_arrived_by_the_budget():
    assert reach_rate([[5, 200, INF, 100]], 100).tolist() == [0.5]
    assert np.isnan(reach_rate([], 100))


@pytest.mark.parametrize(
    ("times", "median"),
    [
        ([30, 10, 20], 20),
        ([10, 20, 30, 40], 25),
        ([10, 20, INF, INF], INF),
        ([10, 20, 30, INF], 25),
        ([10, 150, 160], INF),
    ],
)
def test_a_median_that_is_censored_is_infinite_and_never_the_budget(times, median):
    assert median_time(times, 100) == median
    assert np.isnan(median_time([], 100))


def test_restarts_time_adds_the_cost_of_runs_that_never_reach():
    assert restarts_time([10, 30, INF, INF], 100) == (10 + 30 + 200) / 2
    assert restarts_time([INF, INF], 100) == INF
    assert np.isnan(restarts_time([], 100))


def censored_sample(seed, n=60):
    rng = np.random.default_rng(seed)
    times = np.round(rng.lognormal(4, 1, n))  # rounded, so that there are ties
    stopped = np.minimum(rng.uniform(20, 300, n), 200.0)
    return np.minimum(times, stopped), times <= stopped


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_the_arrival_curve_is_one_minus_kaplan_meier_of_lifelines_and_statsmodels(seed):
    durations, observed = censored_sample(seed)
    at, share = arrival_curve(durations, observed)
    lifelines = KaplanMeierFitter().fit(durations, observed)
    expected = 1 - lifelines.survival_function_at_times(at).to_numpy()
    assert np.allclose(share, expected, atol=1e-10, rtol=0)
    oracle = SurvfuncRight(durations, observed.astype(int))
    assert np.allclose(at[1:], oracle.surv_times[np.isin(oracle.surv_times, at)])
    assert np.allclose(1 - share[1:], oracle.surv_prob[np.isin(oracle.surv_times, at)], atol=1e-10, rtol=0)


def test_with_censoring_at_the_budget_alone_the_curve_is_the_share_that_arrived():
    times = np.array([5.0, 5, 9, 30, INF, INF])
    at, share = arrival_curve(restricted(times, 50), times <= 50)
    assert at.tolist() == [0, 5, 9, 30]
    assert np.allclose(share, [0, 2 / 6, 3 / 6, 4 / 6])


def test_the_curve_of_nothing_and_of_runs_that_start_below_the_target():
    assert [x.tolist() for x in arrival_curve([], [])] == [[0.0], [0.0]]
    at, share = arrival_curve([0.0, 0.0, 50.0], [True, True, False])
    assert at.tolist() == [0.0]
    assert np.allclose(share, [2 / 3])


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (499, 500), (1, 1)])
def test_clopper_pearson_is_that_of_statsmodels_and_scipy(hits, n):
    low, high = clopper_pearson(hits, n, 0.05)
    assert np.allclose((low, high), proportion_confint(hits, n, 0.05, method="beta"), atol=1e-10, rtol=0)
    exact = scipy_stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    assert np.allclose((low, high), (exact.low, exact.high), atol=1e-8, rtol=0)
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_win_probability_counts_ties_half_and_leaves_them_out_of_the_interval():
    won = win_probability([1, 2, 3, INF, INF], [2, 3, 1, INF, 5])
    assert (won.n_wins, won.n_losses, won.n_ties, won.share) == (2, 2, 1, 0.5)
    assert (won.low, won.high) == clopper_pearson(2, 4)
    other = win_probability([2, 3, 1, INF, 5], [1, 2, 3, INF, INF])
    assert np.isclose(won.low, 1 - other.high)
    nothing = win_probability([], [])
    assert np.isnan(nothing.share)
    assert (nothing.low, nothing.high) == (0, 1)
