"""Guards: when there is nothing to rest a verdict on, and which of these more blocks would not mend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hunch.evidence import reasons
from hunch.evidence.estimate import few_reach, is_misleading
from hunch.evidence.outcomes import OutcomeValues
from hunch.plan import Claim, Plan
from hunch.stats import median_time, seeds_for_sign_flip, smallest_sign_flip_p

FEWEST_PAIRS = 5
MOST_WITHOUT = 0.2  # of the seeds, without the reading that the claim is about
TOO_HARD = 0.2  # every arm reaches the target in fewer runs than this
COARSE = ("held_out_error", "saturated", "inactive")
"""Outcomes that count something: arms that differ may well tie in the first few blocks."""
IDENTICAL = 1e-12  # differences below it, relative to the values, are rounding


@dataclass(frozen=True, slots=True)
class Guard:
    """Why nothing can be decided.

    Args:
        reason: In words.
        seeds_needed: How many seeds would do; None if that is not the point.
        is_final: Whether more blocks would not help, so that none need be bought.
    """

    reason: str
    seeds_needed: int | None = None
    is_final: bool = False


def find_guard(plan: Plan, outcome: OutcomeValues, claim: Claim, flip_at: float | None) -> Guard | None:
    """The first guard that stands; None if a verdict has something to rest on.

    Args:
        plan: The plan.
        outcome: The outcome at this look.
        claim: The claim.
        flip_at: What the sign-flip p-value must reach at this look; None where it does not matter.
    """
    if plan.budget is None or len(plan.margins) != len(plan.claims):
        return Guard(reasons.not_frozen())
    if claim.is_ratio and plan.target is None:
        return Guard(reasons.no_target(), is_final=True)
    return _guard_values(plan, outcome, claim) or _guard_number(outcome, claim, flip_at)


def _guard_values(plan: Plan, outcome: OutcomeValues, claim: Claim) -> Guard | None:
    """Values that do not say anything, however many they are."""
    n = len(outcome.seeds)
    is_enough = n + outcome.n_without >= FEWEST_PAIRS
    if outcome.never_applies:
        return Guard(reasons.reading_absent(claim, outcome.never_applies), is_final=is_enough)
    if outcome.n_without > MOST_WITHOUT * (n + outcome.n_without):
        return Guard(reasons.reading_missing(claim, outcome.n_without, n + outcome.n_without))
    if outcome.times is not None and n:
        if all(share < TOO_HARD for _, share in outcome.reached):
            return Guard(reasons.too_hard(plan, outcome.reached), is_final=is_enough)
        first = float(outcome.grid[min(1, len(outcome.grid) - 1)])
        if all(median_time(times, outcome.budget) <= first for times in outcome.times):
            return Guard(reasons.too_easy(), is_final=is_enough)
    return None


def _guard_number(outcome: OutcomeValues, claim: Claim, flip_at: float | None) -> Guard | None:
    """Too few values, or values that are all alike."""
    n = len(outcome.seeds)
    floor = None if flip_at is None else seeds_for_sign_flip(flip_at)
    if n < FEWEST_PAIRS:
        needed = FEWEST_PAIRS if flip_at is None else None if floor is None else max(FEWEST_PAIRS, floor)
        return Guard(reasons.few_pairs(n, outcome.n_missing, claim), needed)
    d = outcome.effects(claim)
    if np.abs(d).max() <= IDENTICAL * max(1.0, float(np.abs(outcome.values).max())):
        reason = reasons.all_capped(claim) if outcome.is_capped else reasons.identical(claim)
        return Guard(reason, is_final=claim.outcome not in COARSE)
    if flip_at is not None and smallest_sign_flip_p(n) > flip_at:
        reason = reasons.sign_flip_floor(n, flip_at, smallest_sign_flip_p(n), floor is None)
        return Guard(reason, floor)
    if is_misleading(outcome, claim, float(d.mean())):
        return Guard(reasons.contrast_censored(few_reach(outcome)))
    return None
