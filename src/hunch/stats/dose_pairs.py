"""All pairs of doses: one-sided bounds of every difference of means, and which doses can be compared at all.

Every pair has its own variance, that of its paired differences over seeds: a variance pooled over doses excludes a
true best dose in .11 of the studies where one end of the range spreads five times as far as the other, at a promise
of .05 (docs/validation-doses.md).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from hunch.stats.paired import SKEW_LIMIT, as_differences, hall_interval, skewness, t_interval

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST_SEEDS = 5
DIVERGED_LIMIT = 0.2  # share of runs beyond which a dose is unstable
FAR_OUT = 8.0  # robust standard deviations
FAR_SHARE = 0.1  # of the runs: as many far out make a dose heavy-tailed
FEWEST_TO_SEE_TAILS = 10  # seeds
FEWEST_FOR_COMMON = 5  # doses; of fewer, one dose would be most of what they have in common
MOST_WIDENED = 1.5  # times Student's half-width
SAME_TO = 1e-9  # differences that vary by less than this share of the values are one number
_CHUNK = 256  # studies whose pairs are held at once


def stable_doses(values: npt.ArrayLike, diverged: npt.ArrayLike | None) -> Bools:
    """Which doses can be averaged and compared.

    Not those of which more than a fifth of the runs diverged, nor those with a value that is not finite, nor those
    that are `heavy_tailed`.

    Args:
        values: Outcomes, (..., n, K).
        diverged: Share of runs that diverged, (..., K) or anything that broadcasts to it; None: none.

    Returns:
        Whether a dose is stable, (..., K).

    Example:
        >>> stable_doses([[1.0, 2.0, 3.0], [2.0, 1.0, float("nan")]], [0.0, 0.5, 0.0]).tolist()
        [True, False, False]
    """
    y = np.asarray(values, dtype=np.float64)
    is_left = kept_by_divergence(y, diverged)
    return is_left & ~heavy_tailed(y, is_left)


def kept_by_divergence(values: Floats, diverged: npt.ArrayLike | None) -> Bools:
    """Which doses have finite values and at most a fifth of their runs diverged, (..., K).

    Example:
        >>> kept_by_divergence(np.zeros((1, 2)), [0.2, 0.21]).tolist()
        [True, False]
    """
    share = np.asarray(0.0 if diverged is None else diverged, dtype=np.float64)
    return np.asarray(np.isfinite(values).all(axis=-2) & ~(share > DIVERGED_LIMIT))


def heavy_tailed(values: Floats, is_left: Bools) -> Bools:
    """Which doses have runs of a second kind: a tenth of their runs or more, and at least two, lie far out.

    Far out: eight times as far from the dose's median as a standard deviation (1.4826 times the median absolute
    deviation). From five doses on, what the doses have in common at a seed is taken off first: the mean of the middle
    third of the values, each less its dose's median. Asked from ten seeds on. Of Gaussian doses it marks 3 in 1,000 at
    n = 10 and none at 40, and, counted over all studies, it breaks no promise that is kept without it
    (docs/validation-doses.md).

    Args:
        values: Outcomes, (..., n, K).
        is_left: Doses to look at, (..., K); the others are not marked.

    Returns:
        Whether a dose is heavy-tailed, (..., K).

    Example:
        >>> y = np.random.default_rng(0).normal(size=(20, 4)); y[:2, 1] += 30.0
        >>> heavy_tailed(y, np.ones(4, dtype=bool)).tolist()
        [False, True, False, False]
    """
    lead, (n, k) = values.shape[:-2], values.shape[-2:]
    found = np.zeros((math.prod(lead), k), dtype=np.bool_)
    if n < FEWEST_TO_SEE_TAILS:
        return found.reshape(*lead, k)
    rows, left = values.reshape(len(found), n, k), np.broadcast_to(is_left, (*lead, k)).reshape(len(found), k)
    count = left.sum(axis=1)
    for c in np.unique(count[count > 0]):
        at = np.flatnonzero(count == c)
        for start in range(0, len(at), _CHUNK):
            part = at[start : start + _CHUNK]
            chosen = np.argsort(~left[part], axis=1, kind="stable")[:, : int(c)]
            off = np.take_along_axis(rows[part], chosen[:, None, :], axis=2)
            off = off - np.median(off, axis=1, keepdims=True)
            if c >= FEWEST_FOR_COMMON:
                middle = np.sort(off, axis=2)[:, :, int(c) // 3 : int(c) - int(c) // 3]
                off = off - middle.mean(axis=2, keepdims=True)
                off = off - np.median(off, axis=1, keepdims=True)
            off = np.abs(off)
            scale = np.median(off, axis=1, keepdims=True) * 1.4826
            n_far = ((off > FAR_OUT * scale) & (scale > 0)).sum(axis=1)
            is_far = n_far >= max(2, math.ceil(FAR_SHARE * n - 1e-9))
            found[part[:, None], chosen] = is_far
    return found.reshape(*lead, k)


def pair_bounds(
    values: Floats, is_stable: Bools, alpha: float, shared_by: Literal["one", "dose", "all"] = "dose"
) -> tuple[Floats, Floats]:
    """Lower and upper bound of mean_x - mean_j for every ordered pair, each one-sided.

    Args:
        values: Outcomes, (S, n, K), finite where stable.
        is_stable: (S, K).
        alpha: To be spent by `shared_by`.
        shared_by: Who shares alpha (Bonferroni): the comparisons of a dose, K - 1; those of all doses, K (K - 1); or
            nobody, every comparison having its own. K counts unstable doses too: then no rule that leaves doses out
            can make it likelier that a dose which stays is wrongly excluded.

    Returns:
        (lower, upper), each (S, K, K); 0 on the diagonal, NaN where a dose is unstable, infinite where nothing can be
        said: fewer than five seeds, or differences that are all the same number.
    """
    n_studies, n, k = values.shape
    lower = np.full((n_studies, k, k), -np.inf)
    upper = np.full((n_studies, k, k), np.inf)
    if n >= FEWEST_SEEDS and k > 1:
        one_sided = alpha / {"one": 1, "dose": k - 1, "all": k * (k - 1)}[shared_by]
        safe = np.where(is_stable[:, None, :], values, 0.0).swapaxes(1, 2)
        for start in range(0, n_studies, _CHUNK):
            part = slice(start, start + _CHUNK)
            lower[part], upper[part] = _bounds(safe[part], one_sided)
    both = is_stable[:, :, None] & is_stable[:, None, :]
    lower, upper = np.where(both, lower, np.nan), np.where(both, upper, np.nan)
    lower[:, np.arange(k), np.arange(k)] = upper[:, np.arange(k), np.arange(k)] = 0.0
    return lower, upper


def pair_interval(d: npt.ArrayLike, alpha: float) -> tuple[Floats, Floats]:
    """Student's t interval, widened to the union with Hall's where |skewness| > 0.5, but to at most half as much again.

    Far in the tails, where alpha is shared by many comparisons, Hall's interval of ten differences is often three
    times as wide as Student's and nothing would ever be certified. Half as much again keeps nearly all of what the
    union gains where the spreads are unequal and the runs skewed (docs/validation-doses.md).

    Args:
        d: Differences, (..., n).
        alpha: 1 - level, two-sided.

    Returns:
        (low, high), of the leading shape.

    Example:
        >>> d = [0.0, 0.1, 0.0, 0.2, 0.1, 9.0]
        >>> [round(float(interval(d, 0.002)[1]), 1) for interval in (t_interval, pair_interval, hall_interval)]
        [10.3, 14.7, 16.9]
    """
    d = as_differences(d)
    low, high = t_interval(d, alpha)
    is_skewed = np.abs(skewness(d)) > SKEW_LIMIT
    if is_skewed.any():  # Hall's interval takes longest, and most pairs do not need it
        hall_low, hall_high = hall_interval(d[is_skewed], alpha)
        t_low, t_high = low[is_skewed], high[is_skewed]
        more = (MOST_WIDENED - 1) / 2 * (t_high - t_low)
        low[is_skewed] = np.clip(hall_low, t_low - more, t_low)
        high[is_skewed] = np.clip(hall_high, t_high, t_high + more)
    return low, high


def _bounds(by_dose: Floats, one_sided: float) -> tuple[Floats, Floats]:
    """Of (S, K, n)."""
    n_studies, k, _ = by_dose.shape
    lower = np.zeros((n_studies, k, k))
    size = np.abs(by_dose).max(axis=2)
    for x in range(k - 1):
        d = by_dose[:, x : x + 1] - by_dose[:, x + 1 :]
        low, high = pair_interval(d, 2 * one_sided)
        is_one_number = np.ptp(d, axis=2) <= SAME_TO * np.maximum(size[:, x : x + 1], size[:, x + 1 :])
        lower[:, x, x + 1 :] = np.where(is_one_number, -np.inf, low)
        lower[:, x + 1 :, x] = np.where(is_one_number, -np.inf, -high)
    return lower, -np.swapaxes(lower, 1, 2)
