"""Runs → the few numbers that a chart draws: bands over seeds, arrival steps, readings per layer.

All aggregation and all rounding of drawn numbers happens here; charts only draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hunch.evidence import confirm_runs
from hunch.plan import Plan
from hunch.stats import arrival_curve, arrival_times, restricted
from hunch.traces import RunTable, SiteFact, Trace, metric_curve, reading_values

BAND = (10.0, 90.0)
"""Percentiles over seeds between which a band lies."""

MOST_SITES = 6
"""More layers than this are not drawn: first, last, and evenly between."""


@dataclass(frozen=True, slots=True)
class Point:
    """One iteration of a band: the 10th percentile, the median and the 90th percentile over seeds.

    `low` is None where it cannot be drawn on a logarithmic axis.
    """

    iteration: int
    low: float | None
    mid: float
    high: float


@dataclass(frozen=True, slots=True)
class Band:
    """One arm's curve with its band; `runs` is the number of runs behind it."""

    arm: str
    runs: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """One arm's share of runs that have reached the target.

    Args:
        arm: The arm.
        runs: Runs it is a share of.
        reached: How many reached the target within the budget.
        points: Pairs (iteration, share), from 0 to the budget; the share holds until the next pair.
    """

    arm: str
    runs: int
    reached: int
    points: tuple[tuple[float, float], ...]


def significant(value: float, digits: int = 4) -> float:
    """The number rounded to so many significant digits.

    Example:
        >>> significant(1234567.0)
        1235000.0
    """
    if value == 0 or not math.isfinite(value):
        return float(value)
    return float(f"{value:.{digits - 1}e}")


def curve_of(kind: str) -> Callable[[Trace], tuple[np.ndarray, np.ndarray]]:
    """How to read (iterations, values) of `cost`, `held_out_cost` or `held_out_error` from a trace."""
    readers: dict[str, Callable[[Trace], tuple[np.ndarray, np.ndarray]]] = {
        "cost": lambda t: (t.eval_at, t.cost),
        "held_out_cost": lambda t: (t.held_at, t.held_cost),
        "held_out_error": lambda t: (t.held_at, t.held_error),
    }
    return readers[kind]


def band(arm: str, runs: Sequence[Trace], kind: str, floor: float) -> Band | None:
    """Median and band over the runs of one arm; None without runs.

    A run that diverged counts as at most `floor`, what predicting a constant costs, and as exactly that from
    the iteration at which it diverged.
    """
    read = curve_of(kind)
    rows = [(at, _mended(t, values, floor)) for t in runs for at, values in [read(t)]]
    if not rows:
        return None
    # Runs of one study share one budget and so one grid; a stray run on another grid cannot be averaged in.
    at = max((r[0] for r in rows), key=lambda a: (len(a), int(a[-1]) if len(a) else 0))
    values = np.array([v for a, v in rows if len(a) == len(at) and bool(np.all(a == at))])
    if len(at) == 0:
        return None
    return Band(arm, len(values), _points(at, values))


def _mended(trace: Trace, values: np.ndarray, floor: float) -> np.ndarray:
    if trace.diverged_at is None:
        return _carried(values)
    return np.minimum(np.where(np.isfinite(values), values, floor), floor)


def _carried(values: np.ndarray) -> np.ndarray:
    """A run that stopped at its target keeps its last cost; else only slow runs would be averaged."""
    measured = np.flatnonzero(np.isfinite(values))
    if not len(measured) or measured[-1] == len(values) - 1:
        return values
    return np.where(np.arange(len(values)) > measured[-1], values[measured[-1]], values)


def _points(at: np.ndarray, values: np.ndarray, *, positive: bool = False) -> tuple[Point, ...]:
    """Percentiles over rows, per column; columns without a finite value are left out."""
    points: list[Point] = []
    for iteration, column in zip(at, values.T, strict=True):
        known = column[np.isfinite(column)]
        if len(known) == 0:
            continue
        low, mid, high = (significant(float(q)) for q in np.percentile(known, [BAND[0], 50.0, BAND[1]]))
        if positive and mid <= 0:
            continue
        points.append(Point(int(iteration), None if positive and low <= 0 else low, mid, high))
    return tuple(points)


def arrival(arm: str, runs: Sequence[Trace], metric: str, target: float, budget: int) -> Steps | None:
    """The share of an arm's runs that have reached the target, as steps; None without runs."""
    if not runs:
        return None
    times, reached = arrivals(runs, metric, target)
    at, share = arrival_curve(restricted(times, budget), reached)
    points = [(significant(float(t), 6), significant(float(s))) for t, s in zip(at, share, strict=True)]
    if points[0][0] > 0:
        points.insert(0, (0.0, 0.0))
    if points[-1][0] < budget:
        points.append((float(budget), points[-1][1]))
    return Steps(arm, len(runs), int(reached.sum()), tuple(points))


def arrivals(runs: Sequence[Trace], metric: str, target: float) -> tuple[np.ndarray, np.ndarray]:
    """(iterations to the target, whether it was reached) of each run, each of shape (runs,).

    Times are infinite where the target was not reached. A run that diverged never reaches, whatever it
    touched before.
    """
    times, reached = np.full(len(runs), np.inf), np.zeros(len(runs), dtype=bool)
    for k, trace in enumerate(runs):
        at, cost = metric_curve(trace, metric)
        if trace.diverged_at is None:
            times[k], reached[k] = arrival_times(at, cost, target)
    return times, reached


def drawn_sites(sites: Sequence[SiteFact]) -> tuple[int, ...]:
    """Which sites are drawn: all, or `MOST_SITES` of them evenly spread, the first and last among them.

    Example:
        >>> drawn_sites([SiteFact(str(i), 4, 4, "relu") for i in range(11)])
        (0, 2, 4, 6, 8, 10)
    """
    if len(sites) <= MOST_SITES:
        return tuple(range(len(sites)))
    spots = [round(k * (len(sites) - 1) / (MOST_SITES - 1)) for k in range(MOST_SITES)]
    return tuple(sorted(set(spots)))


def reading_band(arm: str, runs: Sequence[Trace], reading: str, site: int, *, log: bool) -> Band | None:
    """One reading at one site over the run: median and band over seeds; None where it does not apply.

    Args:
        arm: The arm.
        runs: Its runs.
        reading: One of `READING_NAMES`.
        site: Index of the site.
        log: Whether it goes on a logarithmic axis, on which 0 has no place.
    """
    if not runs:
        return None
    at = max((t.reading_at for t in runs), key=len)
    rows = [
        reading_values(t, reading)[:, site]
        for t in runs
        if len(t.reading_at) == len(at) and bool(np.all(t.reading_at == at))
    ]
    points = _points(at, np.array(rows), positive=log)
    return Band(arm, len(rows), points) if points else None


def main_runs(plan: Plan, table: RunTable, arm: str) -> list[Trace]:
    """The confirm runs of an arm that did not fail, in the order of the plan's seeds: one a seed.

    Where claims about different outcomes gave it several rates at a seed, those of the first claim about it.
    """
    return list(confirm_runs(plan, table, arm).values())
