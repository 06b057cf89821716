"""How the interval of a claim is made at each look, so that looking several times costs what it should."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from hunch.errors import PlanError
from hunch.evidence.outcomes import SHARES, OutcomeValues, is_share
from hunch.plan import Claim, Plan
from hunch.stats import (
    MANY_SEEDS,
    betting_interval,
    betting_price,
    boundaries,
    mixture_interval,
    paired_interval,
)
from hunch.stats import is_futile as futile_by_bound
from hunch.traces import StudyFacts

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Method:
    """How effects become an interval.

    Args:
        levels: What each look may spend: its interval is of level 1 - that.
        interval: (effects in the order of the seeds, level) → (low, high).
        needs_sign_flip: Whether the exact sign-flip test must agree.
        price: (distance, standard deviation) → about how many differences it takes to exclude what lies so far
            from their mean; None: as Student's t has it.
    """

    levels: tuple[float, ...]
    interval: Callable[[Floats, float], tuple[float, float]]
    needs_sign_flip: bool
    price: Callable[[float, float], float] | None = None


def method_of(plan: Plan, facts: StudyFacts, claim: Claim, share: float) -> Method:
    """The method that the plan fixed.

    - Planned looks: Student's t, widened for skew, at the boundary of each look; the sign-flip test must
      agree.
    - `"anytime"`: the Gaussian-mixture confidence sequence.
    - `robust`: bets on the bounded outcome.

    Args:
        plan: The plan.
        facts: Bounds of costs.
        claim: The claim.
        share: The claim's share of alpha.

    Raises:
        PlanError: If the plan is robust and the claim's outcome has no bounds.
    """
    looks = plan.look_counts
    if plan.robust:
        low, high = effect_bounds(plan, facts, claim)

        def bet(d: Floats, level: float) -> tuple[float, float]:
            found = betting_interval(d, low, high, level)
            return float(found[0]), float(found[1])

        def price(distance: float, spread: float) -> float:
            return betting_price(distance, spread, high - low, share)

        return Method((share,) * len(looks), bet, needs_sign_flip=False, price=price)
    if plan.sequence == "anytime":
        mixture_price = partial(_mixture_price, share)
        return Method((share,) * len(looks), _mixture, needs_sign_flip=False, price=mixture_price)
    levels = boundaries(looks, share) if len(looks) > 1 else (share,)
    return Method(levels, _student, needs_sign_flip=True)


def effect_bounds(plan: Plan, facts: StudyFacts, claim: Claim) -> tuple[float, float]:
    """The least and the most that the effect of a claim can be in one block.

    Args:
        plan: The plan; without a budget the effect on iterations has no bound yet.
        facts: Costs of a constant prediction, beyond which costs do not count.
        claim: The claim.

    Raises:
        PlanError: If the outcome has no bounds.
    """
    low, high = 0.0, 1.0
    if claim.outcome == "iterations":
        high = math.log(max(2.0, float(plan.budget or 2)))
    elif claim.outcome == "gap":
        low, high = -facts.c0_train, facts.c0_held
    elif claim.outcome == "held_out_cost" or (claim.outcome == "cost" and plan.metric == "held_out"):
        high = facts.c0_held
    elif claim.outcome == "cost":
        high = facts.c0_train
    elif not is_share(claim, facts):
        raise PlanError(
            f'claim "{claim.text}": robust=True bets on an outcome that has bounds, and {claim.outcome} has '
            "none here. Leave robust= out, or claim something about iterations, cost, an error that is a "
            f"share, or {', '.join(SHARES)}.",
            "plan-robust",
        )
    weights = [weight for _, weight in claim.weights]
    return (
        sum(w * (low if w > 0 else high) for w in weights),
        sum(w * (high if w > 0 else low) for w in weights),
    )


def is_futile(
    plan: Plan, outcome: OutcomeValues, claim: Claim, margin: float, index: int, *, can_be_equal: bool
) -> bool:
    """Whether the blocks left would not decide a claim even if its effect lay at its kindest 90 % bound.

    Args:
        plan: The plan.
        outcome: The outcome at this look.
        claim: The claim.
        margin: On the scale of the effect.
        index: Which look: from the second on, and where every block is one, from a quarter of the blocks on.
        can_be_equal: False where too many runs are censored to call arms equal.
    """
    looks = plan.look_counts
    if index < 1 or 4 * looks[index] < looks[-1]:
        return False
    share = plan.alpha / max(1, len(plan.claims))
    level = share
    if plan.sequence == "planned" and not plan.robust:
        level = boundaries(looks, share)[-1]
    found = futile_by_bound(
        outcome.effects(claim),
        margin=margin,
        n_max=looks[-1],
        level=level,
        beyond=margin if claim.kind == "same" else 0.0,
        can_be_equal=can_be_equal,
    )
    return bool(found)


def _student(d: Floats, level: float) -> tuple[float, float]:
    low, high = paired_interval(d, level)
    return float(low), float(high)


def _mixture(d: Floats, level: float) -> tuple[float, float]:
    low, high = mixture_interval(d, level)
    return float(low), float(high)


def _mixture_price(level: float, distance: float, spread: float) -> float:
    """How many differences of this spread the confidence sequence needs until it is narrower than that."""
    few, many = 2, MANY_SEEDS + 2  # even numbers: half the differences lie on each side

    def is_enough(n: int) -> bool:
        d = spread * math.sqrt((n - 1) / n) * np.tile([1.0, -1.0], n // 2)
        return float(mixture_interval(d, level)[1]) <= distance

    if not is_enough(many):
        return math.inf
    while many - few > 2:
        middle = (few + many) // 4 * 2
        few, many = (few, middle) if is_enough(middle) else (middle, many)
    return float(many)
