"""Questions that were asked after the runs were seen: `explore`. Nothing here is a verdict as declared.

An explored claim gets words of its own ("points to" instead of "supported"), one interval at level 1 - alpha
over all pairs that there are, and a direction only if its sign-flip p-value holds after Benjamini and
Hochberg's adjustment over all claims that were asked in the same call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hunch.evidence import reasons
from hunch.evidence.borrowed import Borrowed, borrow, goal_of
from hunch.evidence.decide import decide, with_margin
from hunch.evidence.estimate import (
    Estimate,
    effect_limit,
    estimate_effect,
    few_reach,
    judge,
    projected_seeds,
    resolution,
)
from hunch.evidence.explore_checks import refuse_exploring
from hunch.evidence.guards import find_guard
from hunch.evidence.margins import claim_margin
from hunch.evidence.outcomes import OutcomeValues, outcome_values
from hunch.evidence.verdict import (
    ABOUT_EQUAL,
    NO_MEANINGFUL_DIFFERENCE,
    OPEN,
    POINTS_AGAINST,
    POINTS_TO,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Look,
    Verdict,
)
from hunch.plan import Claim, Plan
from hunch.stats import benjamini_hochberg, paired_interval
from hunch.traces import RunTable

_WORDS = {
    SUPPORTED: POINTS_TO,
    REFUTED: POINTS_AGAINST,
    NO_MEANINGFUL_DIFFERENCE: ABOUT_EQUAL,
    UNDECIDED: OPEN,
}


@dataclass(frozen=True, slots=True)
class Explored:
    """What the runs say about a claim that was asked after they were seen.

    Args:
        verdict: Its `decision` is `points to`, `points against`, `about equal` or `open`, and `exploratory` is
            True; `p_value` is the sign-flip p-value alone.
        adjusted: The same after Benjamini and Hochberg's adjustment over all claims of the call.
        asked: How many claims that were.
        target: The cost that `iterations` were counted to; None for other outcomes.
        tuned_for: Pairs (arm, what its learning rates were tuned for: `iterations`, `cost`, `held_out_cost` or
            `held_out_error`; None where they were given).
        is_own: Whether that is the outcome of the claim, and its target.
        declared: What the study itself decided of this claim, at its own margin, target and alpha; empty
            where it did not declare it.
    """

    verdict: Verdict
    adjusted: float
    asked: int
    target: float | None
    tuned_for: tuple[tuple[str, str | None], ...]
    is_own: bool
    declared: str = ""


@dataclass(frozen=True, eq=False)
class _Asked:
    """One claim with all that is known before the others are."""

    claim: Claim
    plan: Plan
    margin: float
    outcome: OutcomeValues
    estimate: Estimate
    interval: tuple[float, float]
    borrowed: dict[str, Borrowed]


def explore(
    plan: Plan,
    table: RunTable,
    claims: Sequence[Claim],
    *,
    alpha: float | None = None,
    target: float | None = None,
) -> tuple[Explored, ...]:
    """Answer claims from runs that are there, as exploration: no claim here was fixed beforehand.

    A pure function, like `decide`. One look at all pairs that the arms of a claim share, whatever looks the
    study planned: Student's t with Hall's interval, and the sign-flip test. An interval is of level 1 - alpha
    for its claim alone.

    Args:
        plan: The plan of the study, frozen.
        table: Its runs.
        claims: What is asked; margins that a claim leaves open come from the pilot, as those of declared ones.
        alpha: Level of the intervals, and the share of false directions among those that are given. None: the
            study's.
        target: The cost that iterations are counted to. None: the study's.

    Returns:
        One answer a claim, in their order.

    Raises:
        PlanError: If a claim names an arm or site that is not there, its arms share no seed, there is no
            target or no confirm run, runs that ended at the study's target are asked for what came later, or
            alpha or target make no sense; lists every problem.
    """
    declared = decide(plan, table)
    refuse_exploring(plan, table, declared, claims, alpha, target)
    alpha = plan.alpha if alpha is None else float(alpha)
    asked = [_ask(plan, table, declared, claim, alpha, target) for claim in claims]
    adjusted = [float(p) for p in benjamini_hochberg([one.estimate.p_value for one in asked])]
    return tuple(
        _answer(plan, table, declared, one, alpha, p, len(asked))
        for one, p in zip(asked, adjusted, strict=True)
    )


def _ask(
    plan: Plan, table: RunTable, declared: Sequence[Verdict], claim: Claim, alpha: float, target: float | None
) -> _Asked:
    borrowed, shared = borrow(plan, table, declared, claim)
    asked = replace(plan, target=plan.target if target is None else float(target))
    runs = {arm: found.runs for arm, found in borrowed.items()}
    outcome = outcome_values(asked, table, claim, runs=runs).first(shared)
    d = outcome.effects(claim)
    interval = (math.nan, math.nan)
    if len(d):
        low, high = paired_interval(d, alpha)
        interval = float(low), float(high)
    step, limit = resolution(outcome, claim, table.facts), effect_limit(claim, table.facts)
    estimate = estimate_effect(outcome, claim, interval, step, limit)
    margin = claim_margin(plan, table, claim)
    return _Asked(claim, asked, margin, outcome, estimate, interval, borrowed)


def _answer(
    plan: Plan,
    table: RunTable,
    declared: Sequence[Verdict],
    asked: _Asked,
    alpha: float,
    adjusted: float,
    n_asked: int,
) -> Explored:
    claim, outcome, estimate = asked.claim, asked.outcome, asked.estimate
    decision, beyond, reason, needed = _judge(asked, alpha, adjusted, table.facts.error_unit)
    own, unbound = (None, goal_of(claim, plan)), replace(claim, margin=None)
    is_same_target = not claim.is_ratio or asked.plan.target == plan.target
    n = len(outcome.seeds)
    found = Verdict(
        claim=with_margin(claim, asked.margin),
        decision=decision,
        effect=estimate.effect,
        low=estimate.low,
        high=None if estimate.high == math.inf else estimate.high,
        bound="at_least" if estimate.is_bound else "exact",
        ratio=math.exp(estimate.effect) if claim.is_ratio else None,
        seeds=n,
        alpha=alpha,
        margin=asked.margin,
        looks=(n,),
        reached=outcome.reached,
        reason=reason,
        seeds_needed=needed,
        beyond_margin=beyond,
        p_value=estimate.p_value,
        history=(
            Look(n, n, alpha, estimate.effect, estimate.low, estimate.high, estimate.p_value, decision),
        ),
        exploratory=True,
    )
    return Explored(
        verdict=found,
        adjusted=adjusted,
        asked=n_asked,
        target=asked.plan.target if claim.is_ratio else None,
        tuned_for=tuple((arm, runs.goal) for arm, runs in asked.borrowed.items()),
        is_own=is_same_target and all(runs.goal in own for runs in asked.borrowed.values()),
        declared=next((v.decision for v in declared if replace(v.claim, margin=None) == unbound), ""),
    )


def _judge(
    asked: _Asked, alpha: float, adjusted: float, error_unit: str
) -> tuple[str, bool, str, int | None]:
    """(decision, whether beyond the margin, reason, seeds needed)."""
    claim, outcome, estimate, margin = asked.claim, asked.outcome, asked.estimate, asked.margin
    guard = find_guard(asked.plan, outcome, claim, alpha)
    if guard is not None:
        return OPEN, False, guard.reason, guard.seeds_needed
    few = few_reach(outcome)
    # Its own p-value would pass too often where many claims are asked.
    strict = replace(estimate, p_value=adjusted)
    word, beyond = judge(claim.kind, strict, margin, alpha, can_be_equal=not few)
    if word != UNDECIDED:
        decision = ABOUT_EQUAL if (claim.kind, word) == ("same", SUPPORTED) else _WORDS[word]
        return decision, beyond, reasons.is_bound(few) if estimate.is_bound else reasons.reach_note(few), None
    if estimate.is_flat:
        return OPEN, False, reasons.below_resolution(), None
    low, high = asked.interval
    if -margin < low and high < margin:
        reason = reasons.equality_censored(few)
    elif (estimate.low > 0 or estimate.high < 0) and adjusted > alpha:
        reason = reasons.adjusted_disagrees(adjusted, alpha)
    else:
        reason = reasons.margin_crossed(claim, margin, error_unit)
    needed = projected_seeds(outcome, claim, margin, alpha, can_be_equal=not few)
    return OPEN, False, reason, needed
