"""The second interval of a claim about what is held out: for new data from the same source."""

from dataclasses import replace

import numpy as np
import pytest

from hunch.evidence import ANSWERS, LOSSES, SUPPORTED, decide, examples_kept, headline
from hunch.evidence.outcomes import outcome_values
from hunch.plan import contrast, faster, higher, lower, lower_cost, lower_error, same
from hunch.stats import new_examples_interval
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
    d = wrong["b"].astype(float) - wrong["a"]
    expected = new_examples_interval(d, 0.05)
    assert verdict.decision == SUPPORTED
    assert verdict.effect == pytest.approx(d.mean())
    assert verdict.new_data == pytest.approx(expected)
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
    (error, _) = decide(plan, of_regression)
    assert error.new_data is None
    assert " on these held-out examples, 12 seeds" in headline(error, plan, "target")


def test_claims_need_answers_or_losses_or_nothing_of_single_examples(made):
    plan = made.plan()
    kept = {
        lower_error("a", than="b"): ANSWERS,
        contrast("held_out_error", {"a": 2, "b": -2}): ANSWERS,
        contrast("held_out_cost", {"a": 1, "b": -1}): LOSSES,
        same("a", "b", of="held_out_cost"): LOSSES,
        lower("gap", "a", than="b"): LOSSES,
        lower_cost("a", than="b"): "",
        faster("a", than="b"): "",
        higher("slope", "a", than="b"): "",
    }
    assert {claim: examples_kept(plan, claim) for claim in kept} == kept
    assert examples_kept(made.plan(metric="held_out"), lower_cost("a", than="b")) == LOSSES
    assert examples_kept(made.plan(metric="held_out"), faster("a", than="b")) == ""


HELD = contrast("held_out_cost", {"a": -1, "b": 1})
GAP = lower("gap", "a", than="b")


@pytest.fixture
def losses(rng):
    """Lognormal losses, alike in both arms for the most part; arm b has the higher ones."""
    hard = rng.normal(size=N_HELD)
    return {
        arm: np.exp(0.8 * hard - 1.5 + 0.3 * (arm == "b") + 0.1 * rng.normal(size=(12, N_HELD))).astype(
            np.float32
        )
        for arm in "ab"
    }


def constants(made):
    """Facts with what a constant does on every example; its costs and errors are the means."""
    rng = np.random.default_rng(8)
    costs, right = rng.uniform(1.5, 3.0, N_HELD), rng.random(N_HELD) < 0.1
    return made.facts(
        c0_held=float(costs.mean()),
        error0=float(1 - right.mean()),
        constant_losses=tuple(costs.tolist()),
        constant_right=tuple(int(r) for r in right),
    )


def costing(made, plan, losses, facts=None, **given):
    """A table of runs whose held-out examples cost what `losses[arm]` (seeds, examples) says."""
    costs = {arm: rows.astype(np.float64).mean(axis=1) for arm, rows in losses.items()}
    table = made.table(plan, facts=facts or constants(made), held_cost=costs, **given)
    traces = [
        replace(
            t,
            held_losses=losses[t.key.arm][plan.seeds.index(t.key.seed)] if t.diverged_at is None else None,
        )
        for t in table
    ]
    return RunTable(table.facts, traces)


@pytest.mark.parametrize("metric", ["train", "held_out"])
def test_a_claim_about_held_out_costs_has_an_interval_for_new_data(made, losses, metric):
    claim = HELD if metric == "train" else lower_cost("a", than="b")
    plan = made.plan(claim, n=12, metric=metric, margins=(0.01,))
    (verdict,) = decide(plan, costing(made, plan, losses))
    d = losses["b"].astype(float) - losses["a"]
    expected = new_examples_interval(d, 0.05)
    assert verdict.decision == SUPPORTED
    assert verdict.effect == pytest.approx(d.mean())
    assert verdict.new_data == pytest.approx(expected)
    low, high = verdict.new_data
    assert low < verdict.low < verdict.high < high
    text = headline(verdict, plan)
    assert "; on new data from the same source " in text
    assert "these held-out examples" not in text


def test_of_a_gap_new_data_change_the_held_out_part_alone(made, losses):
    plan = made.plan(GAP, n=12, margins=(0.01,))
    train = {arm: 0.1 + 0.01 * np.arange(12.0)[:: 1 if arm == "a" else -1] for arm in "ab"}
    (verdict,) = decide(plan, costing(made, plan, losses, cost=train))
    gaps = {arm: losses[arm].astype(float) - train[arm][:, None] for arm in "ab"}
    d = gaps["b"] - gaps["a"]
    expected = new_examples_interval(d, 0.05)
    assert verdict.effect == pytest.approx(d.mean())
    assert verdict.new_data == pytest.approx(expected)


def test_a_claim_about_the_training_slice_has_no_second_interval_and_says_why(made, losses):
    plan = made.plan(lower_cost("a", than="b"), n=12)
    cost = {arm: losses[arm][:, :9].mean(axis=1) for arm in "ab"}
    (verdict,) = decide(plan, costing(made, plan, losses, cost=cost))
    assert verdict.new_data is None
    assert " on these training examples, 12 seeds" in headline(verdict, plan)


def test_runs_that_diverged_or_cost_more_than_a_constant_count_as_the_constant_on_every_example(made, losses):
    plan = made.plan(HELD, GAP, n=12)
    losses["b"][4] *= 40  # dearer than any constant
    losses["b"][5] = np.inf
    facts, gone = constants(made), {"b": [None] * 3 + [700] + [None] * 8, "a": [90] + [None] * 11}
    table = costing(made, plan, losses, facts, diverged_at=gone, cost={"b": [9.0] * 12, "a": [0.1] * 12})
    counted = {arm: rows.astype(float) for arm, rows in losses.items()}
    counted["b"][[3, 4, 5]], counted["a"][0] = facts.constant_losses, facts.constant_losses
    train = {arm: np.full((12, 1), value) for arm, value in (("a", 0.1), ("b", facts.c0_train))}
    train["a"][0] = facts.c0_train
    for claim, verdict, of in zip(plan.claims, decide(plan, table), ("held", "gap"), strict=True):
        d = counted["b"] - counted["a"] - (train["b"] - train["a"] if of == "gap" else 0.0)
        # The mean over examples is the outcome of every single run, so both intervals are about one effect.
        effects = outcome_values(plan, table, claim).effects(claim)
        assert d.mean(axis=1) == pytest.approx(effects, rel=1e-6)
        low, high = new_examples_interval(d, 0.05 / 2)
        assert verdict.new_data == pytest.approx((min(low, verdict.low), max(high, verdict.high)), rel=1e-6)


def test_a_run_that_diverged_answers_as_the_majority_class(made, wrong):
    plan = made.plan(lower_error("a", than="b", margin=0.005), n=12)
    facts = constants(made)
    traces = [
        replace(t, diverged_at=30, held_correct=None) if t.key.arm == "b" and t.key.seed in (2, 7) else t
        for t in answered(made, plan, wrong)
    ]
    table = RunTable(facts, traces)
    (verdict,) = decide(plan, table)
    counted = wrong["b"].astype(float)
    counted[[2, 7]] = 1.0 - np.array(facts.constant_right)
    d = counted - wrong["a"]
    assert d.mean(axis=1) == pytest.approx(
        outcome_values(plan, table, plan.claims[0]).effects(plan.claims[0])
    )
    low, high = new_examples_interval(d, 0.05)
    assert verdict.new_data == pytest.approx((min(low, verdict.low), max(high, verdict.high)))
    assert verdict.new_data[1] - verdict.new_data[0] > verdict.high - verdict.low


def test_files_of_an_older_format_say_nothing_about_new_data_where_something_is_missing(made, losses, wrong):
    plan = made.plan(HELD, n=12)
    whole = list(costing(made, plan, losses))
    without = RunTable(constants(made), [replace(t, held_losses=None) for t in whole])
    assert decide(plan, without)[0].new_data is None
    some_diverged = costing(made, plan, losses, diverged_at={"a": [50] + [None] * 11})
    assert decide(plan, some_diverged)[0].new_data is not None
    old = replace(some_diverged.facts, constant_losses=())
    assert decide(plan, RunTable(old, list(some_diverged)))[0].new_data is None
    assert decide(plan, RunTable(old, whole))[0].new_data is not None, "no run counts as the constant"
    short = RunTable(constants(made), [replace(t, held_losses=t.held_losses[1:]) for t in whole])
    assert decide(plan, short)[0].new_data is None
    plan = made.plan(lower_error("a", than="b"), n=12)
    table = answered(made, plan, wrong)
    gone = [replace(t, diverged_at=9, held_correct=None) if t.key.seed == 3 else t for t in table]
    assert decide(plan, RunTable(made.facts(), gone))[0].new_data is None
    assert decide(plan, RunTable(constants(made), gone))[0].new_data is not None


def test_a_contrast_of_errors_weighs_the_answers_of_every_arm(made, wrong):
    claim = contrast("held_out_error", {"a": -2, "b": 2})
    plan = made.plan(claim, n=12)
    (verdict,) = decide(plan, answered(made, plan, wrong))
    expected = new_examples_interval(2 * (wrong["b"].astype(float) - wrong["a"]), 0.05)
    assert verdict.new_data == pytest.approx(expected)
