"""`tune`: how much of a knob, from a dose-response curve whose statements are about tested doses alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from os import PathLike
from typing import Any

from torch import nn

from hunch.data import load
from hunch.engine import check_engine
from hunch.errors import PlanError
from hunch.evidence import dose_claim
from hunch.network import build_network
from hunch.plan import CONFIRM, DOSE_OUTCOMES, PILOT, Arm, Doses, read_doses, read_knobs, run_seeds
from hunch.results import DoseResponse
from hunch.study.dose_runs import train_doses
from hunch.study.dosing import make_curve
from hunch.study.setup import prepare


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
    cost: str = "auto",
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
    check_engine(engine, device)
    knobs = read_knobs(knob)
    given = read_doses(knobs, doses)
    if outcome not in ("cost", "error", "iterations"):
        raise PlanError(
            f"outcome must be cost, error (both held out) or iterations, got {outcome!r}.",
            "plan-dose-outcome",
        )
    loaded = load(data, y=y, missing=missing)
    dosing = make_curve(knobs, given, arm, build_network(build, run_seeds(seed, PILOT, 1)[0]), default)
    claim = dose_claim(DOSE_OUTCOMES[outcome], dosing.curve.arms)
    run, n_seeds = with_fresh(seeds, fresh, seed)
    prepared = prepare(
        build,
        loaded,
        engine=engine,
        device=device,
        arms=dosing.arms,
        claims=[claim if margin is None else claim.with_margin(margin)],
        base=None,
        cost=cost,
        budget=budget,
        target=target,
        seeds=run,
        max_seeds=max(len(run), 1),
        seed=seed,
        paired=True,
        alpha=alpha,
        tuning=tuning,
        metric="train",
    )
    said = prepared.said
    plan = prepared.plan
    if tuning == "auto" and plan.tuning == "once":
        plan = replace(plan, tuning="shared")
        said = (
            "All doses share one learning rate, because only the slow engine serves: tuning it anew for every dose and "
            'seed would take about eight times as long. tuning="replicated" does it nevertheless.',
        )
    plan = replace(plan, doses=Doses(DOSE_OUTCOMES[outcome], (dosing.curve,), n_seeds))
    made = train_doses(build, replace(prepared, plan=plan, said=said), store, progress=progress)
    return DoseResponse(*made, path=store)


def with_fresh(seeds: Sequence[int] | int, fresh: int, seed: int) -> tuple[list[int], int]:
    """(run seeds of the doses and then the fresh ones, how many are of the doses).

    Raises:
        PlanError: If seeds or fresh make no sense.
    """
    if isinstance(fresh, bool) or not hasattr(fresh, "__index__") or not 0 <= fresh <= 10_000:
        raise PlanError(
            f"fresh must be a number of seeds from 0 to 10,000, got {fresh!r}. The default is 10; 0 leaves the best "
            "dose unconfirmed.",
            "plan-fresh",
        )
    is_count = hasattr(seeds, "__index__") and not isinstance(seeds, bool)
    if is_count and not 2 <= int(seeds) <= 10_000:  # type: ignore[call-overload]
        raise PlanError(
            f"seeds must be from 2 to 10,000, got {seeds!r}. A curve needs at least 5 to certify anything; the "
            "default is 20.",
            "plan-seeds",
        )
    if is_count:
        n = int(seeds)  # type: ignore[call-overload]
        return list(run_seeds(seed, CONFIRM, n + int(fresh))), n
    if isinstance(seeds, str | bytes | bool) or not hasattr(seeds, "__iter__"):
        raise PlanError(
            f"seeds must be a number or a list of run seeds, got {seeds!r}. Write seeds=20.", "plan-seeds"
        )
    listed = [int(s) if hasattr(s, "__index__") else s for s in seeds]  # type: ignore[union-attr]
    taken = set(listed)
    pool = (s for s in run_seeds(seed, CONFIRM, len(listed) + int(fresh) + 1) if s not in taken)
    return [*listed, *islice(pool, int(fresh))], len(listed)
