"""The effect of a claim, its interval, and what they say: from values per seed to a decision.

Getting the interval and judging it are apart, so that another way of getting it (planned looks, a bet) leaves
the judgement as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hunch.evidence.outcomes import OutcomeValues, is_share
from hunch.evidence.verdict import NO_MEANINGFUL_DIFFERENCE, REFUTED, SUPPORTED, UNDECIDED
from hunch.plan import Claim
from hunch.stats import (
    MANY_SEEDS,
    all_equal,
    median_time,
    seeds_for_direction,
    seeds_for_equivalence,
    seeds_for_sign_flip,
    sign_flip_p,
)
from hunch.traces import StudyFacts

MOSTLY = 0.8  # an arm that reaches the target in fewer runs than this is called censored
ROUNDING = 1e-6  # relative: costs and readings are computed in single precision


@dataclass(frozen=True, slots=True)
class Estimate:
    """How large an effect is, and how sure.

    Args:
        effect: Mean over seeds; NaN without any.
        low: Lower end of the interval; -infinity when the effect is only bounded from above.
        high: Upper end; infinity when the effect is only bounded from below.
        p_value: Two-sided sign-flip p-value.
        is_flat: Whether all differences are the same number.
        is_bound: Whether the slower arm is censored, so that the effect is at least this far from 0.
    """

    effect: float
    low: float
    high: float
    p_value: float
    is_flat: bool = False
    is_bound: bool = False


def judge(
    kind: str,
    estimate: Estimate,
    margin: float,
    flip_at: float | None,
    *,
    can_be_equal: bool = True,
) -> tuple[str, bool]:
    """(decision, whether the whole interval lies beyond the margin on the decided side).

    Args:
        kind: `"more"` or `"same"`.
        estimate: The estimate.
        margin: On the scale of the effect.
        flip_at: What the sign-flip p-value must reach for a direction; None: the interval alone decides.
        can_be_equal: False where too many runs are censored to call arms equal.
    """
    is_inside = can_be_equal and -margin < estimate.low and estimate.high < margin
    has_sign = flip_at is None or estimate.p_value <= flip_at
    above = has_sign and estimate.low > 0
    below = has_sign and estimate.high < 0
    beyond = (above and estimate.low >= margin) or (below and estimate.high <= -margin)
    if kind == "same":
        return (SUPPORTED if is_inside else REFUTED if beyond else UNDECIDED), beyond
    if is_inside:
        return NO_MEANINGFUL_DIFFERENCE, False
    return (SUPPORTED if above else REFUTED if below else UNDECIDED), beyond


def estimate_effect(
    outcome: OutcomeValues, claim: Claim, interval: tuple[float, float], step: float, limit: float = math.inf
) -> Estimate:
    """Effect, interval and p-value of a claim.

    Args:
        outcome: The outcome, per arm and seed.
        claim: The claim.
        interval: The interval of the effects, by whatever method.
        step: What the measurement cannot resolve; where all differences are the same number, the interval is
            that number ± `step`.
        limit: How far from 0 the effect can be at all; no interval goes beyond.
    """
    d = outcome.effects(claim)
    if not len(d):
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    effect = float(d.mean())
    low, high = interval
    is_flat = len(d) > 1 and bool(all_equal(d))
    if is_flat and effect != 0 and math.isfinite(low) and math.isfinite(high):
        low, high = effect - step, effect + step
    low, high = max(low, -limit), min(high, limit)  # NaN stays: it is no larger than a limit
    is_bound = len(d) > 1 and is_bounded(outcome, claim, effect)
    if is_bound:
        low, high = (low, math.inf) if effect > 0 else (-math.inf, high)
    return Estimate(effect, low, high, float(sign_flip_p(d)), is_flat, is_bound)


def effect_limit(claim: Claim, facts: StudyFacts) -> float:
    """How far from 0 the effect can be: the sum of the weights above 0, for what lies between 0 and 1."""
    return sum(w for _, w in claim.weights if w > 0) if is_share(claim, facts) else math.inf


def resolution(outcome: OutcomeValues, claim: Claim, facts: StudyFacts) -> float:
    """One step of the measurement on the scale of the effect.

    For iterations the evaluation grid's step around an arm's median time, as a log ratio, the largest over
    the arms; for an error that is a share one held-out example; else rounding.
    """
    weights = [abs(weight) for _, weight in claim.weights]
    if outcome.times is not None and len(outcome.grid) > 1:
        steps = []
        for weight, times in zip(weights, outcome.times, strict=True):
            time = max(1.0, min(median_time(times, outcome.budget), outcome.budget))
            k = min(int(np.searchsorted(outcome.grid, time, side="right")), len(outcome.grid) - 1)
            steps.append(weight * math.log1p(float(outcome.grid[k] - outcome.grid[k - 1]) / time))
        return max(steps)
    is_share = claim.outcome == "held_out_error" and facts.error_unit == "share"
    least = 1.0 / max(1, facts.n_held) if is_share else 0.0
    return max(weights) * max(least, ROUNDING * float(np.abs(outcome.values).max(initial=0.0)))


def projected_seeds(
    outcome: OutcomeValues,
    claim: Claim,
    margin: float,
    alpha: float,
    *,
    can_be_equal: bool,
    price: Callable[[float, float], float] | None = None,
) -> int | None:
    """About how many seeds would decide the claim one way or another; the fewest of what is possible.

    Args:
        outcome: The outcome so far.
        claim: The claim.
        margin: On the scale of the effect.
        alpha: 1 - that is the level of the interval.
        can_be_equal: False where too many runs are censored to call arms equal.
        price: (distance, standard deviation) → how many differences it takes to exclude what lies so far from
            their mean, for another interval than Student's t.
    """
    d = outcome.effects(claim)
    n, floor = len(d), seeds_for_sign_flip(alpha) or 0
    effect = float(d.mean())
    ways = []
    if price is not None:
        spread = float(d.std(ddof=1))
        away = abs(effect) - (margin if claim.kind == "same" else 0.0)
        ways = [price(way, spread) for way in (away, margin if can_be_equal else 0.0) if way > 0]
    elif claim.kind == "more":
        ways.append(max(seeds_for_direction(d, alpha), floor))
    elif abs(effect) > margin:
        ways.append(max(seeds_for_direction(d - math.copysign(margin, effect), alpha), floor))
    if price is None and can_be_equal and margin > 0:
        ways.append(seeds_for_equivalence(d, alpha, margin))
    ways = [way for way in ways if math.isfinite(way)]
    if not ways:
        return None
    return max(n + 1, math.ceil(min(min(ways), MANY_SEEDS + 1)))


def few_reach(outcome: OutcomeValues) -> tuple[tuple[str, float], ...]:
    """Pairs (arm, share) of the arms that reach the target in fewer than 80 % of their runs."""
    return tuple(pair for pair in outcome.reached if pair[1] < MOSTLY)


def is_bounded(outcome: OutcomeValues, claim: Claim, effect: float) -> bool:
    """Whether an arm is censored whose true times would put the effect further from 0 than it looks.

    Of a pair that is the slower arm.
    """
    few = dict(few_reach(outcome))
    return any(arm in few and weight * effect > 0 for arm, weight in claim.weights)


def is_misleading(outcome: OutcomeValues, claim: Claim, effect: float) -> bool:
    """Whether censoring may have made the effect of a contrast of several arms, instead of hiding part of it.

    A pair needs no such guard: its effect is by definition the ratio of restricted times.
    """
    few = dict(few_reach(outcome))
    return claim.favoured is None and any(arm in few and w * effect < 0 for arm, w in claim.weights)
