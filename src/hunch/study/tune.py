"""`tune`: how much of a knob, from a dose-response curve whose statements are about tested doses alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from torch import nn

from hunch.engine import CostFunction
from hunch.plan import Arm, read_doses, read_knobs
from hunch.results import DoseResponse
from hunch.study.dose_study import check_outcome, study_doses
from hunch.study.dosing import make_curve


def tune(
    build: Callable[[], nn.Module],
    data: Any,
    *,
    knob: str | Sequence[str],
    doses: Sequence[Any] | None = None,
    arm: Arm | None = None,
    outcome: str = "cost",
    default: Any = None,
    margin: float | None = None,
    cost: str | CostFunction = "auto",
    y: str | None = None,
    missing: str = "error",
    budget: int | None = None,
    target: float | None = None,
    seeds: Sequence[int] | int = 20,
    fresh: int = 10,
    seed: int = 0,
    alpha: float = 0.05,
    tuning: str = "auto",
    device: str | None = None,
    engine: str = "auto",
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> DoseResponse:
    """Find out how much of a knob is good, which doses are near enough to the best, and whether your default is.

    Every dose is trained on the same seeds. A dose is *certified near-optimal* where it is shown to lose no more
    than the margin against any other tested dose, *excluded as best* where another is shown to be better. Nothing is
    pruned on the way, and nothing is read off a smooth curve. The best dose is at last compared with the default on
    fresh seeds, because the lowest of many means flatters.

    Args:
        build: As for `compare`.
        data: As for `compare`.
        knob: `"keep_prob"` (of all hidden layers), `"keep_prob at 0"` (of the site 0 alone), `"l2"`,
            `"weight_decay"`, `"lr"`, `"init_std"`; or two of them, for a grid.
        doses: The doses; for two knobs one list each. They are never extended. None: a usual grid, which is
            extended once, if the best mean lies at an end of it; never past keep 1 or λ 0.
        arm: What all doses have otherwise, for instance `Arm("bn", norm="batch")`. Its own value of the knob is
            the default dose.
        outcome: `"cost"` or `"error"` (both held out, at the end), or `"iterations"` to the target.
        default: The dose that you have so far. None: what arm and network have.
        margin: The largest loss against the best that does not matter: a ratio above 1 for iterations, else in the
            outcome's own unit. None: as for `compare`'s claims.
        cost: As for `compare`.
        y: Target column, for frames and tables.
        missing: What to do with missing values.
        budget: Most iterations of a run. None: found by the pilot.
        target: Cost to reach, for `outcome="iterations"`. None: found by the pilot.
        seeds: Number of seeds at every dose, or a list of run seeds.
        fresh: Number of further seeds on which the best dose and the default are compared; 0: none.
        seed: The study seed.
        alpha: Of each promise; see `hunch.stats.dose_curve`.
        tuning: Of learning rates. `"replicated"`: anew for every dose and seed, so that doses are compared at
            their best. `"shared"`: one rate for all doses, the best on average over them in the pilot. `"once"`: one
            for each dose, from the pilot; the luck of it counts as a difference between doses. `"auto"`:
            `"replicated"` where a fast engine serves, else `"shared"`. An arm with a given `lr` is never tuned.
        device: None or `"cpu"`.
        engine: `"auto"`, or the name of an engine.
        store: Path of the study file. The same call with the same path resumes.
        progress: Whether to show progress on stderr.

    Returns:
        The dose-response curve: `print` shows what is certified, `.frame()` the runs, `.report("page.html")` a
        page.

    Raises:
        PlanError, DataError, NetworkError, PlacementError, UnsupportedError: If something does not fit; nothing is
            written then.
        StoreError: If the study file cannot be used.

    Example:
        >>> import hunch
        >>> found = hunch.tune(hunch.mlp([64, 12, 10]), "digits", knob="l2", doses=[0, 0.01, 1],
        ...                    arm=hunch.Arm("base", lr=0.3), budget=60, seeds=6, fresh=0, progress=False)
        >>> [(dose.value, dose.status) for dose in found.doses][-1]
        ((1.0,), 'excluded as best')
    """
    check_outcome(outcome, ("cost", "error", "iterations"))
    knobs = read_knobs(knob)
    given = read_doses(knobs, doses)
    made = study_doses(
        build,
        data,
        lambda network, inputs: [make_curve(knobs, given, arm, network, default, inputs=inputs)],
        outcome=outcome,
        asks="near_optimal",
        margin=margin,
        cost=cost,
        y=y,
        missing=missing,
        budget=budget,
        target=target,
        seeds=seeds,
        fresh=fresh,
        seed=seed,
        alpha=alpha,
        tuning=tuning,
        device=device,
        engine=engine,
        store=store,
        progress=progress,
    )
    return DoseResponse(*made, path=store)
