"""The verdict rule over many studies at once: what a simulation, or the planning of a study, needs.

`hunch.evidence` judges one study from its runs, with words and guards. This is the same rule on nothing but
differences, for thousands of studies in one call; the two are held together by a test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from hunch.stats.anytime import mixture_interval
from hunch.stats.betting import bets_won, log_price
from hunch.stats.looks import is_futile
from hunch.stats.paired import paired_interval, sign_flip_p, smallest_sign_flip_p
from hunch.stats.spending import boundaries

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST_PAIRS = 5
FUTILE_FROM = 0.25  # of all blocks: no earlier look gives up


class Decision(IntEnum):
    """A verdict as a number, for arrays of them."""

    UNDECIDED = 0
    SUPPORTED = 1
    REFUTED = 2
    NO_MEANINGFUL_DIFFERENCE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """What came out of each study.

    Args:
        decision: `Decision` as a number.
        used: Differences until it was decided, given up or spent.
        effect: Their mean.
        is_futile: Whether it was given up before the last look.
    """

    decision: npt.NDArray[np.int8]
    used: npt.NDArray[np.int64]
    effect: Floats
    is_futile: Bools

    def share(self, *decisions: Decision) -> float:
        """Share of the studies that came to one of these decisions.

        Example:
            >>> decide_paths([[1.0, 2.0, 1.5, 1.0, 2.0, 1.6]], margin=0.1).share(Decision.SUPPORTED)
            1.0
        """
        return float(np.isin(self.decision, [int(d) for d in decisions]).mean())


def decide_paths(
    d: npt.ArrayLike,
    *,
    margin: float,
    alpha: float = 0.05,
    looks: tuple[int, ...] | None = None,
    mode: Literal["planned", "anytime", "robust"] = "planned",
    bounds: tuple[float, float] = (-1.0, 1.0),
    can_be_equal: npt.ArrayLike = True,
    give_up: bool = True,
) -> Paths:
    """The verdict of every study, look by look; the first that decides is the last.

    At each look: `no meaningful difference` where the interval lies within ± margin; else `supported` or
    `refuted` where it lies on one side of 0 and, in planned looks, the sign-flip p-value is within the
    look's own; else the study goes on, unless it is futile. Fewer than five differences, differences that
    are all 0, and differences that are not finite decide nothing, nor does a planned look at which no
    sign-flip p-value could be small enough.

    Args:
        d: Differences in their order, (..., n); positive supports.
        margin: The smallest difference that matters.
        alpha: Two-sided, for this claim over all looks.
        looks: Numbers of differences, the last one n; None: only at n.
        mode: `"planned"`: `paired_interval` at the level of each look. `"anytime"`: `mixture_interval`.
            `"robust"`: `betting_interval`.
        bounds: Least and most that a difference can be; for `"robust"`.
        can_be_equal: Whether equality may be said, (..., looks) or anything that broadcasts to it.
        give_up: Whether futile studies are given up.

    Returns:
        One entry a study, of the leading shape.

    Raises:
        ValueError: If the last look is not at n, or differences lie outside bounds they are bet on.

    Example:
        >>> found = decide_paths([[1.0, 2.0, 1.5, 1.0, 2.0, 1.6], [0.1, -0.1, 0.1, 0.0, 0.0, 0.0]], margin=0.3)
        >>> [Decision(code).name for code in found.decision]
        ['SUPPORTED', 'NO_MEANINGFUL_DIFFERENCE']
    """
    d = np.asarray(d, dtype=np.float64)
    n_max, lead = d.shape[-1], d.shape[:-1]
    looks = looks or (n_max,)
    if looks[-1] != n_max:
        raise ValueError(f"the last look must be at all {n_max} differences, got {looks}.")
    rows = d.reshape(math.prod(lead), n_max)
    equal = np.broadcast_to(np.asarray(can_be_equal, dtype=bool), (*lead, len(looks))).reshape(-1, len(looks))
    levels = boundaries(looks, alpha) if mode == "planned" else (alpha,) * len(looks)
    bets = _Bets(rows, bounds, margin, alpha) if mode == "robust" else None
    decision = np.zeros(len(rows), dtype=np.int8)
    used, futile = np.full(len(rows), n_max, dtype=np.int64), np.zeros(len(rows), dtype=bool)
    is_open: Bools = np.asarray(np.isfinite(rows).all(axis=1))
    for k, (n, level) in enumerate(zip(looks, levels, strict=True)):
        where = np.flatnonzero(is_open)
        if n < FEWEST_PAIRS or not len(where):
            continue
        seen, may_be_equal = rows[where, :n], equal[where, k]
        identical: Bools = np.asarray((seen == 0).all(axis=1))
        if mode == "planned" and smallest_sign_flip_p(n) > level:
            # However large the effect, the sign-flip test cannot agree: nothing is said at this look.
            used[where[identical]], is_open[where[identical]] = n, False
            continue
        sides = bets.at(where, n) if bets else _sides(seen, margin, level, mode)
        code = _judge(sides, may_be_equal)
        code = np.where(identical, Decision.UNDECIDED, code).astype(np.int8)
        if give_up and 0 < k < len(looks) - 1 and n >= FUTILE_FROM * n_max:
            open_now = code == Decision.UNDECIDED
            for flag in (False, True):
                mine = open_now & (may_be_equal == flag)
                futile[where[mine]] = is_futile(
                    seen[mine], margin=margin, n_max=n_max, level=levels[-1], can_be_equal=flag
                )
        decision[where] = code
        is_done = (code != Decision.UNDECIDED) | futile[where] | identical
        used[where[is_done]] = n
        is_open[where[is_done]] = False
    kept: Bools = np.asarray(np.arange(n_max, dtype=np.int64) < used[:, None])
    with np.errstate(invalid="ignore"):  # infinities of both signs have no mean
        effect = np.where(kept, rows, 0.0).sum(axis=1) / np.maximum(used, 1)
    return Paths(decision.reshape(lead), used.reshape(lead), effect.reshape(lead), futile.reshape(lead))


_Sides = tuple[Bools, Bools, Bools, Bools]  # low > 0, high < 0, low > -margin, high < margin


def _judge(sides: _Sides, may_be_equal: Bools) -> npt.NDArray[np.int8]:
    above, below, above_less, below_more = sides
    code = np.where(above, Decision.SUPPORTED, np.where(below, Decision.REFUTED, Decision.UNDECIDED))
    inside = above_less & below_more & may_be_equal
    return np.where(inside, Decision.NO_MEANINGFUL_DIFFERENCE, code).astype(np.int8)


def _sides(d: Floats, margin: float, level: float, mode: str) -> _Sides:
    low, high = (paired_interval if mode == "planned" else mixture_interval)(d, level)
    above, below = np.asarray(low > 0), np.asarray(high < 0)
    if mode == "planned":
        asked = np.flatnonzero(above | below)  # the sign flips are what takes long
        agrees = np.zeros(len(d), dtype=bool)
        agrees[asked] = sign_flip_p(d[asked]) <= level
        above, below = above & agrees, below & agrees
    return above, below, np.asarray(low > -margin), np.asarray(high < margin)


class _Bets:
    """Where bets have refuted 0 and ± margin, at every difference."""

    def __init__(self, d: Floats, bounds: tuple[float, float], margin: float, alpha: float) -> None:
        low, high = bounds
        price = log_price(alpha)
        sides = [bets_won(d, low, high, mean) for mean in (0.0, -margin, margin)]
        (up, down), (up_less, _), (_, down_more) = sides
        self._sides = tuple(np.maximum.accumulate(x, axis=1) >= price for x in (up, down, up_less, down_more))

    def at(self, where: npt.NDArray[np.int64], n: int) -> _Sides:
        above, below, above_less, below_more = (side[where, n - 1] for side in self._sides)
        return above, below, above_less, below_more
