"""Equivalent doses: tests against scipy, sets by hand, degenerate input, and the truth inside the set."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from hunch.stats import equivalent_doses, skewness

LAM = np.array([0.01, 0.1, 1.0, 10.0])


def set_of(differences, doses=LAM, *, n=10, noise=1e-3, seed=0, **more):
    """Outcomes whose mean differences from the reference are these, almost without noise."""
    rng = np.random.default_rng(seed)
    reference = rng.normal(5, 1, n)
    outcome = (
        reference[:, None] + np.array(differences, dtype=float) + rng.normal(0, noise, (n, len(differences)))
    )
    return equivalent_doses(reference, outcome, doses, **more)


@pytest.mark.parametrize("n", [5, 10, 40])
def test_a_dose_is_told_apart_where_scipys_paired_t_test_rejects(n):
    rng = np.random.default_rng(n)
    reference, outcome = (
        rng.normal(0, 1, (400, n)),
        rng.normal(0, 1, (400, n, 3)) + np.array([0.0, 0.5, -1.0]),
    )
    found = equivalent_doses(reference, outcome, [1, 2, 3.0])
    d = outcome - reference[..., None]
    expected = scipy_stats.ttest_rel(outcome, reference[..., None], axis=1)
    sign = np.where(expected.pvalue < 0.05, np.sign(expected.statistic), 0)
    is_plain = np.abs(skewness(np.swapaxes(d, 1, 2))) <= 0.5
    assert is_plain.mean() > 0.5 and np.array_equal(found.sign[is_plain], sign[is_plain])
    assert (np.abs(found.sign) <= np.abs(sign)).all()
    assert {-1, 0, 1} == set(np.unique(found.sign))
    assert np.allclose(found.difference, d.mean(axis=1))


@pytest.mark.parametrize(
    ("differences", "intervals", "low", "high"),
    [
        ([2.0, 1.0, -1.0, -2.0], ((0.1, 1.0),), False, False),
        ([2.0, 1.0, 0.0, -2.0], ((0.1, 10.0),), False, False),
        ([0.0, 1.0, 2.0, 3.0], ((0.01, 0.1),), True, False),
        ([3.0, 2.0, 1.0, 0.0], ((1.0, 10.0),), False, True),
        ([1.0, 2.0, 3.0, 4.0], (), False, False),
        ([-1.0, -1.0, -1.0, -1.0], (), False, False),
        ([0.0, 0.0, 0.0, 0.0], ((0.01, 10.0),), True, True),
        ([1.0, -1.0, -1.0, 1.0], ((0.01, 0.1), (1.0, 10.0)), False, False),
        ([-1.0, 1.0, -1.0, 1.0], ((0.01, 10.0),), False, False),
    ],
)
def test_a_cell_belongs_to_the_set_unless_both_ends_lie_on_the_same_side(differences, intervals, low, high):
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1e-2, (20, 4))
    noise -= noise.mean(axis=0)  # so that a difference of 0 is one of exactly 0, never told apart by chance
    found = equivalent_doses(np.zeros(20), noise + differences, LAM)
    assert found.intervals() == intervals
    assert (found.is_unbounded_low, found.is_unbounded_high) == (low, high)
    assert found.is_empty == (not intervals)
    assert found.reason == ""


def test_a_set_that_reaches_the_limit_of_the_knob_is_not_unbounded():
    noise = np.random.default_rng(1).normal(0, 1e-2, (20, 3))
    outcome = noise - noise.mean(axis=0)
    found = equivalent_doses(np.zeros(20), outcome, [0.0, 0.5, 1.0], limits=(0.0, 1.0))
    assert not found.is_unbounded_low and not found.is_unbounded_high
    found = equivalent_doses(np.zeros(20), outcome, [0.1, 0.5, 1.0], limits=(0.0, 1.0))
    assert found.is_unbounded_low and not found.is_unbounded_high


def test_the_point_is_a_straight_line_on_the_scale_and_only_where_it_crosses_once():
    assert set_of([1, 0.5, -1.5, -2]).point == pytest.approx(10**-0.75, rel=0.01)
    assert set_of([1, 0.5, -1.5, -2], scale="linear").point == pytest.approx(0.1 + 0.25 * 0.9, rel=0.01)
    assert set_of([1, -3, -4], [0.0, 0.2, 0.4]).point == pytest.approx(
        0.05, rel=0.01
    )  # from 0: over the dose itself
    assert np.isnan(set_of([1, -1, 1, -1]).point)
    assert np.isnan(set_of([1, 2, 3, 4]).point)
    assert np.isnan(set_of([1.0], [0.1]).point)


def test_doses_may_come_in_any_order():
    one = set_of([2.0, 1.0, -1.0, -2.0])
    order = np.array([2, 0, 3, 1])
    rng = np.random.default_rng(3)
    reference = rng.normal(0, 1, 12)
    outcome = reference[:, None] + rng.normal(0, 0.3, (12, 4)) + [2.0, 1.0, -1.0, -2.0]
    rising = equivalent_doses(reference, outcome, LAM, diverged=[0, 0, 0, 1])
    mixed = equivalent_doses(reference, outcome[:, order], LAM[order], diverged=np.array([0, 0, 0, 1])[order])
    assert mixed.intervals() == rising.intervals() == one.intervals() and mixed.point == rising.point
    assert np.array_equal(mixed.is_tested, rising.is_tested)


def test_an_unstable_dose_is_left_out_and_its_neighbours_become_neighbours():
    found = set_of([2.0, 99.0, -1.0, -2.0], diverged=[0, 0.3, 0, 0])
    assert found.intervals() == ((0.01, 1.0),)
    assert found.point == pytest.approx(10 ** (-2 + 4 / 3), rel=0.01)
    assert found.is_tested.tolist() == [True, False, True, True] and np.isnan(found.difference[1])
    end = set_of([2.0, 1.0, 0.5, -9.0], diverged=[0, 0, 0, 1])
    assert end.is_empty
    single = set_of([0.0, 1.0], [1.0, 2.0], diverged=[0, 1], noise=1.0)
    assert single.intervals() == ((1.0, 1.0),) and single.is_unbounded_low and single.is_unbounded_high


@pytest.mark.parametrize(
    ("reference", "outcome", "diverged", "reason", "is_empty"),
    [
        (np.zeros(4), np.ones((4, 3)), None, "few seeds", False),
        (np.zeros(0), np.ones((0, 3)), None, "few seeds", False),
        (np.full(9, np.nan), np.ones((9, 3)), None, "unstable", True),
        (np.zeros(9), np.full((9, 3), np.inf), None, "unstable", True),
        (np.zeros(9), np.ones((9, 3)), 1.0, "unstable", True),
        (np.zeros(9), np.ones((9, 3)), None, "", False),  # no spread: nothing is told apart
        (np.zeros(9), np.ones((9, 0)), None, "unstable", True),
    ],
)
def test_where_nothing_can_be_told_apart_a_word_says_why_and_the_set_is_all_that_was_tested(
    reference, outcome, diverged, reason, is_empty
):
    found = equivalent_doses(reference, outcome, np.arange(outcome.shape[1]) + 1.0, diverged=diverged)
    assert found.reason == reason and found.is_empty == is_empty and not found.sign.any()
    assert found.intervals() == (() if is_empty else ((1.0, 3.0),))
    assert found.is_unbounded_low == found.is_unbounded_high == (not is_empty)


def test_several_reference_doses_are_as_many_single_ones():
    rng = np.random.default_rng(4)
    references, outcome = (
        rng.normal(0, 1, (5, 10)) + np.arange(5)[:, None],
        rng.normal(0, 1, (10, 4)) + np.arange(4),
    )
    together = equivalent_doses(references, outcome, LAM)
    assert together.has_cell.shape == (5, 3) and together.reason.shape == (5,)
    for r in range(5):
        alone = equivalent_doses(references[r], outcome, LAM)
        assert together.intervals(r) == alone.intervals()
        assert together.point[r] == pytest.approx(float(alone.point), nan_ok=True)
        assert together.is_unbounded_high[r] == alone.is_unbounded_high
    many = equivalent_doses(references[:, None], np.stack([outcome, outcome + 9]), LAM, diverged=[0, 0, 0, 1])
    assert many.has_cell.shape == (5, 2, 3) and not many.is_tested[..., 3].any()
    assert equivalent_doses(references[0], outcome, LAM, diverged=np.zeros((2, 4))).sign.shape == (2, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: equivalent_doses(np.zeros(4), np.zeros((5, 2)), [1, 2]), r"got \(4,\) and \(5, 2\)"),
        (lambda: equivalent_doses(np.zeros(5), np.zeros(5), [1, 2]), "on the same seeds"),
        (lambda: equivalent_doses(np.zeros(5), np.zeros((5, 2)), [1, 1]), "all be different"),
        (lambda: equivalent_doses(np.zeros(5), np.zeros((5, 2)), [-1, 1]), "at least 0 on the log scale"),
        (lambda: equivalent_doses(np.zeros(5), np.zeros((5, 2)), [1, 2, 3]), "doses must be 2 of numbers"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
