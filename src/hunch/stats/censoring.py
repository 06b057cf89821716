"""Times of which some are only known to be longer than they were watched: a user stopped the run early.

Where every run is watched to one budget none of this is needed: the curve is the ordinary share of runs, and
the restricted mean is the mean of min(T, budget).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hunch.stats.quantiles import binomial_two_sided

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

AT_RISK = 1 / 3  # share of the runs that must still be watched where times are compared


def kaplan_meier(times: npt.ArrayLike, reached: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The Kaplan-Meier curve: the share of runs that have not reached the target after a time.

    Args:
        times: When each run reached it, or was last watched, (n,).
        reached: Whether it had, (n,).

    Returns:
        (times, shares): the distinct times at which a run reached it, and the share still under way from
        there on.

    Example:
        >>> at, share = kaplan_meier([1.0, 2.0, 2.0, 4.0], [True, True, False, True])
        >>> at.tolist(), share.tolist()
        ([1.0, 2.0, 4.0], [0.75, 0.5, 0.0])
    """
    t, hit = np.asarray(times, dtype=np.float64), np.asarray(reached, dtype=bool)
    at, ended = np.unique(t[hit], return_counts=True)
    watched = len(t) - np.searchsorted(np.sort(t), at, side="left")
    return at, np.asarray(np.cumprod(1.0 - ended / watched), dtype=np.float64)


def restricted_mean(times: npt.ArrayLike, reached: npt.ArrayLike, until: float) -> float:
    """The mean of min(T, until), as the area under the Kaplan-Meier curve.

    Args:
        times: When each run reached the target, or was last watched, (n,).
        reached: Whether it had, (n,).
        until: Where the area ends.

    Returns:
        The mean; NaN without runs, or where a time is NaN.

    Example:
        >>> restricted_mean([1.0, 2.0, 4.0, 4.0], [True, True, False, False], 4.0)
        2.75
    """
    t = np.asarray(times, dtype=np.float64)
    if not len(t) or bool(np.isnan(t).any()):
        return float("nan")
    at, share = kaplan_meier(times, reached)
    inside = at < until
    edges = np.concatenate([[0.0], at[inside], [until]])
    heights = np.concatenate([[1.0], share[inside]])
    return float((np.diff(edges) * heights).sum())


def comparable_until(times_a: npt.ArrayLike, times_b: npt.ArrayLike) -> float:
    """The latest time at which a third of the runs of each arm is still watched; NaN for an arm without runs.

    Example:
        >>> comparable_until([1.0, 2.0, 9.0], [3.0, 4.0, 5.0])
        5.0
    """
    ends: list[float] = []
    for times in (times_a, times_b):
        t = np.sort(np.asarray(times, dtype=np.float64))
        if not len(t):
            return float("nan")
        ends.append(float(t[min(len(t) - 1, int(np.floor(len(t) * (1 - AT_RISK))))]))
    return min(ends)


def pseudo_values(
    times_a: npt.ArrayLike,
    reached_a: npt.ArrayLike,
    times_b: npt.ArrayLike,
    reached_b: npt.ArrayLike,
    until: float,
) -> Floats:
    """One value a seed for the difference of restricted means (b - a), by the jackknife over seeds.

    θ_s = n·θ - (n - 1)·θ without seed s. They go where paired differences go; where runs are only cut off at
    `until` they are min(T_b, until) - min(T_a, until) exactly.

    Args:
        times_a: Of the first arm, seeds in order, (n,).
        reached_a: Whether each had reached the target, (n,).
        times_b: Of the second arm, the same seeds, (n,).
        reached_b: Likewise, (n,).
        until: Where times are cut off.

    Returns:
        The values, (n,).

    Example:
        >>> pseudo_values([1.0, 4.0], [True, False], [3.0, 4.0], [True, False], 4.0).tolist()
        [2.0, 0.0]
    """
    arms = [
        (np.asarray(t, dtype=np.float64), np.asarray(hit, dtype=bool))
        for t, hit in ((times_a, reached_a), (times_b, reached_b))
    ]
    n = len(arms[0][0])

    def difference(keep: Bools) -> float:
        a, b = (restricted_mean(t[keep], hit[keep], until) for t, hit in arms)
        return b - a

    whole = difference(np.ones(n, dtype=bool))
    if n < 2:
        return np.full(n, whole)
    without = np.array([difference(np.arange(n) != s) for s in range(n)])
    return np.asarray(n * whole - (n - 1) * without)


def reach_p(reached_a: npt.ArrayLike, reached_b: npt.ArrayLike) -> float:
    """McNemar's exact test of "both arms reach the target equally often", on the seeds where they differ.

    Args:
        reached_a: Whether the first arm did, per seed, (n,).
        reached_b: Whether the second did, (n,).

    Returns:
        The two-sided p-value; 1 where no seed differs.

    Example:
        >>> reach_p([True] * 6, [False] * 6)
        0.03125
    """
    a, b = np.asarray(reached_a, dtype=bool), np.asarray(reached_b, dtype=bool)
    return binomial_two_sided(int((a & ~b).sum()), int((a != b).sum()))
