"""What the pilot fixes before the first confirm run: target, budget and learning rates.

All rules look at every arm in the same way, so renaming or reordering the arms changes nothing. They see
pilot curves only; no verdict uses those runs again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

REACH_SHARE = 0.8  # of the pilot runs of an arm
LEAST_GAIN = 0.05  # of c0: less is no learning


def value_reached(
    at: npt.ArrayLike, cost: npt.ArrayLike, *, by: float | None = None, share: float = REACH_SHARE
) -> float:
    """The lowest cost that at least a share of the runs reach, for two evaluations in a row.

    Args:
        at: Iterations of the evaluations, (G,).
        cost: Costs, (runs, G); what is NaN was not reached.
        by: Latest iteration of the first of the two evaluations; None: anywhere in the run.
        share: Share of the runs.

    Returns:
        The cost; infinite if too few runs have one.

    Example:
        >>> value_reached([0, 2, 4], [[3.0, 2.0, 1.0], [3.0, 1.5, 1.0]], share=0.5)
        1.5
    """
    grid, costs = np.asarray(at, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    held = np.maximum(costs[:, :-1], costs[:, 1:])  # NaN where either is
    held = held[:, grid[:-1] <= (np.inf if by is None else by)]
    if held.size == 0:
        return float("inf")
    best = np.sort(np.where(np.isnan(held), np.inf, held).min(axis=1))
    return float(best[max(0, math.ceil(share * len(best) - 1e-9) - 1)])


def learned(values: Mapping[str, float], c0: float) -> dict[str, bool]:
    """Which arms have learned, given the cost that 80 % of the runs of each arm reach.

    An arm has learned if its value is at most c0 - ½·(c0 - best arm's value): half as far below the cost of a
    constant prediction as the best arm. If even the best arm is less than 5 % of c0 below c0, none has.

    Args:
        values: Arm → value, infinite or NaN for an arm that reached nothing.
        c0: Cost of predicting the class frequencies (regression: the mean).

    Example:
        >>> learned({"none": 2.2, "before": 0.1, "after": 1.0}, 2.3)
        {'none': False, 'before': True, 'after': True}
    """
    best = min((v for v in values.values() if not math.isnan(v)), default=math.inf)
    if not best <= c0 - LEAST_GAIN * c0:
        return dict.fromkeys(values, False)
    return {arm: value <= c0 - 0.5 * (c0 - best) for arm, value in values.items()}


def arms_that_learned(
    curves: Mapping[str, npt.ArrayLike], at: npt.ArrayLike, budget: float, c0: float
) -> tuple[str, ...]:
    """The arms that have learned by half the budget, in the order given.

    Half the budget, because that is where the target is taken: an arm that is still at chance there would
    drag the target to chance, where every other arm arrives at once. Such an arm stays in the study.

    Args:
        curves: Arm → pilot costs, (runs, G).
        at: Iterations of the evaluations, (G,).
        budget: Iterations of a run.
        c0: Cost of predicting the class frequencies (regression: the mean).
    """
    has_learned = learned(_values_by_half(curves, at, budget), c0)
    return tuple(arm for arm in curves if has_learned[arm])


def choose_target(
    curves: Mapping[str, npt.ArrayLike], at: npt.ArrayLike, budget: float, c0: float
) -> float | None:
    """The hardest cost that every arm that has learned reaches by half the budget in 80 % of its runs.

    Rounded upward to three significant digits, so that the arm that sets it still reaches it. Because only
    arms that have learned count, it lies at least half as far below c0 as the best arm's cost.

    Args:
        curves: Arm → pilot costs, (runs, G).
        at: Iterations of the evaluations, (G,).
        budget: Iterations of a run.
        c0: Cost of predicting the class frequencies (regression: the mean).

    Returns:
        The target; None if no arm has learned.

    Example:
        >>> falling = [[2.3, 1.2, 0.8, 0.4, 0.2, 0.1]] * 5
        >>> choose_target({"before": falling}, [0, 2, 4, 6, 8, 10], 10, 2.3)
        0.8
    """
    values = _values_by_half(curves, at, budget)
    has_learned = learned(values, c0)
    hardest = [value for arm, value in values.items() if has_learned[arm]]
    return round_up(max(hardest)) if hardest else None


def second_half_gain(at: npt.ArrayLike, cost: npt.ArrayLike, c0: float) -> float:
    """How much an arm gains in the second half of its budget, as a share of c0.

    The difference between the best mean cost up to half the budget and the best mean cost of the whole run.
    Runs that diverged count as c0, like costs above c0. The budget is doubled until the best arm gains under
    0.05.

    Args:
        at: Iterations of the evaluations, the last one the budget, (G,).
        cost: Costs, (runs, G).
        c0: Cost of predicting the class frequencies (regression: the mean).

    Returns:
        The gain, at least 0.

    Example:
        >>> second_half_gain([0, 5, 10], [[2.0, 1.0, 0.5]], 2.0)
        0.25
    """
    grid, costs = np.asarray(at, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    if costs.size == 0 or not c0 > 0:
        return 0.0
    mean = np.minimum(np.where(np.isnan(costs), c0, costs), c0).mean(axis=0)
    return float((mean[grid <= grid[-1] / 2].min() - mean.min()) / c0)


@dataclass(frozen=True, slots=True)
class RateChoice:
    """The learning rate that an arm gets.

    Args:
        index: Its position in the rates that were tried.
        edge: `"low"` or `"high"` if it is the smallest or largest rate tried (a better one may lie outside);
            `""` if it is neither, or only one was tried.
    """

    index: int
    edge: str


def choose_rate(rates: npt.ArrayLike, outcome: npt.ArrayLike, final_cost: npt.ArrayLike) -> RateChoice:
    """The rate with the lowest mean outcome; ties go to the lower mean final cost, then to the smaller rate.

    Args:
        rates: The learning rates tried, (R,), in any order.
        outcome: What is to be low, (R, seeds): log min(T, budget), or a cost. Infinite or NaN where a run
            diverged; one such run rules the rate out, as long as another rate has none.
        final_cost: Cost at the end of the run, (R, seeds).

    Example:
        >>> choose_rate([0.1, 0.3, 1.0], [[5.0], [4.0], [4.0]], [[0.2], [0.1], [0.3]])
        RateChoice(index=1, edge='')
    """
    rate = np.asarray(rates, dtype=np.float64)
    order = sorted(
        range(len(rate)),
        key=lambda k: (_mean(outcome, k), _mean(final_cost, k), float(rate[k])),
    )
    best = order[0]
    edge = ""
    if len(np.unique(rate)) > 1:
        edge = "low" if rate[best] == rate.min() else "high" if rate[best] == rate.max() else ""
    return RateChoice(best, edge)


def round_up(value: float, digits: int = 3) -> float:
    """The smallest number of that many significant digits that is not below the value.

    Example:
        >>> round_up(0.24101), round_up(0.25), round_up(0.9999)
        (0.242, 0.25, 1.0)
    """
    exact = Decimal(repr(float(value)))
    if not exact.is_finite() or exact == 0:
        return float(value)
    step = Decimal(1).scaleb(exact.adjusted() - digits + 1)
    return float(exact.quantize(step, rounding=ROUND_CEILING))


def _values_by_half(
    curves: Mapping[str, npt.ArrayLike], at: npt.ArrayLike, budget: float
) -> dict[str, float]:
    return {arm: value_reached(at, cost, by=budget / 2) for arm, cost in curves.items()}


def _mean(values: npt.ArrayLike, index: int) -> float:
    """Mean of one row, rounded so that equal means stay ties; infinite if anything in it is not finite."""
    row = np.asarray(values, dtype=np.float64)[index]
    if row.size == 0 or not np.isfinite(row).all():
        return math.inf
    return float(f"{row.mean():.12g}")
