"""Dose-response curves: bounds against oracles, statuses by hand, degenerate input, and the default."""

import itertools

import numpy as np
import pytest
from scipy import stats as scipy_stats

from hunch.stats import (
    DoseStatus,
    best_end,
    default_loss,
    dose_curve,
    paired_interval,
    skewness,
    t_interval,
)
from hunch.stats.dose_pairs import heavy_tailed

WORDS = {status.word: status for status in DoseStatus}


def made_up(n, k, seed=0, *, lead=(), spread=1.0):
    rng = np.random.default_rng(seed)
    seeds = rng.normal(0, 2, (*lead, n, 1))
    return rng.normal(0, 1, (*lead, n, k)) * spread + seeds + np.linspace(0, 1, k) ** 2


def words(curve):
    return [DoseStatus(code).word for code in curve.status]


@pytest.mark.parametrize("n", [5, 10, 40])
def test_bounds_of_a_pair_are_those_of_scipys_paired_t_test_where_differences_are_not_skewed(n):
    y, k = made_up(n, 6, seed=n), 6
    curve = dose_curve(y, margin=0.1)
    tested = 0
    for x in range(k):
        for j in range(k):
            if x == j:
                assert curve.lower[x, j] == curve.upper[x, j] == 0
                continue
            level = 1 - 0.05 / (k - 1)
            low = (
                scipy_stats.ttest_rel(y[:, x], y[:, j], alternative="greater").confidence_interval(level).low
            )
            high = scipy_stats.ttest_rel(y[:, x], y[:, j], alternative="less").confidence_interval(level).high
            if abs(skewness(y[:, x] - y[:, j])) <= 0.5:
                tested += 1
                assert curve.lower[x, j] == pytest.approx(low, abs=1e-10)
                assert curve.upper[x, j] == pytest.approx(high, abs=1e-10)
            else:
                assert curve.lower[x, j] <= low + 1e-10 and curve.upper[x, j] >= high - 1e-10
    assert tested >= 10


def test_bounds_of_a_skewed_pair_are_the_union_with_halls_at_most_half_as_wide_again():
    rng = np.random.default_rng(3)
    y = rng.lognormal(0, 1, (12, 9))
    curve = dose_curve(y, margin=0.1)
    assert np.array_equal(curve.upper, -curve.lower.T)
    is_capped, is_hall = 0, 0
    for x, j in itertools.permutations(range(9), 2):
        d = y[:, x] - y[:, j]
        (low, high), (t_low, t_high) = (map(float, f(d, 2 * 0.05 / 8)) for f in (paired_interval, t_interval))
        reach = 0.75 * (t_high - t_low)
        expected = max(low, d.mean() - reach), min(high, d.mean() + reach)
        assert (curve.lower[x, j], curve.upper[x, j]) == pytest.approx(expected, abs=1e-12)
        is_capped += bool(high > d.mean() + reach)
        is_hall += bool(t_high < high < d.mean() + reach)
    assert is_capped and is_hall


def test_statuses_follow_from_the_bounds_and_near_optimal_comes_first():
    y = made_up(40, 7, seed=4, lead=(50,), spread=0.2)
    curve = dose_curve(y, margin=0.25)
    off = ~np.eye(7, dtype=bool)
    upper, lower = np.where(off, curve.upper, -np.inf).max(-1), np.where(off, curve.lower, -np.inf).max(-1)
    assert np.array_equal(curve.is_near_optimal, upper <= 0.25)
    assert np.array_equal(curve.is_excluded, lower > 0)
    assert np.array_equal(curve.is_worse, lower > 0.25)
    assert np.allclose(curve.gap_high, np.maximum(upper, 0)) and np.allclose(
        curve.gap_low, np.maximum(lower, 0)
    )
    assert (curve.is_near_optimal & curve.is_excluded).any()
    assert np.array_equal(curve.status == DoseStatus.NEAR_OPTIMAL, curve.is_near_optimal)
    assert np.array_equal(curve.status == DoseStatus.EXCLUDED, curve.is_excluded & ~curve.is_near_optimal)
    assert set(np.unique(curve.status)) == {0, 1, 2}
    assert (curve.reason == "").all()


def test_many_studies_at_once_are_many_single_studies_whatever_is_unstable_in_each():
    y = made_up(10, 5, seed=5, lead=(3, 4))
    diverged = np.random.default_rng(6).choice([0.0, 0.2, 0.3], (3, 4, 5))
    together = dose_curve(y, margin=0.3, diverged=diverged)
    for at in np.ndindex(3, 4):
        alone = dose_curve(y[at], margin=0.3, diverged=diverged[at])
        for name in ("mean", "low", "plain_high", "lower", "upper", "gap_low", "gap_high", "status", "best"):
            assert np.allclose(getattr(together, name)[at], getattr(alone, name), equal_nan=True), name


def test_an_unstable_dose_changes_nothing_about_the_others():
    y = made_up(12, 5, seed=7)
    without = dose_curve(
        np.delete(y, 2, axis=1), margin=0.3, alpha=0.05 * 3 / 4
    )  # alpha is shared by all five
    display = dose_curve(np.delete(y, 2, axis=1), margin=0.3, alpha=0.05 * 4 / 5)
    y[3:, 2] = np.inf
    for diverged in (None, [0, 0, 0.21, 0, 0]):
        curve = dose_curve(y, margin=0.3, diverged=diverged)
        assert (
            words(curve)[2] == "unstable" and np.isnan(curve.mean[2]) and np.isnan(curve.lower[2]).sum() == 4
        )
        assert np.array_equal(np.delete(curve.status, 2), without.status)
        assert np.allclose(np.delete(curve.gap_high, 2), without.gap_high)
        assert np.allclose(np.delete(curve.high, 2), display.high)
    assert dose_curve(made_up(12, 5, seed=7), margin=0.3, diverged=[0, 0, 0.2, 0, 0]).is_stable.all()


@pytest.mark.parametrize(
    ("y", "diverged", "reason"),
    [
        (np.zeros((10, 4)), None, "identical"),
        (np.arange(10.0)[:, None] + np.zeros(4), None, "identical"),
        (np.arange(10.0)[:, None] + np.array([0.1, 0.2, 0.3]), None, "identical"),
        (made_up(10, 1), None, "one dose"),
        (made_up(4, 5), None, "few seeds"),
        (made_up(1, 5), None, "few seeds"),
        (np.zeros((0, 5)), None, "few seeds"),
        (np.zeros((10, 0)), None, "one dose"),
        (made_up(10, 4), [1, 1, 1, 1], "unstable"),
        (made_up(10, 4), [1, 1, 0, 1], "unstable"),
        (np.full((10, 3), np.nan), None, "unstable"),
    ],
)
def test_where_nothing_can_be_said_nothing_is_decided_and_a_word_says_why(y, diverged, reason):
    curve = dose_curve(y, margin=100.0, diverged=diverged)
    assert curve.reason == reason
    assert set(words(curve)) <= {"unknown", "unstable"}
    assert not (curve.is_near_optimal | curve.is_excluded | curve.is_worse).any()
    if y.shape[1]:
        found = default_loss(y, 0, margin=100.0, diverged=diverged)
        assert found.answer == "unknown" and found.reason == reason


def test_two_doses_with_the_same_runs_decide_nothing_about_each_other_but_can_be_excluded():
    y = made_up(20, 4, seed=8, spread=0.1) + np.array([0.0, 5.0, 5.0, 0.5])
    y[:, 2] = y[:, 1]
    curve = dose_curve(y, margin=0.3)
    assert words(curve)[1:3] == ["excluded as best"] * 2
    assert np.isinf(curve.lower[1, 2]) and np.isinf(curve.upper[1, 2]) and curve.reason == ""
    y[:, 0] = y[:, 3]
    curve = dose_curve(y, margin=10.0)
    assert not curve.is_near_optimal.any() and not curve.is_excluded[[0, 3]].any()


def test_the_display_interval_leaves_seed_effects_out_and_the_plain_one_does_not():
    y = made_up(20, 5, seed=9)
    curve = dose_curve(y, margin=0.1)
    again = dose_curve(y + np.random.default_rng(1).normal(0, 50, (20, 1)), margin=0.1)
    assert np.allclose(again.high - again.low, curve.high - curve.low)
    assert np.allclose(again.lower, curve.lower)
    assert (again.plain_high - again.plain_low > 5 * (curve.plain_high - curve.plain_low)).all()
    plain = scipy_stats.ttest_1samp(y[:, 1], 0).confidence_interval(0.95)
    assert (curve.plain_low[1], curve.plain_high[1]) == pytest.approx((plain.low, plain.high), abs=1e-10)
    centred = scipy_stats.ttest_1samp(y[:, 1] - y.mean(axis=1), 0).confidence_interval(1 - 0.05 / 5)
    assert curve.high[1] - curve.mean[1] == pytest.approx((centred.high - centred.low) / 2, abs=1e-10)


def test_the_default_uses_plain_alpha_for_yes_and_a_shared_one_for_no():
    y = made_up(15, 5, seed=10, spread=0.5)
    found = default_loss(y, 1, margin=0.5)
    highs, lows = [], []
    for j in (0, 2, 3, 4):
        low, high = paired_interval(y[:, 1] - y[:, j], 2 * 0.05)
        highs.append(float(high))
        low, high = paired_interval(y[:, 1] - y[:, j], 2 * 0.05 / 4)
        lows.append(float(low))
    assert found.high == pytest.approx(max(0, *highs), abs=1e-12)
    assert found.low == pytest.approx(max(0, *lows), abs=1e-12)
    assert found.loss == pytest.approx(y.mean(0)[1] - y.mean(0).min())
    assert default_loss(y, 1, margin=float(found.high)).answer == "yes"
    assert default_loss(y, 1, margin=float(found.high) * 0.999).answer == "unknown"
    worst = default_loss(y, -1, margin=0.2)
    assert worst.answer == "no" and worst.low > 0.2


def test_an_unstable_default_is_not_judged():
    found = default_loss(made_up(15, 5), 1, margin=9.0, diverged=[0, 1, 0, 0, 0])
    assert found.answer == "unknown" and found.reason == "unstable" and np.isnan(found.high)


def test_the_best_end_is_that_of_the_lowest_mean():
    doses = [0.5, 1.0, 0.8]
    noise = np.random.default_rng(2).normal(0, 0.01, (6, 3))
    found = [
        str(best_end(dose_curve(noise + np.array(m), margin=0.1), doses))
        for m in ([0, 1, 1], [1, 0, 1], [1, 1, 0])
    ]
    assert found == ["low", "high", "none"]
    flat = np.zeros((6, 3))
    assert best_end(dose_curve(flat, margin=0.1), doses) == "none"
    assert best_end(dose_curve(flat + np.array([0, 1, 1]), margin=0.1, diverged=[1, 0, 0]), doses) == "none"
    assert best_end(dose_curve(flat, margin=0.1, diverged=[1, 1, 1]), doses) == "none"
    assert best_end(dose_curve(flat, margin=0.1), [1.0, 1.0, 1.0]) == "none"


def test_what_cannot_be_a_curve_is_refused():
    with pytest.raises(ValueError, match="seeds, doses"):
        dose_curve([1.0, 2.0], margin=0.1)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        dose_curve(made_up(5, 3), margin=-1)
    with pytest.raises(ValueError, match="one of 3 doses, got 3"):
        default_loss(made_up(5, 3), 3, margin=0.1)


def with_far_runs(n, far, *, k=6, by=200.0):
    y = made_up(n, k, seed=11)
    y[:far, 2] += by
    return y


@pytest.mark.parametrize(
    ("n", "far", "is_marked"), [(10, 1, 0), (10, 2, 1), (20, 2, 1), (30, 2, 0), (30, 3, 1), (9, 3, 0)]
)
@pytest.mark.parametrize("k", [3, 6])
def test_a_tenth_of_the_runs_far_out_and_at_least_two_make_a_dose_unstable(n, far, is_marked, k):
    curve = dose_curve(with_far_runs(n, far, k=k), margin=0.3)
    assert curve.is_heavy_tailed.tolist() == [bool(is_marked) and j == 2 for j in range(k)]
    assert (words(curve)[2] == "unstable") is bool(is_marked)


def test_what_is_common_to_all_doses_of_a_seed_makes_none_unstable():
    y = made_up(20, 6, seed=12)
    y[:4] += 1000.0
    assert dose_curve(y, margin=0.3).is_stable.all()
    y[:4, 3] -= 100.0
    assert dose_curve(y, margin=0.3).is_heavy_tailed.tolist() == [False] * 3 + [True] + [False] * 2


def test_doses_that_diverged_do_not_sway_which_others_are_heavy_tailed():
    y = with_far_runs(20, 3)
    alone = heavy_tailed(y[:, :4], np.ones(4, dtype=bool))
    y[:, 4:] = [[np.inf, np.nan]]
    assert heavy_tailed(y, np.array([True] * 4 + [False] * 2)).tolist() == [*alone.tolist(), False, False]
    curve = dose_curve(y, margin=0.3)
    assert curve.is_stable.tolist() == [True, True, False, True, False, False]
    assert curve.is_heavy_tailed.tolist() == [False, False, True, False, False, False]


def test_neither_a_shift_nor_values_that_are_mostly_one_number_make_a_dose_unstable():
    y = made_up(20, 6, seed=13)
    assert dose_curve(y + np.arange(6) * 1e3, margin=0.3).is_stable.all()
    counts = np.zeros((20, 6))
    counts[:3, 1] = 1.0
    assert dose_curve(counts, margin=0.3).is_stable.all()


def test_exclusion_is_bonferronis_over_the_comparisons_of_a_dose():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(14)
    y = rng.normal(0, 1, (600, 12, 5)) + np.linspace(0, 0.8, 5)
    is_plain = np.abs(skewness(np.swapaxes(y[..., None] - y[..., None, :], 1, 3))).max(axis=(1, 2)) <= 0.5
    assert is_plain.sum() >= 10
    seen = set()
    for one in y[is_plain]:
        curve = dose_curve(one, margin=0.1)
        for x in range(5):
            others = [j for j in range(5) if j != x]
            p = [scipy_stats.ttest_rel(one[:, x], one[:, j], alternative="greater").pvalue for j in others]
            rejected = multitest.multipletests(p, 0.05, "bonferroni")[0]
            assert (curve.lower[x, others] > 0).tolist() == rejected.tolist()
            assert curve.is_excluded[x] == rejected.any()
            seen.add(bool(rejected.any()))
    assert seen == {True, False}
