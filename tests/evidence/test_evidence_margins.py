"""Default margins: by rule, from the pilot alone."""

import math

import pytest

from hunch.errors import PlanError
from hunch.evidence import claim_margin, default_margin
from hunch.plan import contrast, faster, higher, lower, lower_cost, lower_error, same
from hunch.traces import RunTable


def pilot(made, plan, facts=None, lr=0.1, budget=1000, **by_arm):
    """Pilot runs: five seeds an arm, one value an arm."""
    return [
        made.trace(
            arm.name, seed, stage="pilot", lr=lr, budget=budget,
            **{what: values[arm.name] for what, values in by_arm.items() if arm.name in values},
        )
        for arm in plan.arms
        for seed in plan.pilot_seeds
    ]  # fmt: skip


def table(made, *runs, **facts):
    return RunTable(made.facts(**facts), [t for part in runs for t in part])


def test_iterations_have_a_margin_of_ten_per_cent_whatever_the_pilot_saw(made):
    plan = made.plan()
    assert default_margin(plan, table(made), faster("a", than="b")) == math.log(1.1)


def test_a_cost_margin_is_five_per_cent_of_the_way_to_the_best_arm_of_the_study(made):
    plan = made.plan(arms=("a", "b", "c"))
    seen = table(made, pilot(made, plan, cost={"a": 0.5, "b": 0.9, "c": 0.3}, held_cost={"a": 0.7, "b": 0.8}))
    facts = seen.facts
    expected = 0.05 * (facts.c0_train - 0.3)
    assert default_margin(plan, seen, lower_cost("a", than="b")) == pytest.approx(expected)
    assert default_margin(plan, seen, same("b", "a", of="cost")) == pytest.approx(expected)
    held = 0.05 * (facts.c0_held - 0.7)
    for outcome in ("gap", "held_out_cost"):
        assert default_margin(plan, seen, lower(outcome, "a", than="b")) == pytest.approx(held)
    on_held = made.plan(arms=("a", "b", "c"), metric="held_out")
    assert default_margin(on_held, seen, lower_cost("a", than="b")) == pytest.approx(held)


@pytest.mark.parametrize(("error", "expected"), [(0.02, 0.005), (0.2, 0.02)])
def test_an_error_margin_is_ten_per_cent_of_the_best_error_and_at_least_half_a_point(made, error, expected):
    plan = made.plan()
    seen = table(made, pilot(made, plan, held_error={"a": 0.4, "b": error}))
    assert default_margin(plan, seen, lower_error("a", than="b")) == pytest.approx(expected)


def test_a_regression_error_has_no_floor_of_half_a_point(made):
    plan = made.plan()
    seen = table(made, pilot(made, plan, held_error={"a": 0.4, "b": 0.002}), error_unit="target")
    assert default_margin(plan, seen, lower_error("a", than="b")) == pytest.approx(0.0002)


def test_a_reading_margin_is_ten_per_cent_of_the_arm_compared_with(made):
    plan = made.plan()
    seen = table(made, pilot(made, plan, reading={"a": 0.25, "b": -0.5}))
    assert default_margin(plan, seen, lower("slope", "a", than="b")) == pytest.approx(0.05)
    assert default_margin(plan, seen, higher("slope", "b", than="a")) == pytest.approx(0.025)
    assert default_margin(plan, seen, contrast("slope", {"a": 2, "b": -2})) == pytest.approx(0.05)


def test_only_runs_of_the_pilot_at_the_plans_rate_and_budget_count(made):
    plan = made.plan()
    right = pilot(made, plan, cost={"a": 0.5, "b": 0.5})
    others = (
        pilot(made, plan, lr=0.3, cost={"a": 0.1, "b": 0.1}),
        pilot(made, plan, budget=500, cost={"a": 0.1, "b": 0.1}),
        list(made.table(plan, cost={"a": [0.1] * 20, "b": [0.1] * 20})),
    )
    claim = lower_cost("a", than="b")
    alone = default_margin(plan, table(made, right), claim)
    assert default_margin(plan, table(made, right, *others), claim) == alone


def test_runs_that_diverged_count_as_c0_and_no_margin_is_0(made):
    plan = made.plan()
    dead = table(made, pilot(made, plan, diverged_at={"a": 0, "b": 0}, reading={"a": 0.0, "b": math.nan}))
    assert default_margin(plan, dead, lower_cost("a", than="b")) == 1e-6
    assert default_margin(plan, dead, lower("slope", "a", than="b")) == 1e-6
    assert default_margin(plan, dead, lower("slope", "b", than="a")) == 1e-6


def test_without_a_pilot_the_margins_come_from_c0(made):
    plan, nothing = made.plan(), table(made)
    facts = nothing.facts
    assert default_margin(plan, nothing, lower_cost("a", than="b")) == pytest.approx(0.05 * facts.c0_train)
    assert default_margin(plan, nothing, lower_error("a", than="b")) == 0.005
    regression = table(made, error_unit="target")
    assert default_margin(plan, regression, lower_error("a", than="b")) == pytest.approx(0.05 * facts.error0)
    assert default_margin(plan, nothing, lower("slope", "a", than="b")) == 1e-6


def test_a_margin_that_the_claim_names_comes_first_and_ratios_are_put_on_the_log_scale(made):
    plan, nothing = made.plan(), table(made)
    assert claim_margin(plan, nothing, faster("a", than="b", margin=1.5)) == math.log(1.5)
    assert claim_margin(plan, nothing, lower_cost("a", than="b", margin=0.2)) == 0.2
    assert claim_margin(plan, nothing, lower_error("a", than="b")) == 0.005


def test_an_unknown_site_is_refused_before_anything_is_frozen(made):
    plan = made.plan()
    with pytest.raises(PlanError, match=r"no site 'head'"):
        default_margin(plan, table(made), lower("slope", "a", than="b", site="head"))
