"""A confidence sequence: intervals that all hold at once, so that one may look and stop at will."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hunch.stats.paired import as_differences

Floats = npt.NDArray[np.float64]

MIXTURE = 4.0  # c² of the mixture: as if four differences of 0 had been seen beforehand


def mixture_interval(d: npt.ArrayLike, alpha: float, c2: float = MIXTURE) -> tuple[Floats, Floats]:
    """The Gaussian-mixture t confidence sequence, at the last difference.

    With K = ((n + c²)/(c² α²))^(1/n) and s the standard deviation, the mean lies within
    √((K - 1)(n - 1)s² / (n(1 - K c²/(n + c²)))) of the estimate, for all n at once with probability 1 -
    alpha, if the differences are Gaussian (Wang and Ramdas 2023, Theorem 4.9). Skewed ones break the promise:
    up to 18 % at 5 %.

    Args:
        d: Differences in their order, (..., n).
        alpha: 1 - level, over all n.
        c2: Weight of the mixture.

    Returns:
        (low, high), of the leading shape; infinite while too few are there, NaN for fewer than two.

    Example:
        >>> low, high = mixture_interval([1.0, 2.0, 3.0, 2.0, 1.0, 3.0, 2.0, 2.0], 0.05)
        >>> round(float(low), 2), round(float(high), 2)
        (0.07, 3.93)
    """
    d = as_differences(d)
    n = d.shape[-1]
    if n < 2:
        return np.full(d.shape[:-1], np.nan), np.full(d.shape[:-1], np.nan)
    k = ((n + c2) / (c2 * alpha**2)) ** (1 / n)
    room = 1 - k * c2 / (n + c2)
    centre = d.mean(axis=-1)
    if room <= 0:
        half = np.where(np.isnan(centre), np.nan, np.inf)
    else:
        half = d.std(axis=-1, ddof=1) * np.sqrt((k - 1) * (n - 1) / (n * room))
    return np.asarray(centre - half), np.asarray(centre + half)
