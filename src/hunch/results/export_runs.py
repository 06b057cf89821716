"""Runs as experiment trackers know them: parameters, metrics with steps, tags; and what was concluded of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hunch.plan import READING_NAMES, Arm, Plan
from hunch.results.frames import chosen_traces, run_outcome
from hunch.traces import Provenance, RunTable, StudyFacts, Trace

COST, HELD_COST, HELD_ERROR = "cost/train", "cost/held_out", "error/held_out"
ITERATIONS = "iterations_to_target"
FAILED = "failed"


class Holds(Protocol):
    """What a result has beside its answer."""

    @property
    def plan(self) -> Plan:
        """The plan."""
        ...

    @property
    def facts(self) -> StudyFacts:
        """Facts of network and data."""
        ...

    @property
    def provenance(self) -> Provenance:
        """Where and when."""
        ...

    @property
    def table(self) -> RunTable:
        """The runs."""
        ...

    @property
    def path(self) -> Path | None:
        """The study file, if there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """One conclusion of a study.

    Args:
        arms: The arms that it is about.
        about: What was asked.
        word: The verdict word.
        text: The sentence.
    """

    arms: tuple[str, ...]
    about: str
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one run, what is not finite left out.

    Args:
        name: For instance `"cost/train"`, or `"readings/0/slope"`.
        steps: Iterations, int64 (n,).
        values: float64 (n,).
    """

    name: str
    steps: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class ToldRun:
    """One run.

    Args:
        name: Unlike that of any other run of the study.
        arm: Its arm.
        params: What it was trained with.
        series: Its metrics.
        outcome: `reached`, `budget_exhausted`, `diverged` or `failed`.
        iterations: Iterations to the target; None unless it was reached.
        wall_s: Seconds that it took.
    """

    name: str
    arm: str
    params: dict[str, str | int | float | bool]
    series: tuple[Series, ...]
    outcome: str
    iterations: float | None
    wall_s: float


@dataclass(frozen=True, slots=True)
class ToldStudy:
    """A study as trackers know it.

    Args:
        name: Its file's name, with the first digits of the plan's hash: the same study has the same name again.
        started: Seconds since 1970 at which it was started, by its provenance.
        tags: What holds for all runs.
        runs: The runs.
        conclusions: What was concluded.
    """

    name: str
    started: float
    tags: dict[str, str]
    runs: tuple[ToldRun, ...]
    conclusions: tuple[Told, ...]


def tell_runs(held: Holds, stage: str, conclusions: Sequence[Told]) -> ToldStudy:
    """The runs of a stage.

    Args:
        held: Plan, facts, provenance and runs.
        stage: As in `Study.frame`.
        conclusions: What was concluded.

    Raises:
        PlanError: If there is no such stage.
    """
    plan, facts = held.plan, held.facts
    stem = held.path.stem if held.path is not None else "hunch"
    tags = {
        "hunch.plan_hash": plan.hash,
        "hunch.network": facts.network,
        "hunch.data": facts.data_source,
        "hunch.engine": facts.engine,
        "hunch.target": "" if plan.target is None else f"{plan.target:g}",
    }
    runs, names = [], set()
    for trace in chosen_traces(plan, held.table, stage):
        name = run_name(trace, names)
        names.add(name)
        outcome, iterations = run_outcome(trace, plan)
        params = run_params(plan.arm(trace.key.arm), trace)
        series = () if outcome == FAILED else tuple(_series(trace, facts))
        runs.append(ToldRun(name, trace.key.arm, params, series, outcome, iterations, trace.wall_s))
    started = datetime.fromisoformat(held.provenance.started).timestamp()
    return ToldStudy(f"{stem} {plan.hash[:8]}", started, tags, tuple(runs), tuple(conclusions))


def run_name(trace: Trace, taken: set[str]) -> str:
    """A name that says which run it is: the rate is named where arm and seed do not tell."""
    key = trace.key
    name = f"{key.arm}, seed {key.seed}"
    if name in taken:
        name = f"{name}, lr {key.lr:g}"
    return name if name not in taken else f"{name}, {key.stage}, budget {key.budget}"


def run_params(arm: Arm, trace: Trace) -> dict[str, str | int | float | bool]:
    """What a run was trained with, one level deep: `keep_prob.0` for a mapping, `0.9, 0.999` for a pair."""
    params: dict[str, Any] = {}
    for name, value in arm.to_json().items():
        if isinstance(value, dict):
            params |= {f"{name}.{site}": one for site, one in value.items()}
        elif isinstance(value, list | tuple):
            params[name] = ", ".join(str(one) for one in value)
        else:
            params[name] = value
    key = trace.key
    params["arm"] = params.pop("name")
    return params | {"lr": key.lr, "seed": key.seed, "budget": key.budget, "stage": key.stage}


def _series(trace: Trace, facts: StudyFacts) -> Iterator[Series]:
    yield from _known(COST, trace.eval_at, trace.cost)
    yield from _known(HELD_COST, trace.held_at, trace.held_cost)
    yield from _known(HELD_ERROR, trace.held_at, trace.held_error)
    for s, site in enumerate(facts.sites):
        # Files of earlier versions have fewer readings, the same ones first.
        for k, reading in enumerate(READING_NAMES[: trace.readings.shape[1]]):
            yield from _known(f"readings/{site.name}/{reading}", trace.reading_at, trace.readings[:, k, s])


def _known(name: str, steps: np.ndarray, values: np.ndarray) -> Iterator[Series]:
    """The series, or nothing where no value is known."""
    is_known = np.isfinite(values)
    if is_known.any():
        yield Series(name, steps[is_known], values[is_known].astype(np.float64))
