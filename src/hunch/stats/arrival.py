"""Iterations to a target: when a curve arrives, and what is left to say of runs that never do.

Every run has the same budget, so a run that never reaches is censored at the budget, and at nothing else.
Times of such runs are infinite here; `restricted` turns them into the budget where a mean needs a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.stats.censoring import kaplan_meier
from hunch.stats.quantiles import beta_quantile

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def arrival_times(at: npt.ArrayLike, cost: npt.ArrayLike, target: npt.ArrayLike) -> tuple[Floats, Bools]:
    """When each curve first reaches the target and stays there for one more evaluation.

    A hit is the first evaluation at or below the target whose next evaluation is at or below it too: one
    lucky evaluation is not enough, and a hit at the very last evaluation cannot be confirmed. The time of a
    hit is interpolated linearly in cost between the evaluation before it and the hit; a hit at evaluation 0
    happened at `at[0]`. NaN and infinite costs never hit.

    Args:
        at: Iterations of the evaluations, increasing, (G,).
        cost: Costs, (..., G); leading axes are runs, arms, studies.
        target: The cost to reach: a number, or an array that broadcasts against the leading axes.

    Returns:
        (times, reached), each of the leading shape: iterations (infinite where the target was not reached),
        and whether it was.

    Example:
        >>> times, reached = arrival_times([0, 10, 20, 30], [3.0, 2.0, 1.0, 0.5], 1.5)
        >>> float(times), bool(reached)
        (15.0, True)
    """
    grid = np.asarray(at, dtype=np.float64)
    cost = np.asarray(cost, dtype=np.float64)
    lead = np.broadcast_shapes(cost.shape[:-1], np.shape(target))
    goal = np.broadcast_to(np.asarray(target, dtype=np.float64), lead)
    if cost.shape[-1] < 2:
        return np.full(lead, np.inf), np.zeros(lead, dtype=np.bool_)
    cost = np.broadcast_to(cost, (*lead, cost.shape[-1]))
    below = cost <= goal[..., None]
    confirmed = below[..., :-1] & below[..., 1:]
    reached = np.asarray(confirmed.any(axis=-1))
    hit = np.asarray(confirmed.argmax(axis=-1))
    before = np.maximum(hit - 1, 0)
    cost_hit = np.take_along_axis(cost, hit[..., None], axis=-1)[..., 0]
    cost_before = np.take_along_axis(cost, before[..., None], axis=-1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = (cost_before - goal) / (cost_before - cost_hit)
    # Where the evaluation before is NaN or infinite there is no line to interpolate on: the hit counts.
    share = np.where(np.isfinite(share), np.clip(share, 0.0, 1.0), 1.0)
    times = grid[before] + share * (grid[hit] - grid[before])
    return np.where(reached, times, np.inf), reached


def restricted(times: npt.ArrayLike, budget: float) -> Floats:
    """min(time, budget): a run that never reached counts as the budget.

    Example:
        >>> restricted([120.0, float("inf")], 1000).tolist()
        [120.0, 1000.0]
    """
    return np.minimum(np.asarray(times, dtype=np.float64), float(budget))


def log_restricted(times: npt.ArrayLike, budget: float) -> Floats:
    """Natural log of min(time, budget), times below one iteration counting as one.

    The evaluation grid does not tell half an iteration from a tenth, and their logarithms are far apart.

    Example:
        >>> log_restricted([0.0, 1.0], 10).tolist()
        [0.0, 0.0]
    """
    return np.log(np.maximum(restricted(times, budget), 1.0))


def reach_rate(times: npt.ArrayLike, budget: float) -> Floats:
    """Share of runs that reached the target by the budget, over the last axis; NaN if there are no runs.

    Example:
        >>> float(reach_rate([120.0, float("inf")], 1000))
        0.5
    """
    times = np.asarray(times, dtype=np.float64)
    if times.shape[-1] == 0:
        return np.full(times.shape[:-1], np.nan)
    return np.asarray((times <= budget).mean(axis=-1))


def median_time(times: npt.ArrayLike, budget: float) -> float:
    """Median iterations to the target; infinite when it is censored, so that it is printed as "> budget".

    Args:
        times: Times of the runs, (n,), infinite where not reached.
        budget: Iterations of a run; later times count as not reached.

    Example:
        >>> median_time([10.0, 20.0, float("inf")], 100), median_time([10.0, float("inf")], 100)
        (20.0, inf)
    """
    times = np.sort(np.asarray(times, dtype=np.float64))
    if len(times) == 0:
        return float("nan")
    times = np.where(times <= budget, times, np.inf)
    return float((times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2)


def restarts_time(times: npt.ArrayLike, budget: float) -> float:
    """Expected iterations until a first success, if a run that fails is started again.

    Σ min(T, budget) over all runs / number of runs that reached. Infinite if no run reached, NaN if there are
    no runs.

    Example:
        >>> restarts_time([10.0, float("inf")], 100)
        110.0
    """
    times = np.asarray(times, dtype=np.float64)
    if times.size == 0:
        return float("nan")
    n_reached = int((times <= budget).sum())
    return float(restricted(times, budget).sum() / n_reached) if n_reached else float("inf")


def arrival_curve(durations: npt.ArrayLike, observed: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Share of runs that have reached the target against iterations: 1 - Kaplan-Meier.

    With censoring at the budget alone this is the plain share of runs; it stays right when runs were stopped
    at different times.

    Args:
        durations: Iterations at which a run reached the target or was last seen, (n,).
        observed: Whether it reached the target then, (n,).

    Returns:
        (at, share): a step function that jumps to `share[k]` at iteration `at[k]`, starting with (0, 0).

    Example:
        >>> at, share = arrival_curve([10.0, 20.0, 100.0, 100.0], [True, True, False, False])
        >>> at.tolist(), share.tolist()
        ([0.0, 10.0, 20.0], [0.0, 0.25, 0.5])
    """
    at, not_yet = kaplan_meier(durations, observed)
    if len(at) and at[0] <= 0:
        return at, 1.0 - not_yet
    return np.concatenate([[0.0], at]), np.concatenate([[0.0], 1.0 - not_yet])


def clopper_pearson(n_hits: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Exact two-sided interval for a share, by inverting the binomial test.

    Example:
        >>> low, high = clopper_pearson(10, 10)
        >>> round(low, 3), high
        (0.692, 1.0)
    """
    if n == 0:
        return 0.0, 1.0
    low = 0.0 if n_hits == 0 else beta_quantile(alpha / 2, n_hits, n - n_hits + 1)
    high = 1.0 if n_hits == n else beta_quantile(1 - alpha / 2, n_hits + 1, n - n_hits)
    return low, high


@dataclass(frozen=True, slots=True)
class WinProbability:
    """How often one arm reaches the target before another at the same seed.

    Args:
        share: Share of seeds won, a tie (or both never reaching) counting half; NaN without seeds.
        low: Lower end of the exact interval for the share won among the seeds that were no tie.
        high: Its upper end.
        n_wins: Seeds at which the first arm was earlier.
        n_losses: Seeds at which it was later.
        n_ties: Seeds at which neither was.
    """

    share: float
    low: float
    high: float
    n_wins: int
    n_losses: int
    n_ties: int


def win_probability(times_a: npt.ArrayLike, times_b: npt.ArrayLike, *, alpha: float = 0.05) -> WinProbability:
    """How often a run of the first arm reaches the target before the second arm's run at the same seed.

    Args:
        times_a: Times of the first arm, (n,), infinite where not reached.
        times_b: Times of the second, same seeds in the same order.
        alpha: 1 - level of the interval.

    Example:
        >>> win_probability([10.0, 20.0, 30.0], [15.0, 25.0, 30.0]).share
        0.8333333333333334
    """
    a, b = np.asarray(times_a, dtype=np.float64), np.asarray(times_b, dtype=np.float64)
    n_wins, n_losses = int((a < b).sum()), int((a > b).sum())
    n_ties = len(a) - n_wins - n_losses
    low, high = clopper_pearson(n_wins, n_wins + n_losses, alpha)
    share = (n_wins + 0.5 * n_ties) / len(a) if len(a) else float("nan")
    return WinProbability(share, low, high, n_wins, n_losses, n_ties)
