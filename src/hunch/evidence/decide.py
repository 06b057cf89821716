"""From runs to verdicts: `decide`.

Every verdict follows from one interval, one exact test and one margin, all fixed beforehand; guards come
first.
"""

from __future__ import annotations

import math

import numpy as np

from hunch.evidence import reasons
from hunch.evidence.estimate import (
    Estimate,
    estimate_effect,
    few_reach,
    is_misleading,
    judge,
    projected_seeds,
    resolution,
)
from hunch.evidence.outcomes import OutcomeValues, outcome_values
from hunch.evidence.verdict import UNDECIDED, Verdict
from hunch.plan import Claim, Plan
from hunch.stats import median_time, paired_interval, seeds_for_sign_flip, smallest_sign_flip_p
from hunch.traces import RunTable

FEWEST_PAIRS = 5
MOST_WITHOUT = 0.2  # of the seeds, without the reading that the claim is about
TOO_HARD = 0.2  # every arm reaches the target in fewer runs than this
IDENTICAL = 1e-12  # differences below it, relative to the values, are rounding


def decide(plan: Plan, table: RunTable) -> tuple[Verdict, ...]:
    """One verdict per claim, in the order of the plan.

    A pure function of the plan and the confirm runs. Each of k claims gets alpha / k. A claim is
    `supported` or `refuted` when its interval (Student's t on the paired differences, widened to the union
    with Hall's where they are skewed) lies on one side of 0 and the exact sign-flip test agrees; it is `no
    meaningful difference` when the interval lies within ± margin; else it is `undecided`, with a reason.

    Args:
        plan: The plan. One that the pilot has not completed gives undecided verdicts.
        table: The runs.

    Returns:
        The verdicts.

    Raises:
        PlanError: If a claim names a site that the network does not have.
    """
    share = plan.alpha / max(1, len(plan.claims))
    is_fixed = plan.budget is not None and len(plan.margins) == len(plan.claims)
    margins = plan.margins if is_fixed else (math.nan,) * len(plan.claims)
    return tuple(
        _verdict(plan, table, claim, margin, share)
        for claim, margin in zip(plan.claims, margins, strict=True)
    )


def _verdict(plan: Plan, table: RunTable, claim: Claim, margin: float, alpha: float) -> Verdict:
    outcome = outcome_values(plan, table, claim)
    estimate = estimate_effect(outcome, claim, alpha, resolution(outcome, claim, table.facts))
    can_be_equal = not few_reach(outcome)
    decision, beyond, needed = UNDECIDED, False, None
    guard = _guard(plan, outcome, claim, alpha)
    if guard:
        reason, needed = guard
    else:
        decision, beyond = judge(claim.kind, estimate, margin, alpha, can_be_equal=can_be_equal)
        if decision == UNDECIDED:
            reason = _why_undecided(outcome, claim, estimate, margin, alpha)
            if not estimate.is_flat:
                needed = projected_seeds(outcome, claim, margin, alpha, can_be_equal=can_be_equal)
        elif estimate.is_bound:
            reason = reasons.is_bound(few_reach(outcome))
        else:
            reason = reasons.reach_note(few_reach(outcome))
    return Verdict(
        claim=_with_margin(claim, margin),
        decision=decision,
        effect=estimate.effect,
        low=estimate.low,
        high=None if estimate.high == math.inf else estimate.high,
        bound="at_least" if estimate.is_bound else "exact",
        ratio=math.exp(estimate.effect) if claim.is_ratio else None,
        seeds=len(outcome.seeds),
        alpha=alpha,
        margin=margin,
        looks=(len(outcome.seeds),),
        reached=outcome.reached,
        reason=reason,
        seeds_needed=needed,
        beyond_margin=beyond,
        p_value=estimate.p_value,
    )


def _guard(plan: Plan, outcome: OutcomeValues, claim: Claim, alpha: float) -> tuple[str, int | None] | None:
    """(reason, seeds needed) if there is nothing that a verdict could rest on; None if there is."""
    n = len(outcome.seeds)
    if plan.budget is None or len(plan.margins) != len(plan.claims):
        return reasons.not_frozen(), None
    if claim.is_ratio and plan.target is None:
        return reasons.no_target(), None
    if outcome.never_applies:
        return reasons.reading_absent(claim, outcome.never_applies), None
    if outcome.n_without > MOST_WITHOUT * (n + outcome.n_without):
        return reasons.reading_missing(claim, outcome.n_without, n + outcome.n_without), None
    if outcome.times is not None and n:
        if all(share < TOO_HARD for _, share in outcome.reached):
            return reasons.too_hard(plan, outcome.reached), None
        first = float(outcome.grid[min(1, len(outcome.grid) - 1)])
        if all(median_time(times, outcome.budget) <= first for times in outcome.times):
            return reasons.too_easy(), None
    floor = seeds_for_sign_flip(alpha)
    if n < FEWEST_PAIRS:
        needed = None if floor is None else max(FEWEST_PAIRS, floor)
        return reasons.few_pairs(n, outcome.n_missing), needed
    d = outcome.effects(claim)
    if np.abs(d).max() <= IDENTICAL * max(1.0, float(np.abs(outcome.values).max())):
        return reasons.identical(claim), None
    if smallest_sign_flip_p(n) > alpha:
        return reasons.sign_flip_floor(n, alpha, smallest_sign_flip_p(n), floor is None), floor
    if is_misleading(outcome, claim, float(d.mean())):
        return reasons.contrast_censored(few_reach(outcome)), None
    return None


def _why_undecided(
    outcome: OutcomeValues, claim: Claim, estimate: Estimate, margin: float, alpha: float
) -> str:
    """Why an estimate that no guard stopped decides nothing."""
    if estimate.is_flat:
        return reasons.below_resolution()
    low, high = paired_interval(outcome.effects(claim), alpha)  # before a bound took one end away
    if -margin < low and high < margin:
        return reasons.equality_censored(few_reach(outcome))
    if (estimate.low > 0 or estimate.high < 0) and estimate.p_value > alpha:
        return reasons.sign_flip_disagrees(estimate.p_value, alpha)
    return reasons.margin_crossed(claim, margin)


def _with_margin(claim: Claim, margin: float) -> Claim:
    """The claim with its margin named, in the claim's own terms: a ratio for iterations."""
    named = round(math.exp(margin), 12) if claim.is_ratio else margin
    is_valid = named > 1 if claim.is_ratio else named > 0
    return claim.with_margin(named) if claim.margin is None and is_valid else claim
