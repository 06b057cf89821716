"""Runs as pandas frames: one row a run, an evaluation, a reading.

Pandas is loaded when a frame is asked for, so that a study prints without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hunch.errors import PlanError
from hunch.evidence import confirm_runs
from hunch.plan import CONFIRM, PILOT, READING_NAMES, TRAIN, TUNE, TUNE_HELD, Plan
from hunch.stats import arrival_times
from hunch.traces import RunKey, RunTable, Trace, metric_curve

if TYPE_CHECKING:
    import pandas as pd

STAGES = (PILOT, TUNE, TUNE_HELD, CONFIRM, TRAIN)
ALL = "all"
RUN_COLUMNS = (
    "arm", "seed", "lr", "outcome", "iterations", "cost", "held_out_cost", "held_out_error", "wall_s",
)  # fmt: skip
METRICS = {"train": ("cost",), "held_out": ("held_out_cost", "held_out_error")}


def chosen_traces(plan: Plan, table: RunTable, stage: str, arm: str | None = None) -> list[Trace]:
    """The runs of a stage, failed ones too: stages as they are made, arms and seeds in the plan's order.

    Args:
        plan: The plan.
        table: The runs.
        stage: `"pilot"`, `"tune"`, `"tune_held"`, `"confirm"`, `"train"` or `"all"`.
        arm: One arm; None: all.

    Raises:
        PlanError: If there is no such stage or arm.
    """
    if stage not in (*STAGES, ALL):
        raise PlanError(
            f"stage must be one of {', '.join(STAGES)} or all, got {stage!r}. The runs that verdicts rest "
            'on are "confirm".',
            "results-stage",
        )
    if arm is not None:
        plan.arm(arm)
    arms = {a.name: k for k, a in enumerate(plan.arms)}
    seeds = {seed: k for k, seed in enumerate((*plan.pilot_seeds, *plan.seeds))}

    def place(trace: Trace) -> tuple[float, ...]:
        key = trace.key
        order = (STAGES.index(key.stage), arms.get(key.arm, len(arms)), key.budget)
        seed = (seeds.get(key.seed, len(seeds)), key.seed)
        return (*order, key.lr, *seed) if key.stage == PILOT else (*order, *seed, key.lr)

    wanted = (t for t in table if stage in (ALL, t.key.stage) and arm in (None, t.key.arm))
    return sorted(wanted, key=place)


def run_outcome(trace: Trace, plan: Plan) -> tuple[str, float | None]:
    """(outcome, iterations to the plan's target); iterations are None unless it was reached.

    The outcome is `failed`, `diverged`, `reached` or `budget_exhausted`. A run that reached the target and
    diverged later counts as diverged, as it does for verdicts.
    """
    if trace.failed is not None:
        return "failed", None
    if trace.diverged_at is not None:
        return "diverged", None
    if plan.target is not None:
        times, reached = arrival_times(*metric_curve(trace, plan.metric), plan.target)
        if bool(reached):
            return "reached", float(times)
    return "budget_exhausted", None


def run_frame(plan: Plan, table: RunTable, stage: str) -> pd.DataFrame:
    """One row a run: `RUN_COLUMNS`, and first `stage` if all stages are asked for."""
    import pandas as pd

    traces = chosen_traces(plan, table, stage)
    outcomes = [run_outcome(t, plan) for t in traces]
    frame = pd.DataFrame(
        {
            "stage": _objects([t.key.stage for t in traces]),
            "arm": _objects([t.key.arm for t in traces]),
            "seed": np.array([t.key.seed for t in traces], dtype=np.int64),
            "lr": np.array([t.key.lr for t in traces], dtype=np.float64),
            "outcome": _objects([word for word, _ in outcomes]),
            "iterations": pd.array([time for _, time in outcomes], dtype="Float64"),
            "cost": np.array([_last(t, t.cost) for t in traces], dtype=np.float64),
            "held_out_cost": np.array([_last(t, t.held_cost) for t in traces], dtype=np.float64),
            "held_out_error": np.array([_last(t, t.held_error) for t in traces], dtype=np.float64),
            "wall_s": np.array([t.wall_s for t in traces], dtype=np.float64),
        }
    )
    confirm = frame.loc[frame["stage"] == CONFIRM]
    # Claims about different outcomes may have tuned an arm differently: then a seed has several runs of it.
    if confirm.duplicated(subset=["arm", "seed"]).any():
        tuned_for = _tuned_for(plan, table)
        frame.insert(4, "tuned_for", _objects([tuned_for.get(t.key, "") for t in traces]))
    return frame if stage == ALL else frame.drop(columns="stage")


def _tuned_for(plan: Plan, table: RunTable) -> dict[RunKey, str]:
    """Confirm run → the outcomes of the claims that rest on it."""
    outcomes: dict[RunKey, dict[str, None]] = {}
    for claim in plan.claims:
        for arm in claim.arms:
            for trace in confirm_runs(plan, table, arm, claim).values():
                outcomes.setdefault(trace.key, {})[claim.outcome] = None
    return {key: ", ".join(found) for key, found in outcomes.items()}


def curve_frame(
    plan: Plan, table: RunTable, stage: str, arm: str | None = None, metric: str | None = None
) -> pd.DataFrame:
    """One row an evaluation; what was not measured there is NaN, or left out if one metric is asked for.

    Args:
        plan: The plan.
        table: The runs.
        stage: Which runs.
        arm: One arm; None: all.
        metric: `"train"`: costs on the training slice alone; `"held_out"`: held-out cost and error alone;
            None: all three.

    Raises:
        PlanError: If there is no such stage, arm or metric.
    """
    if metric is not None and metric not in METRICS:
        raise PlanError(
            f"metric must be one of {', '.join(METRICS)}, or None for both, got {metric!r}.", "results-metric"
        )
    traces = [t for t in chosen_traces(plan, table, stage, arm) if t.failed is None]
    names = [name for m in METRICS for name in METRICS[m] if metric in (None, m)]
    grids = [_grid(t, metric) for t in traces]
    columns = {name: [_on_grid(t, name, at) for t, at in zip(traces, grids, strict=True)] for name in names}
    lengths = [len(at) for at in grids]
    return _long(
        _keys(traces, lengths, stage)
        | {"iteration": _joined(grids, np.int64)}
        | {name: _joined(parts, np.float64) for name, parts in columns.items()}
    )


def reading_frame(plan: Plan, table: RunTable, stage: str, arm: str | None = None) -> pd.DataFrame:
    """One row a reading; where a reading does not apply (or the run had diverged) there is no row."""
    traces = [t for t in chosen_traces(plan, table, stage, arm) if t.failed is None]
    sites = _objects([site.name for site in table.facts.sites])
    kinds = _objects(list(READING_NAMES))
    # By site, then step, then reading: that is how one reads a table of them.
    where = [np.nonzero(~np.isnan(t.readings.transpose(2, 0, 1))) for t in traces]
    lengths = [len(site) for site, _, _ in where]
    return _long(
        _keys(traces, lengths, stage)
        | {
            "site": _joined([sites[s] for s, _, _ in where], object),
            "step": _joined([t.reading_at[r] for t, (_, r, _) in zip(traces, where, strict=True)], np.int64),
            "reading": _joined([kinds[k] for _, _, k in where], object),
            "value": _joined(
                [t.readings[r, k, s] for t, (s, r, k) in zip(traces, where, strict=True)], np.float64
            ),
        }
    )


def _keys(traces: Sequence[Trace], lengths: Sequence[int], stage: str) -> dict[str, np.ndarray]:
    """Which run a row belongs to: arm and seed; the rate too where an arm runs at several at one seed."""
    keys: dict[str, np.ndarray] = {}
    if stage == ALL:
        keys["stage"] = np.repeat(_objects([t.key.stage for t in traces]), lengths)
    keys["arm"] = np.repeat(_objects([t.key.arm for t in traces]), lengths)
    keys["seed"] = np.repeat(np.array([t.key.seed for t in traces], dtype=np.int64), lengths)
    is_unique = len({(t.key.arm, t.key.seed) for t in traces}) == len(traces)
    if stage not in (CONFIRM, TRAIN) or not is_unique:
        keys["lr"] = np.repeat(np.array([t.key.lr for t in traces], dtype=np.float64), lengths)
    return keys


def _grid(trace: Trace, metric: str | None) -> np.ndarray:
    if metric is not None:
        return trace.held_at if metric == "held_out" else trace.eval_at
    return np.union1d(trace.eval_at, trace.held_at)


def _on_grid(trace: Trace, name: str, grid: np.ndarray) -> np.ndarray:
    at, values = {
        "cost": (trace.eval_at, trace.cost),
        "held_out_cost": (trace.held_at, trace.held_cost),
        "held_out_error": (trace.held_at, trace.held_error),
    }[name]
    column = np.full(len(grid), np.nan)
    column[np.searchsorted(grid, at)] = values
    return column


def _long(columns: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns)


def _joined(parts: Sequence[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if len(parts) else np.empty(0, dtype)


def _objects(values: Sequence[object]) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _last(trace: Trace, values: np.ndarray) -> float:
    """What was measured last: NaN if the run diverged; what it stopped at, if it stopped at its target."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) and trace.diverged_at is None else float("nan")
