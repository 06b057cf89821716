"""What cannot be asked of the runs that are there, in words: all of it at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hunch.errors import PlanError, Problem
from hunch.evidence.borrowed import borrow
from hunch.evidence.outcomes import site_index
from hunch.evidence.verdict import Verdict
from hunch.plan import CONFIRM, Claim, Plan
from hunch.traces import RunTable


def refuse_exploring(
    plan: Plan,
    table: RunTable,
    declared: Sequence[Verdict],
    claims: Sequence[Claim],
    alpha: float | None,
    target: float | None,
) -> None:
    """Refuse what the runs of a study cannot answer.

    Args:
        plan: The plan of the study.
        table: Its runs.
        declared: The verdicts of its own claims.
        claims: What is asked.
        alpha: As asked; None: the study's.
        target: As asked; None: the study's.

    Raises:
        PlanError: Lists every problem.
    """
    problems: list[Problem] = []
    if not claims:
        problems.append(
            Problem(
                "there is nothing to explore, got no claims. Write for instance "
                "study.explore('before lower error than none').",
                "results-explore-claims",
            )
        )
    if alpha is not None and (not _is_number(alpha) or not 0 < alpha < 0.5):
        problems.append(
            Problem(f"alpha must be above 0 and below 0.5, got {alpha!r}. The usual is 0.05.", "plan-alpha")
        )
    problems += _target_problems(plan, claims, target)
    names = [arm.name for arm in plan.arms]
    for claim in claims:
        unknown = [arm for arm in claim.arms if arm not in names]
        problems += [
            Problem(
                f'claim "{claim.text}": there is no arm "{arm}". The arms are {", ".join(names)}.',
                "plan-unknown-arm",
            )
            for arm in unknown
        ]
        try:
            site_index(claim, table.facts)
        except PlanError as error:
            problems += error.problems
    if not plan.is_frozen or not table.select(CONFIRM):
        problems.append(
            Problem(
                "there are no confirm runs to explore: the study was stopped before the first. The same call with the "
                "same store goes on.",
                "results-explore-runs",
            )
        )
    if not problems:
        problems = [p for claim in claims for p in _seed_problems(plan, table, declared, claim)]
    PlanError.raise_all(problems)


def _target_problems(plan: Plan, claims: Sequence[Claim], target: float | None) -> list[Problem]:
    """No target, a target for nothing, and what lies beyond the end of runs that stop at theirs."""
    timed = [claim for claim in claims if claim.is_ratio]
    if target is not None and not _is_number(target):
        return [Problem(f"target must be a finite cost, got {target!r}.", "plan-target")]
    problems: list[Problem] = []
    if target is not None and claims and not timed:
        problems.append(
            Problem(
                f"target={target:g} is the cost that iterations are counted to, and no claim here is about "
                "iterations. Leave target out, or ask whether an arm is faster.",
                "results-explore-target",
            )
        )
    if timed and target is None and plan.target is None:
        problems.append(
            Problem(
                f'claim "{timed[0].text}": this study has no target, so there is no cost to count iterations '
                "to. Give one: target=0.5.",
                "results-explore-target",
            )
        )
    if plan.stop_at_target and plan.target is not None:
        if timed and target is not None and target < plan.target:
            problems.append(
                Problem(
                    f"target={target:g} is beyond the end of these runs: with stop_at_target=True they ended at "
                    f"{plan.target:g}. Give a target of {plan.target:g} or more.",
                    "results-explore-target",
                )
            )
        problems += [
            Problem(
                f'claim "{claim.text}": the runs ended at their target (stop_at_target=True), so what came '
                "later was not measured. Ask about iterations, or train again without stop_at_target.",
                "results-explore-stopped",
            )
            for claim in claims
            if not claim.is_ratio
        ]
    return problems


def _seed_problems(plan: Plan, table: RunTable, declared: Sequence[Verdict], claim: Claim) -> list[Problem]:
    borrowed, shared = borrow(plan, table, declared, claim)
    if shared:
        return []
    have = ", ".join(f'"{arm}" has {len(found.runs)}' for arm, found in borrowed.items())
    return [
        Problem(
            f'claim "{claim.text}": its arms share no seed with a finished run ({have}), so there is no pair to '
            "compare. The same call with the same store makes what is missing.",
            "results-explore-seeds",
        )
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
