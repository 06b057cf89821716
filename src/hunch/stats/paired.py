"""Paired differences: an interval that bears skew, and an exact test that bears anything symmetric.

`d` holds one difference per seed along its last axis; leading axes are studies, so that a simulation of
thousands of studies is one call. A decision needs both: an interval away from 0, and a sign-flip p-value
within alpha. The t interval alone is too narrow for skewed differences of few seeds.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hunch.stats.quantiles import normal_quantile, t_quantile

Floats = npt.NDArray[np.float64]

SKEW_LIMIT = 0.5  # beyond it the interval is widened to the union with Hall's
EXACT_UP_TO = 14  # seeds up to which all 2^n sign flips are taken
N_FLIPS = 10_000  # sign flips beyond that
FLIP_KEY = 0x48756E6368  # of the Philox that draws them: the same file gives the same p-value everywhere
POWER_QUANTILE = 0.84  # normal quantile of power 0.8
EQUIVALENCE_QUANTILE = 1.28  # that of 0.9: both ends must lie inside, together with power 0.8
MANY_SEEDS = 10_000  # larger projections are not told apart
_CHUNK = 512  # studies whose flips are summed at once


def as_differences(d: npt.ArrayLike) -> Floats:
    """The differences as numbers; those that are not finite become NaN, which spreads without a warning.

    Example:
        >>> as_differences([1, float("inf")]).tolist()
        [1.0, nan]
    """
    d = np.asarray(d, dtype=np.float64)
    return np.where(np.isfinite(d), d, np.nan)


def t_interval(d: npt.ArrayLike, alpha: float) -> tuple[Floats, Floats]:
    """Mean ± t·sd/√n over the last axis; NaN for fewer than two differences.

    Args:
        d: Differences, (..., n).
        alpha: 1 - level.

    Example:
        >>> low, high = t_interval([1.0, 2.0, 3.0], 0.05)
        >>> round(float(low), 3), round(float(high), 3)
        (-0.484, 4.484)
    """
    d = as_differences(d)
    n = d.shape[-1]
    if n < 2:
        return np.full(d.shape[:-1], np.nan), np.full(d.shape[:-1], np.nan)
    centre, half = d.mean(axis=-1), t_quantile(n, alpha) * d.std(axis=-1, ddof=1) / math.sqrt(n)
    return np.asarray(centre - half), np.asarray(centre + half)


def skewness(d: npt.ArrayLike) -> Floats:
    """Third central moment over the cube of the standard deviation (divisor n), 0 where nothing varies.

    Example:
        >>> float(skewness([1.0, 2.0, 3.0]))
        0.0
    """
    d = as_differences(d)
    if d.shape[-1] < 2:
        return np.zeros(d.shape[:-1])
    off = d - d.mean(axis=-1, keepdims=True)
    scale = np.abs(off).max(axis=-1, keepdims=True)
    off = off / np.where(scale > 0, scale, 1.0)
    m2 = (off**2).mean(axis=-1)
    flat = all_equal(d)
    return np.where(flat, 0.0, (off**3).mean(axis=-1) / np.where(flat, 1.0, m2) ** 1.5)


def hall_interval(d: npt.ArrayLike, alpha: float) -> tuple[Floats, Floats]:
    """Hall's skew-corrected t interval.

    With u = (mean - θ)/sd and g the skewness, √n·(u + g u²/3 + g² u³/27 + g/(6n)) is close to Student's t
    with n - 1 degrees of freedom. The cubic is ((1 + g u/3)³ - 1)/g, so it increases everywhere and is
    inverted exactly.

    Args:
        d: Differences, (..., n).
        alpha: 1 - level.

    Returns:
        (low, high), of the leading shape; NaN for fewer than two differences.

    Example:
        >>> low, high = hall_interval([1.0, 1.1, 1.2, 1.4, 4.0], 0.05)
        >>> float(high) > float(t_interval([1.0, 1.1, 1.2, 1.4, 4.0], 0.05)[1])
        True
    """
    d = as_differences(d)
    n = d.shape[-1]
    if n < 2:
        return np.full(d.shape[:-1], np.nan), np.full(d.shape[:-1], np.nan)
    centre, spread, g = d.mean(axis=-1), d.std(axis=-1, ddof=1), skewness(d)
    y = t_quantile(n, alpha) / math.sqrt(n)
    return (
        np.asarray(centre - spread * inverse_cubic(y, g, n)),
        np.asarray(centre - spread * inverse_cubic(-y, g, n)),
    )


def paired_interval(d: npt.ArrayLike, alpha: float) -> tuple[Floats, Floats]:
    """The interval of a verdict: Student's t, widened to the union with Hall's where |skewness| > 0.5.

    Args:
        d: Differences, (..., n).
        alpha: 1 - level.

    Returns:
        (low, high), of the leading shape; NaN for fewer than two differences.

    Example:
        >>> low, high = paired_interval([1.0, 1.1, 1.2, 1.4, 4.0], 0.05)
        >>> float(low) < 1.0 < float(high)
        True
    """
    low, high = t_interval(d, alpha)
    hall_low, hall_high = hall_interval(d, alpha)
    skewed = np.abs(skewness(d)) > SKEW_LIMIT
    return (
        np.where(skewed, np.minimum(low, hall_low), low),
        np.where(skewed, np.maximum(high, hall_high), high),
    )


def sign_flip_p(d: npt.ArrayLike) -> Floats:
    """Two-sided p-value of "swapping the arms within a seed changes nothing".

    The share of sign flips whose sum is at least as far from 0 as the observed one: all 2^n of them up to
    n = 14; beyond that 10,000 drawn with a fixed key, (1 + count) / (1 + 10,000). It depends neither on the
    order of the seeds nor on which arm was named first.

    Args:
        d: Differences, (..., n).

    Returns:
        p-values, of the leading shape; NaN without differences, 1 where all are 0.

    Example:
        >>> float(sign_flip_p([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
        0.03125
    """
    d = as_differences(d)
    n, lead = d.shape[-1], d.shape[:-1]
    if n == 0:
        return np.full(lead, np.nan)
    rows = d.reshape(-1, n)
    # Sorting absolute values is what makes the drawn flips independent of the order of the seeds.
    size = np.sort(np.abs(rows), axis=-1)
    # Sums that are equal in exact arithmetic differ in the last bits: count them as equal.
    observed = np.abs(rows.sum(axis=-1)) - 1e-9 * size.sum(axis=-1)
    signs = _all_signs(n) if n <= EXACT_UP_TO else _drawn_signs(n)
    as_far = np.empty(len(rows))
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        as_far[part] = (np.abs(signs @ size[part].T) >= observed[part]).sum(axis=0)
    p = as_far / len(signs) if n <= EXACT_UP_TO else (1.0 + as_far) / (1.0 + len(signs))
    return np.asarray(np.where(np.isnan(rows).any(axis=-1), np.nan, p).reshape(lead))


def smallest_sign_flip_p(n: int) -> float:
    """The smallest p-value that `sign_flip_p` can give with n differences.

    Example:
        >>> smallest_sign_flip_p(5), smallest_sign_flip_p(6)
        (0.0625, 0.03125)
    """
    return float(sign_flip_p(np.ones(n))) if n > 0 else 1.0


def seeds_for_sign_flip(alpha: float) -> int | None:
    """The fewest seeds with which a sign-flip p-value can be at most alpha; None if no number is enough.

    Example:
        >>> seeds_for_sign_flip(0.05), seeds_for_sign_flip(0.05 / 6), seeds_for_sign_flip(1e-5)
        (6, 8, None)
    """
    # Well beyond the exact range the floor is 1 / 10,001 whatever n is; there is no need to look further.
    return next((n for n in range(1, 2 * EXACT_UP_TO) if smallest_sign_flip_p(n) <= alpha), None)


def all_equal(d: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether all differences of a study are the same number, up to rounding.

    Example:
        >>> bool(all_equal([0.1 + 0.2, 0.3])), bool(all_equal([0.3, 0.4]))
        (True, False)
    """
    d = as_differences(d)
    if d.shape[-1] == 0:
        return np.ones(d.shape[:-1], dtype=np.bool_)
    return np.asarray(np.ptp(d, axis=-1) <= 1e-9 * np.abs(d).max(axis=-1))


def seeds_for_direction(d: npt.ArrayLike, alpha: float) -> float:
    """About how many seeds would tell the direction with power 0.8, were the estimates true.

    ((t + 0.84)·sd/|mean|)². Infinite where the mean is 0, NaN for fewer than two differences.

    Example:
        >>> round(seeds_for_direction([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 0.05))
        7
    """
    d = as_differences(d)
    if len(d) < 2:
        return float("nan")
    centre, spread = abs(float(d.mean())), float(d.std(ddof=1))
    if centre <= 1e-12 * float(np.abs(d).max()):
        return float("inf")
    return ((t_quantile(len(d), alpha) + POWER_QUANTILE) * spread / centre) ** 2


def seeds_for_equivalence(d: npt.ArrayLike, alpha: float, margin: float) -> float:
    """About how many seeds would put the interval inside ± margin with power 0.8, were the true effect 0.

    ((z + 1.28)·sd/margin)², which is 10.5·(sd/margin)² at alpha 0.05. NaN for fewer than two differences.

    Example:
        >>> round(seeds_for_equivalence([-1.0, 0.0, 1.0], 0.05, 0.5))
        42
    """
    d = as_differences(d)
    if len(d) < 2:
        return float("nan")
    z = normal_quantile(alpha)
    return ((z + EQUIVALENCE_QUANTILE) * float(d.std(ddof=1)) / margin) ** 2


def inverse_cubic(y: float, g: Floats, n: int) -> Floats:
    """The u at which u + g u²/3 + g² u³/27 + g/(6n) = y."""
    z = y - g / (6 * n)
    safe = np.where(np.abs(g) > 1e-8, g, 1.0)
    return np.where(np.abs(g) > 1e-8, 3.0 / safe * (np.cbrt(1.0 + safe * z) - 1.0), z)


@lru_cache(maxsize=4)
def _all_signs(n: int) -> Floats:
    """Half of the 2^n flips, (2^(n-1), n): the other half has the same sums with the other sign."""
    which = np.arange(2 ** (n - 1), dtype=np.int64)[:, None]
    bits: npt.NDArray[np.int64] = (which >> np.arange(n, dtype=np.int64)) & 1
    return 1.0 - 2.0 * bits.astype(np.float64)


@lru_cache(maxsize=8)
def _drawn_signs(n: int) -> Floats:
    """10,000 flips from the raw words of a Philox with a fixed key, (10,000, n): the words never change."""
    words = np.random.Philox(key=FLIP_KEY).random_raw(-(-N_FLIPS * n // 64))
    bits = np.unpackbits(np.asarray(words, dtype="<u8").view(np.uint8))[: N_FLIPS * n]
    return 1.0 - 2.0 * bits.reshape(N_FLIPS, n).astype(np.float64)
