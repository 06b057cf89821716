"""What sharing a seed achieved: how alike two arms came out over the same seeds, and what that saved.

Pairing stays right if nothing was achieved; it only saves nothing then.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hunch.stats.paired import all_equal


def pairing_correlation(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Pearson's correlation between two arms over seeds.

    With equal spreads the variance of the difference is 1 - correlation times that of unpaired runs;
    `variance_factor` says it for any spreads.

    Args:
        a: Outcome of the first arm, (n,).
        b: Of the second, same seeds in the same order, (n,).

    Returns:
        -1..1; NaN for fewer than three seeds, or where an arm never varies or has a value that is not finite.

    Example:
        >>> round(pairing_correlation([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]), 6)
        1.0
    """
    one, two = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if not _can_vary(one, two) or bool(all_equal(one)) or bool(all_equal(two)):
        return math.nan
    off_a, off_b = one - one.mean(), two - two.mean()
    return float((off_a @ off_b) / math.sqrt((off_a @ off_a) * (off_b @ off_b)))


def variance_factor(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Variance of the paired difference, relative to that of arms run at different seeds.

    var(a - b) / (var a + var b): 1 where pairing saved nothing, 0.25 where it did the work of four times the
    runs, above 1 where arms at one seed went opposite ways.

    Args:
        a: Outcome of the first arm, (n,).
        b: Of the second, same seeds in the same order, (n,).

    Returns:
        0..2; NaN for fewer than three seeds, or where neither arm varies or a value is not finite.

    Example:
        >>> variance_factor([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]), variance_factor([1.0, 2.0, 3.0], [3.0, 1.0, 2.0])
        (0.0, 1.5)
    """
    one, two = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if not _can_vary(one, two) or (bool(all_equal(one)) and bool(all_equal(two))):
        return math.nan
    return float((one - two).var() / (one.var() + two.var()))


def _can_vary(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> bool:
    return len(a) >= 3 and bool(np.isfinite(a).all() and np.isfinite(b).all())
