"""The smallest effect that matters, where the user has not said: from the pilot, never from confirm runs."""

from __future__ import annotations

import math

import numpy as np

from hunch.evidence.outcomes import final_value, site_index
from hunch.plan import PILOT, Claim, Plan
from hunch.traces import RunTable

RATIO = 1.10  # of iterations
SHARE_OF_COST = 0.05  # of the way from c0 to the best arm's pilot cost
SHARE_OF_ERROR = 0.10  # of the best arm's pilot error …
LEAST_ERROR = 0.005  # … but at least half a point, for errors that are shares
SHARE_OF_READING = 0.10  # of the pilot's reading in the arm compared with
FLOOR = 1e-6  # a margin is above 0, whatever the pilot measured


def claim_margin(plan: Plan, table: RunTable, claim: Claim) -> float:
    """The margin of a claim on the scale of its effect: the user's, else the default.

    Args:
        plan: The plan, its budget and rates fixed.
        table: The pilot's runs.
        claim: The claim. A margin that it names is a ratio for iterations.
    """
    if claim.margin is None:
        return default_margin(plan, table, claim)
    return math.log(claim.margin) if claim.is_ratio else claim.margin


def default_margin(plan: Plan, table: RunTable, claim: Claim) -> float:
    """The smallest effect that matters, by rule, from pilot runs at the plan's rates and budget.

    - Iterations: log 1.10.
    - Cost, held-out cost, gap: 5 % of c0 - the best arm's pilot cost (held out for the last two, and where
      the study's metric is), the best of all arms of the study.
    - Held-out error: 10 % of the best arm's pilot error, and at least 0.5 point where it is a share.
    - Readings: 10 % of the absolute pilot mean in the arm compared with; in a contrast of several arms, in
      the arm where it is largest.

    Never below 1e-6. Without pilot runs c0 stands for the way to the best cost, 0.5 point (regression: 5 % of
    the constant guess's error) for an error, and a reading has only the floor: nothing is then called equal
    unless the claim names a margin.

    Args:
        plan: The plan, its budget and rates fixed.
        table: The pilot's runs (runs of other stages are not looked at).
        claim: The claim.

    Returns:
        The margin on the scale of the effect: a log ratio for iterations, else in the outcome's unit.

    Raises:
        PlanError: If the claim names a site that the network does not have.
    """
    if claim.is_ratio:
        return math.log(RATIO)
    facts = table.facts
    if claim.is_reading:
        arms = [claim.reference] if claim.reference is not None else list(claim.arms)
        means = [_pilot_mean(plan, table, claim, arm) for arm in arms]
        return max([FLOOR, *(SHARE_OF_READING * abs(m) for m in means if m is not None)])
    if claim.outcome == "held_out_error":
        best = _best(plan, table, claim)
        if facts.error_unit == "share":
            return max(LEAST_ERROR, SHARE_OF_ERROR * (best or 0.0))
        return max(FLOOR, SHARE_OF_ERROR * (0.5 * facts.error0 if best is None else best))
    if claim.outcome == "cost" and plan.metric == "train":
        c0, about = facts.c0_train, claim
    else:
        c0, about = facts.c0_held, Claim("more", "held_out_cost", claim.weights)
    return max(FLOOR, SHARE_OF_COST * (c0 - (_best(plan, table, about) or 0.0)))


def _best(plan: Plan, table: RunTable, claim: Claim) -> float | None:
    """The lowest pilot mean over all arms of the study."""
    means = [_pilot_mean(plan, table, claim, arm.name) for arm in plan.arms]
    return min((m for m in means if m is not None), default=None)


def _pilot_mean(plan: Plan, table: RunTable, claim: Claim, arm: str) -> float | None:
    site = site_index(claim, table.facts)
    runs = table.select(PILOT, arm, lr=plan.rate(arm), budget=plan.budget)
    values = [final_value(plan, table.facts, t, claim, site=site) for t in runs]
    values = [v for v in values if math.isfinite(v)]
    return float(np.mean(values)) if values else None
