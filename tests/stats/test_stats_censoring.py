"""Times that were not watched to the end, against lifelines, statsmodels, SciPy and arithmetic by hand."""

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from scipy import integrate
from scipy import stats as scipy_stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.contingency_tables import mcnemar

from hunch.stats import comparable_until, kaplan_meier, pseudo_values, reach_p, restricted_mean


def watched(seed, n=30, ties=True):
    """Times and whether the target was reached; some equal, some only known to be longer."""
    rng = np.random.default_rng(seed)
    times = rng.lognormal(3, 1, n)
    return (np.ceil(times / 5) * 5 if ties else times), rng.random(n) < 0.6


@pytest.mark.parametrize("seed", range(6))
def test_the_kaplan_meier_curve_is_that_of_statsmodels(seed):
    times, reached = watched(seed)
    at, share = kaplan_meier(times, reached)
    oracle = SurvfuncRight(times, reached.astype(float))
    assert np.allclose(at, oracle.surv_times, atol=1e-10, rtol=0)
    assert np.allclose(share, oracle.surv_prob, atol=1e-10, rtol=0)


@pytest.mark.parametrize("seed", range(6))
def test_the_kaplan_meier_curve_is_that_of_lifelines(seed):
    times, reached = watched(seed, ties=seed % 2 == 0)
    at, share = kaplan_meier(times, reached)
    oracle = KaplanMeierFitter().fit(times, reached).survival_function_at_times(at)
    assert np.allclose(share, oracle.to_numpy(), atol=1e-10, rtol=0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("until", [12.0, 25.0, 60.0])
def test_the_restricted_mean_is_the_area_under_the_curve_of_lifelines(seed, until):
    times, reached = watched(seed)
    fitted = KaplanMeierFitter().fit(times, reached)
    knots = np.unique(np.concatenate([[0.0], times[times < until], [until]]))
    area = sum(
        float(fitted.survival_function_at_times((a + b) / 2).iloc[0]) * (b - a)
        for a, b in zip(knots[:-1], knots[1:], strict=True)
    )
    assert restricted_mean(times, reached, until) == pytest.approx(area, abs=1e-10)


def test_without_censoring_before_the_budget_the_restricted_mean_is_the_mean_of_the_restricted_times():
    times, _ = watched(8, ties=False)
    until = float(np.median(times))
    assert restricted_mean(times, np.ones(len(times), bool), until) == pytest.approx(
        np.minimum(times, until).mean(), abs=1e-10
    )
    cut = np.minimum(times, until)
    assert restricted_mean(cut, times <= until, until) == pytest.approx(cut.mean(), abs=1e-10)


def test_the_restricted_mean_integrates_the_curve_up_to_the_limit_only():
    times, reached = np.array([2.0, 4.0, 6.0, 8.0]), np.array([True, False, True, False])

    def still_under_way(t):
        at, share = kaplan_meier(times, reached)
        before = share[at <= t]
        return before[-1] if len(before) else 1.0

    for until in (1.0, 2.0, 5.0, 6.0, 7.5):
        area, _ = integrate.quad(still_under_way, 0, until, points=[2.0, 6.0], limit=200)
        assert restricted_mean(times, reached, until) == pytest.approx(area, abs=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_pseudo_values_are_the_paired_differences_where_runs_are_cut_off_at_the_budget_only(seed):
    rng = np.random.default_rng(seed)
    budget, (a, b) = 25.0, rng.lognormal(3, 1, (2, 12))
    cut_a, cut_b = np.minimum(a, budget), np.minimum(b, budget)
    found = pseudo_values(cut_a, a <= budget, cut_b, b <= budget, budget)
    assert np.allclose(found, cut_b - cut_a, atol=1e-10, rtol=0)


def test_the_mean_of_pseudo_values_is_near_the_difference_of_restricted_means_under_real_censoring():
    (times_a, reached_a), (times_b, reached_b) = watched(3, 40, ties=False), watched(4, 40, ties=False)
    until = comparable_until(times_a, times_b)
    found = pseudo_values(times_a, reached_a, times_b, reached_b, until)
    difference = restricted_mean(times_b, reached_b, until) - restricted_mean(times_a, reached_a, until)
    assert abs(found.mean() - difference) < 0.05 * found.std()
    assert found.std() > 0


def test_pseudo_values_are_the_jackknife_done_by_hand():
    times_a, reached_a = np.array([1.0, 3.0, 5.0]), np.array([True, False, True])
    times_b, reached_b = np.array([2.0, 2.0, 6.0]), np.array([False, True, True])

    def difference(keep):
        a, b = (
            restricted_mean(t[keep], hit[keep], 5.0)
            for t, hit in ((times_a, reached_a), (times_b, reached_b))
        )
        return b - a

    by_hand = [3 * difference([0, 1, 2]) - 2 * difference([i for i in range(3) if i != s]) for s in range(3)]
    found = pseudo_values(times_a, reached_a, times_b, reached_b, 5.0)
    assert np.allclose(found, by_hand, atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("only_a", "only_b", "both"), [(6, 0, 3), (5, 2, 10), (4, 4, 0), (0, 1, 0), (9, 3, 7)]
)
def test_the_reach_test_is_mcnemars_exact_test(only_a, only_b, both):
    a = np.array([True] * only_a + [False] * only_b + [True] * both)
    b = np.array([False] * only_a + [True] * only_b + [True] * both)
    found = reach_p(a, b)
    assert found == pytest.approx(mcnemar([[both, only_a], [only_b, 0]], exact=True).pvalue, abs=1e-10)
    assert found == pytest.approx(scipy_stats.binomtest(only_a, only_a + only_b).pvalue, abs=1e-10)
    assert found == reach_p(b, a)


def test_a_third_of_each_arm_is_still_watched_at_the_latest_comparable_time():
    rng = np.random.default_rng(12)
    for n in (1, 2, 3, 7, 30):
        a, b = rng.lognormal(3, 1, (2, n))
        until = comparable_until(a, b)
        assert all((t >= until).mean() >= 1 / 3 for t in (a, b))
        later = np.concatenate([a, b])[np.concatenate([a, b]) > until]
        assert not any(all((t >= x).mean() >= 1 / 3 + 1e-9 for t in (a, b)) for x in later)


def test_degenerate_times_give_numbers_or_nan_and_no_warning():
    at, share = kaplan_meier([], [])
    assert at.size == share.size == 0
    assert np.isnan(restricted_mean([], [], 5.0))
    at, share = kaplan_meier([5.0] * 4, [False] * 4)
    assert at.size == share.size == 0
    assert restricted_mean([5.0] * 4, [False] * 4, 5.0) == 5.0
    assert restricted_mean([np.inf] * 3, [False] * 3, 5.0) == 5.0
    assert restricted_mean([2.0] * 4, [True] * 4, 5.0) == 2.0
    assert pseudo_values([3.0], [True], [4.0], [True], 9.0).tolist() == [1.0]
    assert pseudo_values([3.0] * 4, [True] * 4, [3.0] * 4, [True] * 4, 9.0).tolist() == [0.0] * 4
    assert reach_p([], []) == reach_p([True], [True]) == 1.0


def test_without_runs_there_is_nothing_to_compare():
    assert pseudo_values([], [], [], [], 5.0).tolist() == []
    assert np.isnan(comparable_until([], []))
