"""One number per run: which number, over which seeds."""

import math

import numpy as np
import pytest

from hunch.errors import PlanError
from hunch.evidence import outcome_values
from hunch.plan import contrast, faster, higher, lower, lower_cost, lower_error, same
from hunch.traces import RunTable

GAP = lower("gap", "a", than="b")
HELD = lower("held_out_cost", "a", than="b")


def test_iterations_are_log_times_to_the_target_censored_at_the_budget(made):
    plan = made.plan(n=4)
    table = made.table(plan, time={"a": [100, 200, 33.3, math.inf], "b": [100, 990, math.inf, math.inf]})
    found = outcome_values(plan, table, plan.claims[0])
    assert found.arms == ("a", "b")
    assert found.seeds == (0, 1, 2, 3)
    expected = np.log([[100, 200, 33.3, 1000], [100, 990, 1000, 1000]])
    # 990 lies in the last stretch of the grid, where a hit cannot be confirmed.
    expected[1, 1] = math.log(1000)
    assert np.allclose(found.values, expected, atol=1e-9)
    assert found.reached == (("a", 0.75), ("b", 0.25))
    assert np.allclose(found.effects(plan.claims[0]), expected[1] - expected[0])


def test_a_run_that_diverged_never_reaches_even_if_it_was_there_before(made):
    plan = made.plan(n=2)
    table = made.table(
        plan, time={"a": [100, 100], "b": [100, 100]}, diverged_at={"a": [500, None], "b": [None, None]}
    )
    assert outcome_values(plan, table, plan.claims[0]).reached == (("a", 0.5), ("b", 1.0))


def test_the_metric_says_which_curve_the_target_is_about(made):
    plan = made.plan(n=2, metric="held_out", target=1.2)
    table = made.table(
        plan, time={"a": [math.inf] * 2, "b": [100] * 2}, held_cost={"a": [1.0, 1.0], "b": [2.0] * 2}
    )
    assert outcome_values(plan, table, plan.claims[0]).reached == (("a", 1.0), ("b", 0.0))


def test_costs_count_at_most_as_a_constant_prediction_and_divergence_counts_as_one(made):
    plan = made.plan(lower_cost("a", than="b"), GAP, HELD, n=4)
    table = made.table(
        plan,
        cost={"a": [0.1, 9.0, 0.1, math.nan], "b": [0.2] * 4},
        held_cost={"a": [0.3, 7.0, 0.3, 0.3], "b": [0.5] * 4},
        diverged_at={"a": [None, None, 300, None]},
    )
    facts = table.facts
    cost, gap, held = (outcome_values(plan, table, c) for c in plan.claims)
    assert cost.values.tolist() == [[0.1, facts.c0_train, facts.c0_train, facts.c0_train], [0.2] * 4]
    assert held.values[0].tolist() == [0.3, facts.c0_held, facts.c0_held, 0.3]
    assert np.allclose(gap.values, held.values - cost.values)
    assert cost.times is None
    assert cost.reached == ()


def test_a_last_cost_that_is_not_finite_counts_as_a_constant_and_not_as_an_earlier_one(made):
    plan = made.plan(HELD, lower_error("a", than="b"), n=3)
    table = made.table(plan, held_cost={"a": [0.3] * 3}, held_error={"a": [0.1] * 3})
    spoilt = {0: math.inf, 1: math.nan}
    traces = list(table)
    for trace in traces:
        if trace.key.arm == "a" and trace.key.seed in spoilt:
            trace.held_cost[-1] = trace.held_error[-1] = spoilt[trace.key.seed]
    facts = table.facts
    assert outcome_values(plan, table, HELD).values[0].tolist() == [facts.c0_held, facts.c0_held, 0.3]
    error = outcome_values(plan, table, plan.claims[1])
    assert error.values[0].tolist() == [facts.error0, facts.error0, 0.1]


def test_a_run_that_stopped_at_its_target_is_judged_by_what_it_came_to(made):
    plan = made.plan(HELD, n=1)
    table = made.table(plan, cost={"a": [0.2]}, held_cost={"a": [0.3]})
    trace = next(t for t in table if t.key.arm == "a")
    trace.cost[trace.eval_at > 400] = math.nan
    trace.held_cost[trace.held_at > 400] = math.nan
    assert outcome_values(plan, table, HELD).values[0].tolist() == [0.3]


def test_with_the_held_out_metric_a_cost_claim_is_about_the_held_out_cost(made):
    plan = made.plan(lower_cost("a", than="b"), n=2, metric="held_out")
    table = made.table(plan, cost={"a": [0.1] * 2}, held_cost={"a": [0.4, 9.0]})
    assert outcome_values(plan, table, plan.claims[0]).values[0].tolist() == [0.4, table.facts.c0_held]


def test_errors_are_the_last_ones_and_divergence_is_the_majority_guess(made):
    plan = made.plan(lower_error("a", than="b"), n=3)
    table = made.table(plan, held_error={"a": [0.1, 0.95, 0.1]}, diverged_at={"a": [None, None, 10]})
    assert outcome_values(plan, table, plan.claims[0]).values[0].tolist() == [0.1, 0.95, 0.9]


def test_readings_are_means_over_the_run_at_one_site_or_all(made):
    claims = lower("slope", "a", than="b"), higher("slope", "a", than="b", site="2")
    plan = made.plan(*claims, n=2)
    table = made.table(plan, reading={"a": [0.25, 0.5], "b": [1.0, 1.0]})
    for claim in claims:
        found = outcome_values(plan, table, claim)
        assert found.values.tolist() == [[0.25, 0.5], [1.0, 1.0]]
    assert outcome_values(plan, table, claims[1]).effects(claims[1]).tolist() == [-0.75, -0.5]


def test_a_reading_without_a_value_leaves_its_seed_out_and_an_arm_without_any_is_named(made):
    plan = made.plan(lower("slope", "a", than="b"), n=4)
    table = made.table(plan, reading={"a": [0.5, math.nan, 0.5, math.inf]})
    found = outcome_values(plan, table, plan.claims[0])
    assert found.seeds == (0, 2)
    assert (found.n_without, found.never_applies) == (2, ())
    last_layer = made.plan(lower("saturation", "a", than="b", site="2"), n=4)
    found = outcome_values(last_layer, made.table(last_layer), last_layer.claims[0])
    assert found.never_applies == ("a", "b")
    assert found.seeds == ()


def test_a_site_that_does_not_exist_is_refused_with_the_sites_that_do(made):
    plan = made.plan(lower("slope", "a", than="b", site="7"), n=2)
    with pytest.raises(PlanError, match=r"no site '7'. Its sites are '0', '2'.*\[plan-unknown-site\]"):
        outcome_values(plan, made.table(plan), plan.claims[0])


def test_only_seeds_with_a_finished_run_in_every_arm_of_the_claim_count(made):
    plan = made.plan(faster("a", than="b"), faster("a", than="c"), arms=("a", "b", "c"), n=4)
    full = made.table(plan, failed={"b": [None, "boom", None, None]})
    table = RunTable(full.facts, [t for t in full if (t.key.arm, t.key.seed) != ("a", 3)])
    first, second = (outcome_values(plan, table, c) for c in plan.claims)
    assert (first.seeds, first.n_missing) == ((0, 2), 2)
    assert (second.seeds, second.n_missing) == ((0, 1, 2), 1)


def test_pilot_runs_are_never_looked_at(made):
    plan = made.plan(n=2)
    pilot = [made.trace(arm, s, stage="pilot", time=5) for arm in "ab" for s in plan.seeds]
    assert outcome_values(plan, RunTable(made.facts(), pilot), plan.claims[0]).seeds == ()


def test_a_contrast_weighs_the_arms_within_each_seed(made):
    claim = contrast("held_out_error", {"a": 1, "b": -1, "c": -1, "d": 1})
    plan = made.plan(claim, arms="abcd", n=2)
    table = made.table(
        plan, held_error={arm: [e, 2 * e] for arm, e in zip("abcd", (0.1, 0.2, 0.3, 0.5), strict=True)}
    )
    assert np.allclose(outcome_values(plan, table, claim).effects(claim), [0.1, 0.2])


def test_without_runs_or_target_there_are_no_values_and_no_error(made):
    plan = made.plan(n=3)
    nothing = outcome_values(plan, RunTable(made.facts(), []), plan.claims[0])
    assert nothing.values.shape == (2, 0)
    assert nothing.reached == ()
    no_target = made.plan(n=3, target=None)
    assert np.isnan(outcome_values(no_target, made.table(no_target), plan.claims[0]).values).all()


def test_outcomes_can_be_judged_earlier_or_at_another_target(made):
    plan = made.plan(same("a", "b"), n=1)
    table = made.table(plan, time={"a": [300], "b": [700]})
    half = outcome_values(plan, table, plan.claims[0], by=500)
    assert np.allclose(np.exp(half.values), [[300], [500]])
    assert half.reached == (("a", 1.0), ("b", 0.0))
    easier = outcome_values(plan, table, plan.claims[0], target=0.5)
    assert (np.exp(easier.values[:, 0]) < [300, 700]).all()
