"""`tunability`: which of two knobs is easier to tune, on one network or on several side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from torch import nn

from hunch.engine import CostFunction
from hunch.errors import PlanError
from hunch.plan import Arm, read_doses, read_knobs
from hunch.results import Tunability, TunabilityPart
from hunch.study.dose_study import check_outcome, study_doses
from hunch.study.dosing import make_curve


def tunability(
    build: Callable[[], nn.Module] | Mapping[str, Callable[[], nn.Module]],
    data: Any,
    *,
    knobs: Sequence[str] = ("keep_prob", "l2"),
    doses: Sequence[Any] | None = None,
    arm: Arm | None = None,
    outcome: str = "cost",
    margin: float | None = None,
    cost: str | CostFunction = "auto",
    y: str | None = None,
    missing: str = "error",
    budget: int | None = None,
    target: float | None = None,
    seeds: Sequence[int] | int = 20,
    seed: int = 0,
    alpha: float = 0.05,
    tuning: str = "auto",
    device: str | None = None,
    engine: str = "auto",
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Tunability:
    """Compare two knobs: how far each moves the outcome, how often a draw is near-optimal, which one tunes finer.

    Every dose of both knobs is trained on the same seeds. "Finer" is asked where both knobs span the same outcomes:
    there the one with less noise has more levels that the same seeds tell apart. It is no property of the knob
    alone: it depends on network, data, outcome, declared range and seeds.

    Args:
        build: As for `compare`; or a mapping from a name to such a function, for several networks side by side.
        data: As for `compare`.
        knobs: Two knobs of `tune`.
        doses: One list of doses for each knob. None: the usual grids, not extended.
        arm: What all runs have otherwise.
        outcome: As for `tune`.
        margin: As for `tune`: the largest loss against the best that does not matter.
        cost: As for `compare`.
        y: Target column, for frames and tables.
        missing: What to do with missing values.
        budget: Most iterations of a run. None: found by each network's pilot.
        target: Cost to reach, for `outcome="iterations"`.
        seeds: Number of seeds, or a list of run seeds; ten at least to compare the knobs.
        seed: The study seed.
        alpha: Of each promise.
        tuning: As for `tune`.
        device: None or `"cpu"`.
        engine: `"auto"`, or the name of an engine.
        store: Path of the study file; for several networks a folder, in which each has a file. The same call resumes.
        progress: Whether to show progress on stderr.

    Returns:
        The comparison: `print` says it, `.frame()` has a row a network and knob.

    Raises:
        PlanError, DataError, NetworkError, PlacementError, UnsupportedError: If something does not fit.
        StoreError: If a study file cannot be used.

    Example:
        >>> import hunch
        >>> found = hunch.tunability({"6 units": hunch.mlp([64, 6, 10])}, "digits",
        ...                          doses=[[0.5, 0.8, 1], [0, 0.01, 0.1]], arm=hunch.Arm("base", lr=0.3),
        ...                          budget=60, seeds=5, progress=False)
        >>> found.frame()["knob"].tolist()
        ['keep_prob', 'l2']
    """
    check_outcome(outcome, ("cost", "error", "iterations"))
    named = read_knobs(list(knobs))
    if len(named) != 2:
        raise PlanError(
            f"knobs must be two, got {', '.join(named)}. Write knobs=['keep_prob', 'l2'].", "plan-knob"
        )
    given = read_doses(named, doses)
    builds = _builds(build)
    parts: dict[str, TunabilityPart] = {}
    for name, each in builds.items():
        path = store if store is None or not isinstance(build, Mapping) else _file(store, name)
        made = study_doses(
            each,
            data,
            lambda network, inputs: [
                make_curve(
                    (knob,), None if given is None else [given[k]], arm, network, extends=False, inputs=inputs
                )
                for k, knob in enumerate(named)
            ],
            outcome=outcome,
            asks="tunability",
            margin=margin,
            cost=cost,
            y=y,
            missing=missing,
            budget=budget,
            target=target,
            seeds=seeds,
            fresh=0,
            seed=seed,
            alpha=alpha,
            tuning=tuning,
            device=device,
            engine=engine,
            store=path,
            progress=progress,
        )
        parts[name] = TunabilityPart(*made)
    return Tunability(parts)


def _builds(build: Any) -> dict[str, Callable[[], nn.Module]]:
    if not isinstance(build, Mapping):
        return {"": build}
    if not build or not all(isinstance(name, str) and name.strip() for name in build):
        raise PlanError(
            f"build must be a function, or a mapping from names to functions, got {build!r}. Write "
            "{'12 units': hunch.mlp([64, 12, 10])}.",
            "plan-tunability-builds",
        )
    return dict(build)


def _file(store: str | PathLike[str], name: str) -> Path:
    """The study file of one network in a folder, which is made."""
    folder = Path(store)
    folder.mkdir(parents=True, exist_ok=True)
    safe = "".join(c if c.isalnum() or c in "-._" else "-" for c in name)
    return folder / f"{safe}.hunch"
