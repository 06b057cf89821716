"""The picture of an effect as numbers: an interval against no effect and against the margin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hunch.evidence import Verdict, number, ratio
from hunch.plan import Claim
from hunch.report.readings import READINGS
from hunch.report.series import significant

OUTCOME_WORDS = {
    "iterations": "Iterations",
    "cost": "Cost",
    "held_out_cost": "Held-out cost",
    "held_out_error": "Held-out error",
    "gap": "Gap between held-out and training cost",
}


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One interval on the scale that is drawn: a ratio for iterations, else a difference.

    Args:
        claim: The claim in words.
        outcome: What the claim is about.
        decision: The verdict's word.
        effect: The estimate.
        low: Lower end; None: it is not bounded from below, and the picture ends in an arrow.
        high: Upper end; None: it is not bounded from above, and the picture ends in an arrow.
        margin_low: Lower end of what is too small to matter.
        margin_high: Upper end.
        zero: No effect: 1 for a ratio, else 0.
        domain: Ends of the axis; claims about one outcome share them.
        is_ratio: Whether the axis is logarithmic.
        is_same: Whether the claim is that two arms are alike.
        percent: Whether it is a difference of shares, in points of per cent.
        estimate: The estimate as text.
        interval: The interval as text.
        axis: What is on the axis, in words.
        alt: The picture in words.
    """

    claim: str
    outcome: str
    decision: str
    effect: float
    low: float | None
    high: float | None
    margin_low: float
    margin_high: float
    zero: float
    domain: tuple[float, float]
    is_ratio: bool
    is_same: bool
    percent: bool
    estimate: str
    interval: str
    axis: str
    alt: str


def effect_row(verdict: Verdict, error_unit: str, verdicts: Sequence[Verdict]) -> EffectRow | None:
    """The picture of one verdict; None where there was nothing to estimate the effect from.

    Args:
        verdict: The verdict.
        error_unit: `StudyFacts.error_unit`: shares are shown as per cent.
        verdicts: All verdicts of the study; those about one outcome share an axis.
    """
    if not math.isfinite(verdict.effect) or math.isnan(verdict.low):
        return None
    claim = verdict.claim
    percent = claim.outcome == "held_out_error" and error_unit == "share"
    margin = verdict.margin if math.isfinite(verdict.margin) else 0.0

    low = verdict.low if math.isfinite(verdict.low) else None
    high = verdict.high if verdict.high is not None and math.isfinite(verdict.high) else None
    interval = interval_text(
        verdict.low, math.inf if verdict.high is None else verdict.high, claim, error_unit
    )
    estimate = effect_text(verdict.effect, claim, error_unit)
    small = " and ".join(effect_text(end, claim, error_unit) for end in (-margin, margin))
    axis = axis_words(claim)
    left, right = _domain([v for v in verdicts if v.claim.outcome == claim.outcome])
    return EffectRow(
        claim=claim.text,
        outcome=claim.outcome,
        decision=verdict.decision,
        effect=drawn(verdict.effect, claim),
        low=None if low is None else drawn(low, claim),
        high=None if high is None else drawn(high, claim),
        margin_low=drawn(-margin, claim),
        margin_high=drawn(margin, claim),
        zero=drawn(0.0, claim),
        domain=(drawn(left, claim), drawn(right, claim)),
        is_ratio=claim.is_ratio,
        is_same=claim.kind == "same",
        percent=percent,
        estimate=estimate,
        interval=interval,
        axis=axis,
        alt=f"{claim.text}: {verdict.decision}. {axis}: estimate {estimate}, interval {interval}; too small "
        f"to matter between {small}.",
    )


def drawn(value: float, claim: Claim) -> float:
    """An effect on the scale that is drawn: the ratio for iterations, else the difference."""
    return significant(math.exp(value) if claim.is_ratio else value)


def effect_text(value: float, claim: Claim, error_unit: str) -> str:
    """An effect as text: a ratio, a difference, or points of per cent."""
    if claim.is_ratio:
        return ratio(math.exp(value))
    if claim.outcome != "held_out_error" or error_unit != "share":
        return number(value)
    points = number(100 * value)
    return f"{points} point{'' if points in ('1', '−1') else 's'}"


def interval_text(low: float, high: float, claim: Claim, error_unit: str) -> str:
    """An interval as text; an infinite end is none."""
    if math.isfinite(low) and math.isfinite(high):
        first = effect_text(low, claim, error_unit).removesuffix(" points").removesuffix(" point")
        return f"{first} to {effect_text(high, claim, error_unit)}"
    if math.isfinite(low):
        return f"at least {effect_text(low, claim, error_unit)}"
    if math.isfinite(high):
        return f"at most {effect_text(high, claim, error_unit)}"
    return "any size"


def _domain(verdicts: Sequence[Verdict]) -> tuple[float, float]:
    """Ends of the axis that these verdicts share, with room at both sides and for an arrow."""
    spots = [0.0]
    for v in verdicts:
        ends = [
            e for e in (v.effect, v.low, v.high, v.margin, -v.margin) if e is not None and math.isfinite(e)
        ]
        spots += ends
        if v.high is None or v.high == math.inf:
            spots.append(1.25 * max(ends, default=0.0))
        if v.low == -math.inf:
            spots.append(1.25 * min(ends, default=0.0))
    low, high = min(spots), max(spots)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def axis_words(claim: Claim) -> str:
    """What is on the axis of a claim's effects."""
    a, b = claim.favoured, claim.reference
    if a is None or b is None:
        return "Effect in the claim's direction" + (" (a ratio of iterations)" if claim.is_ratio else "")
    what = READINGS[claim.outcome].title if claim.is_reading else OUTCOME_WORDS[claim.outcome]
    if claim.site:
        what += f" at {claim.site}"
    first, second = (a, b) if dict(claim.weights)[a] > 0 else (b, a)
    return f"{what} of {first} {'÷' if claim.is_ratio else '−'} {what[0].lower()}{what[1:]} of {second}"
