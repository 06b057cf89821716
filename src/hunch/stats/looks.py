"""Planned looks: when a claim is looked at, and when looking on is pointless.

Looking at growing data again and again is what makes false alarms: 4 looks at 5 % each give 15 %. With the
p-values of `boundaries`, all looks together spend alpha.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hunch.stats.paired import EQUIVALENCE_QUANTILE, POWER_QUANTILE, as_differences
from hunch.stats.quantiles import t_quantile

Floats = npt.NDArray[np.float64]

FEWEST = 5  # differences below which no look is taken
MOST_LOOKS = 4
FUTILE_BOUND = 0.2  # two-sided level whose upper end is the 90 % bound


def planned_looks(max_n: int) -> tuple[int, ...]:
    """Numbers of blocks at which a study is looked at: an eighth, a quarter, a half and all of the most.

    Looks below 5 are left out.

    Args:
        max_n: The most blocks.

    Example:
        >>> planned_looks(80), planned_looks(20), planned_looks(3)
        ((10, 20, 40, 80), (5, 10, 20), (3,))
    """
    looks = {max_n // 2**k for k in range(MOST_LOOKS)}
    return tuple(sorted(n for n in looks if n >= FEWEST or n == max_n))


def is_futile(
    d: npt.ArrayLike,
    *,
    margin: float,
    n_max: int,
    level: float,
    beyond: float = 0.0,
    can_be_equal: bool = True,
) -> npt.NDArray[np.bool_]:
    """Whether n_max differences would still not decide, even if the effect lay at its kindest 90 % bound.

    A direction is given up where it would have power under 0.8 although the true effect were as large as the
    upper end of its 80 % interval (the one-sided 90 % bound); equality, where the interval would not fit
    inside ± margin although the effect were as small as the lower end. Both must be out of reach. Projecting
    with the estimate itself would give up far too early: it cuts the share of decided studies from 0.98 to
    0.8.

    Args:
        d: Differences so far, (..., n).
        margin: The smallest effect that matters; 0 or NaN: equality is no possible verdict.
        n_max: Differences at the last look.
        level: Two-sided p-value that the last look needs.
        beyond: How far from 0 the effect must lie to be told from "no difference": the margin, where equality
            itself is claimed.
        can_be_equal: False where equality cannot be said for another reason.

    Returns:
        Of the leading shape; False for fewer than two differences.

    Example:
        >>> bool(is_futile([0.1, -0.1, 0.1, -0.1] * 5, margin=0.001, n_max=40, level=0.02))
        True
    """
    d = as_differences(d)
    n = d.shape[-1]
    if n < 2:
        return np.zeros(d.shape[:-1], dtype=bool)
    size, spread = np.abs(d.mean(axis=-1)), d.std(axis=-1, ddof=1)
    reach = t_quantile(n, FUTILE_BOUND) * spread / math.sqrt(n)
    error, quantile = spread / math.sqrt(n_max), t_quantile(n_max, level)
    no_direction = size + reach - beyond < (quantile + POWER_QUANTILE) * error
    if not (can_be_equal and margin > 0):
        return np.asarray(no_direction)
    kindest = np.maximum(0.0, size - reach)
    no_equality = margin - kindest < (quantile + EQUIVALENCE_QUANTILE) * error
    return np.asarray(no_direction & no_equality)
