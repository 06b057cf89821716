"""How the interval of a claim is made at each look, so that looking several times costs what it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.plan import Claim, Plan
from hunch.stats import paired_interval
from hunch.traces import StudyFacts

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Method:
    """How effects become an interval.

    Args:
        levels: What each look may spend: its interval is of level 1 - that.
        interval: (effects in the order of the seeds, level) → (low, high).
        needs_sign_flip: Whether the exact sign-flip test must agree.
    """

    levels: tuple[float, ...]
    interval: Callable[[Floats, float], tuple[float, float]]
    needs_sign_flip: bool


def method_of(plan: Plan, facts: StudyFacts, claim: Claim, share: float) -> Method:
    """The method that the plan fixed.

    Args:
        plan: The plan.
        facts: Bounds of costs.
        claim: The claim.
        share: The claim's share of alpha.
    """
    del facts, claim
    return Method((share,) * len(plan.look_counts), _student, needs_sign_flip=True)


def _student(d: Floats, level: float) -> tuple[float, float]:
    low, high = paired_interval(d, level)
    return float(low), float(high)


def is_futile(
    plan: Plan, outcome: object, claim: Claim, margin: float, index: int, *, can_be_equal: bool
) -> bool:
    """Whether more blocks are unlikely to decide a claim."""
    del plan, outcome, claim, margin, index, can_be_equal
    return False
