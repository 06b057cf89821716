"""When things happen inside a run: evaluations, readings, the learning-rate schedule.

All are functions of the budget alone, so that every arm is judged at the same iterations.
"""

from __future__ import annotations

import math
from functools import lru_cache

EVALUATION_SPACING = 0.04  # neighbours are 2 iterations or 4 % apart, whichever is more
HELD_OUT_POINTS = 10
READING_POINTS = 20


@lru_cache(maxsize=256)
def evaluation_grid(budget: int) -> tuple[int, ...]:
    """Iterations at which the cost is measured: 0, 2, 4, … 50, 52, 54, … and the budget itself.

    Neighbours are 2 iterations or 4 % apart, whichever is more: about 110 points at a budget of 1,500.
    The gap before the budget, which is always the last point, may be smaller.

    Example:
        >>> evaluation_grid(9)
        (0, 2, 4, 6, 8, 9)
    """
    points = [0]
    while points[-1] < budget:
        points.append(min(budget, points[-1] + max(2, round(EVALUATION_SPACING * points[-1]))))
    return tuple(points)


@lru_cache(maxsize=256)
def held_out_grid(budget: int) -> tuple[int, ...]:
    """Ten points of the evaluation grid, evenly spread over the run, the last one the budget.

    Example:
        >>> held_out_grid(1000)[-1]
        1000
    """
    grid = evaluation_grid(budget)
    wanted = [budget * (k + 1) / HELD_OUT_POINTS for k in range(HELD_OUT_POINTS)]
    return tuple(sorted({min(grid, key=lambda g, w=w: (abs(g - w), g)) for w in wanted} - {0} | {budget}))


@lru_cache(maxsize=256)
def reading_grid(budget: int) -> tuple[int, ...]:
    """The steps (1 = first update) at which readings are taken: about 20, dense at the start.

    Example:
        >>> reading_grid(1)
        (1,)
        >>> len(reading_grid(2000)) <= 20
        True
    """
    if budget <= 1:
        return (1,)
    raw = [math.exp(math.log(budget) * k / (READING_POINTS - 1)) for k in range(READING_POINTS)]
    return tuple(sorted({max(1, min(budget, round(r))) for r in raw}))


def schedule_factors(schedule: str, budget: int) -> list[float]:
    """What the learning rate is multiplied by at each of the `budget` steps.

    `constant`: 1. `step`: ×0.1 after half and again after three quarters of the budget. `cosine`: from 1 to 0
    along half a cosine. `warmup`: linear from 0 over the first 5 % of the budget, then 1. `warmup_cosine`:
    linear over the first 5 %, then half a cosine over the rest.

    Example:
        >>> schedule_factors("step", 4)
        [1.0, 1.0, 0.1, 0.01]
    """
    if schedule == "constant":
        return [1.0] * budget
    if schedule == "step":
        return [1.0 if 2 * t < budget else 0.1 if 4 * t < 3 * budget else 0.01 for t in range(budget)]
    if schedule == "cosine":
        return [0.5 * (1 + math.cos(math.pi * t / budget)) for t in range(budget)]
    warm = max(1, math.ceil(0.05 * budget))
    ramp = [min(1.0, (t + 1) / warm) for t in range(budget)]
    if schedule == "warmup":
        return ramp
    if schedule == "warmup_cosine":
        rest = max(1, budget - warm)
        return [
            f if t < warm else 0.5 * (1 + math.cos(math.pi * (t - warm) / rest)) for t, f in enumerate(ramp)
        ]
    raise ValueError(f"unknown schedule {schedule!r}")
