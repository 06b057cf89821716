"""A difference of known size, planted into one arm's runs: whoever finds nothing must show that he could.

Nothing is trained for it. For iterations the arm's clock is slowed: after t iterations it stands where the run
itself stood after t / ratio, so that it needs exactly ratio times as many iterations to every cost. For costs
and errors the arm's values are raised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from hunch.plan import CONFIRM
from hunch.traces import RunTable, Trace

PLANTED_RATIO = 2.0
PLANTED_MARGINS = 4.0


@dataclass(frozen=True, slots=True)
class Planted:
    """What is planted.

    Args:
        outcome: `"iterations"`, `"cost"` or `"held_out_error"`.
        size: How many times as many iterations the handicapped arm needs; for a cost or an error how much is
            added, in the outcome's own unit.
    """

    outcome: str
    size: float

    @classmethod
    def for_margin(cls, outcome: str, margin: float) -> Planted:
        """What is planted where the user does not say: twice the iterations, else four margins.

        Args:
            outcome: The outcome.
            margin: The claim's margin, in the outcome's unit.

        Example:
            >>> Planted.for_margin("held_out_error", 0.005)
            Planted(outcome='held_out_error', size=0.02)
        """
        return cls(outcome, PLANTED_RATIO if outcome == "iterations" else PLANTED_MARGINS * margin)


def plant(table: RunTable, arm: str, planted: Planted) -> RunTable:
    """The table with one arm handicapped in its confirm runs; its tuning runs, and so its rates, stay.

    Args:
        table: The runs of a study.
        arm: Name of the arm.
        planted: What is planted.
    """
    is_slower = planted.outcome == "iterations"

    def handicapped(trace: Trace) -> Trace:
        if trace.key.stage != CONFIRM or trace.key.arm != arm:
            return trace
        return _slowed(trace, planted.size) if is_slower else _raised(trace, planted)

    return RunTable(table.facts, [handicapped(trace) for trace in table])


def _slowed(trace: Trace, ratio: float) -> Trace:
    at, held_at = trace.eval_at.astype(np.float64), trace.held_at.astype(np.float64)
    diverged = trace.diverged_at
    if diverged is not None:
        later = math.ceil(diverged * ratio)
        diverged = later if later <= trace.key.budget else None
    return replace(
        trace,
        cost=np.interp(at / ratio, at, trace.cost),
        held_cost=np.interp(held_at / ratio, held_at, trace.held_cost),
        diverged_at=diverged,
    )


def _raised(trace: Trace, planted: Planted) -> Trace:
    if planted.outcome == "held_out_error":
        return replace(trace, held_error=trace.held_error + planted.size)
    return replace(trace, cost=trace.cost + planted.size, held_cost=trace.held_cost + planted.size)
