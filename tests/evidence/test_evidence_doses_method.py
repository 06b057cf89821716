"""The headline of a dose-response curve, its promises, and their method, in words."""

import math
from dataclasses import replace

import pytest
from dose_tables import Asked, curve_of, noisy

from hunch.evidence import (
    curve_headline,
    curve_question,
    default_word,
    describe_dose_method,
    describe_promises,
    dose_text,
    outcome_words,
    status_words,
)
from hunch.plan import Curve

DOSES = (0.3, 0.5, 0.7, 0.8, 0.9, 1.0)


def read(made, means, doses=DOSES, knobs=("keep_prob",), default=1.0, **settings):
    curve = curve_of(*doses, knobs=knobs, default=default)
    asked = Asked(made, curve, margins=(0.1,), **settings)
    return asked, asked.read(asked.blocks(noisy(dict(zip(curve.arms, means, strict=True)), 8)))


def test_doses_side_by_side_are_a_range_in_both_conventions(made):
    _, answer = read(made, (1.2, 1.0, 0.4, 0.41, 0.42, 0.9))
    assert curve_headline(answer, made.facts()).startswith(
        "3 of 6 doses are certified near-optimal, keep 0.7 to 0.9 (PyTorch nn.Dropout: p = 0.3 to 0.1): each loses at "
        "most 0.1 against any other. The default, keep 1 (PyTorch nn.Dropout(p=0)), is not good enough: it loses at "
        "least 0."
    )
    assert default_word(answer) == "not good enough"


def test_doses_with_another_between_them_are_named_one_by_one(made):
    _, answer = read(made, (1.2, 0.4, 1.0, 0.41, 0.42, 0.9), default=0.5)
    assert "keep 0.5, 0.8, 0.9 (PyTorch nn.Dropout: p = 0.5, 0.2, 0.1): each" in curve_headline(
        answer, made.facts()
    )
    assert default_word(answer) == "good enough"


def test_one_certified_dose_is_singular_and_other_knobs_have_one_convention(made):
    _, answer = read(made, (1.2, 0.4, 1.0), doses=(0.0, 1e-5, 1.0), knobs=("l2",), default=None)
    assert curve_headline(answer, made.facts()) == (
        "1 of 3 doses is certified near-optimal, 1e-5: it loses at most 0.1 against any other."
    )
    assert default_word(answer) == ""


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ((0.4, 0.4, 0.4, 0.4, 0.4, 0.4), ", and none is excluded as best"),
        ((1.2, 0.4, 0.4, 0.4, 0.4, 0.4), "; 1 of them is excluded as best"),
        ((1.2, 1.3, 0.4, 0.4, 0.4, 0.4), "; 2 of them are excluded as best"),
    ],
)
def test_none_certified_says_how_many_are_excluded(made, means, said):
    curve = curve_of(*DOSES, knobs=("keep_prob",))
    asked = Asked(made, curve, margins=(0.001,))
    answer = asked.read(asked.blocks(noisy(dict(zip(curve.arms, means, strict=True)), 8)))
    assert not answer.of("near-optimal")
    assert curve_headline(answer, made.facts()) == (
        f"None of the 6 doses is certified near-optimal (to lose at most 0.001){said}."
    )


def test_a_curve_of_which_nothing_is_known_has_no_headline(made):
    curve = curve_of(0.0, 1.0)
    asked = Asked(made, curve)
    answer = asked.read()
    assert curve_headline(answer, made.facts()) == ""


@pytest.mark.parametrize(
    ("outcome", "question", "words"),
    [
        ("held_out_cost", "Which l2 for the lowest held-out cost?", "held-out cost"),
        ("held_out_error", "Which l2 for the lowest held-out error?", "held-out error"),
        ("iterations", "Which l2 for the fewest iterations?", "iterations to cost 0.25"),
    ],
)
def test_the_outcome_is_named(made, outcome, question, words):
    asked = Asked(made, curve_of(0.0, 1.0), outcome, target=0.25)
    answer = asked.read()
    assert curve_question(answer) == question
    assert outcome_words(answer, asked.plan, made.facts()) == words
    if outcome == "held_out_error":
        regression = made.facts(error_unit="root mean squared error")
        assert outcome_words(answer, asked.plan, regression) == "held-out error (root mean squared)"


def test_the_promises_name_alpha_and_the_default_only_where_there_is_one(made):
    asked, answer = read(made, (1.2, 1.0, 0.4, 0.41, 0.42, 0.9))
    assert len(describe_promises(answer, asked.plan)) == 4
    assert all("at most 0.05" in line for line in describe_promises(answer, asked.plan))
    without = replace(answer, default=None)
    assert len(describe_promises(without, replace(asked.plan, alpha=0.1))) == 3
    assert all("at most 0.1." in line for line in describe_promises(without, replace(asked.plan, alpha=0.1)))


@pytest.mark.parametrize(
    ("tuning", "rates"),
    [
        ("replicated", "Each dose is compared at learning rates of its own, tuned anew for every seed."),
        ("shared", "All doses are compared at one learning rate for all."),
        ("once", "All doses are compared at these learning rates."),
    ],
)
def test_the_method_names_seeds_and_rates(made, tuning, rates):
    asked, answer = read(made, (1.2, 1.0, 0.4, 0.41, 0.42, 0.9), tuning=tuning)
    method = describe_dose_method(answer, asked.plan, made.facts())
    assert "the same 8 seeds" in method[0]
    assert method[0].endswith(rates)


def test_the_method_says_where_the_margin_comes_from(made):
    asked, answer = read(made, (1.2, 1.0, 0.4, 0.41, 0.42, 0.9))
    facts = made.facts()

    def said(answer, plan=asked.plan, facts=facts):
        return describe_dose_method(answer, plan, facts)[1]

    assert said(answer) == (
        "The margin is 0.1: by default 5 % of the way from the cost of predicting a constant to the lowest cost in "
        "the pilot."
    )
    asked_for = replace(asked.plan, claims=(asked.plan.claims[0].with_margin(0.1),))
    assert said(answer, asked_for) == "The margin is 0.1: as asked."
    error = replace(answer, outcome="held_out_error")
    assert said(error).endswith("a tenth of the lowest error in the pilot, but at least half a point.")
    assert said(error, facts=made.facts(error_unit="rmse")).endswith(
        "a tenth of the lowest error in the pilot."
    )
    assert said(replace(answer, outcome="iterations", margin=1.1)) == (
        "The margin is ×1.1: a ratio of iterations, by default."
    )


def test_a_status_says_what_else_is_shown_of_a_dose(made):
    _, answer = read(made, (1.2, 1.0, 0.4, 0.41, 0.42, 0.9))
    dose = answer.doses[2]
    assert status_words(replace(dose, status="near-optimal", is_excluded=False)) == "near-optimal"
    assert (
        status_words(replace(dose, status="near-optimal", is_excluded=True))
        == "near-optimal, yet excluded as best"
    )
    excluded = replace(dose, status="excluded as best", is_excluded=True)
    assert status_words(excluded) == "excluded as best"
    assert status_words(replace(excluded, is_worse=True)) == "excluded as best, by more than the margin"
    gone = replace(dose, status="unstable", mean=math.nan, diverged=0.4)
    assert status_words(gone) == "unstable: runs diverged"
    assert status_words(replace(gone, diverged=0.2)) == "unstable: some runs lie far out"


def test_small_doses_are_written_as_people_write_them():
    curve = Curve(("l2", "lr"), ("a", "b"), ((1e-05, 0.009487), (0.0, 3.0)))
    assert dose_text(curve, (1e-05, 0.009487)) == "(1e-5, 0.009487)"
    assert dose_text(curve, (0.0, 3.0), full=True) == "l2 0, lr 3"
