"""Which readings moved between the two arms of a claim: an observation beside the verdict, no proof of cause.

A reading is compared as an outcome is: one value a run (the mean over run and layers), one difference a seed, an
interval and the exact sign-flip test over these differences. All readings of a claim share one alpha. Nothing here
was declared beforehand and nothing was intervened on: a reading that moved goes *with* the effect, and may be its
cause, its consequence, or neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.evidence.tuning import confirm_runs
from hunch.evidence.verdict import Verdict
from hunch.plan import ON_REQUEST, READING_NAMES, RECORDED, Plan
from hunch.stats import paired_interval, seeds_for_sign_flip, sign_flip_p
from hunch.traces import RunTable, Trace, reading_mean

Floats = npt.NDArray[np.float64]

GRADIENT_RANGE = "gradient_range"
"""How many times the largest of the layers' gradients exceeds the smallest: derived from `gradient_norm`."""

COMPARED = (
    "saturation",
    "slope",
    "update_weight_relative",
    "update_shift",
    "gradient_predictiveness",
    GRADIENT_RANGE,
)
"""What is asked of every pair of arms: saturation, slope, update sizes, smoothness where it is read, gradient range."""

SHARES = ("saturation", "slope")
"""Readings between 0 and 1, compared by their difference; the others by their ratio."""

LEAST_SHARE = 0.05
"""A difference of shares below this is not called a move, however sure it is."""

LEAST_RATIO = 1.1
"""Likewise a ratio."""


@dataclass(frozen=True, slots=True)
class ReadingChange:
    """One reading in the two arms of a claim.

    Args:
        reading: Its name; of `READING_NAMES`, or `GRADIENT_RANGE`.
        first: Its mean over seeds in the arm that the claim favours; of ratios the geometric mean.
        second: The same in the arm compared with.
        effect: Mean over seeds of first - second; of the log ratio where `is_ratio`.
        low: Lower end of its interval.
        high: Upper end.
        p_value: Two-sided sign-flip p-value.
        seeds: Pairs of runs it rests on.
        is_ratio: Whether it is compared by its ratio.
        has_moved: Whether the interval holds no 0, the sign-flip test agrees, and the estimate is as large as what
            matters: 0.05 for shares, a ratio of 1.1 for others.
    """

    reading: str
    first: float
    second: float
    effect: float
    low: float
    high: float
    p_value: float
    seeds: int
    is_ratio: bool
    has_moved: bool

    @property
    def clearness(self) -> float:
        """The effect in half-widths of its interval: what sorts readings that moved."""
        half = (self.high - self.low) / 2
        return abs(self.effect) / half if half > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Moved:
    """What differs inside the layers between the two arms of a claim.

    Args:
        first: The arm that the claim favours.
        second: The arm compared with.
        readings: Those that could be compared, in the order of `COMPARED`.
        absent: Those that do not apply, or were not taken in one of the arms.
        seeds: Pairs of runs that there are.
        alpha: 1 - level of each interval: the study's alpha, shared by the readings.
        fewest: Pairs that the sign-flip test needs for that alpha; None if no number is enough.
    """

    first: str
    second: str
    readings: tuple[ReadingChange, ...]
    absent: tuple[str, ...]
    seeds: int
    alpha: float
    fewest: int | None

    @property
    def moved(self) -> tuple[ReadingChange, ...]:
        """The readings that moved, the clearest first."""
        found = [change for change in self.readings if change.has_moved]
        return tuple(sorted(found, key=lambda change: -change.clearness))

    @property
    def is_too_few(self) -> bool:
        """Whether there are too few pairs to call anything moved."""
        return self.fewest is None or self.seeds < self.fewest


def find_moved(plan: Plan, table: RunTable, verdict: Verdict) -> Moved | None:
    """Compare the readings of a verdict's two arms, over the seeds that the verdict rests on; a pure function.

    A reading that the claim itself is about is left out: it cannot explain itself.

    Args:
        plan: The plan.
        table: The runs; only confirm runs are looked at.
        verdict: The verdict.

    Returns:
        The comparison; None for contrasts of several arms, and where no pair of runs has finished.
    """
    claim = verdict.claim
    first, second = claim.favoured, claim.reference
    if first is None or second is None:
        return None
    blocks = verdict.looks[-1] if verdict.looks else len(plan.seeds)
    runs = [confirm_runs(plan, table, arm, claim) for arm in (first, second)]
    seeds = [seed for seed in plan.seeds[:blocks] if all(seed in found for found in runs)]
    if not seeds:
        return None
    pairs = [(runs[0][seed], runs[1][seed]) for seed in seeds]
    are_taken = pairs[0][0].readings.shape[1] > len(RECORDED)  # those on request: all of them, or none
    asked = [name for name in COMPARED if are_taken or name not in ON_REQUEST]
    values = {name: _values(pairs, name) for name in asked if name != claim.outcome}
    known = {name: found for name, found in values.items() if len(found) >= 2}
    alpha = plan.alpha / max(1, len(known))
    return Moved(
        first,
        second,
        tuple(_change(name, found, alpha) for name, found in known.items()),
        tuple(name for name in values if name not in known),
        len(seeds),
        alpha,
        seeds_for_sign_flip(alpha),
    )


def gradient_range(trace: Trace) -> float:
    """How many times the largest of the layers' gradients exceeds the smallest, over the run.

    The geometric mean over the run of max / min over layers, each stretch between two readings weighted by its
    iterations. Layers of different sizes have gradients of different lengths; between arms of one network that
    cancels.

    Returns:
        The ratio, at least 1; NaN with fewer than two layers, or where a gradient was never above 0.
    """
    norms = trace.readings[:, READING_NAMES.index("gradient_norm"), :].astype(np.float64)
    norms = norms[:, ~np.all(np.isnan(norms), axis=0)]
    if norms.shape[1] < 2:
        return math.nan
    known = np.all(np.isfinite(norms) & (norms > 0), axis=1)
    if not known.any():
        return math.nan
    at = trace.reading_at[known].astype(np.float64)
    logs = np.log(norms[known].max(axis=1) / norms[known].min(axis=1))
    mean = logs[0] if len(at) == 1 else np.trapezoid(logs, at) / (at[-1] - at[0])
    return float(np.exp(mean))


def _values(pairs: list[tuple[Trace, Trace]], name: str) -> Floats:
    """The reading in both arms, (pairs, 2), without the pairs in which one has none."""
    read = gradient_range if name == GRADIENT_RANGE else lambda trace: reading_mean(trace, name)
    with np.errstate(invalid="ignore", over="ignore"):  # a run about to diverge may hold infinities
        values = np.array([[read(a), read(b)] for a, b in pairs], dtype=np.float64)
    keep = np.isfinite(values).all(axis=1)
    if name not in SHARES:
        keep &= (values > 0).all(axis=1)
    return values[keep]


def _change(name: str, values: Floats, alpha: float) -> ReadingChange:
    is_ratio = name not in SHARES
    scale = np.log(values) if is_ratio else values
    d = scale[:, 0] - scale[:, 1]
    low, high = (float(end) for end in paired_interval(d, alpha))
    effect, p_value = float(d.mean()), float(sign_flip_p(d))
    least = math.log(LEAST_RATIO) if is_ratio else LEAST_SHARE
    has_moved = (low > 0 or high < 0) and p_value <= alpha and abs(effect) >= least
    means = np.exp(scale.mean(axis=0)) if is_ratio else scale.mean(axis=0)
    return ReadingChange(
        name, float(means[0]), float(means[1]), effect, low, high, p_value, len(d), is_ratio, has_moved
    )
