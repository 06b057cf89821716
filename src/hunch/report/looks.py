"""The looks at a claim: what each one showed, as texts for a table and as numbers for a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hunch.evidence import Look, Verdict, level, number
from hunch.plan import Plan
from hunch.report.effects import axis_words, drawn, effect_text, interval_text

MOST_ROWS = 8
"""More looks than this are thinned out in tables; pictures show all."""

ROOM = 1.0
"""How far beyond what matters the axis may reach for wide early intervals, as a share of its width."""


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look as texts.

    Args:
        blocks: After how many blocks.
        level: Level of its interval.
        boundary: The p-value that it needs.
        estimate: The estimate.
        interval: The interval.
        p_value: Sign-flip p-value.
        says: What it said.
    """

    blocks: str
    level: str
    boundary: str
    estimate: str
    interval: str
    p_value: str
    says: str


@dataclass(frozen=True, slots=True)
class LookPoint:
    """One look in the picture; an end of None lies beyond the axis, and is drawn as an arrow."""

    blocks: int
    effect: float
    low: float | None
    high: float | None
    decision: str
    estimate: str
    interval: str
    level: str


@dataclass(frozen=True, slots=True)
class LooksPanel:
    """Interval against looks.

    Args:
        points: The looks at which there was something to estimate.
        planned: All looks of the plan; empty where every block is one.
        most: Blocks at the last planned look, where the axis ends.
        domain: Ends of the axis of effects.
        margin_low: Lower end of what is too small to matter.
        margin_high: Upper end.
        zero: No effect: 1 for a ratio, else 0.
        is_ratio: Whether the axis of effects is logarithmic.
        percent: Whether effects are differences of shares.
        axis: What is on it, in words.
        alt: The picture in words.
    """

    points: tuple[LookPoint, ...]
    planned: tuple[int, ...]
    most: int
    domain: tuple[float, float]
    margin_low: float
    margin_high: float
    zero: float
    is_ratio: bool
    percent: bool
    axis: str
    alt: str


def look_rows(verdict: Verdict, error_unit: str) -> tuple[LookRow, ...]:
    """The looks at a claim, at most eight: the first, the last, and some evenly between."""
    return tuple(_row(look, verdict, error_unit) for look in thinned(verdict.history))


def thinned(looks: Sequence[Look], most: int = MOST_ROWS) -> tuple[Look, ...]:
    """The first, the last and some between, evenly."""
    n = len(looks)
    if n <= most:
        return tuple(looks)
    return tuple(looks[round(k * (n - 1) / (most - 1))] for k in range(most))


def looks_panel(verdict: Verdict, plan: Plan, error_unit: str) -> LooksPanel | None:
    """The picture of the looks at a claim; None where only one is planned or nothing could be estimated."""
    found = [look for look in verdict.history if math.isfinite(look.effect) and not math.isnan(look.low)]
    if len(plan.look_counts) < 2 or not found:
        return None
    claim = verdict.claim
    margin = verdict.margin if math.isfinite(verdict.margin) else 0.0
    left, right = _domain(found, margin)

    def end(value: float) -> float | None:
        return drawn(value, claim) if left < value < right else None

    points = tuple(
        LookPoint(
            blocks=look.blocks,
            effect=drawn(look.effect, claim),
            low=end(look.low),
            high=end(look.high),
            decision=look.decision,
            estimate=effect_text(look.effect, claim, error_unit),
            interval=interval_text(look.low, look.high, claim, error_unit),
            level=level(look.alpha),
        )
        for look in found
    )
    told = "; ".join(
        f"after {look.blocks:,} blocks {interval_text(look.low, look.high, claim, error_unit)} "
        f"({level(look.alpha)}), {look.decision}"
        for look in thinned(found)
    )
    return LooksPanel(
        points=points,
        planned=() if plan.sequence == "anytime" else plan.look_counts,
        most=plan.look_counts[-1],
        domain=(drawn(left, claim), drawn(right, claim)),
        margin_low=drawn(-margin, claim),
        margin_high=drawn(margin, claim),
        zero=drawn(0.0, claim),
        is_ratio=claim.is_ratio,
        percent=claim.outcome == "held_out_error" and error_unit == "share",
        axis=axis_words(claim),
        alt=f"{claim.text}: interval at each look, of at most {plan.look_counts[-1]:,} blocks: {told}.",
    )


def _row(look: Look, verdict: Verdict, error_unit: str) -> LookRow:
    claim, is_known = verdict.claim, math.isfinite(look.effect)
    has_interval = is_known and look.low < look.high  # arms that are identical have none
    return LookRow(
        blocks=f"{look.blocks:,}",
        level=level(look.alpha),
        boundary=number(look.alpha),
        estimate=effect_text(look.effect, claim, error_unit) if is_known else "–",
        interval=interval_text(look.low, look.high, claim, error_unit) if has_interval else "–",
        p_value="–" if math.isnan(look.p_value) else number(look.p_value),
        says=look.decision,
    )


def _domain(looks: Sequence[Look], margin: float) -> tuple[float, float]:
    """Ends of the axis: all that matters, and of wide early intervals as much as leaves that readable."""
    final = looks[-1]
    spots = [0.0, margin, -margin, *(look.effect for look in looks)]
    spots += [end for end in (final.low, final.high) if math.isfinite(end)]
    low, high = min(spots), max(spots)
    reach = ROOM * (high - low) or 1.0
    ends = [end for look in looks for end in (look.low, look.high)]
    low = min([low, *(max(end, low - reach) for end in ends)])
    high = max([high, *(min(end, high + reach) for end in ends)])
    room = 0.06 * (high - low)
    return low - room, high + room
