"""When things happen in a run: grids and schedules are functions of the budget alone."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunch.plan import evaluation_grid, held_out_grid, reading_grid, schedule_factors

BUDGETS = st.integers(1, 20_000)


@given(BUDGETS)
def test_neighbours_of_the_evaluation_grid_are_two_iterations_or_four_per_cent_apart(budget):
    grid = evaluation_grid(budget)
    assert (grid[0], grid[-1]) == (0, budget)
    gaps = [b - a for a, b in pairwise(grid)]
    for at, gap in zip(grid, gaps[:-1], strict=False):
        assert abs(gap - max(2, 0.04 * at)) <= 0.5, "to the nearest whole iteration"
    last = max(2, round(0.04 * grid[-2]))
    assert 1 <= gaps[-1] <= last, "only the gap before the budget may be smaller"


def test_there_are_about_110_evaluations_at_a_budget_of_1500():
    assert 105 <= len(evaluation_grid(1500)) <= 115


def test_longer_runs_are_judged_at_the_same_iterations():
    short, long = evaluation_grid(700), evaluation_grid(9000)
    assert short[:-1] == long[: len(short) - 1]


@given(BUDGETS)
def test_the_held_out_grid_is_ten_points_of_the_evaluation_grid_that_end_with_the_budget(budget):
    held = held_out_grid(budget)
    assert set(held) <= set(evaluation_grid(budget))
    assert held[-1] == budget
    assert 0 not in held
    assert list(held) == sorted(set(held))
    assert len(held) == 10 if budget >= 20 else len(held) <= 10


@given(st.integers(200, 20_000))
def test_the_held_out_points_are_evenly_spread(budget):
    grid = evaluation_grid(budget)
    for k, at in enumerate(held_out_grid(budget), 1):
        wanted = budget * k / 10
        assert abs(at - wanted) == min(abs(g - wanted) for g in grid)


@given(BUDGETS)
def test_readings_are_about_twenty_and_dense_at_the_start(budget):
    grid = reading_grid(budget)
    assert (grid[0], grid[-1]) == (1, budget)
    assert list(grid) == sorted(set(grid))
    assert len(grid) <= 20
    gaps = [b - a for a, b in pairwise(grid)]
    assert all(b >= a - 1 for a, b in pairwise(gaps)), "gaps grow, up to rounding"
    if budget >= 500:
        assert len(grid) >= 16


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "warmup", "warmup_cosine"])
@given(budget=BUDGETS)
def test_a_schedule_has_one_factor_a_step_from_above_zero_to_one(schedule, budget):
    factors = schedule_factors(schedule, budget)
    assert len(factors) == budget
    assert all(0 < f <= 1 for f in factors)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1.0] * 8),
        ("step", [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]),
        ("cosine", [0.5 * (1 + math.cos(math.pi * t / 8)) for t in range(8)]),
        ("warmup", [1.0] * 8),
    ],
)
def test_the_factors_of_eight_steps(schedule, factors):
    assert schedule_factors(schedule, 8) == pytest.approx(factors, abs=1e-15)


def test_a_step_schedule_with_an_odd_budget_drops_after_half_and_after_three_quarters():
    assert schedule_factors("step", 7) == [1, 1, 1, 1, 0.1, 0.1, 0.01]


def test_a_warmup_is_linear_over_the_first_five_per_cent():
    factors = schedule_factors("warmup", 100)
    assert factors[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert set(factors[5:]) == {1.0}


def test_a_warmup_cosine_is_linear_then_half_a_cosine_over_the_rest():
    factors = schedule_factors("warmup_cosine", 100)
    assert factors[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert factors[5:] == pytest.approx([0.5 * (1 + math.cos(math.pi * t / 95)) for t in range(95)])


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="unknown schedule 'linear'"):
        schedule_factors("linear", 3)
