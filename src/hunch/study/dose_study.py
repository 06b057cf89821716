"""What all verbs about doses have in common: the plan of a dose-response study, and its runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from os import PathLike
from typing import Any

from torch import nn

from hunch.data import load
from hunch.engine import CostFunction, check_engine
from hunch.errors import PlanError
from hunch.evidence import dose_claim
from hunch.network import build_network, first_examples
from hunch.plan import CONFIRM, DOSE_OUTCOMES, PILOT, Doses, Plan, is_number, run_seeds
from hunch.study.ask import is_one_number
from hunch.study.dose_runs import train_doses
from hunch.study.dosing import Dosing
from hunch.study.setup import check_seed, prepare
from hunch.traces import Provenance, RunTable, StudyFacts

SHARED = (
    "All doses share one learning rate, because only the slow engine serves: tuning it anew for every dose and seed "
    'would take about eight times as long. tuning="replicated" does it nevertheless.'
)


def study_doses(
    build: Callable[[], nn.Module],
    data: Any,
    dosings: Callable[[nn.Module, Any], Sequence[Dosing]],
    *,
    outcome: str,
    asks: str,
    margin: float | None,
    cost: str | CostFunction,
    y: str | None,
    missing: str,
    budget: int | None,
    target: float | None,
    seeds: Sequence[int] | int,
    fresh: int,
    seed: int,
    alpha: float,
    tuning: str,
    device: str | None,
    engine: str,
    store: str | PathLike[str] | None,
    progress: bool,
) -> tuple[Plan, StudyFacts, Provenance, RunTable]:
    """Train the doses of some curves (of `dosings`, from the network as built) on the same seeds.

    `asks` is what is asked of them, as `Doses` calls it; all other keywords are those of `tune`.

    Returns:
        The frozen plan, facts, provenance and runs.
    """
    check_engine(engine, device)
    _check_margin(margin, outcome)
    loaded = load(data, y=y, missing=missing)
    check_seed(seed)
    network = build_network(build, run_seeds(seed, PILOT, 1)[0])
    found = dosings(network, first_examples(network, loaded.x))
    arms = list({arm.name: arm for dosing in found for arm in dosing.arms}.values())
    claim = dose_claim(DOSE_OUTCOMES[outcome], [arm.name for arm in arms])
    run, n_seeds = with_fresh(seeds, fresh, seed)
    prepared = prepare(
        build,
        loaded,
        engine=engine,
        device=device,
        arms=arms,
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
    plan, said = prepared.plan, prepared.said
    if tuning == "auto" and plan.tuning == "once":
        plan, said = replace(plan, tuning="shared"), (SHARED,)
    doses = Doses(DOSE_OUTCOMES[outcome], tuple(dosing.curve for dosing in found), n_seeds, asks)
    prepared = replace(prepared, plan=replace(plan, doses=doses), said=said)
    return train_doses(build, prepared, store, progress=progress)


def check_outcome(outcome: str, known: Sequence[str]) -> None:
    """Refuse an outcome that the verb does not have.

    Raises:
        PlanError: Names those it has.
    """
    if outcome not in known:
        raise PlanError(
            f"outcome must be one of {', '.join(known)}, got {outcome!r}; cost and error are held out, at the end.",
            "plan-dose-outcome",
        )


def _check_margin(margin: float | None, outcome: str) -> None:
    """Refuse a margin here already: the claim that stands for the curve would name every dose in its message."""
    is_ratio = outcome == "iterations"
    if margin is not None and not (is_number(margin) and margin > (1 if is_ratio else 0)):
        kind = (
            "a ratio above 1 (1.1 is ten per cent)"
            if is_ratio
            else "a number above 0, in the outcome's own unit"
        )
        raise PlanError(f"margin must be {kind}, got {margin!r}. None: a usual one.", "plan-claim-margin")


def with_fresh(seeds: Sequence[int] | int, fresh: int, seed: int) -> tuple[list[int], int]:
    """(run seeds of the doses and then the fresh ones, how many are of the doses).

    Raises:
        PlanError: If seeds or fresh make no sense.
    """
    if isinstance(fresh, bool) or not hasattr(fresh, "__index__") or not 0 <= fresh <= 10_000:
        raise PlanError(
            f"fresh must be a number of seeds from 0 to 10,000, got {fresh!r}. The default is 10; fewer than 6 decide "
            "nothing, and 0 leaves the best dose unconfirmed.",
            "plan-fresh",
        )
    if is_one_number(seeds):
        n = int(seeds)  # type: ignore[arg-type]
        if 2 <= n <= 10_000:
            return list(run_seeds(seed, CONFIRM, n + int(fresh))), n
        raise PlanError(
            f"seeds must be from 2 to 10,000, got {seeds!r}. A curve needs at least 5 to certify anything; the "
            "default is 20.",
            "plan-seeds",
        )
    if isinstance(seeds, str | bytes | bool) or not hasattr(seeds, "__iter__"):
        raise PlanError(
            f"seeds must be a number or a list of run seeds, got {seeds!r}. Write seeds=20.", "plan-seeds"
        )
    listed = [int(s) if hasattr(s, "__index__") else s for s in seeds]  # type: ignore[union-attr]
    if len(listed) < 2:
        raise PlanError(
            f"seeds must be at least 2 run seeds, got {listed!r}. A curve needs at least 5 to certify anything; "
            "write seeds=20.",
            "plan-seeds",
        )
    taken = set(listed)
    pool = (s for s in run_seeds(seed, CONFIRM, len(listed) + int(fresh) + 1) if s not in taken)
    return [*listed, *islice(pool, int(fresh))], len(listed)
