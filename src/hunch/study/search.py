"""`search`: many settings at once, suggested by Optuna, trained in fleets, the best confirmed on fresh seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np
from torch import nn

from hunch.data import Data, load
from hunch.engine import CostFunction, check_engine
from hunch.errors import PlanError, UnsupportedError
from hunch.evidence import tuning_loss
from hunch.network import build_network, first_examples, place_arm
from hunch.plan import (
    CHOICE,
    DOSE_OUTCOMES,
    LOG,
    PILOT,
    TUNE,
    WHOLE,
    Arm,
    Axis,
    Plan,
    SearchPlan,
    Tried,
    lower,
    read_space,
    run_seeds,
    tuning_goal,
)
from hunch.results import Search
from hunch.study.blocks import Blocks
from hunch.study.dose_study import check_outcome
from hunch.study.dosing import ADAPTIVE_SCALE, arm_with
from hunch.study.execute import Workshop
from hunch.study.pilot import RATE_FIRST, RATE_STEP, RATES, run_pilot
from hunch.study.progress import Reporter
from hunch.study.setup import Prepared, prepare, provenance
from hunch.study.start import refuse_met_target
from hunch.traces import RunKey, open_or_create

DEFAULT, BEST = "default", "best"


def search(
    build: Callable[[], nn.Module],
    data: Any,
    *,
    space: Mapping[str, Any],
    n: int = 60,
    at_once: int = 10,
    tries: int = 3,
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
    device: str | None = None,
    engine: str = "auto",
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Search:
    """Search several settings at once, then compare the best with your default on fresh seeds.

    Optuna (an extra: `pip install hunch-lab[optuna]`) suggests `at_once` settings at a time, all of which are trained
    together. The best of many tries always looks better than it is, so it is nothing but a candidate: the answer is the
    verdict on the claim that it beats the default, on seeds that had no part in the search.

    Args:
        build: As for `compare`.
        data: As for `compare`. For a held-out outcome suggestions are trained on four fifths of the training part
            and judged on the fifth.
        space: Setting of an `Arm` (or `"keep_prob at SITE"`) → `(low, high)`, `(low, high, "log")`, or a list of
            choices. Where it does not name `lr` and the arm has none, the rate is searched too, over the usual range.
        n: How many suggestions.
        at_once: How many are suggested and trained together.
        tries: Seeds on which each suggestion is tried, the same for all.
        arm: The default, and what suggestions have where the space does not say. Its rate is tuned in the pilot where
            it has none.
        outcome: `"cost"` or `"error"` (both held out), or `"iterations"` to the target.
        margin: The smallest difference that matters, as for `compare`'s claims.
        cost: As for `compare`.
        y: Target column, for frames and tables.
        missing: What to do with missing values.
        budget: Most iterations of a run. None: found by the pilot, for the default.
        target: Cost to reach, for `outcome="iterations"`. None: found by the pilot.
        seeds: Number of fresh seeds for the comparison at the end, or a list of run seeds.
        seed: The study seed; the sampler's seed follows from it.
        alpha: Share of wrong verdicts allowed.
        device: None or `"cpu"`.
        engine: `"auto"`, or the name of an engine.
        store: Path of the study file. The same call with the same path resumes.
        progress: Whether to show progress on stderr.

    Returns:
        A study of the two arms `default` and `best`, with `.best`, the settings found, and `.tried()`.

    Raises:
        UnsupportedError: If Optuna is not installed.
        PlanError, DataError, NetworkError, PlacementError: If something does not fit; nothing is written then.
        StoreError: If the study file cannot be used.
    """
    sampler = _sampler_name()
    check_engine(engine, device)
    check_outcome(outcome, ("cost", "error", "iterations"))
    base = arm or Arm(DEFAULT)
    axes = _with_rate(read_space(space), base)
    for name, value, most in (("n", n, 100_000), ("at_once", at_once, 10_000), ("tries", tries, 1_000)):
        if isinstance(value, bool) or not hasattr(value, "__index__") or not 1 <= value <= most:
            raise PlanError(
                f"{name} must be a whole number from 1 to {most:,}, got {value!r}.", "plan-search"
            )
    loaded = load(data, y=y, missing=missing)
    _check_ends(build, axes, base, seed, loaded)
    claim = lower(DOSE_OUTCOMES[outcome], BEST, than=DEFAULT, margin=margin)
    prepared = prepare(
        build,
        loaded,
        engine=engine,
        device=device,
        arms=[replace(base, name=DEFAULT), replace(base, name=BEST)],
        claims=[claim],
        base=None,
        cost=cost,
        budget=budget,
        target=target,
        seeds=seeds,
        max_seeds=100_000,
        seed=seed,
        paired=True,
        alpha=alpha,
        tuning="once",
        metric="train",
    )
    pool = run_seeds(seed, TUNE, tries)
    asked = SearchPlan(axes, int(n), int(at_once), pool, f"{sampler}, seed {seed % 2**32}")
    made = _run(
        build, loaded, replace(prepared, plan=replace(prepared.plan, search=asked)), store, progress=progress
    )
    return Search(*made, path=store)


def _run(build: Any, data: Data, prepared: Prepared, store: Any, *, progress: bool) -> tuple[Any, ...]:
    facts, reporter = prepared.facts, Reporter(progress)
    refuse_met_target(build, data, prepared.plan, prepared.own)
    with open_or_create(store, prepared.plan, facts, provenance()) as file:
        workshop = Workshop(prepared.choice.engine, file, reporter, own=prepared.own)
        plan = file.plan
        for sentence in (prepared.choice.sentence, *prepared.said):
            reporter.say(sentence)
        if not plan.is_frozen:
            # What is searched for is not known yet: in the pilot it is as the default.
            pilot = run_pilot(workshop, replace(plan, search=None), facts, build, data)
            plan = _search(workshop, plan, pilot, prepared, build, data, reporter)
            file.freeze(plan)
        Blocks(workshop, plan, facts, build, data).run()
        return plan, facts, file.provenance, file.table()


def _search(
    workshop: Workshop,
    plan: Plan,
    pilot: Plan,
    prepared: Prepared,
    build: Any,
    data: Data,
    reporter: Reporter,
) -> Plan:
    """The frozen plan, its second arm as found."""
    found = plan.search
    assert found is not None, "only plans of searches come here"
    assert pilot.budget is not None, "a frozen plan has a budget"
    n_runs = found.n * len(found.seeds)
    reporter.say(
        f"{found.n} suggestions on {len(found.seeds)} seeds, {found.at_once} at a time: {n_runs:,} runs "
        f"of {pilot.budget:,} iterations; then the best and the default on {len(plan.seeds)} fresh seeds."
    )
    tried = _Trials(
        workshop, replace(plan, budget=pilot.budget, target=pilot.target), prepared, build, data
    ).all()
    best = min(tried, key=lambda t: t.outcome)
    network = build_network(build, plan.pilot_seeds[0])
    settings = dict(best.settings)
    inputs = first_examples(network, data.x)
    arm = arm_with(plan.arms[0], BEST, list(settings), list(settings.values()), network, inputs)
    rates = {DEFAULT: pilot.rates[0][1], BEST: float(arm.lr or 0.0)}
    return replace(plan, arms=(plan.arms[0], arm), search=replace(found, tried=tuple(tried))).freeze(
        budget=pilot.budget, target=pilot.target, rates=rates, margins=pilot.margins, notes=_notes(pilot)
    )


def _notes(pilot: Plan) -> list[str]:
    """What the pilot has to say of the default; of the best it knows nothing."""
    return [
        note
        for note in pilot.notes
        if not note.startswith((f"The learning rate of {BEST}", f"Every pilot run of {BEST}"))
    ]


@dataclass(eq=False)
class _Trials:
    """Asks for suggestions, trains them, and tells what came out.

    Suggestions follow from the space, the sampler's seed and the outcomes so far, so a resumed search asks for the same
    ones and finds their runs in the file.
    """

    workshop: Workshop
    plan: Plan
    prepared: Prepared
    build: Callable[[], nn.Module]
    data: Data

    def all(self) -> list[Tried]:
        """Every suggestion with its outcome, in their order."""
        import optuna

        found = self.plan.search
        assert found is not None, "only plans of searches come here"
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=self.plan.seed % 2**32))
        distributions = {axis.name: _distribution(axis) for axis in found.space}
        tried: list[Tried] = []
        while len(tried) < found.n:
            trials = [study.ask(distributions) for _ in range(min(found.at_once, found.n - len(tried)))]
            settings = [{axis.name: trial.params[axis.name] for axis in found.space} for trial in trials]
            for trial, result in zip(trials, self._train(len(tried), settings), strict=True):
                study.tell(trial, result.outcome)
                tried.append(result)
        return tried

    def _train(self, start: int, settings: Sequence[Mapping[str, Any]]) -> list[Tried]:
        plan, found = self.plan, self.plan.search
        assert found is not None, "only plans of searches come here"
        assert plan.budget is not None, "the pilot has found one"
        claim = plan.claims[0]
        stage, goal = tuning_goal(claim, plan.metric)
        network = build_network(self.build, plan.pilot_seeds[0])
        inputs = first_examples(network, self.data.x)
        arms = [
            arm_with(
                plan.arms[0], f"suggestion {start + k + 1}", list(each), list(each.values()), network, inputs
            )
            for k, each in enumerate(settings)
        ]
        keys = [RunKey(stage, a.name, seed, a.lr or 0.0, plan.budget) for a in arms for seed in found.seeds]
        last = start + len(arms)
        setting = Blocks(self.workshop, plan, self.prepared.facts, self.build, self.data).setting(stage)
        traces = self.workshop.make(
            f"suggestions {start + 1} to {last}", setting, [(a, k) for k, a in enumerate(arms)], keys
        )
        out: list[Tried] = []
        for k, each in enumerate(settings):
            own = traces[k * len(found.seeds) : (k + 1) * len(found.seeds)]
            losses = [tuning_loss(plan, self.prepared.facts, t, goal) for t in own]
            diverged = float(np.mean([t.diverged_at is not None for t in own]))
            out.append(Tried(tuple(each.items()), float(np.mean(losses)), diverged))
        return out


def _distribution(axis: Axis) -> Any:
    import optuna

    if axis.kind == CHOICE:
        return optuna.distributions.CategoricalDistribution(axis.values)
    low, high = axis.values
    if axis.name in WHOLE:
        return optuna.distributions.IntDistribution(low, high, log=axis.kind == LOG)
    return optuna.distributions.FloatDistribution(low, high, log=axis.kind == LOG)


def _with_rate(axes: tuple[Axis, ...], base: Arm) -> tuple[Axis, ...]:
    """The space with the learning rate in it, if nothing else gives one."""
    named = {axis.name for axis in axes}
    if "lr" in named or base.lr is not None:
        return axes
    if "optimizer" in named:
        raise PlanError(
            "space searches the optimizer but not lr, and optimizers have rates of their own. Add a range for lr, for "
            "instance 'lr': (1e-4, 1.0, 'log').",
            "plan-space",
        )
    scale = ADAPTIVE_SCALE if base.is_adaptive else 1.0
    return (
        *axes,
        Axis("lr", LOG, (scale * RATE_FIRST, float(f"{scale * RATE_FIRST * RATE_STEP ** (RATES - 1):.4g}"))),
    )


def _check_ends(
    build: Callable[[], nn.Module], axes: Sequence[Axis], base: Arm, seed: int, data: Data
) -> None:
    """Refuse, before anything is trained, a space whose ends or choices make no arm that fits the network."""
    network = build_network(build, run_seeds(seed, PILOT, 1)[0])
    inputs = first_examples(network, data.x)
    middle = {axis.name: axis.values[-1] for axis in axes}
    for axis in axes:
        for value in axis.values:
            settings = middle | {axis.name: value}
            place_arm(
                network,
                arm_with(
                    base, f"space, {axis.name}", list(settings), list(settings.values()), network, inputs
                ),
                inputs=inputs,
            )


def _sampler_name() -> str:
    """What suggests, with its version.

    Raises:
        UnsupportedError: If it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise UnsupportedError(
            "hunch.search needs Optuna, which is not installed. Install it: pip install 'hunch-lab[optuna]'. For one "
            "or two settings hunch.tune does without.",
            "search-optuna-missing",
        ) from None
    return f"Optuna {optuna.__version__} TPE"
