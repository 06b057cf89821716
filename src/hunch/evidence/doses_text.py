"""What a dose-response curve shows, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hunch.evidence.doses import CurveAnswer, Dose
from hunch.evidence.numbers import keep_text, level, number, percent, ratio, seeds_text
from hunch.evidence.wording import headline, label
from hunch.plan import Curve, Plan, split_knob
from hunch.traces import StudyFacts

OUTCOME_WORDS = {
    "held_out_cost": "held-out cost",
    "held_out_error": "held-out error",
    "iterations": "iterations to the target",
    "gap": "gap between held-out and training cost",
}
MOST_LISTED = 12
SEE_CURVE = " (`.curve()` lists them)"
UNITS = {"keep_prob": "keep probability"}


def dose_text(curve: Curve, value: Sequence[float], *, full: bool = False) -> str:
    """A dose for reading: the number alone, or with `full` the knob too, keep probabilities in both conventions.

    Example:
        >>> curve = Curve(("keep_prob",), ("a", "b"), ((0.5,), (1.0,)))
        >>> dose_text(curve, (0.5,)), dose_text(curve, (0.5,), full=True)
        ('0.5', 'keep 0.5 (PyTorch nn.Dropout(p=0.5))')
    """
    parts: list[str] = []
    for knob, each in zip(curve.knobs, value, strict=True):
        name, site = split_knob(knob)
        if not full:
            parts.append(number(each, 6))
            continue
        at = f" at {site}" if site else ""
        parts.append(f"{keep_text(each)}{at}" if name == "keep_prob" else f"{name} {number(each, 6)}")
    return ", ".join(parts) if full or len(parts) == 1 else f"({', '.join(parts)})"


def loss_text(answer: CurveAnswer, facts: StudyFacts, value: float) -> str:
    """A loss against the best dose, in the outcome's unit: a ratio, points, or a difference in cost."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "any amount"
    if answer.is_ratio:
        return f"×{ratio(value)}"
    if answer.outcome == "held_out_error" and facts.error_unit == "share":
        return f"{number(100 * value)} points"
    return number(value)


def value_text(answer: CurveAnswer, facts: StudyFacts, value: float) -> str:
    """A mean outcome in its unit.

    Args:
        answer: The curve.
        facts: Says whether an error is a share.
        value: The mean.
    """
    if math.isnan(value):
        return "unknown"
    if answer.is_ratio:
        return f"{round(value):,}"
    if answer.outcome == "held_out_error" and facts.error_unit == "share":
        return percent(value)
    return number(value)


def describe_curve(answer: CurveAnswer, plan: Plan, facts: StudyFacts) -> list[str]:
    """Everything that is said of a curve, a sentence or a short line each.

    Args:
        answer: The curve.
        plan: The plan.
        facts: Facts of the study.
    """
    curve, seen = answer.curve, answer.seen
    knobs = " × ".join(curve.knobs)
    rates = label(plan) or "each dose at its own learning rates, tuned anew for every seed"
    lines = [
        f"{OUTCOME_WORDS[answer.outcome]} against {knobs}: {len(seen.arms)} doses on {seeds_text(len(seen.seeds))}, "
        f"{rates}"
    ]
    if not seen.is_known or answer.shown is None:
        return [*lines, _why_unknown(answer, plan)]
    if answer.is_ratio and plan.target is not None:
        lines[0] += f", to cost {number(plan.target)}"
    margin = loss_text(answer, facts, answer.margin)
    reason = str(answer.shown.reason)
    lost = _limits_reached(answer, plan, facts)
    if lost and bool((seen.values == seen.values.flat[0]).all()):
        return [*lines, f"nothing is decided: {lost[0]}"]
    lines += lost
    if reason:
        lines.append(f"nothing is decided: {_REASONS[reason]}")
    else:
        lines += _groups(answer, margin)
        lines += _widths(answer)
    lines += default_text(answer, facts)
    if answer.best is not None:
        best = next(d for d in answer.doses if d.arm == answer.best)
        lines.append(
            f"lowest mean: {dose_text(curve, best.value, full=True)}, {value_text(answer, facts, best.mean)} (the "
            "lowest of many means flatters)"
        )
    lines += fresh_text(answer, plan, facts)
    tuned = answer.tunability
    if tuned is not None and not math.isnan(float(tuned.value)):
        spread = math.exp(float(tuned.spread)) if answer.is_ratio else float(tuned.spread)
        lines.append(
            f"over these doses the mean moves by {loss_text(answer, facts, spread)}, {number(float(tuned.value))} "
            f"times what {tuned.n} seeds can tell ({number(float(tuned.low))} to {number(float(tuned.high))} times)"
        )
    unstable = answer.of("unstable")
    if unstable:
        lines.append(f"unstable, neither averaged nor compared: {_listed(curve, unstable)}")
    return lines


def _limits_reached(answer: CurveAnswer, plan: Plan, facts: StudyFacts) -> list[str]:
    """How many runs count as the most that counts: the budget, or the cost of a constant prediction."""
    values = answer.seen.values
    if answer.is_ratio:
        n = int((values >= math.log(max(1.0, float(plan.budget or 1)))).sum())
        what = f"did not reach the target and count as the budget of {plan.budget:,} iterations"
    elif answer.outcome == "held_out_cost":
        n = int((values >= facts.c0_held).sum())
        what = f"ended at or above the held-out cost of a constant prediction ({number(facts.c0_held)}) and count as it"
    else:
        return []
    return [f"{n:,} of {values.size:,} runs {what}"] if n else []


def _why_unknown(answer: CurveAnswer, plan: Plan) -> str:
    if answer.seen.n_missing:
        return f"not finished: {len(answer.seen.seeds)} seeds so far have a run at every dose"
    if answer.is_ratio and plan.target is None:
        return "undecided: no dose learned in the pilot, so there is no target. Give a larger budget= or a target="
    return "undecided: the outcome could not be measured at every dose"


_REASONS = {
    "one dose": "there is one dose",
    "few seeds": "fewer than five seeds have a run at every dose",
    "unstable": "fewer than two doses are stable",
    "identical": "no two doses differ in a way that varies over seeds",
}


def _groups(answer: CurveAnswer, margin: str) -> list[str]:
    certified = answer.of("near-optimal")
    lines = [
        f"certified near-optimal (lose at most {margin}): {_listed(answer.curve, certified)}"
        if certified
        else f"certified near-optimal (lose at most {margin}): none; more seeds or a wider margin= would certify"
    ]
    unknown = answer.of("unknown")
    if unknown:
        lines.append(f"unknown: {_listed(answer.curve, unknown)}")
    excluded = [dose for dose in answer.doses if dose.is_excluded]
    if excluded:
        little = (
            "; the certified of them lose little" if any(d.status == "near-optimal" for d in excluded) else ""
        )
        lines.append(f"excluded as best: {_listed(answer.curve, excluded)}{little}")
    worse = [dose for dose in answer.doses if dose.is_worse]
    if worse:
        lines.append(f"worse than the best by more than {margin}: {_listed(answer.curve, worse)}")
    return lines


def _widths(answer: CurveAnswer) -> list[str]:
    knob, *others = answer.curve.knobs
    if others or not answer.widths:
        return []
    width = answer.widths[0]
    unit = UNITS.get(split_knob(knob)[0], "decades" if answer.curve.is_log() else "")
    low, high = answer.chance
    has_zero = bool(width.inner.has_zero) and answer.curve.is_log()
    apart = "; dose 0 has no place on a logarithmic scale and adds nothing to either" if has_zero else ""
    return [
        f"the certified doses span {_width(float(width.inner.width))}, those not shown to be worse by more than the "
        f"margin {_width(float(width.outer.width))} ({unit}); one draw from the tested range, each dose standing for "
        f"its surroundings, is near-optimal with a chance of {percent(low)} to {percent(high)}{apart}"
    ]


def _width(value: float) -> str:
    return "0" if math.isnan(value) else number(value)


def default_text(answer: CurveAnswer, facts: StudyFacts) -> list[str]:
    """Whether the default is good enough, in one sentence; none where there is no default."""
    curve, found = answer.curve, answer.default
    if curve.default is None or found is None:
        return []
    margin = loss_text(answer, facts, answer.margin)
    shown = dose_text(curve, curve.value(curve.default), full=True)
    high = float(found.high)
    low = float(found.low)
    if answer.is_ratio:
        low, high = math.exp(low), math.exp(high)
    most, least = loss_text(answer, facts, high), loss_text(answer, facts, low)
    word = str(found.answer)
    alpha = answer.shown.alpha if answer.shown else 0.05
    limit = f"({level(alpha)} limit; margin {margin})"
    if word == "yes":
        return [f"the default, {shown}, is good enough: it loses at most {most} {limit}"]
    if word == "no":
        return [f"the default, {shown}, is not good enough: it loses at least {least} {limit}"]
    if math.isnan(high):
        return [f"the default, {shown}, is unstable: nothing can be said of what it loses"]
    if math.isinf(high):
        return [f"whether the default, {shown}, is good enough is open: nothing bounds what it loses"]
    return [
        f"whether the default, {shown}, is good enough is open: it loses between {least} and {most}, and the margin is "
        f"{margin}"
    ]


def fresh_text(answer: CurveAnswer, plan: Plan, facts: StudyFacts) -> list[str]:
    """The verdict on fresh seeds, in one sentence; none where there is no such verdict (yet)."""
    if answer.confirmed is None:
        return []
    return [f"on fresh seeds: {headline(answer.confirmed, plan, facts.error_unit)}"]


def _listed(curve: Curve, doses: Sequence[Dose]) -> str:
    shown = [dose_text(curve, dose.value) for dose in doses]
    if len(shown) > MOST_LISTED:  # on a grid of two knobs "from … to …" would say nothing
        ends = f", {shown[0]} to {shown[-1]}" if len(curve.knobs) == 1 else ""
        return f"{len(shown)} doses{ends}{SEE_CURVE}"
    return ", ".join(shown)
