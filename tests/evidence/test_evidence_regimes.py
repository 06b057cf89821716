"""Verdicts between regimes: claims across them, whether an effect differs, and the summary of all."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hunch.errors import PlanError
from hunch.evidence import (
    DEPENDS,
    FAILS,
    HOLDS,
    MIXED,
    NO_MEANINGFUL_DIFFERENCE,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Found,
    compare_noise,
    compare_regimes,
    decide,
    decide_across,
    describe_between,
    summarise,
)
from hunch.plan import Claim, faster, lower, same
from hunch.stats import noise_ratio, paired_interval
from hunch.traces import RunTable

COST = lower("held_out_cost", "a", than="b", margin=0.05)
ALPHA = 0.05


@pytest.fixture(scope="module")
def parts(made):
    """Regime → plan and runs, from regime → arm → held-out cost per seed."""

    def make(costs, *claims, **plan_changes):
        found = {}
        for regime, by_arm in costs.items():
            n = len(next(iter(by_arm.values())))
            plan = made.plan(*(claims or (COST,)), arms=tuple(by_arm), n=n, **plan_changes)
            found[regime] = (plan, made.table(plan, held_cost=by_arm))
        return found

    return make


def costs(rng, effect, n=20, spread=0.1, shared=0.1):
    """Arm a is better by `effect`; the seeds have something in common."""
    block = 0.5 + shared * rng.normal(size=n)
    return {"a": block + spread * rng.normal(size=n), "b": block + effect + spread * rng.normal(size=n)}


# ---- claims across regimes ---------------------------------------------------------------------------------


def test_a_claim_across_regimes_is_judged_as_if_the_arms_stood_in_one_study(made, parts):
    rng = np.random.default_rng(1)
    one, two = costs(rng, 0.3), costs(rng, 0.1)
    claim = lower("held_out_cost", "narrow: a", than="wide: b", margin=0.05)
    [found] = decide_across(parts({"narrow": one, "wide": two}), [claim], ALPHA)
    plan = made.plan(lower("held_out_cost", "a", than="b", margin=0.05), arms=("a", "b"))
    [alone] = decide(plan, made.table(plan, held_cost={"a": one["a"], "b": two["b"]}))
    verdict = found.verdict
    assert (verdict.decision, verdict.seeds) == (alone.decision, 20)
    assert (verdict.effect, verdict.low, verdict.high) == (alone.effect, alone.low, alone.high)
    assert verdict.claim.arms == ("narrow: a", "wide: b")
    assert found.regimes == ("narrow", "wide")


def test_claims_across_share_alpha(parts):
    rng = np.random.default_rng(2)
    claims = [same(f"{x}: a", f"{y}: a", of="held_out_cost", margin=0.1) for x, y in ("AB", "AC", "BC")]
    found = decide_across(parts({name: costs(rng, 0.1) for name in "ABC"}), claims, ALPHA)
    assert [f.verdict.alpha for f in found] == [pytest.approx(ALPHA / 3)] * 3


def test_a_margin_that_is_not_named_comes_from_the_pilots_of_all_regimes(made, parts):
    rng = np.random.default_rng(3)
    found = parts({"A": costs(rng, 0.1), "B": costs(rng, 0.1)})
    for name, low in (("A", 0.7), ("B", 0.4)):
        plan, table = found[name]
        pilot = [made.trace("a", s, stage="pilot", held_cost=low) for s in plan.pilot_seeds]
        found[name] = plan, RunTable(table.facts, [*table, *pilot])
    claim = lower("held_out_cost", "A: a", than="B: b")
    [answer] = decide_across(found, [claim], ALPHA)
    assert answer.verdict.margin == pytest.approx(0.05 * (made.facts().c0_held - 0.4))


def test_a_sentence_across_names_regimes_and_arms(parts):
    rng = np.random.default_rng(4)
    claim = same("A: a", "B: a", of="held_out_cost", margin=0.3)
    [found] = decide_across(parts({"A": costs(rng, 0.1), "B": costs(rng, 0.1)}), [claim], ALPHA)
    assert describe_between(found).startswith("supported: A: a and B: a end at about the same held-out cost")


CLAIM = lower("held_out_cost", "A: a", than="B: a", margin=0.05)
REFUSED = {
    "other budgets": ({"budget": 500}, CLAIM, "A and B ran for 1,000 and 500 iterations, which makes them no fair"),
    "other seeds": ({"seeds": tuple(range(5, 25))}, CLAIM, "A and B have different seeds"),
    "other data": ({"data_hash": "f"}, CLAIM, "A and B were judged on different data"),
    "looks": ({"looks": (10, 20)}, CLAIM, "may stop after different numbers of seeds"),
    "no pilot": ({"margins": ()}, CLAIM, "the pilot of A and B has not ended"),
    "other targets": ({"target": 0.3}, faster("A: a", than="B: a"), "A and B have different targets"),
    "tuned for another outcome": (
        {"tuning": "replicated", "grids": (("a", (0.1,)), ("b", (0.1,)))},
        faster("A: a", than="B: a"),
        "a in B was not tuned for iterations",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "claim", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compared_is_undecided_and_says_why(parts, change, claim, words):
    rng = np.random.default_rng(5)
    found = parts({"A": costs(rng, 0.1), "B": costs(rng, 0.1)})
    plan, table = found["B"]
    found["B"] = replace(plan, **change), table
    [answer] = decide_across(found, [claim], ALPHA)
    assert answer.verdict.decision == UNDECIDED
    assert words in answer.verdict.reason
    assert math.isnan(answer.verdict.effect)
    assert describe_between(answer).startswith("undecided: ")


def test_what_fits_is_not_refused(parts):
    rng = np.random.default_rng(5)
    for claim in (CLAIM, faster("A: a", than="B: a")):
        [found] = decide_across(parts({"A": costs(rng, 0.1), "B": costs(rng, 0.1)}), [claim], ALPHA)
        assert found.verdict.seeds == 20


def test_an_arm_of_no_regime_is_refused_with_those_that_there_are(parts):
    rng = np.random.default_rng(6)
    with pytest.raises(PlanError, match='no arm "C: a". Across regimes the arms are A: a, A: b, B: a, B: b'):
        decide_across(
            parts({"A": costs(rng, 0.1), "B": costs(rng, 0.1)}), [faster("A: a", than="C: a")], ALPHA
        )


# ---- does an effect differ between regimes? ------------------------------------------------------------------


def test_an_effect_that_differs_is_found_with_its_size_and_its_side(parts):
    rng = np.random.default_rng(7)
    [found] = compare_regimes(parts({"narrow": costs(rng, 0.0), "wide": costs(rng, 0.4)}), ALPHA)
    assert found.is_supported
    assert found.regimes == ("narrow", "wide")
    assert found.verdict.effect == pytest.approx(-0.4, abs=0.1)
    said = describe_between(found)
    assert said.startswith('different: the effect "a lower held_out_cost than b" is 0.')
    assert "larger in wide than in narrow (95 % interval" in said


def test_the_difference_is_that_of_the_effects_seed_by_seed(parts):
    rng = np.random.default_rng(8)
    one, two = costs(rng, 0.1), costs(rng, 0.2)
    [found] = compare_regimes(parts({"A": one, "B": two}), ALPHA)
    d = (one["b"] - one["a"]) - (two["b"] - two["a"])
    assert found.verdict.effect == pytest.approx(d.mean())
    assert (found.verdict.low, found.verdict.high) == pytest.approx(
        [float(end) for end in paired_interval(d, ALPHA)]
    )


def test_claims_that_point_the_other_way_ask_the_same_question(parts):
    rng = np.random.default_rng(9)
    one, two = costs(rng, 0.1), costs(rng, 0.5)
    alike = parts({"A": one, "B": two})
    turned = alike | parts({"B": two}, lower("held_out_cost", "b", than="a", margin=0.05))
    assert compare_regimes(turned, ALPHA)[0].verdict.effect == compare_regimes(alike, ALPHA)[0].verdict.effect


def test_claims_about_other_arms_or_outcomes_ask_nothing_in_common(parts):
    rng = np.random.default_rng(10)
    other = parts({"B": costs(rng, 0.1)}, lower("gap", "a", than="b", margin=0.05))
    renamed = parts({"B": {"a": rng.normal(size=20), "c": rng.normal(size=20)}}, faster("a", than="c"))
    assert compare_regimes(parts({"A": costs(rng, 0.1)}) | other, ALPHA) == ()
    assert compare_regimes(parts({"A": costs(rng, 0.1)}) | renamed, ALPHA) == ()


def test_alpha_is_shared_by_all_pairs_and_questions(parts):
    rng = np.random.default_rng(11)
    claims = (COST, lower("gap", "a", than="b", margin=0.05))
    found = compare_regimes(parts({name: costs(rng, 0.1) for name in "ABC"}, *claims), ALPHA)
    assert len(found) == 6
    assert {f.verdict.alpha for f in found} == {ALPHA / 6}


def test_only_seeds_that_both_regimes_have_are_paired(made, parts):
    rng = np.random.default_rng(12)
    whole = parts({"A": costs(rng, 0.1, n=40), "B": costs(rng, 0.3, n=40)}, looks=(10, 20, 40))
    plan, table = whole["B"]
    whole["B"] = plan, RunTable(table.facts, [t for t in table if t.key.seed < 20])
    [found] = compare_regimes(whole, ALPHA)
    assert found.verdict.seeds in (10, 20)  # decided at the first look, or seen as far as B went


def test_regimes_of_other_budgets_and_targets_are_compared_each_by_its_own(made):
    def regime(ratio, budget, target, seed):
        plan = made.plan(faster("a", than="b"), budget=budget, target=target)
        return plan, made.table(plan, time=made.times(ratio=ratio, seed=seed))

    [found] = compare_regimes({"A": regime(2.0, 1000, 0.25, 1), "B": regime(4.0, 2000, 0.3, 2)}, ALPHA)
    assert found.is_supported
    assert math.exp(-found.verdict.effect) == pytest.approx(2.0, rel=0.2)
    assert "times as large in B as in A" in describe_between(found)


def test_censoring_that_may_have_made_a_difference_decides_nothing(made):
    def regime(b):
        plan = made.plan(faster("a", than="b"), budget=1000)
        return plan, made.table(plan, time=made.times(seed=3) | {"b": b})

    rng = np.random.default_rng(13)
    # In A arm b hardly ever reaches: its effect is larger than it looks, so that B's may only seem the larger one.
    hidden = np.where(np.arange(20) < 15, np.inf, 500.0)
    [found] = compare_regimes(
        {"A": regime(hidden), "B": regime(2000 * np.exp(0.01 * rng.normal(size=20)))}, ALPHA
    )
    assert not found.is_supported


def false_differences(made, n_studies, *, n=12, looks=(), seed=20260, spread=(0.1, 0.1), shift=0.0):
    """Share of studies in which equal effects are told apart; each regime stops where its own claim is decided."""
    rng, wrong = np.random.default_rng(seed), 0
    for _ in range(n_studies):
        found = {}
        for name, scale, effect in zip("AB", spread, (0.1, 0.1 + shift), strict=True):
            plan = made.plan(COST, n=n, looks=looks, target=None, budget=20)
            values = costs(rng, effect, n=n, spread=scale)
            table = made.table(plan, held_cost=values)
            stop = decide(plan, table)[0].looks[-1]
            found[name] = plan, RunTable(table.facts, [t for t in table if t.key.seed < stop])
        wrong += any(each.is_supported for each in compare_regimes(found, ALPHA))
    return wrong / n_studies


def limit(n_studies):
    """alpha and three Monte-Carlo errors."""
    return ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / n_studies)


@pytest.mark.parametrize(("looks", "n"), [((), 12), ((10, 20, 40), 40)], ids=["one look", "three looks"])
def test_equal_regimes_are_called_different_with_probability_alpha_at_most(made, looks, n):
    assert false_differences(made, 150, n=n, looks=looks, spread=(0.05, 0.2)) <= limit(150)


def test_the_count_of_false_differences_can_fail(made):
    assert false_differences(made, 60, shift=0.2) > limit(60)


@pytest.mark.slow
@pytest.mark.parametrize(("looks", "n"), [((), 12), ((10, 20, 40, 80), 80)], ids=["one look", "four looks"])
@pytest.mark.parametrize("spread", [(0.1, 0.1), (0.05, 0.3)], ids=["alike", "unlike"])
def test_equal_regimes_are_called_different_with_probability_alpha_at_most_in_many(made, looks, n, spread):
    assert false_differences(made, 800, n=n, looks=looks, spread=spread) <= limit(800)


# ---- the summary -----------------------------------------------------------------------------------------------


def found(claim=COST, **by_regime):
    return [Found(name, claim.text, word) for name, words in by_regime.items() for word in words.split(" | ")]


@pytest.mark.parametrize(
    ("verdicts", "predicts", "word", "text"),
    [
        (found(A="supported", B="supported"), SUPPORTED, HOLDS, "holds: all 2 verdicts are as the statement predicts"),
        (found(A="refuted"), REFUTED, HOLDS, "holds: the verdict is as the statement predicts (refuted)"),
        (found(A="refuted", B=NO_MEANINGFUL_DIFFERENCE), SUPPORTED, FAILS, "(1 refuted, 1 no meaningful difference)"),
        (found(A="supported", B="supported"), REFUTED, FAILS, "(2 supported; it predicts refuted)"),
        (found(A="refuted", B=NO_MEANINGFUL_DIFFERENCE), "not supported", HOLDS, "(1 refuted, 1 no meaningful"),
        (found(A="supported"), "not supported", FAILS, "(supported; it predicts not supported)"),
        (found(A="undecided", B="undecided"), SUPPORTED, UNDECIDED, "undecided: all 2 verdicts are undecided"),
        ([], SUPPORTED, UNDECIDED, "undecided: there is no verdict"),
        (found(A="supported", B="undecided"), SUPPORTED, MIXED, "mixed, per regime: A: supported; B: undecided"),
        (found(A="supported | refuted"), SUPPORTED, MIXED, "mixed: 1 supported, 1 refuted"),
        (found(A="undecided", B="refuted"), SUPPORTED, MIXED, "mixed, per regime: A: undecided; B: refuted"),
    ],
)  # fmt: skip
def test_the_summary_says_what_all_verdicts_come_to(verdicts, predicts, word, text):
    summary = summarise(verdicts, (), predicts)
    assert summary.word == word
    assert text in summary.text
    assert summary.text.startswith(word)


def test_it_depends_on_the_regime_only_where_a_difference_is_itself_supported(parts):
    verdicts = found(A="supported", B="refuted")
    rng = np.random.default_rng(14)
    for effect, word in ((-0.4, DEPENDS), (0.12, MIXED)):
        between = compare_regimes(parts({"A": costs(rng, 0.1), "B": costs(rng, effect)}), ALPHA)
        summary = summarise(verdicts, between, SUPPORTED)
        assert summary.word == word
    assert summary.text.endswith("no difference between regimes that would explain it is supported")


def test_a_difference_between_regimes_with_equal_verdicts_explains_nothing(parts):
    rng = np.random.default_rng(15)
    made = parts({"A": costs(rng, 0.1), "B": costs(rng, 0.6), "C": costs(rng, 0.1)})
    between = compare_regimes(made, ALPHA)
    assert [b.is_supported for b in between] == [True, False, True]
    verdicts = found(A="supported", B="supported", C="undecided")
    assert summarise(verdicts, between[:2], SUPPORTED).word == MIXED
    assert summarise(verdicts, between, SUPPORTED).word == DEPENDS


def test_a_difference_that_the_statement_predicts_explains_nothing(parts):
    rng = np.random.default_rng(17)
    turned = lower("held_out_cost", "b", than="a", margin=0.05)
    made = parts({"A": costs(rng, 0.4)}) | parts({"B": costs(rng, 0.0)}, turned)
    [answer] = compare_regimes(made, ALPHA)
    assert (answer.is_supported, answer.opposed) == (True, True)
    verdicts = found(A="supported") + found(turned, B=NO_MEANINGFUL_DIFFERENCE)
    assert summarise(verdicts, [answer], SUPPORTED).text == (
        "mixed, per regime: A: supported; B: no meaningful difference"
    )


def test_a_contrast_of_three_arms_can_differ_too(parts):
    rng = np.random.default_rng(16)
    halfway = Claim("same", "held_out_cost", (("a", -1.0), ("b", 0.5), ("c", 0.5)), 0.05)

    def three(bent):
        low, high = rng.normal(0.5, 0.02, 20), rng.normal(0.9, 0.02, 20)
        return {"a": (low + high) / 2 + bent + rng.normal(0, 0.02, 20), "b": low, "c": high}

    [answer] = compare_regimes(parts({"A": three(0.0), "B": three(0.3)}, halfway), ALPHA)
    assert answer.is_supported
    assert answer.verdict.effect == pytest.approx(0.3, abs=0.05)


# ---- two knobs on several networks -----------------------------------------------------------------------------


def tuned(first, second, seeds=None):
    """What two knobs showed on a network, as far as it is looked at: outcomes (seeds, doses) under each."""
    seeds = tuple(range(len(first))) if seeds is None else seeds
    sides = [
        SimpleNamespace(knob=knob, curve=SimpleNamespace(seen=SimpleNamespace(seeds=seeds))) for knob in "kl"
    ]
    return SimpleNamespace(first=sides[0], second=sides[1], noise=noise_ratio(first, second))


def noises(rng, ratio, n=40):
    return tuned(ratio * rng.normal(size=(n, 5)), rng.normal(size=(n, 5)))


def test_a_ratio_of_scatter_that_differs_between_networks_is_found():
    rng = np.random.default_rng(18)
    [answer] = compare_noise({"narrow": noises(rng, 3.0), "wide": noises(rng, 1.0)}, ALPHA)
    assert answer.is_supported
    assert math.exp(answer.log_ratio) == pytest.approx(3.0, rel=0.3)
    assert describe_between(answer).startswith(
        "different: the scatter under k, relative to that under l, is "
    )
    assert "times as large in narrow as in wide (95 % interval" in describe_between(answer)
    told = [Found("narrow", "x", "supported"), Found("wide", "x", NO_MEANINGFUL_DIFFERENCE)]
    assert summarise(told, [answer], SUPPORTED).word == DEPENDS
    alike = compare_noise({"narrow": noises(rng, 1.0), "wide": noises(rng, 1.0)}, ALPHA)
    assert summarise(told, alike, SUPPORTED).word == MIXED


def test_networks_are_compared_at_seeds_that_both_have_and_share_alpha():
    rng = np.random.default_rng(19)
    shifted = tuned(rng.normal(size=(40, 5)), rng.normal(size=(40, 5)), seeds=tuple(range(10, 50)))
    apart = tuned(rng.normal(size=(40, 5)), rng.normal(size=(40, 5)), seeds=tuple(range(100, 140)))
    found = compare_noise({"A": noises(rng, 1.0), "B": shifted, "C": apart}, ALPHA)
    assert [(f.regimes, f.seeds, f.alpha) for f in found] == [(("A", "B"), 30, ALPHA / 3)]


def test_a_network_without_a_ratio_is_left_out():
    rng = np.random.default_rng(20)
    few = tuned(rng.normal(size=(9, 5)), rng.normal(size=(9, 5)))
    assert compare_noise({"A": noises(rng, 1.0), "B": few, "C": None}, ALPHA) == ()


def false_noise_differences(n_studies, other=1.0):
    rng = np.random.default_rng(21)
    found = [
        compare_noise({"A": noises(rng, 1.0, 20), "B": noises(rng, other, 20)}, ALPHA)
        for _ in range(n_studies)
    ]
    return sum(each[0].is_supported for each in found) / n_studies


def test_equal_networks_are_called_different_with_probability_alpha_at_most():
    assert false_noise_differences(400) <= limit(400)
    assert false_noise_differences(50, other=2.0) > limit(50)
