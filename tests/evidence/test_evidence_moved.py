"""Which readings moved, from runs whose readings are given; and the sentences about it."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from hunch.evidence import (
    GRADIENT_RANGE,
    NO_MEANINGFUL_DIFFERENCE,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    change_text,
    decide,
    describe_moved,
    describe_rule,
    describe_sure,
    find_moved,
    sensitivity,
)
from hunch.evidence.moved import COMPARED, gradient_range
from hunch.evidence.moved_text import _WORDS
from hunch.plan import RECORDED, contrast, faster, lower

N = 12


def readings(**given):
    """(K, 2): every reading 0.5 at both layers, but for those that are named."""
    out = np.full((len(RECORDED), 2), 0.5)
    for name, value in given.items():
        out[RECORDED.index(name)] = value
    return out


def study(made, per_arm, claim=None, n=N, arms=("a", "b"), wobble=0.01, **changes):
    """(plan, table, verdict) where arm a takes half as long as b, and readings vary a little over seeds."""
    plan = made.plan(claim or faster("a", than="b"), arms=arms, n=n, **changes)
    rng = np.random.default_rng(3)
    shaken = {
        arm: [base * np.exp(wobble * rng.standard_normal(base.shape)) for _ in range(n)]
        for arm, base in per_arm.items()
    }
    times = {arm: made.times(n=n)["a" if k == 0 else "b"] for k, arm in enumerate(arms)}
    table = made.table(plan, time=times, reading=shaken)
    return plan, table, decide(plan, table)[0]


def changes_of(found):
    return {change.reading: change for change in found.readings}


def test_a_planted_difference_is_found_with_its_size_and_all_others_are_not(made):
    per_arm = {"a": readings(saturation=0.2), "b": readings(saturation=0.6)}
    found = find_moved(*study(made, per_arm))
    assert [change.reading for change in found.moved] == ["saturation"]
    change = changes_of(found)["saturation"]
    assert change.first == pytest.approx(0.2, abs=0.01)
    assert change.second == pytest.approx(0.6, abs=0.01)
    assert change.low < change.effect < change.high < 0
    assert change.effect == pytest.approx(-0.4, abs=0.01)
    assert found.alpha == pytest.approx(0.05 / len(found.readings))
    assert found.seeds == N


def test_ratios_are_compared_on_the_logarithm(made):
    per_arm = {"a": readings(update_shift=0.03), "b": readings(update_shift=0.01)}
    change = changes_of(find_moved(*study(made, per_arm)))["update_shift"]
    assert change.is_ratio
    assert change.has_moved
    assert math.exp(change.effect) == pytest.approx(3, rel=0.02)
    assert change_text(change)[0] == "3 times" or change_text(change)[0].startswith(("2.9", "3.0"))


def test_a_sure_but_tiny_difference_has_not_moved(made):
    per_arm = {
        "a": readings(saturation=0.20, update_shift=0.0105),
        "b": readings(saturation=0.24, update_shift=0.01),
    }
    found = find_moved(*study(made, per_arm, wobble=1e-4))
    by_name = changes_of(found)
    assert by_name["saturation"].high < 0
    assert by_name["update_shift"].low > 0
    assert found.moved == ()


def test_a_large_but_unsure_difference_has_not_moved(made):
    found = find_moved(*study(made, {"a": readings(), "b": readings()}, wobble=0.8))
    assert any(abs(change.effect) > 0.05 for change in found.readings)
    assert found.moved == ()


def test_the_reading_of_the_claim_does_not_explain_itself(made):
    per_arm = {"a": readings(saturation=0.2), "b": readings(saturation=0.6)}
    found = find_moved(*study(made, per_arm, lower("saturation", "a", than="b")))
    assert "saturation" not in changes_of(found)
    assert found.moved == ()


def test_what_does_not_apply_is_named_and_spends_no_alpha(made):
    per_arm = {"a": readings(saturation=np.nan), "b": readings(saturation=0.6)}
    found = find_moved(*study(made, per_arm))
    assert found.absent == ("saturation",)
    # Gradient predictiveness was not asked for: it is neither compared nor missed.
    assert found.alpha == pytest.approx(0.05 / (len(COMPARED) - 2))


def test_what_was_asked_for_is_compared_too(made):
    per_arm = {
        arm: np.concatenate([readings(), np.full((3, 2), change)]) for arm, change in (("a", 0.1), ("b", 0.4))
    }
    found = find_moved(*study(made, per_arm))
    assert changes_of(found)["gradient_predictiveness"].has_moved
    assert "gradient_predictiveness" not in found.absent


def test_only_the_seeds_of_the_verdict_are_compared(made):
    per_arm = {"a": readings(), "b": readings()}
    plan, table, verdict = study(made, per_arm)
    assert find_moved(plan, table, replace(verdict, looks=(5,))).seeds == 5


def test_a_contrast_has_no_two_arms_to_compare(made):
    per_arm = {arm: readings() for arm in "abc"}
    claim = contrast("cost", {"a": 1, "b": -0.5, "c": -0.5}, margin=0.1)
    plan = made.plan(claim, arms=("a", "b", "c"), n=N)
    table = made.table(plan, reading={arm: [base] * N for arm, base in per_arm.items()})
    found = find_moved(plan, table, decide(plan, table)[0])
    assert found is None
    assert describe_moved(found, SUPPORTED).startswith("Readings are compared between two arms")


def test_five_seeds_are_too_few_and_it_says_how_many_are_not(made):
    per_arm = {"a": readings(saturation=0.2), "b": readings(saturation=0.6)}
    found = find_moved(*study(made, per_arm, n=5))
    assert found.is_too_few
    assert found.moved == ()
    assert re.fullmatch(
        r"5 seeds are too few to say which reading moved: \d are needed for \d readings together\.",
        describe_moved(found, SUPPORTED),
    )


def test_the_gradient_range_is_the_largest_over_the_smallest_layer(made):
    trace = made.trace("a", 0, reading=readings(gradient_norm=[0.3, 0.1]))
    assert gradient_range(trace) == pytest.approx(3)
    assert math.isnan(gradient_range(made.trace("a", 0, reading=readings(gradient_norm=[0.3, np.nan]))))
    assert math.isnan(gradient_range(made.trace("a", 0, reading=readings(gradient_norm=[0.3, 0.0]))))
    per_arm = {"a": readings(gradient_norm=[0.8, 0.1]), "b": readings(gradient_norm=[0.2, 0.1])}
    change = changes_of(find_moved(*study(made, per_arm)))[GRADIENT_RANGE]
    assert math.exp(change.effect) == pytest.approx(4, rel=0.02)


def test_arms_that_differ_in_nothing_are_seldom_said_to_have_moved(made):
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(200):
        plan = made.plan(n=N)
        given = {arm: [readings() * np.exp(0.3 * rng.standard_normal((len(RECORDED), 1))) for _ in range(N)]
                 for arm in "ab"}  # fmt: skip
        table = made.table(plan, time=made.times(n=N), reading=given)
        wrong += bool(find_moved(plan, table, decide(plan, table)[0]).moved)
    assert wrong <= 19  # 0.05 of 200, and what a binomial may lie above it (0.1 %)


@pytest.fixture(scope="module")
def moved(made):
    per_arm = {
        "a": readings(saturation=0.2, update_shift=0.03, update_weight_relative=0.02),
        "b": readings(saturation=0.6, update_shift=0.01, update_weight_relative=0.04),
    }
    return find_moved(*study(made, per_arm))


def test_the_sentence_names_the_clearest_two_with_numbers_and_never_a_cause(moved):
    text = describe_moved(moved, SUPPORTED)
    assert text.startswith("In a, compared with b, ")
    assert "the updates of the shift are 3 times larger and saturation is lower (0.2 against 0.599)" in text
    assert ", and the updates of the weights moved too" in text
    assert text.endswith("seen beside the effect, which is no proof that it is the cause.")
    assert text == describe_moved(moved, REFUTED)


def test_the_sentence_says_that_none_moved(made):
    found = find_moved(*study(made, {"a": readings(), "b": readings()}))
    text = describe_moved(found, SUPPORTED)
    assert text.startswith(
        "None of the readings moved between a and b, on average over run and layers (saturation, the slope "
    )
    assert text.endswith("so these averages do not explain the effect.")
    assert describe_moved(found, NO_MEANINGFUL_DIFFERENCE).endswith("as little as the outcome did.")


def test_an_open_effect_is_not_explained(moved):
    assert describe_moved(moved, UNDECIDED).startswith(
        "The effect is open, so there is nothing to explain yet"
    )
    assert "no proof" not in describe_moved(moved, UNDECIDED)
    assert describe_moved(moved, NO_MEANINGFUL_DIFFERENCE).startswith("The outcome is alike although in a, ")


def test_every_reading_that_is_compared_has_words_for_both_directions(moved):
    assert set(COMPARED) <= set(_WORDS)
    for name in COMPARED:
        change = replace(
            moved.readings[0], reading=name, has_moved=True, is_ratio=name not in ("saturation", "slope")
        )
        for sign in (1, -1):
            one = replace(change, effect=sign * 0.7)
            said = describe_moved(replace(moved, readings=(one,)), SUPPORTED)
            assert _WORDS[name][0] in said
            assert _WORDS[name][3 if sign > 0 else 2] in said


def test_the_rule_states_level_and_what_matters(moved):
    said = describe_rule(moved)
    assert "12 seeds" in said
    assert "0.05 (shares) or 1.1 times (others)" in said
    assert "its cause, its consequence, or neither" in said


def test_how_sure_names_the_error_the_pairs_the_test_and_other_choices(made):
    plan, table, verdict = study(made, {"a": readings(), "b": readings()})
    assert verdict.decision == SUPPORTED
    said = describe_sure(verdict, plan, sensitivity(plan, table, verdict.claim, verdict.looks[-1]))
    assert said.startswith(
        "Arms that differ in nothing would be told apart with probability at most 0.05; this rests on 12 pairs of "
        "runs, the exact sign-flip test agrees (p "
    )
    assert said.endswith(
        "and the direction is the same with an easier target, a harder one and half the budget."
    )


def test_how_sure_says_where_the_exact_test_does_not_agree_and_what_is_assumed(made):
    plan, _, verdict = study(made, {"a": readings(), "b": readings()})
    unsure = replace(verdict, p_value=0.4, decision=UNDECIDED)
    assert "the exact sign-flip test does not agree (p 0.4, needed 0.05)" in describe_sure(unsure, plan)
    equal = replace(verdict, decision=NO_MEANINGFUL_DIFFERENCE)
    assert "the whole 95 % interval lies within the margin" in describe_sure(equal, plan)
    anytime = replace(plan, looks=tuple(range(5, 13)), sequence="anytime")
    assert "(promised for Gaussian differences only)" in describe_sure(verdict, anytime)
    assert (
        describe_sure(replace(verdict, history=()), plan) == "No look has been taken yet, so nothing is sure."
    )
