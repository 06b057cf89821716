"""The verdict: what was claimed, what was decided, how large, how sure."""

from __future__ import annotations

from dataclasses import dataclass

from hunch.plan import Claim

SUPPORTED = "supported"
REFUTED = "refuted"
NO_MEANINGFUL_DIFFERENCE = "no meaningful difference"
UNDECIDED = "undecided"
DECISIONS = (SUPPORTED, REFUTED, NO_MEANINGFUL_DIFFERENCE, UNDECIDED)

POINTS_TO = "points to"
POINTS_AGAINST = "points against"
ABOUT_EQUAL = "about equal"
OPEN = "open"
EXPLORED = (POINTS_TO, POINTS_AGAINST, ABOUT_EQUAL, OPEN)
"""The words of what was asked after the runs were seen: none of them is one of a declared claim."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a claim after a number of blocks.

    Args:
        blocks: How many blocks there were.
        seeds: Pairs that could be used, as a rule all of them.
        alpha: What this look may spend: the interval is of level 1 - alpha, a sign-flip p-value counts up to
            it.
        effect: The estimate.
        low: Lower end of the interval at this look; -infinity for a bound from above.
        high: Upper end; infinity for a bound from below.
        p_value: Two-sided sign-flip p-value.
        decision: What this look said.
    """

    blocks: int
    seeds: int
    alpha: float
    effect: float
    low: float
    high: float
    p_value: float
    decision: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one claim.

    Args:
        claim: What was claimed, its margin fixed.
        decision: `supported`, `refuted`, `no meaningful difference` or `undecided`; of an exploratory one
            `points to`, `points against`, `about equal` or `open`.
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
        looks: Numbers of blocks (confirm seeds) at which the claim was looked at.
        reached: Pairs (arm, share of runs that reached the target); empty where no target is involved.
        reason: Why it is undecided, or what qualifies the verdict, in words; may be empty.
        seeds_needed: About how many seeds would decide it; None if decided or not known.
        beyond_margin: Whether the whole interval lies beyond the margin on the decided side.
        p_value: Two-sided sign-flip p-value; NaN if there is nothing to compute it from.
        history: What each look showed; the last one is the verdict's.
        is_final: Whether more blocks of this study cannot change it: it is decided, futile, or all are used.
        is_early: Whether it was decided before the last look that was planned, so that its effect is likely
            exaggerated.
        new_data: For claims about held-out costs and errors, the ends of a second interval, which holds for new
            data from the same source and not only for these held-out examples. None for other claims, for
            errors of regression, and where single answers or losses were not recorded.
        exploratory: Whether it was asked after the runs were seen (`Study.explore`), so that it has not the
            error rate of a declared claim.
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
    history: tuple[Look, ...] = ()
    is_final: bool = True
    is_early: bool = False
    new_data: tuple[float, float] | None = None
    exploratory: bool = False
