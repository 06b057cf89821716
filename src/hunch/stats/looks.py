"""Planned looks: when a claim is looked at, what each look may spend, and when looking on is pointless.

Looking at growing data again and again is what makes false alarms: 4 looks at 5 % each give 15 %. With the
boundaries of `boundaries`, all looks together spend exactly alpha.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hunch.stats.paired import EQUIVALENCE_QUANTILE, POWER_QUANTILE
from hunch.stats.quantiles import t_quantile, t_two_sided

Floats = npt.NDArray[np.float64]

FEWEST = 5  # differences below which no look is taken
MOST_LOOKS = 4
N_PATHS = 400_000  # of the Monte Carlo, at alpha 0.05; more where alpha is smaller
MOST_PATHS = 4_000_000
PATH_KEY = 0x4C6F6F6B73  # of the Philox that draws the paths: the same boundaries everywhere
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


@lru_cache(maxsize=256)
def boundaries(looks: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """The two-sided p-value that each look needs, so that all looks together spend alpha.

    By look k of n_k differences, alpha · ln(1 + (e - 1) n_k / n_K) is spent (Lan and DeMets' spending
    function of Pocock's kind). The p-values are those of Student's t at n_k - 1 degrees of freedom, found by
    Monte Carlo of the path of the t statistic under Gaussian differences with mean 0: normal-theory tables
    are wrong at n = 5. The interval at a look is the one of level 1 - that p-value.

    Args:
        looks: Increasing numbers of differences, each at least 2.
        alpha: Two-sided, over all looks.

    Returns:
        One p-value a look. A single look gets alpha itself, exactly.

    Raises:
        ValueError: If the looks do not increase from 2 up, or alpha is not in (0, 1).

    Example:
        >>> boundaries((20,), 0.05)
        (0.05,)
    """
    if not looks or looks[0] < 2 or any(b <= a for a, b in itertools.pairwise(looks)):
        raise ValueError(f"looks must increase from 2 up, got {looks}.")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), got {alpha}.")
    spent = [alpha * math.log1p((math.e - 1) * n / looks[-1]) for n in looks]
    if len(looks) == 1:
        return (alpha,)
    n_paths = int(min(MOST_PATHS, max(N_PATHS, N_PATHS * 0.05 / alpha)))
    rng = np.random.Generator(np.random.Philox(key=PATH_KEY))
    total, squares = np.zeros(n_paths), np.zeros(n_paths)
    alive = np.ones(n_paths, dtype=bool)
    levels: list[float] = []
    before = 0
    for k, n in enumerate(looks):
        step = n - before
        # Of `step` normal draws only their sum and their squares about its mean matter.
        part = math.sqrt(step) * rng.standard_normal(n_paths)
        squares += part**2 / step
        if step > 1:
            squares += rng.chisquare(step - 1, n_paths)
        total += part
        before = n
        if k == 0:
            level = spent[0]  # exact: the first t statistic is Student's
        else:
            variance = (squares - total**2 / n) / (n - 1)
            t = np.abs(total) / np.sqrt(n * variance)
            wanted = round((spent[k] - spent[k - 1]) * n_paths)
            left = t[alive]
            bound = np.partition(left, len(left) - wanted)[len(left) - wanted] if wanted else math.inf
            level = t_two_sided(float(bound), n)
        levels.append(level)
        variance = (squares - total**2 / n) / (n - 1)
        alive &= np.abs(total) / np.sqrt(n * variance) < t_quantile(n, level)
    return tuple(levels)


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
    d = np.asarray(d, dtype=np.float64)
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
