"""All runs of a study, addressable: the input of every statistic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from hunch.plan import DERIVED, READING_NAMES, Plan
from hunch.traces.records import RunKey, StudyFacts, Trace


class RunTable:
    """The runs of one study, in the order of their keys whatever order they finished in.

    Args:
        facts: Facts of the study.
        traces: The runs.
    """

    def __init__(self, facts: StudyFacts, traces: Iterable[Trace]) -> None:
        """Sort by key, so that the same runs always give the same table."""
        self.facts = facts
        self._by_key = {t.key: t for t in sorted(traces, key=lambda t: t.key)}

    def __len__(self) -> int:
        """Number of runs."""
        return len(self._by_key)

    def __iter__(self) -> Iterator[Trace]:
        """The runs, sorted by key."""
        return iter(self._by_key.values())

    def __contains__(self, key: RunKey) -> bool:
        """Whether that run is there."""
        return key in self._by_key

    def get(self, key: RunKey) -> Trace | None:
        """That run, or None."""
        return self._by_key.get(key)

    def select(
        self,
        stage: str,
        arm: str | None = None,
        *,
        lr: float | None = None,
        budget: int | None = None,
    ) -> list[Trace]:
        """The runs of a stage (of an arm, a rate, a budget) that did not fail, by arm and seed."""
        return [
            t
            for t in self
            if t.key.stage == stage
            and (arm is None or t.key.arm == arm)
            and (lr is None or t.key.lr == lr)
            and (budget is None or t.key.budget == budget)
            and t.failed is None
        ]

    def confirm(self, plan: Plan, arm: str) -> dict[int, Trace]:
        """Seed → confirm run of that arm, for the plan's seeds in their order; missing seeds are left out.

        Where an arm has several at a seed, because claims tuned it differently, the one of the highest rate:
        `hunch.evidence.confirm_runs` gives those of a claim.
        """
        found = {t.key.seed: t for t in self.select("confirm", arm)}
        return {s: found[s] for s in plan.seeds if s in found}


def metric_curve(trace: Trace, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """(iterations, cost) of the curve that targets are about: `"train"` or `"held_out"`."""
    if metric == "held_out":
        return trace.held_at, trace.held_cost
    return trace.eval_at, trace.cost


def reading_values(trace: Trace, reading: str) -> np.ndarray:
    """A reading at every step and site at which readings were taken.

    `gradient_growth` is derived: the natural log of how many times the gradient of a layer's weights is as long as
    that of the next layer's. It says what a gradient gains per layer on its way back; its mean over sites is the log
    of first over last, divided by the number of layers between them. Layers of different shapes have gradients of
    different lengths; between arms of one network that cancels.

    Args:
        trace: The run.
        reading: One of `READING_NAMES`.

    Returns:
        float64 (R, S): NaN where the reading does not apply, or was not taken in this run.

    Example:
        >>> import numpy as np
        >>> from hunch.traces import RunKey, Trace
        >>> at, none = np.array([1]), np.empty(0)
        >>> read = np.full((1, 10, 3), np.nan); read[0, 6] = 4.0, 2.0, 1.0
        >>> key = RunKey("confirm", "a", 0, 0.1, 1)
        >>> trace = Trace(key, none, none, none, none, none, at, read)
        >>> reading_values(trace, "gradient_growth").round(3).tolist()
        [[0.693, 0.693, nan]]
    """
    if reading in DERIVED:
        norms = reading_values(trace, "gradient_norm")
        values = np.full_like(norms, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, :-1] = np.log(norms[:, :-1]) - np.log(norms[:, 1:])
        values[~np.isfinite(values)] = np.nan
        return values
    k = READING_NAMES.index(reading)
    if k >= trace.readings.shape[1]:
        return np.full((trace.readings.shape[0], trace.readings.shape[2]), np.nan)
    return trace.readings[:, k, :].astype(np.float64)


def reading_mean(trace: Trace, reading: str, site: int | None = None) -> float:
    """Mean of a reading over the run, each stretch between two readings weighted by its iterations.

    Sites at which it does not apply are left out; NaN if there are none.

    Args:
        trace: The run.
        reading: One of `READING_NAMES`.
        site: Index of one site; None: the mean over sites.
    """
    values = reading_values(trace, reading)
    if site is not None:
        values = values[:, site : site + 1]
    applies = ~np.all(np.isnan(values), axis=0)
    if not applies.any():
        return float("nan")
    per_step = values[:, applies].mean(axis=1)
    known = ~np.isnan(per_step)
    if not known.any():
        return float("nan")
    at, per_step = trace.reading_at[known].astype(np.float64), per_step[known]
    if len(at) == 1:
        return float(per_step[0])
    return float(np.trapezoid(per_step, at) / (at[-1] - at[0]))
