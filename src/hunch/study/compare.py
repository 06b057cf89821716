"""`compare`: the main verb. It reads like the method section of a paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from torch import nn

from hunch.data import load
from hunch.engine import Setting, check_engine
from hunch.errors import PlanError, UnsupportedError
from hunch.plan import CONFIRM, Arm, Claim, Plan
from hunch.results import Study
from hunch.study.execute import Workshop, arms_of
from hunch.study.pilot import price, run_pilot
from hunch.study.progress import Reporter
from hunch.study.setup import prepare, provenance
from hunch.traces import RunKey, open_or_create


def compare(
    build: Callable[[], nn.Module],
    data: Any,
    *,
    arms: Sequence[Arm],
    claims: Sequence[Claim],
    base: Arm | None = None,
    cost: str = "auto",
    y: str | None = None,
    missing: str = "error",
    budget: int | None = None,
    target: float | None = None,
    seeds: Sequence[int] | int | None = None,
    max_seeds: int = 80,
    seed: int = 0,
    paired: bool = True,
    alpha: float = 0.05,
    robust: bool = False,
    tuning: str = "once",
    metric: str = "train",
    device: str | None = None,
    engine: str = "auto",
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Study:
    """Train controlled copies of a network under several arms and decide the claims about them.

    A pilot on seeds of its own finds each arm's learning rate, the budget and the target; these are then frozen,
    every arm is trained on the same confirm seeds, and each claim gets a verdict.

    Args:
        build: A function without arguments that returns the network, an `nn.Sequential` of linear layers and
            activations; `hunch.mlp(...)` makes one.
        data: `"digits"`; `(X, y)` or `(X, y, X_held, y_held)`; a path to `.npz`, `.csv` or `.parquet`; a pandas or
            polars frame; a torch `Dataset` or `DataLoader`.
        arms: Ways to train; an arm changes only what it names.
        claims: What is to be decided: `hunch.faster("before", than="none")`, …; may be empty.
        base: What arms have where they name nothing, for instance `Arm("base", optimizer="adam")`.
        cost: `"auto"`, `cross_entropy`, `binary_cross_entropy`, `mean_squared_error`, `huber`.
        y: Target column, for frames and tables.
        missing: What to do with missing values: `"error"`, `"drop"`, `"median"`.
        budget: Most iterations of a run. None: found by the pilot.
        target: Cost to reach. None: found by the pilot.
        seeds: A list of run seeds, or a number of seeds. None: 20 (planned looks are not built yet).
        max_seeds: The most seeds.
        seed: The study seed; another one is another, disjoint study.
        paired: Whether arms share initial weights, batch order and dropout draws at each seed.
        alpha: Share of wrong verdicts allowed, over all claims together.
        robust: Verdicts without assumptions on shape; not built yet.
        tuning: `"once"` (rates from the pilot; verdicts are "at these learning rates") or `"none"` (rates given).
            `"replicated"` is not built yet.
        metric: `"train"` (optimisation speed) or `"held_out"`: the cost that target and cost claims are about.
        device: None or `"cpu"`.
        engine: `"auto"`, or the name of an engine.
        store: Path of the study file. The same call with the same path resumes. None: nothing is stored.
        progress: Whether to show progress on stderr.

    Returns:
        The study: `print(study)` shows the verdicts, `study.report("page.html")` writes the report.

    Raises:
        PlanError, DataError, NetworkError, PlacementError, UnsupportedError: If something does not fit; nothing is
            written then.
        StoreError: If the study file cannot be used.

    Example:
        >>> import hunch
        >>> study = hunch.compare(
        ...     hunch.mlp([64, 8, 10]), "digits", arms=[hunch.Arm("none"), hunch.Arm("l2", l2=0.01)],
        ...     base=hunch.Arm("base", lr=0.3), claims=[hunch.faster("l2", than="none")],
        ...     budget=20, target=2.0, seeds=6, progress=False)
        >>> len(study.frame())
        12
    """
    _refuse_what_is_not_built(robust, tuning)
    check_engine(engine, device)
    loaded = load(data, y=y, missing=missing)
    prepared = prepare(
        build,
        loaded,
        engine=engine,
        device=device,
        arms=arms,
        claims=claims,
        base=base,
        cost=cost,
        budget=budget,
        target=target,
        seeds=seeds,
        max_seeds=max_seeds,
        seed=seed,
        paired=paired,
        alpha=alpha,
        tuning=tuning,
        metric=metric,
    )
    reporter = Reporter(progress)
    with open_or_create(store, prepared.plan, prepared.facts, provenance()) as file:
        workshop = Workshop(prepared.choice.engine, file, reporter, paired)
        plan = file.plan
        if not plan.is_frozen:
            reporter.say(price(plan))
            plan = run_pilot(workshop, plan, prepared.facts, build, loaded)
            file.freeze(plan)
        _confirm(workshop, plan, Setting(
            build, loaded, plan.cost, _frozen_budget(plan), prepared.facts.sites, plan.metric
        ))  # fmt: skip
        table, seen = file.table(), file.provenance
    return Study(plan, prepared.facts, seen, table, path=store)


def _confirm(workshop: Workshop, plan: Plan, setting: Setting) -> None:
    """Every arm on every confirm seed, seeds as blocks: a study that is cut short has whole pairs."""
    rates = dict(plan.rates)
    wanted = [
        RunKey(CONFIRM, arm.name, seed, rates[arm.name], setting.budget)
        for seed in plan.seeds
        for arm in plan.arms
    ]
    workshop.make("confirm", setting, arms_of(plan), wanted)


def _frozen_budget(plan: Plan) -> int:
    assert plan.budget is not None, "a frozen plan has a budget"
    return plan.budget


def _refuse_what_is_not_built(robust: bool, tuning: str) -> None:
    if robust:
        raise UnsupportedError(
            "robust=True (verdicts without assumptions on shape) is not built yet. Leave it out: the interval is then "
            "widened for skew, and a sign-flip test must agree.",
            "plan-robust",
        )
    if tuning == "replicated":
        raise UnsupportedError(
            'tuning="replicated" (own tuning runs for every seed) is not built yet. Use tuning="once": rates come from '
            "the pilot, and verdicts say “at these learning rates”.",
            "plan-tuning",
        )
    if tuning not in ("once", "none"):
        raise PlanError(f"tuning must be 'once' or 'none', got {tuning!r}.", "plan-tuning")
