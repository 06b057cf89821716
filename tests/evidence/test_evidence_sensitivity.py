"""The same effect under other choices: shown beside a verdict, never part of it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hunch.evidence import decide, sensitivity
from hunch.plan import contrast, faster, lower, lower_cost


def choices(found):
    return [row.choice for row in found.rows]


def test_the_first_row_is_the_verdict(made):
    plan = made.plan(faster("a", than="b"), lower_cost("b", than="a"))
    table = made.table(plan, time=made.times())
    for verdict, claim in zip(decide(plan, table), plan.claims, strict=True):
        row = sensitivity(plan, table, claim).rows[0]
        assert (row.effect, row.low, row.high) == (verdict.effect, verdict.low, verdict.high)
        assert row.reached == verdict.reached


def test_the_first_row_is_the_verdict_at_its_own_look_however_many_blocks_came_later(made):
    claims = faster("a", than="b"), faster("c", than="b")
    plan = made.plan(*claims, arms="abc", n=40, looks=(10, 20, 40))
    times = made.times(n=40, ratio=3.0)
    times["c"] = times["b"] * np.exp(0.08 * np.random.default_rng(2).normal(size=40))
    table = made.table(plan, time=times)
    verdicts = decide(plan, table)
    assert verdicts[0].looks < verdicts[1].looks
    for verdict in verdicts:
        row = sensitivity(plan, table, verdict.claim, verdict.looks[-1]).rows[0]
        assert (row.effect, row.low, row.high) == (verdict.effect, verdict.low, verdict.high)
    later = sensitivity(plan, table, verdicts[0].claim).rows[0]
    assert later.effect != verdicts[0].effect


def test_neighbouring_targets_lie_between_c0_and_0_however_hard_the_target_is(made):
    for target in (2.0, 0.25, 1e-4):
        plan = made.plan(target=target)
        found = sensitivity(plan, made.table(plan, time=made.times()), plan.claims[0])
        decided, easier, harder = (row.target for row in found.rows[:3])
        assert decided == target
        assert 0 < harder < target < easier < made.c0


def test_a_target_no_better_than_chance_has_no_neighbours(made):
    plan = made.plan(target=5.0)
    assert choices(sensitivity(plan, made.table(plan), plan.claims[0])) == ["as decided", "half the budget"]


def test_half_the_budget_judges_the_same_runs_half_way(made):
    plan = made.plan(faster("a", than="b"), lower("held_out_cost", "a", than="b"), n=8)
    table = made.table(plan, time={"a": [300] * 8, "b": np.linspace(600, 700, 8)})
    half = sensitivity(plan, table, plan.claims[0]).rows[-1]
    assert (half.choice, half.budget) == ("half the budget", 500)
    assert half.reached == (("a", 1.0), ("b", 0.0))
    assert half.effect == pytest.approx(math.log(500 / 300))
    assert half.high == math.inf
    held = sensitivity(plan, table, plan.claims[1])
    assert choices(held) == ["as decided", "half the budget"]
    assert held.rows[0].target is None


def test_readings_and_plans_without_a_target_have_only_the_effect_itself(made):
    plan = made.plan(lower("slope", "a", than="b"))
    assert choices(sensitivity(plan, made.table(plan), plan.claims[0])) == ["as decided"]
    no_target = made.plan(target=None)
    found = sensitivity(no_target, made.table(no_target), no_target.claims[0])
    assert choices(found) == ["as decided"]
    assert math.isnan(found.rows[0].effect)


def test_an_effect_that_changes_sides_is_flagged(made):
    plan = made.plan(n=8)
    times = {"a": [400.0] * 8, "b": [450.0] * 8}
    table = made.table(plan, time=times)
    assert sensitivity(plan, table, plan.claims[0]).flips == ()
    # Arm b is ahead at first, and overtaken.
    for trace in table.select("confirm", "b"):
        trace.cost[trace.eval_at >= 200] = np.minimum(trace.cost[trace.eval_at >= 200], 0.3)
    assert sensitivity(plan, table, plan.claims[0]).flips == ("easier target",)


def test_the_correlation_is_what_sharing_a_seed_achieved(made):
    plan = made.plan()
    close = made.table(plan, time=made.times(shared=0.5, spread=0.05))
    apart = made.table(plan, time=made.times(shared=0.0, spread=0.3))
    assert sensitivity(plan, close, plan.claims[0]).correlation > 0.9
    assert abs(sensitivity(plan, apart, plan.claims[0]).correlation) < 0.5
    four = contrast("cost", {"a": 2, "b": -2})
    assert math.isnan(sensitivity(made.plan(four), close, four).correlation)


def test_sensitivity_never_changes_a_verdict_and_reads_only_confirm_runs(made):
    plan = made.plan()
    pilot = [made.trace(a, s, stage="pilot", time=3) for a in "ab" for s in plan.pilot_seeds]
    with_pilot = made.table(plan, time=made.times(), extra=pilot)
    without = made.table(plan, time=made.times())
    before = decide(plan, with_pilot)
    assert sensitivity(plan, with_pilot, plan.claims[0]) == sensitivity(plan, without, plan.claims[0])
    assert decide(plan, with_pilot) == before


def test_the_level_is_the_verdicts(made):
    plan = made.plan()
    table = made.table(plan, time=made.times())
    shared = replace(plan, claims=(*plan.claims, lower_cost("a", than="b")), margins=plan.margins * 2)
    narrow, wide = (sensitivity(p, table, plan.claims[0]).rows[0] for p in (plan, shared))
    assert wide.high - wide.low > narrow.high - narrow.low
