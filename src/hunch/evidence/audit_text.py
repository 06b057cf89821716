"""The sentences of an audit."""

from __future__ import annotations

from collections.abc import Sequence

from hunch.evidence.audit import (
    LEAST_FOUND,
    MOST_GUARDED,
    TOO_HIGH,
    AuditedStudy,
    Tally,
    chance_to_pass,
    most_false,
)
from hunch.evidence.numbers import number, percent
from hunch.evidence.planted import Planted
from hunch.plan import Plan

PASSED, FAILED, INVALID = "passed", "failed", "invalid"


def audit_conclusion(tally: Tally) -> str:
    """`"passed"`, `"failed"` or `"invalid"`."""
    if not tally.is_valid:
        return INVALID
    return PASSED if tally.passed else FAILED


def audit_sentences(
    tally: Tally, studies: Sequence[AuditedStudy], planted: Planted, plan: Plan
) -> tuple[str, ...]:
    """The audit, a sentence a line: what came out, what it can tell, and how it was done.

    Args:
        tally: The counts.
        studies: The studies.
        planted: What was planted.
        plan: The plan that the studies share.
    """
    said = [f"{audit_conclusion(tally)}: {_false(tally)}", _can_tell(tally), _found(tally, planted)]
    return (*said, _silent(tally, studies), audit_design(plan))


def describe_planted(planted: Planted) -> str:
    """What was planted, in words.

    Example:
        >>> describe_planted(Planted("iterations", 2.0))
        '2 times as many iterations in one arm'
    """
    if planted.outcome == "iterations":
        return f"{number(planted.size)} times as many iterations in one arm"
    what = "held-out error" if planted.outcome == "held_out_error" else "cost"
    return f"a {what} higher by {number(planted.size)} in one arm"


def audit_design(plan: Plan) -> str:
    """What a study of the audit has of its own, and what all share."""
    looks = plan.look_counts
    blocks = f"{looks[0]} to {looks[-1]} blocks" if plan.is_sequential else f"{looks[-1]} blocks"
    own = f"Each study has {blocks} on seeds of its own; its arms share no randomness"
    if plan.tuning == "once":
        return (
            f"{own}. Each has a pilot of its own too, which tunes both arms once: a false verdict here is one about "
            'the network, though it may hold "at these learning rates".'
        )
    tuned = any(plan.is_tuned_per_block(arm.name) for arm in plan.arms)
    if tuned:
        own += ", and both arms are tuned anew for every block"
    found = "target, budget, margin and grid of learning rates" if tuned else "target, budget and margin"
    return (
        f"{own}. All studies share {found}: given these the two arms are alike, so the rate holds at this "
        "target, and says less about others."
    )


def _false(tally: Tally) -> str:
    low, high = tally.false_interval
    text = (
        f"{tally.false:,} of {_studies(tally.n)} of two identical arms told them apart, "
        f"{percent(tally.false / tally.n)} (98 % interval {percent(low)} to {percent(high)}); "
        f"promised are {percent(tally.alpha)}"
    )
    if not tally.keeps_alpha:
        return f"{text}, and the whole interval lies above: verdicts on this network and these data are too bold."
    return f"{text}, and up to {most_false(tally.n, tally.alpha):,} are within chance."


def _can_tell(tally: Tally) -> str:
    rate = TOO_HIGH * tally.alpha
    text = (
        f"What {_studies(tally.n)} can tell: with a true rate of {percent(rate)} this part would be passed with "
        f"probability {chance_to_pass(tally.n, rate, tally.alpha):.2f}"
    )
    if tally.n < 1000:
        text += f", with studies=1000 {chance_to_pass(1000, rate, tally.alpha):.2f}"
    return f"{text}; no audit shows that a rate is exactly {percent(tally.alpha)}."


def _found(tally: Tally, planted: Planted) -> str:
    low, high = tally.found_interval
    text = (
        f"Planted: {describe_planted(planted)} was found in {tally.found:,} of {_studies(tally.n)}, "
        f"{percent(tally.found / tally.n)} (98 % interval {percent(low)} to {percent(high)}); "
        f"{percent(LEAST_FOUND)} are asked for"
    )
    if tally.finds:
        return f"{text}."
    return f"{text}, so few false verdicts mean little here: with so few blocks hardly anything is found."


def _silent(tally: Tally, studies: Sequence[AuditedStudy]) -> str:
    text = (
        f"The others: {tally.same:,} found no meaningful difference, {tally.undecided:,} stayed undecided, of which "
        f"{tally.guarded:,} ({percent(tally.guarded / tally.n)}) had nothing to rest a verdict on"
    )
    if tally.is_valid:
        return f"{text}."
    first = next(study.reason for study in studies if study.is_guarded)
    return (
        f"{text}. That is more than {percent(MOST_GUARDED)}, so the audit is invalid: what cannot speak cannot speak "
        f"falsely. The first of them says: {first}."
    )


def _studies(n: int) -> str:
    return f"{n:,} stud{'y' if n == 1 else 'ies'}"
