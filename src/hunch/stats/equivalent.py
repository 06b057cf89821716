"""Equivalent doses: which doses of one knob do to an outcome what a given dose of another does.

    equivalent_doses(reference, outcome, doses, *, scale="log", alpha=0.05, diverged=None, limits=(-inf, inf))
        -> EquivalentDoses

Two curves on the same seeds: the outcome at one dose of the first knob, and at K doses of the second. The answer is a
set of doses of the second knob, by inverting a paired test at every tested dose: it can be empty (no dose in the
tested range does the same), have several pieces, or go on beyond the tested range.

Promise: a dose in the tested range with the same mean as the reference is left out with probability at most alpha, for
each such dose, if between neighbouring tested doses the mean only rises or only falls. Proof: (1) If it is a tested
dose, it is left out only if its own test at alpha rejects. (2) Else it lies between neighbours i and j with mean_i <=
reference <= mean_j (or the other way round). Its cell is left out only if both tests reject with the same sign: both
"above", which for i is a false rejection of chance at most alpha/2; or both "below", likewise for j. The sum is alpha.
Exact for Gaussian differences; docs/validation-doses.md measures the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.stats.dose_pairs import FEWEST_SEEDS, SAME_TO, kept_by_divergence
from hunch.stats.dose_width import Scale, knob_doses, place_on
from hunch.stats.paired import paired_interval

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.str_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class EquivalentDoses:
    """The doses that do what the reference does. Arrays have the leading shape; doses are in rising order.

    Args:
        doses: The tested doses, rising, (K,).
        difference: Mean outcome less the reference's, (..., K); NaN at unstable doses.
        sign: Test at each dose, (..., K): -1 below the reference, 1 above it, 0 not told apart; 0 at unstable doses.
        is_tested: Whether a dose is stable and was tested, (..., K).
        has_cell: Which cells between neighbouring doses belong to the set, (..., K - 1), their ends with them.
        is_empty: Whether nothing belongs to it: no dose in the tested range does the same.
        is_unbounded_low: The lowest tested dose is not told apart and lies above the knob's limit, so the set may go
            on below. (A set that ends at a dose that is told apart is bounded: the cell holds the crossing.)
        is_unbounded_high: Likewise above.
        point: For display only, no statement: where the straight line between the means of two neighbours (on the
            log scale: over log dose; between dose 0 and the next: over dose) crosses the reference; NaN unless there
            is exactly one crossing.
        reason: Why the set is all that was tested and says nothing, (...): `""`, `"few seeds"` (fewer than five),
            `"unstable"` (no stable dose, or the reference is not finite; then the set is empty too).
        alpha: Of the promise.
    """

    doses: Floats
    difference: Floats
    sign: npt.NDArray[np.int8]
    is_tested: Bools
    has_cell: Bools
    is_empty: Bools
    is_unbounded_low: Bools
    is_unbounded_high: Bools
    point: Floats
    reason: Words
    alpha: float

    def intervals(self, *at: int) -> tuple[tuple[float, float], ...]:
        """The set as closed intervals of doses, rising; of one study.

        Args:
            at: Which study, one position for each leading axis; none where there is only one.

        Returns:
            (low, high) of every piece; both the same for a single dose.

        Example:
            >>> found = equivalent_doses([1.0, 2.0, 3.0, 4.0, 5.0], np.ones((5, 1)) * [0.0, 9.0], [0.1, 1.0])
            >>> found.intervals()
            ((0.1, 1.0),)
        """
        cells, alone = self.has_cell[at], self.is_tested[at] & (self.sign[at] == 0)
        pieces: list[tuple[float, float]] = []
        for k, dose in enumerate(self.doses.tolist()):
            if k and cells[k - 1]:
                pieces[-1] = (pieces[-1][0], dose)
            elif (k < len(cells) and cells[k]) or alone[k]:
                pieces.append((dose, dose))
        return tuple(pieces)


def equivalent_doses(
    reference: npt.ArrayLike,
    outcome: npt.ArrayLike,
    doses: npt.ArrayLike,
    *,
    scale: Scale = "log",
    alpha: float = 0.05,
    diverged: npt.ArrayLike | None = None,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> EquivalentDoses:
    """The set of doses whose mean outcome is the reference's, with confidence 1 - alpha.

    At every tested dose: the interval of a verdict (`paired_interval`) of outcome - reference over seeds at level
    1 - alpha; the dose is told apart if 0 lies outside. A cell between neighbours belongs to the set unless both ends
    are told apart with the same sign. Unstable doses are left out, and their neighbours are neighbours then.

    Args:
        reference: Outcome at one dose of the first knob, (..., n). Several reference doses: put them in a leading
            axis; each has its own promise.
        outcome: Outcome of the second knob on the same seeds, (..., n, K); leading axes broadcast with reference's.
        doses: Its doses, (K,), in any order, all different.
        scale: Its scale, for the point. Dose 0 of a log scale is a point of its own, and the cell up to the next dose
            belongs to the set or not like any other.
        alpha: Of leaving out a dose that does the same.
        diverged: Share of runs that diverged, (..., K) of the second knob; more than a fifth: unstable.
        limits: The smallest and the largest dose there is: a set that reaches them is not unbounded.

    Returns:
        The set.

    Raises:
        ValueError: If shapes do not fit, doses are equal, or do not fit the scale.

    Example:
        >>> lam = np.array([0.01, 0.1, 1.0, 10.0])
        >>> gap = 3.0 - np.log10(lam) + np.array([[0.1], [-0.2], [0.3], [0.0], [-0.1], [0.05]]) * [1, -1, 1, 1]
        >>> found = equivalent_doses([3.4, 3.5, 3.6, 3.5, 3.4, 3.5], gap, lam)
        >>> found.intervals(), round(float(found.point), 2), bool(found.is_unbounded_low)
        (((0.1, 1.0),), 0.33, False)
    """
    ref, y = np.asarray(reference, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if y.ndim < 2 or ref.ndim < 1 or ref.shape[-1] != y.shape[-2]:
        raise ValueError(
            f"reference must be (..., n) and outcome (..., n, K) on the same seeds, got {ref.shape} and {y.shape}."
        )
    x = knob_doses(doses, scale, y.shape[-1])
    if len(np.unique(x)) < len(x):
        raise ValueError(f"doses must all be different, got {x.tolist()}.")
    order = np.argsort(x)
    x, y = x[order], y[..., order]
    share = np.asarray(0.0 if diverged is None else diverged, dtype=np.float64)
    share = share[..., order] if share.ndim else share
    n, k = y.shape[-2:]
    lead = np.broadcast_shapes(ref.shape[:-1], y.shape[:-2], share.shape[:-1])
    is_finite: Bools = np.asarray(np.isfinite(ref).all(axis=-1))
    is_tested: Bools = np.broadcast_to(kept_by_divergence(y, share) & is_finite[..., None], (*lead, k)).copy()
    ref = np.where(np.isfinite(ref), ref, 0.0)[..., None, :]
    by_dose = np.where(np.isfinite(y), y, 0.0).swapaxes(-1, -2)
    d = np.broadcast_to(by_dose - ref, (*lead, k, n))
    difference = np.where(is_tested, d.mean(axis=-1) if n else np.nan, np.nan)
    sign = np.zeros((*lead, k), dtype=np.int8)
    if n >= FEWEST_SEEDS:
        low, high = paired_interval(d, alpha)
        size = np.maximum(np.abs(by_dose).max(axis=-1), np.abs(ref).max(axis=-1))
        is_told = is_tested & ~(np.ptp(d, axis=-1) <= SAME_TO * size)
        sign = (1 * (is_told & (low > 0)) - 1 * (is_told & (high < 0))).astype(np.int8)
    left, right = _tested_neighbours(is_tested)
    ends = [np.take_along_axis(sign, np.clip(i, 0, k - 1), axis=-1) for i in (left, right)]
    has_cell: Bools = (left >= 0) & (right < k) & ~((ends[0] == ends[1]) & (ends[0] != 0))
    is_alone = is_tested & (sign == 0)
    at = np.arange(k, dtype=np.int64)
    is_first = is_tested & (at == np.where(is_tested, at, k).min(axis=-1, keepdims=True, initial=k))
    is_last = is_tested & (at == np.where(is_tested, at, -1).max(axis=-1, keepdims=True, initial=-1))
    return EquivalentDoses(
        doses=x,
        difference=difference,
        sign=sign,
        is_tested=is_tested,
        has_cell=has_cell,
        is_empty=~(has_cell.any(axis=-1) | is_alone.any(axis=-1)),
        is_unbounded_low=np.asarray((is_first & is_alone & (x > limits[0])).any(axis=-1)),
        is_unbounded_high=np.asarray((is_last & is_alone & (x < limits[1])).any(axis=-1)),
        point=_crossing(difference, is_tested, left, right, x, scale),
        reason=np.where(~is_tested.any(axis=-1), "unstable", "few seeds" if n < FEWEST_SEEDS else ""),
        alpha=alpha,
    )


def _tested_neighbours(is_tested: Bools) -> tuple[Indices, Indices]:
    """Of every cell the nearest tested dose from its lower end down, and from its upper end up; -1 and K: none."""
    k = is_tested.shape[-1]
    at = np.arange(k, dtype=np.int64)
    below = np.maximum.accumulate(np.where(is_tested, at, -1), axis=-1)
    above = np.minimum.accumulate(np.where(is_tested, at, k)[..., ::-1], axis=-1)[..., ::-1]
    return below[..., :-1], above[..., 1:]


def _crossing(
    difference: Floats, is_tested: Bools, left: Indices, right: Indices, doses: Floats, scale: Scale
) -> Floats:
    """Where the straight line between neighbours is 0, if it is so once."""
    k = len(doses)
    # A cell between neighbours is counted where it begins; doses that were left out make several cells of one line.
    begins = (left == np.arange(k - 1)) & (right < k) if k > 1 else np.zeros_like(left, dtype=np.bool_)
    safe = np.where(is_tested, difference, 0.0)
    start, end = (np.take_along_axis(safe, np.clip(i, 0, k - 1), axis=-1) for i in (left, right))
    crosses: Bools = begins & ((start >= 0) != (end >= 0))
    share = np.where(crosses, start, 0.0) / np.where(crosses, start - end, 1.0)
    low, high = (doses[np.clip(i, 0, k - 1)] for i in (left, right))
    is_straight = (low == 0) if scale == "log" else np.ones_like(begins)
    place = [np.where(is_straight, 0.0, place_on(np.where(is_straight, 1.0, v), "log")) for v in (low, high)]
    dose = np.where(
        is_straight, low + share * (high - low), 10.0 ** (place[0] + share * (place[1] - place[0]))
    )
    return np.where(crosses.sum(axis=-1) == 1, np.where(crosses, dose, 0.0).sum(axis=-1), np.nan)
