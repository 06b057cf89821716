"""The table of runs: one run a row, as finished texts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hunch.evidence import iterations, number
from hunch.plan import Plan
from hunch.report.panels import shown
from hunch.report.series import arrivals
from hunch.traces import RunTable, Trace


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in the table of runs, as texts."""

    arm: str
    seed: str
    lr: str
    outcome: str
    iterations: str
    cost: str
    held_out_cost: str
    held_out_error: str


def run_row(plan: Plan, table: RunTable, trace: Trace) -> RunRow:
    """The row of one run."""
    percent = table.facts.error_unit == "share"
    arrived = "–"
    if trace.failed is not None:
        outcome = f"failed: {trace.failed}"
    elif trace.diverged_at is not None:
        outcome = f"diverged at {trace.diverged_at:,}"
    elif plan.target is None:
        outcome = "finished"
    else:
        times, hit = arrivals([trace], plan.metric, plan.target)
        outcome = "reached the target" if hit[0] else "budget exhausted"
        arrived = iterations(float(times[0]), trace.key.budget)
    error = last(trace, trace.held_error)
    return RunRow(
        arm=trace.key.arm,
        seed=str(trace.key.seed),
        lr=number(trace.key.lr),
        outcome=outcome,
        iterations=arrived,
        cost=_or_dash(last(trace, trace.cost)),
        held_out_cost=_or_dash(last(trace, trace.held_cost)),
        held_out_error=shown(error, percent=percent) if math.isfinite(error) else "–",
    )


def last(trace: Trace, values: np.ndarray) -> float:
    """The last value; NaN if there is none, or if the run diverged."""
    return float(values[-1]) if len(values) and trace.diverged_at is None else math.nan


def _or_dash(value: float) -> str:
    return number(value) if math.isfinite(value) else "–"
