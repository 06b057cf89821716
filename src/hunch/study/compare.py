"""`compare`: the main verb. It reads like the method section of a paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

from torch import nn

from hunch.data import load
from hunch.engine import CostFunction, check_engine
from hunch.plan import Arm, Claim
from hunch.results import Study
from hunch.study.blocks import Blocks
from hunch.study.execute import Workshop
from hunch.study.pilot import run_pilot
from hunch.study.price import price_of_blocks, price_of_pilot
from hunch.study.progress import Reporter
from hunch.study.recall import recalling
from hunch.study.setup import prepare, provenance
from hunch.study.start import refuse_met_target
from hunch.traces import RunTable, open_or_create


def compare(
    build: Callable[[], nn.Module],
    data: Any,
    *,
    arms: Sequence[Arm],
    claims: Sequence[Claim | str],
    base: Arm | None = None,
    cost: str | CostFunction = "auto",
    y: str | None = None,
    missing: str = "error",
    budget: int | None = None,
    target: float | None = None,
    seeds: Sequence[int] | int | None = None,
    max_seeds: int = 80,
    looks: Sequence[int] | str = "planned",
    seed: int = 0,
    paired: bool = True,
    alpha: float = 0.05,
    robust: bool = False,
    tuning: str = "replicated",
    stop_at_target: bool = False,
    metric: str = "train",
    device: str | None = None,
    engine: str = "auto",
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Study:
    """Train controlled copies of a network under several arms and decide the claims about them.

    A pilot on seeds of its own finds the grid of learning rates, the budget and the target; these are then
    frozen. Then come blocks: every arm is tuned for the block on a seed of its own, and trained once on the
    block's confirm seed, which the arms share. At planned numbers of blocks the claims are looked at; when
    each is decided, or will not be, no more are bought.

    Args:
        build: A function without arguments that returns the network, an `nn.Sequential` of linear layers and
            activations; `hunch.mlp(...)` makes one.
        data: `"digits"`; `(X, y)` or `(X, y, X_held, y_held)`; a path to `.npz`, `.csv` or `.parquet`; a
            pandas or polars frame; a torch `Dataset` or `DataLoader`.
        arms: Ways to train; an arm changes only what it names.
        claims: What is to be decided: `hunch.faster("before", than="none")`, or in words `"before faster than none"`;
            may be empty.
        base: What arms have where they name nothing, for instance `Arm("base", optimizer="adam")`.
        cost: `"auto"`, `cross_entropy`, `binary_cross_entropy`, `mean_squared_error`, `huber`; or a function
            (outputs, targets) → what each example costs, a tensor (n,): `nn.CrossEntropyLoss(reduction="none")`. It
            gets labels as int64 (n,) and amounts as float32 (n, outputs).
        y: Target column, for frames and tables.
        missing: What to do with missing values: `"error"`, `"drop"`, `"median"`.
        budget: Most iterations of a run. None: found by the pilot.
        target: Cost to reach. None: found by the pilot.
        seeds: A list of run seeds, or a number of seeds: a fixed design with one look at the end. None: as
            many as the verdicts need, up to `max_seeds`.
        max_seeds: The most seeds (blocks) where `seeds` is None.
        looks: After how many blocks the claims are looked at. `"planned"`: after an eighth, a quarter, a half
            and all of `max_seeds`, or once for given `seeds`. `"anytime"`: after every block from the fifth
            on, by a confidence sequence that is promised for Gaussian differences only. A list of numbers of
            blocks, like `[10, 30]`.
        seed: The study seed; another one is another, disjoint study.
        paired: Whether arms share initial weights, batch order and dropout draws at each seed.
        alpha: Share of wrong verdicts allowed, over all claims together.
        robust: Verdicts without assumptions on the shape of differences, by bets on a bounded outcome; it
            takes many more seeds, and the price is said.
        tuning: `"replicated"`: anew for every arm and block, on the claim's own outcome, so that a verdict is
            about arms that are tuned and not about the luck of one tuning. `"once"`: rates from the pilot,
            an eighth of the runs or fewer; verdicts are "at these learning rates". `"none"`: every rate is
            given. `"auto"`: `"replicated"` where a fast engine serves, else `"once"`. An arm with a given
            `lr` is never tuned.
        stop_at_target: Whether tuning and confirm runs end once they have reached the target, which saves
            their rest; only where every claim is about iterations. Costs and errors of such a run are those
            at which it stopped.
        metric: `"train"` (optimisation speed) or `"held_out"`: the cost that target and cost claims are
            about.
        device: None or `"cpu"`.
        engine: `"auto"`, or the name of an engine.
        store: Path of the study file. The same call with the same path resumes. None: nothing is stored.
        progress: Whether to show progress on stderr.

    Returns:
        The study: `print(study)` shows the verdicts, `study.report("page.html")` writes the report.

    Raises:
        PlanError, DataError, NetworkError, PlacementError, UnsupportedError: If something does not fit;
            nothing is written then.
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
        looks=looks,
        robust=robust,
        stop_at_target=stop_at_target,
    )
    facts, reporter = prepared.facts, Reporter(progress)
    refuse_met_target(build, loaded, prepared.plan, prepared.own)
    with open_or_create(store, prepared.plan, facts, provenance()) as file:
        engine_used = recalling(prepared.choice.engine, f"{facts.network} {prepared.plan.network_hash}")
        workshop = Workshop(engine_used, file, reporter, paired, prepared.own)
        plan = file.plan
        for sentence in (prepared.choice.sentence, *prepared.said):
            reporter.say(sentence)
        if not plan.is_frozen:
            reporter.say(price_of_pilot(plan))
            plan = run_pilot(workshop, plan, facts, build, loaded)
            file.freeze(plan)  # from here on nothing that was asked or found can change
        if Study(plan, facts, file.provenance, file.table()).is_complete:
            reporter.say(f"Nothing is left to train: the study is read from {store}.")
        else:
            for sentence in price_of_blocks(plan, RunTable(facts, workshop.made()), workshop.seconds):
                reporter.say(sentence)
        Blocks(workshop, plan, facts, build, loaded).run()
        table, seen = file.table(), file.provenance
    return Study(plan, facts, seen, table, path=store)
