"""Claims: what each means, what is refused, and text that can be read back."""

# ruff: noqa: E501

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunch.errors import PlanError
from hunch.plan import (
    READING_NAMES,
    Claim,
    contrast,
    faster,
    higher,
    lower,
    lower_cost,
    lower_error,
    parse_claim,
    same,
)
from hunch.plan.claims import OUTCOMES

WORDS = st.text("abc_-é01.", min_size=1, max_size=6)


def effect(claim, values):
    """Σ weight · outcome."""
    return sum(w * values[arm] for arm, w in claim.weights)


@pytest.mark.parametrize(
    "claim",
    [
        faster("a", than="b"),
        lower_cost("a", than="b"),
        lower_error("a", than="b"),
        lower("gap", "a", than="b"),
    ],
    ids=lambda c: c.text,
)
def test_an_effect_is_positive_where_the_claim_is_right_about_less(claim):
    assert effect(claim, {"a": 1.0, "b": 3.0}) == 2.0
    assert (claim.favoured, claim.reference) == ("a", "b")


def test_an_effect_is_positive_where_the_claim_is_right_about_more():
    claim = higher("slope", "a", than="b")
    assert effect(claim, {"a": 3.0, "b": 1.0}) == 2.0
    assert (claim.favoured, claim.reference) == ("a", "b")


@pytest.mark.parametrize(
    ("claim", "outcome", "is_ratio", "is_reading"),
    [
        (faster("a", than="b"), "iterations", True, False),
        (lower_cost("a", than="b"), "cost", False, False),
        (lower_error("a", than="b"), "held_out_error", False, False),
        (lower("held_out_cost", "a", than="b"), "held_out_cost", False, False),
        (lower("saturation", "a", than="b", site="0"), "saturation", False, True),
        (same("a", "b"), "iterations", True, False),
        (same("a", "b", of="gap"), "gap", False, False),
        (contrast("cost", {"a": 1, "b": -1}), "cost", False, False),
    ],
    ids=lambda c: getattr(c, "text", str(c)),
)
def test_what_a_claim_is_about(claim, outcome, is_ratio, is_reading):
    assert (claim.outcome, claim.is_ratio, claim.is_reading) == (outcome, is_ratio, is_reading)
    assert claim.kind == ("same" if claim == same("a", "b", of=outcome) else "more")
    assert set(claim.arms) == {"a", "b"}


def test_a_contrast_of_four_arms_has_no_pair():
    claim = contrast("cost", {"a": 1, "b": -1, "c": -1, "d": 1})
    assert (claim.favoured, claim.reference) == (None, None)
    assert claim.text == "cost of +1·a -1·b -1·c +1·d is above 0"
    assert Claim("same", *[getattr(claim, f) for f in ("outcome", "weights")]).text.endswith(" is 0")


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("before faster than none", faster("before", than="none")),
        ("  before   faster than none ", faster("before", than="none")),
        ("a faster than b by 1.1", faster("a", than="b", margin=1.1)),
        ("a lower cost than b", lower_cost("a", than="b")),
        ("a lower error than b by 0.01", lower_error("a", than="b", margin=0.01)),
        ("a lower saturation than b", lower("saturation", "a", than="b")),
        ("a higher slope at features.3 than b by .1", higher("slope", "a", than="b", site="features.3", margin=0.1)),
        ("a lower held_out_cost than b", lower("held_out_cost", "a", than="b")),
        ("a same iterations as b within 1.2", same("a", "b", margin=1.2)),
        ("a same error as b", same("a", "b", of="held_out_error")),
        ("a same slope at 0 as b", same("a", "b", of="slope", site="0")),
    ],
)  # fmt: skip
def test_the_command_line_forms_are_read(text, claim):
    assert parse_claim(text) == claim


@given(
    WORDS, WORDS, st.sampled_from(OUTCOMES), st.sampled_from(["lower", "higher", "same"]), st.none() | WORDS
)
def test_the_text_of_every_pair_claim_reads_back_as_the_same_claim(a, b, outcome, kind, site):
    if a == b:
        b += "'"
    if outcome not in READING_NAMES:
        site = None
    if kind == "same":
        claim = same(a, b, of=outcome, site=site)
    else:
        claim = {"lower": lower, "higher": higher}[kind](outcome, a, than=b, site=site)
    assert parse_claim(claim.text) == claim


def test_claims_of_opposite_direction_never_read_alike():
    for outcome in OUTCOMES:
        assert lower(outcome, "a", than="b").text != higher(outcome, "a", than="b").text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("before is faster than none", r"cannot read the claim 'before is faster than none'\. Write for instance 'before faster than none'.*\[plan-claim-form\]"),
        ("", r"cannot read the claim ''\..*\[plan-claim-form\]"),
        ("a faster than b by ten", r"the margin must be a number, got 'ten'\. .*\[plan-claim-margin\]"),
        ("a faster than b by 0.9", r"the margin must be a ratio above 1 \(1\.1 is ten per cent\), got 0\.9\.  \[plan-claim-margin\]"),
        ("a faster than b by nan", r"the margin must be a ratio above 1 .*, got nan\.  \[plan-claim-margin\]"),
        ("a lower cost than b by -1", r"the margin must be a number above 0, got -1\.0\.  \[plan-claim-margin\]"),
        ("a lower accuracy than b", r"'accuracy' is not an outcome or a reading\. Use one of iterations, cost.*\[plan-claim-outcome\]"),
        ("a faster than a", r"the claim about a and a: a claim compares at least two different arms.*\[plan-claim-arms\]"),
        ("a lower cost at 0 than b", r"site='0' is only for readings, and 'cost' is no reading\. Leave site out\.  \[plan-claim-site\]"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text, message):
    with pytest.raises(PlanError, match=message):
        parse_claim(text)


@pytest.mark.parametrize(
    "weights",
    [{"a": 1, "b": 1}, {"a": 1, "b": -1, "c": 0}, {"a": math.nan, "b": 1}, {"a": math.inf, "b": -math.inf},
     {"a": "x", "b": 1}, {"a": None, "b": 1}],
    ids=str,
)  # fmt: skip
def test_weights_must_be_numbers_that_sum_to_zero(weights):
    with pytest.raises(
        PlanError,
        match=r"the weights must be numbers other than 0 that sum to 0, got \{a: .*\[plan-claim-weights\]",
    ):
        contrast("cost", weights)


def test_a_contrast_needs_two_arms():
    with pytest.raises(
        PlanError, match=r"compares at least two different arms, got a\. .*\[plan-claim-arms\]"
    ):
        contrast("cost", {"a": 1})
    with pytest.raises(PlanError, match=r"the claim about no arm: .* got none\. .*\[plan-claim-arms\]"):
        contrast("cost", {})


def test_a_kind_is_more_or_same():
    with pytest.raises(PlanError, match=r"kind must be 'more' or 'same', got 'less'\.  \[plan-claim-kind\]"):
        Claim("less", "cost", (("a", -1.0), ("b", 1.0)))


def test_all_problems_of_a_claim_come_at_once():
    with pytest.raises(
        PlanError,
        match=r"^3 problems:\n.*\[plan-claim-outcome\]\n.*\[plan-claim-margin\]\n.*\[plan-claim-site\]$",
    ):
        lower("depth", "a", than="b", site="0", margin=-1)


def test_a_margin_can_be_fixed_later():
    assert faster("a", than="b").with_margin(1.2) == faster("a", than="b", margin=1.2)
    with pytest.raises(PlanError, match="ratio above 1"):
        faster("a", than="b").with_margin(0.5)
