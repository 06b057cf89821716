"""Made-up dose-response studies: five true curves, and noise of several shapes about them.

Nine doses of one knob, or 49: the 7 × 7 grid of two, where both knobs' curves add up. Every seed has an effect common
to all doses. Bounds depend on the truth only by a shift (a test holds that), so they are computed once for the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hunch.stats import dose_curve
from hunch.stats.dose_pairs import pair_bounds

ALPHA = 0.05
SPREAD = 0.5  # standard deviation of a run, seed effects aside
WIDEST = 5.0  # times as far as the narrowest end, where variances are unequal
SIGMA = 0.8  # of the log, where runs are lognormal
STUCK_SHARE, STUCK_BY = 0.15, 10.0  # of the runs, in standard deviations of the others

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "quadratic": lambda x: 8.0 * (x - 0.5) ** 2,
    "skewed": lambda x: np.where(x < 0.25, 24.0, 2.0) * (x - 0.25) ** 2,
    "hockey-stick": lambda x: 4.0 * np.maximum(x - 0.5, 0.0),
    "flat": lambda x: 0.0 * x,
    "cliff": lambda x: 2.0 * (x < 1.0),
}
SHAPES = ("gaussian", "lognormal", "unequal variances", "unequal lognormal")
OTHERS = (
    "t, 3 degrees",
    "unequal t, 3 degrees",
    "unequal, left-skewed",
    "half of the doses stuck",
    "all doses stuck",
    "rounded",
)


@dataclass(frozen=True)
class Truth:
    """True means, (K,), and a margin that the mildest of the doses which lose too much exceeds by a hair."""

    means: np.ndarray
    margin: float

    @property
    def gap(self) -> np.ndarray:
        return self.means - self.means.min()


def truth(curve: str, k: int) -> Truth:
    """A true curve at k doses; the margin lies near 0.5, of the cliff at 2."""
    f = CURVES[curve]
    if k == 49:
        x = np.arange(7) / 6
        means = (f(x)[:, None] + f(x)[None, :]).ravel()
    else:
        means = f(np.arange(k) / (k - 1))
    gap = means - means.min()
    positive = gap[gap > 1e-9]
    nearest = positive[np.abs(positive - 0.5).argmin()] if len(positive) else 0.5
    return Truth(means, float(nearest) * (1 - 1e-9))


def noise(shape: str, n_studies: int, n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """Runs about a true mean of 0, (studies, n, k)."""
    size = (n_studies, n, k)
    steps = np.repeat(np.arange(7), 7) / 6 if k == 49 else np.arange(k) / (k - 1)
    spread = SPREAD / 2 * (WIDEST - (WIDEST - 1) * steps) if "unequal" in shape else SPREAD
    if "t, 3" in shape:
        z = rng.standard_t(3, size) / np.sqrt(3.0)
    elif "lognormal" in shape or "left-skewed" in shape:
        z = np.exp(SIGMA * rng.standard_normal(size) - SIGMA**2 / 2) - 1
        z /= np.sqrt(np.expm1(SIGMA**2)) * (-1.0 if "left" in shape else 1.0)
    elif "stuck" in shape:
        can_stick = (np.arange(k) < k // 2) if "half" in shape else np.ones(k, dtype=bool)
        z = (
            rng.standard_normal(size)
            + STUCK_BY * ((rng.random(size) < STUCK_SHARE) - STUCK_SHARE) * can_stick
        )
    else:
        z = rng.standard_normal(size)
    values = spread * z
    if shape == "rounded":
        return np.round(values / SPREAD) * SPREAD  # as coarse as the spread: two runs in five of equal value
    return values + rng.standard_normal((n_studies, n, 1))


@dataclass(frozen=True)
class Bounds:
    """What the noise alone gives: bounds of mean_x - mean_j, (studies, K, K), -inf and inf where there is none."""

    lower: np.ndarray
    upper: np.ndarray
    plain_upper: np.ndarray  # each comparison at plain alpha
    is_stable: np.ndarray


def bounds_of(values: np.ndarray, *, mark: bool = True) -> Bounds:
    """Bounds of simulated noise; mark: whether heavy-tailed doses are left out."""
    parts = [_bounds(values[i : i + 500], mark) for i in range(0, len(values), 500)]
    return Bounds(*(np.concatenate(x) for x in zip(*parts, strict=True)))


def _bounds(values: np.ndarray, mark: bool) -> tuple[np.ndarray, ...]:
    if mark:
        curve = dose_curve(values, margin=0.0, alpha=ALPHA)
        lower, upper, stable = curve.lower, curve.upper, curve.is_stable
    else:
        stable = np.ones(values[:, 0].shape, dtype=bool)
        lower, upper = pair_bounds(values, stable, ALPHA)
    _, plain = pair_bounds(values, stable, ALPHA, "one")
    off = ~np.eye(values.shape[2], dtype=bool)
    return (
        np.where(off & ~np.isnan(lower), lower, -np.inf),
        np.where(off & ~np.isnan(upper), upper, -np.inf),
        np.where(off & ~np.isnan(plain), plain, -np.inf),
        stable,
    )


@lru_cache(maxsize=2)
def simulated(shape: str, n: int, k: int, n_studies: int, mark: bool = True) -> Bounds:
    """Bounds of one cell; the seed is the cell's own."""
    rng = np.random.default_rng([ord(c) for c in f"{shape} {n} {k}"])
    return bounds_of(noise(shape, n_studies, n, k, rng), mark=mark)


@dataclass(frozen=True)
class Shown:
    """What a study shows of a truth: booleans, (studies, K), and bounds of the gap."""

    is_certified: np.ndarray
    is_excluded: np.ndarray
    is_worse: np.ndarray
    gap_low: np.ndarray
    gap_high: np.ndarray
    default_high: np.ndarray


def shown(bounds: Bounds, at: Truth) -> Shown:
    """The statements of `dose_curve` and `default_loss` about this truth, from the bounds of the noise."""
    shift = at.means[:, None] - at.means[None, :]
    most_low, most_high = (bounds.lower + shift).max(axis=2), (bounds.upper + shift).max(axis=2)
    is_compared = bounds.is_stable & (bounds.is_stable.sum(axis=1) > 1)[:, None]
    high = np.where(is_compared, np.maximum(most_high, 0.0), np.inf)
    return Shown(
        is_certified=is_compared & (most_high <= at.margin),
        is_excluded=is_compared & (most_low > 0),
        is_worse=is_compared & (most_low > at.margin),
        gap_low=np.maximum(most_low, 0.0),
        gap_high=high,
        default_high=np.where(is_compared, np.maximum((bounds.plain_upper + shift).max(axis=2), 0.0), np.inf),
    )
