"""Which of two knobs is easier to tune: both over the same span of outcomes, on the same seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hunch.evidence.doses import CurveAnswer, read_curve
from hunch.evidence.doses_text import OUTCOME_WORDS, dose_text, loss_text
from hunch.evidence.numbers import level, number, percent, ratio, seeds_text
from hunch.evidence.wording import label
from hunch.plan import Doses, Plan
from hunch.stats import (
    NoiseRatio,
    Tunability,
    cell_shares,
    chance_near_optimal,
    common_span,
    noise_ratio,
    tunability,
)
from hunch.traces import RunTable, StudyFacts

MARGIN = 1.25
"""Ratios of tunability within this are no difference that matters."""

FEWEST_DOSES = 3  # of a knob within the common span


@dataclass(frozen=True, eq=False)
class KnobSide:
    """One knob of a comparison.

    Args:
        curve: Its curve over the declared range.
        within: Its doses within the common span.
        ends: (low, high) of the knob where it spans the common outcomes; read off the means.
        common: Its tunability over those doses; None with fewer than two.
        levels: The common span over its half-width: how often what so many seeds can tell fits into it, every dose on
            the same seeds.
        chance: Of one draw from that range to be near-optimal: (at least, at most).
    """

    curve: CurveAnswer
    within: tuple[float, ...]
    ends: tuple[float, float]
    common: Tunability | None
    levels: float
    chance: tuple[float, float]

    @property
    def knob(self) -> str:
        """Its name."""
        return self.curve.curve.knobs[0]


@dataclass(frozen=True, eq=False)
class TunabilityAnswer:
    """Two knobs side by side on one network.

    Args:
        first: One knob.
        second: The other.
        span: The rise above their best means that both reach; on the log scale for iterations.
        noise: The scatter over seeds under the first knob over that under the second, over the common span: with equal
            spans it is how many times finer the second can be tuned by single runs. None where it cannot be told.
        decision: `"second"` (it is more tunable), `"first"`, `"no meaningful difference"` or `"undecided"`.
        reason: Why it is undecided, in words.
        alpha: Of the decision.
    """

    first: KnobSide
    second: KnobSide
    span: float
    noise: NoiseRatio | None
    decision: str
    reason: str
    alpha: float

    @property
    def word(self) -> str:
        """The decision, with the name of the knob that tunes finer."""
        return {"first": self.first.knob, "second": self.second.knob}.get(self.decision, self.decision)


def read_tunability(plan: Plan, table: RunTable) -> TunabilityAnswer | None:
    """Compare the plan's two curves; None while an outcome is missing.

    Both knobs are first cut to where they span the same outcomes: the lesser of the two rises above the best mean.
    Over an equal span, the knob under which runs scatter less over seeds has more levels that single runs tell apart,
    so the ratio of scatter decides: `"second"` where its interval lies above 1, `"no meaningful difference"` where it
    lies within 1.25 either way. On shared seeds, as here, part of the scatter cancels; how many levels so
    many shared seeds tell apart is given beside it and decides nothing.

    Args:
        plan: The plan.
        table: The runs.
    """
    first, second = (read_curve(plan, table, curve) for curve in _asked(plan).curves)
    if first.shown is None or second.shown is None:
        return None
    doses = [np.array([dose.value[0] for dose in answer.doses]) for answer in (first, second)]
    scales = tuple("log" if answer.curve.is_log() else "linear" for answer in (first, second))
    cut = common_span(first.shown, doses[0], second.shown, doses[1], scales=scales)  # type: ignore[arg-type]
    sides: list[KnobSide] = []
    for answer, x, scale, within, ends in (
        (first, doses[0], scales[0], cut.first, cut.first_ends),
        (second, doses[1], scales[1], cut.second, cut.second_ends),
    ):
        sides.append(
            _side(answer, x, scale, within, (float(ends[0]), float(ends[1])), float(cut.span), plan.alpha)
        )
    noise, reason = None, ""
    if first.seen.seeds != second.seen.seeds:
        reason = "the two knobs have no common seeds"
    elif min(int(cut.first.sum()), int(cut.second.sum())) < FEWEST_DOSES:
        reason = f"a knob has fewer than {FEWEST_DOSES} doses within the span that both reach"
    else:
        noise = noise_ratio(
            first.seen.values[:, cut.first], second.seen.values[:, cut.second], alpha=plan.alpha
        )
        reason = {"few seeds": "fewer than ten seeds", "no noise": "there is no noise to compare"}.get(
            noise.reason, ""
        )
    decision = "undecided"
    if noise is not None and not reason:
        decision, reason = _decide(noise)
    return TunabilityAnswer(sides[0], sides[1], float(cut.span), noise, decision, reason, plan.alpha)


def _decide(noise: NoiseRatio) -> tuple[str, str]:
    margin = math.log(MARGIN)
    if -margin < noise.low and noise.high < margin:
        return "no meaningful difference", ""
    if noise.low > 0:
        return "second", ""
    if noise.high < 0:
        return "first", ""
    return "undecided", "the interval holds no difference as well as one that matters"


def _side(
    answer: CurveAnswer,
    doses: np.ndarray,
    scale: str,
    within: np.ndarray,
    ends: tuple[float, float],
    span: float,
    alpha: float,
) -> KnobSide:
    assert answer.shown is not None, "the outcome is known"
    kept = int(within.sum())
    found = None
    if kept >= 2:
        found = tunability(answer.seen.values, alpha=alpha, diverged=answer.seen.diverged, within=within)
    levels = span / float(found.half_width) if found is not None and float(found.half_width) > 0 else math.nan
    chance = (math.nan, math.nan)
    if scale == "log" and ends[0] == 0:
        # Dose 0 has no place on the scale: the range to draw from begins at the smallest dose above it.
        above = doses[doses > 0]
        ends = (float(above.min()) if len(above) else 0.0, ends[1])
    if ends[0] < ends[1]:
        shares = cell_shares(doses, scale="log" if scale == "log" else "linear", ends=ends)
        low, high = chance_near_optimal(answer.shown, shares)
        chance = (float(low), float(high))
    return KnobSide(answer, tuple(float(x) for x in doses[within]), ends, found, levels, chance)


def describe_tunability(
    answer: TunabilityAnswer | None, plan: Plan, facts: StudyFacts, name: str = ""
) -> list[str]:
    """Everything that is said of two knobs on one network, a line each.

    Args:
        answer: The comparison; None while it is not finished.
        plan: The plan.
        facts: Facts of the study.
        name: What the network is called; empty: its own description.
    """
    title = f"{name} ({facts.network})" if name else facts.network
    if answer is None:
        return [f"{title}: not finished, or the outcome could not be measured at every dose"]
    n = len(answer.first.curve.seen.seeds)
    rates = label(plan) or "each dose at its own learning rates, tuned anew for every seed"
    lines = [f"{title}: {OUTCOME_WORDS[answer.first.curve.outcome]}, {seeds_text(n)}, {rates}"]
    for side in (answer.first, answer.second):
        lines.append(_side_text(side, facts))
    lines.append(_decision_text(answer, facts))
    return lines


def _side_text(side: KnobSide, facts: StudyFacts) -> str:
    curve = side.curve
    tuned = curve.tunability
    values = [dose.value for dose in curve.doses]
    text = f"{side.knob}, {dose_text(curve.curve, values[0])} to {dose_text(curve.curve, values[-1])}: "
    if tuned is None or math.isnan(float(tuned.value)):
        return text + "nothing can be said of its spread"
    spread = math.exp(float(tuned.spread)) if curve.is_ratio else float(tuned.spread)
    times = f"{number(float(tuned.value))} times what the seeds can tell"
    text += f"moves the mean by {loss_text(curve, facts, spread)}, {times}"
    low, high = curve.chance
    text += f"; one draw is near-optimal with a chance of {percent(low)} to {percent(high)}"
    found = curve.default
    if found is not None and curve.curve.default is not None:
        lost = math.exp(float(found.high)) if curve.is_ratio else float(found.high)
        shown = dose_text(curve.curve, curve.curve.value(curve.curve.default))
        text += f"; the default {shown} loses at most {loss_text(curve, facts, lost)}"
    return text


def _decision_text(answer: TunabilityAnswer, facts: StudyFacts) -> str:
    first, second = answer.first, answer.second
    span = math.exp(answer.span) if first.curve.is_ratio else answer.span
    where = f"over the span that both reach ({loss_text(first.curve, facts, span)})"
    if answer.decision == "undecided" and answer.noise is None:
        return f"{where}: undecided, {answer.reason}"
    assert answer.noise is not None, "only an undecided comparison has none"
    low, high = (ratio(math.exp(end)) for end in (answer.noise.low, answer.noise.high))
    times = f"×{ratio(math.exp(answer.noise.log_ratio))} ({level(answer.alpha)} interval {low} to {high})"
    said = {
        "second": f"{second.knob} tunes finer than {first.knob}",
        "first": f"{first.knob} tunes finer than {second.knob}",
        "no meaningful difference": f"no meaningful difference between {first.knob} and {second.knob}",
        "undecided": f"undecided, {answer.reason}",
    }[answer.decision]
    return (
        f"{where}: {said}. Runs scatter over seeds {times} as much under {first.knob} as under {second.knob}; up to "
        f"×{MARGIN:g} does not matter. On the same seeds, {answer.noise.n} of them tell apart {number(first.levels)} "
        f"levels of {first.knob} and {number(second.levels)} of {second.knob}"
    )


def _asked(plan: Plan) -> Doses:
    assert plan.doses is not None, "only plans of dose-response studies are read here"
    return plan.doses
