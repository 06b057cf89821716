"""The rates that docs/validation-doses.md shows and tests/stats asserts: how often statements on doses are false."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from benchmarks.simulated_doses import ALPHA, CURVES, SHAPES, Bounds, Truth, noise, shown, simulated, truth
from hunch.stats import dose_curve, noise_ratio, tunability

SEEDS = (5, 10, 20, 40)
PROMISED = ("gaussian", "unequal variances")  # Gaussian differences: proven
KEPT = (*PROMISED, "lognormal")  # measured to be kept


@dataclass(frozen=True)
class Rates:
    """How often statements are false, of one truth and noise; "each": the worst of the doses it is said of.

    Args:
        excluded: A true best dose is excluded as best; each.
        certified: Any dose is certified that loses more than the margin.
        worse: A dose that loses no more than the margin is flagged; each.
        gap_high: Any dose loses more than its upper bound.
        gap_low: A dose loses less than its lower bound; each.
        default: The default is answered wrongly; each dose as the default.
    """

    excluded: float
    certified: float
    worse: float
    gap_high: float
    gap_low: float
    default: float


@dataclass(frozen=True)
class Cell:
    """One simulated cell with its rates, and how much is decided on average."""

    curve: str
    shape: str
    n: int
    k: int
    n_studies: int
    rates: Rates
    n_certified: float
    n_near: float
    n_left: float

    @property
    def error(self) -> float:
        """Monte-Carlo standard error at alpha."""
        return math.sqrt(ALPHA * (1 - ALPHA) / self.n_studies)

    @property
    def limit(self) -> float:
        return ALPHA + 3 * self.error

    @property
    def beyond(self) -> dict[str, float]:
        """The rates above alpha by more than three Monte-Carlo errors."""
        found = {f.name: getattr(self.rates, f.name) for f in fields(Rates)}
        return {name: rate for name, rate in found.items() if rate > self.limit}


def rates_of(bounds: Bounds, at: Truth, *, of_all: bool = False) -> Rates:
    """Counted against the best of each study's stable doses; "each": as a share of those studies in which the dose is
    stable and one of those it is said of, or of all."""
    stable = bounds.is_stable
    best = np.where(stable, at.means, np.inf).min(axis=1, keepdims=True)
    gap = np.where(stable, at.means - best, 0.0)
    tiny = 1e-12
    is_best, is_bad = stable & (gap <= tiny), stable & (gap > at.margin)
    seen = shown(bounds, at)
    # Flagging is judged at a margin just above: then the mildest of the bad doses is a good one.
    above = Truth(at.means, at.margin * (1 + 2e-9))
    flagged, is_near = shown(bounds, above).is_worse, stable & (gap <= above.margin)
    wrong_yes = is_bad & (seen.default_high <= at.margin)
    wrong_no = is_near & flagged
    return Rates(
        excluded=_worst(seen.is_excluded, is_best, of_all),
        certified=float((seen.is_certified & is_bad).any(axis=1).mean()),
        worse=_worst(flagged, is_near, of_all),
        gap_high=float((stable & (gap > seen.gap_high + tiny)).any(axis=1).mean()),
        gap_low=_worst(seen.gap_low > gap + tiny, stable, of_all),
        default=max(_worst(wrong_yes, is_bad, of_all), _worst(wrong_no, is_near, of_all)),
    )


def _worst(is_false: np.ndarray, of: np.ndarray, of_all: bool) -> float:
    """The highest rate of any dose; what is asked in less than a tenth of the studies has no rate."""
    asked = of.sum(axis=0)
    is_asked = asked >= len(of) / 10
    share = np.full(of.shape[1], len(of)) if of_all else np.maximum(asked, 1)
    return float(((is_false & of).sum(axis=0) / share)[is_asked].max(initial=0.0))


def cell(curve: str, shape: str, n: int, k: int, n_studies: int) -> Cell:
    """One cell."""
    bounds, at = simulated(shape, n, k, n_studies), truth(curve, k)
    seen = shown(bounds, at)
    return Cell(
        curve, shape, n, k, n_studies, rates_of(bounds, at),
        n_certified=float(seen.is_certified.sum(axis=1).mean()),
        n_near=float((at.gap <= at.margin).sum()),
        n_left=float((bounds.is_stable & ~seen.is_excluded).sum(axis=1).mean()),
    )  # fmt: skip


def cells(
    k: int, n_studies: int, shapes: tuple[str, ...] = SHAPES, seeds: tuple[int, ...] = SEEDS
) -> Iterator[Cell]:
    """All truths about all shapes."""
    for shape in shapes:
        for n in seeds:
            for curve in CURVES:
                yield cell(curve, shape, n, k, n_studies)


def display_rates(shape: str, n: int, n_studies: int) -> dict[str, float]:
    """How often the intervals for display miss: all doses together, less the mean of all doses; and one dose's own."""
    rng = np.random.default_rng([ord(c) for c in f"display {shape} {n}"])
    at = truth("quadratic", 9).means
    y = noise(shape, n_studies, n, 9, rng) + at
    curve = dose_curve(y, margin=0.1)
    all_stable = curve.is_stable.all(axis=1)
    off = (at - at.mean()) - (curve.mean - curve.mean.mean(axis=1, keepdims=True))
    missed = (off < curve.low - curve.mean) | (off > curve.high - curve.mean)
    together = missed.any(axis=1)[all_stable].mean()
    own = ((curve.plain_low > at) | (curve.plain_high < at)).mean(axis=0)
    return {"simultaneous": float(together), "plain, worst dose": float(own.max())}


def spread_rates(curve: str, shape: str, n: int, n_studies: int) -> dict[str, float]:
    """How often the bounds of tunability miss the true spread, and the mean tunability."""
    rng = np.random.default_rng([ord(c) for c in f"spread {curve} {shape} {n}"])
    at = truth(curve, 9).means
    found = tunability(noise(shape, n_studies, n, 9, rng) + at)
    spread = float(np.ptp(at))
    return {
        "low": float((found.low * found.half_width > spread + 1e-12).mean()),
        "high": float((found.high * found.half_width < spread - 1e-12).mean()),
        "value": float(np.nanmean(found.value)),
    }


def noise_rate(shape: str, n: int, n_studies: int) -> float:
    """How often two knobs of nine doses with the same noise are told apart by it; seed effects are common to both."""
    rng = np.random.default_rng([ord(c) for c in f"noise {shape} {n}"])
    wrong = 0
    for _ in range(n_studies):
        first, second = (noise(shape, 1, n, 9, rng)[0] for _ in range(2))
        common = rng.standard_normal((n, 1))
        found = noise_ratio(first + common, second + common)
        wrong += not found.low <= 0.0 <= found.high
    return wrong / n_studies
