"""The second interval of an error claim: for new data from the same source."""

from dataclasses import replace

import numpy as np
import pytest

from hunch.evidence import SUPPORTED, decide, headline
from hunch.plan import contrast, lower_cost, lower_error
from hunch.stats import two_intervals
from hunch.traces import RunTable

N_HELD = 360


def answered(made, plan, wrong):
    """A table of runs that answer wrongly where `wrong[arm]` (seeds, examples) says so."""
    errors = {arm: rows.mean(axis=1) for arm, rows in wrong.items()}
    table = made.table(plan, held_error=errors)
    traces = [
        replace(t, held_correct=np.packbits(~wrong[t.key.arm][plan.seeds.index(t.key.seed)])) for t in table
    ]
    return RunTable(table.facts, traces)


@pytest.fixture
def wrong(rng):
    """Arm b is wrong on a few examples more, mostly the same ones at every seed."""
    hard = rng.random(N_HELD)
    return {
        arm: rng.random((12, N_HELD)) < np.where(hard < share, 0.9, 0.01)
        for arm, share in (("a", 0.05), ("b", 0.1))
    }


@pytest.fixture
def rng():
    return np.random.default_rng(20260202)


def test_an_error_claim_has_an_interval_for_new_data_which_is_wider(made, wrong):
    plan = made.plan(lower_error("a", than="b", margin=0.005), n=12)
    (verdict,) = decide(plan, answered(made, plan, wrong))
    expected = two_intervals(wrong["b"].astype(float) - wrong["a"], 0.05)
    assert verdict.decision == SUPPORTED
    assert verdict.effect == pytest.approx(expected.mean)
    assert verdict.new_data == pytest.approx(expected.elsewhere)
    low, high = verdict.new_data
    assert low < verdict.low < verdict.high < high
    assert "on new data from the same source" in headline(verdict, plan)


def test_a_line_says_where_new_data_might_show_no_difference(made, wrong):
    plan = made.plan(lower_error("b", than="a", margin=0.005), n=12)
    wrong = {arm: wrong["a"][:, :40].copy() for arm in "ab"}
    wrong["b"][:, :2], wrong["a"][:, :2] = True, False  # two examples make all the difference
    table = answered(made, plan, wrong)
    table = RunTable(made.facts(n_held=40), list(table))
    (verdict,) = decide(plan, table)
    assert verdict.decision == "refuted"
    assert verdict.new_data[0] < 0 < verdict.new_data[1]
    assert "which holds no difference too" in headline(verdict, plan)


def test_without_single_answers_or_for_other_outcomes_there_is_no_second_interval(made, wrong):
    plan = made.plan(lower_error("a", than="b"), lower_cost("a", than="b"), n=12)
    table = answered(made, plan, wrong)
    error, cost = decide(plan, table)
    assert error.new_data is not None
    assert cost.new_data is None
    first, *rest = table
    lacking = RunTable(table.facts, [replace(first, held_correct=None), *rest])
    assert decide(plan, lacking)[0].new_data is None
    of_regression = RunTable(made.facts(error_unit="target"), list(table))
    assert decide(plan, of_regression)[0].new_data is None


def test_a_contrast_of_errors_weighs_the_answers_of_every_arm(made, wrong):
    claim = contrast("held_out_error", {"a": -2, "b": 2})
    plan = made.plan(claim, n=12)
    (verdict,) = decide(plan, answered(made, plan, wrong))
    expected = two_intervals(2 * (wrong["b"].astype(float) - wrong["a"]), 0.05)
    assert verdict.new_data == pytest.approx(expected.elsewhere)
