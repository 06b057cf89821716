"""How a verdict was reached, in sentences: what is promised, of what, and what it took."""

import numpy as np
import pytest

from hunch.evidence import (
    SUPPORTED,
    UNDECIDED,
    decide,
    describe_method,
    describe_share,
    describe_use,
    headline,
)
from hunch.plan import lower_cost
from hunch.traces import RunTable

LOOKS = (10, 20, 40)
ANYTIME = {"sequence": "anytime", "looks": tuple(range(5, 41))}


def studied(made, d, n=40, **changes):
    """(plan, verdict) of a study of costs with these differences, cut after n blocks."""
    plan = made.plan(lower_cost("a", than="b", margin=1e-4), n=40, **{"looks": LOOKS, **changes})
    table = made.table(plan, cost={"a": np.full(40, 1.1), "b": 1.1 + np.asarray(d)})
    (verdict,) = decide(plan, RunTable(table.facts, [t for t in table if t.key.seed in plan.seeds[:n]]))
    return plan, verdict


def noise(mean, spread=0.05):
    return mean + spread * np.random.default_rng(3).normal(size=40)


@pytest.mark.parametrize(
    ("settings", "said", "unsaid"),
    [
        ({}, "Planned looks: Student's t", "Gaussian"),
        ({"looks": (40,)}, "One look, at the end: Student's t", "boundary"),
        (ANYTIME, "promised for Gaussian differences only", "sign-flip"),
        ({"robust": True}, "Nothing is assumed of the shape of the differences", "Gaussian"),
        ({"robust": True, **ANYTIME}, "Nothing is assumed of the shape of the differences", "Gaussian"),
    ],
)
def test_the_method_is_said_with_what_it_assumes(made, settings, said, unsaid):
    plan = made.plan(**{"n": 40, "looks": LOOKS, **settings})
    text = " ".join(describe_method(plan))
    assert said in text
    assert unsaid not in text


def test_the_share_of_alpha_is_said_and_for_whom_it_is_promised(made):
    claims = [lower_cost("a", than="b", margin=m) for m in (0.1, 0.2)]
    plan = made.plan(*claims, n=40, looks=LOOKS)
    assert describe_share(plan) == (
        "Over all claims and looks together, arms that differ in nothing are told apart with probability at "
        "most 0.05; each of the 2 claims has 0.025 of it."
    )
    assert "0.05 if the differences are Gaussian." in describe_share(made.plan(n=40, **ANYTIME))
    assert "Gaussian" not in describe_share(made.plan(n=40, robust=True, **ANYTIME))


def test_a_decision_by_another_method_says_in_its_sentence_what_it_assumes(made):
    plan, verdict = studied(made, noise(0.3), **ANYTIME)
    assert verdict.decision == SUPPORTED
    assert headline(verdict, plan).endswith("; promised for Gaussian differences only")
    plan, verdict = studied(made, noise(1.0), robust=True)
    assert verdict.decision == SUPPORTED
    assert headline(verdict, plan).endswith("; nothing is assumed of the shape of the differences")
    plan, verdict = studied(made, noise(0.0), robust=True)
    assert verdict.decision == UNDECIDED
    assert "nothing is assumed" not in headline(verdict, plan)


@pytest.mark.parametrize(
    ("d", "n", "settings", "said"),
    [
        (noise(0.3), 40, {},
         "Look 1 of 3: 10 of at most 40 blocks used; decided early, which saved 30 against a fixed design of 40."),
        (np.tile([0.2, -0.2], 20), 40, {},
         "Look 2 of 3: 20 of at most 40 blocks used; given up early, which saved 20 against a fixed design of 40."),
        (noise(0.3, 0.7), 10, {}, "Look 1 of 3: 10 of at most 40 blocks used so far."),
        (noise(0.3), 4, {}, "Not looked at yet; the first look is at 10 blocks."),
        (noise(0.3), 40, {"looks": (40,)}, "One look at 40 blocks, as planned."),
        (np.r_[np.tile([0.5, -0.5], 10), np.full(20, 0.4)], 40, {"looks": (20, 40)},
         "Look 2 of 2: 40 of at most 40 blocks used, as many as a fixed design has."),
    ],
)  # fmt: skip
def test_the_blocks_used_are_held_against_a_fixed_design(made, d, n, settings, said):
    plan, verdict = studied(made, d, n, **settings)
    assert describe_use(verdict, plan) == said
