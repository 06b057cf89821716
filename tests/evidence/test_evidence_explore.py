"""Claims that were asked after the runs were seen: what they say, and what they never say."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from hunch.errors import PlanError
from hunch.evidence import (
    CAUTION,
    DECISIONS,
    EXPLORED,
    Verdict,
    decide,
    describe_explored,
    explore,
    headline,
)
from hunch.plan import Arm, contrast, faster, higher, lower, lower_cost, lower_error, same
from hunch.stats import paired_interval
from hunch.traces import RunTable

FASTER = faster("a", than="b")


@pytest.fixture
def declared_cost(made):
    """A study that declared something else, at which a is twice as fast as b."""
    plan = made.plan(lower_cost("a", than="b"))
    return plan, made.table(plan, time=made.times())


def only(answers):
    [found] = answers
    return found


@pytest.mark.parametrize(
    ("ratio", "spread", "declared", "explored"),
    [
        (2.0, 0.2, "supported", "points to"),
        (0.5, 0.2, "refuted", "points against"),
        (1.0, 0.01, "no meaningful difference", "about equal"),
        (1.1, 0.5, "undecided", "open"),
    ],
)
def test_every_declared_word_has_another_where_it_was_asked_afterwards(
    made, ratio, spread, declared, explored
):
    plan = made.plan()
    table = made.table(plan, time=made.times(ratio=ratio, spread=spread))
    [verdict] = decide(plan, table)
    found = only(explore(plan, table, [FASTER]))
    assert (verdict.decision, found.verdict.decision) == (declared, explored)
    assert (verdict.exploratory, found.verdict.exploratory) == (False, True)
    assert found.declared == declared
    # One look at the same pairs: the same numbers.
    same_numbers = ("effect", "low", "high", "p_value", "seeds", "margin", "alpha")
    assert all(getattr(verdict, name) == getattr(found.verdict, name) for name in same_numbers)


def test_no_word_is_shared_with_declared_verdicts():
    assert not set(EXPLORED) & set(DECISIONS)
    assert Verdict(FASTER, "supported", 1, 1, 1, "exact", None, 1, 0.05, 0.1, ()).exploratory is False


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.1, 2.0])
@pytest.mark.parametrize("claim", [FASTER, same("a", "b"), contrast("iterations", {"a": -1, "b": 1})])
def test_the_sentence_begins_with_exploratory_and_never_speaks_as_if_declared(made, ratio, claim):
    plan = made.plan(lower_error("a", than="b"))
    table = made.table(plan, time=made.times(ratio=ratio, spread=0.05))
    found = only(explore(plan, table, [claim]))
    text = describe_explored(found, plan)
    assert text.startswith("exploratory: " + found.verdict.decision)
    assert not any(word in text for word in DECISIONS)
    assert "seen" in CAUTION and "declared" in CAUTION


def test_a_headline_of_an_exploratory_verdict_says_so_too(declared_cost):
    plan, table = declared_cost
    verdict = only(explore(plan, table, [FASTER])).verdict
    assert headline(verdict, plan).startswith("exploratory: points to: a needs 1.95 times fewer iterations")
    still_open = replace(verdict, decision="open", reason="the interval is wide")
    assert headline(still_open, plan).startswith("exploratory: open: by the estimate a needs")
    assert "The interval is wide" in headline(still_open, plan)


def test_a_same_claim_that_holds_is_about_equal_and_one_that_does_not_is_pointed_against(made):
    plan = made.plan()
    near = made.table(plan, time=made.times(ratio=1.0, spread=0.01))
    far = made.table(plan, time=made.times(ratio=2.0))
    claim = same("a", "b")
    assert only(explore(plan, near, [claim])).verdict.decision == "about equal"
    assert only(explore(plan, far, [claim])).verdict.decision == "points against"


def test_sentences_word_for_word(declared_cost):
    plan, table = declared_cost
    one = describe_explored(only(explore(plan, table, [FASTER])), plan)
    assert one == (
        'exploratory: points to "a faster than b": a needs 1.95 times fewer iterations than b to reach cost 0.25 '
        "(95 % interval 1.71 to 2.23, 20 seeds), more than the margin of 1.1 times, at these learning rates. "
        "Sign-flip p-value 0.0001. Runs tuned for the final cost, not for iterations to cost 0.25."
    )
    two = explore(plan, table, [FASTER, lower("slope", "a", than="b")])
    assert "after Benjamini-Hochberg over the 2 claims asked " in describe_explored(two[0], plan)
    assert describe_explored(two[1], plan) == (
        'exploratory: open ("a lower slope than b"). The arms are identical in this '
        'outcome: at every seed "a" and "b" give the same value, as when a setting has no effect. Sign-flip '
        "p-value 1; after Benjamini-Hochberg over the 2 claims asked 1. Runs tuned for the final cost."
    )


def test_p_values_are_adjusted_over_the_claims_of_the_call_and_hold_back_directions(made):
    arms = tuple("abcdefgh")
    rng = np.random.default_rng(7)
    plan = made.plan(faster("a", than="b"), arms=arms, n=12)
    times = {arm: 100 * np.exp(0.3 * rng.normal(size=12)) for arm in arms}
    times["a"] *= 0.3
    table = made.table(plan, time=times)
    claims = [faster(x, than=y) for x, y in itertools.combinations(arms, 2)]
    found = explore(plan, table, claims)
    p = [f.verdict.p_value for f in found]
    assert [f.adjusted for f in found] == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-12)
    held_back = 0
    for f in found:
        v = f.verdict
        alone = only(explore(plan, table, [v.claim])).verdict
        assert (v.low, v.high, v.p_value) == (alone.low, alone.high, alone.p_value)
        directed = v.decision in ("points to", "points against")
        assert directed == ((v.low > 0 or v.high < 0) and f.adjusted <= 0.05)
        if alone.decision != v.decision:
            held_back += 1
            assert (v.decision, v.reason.split(",")[0]) == ("open", "the interval excludes no difference")
    assert held_back > 0  # some pair looked like something by itself
    assert sum(f.verdict.decision == "points to" for f in found) >= 7  # and what is there is still found


def test_arms_that_differ_in_nothing_are_pointed_at_in_at_most_alpha(made):
    plan = made.plan(lower_cost("a", than="b"), n=10)
    wrong = sum(
        only(
            explore(plan, made.table(plan, time=made.times(n=10, ratio=1.0, seed=k)), [FASTER])
        ).verdict.decision.startswith("points")
        for k in range(200)
    )
    assert wrong <= 200 * 0.05 + 3 * math.sqrt(200 * 0.05 * 0.95)


def test_another_target_margin_and_alpha_are_asked_of_the_same_runs(made):
    plan = made.plan()
    table = made.table(plan, time=made.times())
    other = replace(
        plan, target=0.2, alpha=0.01, margins=(math.log(1.2),), claims=(replace(FASTER, margin=1.2),)
    )
    [wanted] = decide(other, table)
    found = only(explore(plan, table, [replace(FASTER, margin=1.2)], alpha=0.01, target=0.2))
    v = found.verdict
    assert (v.effect, v.low, v.high, v.margin) == (wanted.effect, wanted.low, wanted.high, wanted.margin)
    d = v.history[0]
    assert (d.alpha, d.blocks) == (0.01, 20)
    assert (found.target, found.is_own, found.declared) == (0.2, False, "supported")
    text = describe_explored(found, plan)
    assert "to reach cost 0.2 (99 % interval" in text
    assert "Runs tuned for iterations to cost 0.25, not for iterations to cost 0.2" in text
    assert text.endswith("As the study declared it, its verdict is: supported.")


def test_the_interval_is_that_of_one_look_whatever_looks_were_planned(made):
    plan = made.plan(n=20, looks=(10, 20))
    table = made.table(plan, time=made.times(ratio=1.15, spread=0.4))
    anytime = replace(plan, sequence="anytime", looks=tuple(range(5, 21)))
    robust = replace(plan, robust=True)
    found = [only(explore(p, table, [FASTER])).verdict for p in (plan, anytime, robust)]
    times = made.times(ratio=1.15, spread=0.4)
    low, high = (float(end) for end in paired_interval(np.log(times["b"]) - np.log(times["a"]), 0.05))
    for v in found:
        assert (v.low, v.high) == pytest.approx((low, high), abs=0.02)  # times are read off a grid
        assert v.looks == (20,)


# --- runs that were tuned for something ------------------------------------------------------------


@pytest.fixture
def replicated(made):
    """Tuned for every block, for iterations alone; in 4 of 20 blocks the cost would choose the same rate."""
    rates = (0.1, 1.0)
    plan = made.plan(
        FASTER, tuning="replicated", grids=tuple((arm, rates) for arm in "ab"), rates=(("a", 0.1), ("b", 0.1))
    )
    times = made.times()
    runs = []
    for block, seed in enumerate(plan.seeds):
        for arm in "ab":
            for lr in rates:
                # The rate 0.1 arrives; 1.0 never does, but ends lower except in every fifth block.
                ends = {0.1: 0.2, 1.0: 0.3 if block % 5 == 0 else 0.1}[lr]
                trace = made.trace(arm, plan.tune_seed(arm, block), stage="tune", lr=lr, time=100)
                trace.cost[-2:] = ends if lr == 0.1 else 0.5
                if lr == 1.0:
                    trace.cost[:] = 0.5
                    trace.cost[-1] = ends
                runs.append(trace)
            runs.append(made.trace(arm, seed, time=times[arm][block], held_error=0.1 + 0.001 * block))
    return plan, RunTable(made.facts(), runs)


def test_runs_tuned_for_another_outcome_are_taken_whole_and_named(replicated):
    plan, table = replicated
    found = only(explore(plan, table, [lower_cost("a", than="b")]))
    assert found.verdict.seeds == 20  # not the 4 blocks at which the cost would have chosen the same rate
    assert found.tuned_for == (("a", "iterations"), ("b", "iterations"))
    assert not found.is_own
    assert "Runs tuned for iterations to cost 0.25, not for the final cost" in describe_explored(found, plan)
    own = only(explore(plan, table, [FASTER]))
    assert own.is_own and own.verdict.effect == decide(plan, table)[0].effect


def test_the_blocks_of_a_claim_that_is_over_are_all_there_is(replicated, made):
    plan, table = replicated
    plan = replace(plan, looks=(10, 20))
    [verdict] = decide(plan, table)
    assert (verdict.looks, verdict.is_final) == ((10,), True)
    assert only(explore(plan, table, [FASTER])).verdict.seeds == 10


def test_given_rates_are_said(made):
    plan = replace(made.plan(), arms=(Arm("a", lr=0.1), Arm("b", lr=0.1)), tuning="none")
    table = made.table(plan, time=made.times())
    found = only(explore(plan, table, [lower_cost("a", than="b")]))
    assert found.is_own and "The learning rates were given" in describe_explored(found, plan)


def test_an_arm_of_no_claim_can_be_asked_about(made):
    plan = made.plan(arms=("a", "b", "c"))
    times = made.times() | {"c": made.times()["a"] * 3}
    found = only(explore(plan, made.table(plan, time=times), [faster("a", than="c")]))
    assert found.verdict.decision == "points to"
    assert found.declared == ""


def test_missing_runs_leave_the_pairs_that_are_there(made, declared_cost):
    plan, table = declared_cost
    some = RunTable(table.facts, [t for t in table if not (t.key.arm == "b" and t.key.seed in (1, 5, 7))])
    v = only(explore(plan, some, [FASTER])).verdict
    assert (v.seeds, v.looks, v.decision) == (17, (17,), "points to")


def test_few_pairs_and_no_effect_stay_open(made):
    plan = made.plan(lower_cost("a", than="b"), n=4)
    few = only(explore(plan, made.table(plan, time=made.times(n=4)), [FASTER])).verdict
    assert few.decision == "open" and "4 seeds" in few.reason
    never = only(explore(plan, made.table(plan), [FASTER])).verdict
    assert never.decision == "open" and "too hard" in never.reason


def test_a_bound_stays_a_bound(made):
    plan = made.plan(lower_cost("a", than="b"))
    times = made.times() | {"b": np.full(20, math.inf)}
    v = only(explore(plan, made.table(plan, time=times), [FASTER])).verdict
    assert (v.bound, v.high, v.decision) == ("at_least", None, "points to")


# --- refused ---------------------------------------------------------------------------------------


def refused(*call, **settings):
    with pytest.raises(PlanError, match=r"\[") as caught:
        explore(*call, **settings)
    return [p.slug for p in caught.value.problems], str(caught.value)


def test_everything_that_cannot_be_asked_is_named_at_once(made, declared_cost):
    plan, table = declared_cost
    claims = [faster("a", than="nobody"), higher("slope", "a", than="b", site="conv")]
    slugs, text = refused(plan, table, claims, alpha=0.7, target=math.nan)
    assert slugs == ["plan-alpha", "plan-target", "plan-unknown-arm", "plan-unknown-site"]
    assert 'there is no arm "nobody". The arms are a, b.' in text


@pytest.mark.parametrize("alpha", [0, 0.5, math.nan, "0.05", True])
def test_an_alpha_that_makes_no_sense_is_refused(declared_cost, alpha):
    assert refused(*declared_cost, [FASTER], alpha=alpha)[0] == ["plan-alpha"]


def test_no_claims_no_runs_no_target_no_common_seed(made, declared_cost):
    plan, table = declared_cost
    assert refused(plan, table, [])[0] == ["results-explore-claims"]
    assert refused(plan, RunTable(table.facts, []), [FASTER])[0] == ["results-explore-runs"]
    assert refused(plan.asked(), table, [FASTER], target=0.3)[0] == ["results-explore-runs"]
    slugs, text = refused(replace(plan, target=None), table, [FASTER])
    assert slugs == ["results-explore-target"] and "Give one: target=0.5" in text
    assert (
        explore(replace(plan, target=None), table, [FASTER], target=0.25)[0].verdict.decision == "points to"
    )
    apart = RunTable(table.facts, [t for t in table if (t.key.arm == "a") == (t.key.seed < 10)])
    slugs, text = refused(plan, apart, [FASTER])
    assert slugs == ["results-explore-seeds"] and '"a" has 10, "b" has 10' in text


def test_a_target_for_claims_that_have_none_is_refused(declared_cost):
    slugs, text = refused(*declared_cost, [lower_error("a", than="b")], target=0.3)
    assert slugs == ["results-explore-target"] and "no claim here is about iterations" in text


def test_runs_that_ended_at_their_target_know_nothing_of_what_came_later(made):
    plan = made.plan(stop_at_target=True)
    table = made.table(plan, time=made.times())
    assert refused(plan, table, [lower_cost("a", than="b")])[0] == ["results-explore-stopped"]
    assert refused(plan, table, [FASTER], target=0.1)[0] == ["results-explore-target"]
    assert explore(plan, table, [FASTER], target=0.27)[0].verdict.decision == "points to"
