"""Numbers that make no sense: every function of differences answers NaN or says nothing, and never warns."""

import numpy as np
import pytest

from hunch.stats import (
    Decision,
    all_equal,
    bets_won,
    betting_interval,
    decide_paths,
    hall_interval,
    is_futile,
    mixture_interval,
    paired_interval,
    pairing_correlation,
    seeds_for_direction,
    seeds_for_equivalence,
    sign_flip_p,
    skewness,
    t_interval,
    two_intervals,
    variance_factor,
)

INTERVALS = [t_interval, hall_interval, paired_interval, mixture_interval]
NOT_FINITE = [
    [np.nan] * 6,
    [np.inf] * 6,
    [-np.inf, np.inf, 1.0, 2.0, 3.0, 4.0],
    [1.0, 2.0, 3.0, 4.0, np.nan, 5.0],
]


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("d", [[], [1.0], *NOT_FINITE])
def test_an_interval_of_too_few_differences_or_of_any_that_is_not_finite_is_nan(interval, d):
    assert np.isnan(interval(d, 0.05)).all()
    assert np.isnan(interval([d, d], 0.05)).all() and np.shape(interval([d, d], 0.05)) == (2, 2)


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("value", [0.0, 0.3, -2.0, 1e-300])
def test_an_interval_of_equal_differences_is_where_they_are(interval, value):
    low, high = interval([value] * 8, 0.05)
    assert low == pytest.approx(value) and high == pytest.approx(value)


@pytest.mark.parametrize("d", NOT_FINITE)
def test_tests_and_projections_of_differences_that_are_not_finite_are_nan(d):
    assert np.isnan(sign_flip_p(d))
    assert np.isnan(skewness(d))
    assert not all_equal(d)
    assert np.isnan(seeds_for_direction(d, 0.05)) and np.isnan(seeds_for_equivalence(d, 0.05, 0.1))
    assert np.isnan(pairing_correlation(d, d)) and np.isnan(variance_factor(d, d))
    assert not is_futile(d, margin=0.1, n_max=40, level=0.05)
    assert np.isnan([*two_intervals([d, d], 0.05).here, *two_intervals([d, d], 0.05).elsewhere]).all()


@pytest.mark.parametrize("mode", ["planned", "anytime", "robust"])
@pytest.mark.parametrize("d", [[], [1.0], [0.0] * 6, [np.nan] * 6, [0.5, 0.6, 0.5, 0.6, 0.5, np.nan]])
def test_degenerate_differences_decide_nothing(mode, d):
    found = decide_paths([d, d], margin=0.9, mode=mode)
    assert found.decision.tolist() == [Decision.UNDECIDED] * 2
    assert not found.is_futile.any()


def test_infinite_differences_decide_nothing_and_have_no_bounds_to_bet_within():
    for mode in ("planned", "anytime"):
        assert decide_paths([np.inf] * 6, margin=0.1, mode=mode).decision == Decision.UNDECIDED
    with pytest.raises(ValueError, match="must lie within the bounds"):
        betting_interval([np.inf] * 6, -1.0, 1.0, 0.05)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("n", [0, 1, 6])
def test_bets_keep_the_leading_shape_whatever_the_number_of_differences(lead, n):
    d = np.zeros((*lead, n))
    assert [end.shape for end in betting_interval(d, -1.0, 1.0, 0.05)] == [lead] * 2
    assert [won.shape for won in bets_won(d, -1.0, 1.0, 0.2)] == [(*lead, n)] * 2
    if n == 0 and lead:
        low, high = betting_interval(d, -1.0, 1.0, 0.05)
        assert (low == -1).all() and (high == 1).all()


def test_a_bet_on_a_nan_is_nan_and_equal_differences_narrow_the_interval_around_them():
    assert np.isnan(betting_interval([0.1, np.nan, 0.2], -1.0, 1.0, 0.05)).all()
    low, high = betting_interval([0.5] * 200, -1.0, 1.0, 0.05)
    assert 0.4 < low < 0.5 < high < 0.6


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("n", [0, 1, 6])
@pytest.mark.parametrize("mode", ["planned", "anytime", "robust"])
def test_verdicts_keep_the_leading_shape_whatever_the_number_of_differences(lead, n, mode):
    found = decide_paths(np.zeros((*lead, n)), margin=0.1, mode=mode)
    assert found.decision.shape == found.used.shape == found.effect.shape == found.is_futile.shape == lead
