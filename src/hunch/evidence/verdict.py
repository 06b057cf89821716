"""The verdict: what was claimed, what was decided, how large, how sure."""

from __future__ import annotations

from dataclasses import dataclass

from hunch.plan import Claim

SUPPORTED = "supported"
REFUTED = "refuted"
NO_MEANINGFUL_DIFFERENCE = "no meaningful difference"
UNDECIDED = "undecided"
DECISIONS = (SUPPORTED, REFUTED, NO_MEANINGFUL_DIFFERENCE, UNDECIDED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one claim.

    Args:
        claim: What was claimed, its margin fixed.
        decision: `supported`, `refuted`, `no meaningful difference` or `undecided`.
        effect: The estimate, positive in the claim's direction: for iterations the natural log of the ratio
            of geometric means of min(iterations, budget); else a difference in the outcome's own unit. NaN
            if there is nothing to estimate it from.
        low: Lower end of the interval at level 1 - alpha of this claim; NaN as for `effect`. -infinity when
            the effect is negative and `bound == "at_least"`.
        high: Upper end; None when the effect is only a lower bound (positive and `bound == "at_least"`).
        bound: `"exact"`, or `"at_least"`: the slower arm is censored, and the effect is at least this far
            from 0.
        ratio: exp(effect) for iterations, else None.
        seeds: Number of seeds (pairs) the verdict rests on.
        alpha: This claim's share of the study's alpha.
        margin: The margin on the scale of `effect` (a log ratio for iterations).
        looks: Numbers of seeds at which the claim was looked at.
        reached: Pairs (arm, share of runs that reached the target); empty where no target is involved.
        reason: Why it is undecided, or what qualifies the verdict, in words; may be empty.
        seeds_needed: About how many seeds would decide it; None if decided or not known.
        beyond_margin: Whether the whole interval lies beyond the margin on the decided side.
        p_value: Two-sided sign-flip p-value; NaN if there is nothing to compute it from.
    """

    claim: Claim
    decision: str
    effect: float
    low: float
    high: float | None
    bound: str
    ratio: float | None
    seeds: int
    alpha: float
    margin: float
    looks: tuple[int, ...]
    reached: tuple[tuple[str, float], ...] = ()
    reason: str = ""
    seeds_needed: int | None = None
    beyond_margin: bool = False
    p_value: float = float("nan")
