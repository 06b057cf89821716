"""`equivalent`: which doses of one knob do what a dose of another does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from torch import Tensor, nn

from hunch.engine import CostFunction
from hunch.errors import PlanError
from hunch.plan import Arm, read_doses, read_knobs
from hunch.results import Equivalence
from hunch.study.dose_study import check_outcome, study_doses
from hunch.study.dosing import Dosing, make_curve


def equivalent(
    build: Callable[[], nn.Module],
    data: Any,
    *,
    knob: str = "keep_prob",
    dose: Any,
    by: str = "l2",
    doses: Sequence[float] | None = None,
    arm: Arm | None = None,
    outcome: str = "gap",
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
) -> Equivalence:
    """Find the doses of one knob that do what a dose of another does: what a unit of dropout is worth in λ.

    Both knobs are trained on the same seeds. The answer is a set of doses, with a confidence statement: it can be
    empty, have several pieces, or go on beyond what was tested. It rests on tests at the tested doses; between two
    neighbours it takes the mean to rise only or to fall only.

    Args:
        build: As for `compare`.
        data: As for `compare`.
        knob: The knob whose dose is given: as for `tune`, one alone; `"keep_prob at input"` drops inputs.
        dose: Its dose, or several; each has its own answer and its own promise.
        by: The knob whose doses are looked for.
        doses: Its doses to be tested. None: a usual grid, its ends included from the start.
        arm: What all runs have otherwise.
        outcome: `"gap"` (held-out less training cost, at the end), `"cost"` or `"error"` (held out; U-shaped, so
            that two doses may do the same), or `"iterations"`.
        cost: As for `compare`.
        y: Target column, for frames and tables.
        missing: What to do with missing values.
        budget: Most iterations of a run. None: found by the pilot.
        target: Cost to reach, for `outcome="iterations"`.
        seeds: Number of seeds, or a list of run seeds.
        seed: The study seed.
        alpha: Of leaving out a dose that does the same.
        tuning: As for `tune`.
        device: None or `"cpu"`.
        engine: `"auto"`, or the name of an engine.
        store: Path of the study file. The same call with the same path resumes.
        progress: Whether to show progress on stderr.

    Returns:
        The answer, one for each given dose: `print` says it, `.intervals(dose)` are the sets.

    Raises:
        PlanError, DataError, NetworkError, PlacementError, UnsupportedError: If something does not fit; nothing is
            written then.
        StoreError: If the study file cannot be used.

    Example:
        >>> import hunch
        >>> found = hunch.equivalent(hunch.mlp([64, 12, 10]), "digits", dose=0.5, doses=[0, 0.01, 0.1], seeds=5,
        ...                          arm=hunch.Arm("base", lr=0.3), budget=60, progress=False)
        >>> found.given
        (0.5,)
    """
    check_outcome(outcome, ("gap", "cost", "error", "iterations"))
    knobs = (*read_knobs(knob), *read_knobs(by))
    if len(knobs) != 2 or knobs[0] == knobs[1]:
        raise PlanError(
            f"knob and by must be two different knobs, got {knob!r} and {by!r}. Write knob='keep_prob', by='l2'.",
            "plan-knob",
        )
    listed: list[Any] = list(dose) if hasattr(dose, "__iter__") and not isinstance(dose, str) else [dose]
    if not listed or not all(isinstance(d, int | float) and not isinstance(d, bool) for d in listed):
        raise PlanError(
            f"dose must be a number, or a list of numbers, got {dose!r}. Write dose=0.8.", "plan-doses"
        )
    given = read_doses(knobs[1:], doses)

    def dosings(network: nn.Module, inputs: Tensor) -> list[Dosing]:
        wanted = tuple(sorted({float(d) for d in listed}))
        first = make_curve(knobs[:1], [wanted], arm, network, extends=False, inputs=inputs)
        return [first, make_curve(knobs[1:], given, arm, network, whole=True, inputs=inputs)]

    made = study_doses(
        build,
        data,
        dosings,
        outcome=outcome,
        asks="equivalent",
        margin=None,
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
        store=store,
        progress=progress,
    )
    return Equivalence(*made, path=store)
