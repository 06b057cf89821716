"""What is said of claims that were asked after the runs were seen."""

from __future__ import annotations

import math
from dataclasses import replace

from hunch.evidence.borrowed import goal_of
from hunch.evidence.explore import Explored
from hunch.evidence.numbers import number
from hunch.evidence.verdict import OPEN, POINTS_AGAINST, POINTS_TO
from hunch.evidence.wording import effect_text, label, price_text
from hunch.plan import Plan

EXPLORATORY = "exploratory"
"""The word that stands before every such answer."""

_GOALS = {
    "cost": "the final cost",
    "held_out_cost": "the held-out cost",
    "held_out_error": "the held-out error",
}

CAUTION = (
    "Asked after the runs were seen, so these are no verdicts: their error rate is not that of a claim that was "
    "declared. To decide one, declare it in a new study, with another seed=."
)


def describe_explored(found: Explored, plan: Plan, error_unit: str = "share") -> str:
    """The answer in sentences, beginning with `exploratory:`.

    Args:
        found: The answer.
        plan: The study's plan.
        error_unit: `StudyFacts.error_unit`; differences of shares are given in points.
    """
    verdict = found.verdict
    asked = plan if found.target is None else replace(plan, target=found.target)
    claim = f'"{verdict.claim.text}"'
    word = f"{verdict.decision} {claim}" if verdict.decision in (POINTS_TO, POINTS_AGAINST) else ""
    parts = [f"{EXPLORATORY}: {word or f'{verdict.decision} ({claim})'}"]
    body = effect_text(verdict, asked, error_unit)
    if body:
        limits = f", {label(plan)}" if label(plan) else ""
        parts[0] += f": {body}{limits}"
    if verdict.decision == OPEN:
        parts.append(_capital(verdict.reason))
        parts.append(price_text(verdict))
    parts.append(_p_text(found))
    parts.append(describe_tuned_for(found, plan))
    if found.declared:
        parts.append(f"As the study declared it, its verdict is: {found.declared}")
    return ". ".join(part for part in parts if part) + "."


def describe_tuned_for(found: Explored, plan: Plan) -> str:
    """What the runs behind an answer were tuned for, and whether that is what was asked; no full stop."""
    by_goal: dict[str | None, list[str]] = {}
    for arm, goal in found.tuned_for:
        by_goal.setdefault(goal, []).append(arm)
    if set(by_goal) == {None}:
        return "The learning rates were given"
    texts = []
    for goal, arms in by_goal.items():
        of = "" if len(by_goal) == 1 else f" of {' and '.join(arms)}"
        texts.append(f"runs{of} {'had given rates' if goal is None else f'tuned for {_goal(goal, plan)}'}")
    text = "; ".join(texts)
    if found.is_own:
        return _capital(text)
    asked = plan if found.target is None else replace(plan, target=found.target)
    return f"{_capital(text)}, not for {_goal(goal_of(found.verdict.claim, plan), asked)}"


def _p_text(found: Explored) -> str:
    p = found.verdict.p_value
    if math.isnan(p):
        return ""
    if found.asked == 1:
        return f"Sign-flip p-value {number(p)}"
    return (
        f"Sign-flip p-value {number(p)}; after Benjamini-Hochberg over the {found.asked} claims asked "
        f"{number(found.adjusted)}"
    )


def _goal(goal: str, plan: Plan) -> str:
    if goal != "iterations":
        return _GOALS[goal]
    held = "held-out " if plan.metric == "held_out" else ""
    return f"iterations to {held}cost {'unknown' if plan.target is None else number(plan.target)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
