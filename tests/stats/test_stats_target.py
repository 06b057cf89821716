"""The pilot's rules: who has learned, which target, which rate; and that names and order do not matter."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hunch.stats import (
    arms_that_learned,
    arrival_times,
    choose_rate,
    choose_target,
    learned,
    round_up,
    second_half_gain,
    value_reached,
)

C0 = 2.303
AT = np.arange(0, 101, 2)
NAN, INF = np.nan, np.inf


def falling(speed, floor=0.0, n=5, seed=0):
    """Exponential learning curves from c0 to a floor, with noise; (n, G)."""
    noise = np.random.default_rng(seed).normal(0, 0.01, (n, len(AT)))
    return floor + (C0 - floor) * np.exp(-speed * AT) + noise


def test_the_value_reached_is_held_for_two_evaluations_by_enough_runs():
    cost = np.array(
        [[3, 1, 2, 2, 2], [3, 2, 2, 0.5, 0.6], [3, 3, 3, 3, NAN], [3, 2, 1, 1, 9], [3, 2, 1, 1, 1]]
    )
    at = [0, 2, 4, 6, 8]
    assert value_reached(at, cost, share=0.2) == 0.6
    assert value_reached(at, cost, share=0.6) == 1.0
    assert value_reached(at, cost) == 2.0  # four of five
    assert value_reached(at, cost, share=1.0) == 3.0
    assert value_reached(at, cost, by=2, share=0.4) == 2.0


def test_the_value_reached_by_runs_that_diverged_or_by_no_runs_is_infinite():
    assert value_reached([0, 2, 4], np.full((5, 3), NAN)) == INF
    assert value_reached([0, 2, 4], np.empty((0, 3))) == INF
    assert value_reached([0], np.ones((5, 1))) == INF


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"none": 0.617, "before": 0.011, "after": 2.252}, {"none", "before"}, id="init_std 5"),
        pytest.param({"none": 2.888, "before": 0.851, "after": 2.206}, {"before"}, id="init_std 20"),
        pytest.param({"none": 2.29, "before": 2.25}, set(), id="the best gains under 5 % of c0"),
        pytest.param({"none": INF, "before": NAN}, set(), id="all diverged"),
        pytest.param({"none": NAN, "before": 0.1}, {"before"}, id="one diverged"),
        pytest.param({}, set(), id="no arms"),
    ],
)
def test_an_arm_has_learned_if_it_is_at_least_half_as_far_below_c0_as_the_best(values, expected):
    found = learned(values, C0)
    assert found.keys() == values.keys()
    assert {arm for arm, yes in found.items() if yes} == expected


def test_the_target_is_the_hardest_that_all_learned_arms_reach_by_half_the_budget():
    curves = {"slow": falling(0.03, seed=1), "fast": falling(0.3, seed=2), "dead": falling(0.0, seed=3)}
    target = choose_target(curves, AT, 100, C0)
    assert target is not None
    assert arms_that_learned(curves, AT, 100, C0) == ("slow", "fast")
    for arm in ("slow", "fast"):
        assert (arrival_times(AT, curves[arm], target)[0] <= 50).mean() >= 0.8
    harder = target - 0.002
    assert (arrival_times(AT, curves["slow"], harder)[0] <= 50).mean() < 0.8
    assert target == choose_target({"slow": curves["slow"], "fast": curves["fast"]}, AT, 100, C0)


def test_an_arm_that_only_learns_in_the_second_half_does_not_drag_the_target_to_chance():
    late = falling(0.3, seed=4)
    late[:, AT <= 60] = C0
    late[:, AT > 60] = 0.1
    curves = {"fast": falling(0.3, seed=5), "late": late}
    target = choose_target(curves, AT, 100, C0)
    assert target is not None
    assert target < 0.1
    assert arms_that_learned(curves, AT, 100, C0) == ("fast",)


def test_without_an_arm_that_learned_there_is_no_target():
    assert choose_target({"a": falling(0.0), "b": np.full((5, len(AT)), NAN)}, AT, 100, C0) is None
    assert choose_target({}, AT, 100, C0) is None


def test_renaming_and_permuting_arms_or_runs_changes_nothing():
    curves = [falling(s, f, seed=k) for k, (s, f) in enumerate([(0.02, 0.3), (0.2, 0.0), (0.05, 0.5)])]
    targets = set()
    for order in itertools.permutations(range(3)):
        for names in ("abc", "zyx"):
            rng = np.random.default_rng(9)
            arms = {name: rng.permutation(curves[k]) for name, k in zip(names, order, strict=True)}
            targets.add(choose_target(arms, AT, 100, C0))
    assert len(targets) == 1
    assert None not in targets


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.floats(0.01, 4.0), min_size=6, max_size=6), min_size=1, max_size=5
    )  # arms of one run each
)
def test_a_target_is_always_reached_by_the_learned_arms_and_lies_well_below_c0(arms):
    at = [0, 2, 4, 6, 8, 10]
    curves = {str(k): [cost] for k, cost in enumerate(arms)}
    target = choose_target(curves, at, 10, C0)
    has_learned = arms_that_learned(curves, at, 10, C0)
    assert (target is None) == (not has_learned)
    if target is not None:
        best = min(value_reached(at, c, by=5) for c in curves.values())
        assert target <= (C0 - 0.5 * (C0 - best)) * 1.01
        for arm in has_learned:
            assert arrival_times(at, curves[arm], target)[0] <= 5


@settings(deadline=None)
@given(st.floats(1e-12, 1e12))
def test_round_up_never_rounds_down_nor_by_more_than_one_per_cent(value):
    up = round_up(value)
    assert value <= up <= value * 1.0101
    assert round_up(up) == up


def test_round_up_leaves_what_has_three_digits_and_what_is_no_number():
    assert [round_up(x) for x in (0.25, 123.0, 0.0, 0.2500001, 9.991, INF)] == [
        0.25,
        123,
        0,
        0.251,
        10.0,
        INF,
    ]
    assert np.isnan(round_up(NAN))


def test_the_gain_of_the_second_half_is_a_share_of_c0_and_iterations_count_not_evaluations():
    at = [0, 1, 2, 3, 50, 100]  # most evaluations lie early
    cost = np.array([[2.0, 1.8, 1.6, 1.5, 1.0, 0.5]])
    assert second_half_gain(at, cost, 2.0) == pytest.approx(0.25)
    assert second_half_gain(at, np.full((3, 6), 0.5), 2.0) == 0.0


def test_runs_that_diverge_or_get_worse_gain_nothing():
    at = [0, 50, 100]
    assert second_half_gain(at, [[2.0, 1.0, NAN]], 2.0) == 0.0
    assert second_half_gain(at, [[2.0, 1.0, 90.0]], 2.0) == 0.0
    assert second_half_gain(at, np.empty((0, 3)), 2.0) == 0.0


RATES = [0.1, 0.3, 1.0, 3.0]


@pytest.mark.parametrize(
    ("outcome", "cost", "index", "edge"),
    [
        pytest.param([[5, 5], [4, 4], [3, 4], [5, 5]], np.zeros((4, 2)), 2, "", id="lowest mean"),
        pytest.param([[5, 5], [4, 4], [1, INF], [5, 5]], np.zeros((4, 2)), 1, "", id="one diverged run"),
        pytest.param([[5, 5], [4, 4], [1, NAN], [5, 5]], np.zeros((4, 2)), 1, "", id="NaN is divergence"),
        pytest.param([[5, 5]] * 4, [[2, 2], [1, 1], [0.5, 0.5], [1, 1]], 2, "", id="ties: lower final cost"),
        pytest.param([[5, 5]] * 4, np.ones((4, 2)), 0, "low", id="then the smaller rate"),
        pytest.param([[5, 5], [4, 4], [3, 3], [2, 2]], np.zeros((4, 2)), 3, "high", id="upper edge"),
        pytest.param(np.full((4, 2), INF), np.full((4, 2), NAN), 0, "low", id="all diverged"),
        pytest.param(np.empty((4, 0)), np.empty((4, 0)), 0, "low", id="no seeds"),
    ],
)  # fmt: skip
def test_the_rate_with_the_lowest_mean_outcome_is_chosen(outcome, cost, index, edge):
    choice = choose_rate(RATES, outcome, cost)
    assert (choice.index, choice.edge) == (index, edge)


def test_the_choice_of_a_rate_does_not_depend_on_the_order_of_the_grid():
    rng = np.random.default_rng(20)
    outcome, cost = rng.integers(3, 5, (6, 2)), rng.integers(0, 2, (6, 2))
    rates = np.geomspace(0.01, 3, 6)
    best = rates[choose_rate(rates, outcome, cost).index]
    for order in itertools.islice(itertools.permutations(range(6)), 0, 720, 37):
        order = list(order)
        assert rates[order][choose_rate(rates[order], outcome[order], cost[order]).index] == best


def test_one_rate_is_no_grid_and_has_no_edge():
    assert choose_rate([0.1], [[1.0]], [[1.0]]).edge == ""
