"""Widths, shares of the range, tunability and a common span, by hand."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from hunch.stats import cell_shares, chance_near_optimal, common_span, dose_curve, dose_widths, tunability


def curve_of(means, *, n=10, noise=1e-3, margin=0.3, seed=0, **more):
    y = np.array(means) + np.random.default_rng(seed).normal(0, noise, (n, len(means)))
    return dose_curve(y, margin=margin, **more)


def test_widths_are_spans_of_doses_on_the_knobs_scale():
    curve = curve_of([1.0, 0.2, 0.0, 0.1, 1.0])
    linear = dose_widths(curve, [0.2, 0.4, 0.6, 0.8, 1.0])
    assert (linear.inner.low, linear.inner.high, linear.inner.n_doses) == (0.4, 0.8, 3)
    assert linear.inner.width == pytest.approx(0.4) and linear.outer.width == pytest.approx(0.4)
    assert linear.best.width == 0 and linear.best.low == 0.6
    log = dose_widths(curve, [1e-5, 1e-4, 1e-3, 1e-2, 1e-1], scale="log")
    assert log.inner.width == pytest.approx(2.0)


def test_dose_0_of_a_log_scale_is_told_apart_and_has_no_width():
    found = dose_widths(curve_of([0.0, 0.1, 0.0, 1.0]), [0.0, 1e-4, 1e-3, 1e-2], scale="log").inner
    assert found.has_zero and found.n_doses == 3 and found.width == pytest.approx(1.0) and found.low == 1e-4
    alone = dose_widths(curve_of([0.0, 1.0, 1.0]), [0.0, 1e-3, 1e-2], scale="log").inner
    assert alone.has_zero and alone.width == 0 and np.isnan(alone.low) and alone.n_doses == 1
    linear = dose_widths(curve_of([0.0, 0.1, 1.0]), [0.0, 0.5, 1.0]).inner
    assert not linear.has_zero and linear.width == 0.5


def test_an_empty_set_has_no_width_and_the_outer_span_holds_the_other_two():
    rng = np.random.default_rng(1)
    y = rng.normal(0, 0.4, (300, 10, 7)) + np.linspace(-1, 1, 7) ** 2
    curve = dose_curve(y, margin=0.3)
    found = dose_widths(curve, np.linspace(0.4, 1, 7))
    assert np.isnan(found.inner.width[found.inner.n_doses == 0]).all() and (found.inner.n_doses == 0).any()
    for other in (found.inner, found.best):
        has = other.n_doses > 0
        assert (found.outer.low[has] <= other.low[has]).all()
        assert (found.outer.high[has] >= other.high[has]).all()


def test_a_share_is_the_part_of_the_range_that_is_nearest_to_a_dose():
    assert cell_shares([1.0, 0.5, 0.6]) == pytest.approx([0.4, 0.1, 0.5])
    assert cell_shares([0.0, 1e-4, 1e-3, 1e-2], scale="log") == pytest.approx([0, 0.25, 0.5, 0.25])
    assert cell_shares([0.5, 0.6], ends=(0.0, 1.0)) == pytest.approx([0.55, 0.45])
    assert cell_shares([0.5, 0.5, 1.0]) == pytest.approx([0.25, 0.25, 0.5])
    assert cell_shares([0.7]).tolist() == [1.0] and cell_shares([0.0], scale="log").tolist() == [0.0]
    draws = 10 ** np.random.default_rng(2).uniform(-4, -1, 200_000)
    doses = np.array([1e-4, 3e-4, 1e-2, 1e-1])
    nearest = np.abs(np.log10(draws)[:, None] - np.log10(doses)).argmin(axis=1)
    assert cell_shares(doses, scale="log") == pytest.approx(np.bincount(nearest) / len(draws), abs=0.005)


def test_the_chance_of_a_draw_counts_certified_cells_and_those_not_shown_to_be_worse():
    shares = cell_shares([0.5, 0.6, 1.0])
    assert [float(x) for x in chance_near_optimal(curve_of([0.0, 0.2, 1.0]), shares)] == pytest.approx(
        [0.6, 0.6]
    )
    noisy = curve_of([0.0, 0.2, 9.0], noise=1.0)
    assert [float(x) for x in chance_near_optimal(noisy, shares)] == pytest.approx([0.0, 0.6])
    unstable = curve_of([0.0, 0.2, 0.1], diverged=[0, 0, 0.5])
    assert [float(x) for x in chance_near_optimal(unstable, shares)] == pytest.approx([0.6, 0.6])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cell_shares([-1.0, 1.0], scale="log"), "at least 0 on the log scale"),
        (lambda: cell_shares([0.5, 1.0], ends=(1.0, 0.5)), "ends must be a range"),
        (lambda: cell_shares([0.5, 1.0], scale="log", ends=(0.0, 0.5)), "ends must be a range"),
        (lambda: dose_widths(curve_of([0.0, 1.0]), [0.5]), "doses must be 2 of numbers"),
        (lambda: tunability(np.zeros((5, 2)), n=1), "at least 2 seeds, got 1"),
        (lambda: tunability(np.zeros(5)), "seeds, doses"),
        (
            lambda: common_span(curve_of([0, 1]), [1, 1], curve_of([0, 1]), [1, 2]),
            "all be different",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_tunability_is_the_spread_over_the_half_width_of_the_two_way_residuals():
    rng = np.random.default_rng(3)
    y = rng.normal(0, 1, (12, 5)) + rng.normal(0, 9, (12, 1)) + np.arange(5)
    found = tunability(y)
    residual = y - y.mean(0) - y.mean(1, keepdims=True) + y.mean()
    sd = np.sqrt((residual**2).sum() / (11 * 4))
    half = scipy_stats.t.ppf(1 - 0.05 / 10, 11) * sd / np.sqrt(12)
    assert found.half_width == pytest.approx(half, abs=1e-10)
    assert found.value == pytest.approx(np.ptp(y.mean(0)) / half, abs=1e-10)
    assert 0 < found.low < found.value < found.high
    assert tunability(y, n=48).half_width < half / 2 < half and tunability(y, n=48).spread == found.spread
    within = [True, True, True, False, False]
    part = tunability(y, within=within)
    assert part.spread == pytest.approx(np.ptp(y[:, :3].mean(0)))
    assert np.isnan(tunability(y, within=[True] + [False] * 4).value)
    assert np.isnan(tunability(np.zeros((5, 3))).value) and np.isnan(tunability(np.zeros((0, 3)), n=5).value)
    assert tunability(np.stack([y, y + 1.0])).value == pytest.approx([float(found.value)] * 2)


def test_a_common_span_cuts_the_wider_knob_and_says_where_between_two_doses():
    wide, low = curve_of([4, 2, 0, 1, 4.0], noise=0), curve_of([3, 1, 2.0, 3.0], noise=0)
    found = common_span(wide, [0.2, 0.4, 0.6, 0.8, 1.0], low, [0.0, 1e-4, 1e-3, 1e-2])
    assert found.span == 2 and found.first.tolist() == [False, True, True, True, False]
    assert [float(x) for x in found.first_ends] == pytest.approx([0.4, 0.8 + 0.2 / 3])
    assert found.second.all() and [float(x) for x in found.second_ends] == pytest.approx([0.0, 1e-2])
    log = common_span(
        low, [0.0, 1e-4, 1e-3, 1e-2], curve_of([0, 0.5, 0.5], noise=0), [1, 2, 3], scales=("log", "linear")
    )
    assert log.first.tolist() == [False, True, False, False]
    assert [float(x) for x in log.first_ends] == pytest.approx([1e-4, 10**-3.5])  # no line from 1e-4 to 0


def test_a_range_ends_at_an_unstable_dose_and_a_dip_beyond_a_rise_is_left_out():
    first = curve_of([0.1, 9.0, 0.0, 0.2, 0.3], noise=0, diverged=[0, 0, 0, 0, 1])
    second = curve_of([1.0, 0.0], noise=0)
    found = common_span(first, [1, 2, 3, 4, 5.0], second, [1, 2.0], scales=("linear", "linear"))
    assert found.span == 1 and found.first.tolist() == [False, False, True, True, False]
    assert [float(x) for x in found.first_ends] == pytest.approx([3 - 1 / 9, 4])
    none = common_span(curve_of([0, 1.0], diverged=[1, 1]), [1, 2.0], second, [1, 2.0])
    assert not none.first.any() and np.isnan(none.span) and np.isnan(none.first_ends[0])


def test_doses_that_differ_by_a_constant_leave_no_noise_to_measure_by():
    y = 0.1 + np.arange(12)[:, None] + np.array([0.0, 0.3, 0.7])
    assert np.isnan(tunability(y).value)
    assert not np.isnan(tunability(y + 1e-3 * np.random.default_rng(1).normal(size=y.shape)).value)
