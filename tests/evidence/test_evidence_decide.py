"""From tables to verdicts: the four decisions, the guards in their order, and what must change nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hunch.errors import PlanError
from hunch.evidence import (
    NO_MEANINGFUL_DIFFERENCE,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    decide,
    headline,
)
from hunch.plan import Arm, Plan, contrast, faster, higher, lower, lower_cost, lower_error, same
from hunch.stats import seeds_for_direction, sign_flip_p, t_interval
from hunch.traces import RunTable

INF, NAN = math.inf, math.nan


def one(plan, table):
    (verdict,) = decide(plan, table)
    return verdict


# --- the four decisions -------------------------------------------------------------------------------------


def test_an_arm_that_is_twice_as_fast_is_supported_by_more_than_the_margin(made):
    plan = made.plan()
    times = made.times(ratio=2.0)
    verdict = one(plan, made.table(plan, time=times))
    d = np.log(times["b"]) - np.log(times["a"])
    low, high = t_interval(d, 0.05)
    assert verdict.decision == SUPPORTED
    assert verdict.beyond_margin
    assert verdict.effect == pytest.approx(d.mean())
    assert verdict.ratio == pytest.approx(math.exp(d.mean()))
    assert (verdict.low, verdict.high) == (pytest.approx(float(low)), pytest.approx(float(high)))
    assert verdict.p_value == pytest.approx(float(sign_flip_p(d)))
    assert (verdict.bound, verdict.seeds, verdict.looks, verdict.alpha) == ("exact", 20, (20,), 0.05)
    assert verdict.reached == (("a", 1.0), ("b", 1.0))
    assert verdict.margin == math.log(1.1)
    assert verdict.claim == faster("a", than="b", margin=1.1)
    assert verdict.seeds_needed is None
    assert verdict.reason == ""


def test_a_claim_the_wrong_way_round_is_refuted_with_the_mirrored_interval(made):
    plan, other = made.plan(faster("a", than="b")), made.plan(faster("b", than="a"))
    table = made.table(plan, time=made.times(ratio=2.0))
    right, wrong = one(plan, table), one(other, table)
    assert (right.decision, wrong.decision) == (SUPPORTED, REFUTED)
    assert wrong.effect == -right.effect
    assert (wrong.low, wrong.high) == (-right.high, -right.low)
    assert wrong.p_value == right.p_value
    assert wrong.beyond_margin


def test_arms_within_the_margin_show_no_meaningful_difference_even_if_one_is_a_little_faster(made):
    plan = made.plan()
    verdict = one(plan, made.table(plan, time=made.times(ratio=1.03, spread=0.01)))
    assert verdict.decision == NO_MEANINGFUL_DIFFERENCE
    assert verdict.low > 0
    assert not verdict.beyond_margin


def test_supported_within_reach_of_the_margin_does_not_say_beyond(made):
    plan = made.plan()
    verdict = one(plan, made.table(plan, time=made.times(ratio=1.12, spread=0.05)))
    assert verdict.decision == SUPPORTED
    assert not verdict.beyond_margin


def test_noise_is_undecided_and_says_how_many_seeds_it_would_take(made):
    plan = made.plan()
    times = made.times(ratio=1.05, spread=0.3)
    verdict = one(plan, made.table(plan, time=times))
    d = np.log(times["b"]) - np.log(times["a"])
    assert verdict.decision == UNDECIDED
    assert "no difference as well as one larger than the margin of 1.1" in verdict.reason
    equivalence = (1.96 + 1.28) ** 2 * d.var(ddof=1) / math.log(1.1) ** 2
    assert verdict.seeds_needed == pytest.approx(
        math.ceil(min(seeds_for_direction(d, 0.05), equivalence)), rel=0.01
    )


def test_a_projection_beyond_ten_thousand_seeds_is_not_told_apart(made):
    claim = lower_cost("a", than="b", margin=1e-5)
    plan = made.plan(claim, n=6)
    cost = {"a": [0.5, 0.9, 0.5, 0.9, 0.5, 0.9], "b": [0.9, 0.5, 0.9, 0.5, 0.90001, 0.5]}
    verdict = one(plan, made.table(plan, cost=cost))
    assert verdict.seeds_needed == 10_001
    assert "It takes more than 10,000 seeds to decide" in headline(verdict, plan)


@pytest.mark.parametrize(
    ("ratio", "spread", "decision"), [(1.02, 0.02, SUPPORTED), (2.0, 0.1, REFUTED), (1.08, 0.3, UNDECIDED)]
)
def test_a_claim_of_sameness_is_about_the_margin(made, ratio, spread, decision):
    plan = made.plan(same("a", "b"))
    verdict = one(plan, made.table(plan, time=made.times(ratio=ratio, spread=spread)))
    assert verdict.decision == decision
    assert verdict.beyond_margin == (decision == REFUTED)
    assert (verdict.seeds_needed is None) == (decision != UNDECIDED)


def test_a_difference_outside_0_but_across_the_margin_leaves_sameness_undecided(made):
    plan = made.plan(same("a", "b"))
    verdict = one(plan, made.table(plan, time=made.times(ratio=1.12, spread=0.05)))
    assert verdict.decision == UNDECIDED
    assert verdict.low > 0
    assert "both smaller and larger than the margin" in verdict.reason


def costs(n=12, difference=0.3, spread=0.05, seed=3):
    rng = np.random.default_rng(seed)
    a = 0.5 + spread * rng.normal(size=n)
    return {"a": a, "b": a + difference + spread * rng.normal(size=n)}


@pytest.mark.parametrize(
    ("claim", "what", "decision"),
    [
        (lower_cost("a", than="b"), "cost", SUPPORTED),
        (lower_cost("b", than="a"), "cost", REFUTED),
        (lower("held_out_cost", "a", than="b"), "held_cost", SUPPORTED),
        (lower("gap", "a", than="b"), "held_cost", SUPPORTED),
        (lower_error("a", than="b"), "held_error", SUPPORTED),
        (lower("slope", "a", than="b"), "reading", SUPPORTED),
        (higher("slope", "b", than="a", site="0"), "reading", SUPPORTED),
        (lower("saturation", "b", than="a"), "reading", REFUTED),
        (same("a", "b", of="cost", margin=0.5), "cost", SUPPORTED),
    ],
)
def test_every_outcome_can_be_claimed(made, claim, what, decision):
    plan = made.plan(claim, n=12)
    fixed = {"cost": {"a": [0.2] * 12, "b": [0.2] * 12}} if what == "held_cost" else {}
    verdict = one(plan, made.table(plan, **fixed, **{what: costs()}))
    assert verdict.decision == decision
    assert verdict.ratio is None
    assert verdict.reached == ()
    assert abs(verdict.effect) == pytest.approx(0.3, abs=0.06)


def test_an_interaction_of_four_arms_is_decided_like_a_pair(made):
    claim = contrast("cost", {"a": 1, "b": -1, "c": -1, "d": 1})
    plan = made.plan(claim, arms="abcd", n=12)
    rng = np.random.default_rng(4)
    cost = {arm: c + 0.02 * rng.normal(size=12) for arm, c in zip("abcd", (0.9, 0.5, 0.5, 0.4), strict=True)}
    verdict = one(plan, made.table(plan, cost=cost))
    assert verdict.decision == SUPPORTED
    assert verdict.effect == pytest.approx(0.3, abs=0.05)


def test_k_claims_share_alpha_and_the_intervals_widen(made):
    claims = faster("a", than="b"), lower_cost("a", than="b"), same("a", "b")
    plan = made.plan(*claims)
    times = made.times(ratio=2.0)
    verdicts = decide(plan, made.table(plan, time=times))
    assert [v.claim.outcome for v in verdicts] == ["iterations", "cost", "iterations"]
    assert all(v.alpha == pytest.approx(0.05 / 3) for v in verdicts)
    alone = one(made.plan(claims[0]), made.table(plan, time=times))
    assert verdicts[0].low < alone.low
    assert verdicts[0].high > alone.high


def test_the_interval_alone_does_not_decide_the_sign_flip_must_agree(made):
    # One of seven seeds is the other way round: p is 4 / 2^7, above a third of alpha.
    claims = [lower_cost("a", than="b", margin=m) for m in (0.01, 0.011, 0.012)]
    plan = made.plan(*claims, n=7)
    d = np.array([0.15, 0.2, 0.25, 0.35, 0.4, 0.45, -0.01])
    verdict = decide(plan, made.table(plan, cost={"a": [0.5] * 7, "b": 0.5 + d}))[0]
    assert verdict.low > 0
    assert verdict.p_value == pytest.approx(4 / 2**7)
    assert verdict.p_value > verdict.alpha
    assert verdict.decision == UNDECIDED
    assert "the exact sign-flip test does not agree" in verdict.reason


# --- censoring ----------------------------------------------------------------------------------------------


def censored(made, share=0.5, n=20, slow="b"):
    fast = "a" if slow == "b" else "b"
    times = made.times(n=n, ratio=4.0, spread=0.1, arms=(fast, slow))
    times[slow][: round(share * n)] = INF
    return times


def test_when_more_than_a_fifth_of_the_slower_arm_never_reaches_the_effect_is_a_lower_bound(made):
    plan = made.plan()
    verdict = one(plan, made.table(plan, time=censored(made)))
    assert (verdict.decision, verdict.bound, verdict.high) == (SUPPORTED, "at_least", None)
    assert verdict.low > 0
    assert verdict.beyond_margin
    assert 'arm "b" reached the target in 50 % of its runs' in verdict.reason


def test_a_bound_the_other_way_has_no_lower_end(made):
    plan = made.plan()
    verdict = one(plan, made.table(plan, time=censored(made, slow="a")))
    assert (verdict.decision, verdict.bound, verdict.low) == (REFUTED, "at_least", -INF)
    assert verdict.high is not None
    assert verdict.high < 0


def test_a_fifth_that_never_reaches_is_no_bound_yet(made):
    plan = made.plan()
    verdict = one(plan, made.table(plan, time=censored(made, share=0.2)))
    assert (verdict.decision, verdict.bound) == (SUPPORTED, "exact")


def test_an_arm_that_never_reaches_against_one_that_always_does_is_evidence_not_a_guard(made):
    plan = made.plan(n=10)
    verdict = one(plan, made.table(plan, time={"a": [4.0] * 10, "b": [INF] * 10}))
    assert (verdict.decision, verdict.bound) == (SUPPORTED, "at_least")
    assert verdict.effect == pytest.approx(math.log(1000 / 4))
    # All differences are equal: the interval is one step of the grid, here 2 iterations at 4.
    assert verdict.low == pytest.approx(verdict.effect - math.log(6 / 4))
    assert verdict.p_value == 2 / 2**10


def test_runs_that_stop_at_the_budget_are_not_called_equal(made):
    plan = made.plan(faster("a", than="b"), same("a", "b"))
    times = made.times(ratio=1.0, spread=0.005, base=500)
    for arm in times:
        times[arm][:8] = INF
    for verdict in decide(plan, made.table(plan, time=times)):
        assert verdict.decision == UNDECIDED
        assert "look more alike than they are" in verdict.reason


def test_the_faster_arms_own_censoring_is_mentioned(made):
    plan = made.plan()
    times = made.times(ratio=4.0, spread=0.1)
    times["a"][:5] = INF
    times["b"] *= 2
    times["a"][5:] /= 20
    verdict = one(plan, made.table(plan, time=times))
    assert (verdict.decision, verdict.bound) == (SUPPORTED, "exact")
    assert 'arm "a" reached the target in 75 % of its runs' in verdict.reason


@pytest.mark.parametrize(("slow", "decision"), [("a", SUPPORTED), ("b", UNDECIDED)])
def test_a_contrast_is_decided_only_if_the_budget_cannot_have_made_it(made, slow, decision):
    claim = contrast("iterations", {"a": 1, "b": -1, "c": -1, "d": 1})
    plan = made.plan(claim, arms="abcd")
    rng = np.random.default_rng(5)
    times = {arm: 100 * np.exp(0.05 * rng.normal(size=20)) for arm in "abcd"}
    times["d"] *= 8
    times[slow] = np.where(np.arange(20) < 6, INF, times[slow])
    verdict = one(plan, made.table(plan, time=times))
    assert verdict.decision == decision
    if decision == SUPPORTED:
        assert (verdict.bound, verdict.high) == ("at_least", None)
    else:
        assert "may themselves have made this contrast" in verdict.reason


# --- guards, in their order ---------------------------------------------------------------------------------


def guarded(plan, table, match):
    verdict = one(plan, table)
    assert verdict.decision == UNDECIDED
    assert match in verdict.reason
    assert not verdict.beyond_margin
    assert headline(verdict, plan).startswith("undecided: ")
    return verdict


def test_a_plan_whose_pilot_is_not_done_is_undecided(made):
    plan = made.plan(margins=(), budget=None, target=None)
    verdict = guarded(plan, RunTable(made.facts(), []), "the pilot is not finished")
    assert math.isnan(verdict.margin)
    assert verdict.claim == plan.claims[0]


def test_no_target_because_no_arm_learned(made):
    plan = made.plan(target=None)
    verdict = guarded(plan, made.table(plan), "no arm learned in the pilot")
    assert math.isnan(verdict.effect)


@pytest.mark.parametrize("n", [1, 3, 20])
def test_a_target_that_hardly_any_run_reaches_is_too_hard(made, n):
    plan = made.plan(n=n)
    never = {arm: np.full(n, INF) for arm in "ab"}
    guarded(plan, made.table(plan, time=never), "the target is too hard")
    if n == 20:
        never["a"][:3] = 100
        guarded(plan, made.table(plan, time=never), 'arm "a" reached it in 15 % of its runs, arm "b" in 0 %')
        never["a"][:4] = 100
        assert "too hard" not in one(plan, made.table(plan, time=never)).reason


def test_a_target_reached_at_once_is_too_easy(made):
    plan = made.plan()
    times = {"a": np.full(20, 0.5), "b": np.linspace(0.1, 1.9, 20)}
    guarded(plan, made.table(plan, time=times), "the target is too easy")
    guarded(plan, made.table(plan, cost={arm: [0.1] * 20 for arm in "ab"}), "the target is too easy")
    times["b"] += 4
    assert "too easy" not in one(plan, made.table(plan, time=times)).reason


@pytest.mark.parametrize("n", [0, 1, 4])
def test_fewer_than_five_pairs_decide_nothing(made, n):
    plan = made.plan(n=n)
    table = made.table(plan, time=made.times(n=n, ratio=50.0))
    reason = "with a finished run in every arm" if n else '"a" and "b" share no seed with a finished run'
    verdict = guarded(plan, table, reason)
    assert verdict.seeds == n
    assert verdict.seeds_needed == 6
    assert "It takes at least 6 seeds to decide" in headline(verdict, plan)


def test_seeds_that_failed_are_counted_in_the_reason(made):
    plan = made.plan(n=6)
    table = made.table(plan, time=made.times(n=6), failed={"b": ["boom", "boom", None, None, None, None]})
    guarded(plan, table, "only 4 seeds with a finished run in every arm; 2 of the plan are missing")


@pytest.mark.parametrize(
    "claim", [faster("a", than="b"), lower_cost("a", than="b"), same("a", "b", of="gap")]
)
def test_arms_that_are_identical_are_undecided(made, claim):
    plan = made.plan(claim)
    times = made.times()["a"]
    guarded(plan, made.table(plan, time={"a": times, "b": times}), "the arms are identical in this outcome")


def test_the_sign_flip_floor_says_how_many_seeds_are_needed(made):
    plan = made.plan(n=5)
    verdict = guarded(
        plan, made.table(plan, time=made.times(n=5, ratio=5.0, spread=0.01)), "p-value below 0.0625"
    )
    assert verdict.seeds_needed == 6
    six = made.plan(n=6)
    assert one(six, made.table(six, time=made.times(n=6, ratio=5.0, spread=0.01))).decision == SUPPORTED


def test_more_claims_need_more_seeds_and_too_many_are_told_so(made):
    claims = [faster("a", than="b", margin=1 + (k + 1) / 1000) for k in range(6)]
    plan = made.plan(*claims, n=6)
    times = made.times(n=6, ratio=5.0, spread=0.01)
    assert {v.seeds_needed for v in decide(plan, made.table(plan, time=times))} == {8}
    tiny = made.plan(n=20, alpha=1e-5)
    verdict = guarded(tiny, made.table(tiny, time=made.times()), "make fewer claims")
    assert verdict.seeds_needed is None


def test_a_reading_that_does_not_apply_is_undecided_and_says_why(made):
    plan = made.plan(lower("saturation", "a", than="b", site="2"))
    guarded(plan, made.table(plan), 'saturation at site 2 has no value in any run of "a" and "b"')
    relu = made.plan(lower("slope", "a", than="b"))
    table = made.table(relu, reading={"a": [NAN] * 20})
    guarded(relu, table, 'slope has no value in any run of "a"')


def test_a_reading_that_many_runs_lack_is_undecided_and_one_that_few_lack_is_not(made):
    plan = made.plan(lower("slope", "a", than="b"))
    rng = np.random.default_rng(6)
    a, b = 0.3 + 0.01 * rng.normal(size=20), 0.6 + 0.01 * rng.normal(size=20)
    a[:4] = NAN
    verdict = one(plan, made.table(plan, reading={"a": a, "b": b}))
    assert (verdict.decision, verdict.seeds) == (SUPPORTED, 16)
    a[:5] = NAN
    guarded(plan, made.table(plan, reading={"a": a, "b": b}), "slope is missing at 5 of 20 seeds")


def test_an_unknown_site_is_refused(made):
    plan = made.plan(lower("slope", "a", than="b", site="nowhere"))
    with pytest.raises(PlanError, match="no site 'nowhere'"):
        decide(plan, made.table(plan))


# --- equal differences --------------------------------------------------------------------------------------


def test_equal_differences_of_an_error_are_known_to_one_held_out_example(made):
    plan = made.plan(lower_error("a", than="b", margin=0.001), n=8)
    verdict = one(plan, made.table(plan, held_error={"a": [0.1] * 8, "b": [0.1 + 3 / 360] * 8}))
    assert verdict.decision == SUPPORTED
    assert (verdict.low, verdict.high) == (pytest.approx(2 / 360), pytest.approx(4 / 360))
    same_size = one(plan, made.table(plan, held_error={"a": [0.1] * 8, "b": [0.1 + 0.5 / 360] * 8}))
    assert same_size.decision == UNDECIDED
    assert "smaller than what the measurement resolves" in same_size.reason
    assert same_size.seeds_needed is None


def test_equal_differences_of_a_cost_or_a_regression_error_are_known_to_rounding(made):
    plan = made.plan(lower_cost("a", than="b"), lower_error("a", than="b", margin=0.001), n=8)
    table = made.table(
        plan,
        facts=made.facts(error_unit="target"),
        cost={"a": [0.5] * 8, "b": [0.75] * 8},
        held_error={"a": [0.1] * 8, "b": [0.2] * 8},
    )
    for verdict, effect in zip(decide(plan, table), (0.25, 0.1), strict=True):
        assert verdict.decision == SUPPORTED
        assert 0 < verdict.high - verdict.low < 1e-5
        assert verdict.effect == pytest.approx(effect)


# --- what must change nothing -------------------------------------------------------------------------------


def values(verdict):
    return replace(verdict, claim=faster("x", than="y"), reached=(), reason="")


def renamed(plan, table, names):
    """The same study with other names for its arms."""
    claims = tuple(replace(c, weights=tuple((names[a], w) for a, w in c.weights)) for c in plan.claims)
    other = replace(
        plan,
        arms=tuple(replace(a, name=names[a.name]) for a in plan.arms),
        claims=claims,
        rates=tuple((names[a], r) for a, r in plan.rates),
    )
    traces = [replace(t, key=replace(t.key, arm=names[t.key.arm])) for t in table]
    return other, RunTable(table.facts, traces)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_renaming_the_arms_changes_nothing_but_names(made, share):
    plan = made.plan(faster("a", than="b"), same("b", "a"), lower_cost("b", than="a"))
    table = made.table(plan, time=censored(made, share), held_error={})
    for names in ({"a": "b", "b": "a"}, {"a": "zz", "b": "none"}):
        assert list(map(values, decide(*renamed(plan, table, names)))) == list(
            map(values, decide(plan, table))
        )


def test_the_order_of_runs_arms_and_claims_changes_no_verdict(made):
    claims = faster("a", than="b"), lower_cost("b", than="a"), same("a", "b")
    plan = made.plan(*claims)
    table = made.table(plan, time=made.times(ratio=1.2))
    expected = dict(zip(claims, decide(plan, table), strict=True))
    rng = np.random.default_rng(7)
    shuffled = RunTable(table.facts, [list(table)[k] for k in rng.permutation(len(table))])
    order = (2, 0, 1)
    other = replace(
        plan,
        arms=plan.arms[::-1],
        claims=tuple(claims[k] for k in order),
        margins=tuple(plan.margins[k] for k in order),
    )
    assert decide(other, shuffled) == tuple(expected[claims[k]] for k in order)


def test_the_order_of_seeds_changes_no_decision(made):
    plan = made.plan()
    table = made.table(plan, time=made.times(ratio=1.2))
    forth, back = one(plan, table), one(replace(plan, seeds=plan.seeds[::-1]), table)
    assert back.decision == forth.decision
    assert back.p_value == forth.p_value
    assert back.low == pytest.approx(forth.low, rel=1e-12)


quantity = st.one_of(st.floats(0.0, 1500.0), st.sampled_from([0.0, 1.0, 500.0, math.inf]), st.just(math.nan))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 9).flatmap(lambda n: st.lists(st.tuples(quantity, quantity), min_size=n, max_size=n)))
def test_no_table_makes_decide_raise_and_swapping_the_arms_negates_the_effect(made, pairs):
    claims = (
        faster("a", than="b"),
        faster("b", than="a"),
        lower_cost("a", than="b"),
        same("a", "b"),
        lower("slope", "a", than="b"),
        lower("gap", "a", than="b"),
    )
    plan = made.plan(*claims, n=len(pairs), alpha=0.3)
    by_arm = {arm: [pair[k] for pair in pairs] for k, arm in enumerate("ab")}
    table = made.table(plan, time=by_arm, held_cost=by_arm, reading=by_arm)
    verdicts = decide(plan, table)
    for verdict in verdicts:
        sentence = headline(verdict, plan)
        assert sentence.startswith(f"{verdict.decision}: ")
        assert "nan" not in sentence
        if verdict.decision == UNDECIDED:
            assert verdict.reason
        if verdict.seeds < 5:
            assert verdict.decision == UNDECIDED
    there, back = verdicts[:2]
    mirror = {SUPPORTED: REFUTED, REFUTED: SUPPORTED}
    assert back.decision == mirror.get(there.decision, there.decision)
    if not math.isnan(there.effect):
        assert back.effect == -there.effect
    if there.high is not None and not math.isnan(there.low) and there.low != -INF:
        assert (back.low, back.high) == (-there.high, -there.low)


@pytest.mark.parametrize("diverged_at", [0, 1, 500])
def test_studies_in_which_everything_diverges_do_not_raise(made, diverged_at):
    claims = [make("a", than="b") for make in (faster, lower_cost, lower_error)]
    plan = made.plan(*claims, lower("slope", "a", than="b"))
    table = made.table(plan, diverged_at={arm: [diverged_at] * 20 for arm in "ab"})
    assert {v.decision for v in decide(plan, table)} == {UNDECIDED}


def test_a_study_without_claims_has_no_verdicts(made):
    plan = Plan(arms=(Arm("a"),), claims=(), cost="cross_entropy", seeds=(1, 2))
    assert decide(plan, RunTable(made.facts(), [])) == ()
