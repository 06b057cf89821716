"""The pilot: on seeds of its own, find budget, target, learning rates and margins, then freeze them.

Renaming or reordering the arms changes nothing in what it finds. The rules are those of `hunch.stats.target`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from torch import nn

from hunch.data import Data, constant_error, validation_split
from hunch.engine import Setting
from hunch.evidence import claim_margin
from hunch.plan import PILOT, Arm, Plan, asks_on_request
from hunch.stats import (
    arms_that_learned,
    arrival_times,
    choose_rate,
    choose_target,
    log_restricted,
    second_half_gain,
    value_reached,
)
from hunch.study.constant import Constant
from hunch.study.execute import Workshop, arms_of
from hunch.traces import RunKey, RunTable, StudyFacts, Trace, metric_curve

SWEEP_SEEDS = 3
FIRST_BUDGET, LAST_BUDGET = 500, 16_000
GAIN_ENOUGH = 0.05
RATE_FIRST, RATE_STEP, RATES = 3e-3, math.sqrt(10.0), 7
ADAPTIVE_SCALE = 0.03
STEPS_A_DECADE, MOST_DECADES = 2, 2
HELD_OUT_OUTCOMES = ("held_out_cost", "held_out_error", "gap")


@dataclass(frozen=True)
class RateGrid:
    """Learning rates on a grid shared by all arms: 3e-3·√10^k, times 0.03 for Adam and its like.

    Args:
        low: First k.
        high: Last k.
    """

    low: int = 0
    high: int = RATES - 1

    def per_block(self, plan: Plan) -> dict[str, list[float]]:
        """What is tried for every arm that is tuned anew in every block."""
        return {arm.name: self.rates(arm) for arm in plan.arms if plan.is_tuned_per_block(arm.name)}

    def rates(self, arm: Arm) -> list[float]:
        """The rates of an arm: the grid, or the one that was given."""
        if arm.lr is not None:
            return [arm.lr]
        scale = ADAPTIVE_SCALE if arm.is_adaptive else 1.0
        return [float(f"{scale * RATE_FIRST * RATE_STEP**k:.4g}") for k in range(self.low, self.high + 1)]

    def extended(self, at_low: bool, at_high: bool) -> RateGrid:
        """The grid with a decade more at each end that is named, at most two decades a side."""
        low, high = self.low, self.high
        if at_low:
            low = max(low - STEPS_A_DECADE, -STEPS_A_DECADE * MOST_DECADES)
        if at_high:
            high = min(high + STEPS_A_DECADE, RATES - 1 + STEPS_A_DECADE * MOST_DECADES)
        return RateGrid(low, high)


@dataclass(eq=False)
class _Pilot:
    """What the pilot's steps share."""

    workshop: Workshop
    plan: Plan
    facts: StudyFacts
    build: Callable[[], nn.Module]
    data: Data
    constant: Constant
    c0: float
    notes: list[str] = field(default_factory=list)

    def setting(self, budget: int) -> Setting:
        wanted = asks_on_request(self.plan.claims)
        return Setting(
            self.build,
            self.data,
            self.plan.cost,
            budget,
            self.facts.sites,
            self.plan.metric,
            on_request=wanted,
        )

    def runs(
        self, text: str, budget: int, rates: dict[str, list[float]], n_seeds: int
    ) -> dict[str, dict[float, list[Trace]]]:
        """Arm → rate → traces by seed."""
        keys = [
            RunKey(PILOT, arm.name, seed, lr, budget)
            for seed in self.plan.pilot_seeds[:n_seeds]
            for arm in self.plan.arms
            for lr in rates[arm.name]
        ]
        traces = self.workshop.make(text, self.setting(budget), arms_of(self.plan), keys)
        out: dict[str, dict[float, list[Trace]]] = {}
        for trace in traces:
            out.setdefault(trace.key.arm, {}).setdefault(trace.key.lr, []).append(trace)
        return out

    def curves(self, traces: list[Trace]) -> tuple[np.ndarray, np.ndarray]:
        """(iterations (G,), cost (seeds, G)), what diverged counted as never getting anywhere."""
        pairs = [metric_curve(t, self.plan.metric) for t in traces]
        return pairs[0][0], np.stack([cost for _, cost in pairs])

    def half_way_value(self, traces: list[Trace], budget: int) -> float:
        """The cost that 80 % of the runs have reached, two evaluations in a row, by half the budget."""
        at, cost = self.curves(traces)
        return value_reached(at, cost, by=budget / 2)


def run_pilot(
    workshop: Workshop, plan: Plan, facts: StudyFacts, build: Callable[[], nn.Module], data: Data
) -> Plan:
    """The plan with budget, target, rates and margins frozen.

    Args:
        workshop: Makes the runs.
        plan: The plan as asked.
        facts: Facts of the study.
        build: Makes the network.
        data: The data. When the first claim is about what is held out, the pilot trains on four fifths of the
            training part and judges the fifth, so that no rate is chosen on the held-out part itself.
    """
    on_held_out = plan.metric == "held_out" or (
        bool(plan.claims) and plan.claims[0].outcome in HELD_OUT_OUTCOMES
    )
    if on_held_out:
        data = validation_split(data)
    part = "held" if plan.metric == "held_out" else "train"
    constant = Constant(data, plan.cost, workshop.own, facts.n_outputs)
    pilot = _Pilot(workshop, plan, facts, build, data, constant, constant.cost(part))
    if nothing_to_find(plan):
        return _freeze(
            pilot,
            plan.asked_budget,
            plan.asked_target,
            {a.name: a.lr for a in plan.arms if a.lr is not None},
            [],
            RateGrid(),
        )
    grid = RateGrid()
    while True:
        found = _find(pilot, grid)
        wider = grid.extended(*_ends(pilot, found))
        if wider == grid:
            break
        grid = wider
    pilot.notes += _notes(pilot, found)
    return _freeze(pilot, found.budget, found.target, found.rates, found.traces, grid)


@dataclass(frozen=True, eq=False)
class _Found:
    """What the pilot found on one grid of rates: arm → rate → traces, and what follows from them."""

    budget: int
    target: float | None
    rates: dict[str, float]
    sweep: dict[str, dict[float, list[Trace]]]
    best: dict[str, list[Trace]]
    is_short: bool

    @property
    def traces(self) -> list[Trace]:
        """All runs at this budget, each once."""
        swept = [t for by_rate in self.sweep.values() for ts in by_rate.values() for t in ts]
        return list({t.key: t for t in swept + [t for ts in self.best.values() for t in ts]}.values())


def _find(pilot: _Pilot, grid: RateGrid) -> _Found:
    """Budget and provisional rates, then the target on all pilot seeds, then each arm's rate for it."""
    budget, provisional, sweep, is_short = _budget_and_rates(pilot, grid)
    n_seeds = len(pilot.plan.pilot_seeds)
    runs = pilot.runs(
        f"pilot, {n_seeds} seeds", budget, {arm: [rate] for arm, rate in provisional.items()}, n_seeds
    )
    best = {arm: traces for arm, by_rate in runs.items() for traces in by_rate.values()}
    target = pilot.plan.asked_target
    if target is None:
        at = pilot.curves(next(iter(best.values())))[0]
        curves = {arm: pilot.curves(traces)[1] for arm, traces in best.items()}
        target = choose_target(curves, at, budget, pilot.c0)
    return _Found(budget, target, _tuned(pilot, sweep, budget, target), sweep, best, is_short)


def nothing_to_find(plan: Plan) -> bool:
    """Whether the user gave all that a pilot would find."""
    needs_target = any(c.outcome == "iterations" for c in plan.claims)
    return (
        all(arm.lr is not None for arm in plan.arms)
        and plan.asked_budget is not None
        and (plan.asked_target is not None or not needs_target)
        and all(c.margin is not None or c.outcome == "iterations" for c in plan.claims)
    )


def _budget_and_rates(
    pilot: _Pilot, grid: RateGrid
) -> tuple[int, dict[str, float], dict[str, dict[float, list[Trace]]], bool]:
    """Double the budget until the best arm has little left to gain; sweep the rates at each.

    Returns:
        Budget, provisional rate per arm, the sweep, and whether the doubling had to stop too early.
    """
    budget = pilot.plan.asked_budget or FIRST_BUDGET
    while True:
        sweep = _sweep(pilot, budget, grid)
        rates = {arm: _best_half_way(pilot, by_rate, budget) for arm, by_rate in sweep.items()}
        if pilot.plan.asked_budget is not None:
            return budget, rates, sweep, False
        finals = {arm: _final(pilot, sweep[arm][rate]) for arm, rate in rates.items()}
        best = min(finals, key=lambda arm: (finals[arm], pilot.plan.arm_index(arm)))
        at, cost = pilot.curves(sweep[best][rates[best]])
        is_long_enough = second_half_gain(at, cost, pilot.c0) < GAIN_ENOUGH
        if is_long_enough or 2 * budget > LAST_BUDGET:
            return budget, rates, sweep, not is_long_enough
        budget *= 2


def _best_half_way(pilot: _Pilot, by_rate: dict[float, list[Trace]], budget: int) -> float:
    return min(by_rate, key=lambda lr: (pilot.half_way_value(by_rate[lr], budget), lr))


def _sweep(pilot: _Pilot, budget: int, grid: RateGrid) -> dict[str, dict[float, list[Trace]]]:
    """Every arm at every rate of the grid."""
    rates = {arm.name: grid.rates(arm) for arm in pilot.plan.arms}
    n_rates = max(len(r) for r in rates.values())
    n_seeds = SWEEP_SEEDS if n_rates > 1 else len(pilot.plan.pilot_seeds)
    text = f"pilot, {n_rates} learning rate{'s' if n_rates > 1 else ''}, {budget:,} iterations"
    return pilot.runs(text, budget, rates, n_seeds)


def _tuned(
    pilot: _Pilot,
    sweep: dict[str, dict[float, list[Trace]]],
    budget: int,
    target: float | None,
) -> dict[str, float]:
    """Each arm's rate, best on the outcome of the first claim; or one for all that are tuned."""
    outcome = pilot.plan.claims[0].outcome if pilot.plan.claims else "cost"
    rates: dict[str, float] = {}
    shared: list[tuple[str, list[float], np.ndarray, np.ndarray]] = []
    doses = pilot.plan.doses
    counted = {arm for curve in doses.curves for arm in curve.base} if doses else set(sweep)
    for arm, by_rate in sweep.items():
        listed = list(by_rate)
        outcomes = np.array([_outcome(pilot, by_rate[lr], outcome, budget, target) for lr in listed])
        finals = np.array([[_last(pilot, t) for t in by_rate[lr]] for lr in listed])
        rates[arm] = listed[choose_rate(listed, outcomes, finals).index]
        if pilot.plan.tuning == "shared" and pilot.plan.arm(arm).lr is None and arm in counted:
            shared.append((arm, listed, outcomes, finals))
    if shared:
        # All arms have the same grid: the rate that is best on average over them favours none. Spare doses do
        # not count, because they may never be trained. A run counts as a constant prediction at worst, as it does in
        # verdicts: an arm that learns at no rate has no say in what is best for the others.
        listed = shared[0][1]
        worst = _worst(pilot, outcome)
        outcomes = np.mean([np.minimum(found, worst) for _, _, found, _ in shared], axis=0)
        finals = np.mean([found for _, _, _, found in shared], axis=0)
        best = listed[choose_rate(listed, outcomes, finals).index]
        rates |= {arm.name: best for arm in pilot.plan.arms if arm.lr is None}
    return rates


def _outcome(
    pilot: _Pilot, traces: list[Trace], outcome: str, budget: int, target: float | None
) -> list[float]:
    """What is to be small, per seed: log time, held-out error or cost, else the cost at the end."""
    if outcome == "iterations" and target is not None:
        at, cost = pilot.curves(traces)
        times, _ = arrival_times(at, cost, target)
        return list(log_restricted(times, budget))
    values = []
    for trace in traces:
        if outcome == "held_out_error":
            value = trace.held_error[-1]
            values.append(math.inf if math.isnan(value) else float(value))
        elif outcome in HELD_OUT_OUTCOMES:
            value = trace.held_cost[-1]
            values.append(math.inf if math.isnan(value) else float(value))
        else:
            values.append(_last(pilot, trace))
    return values


def _worst(pilot: _Pilot, outcome: str) -> float:
    """What a run counts as at most where outcomes are averaged over arms: a constant prediction."""
    if outcome == "held_out_error":
        return constant_error(pilot.data)
    if outcome in HELD_OUT_OUTCOMES:
        return pilot.constant.cost("held")
    return math.inf  # costs and times are capped already


def _last(pilot: _Pilot, trace: Trace) -> float:
    value = metric_curve(trace, pilot.plan.metric)[1][-1]
    return pilot.c0 if math.isnan(value) else min(float(value), pilot.c0)


def _final(pilot: _Pilot, traces: list[Trace]) -> float:
    return float(np.mean([_last(pilot, t) for t in traces]))


def _ends(pilot: _Pilot, found: _Found) -> tuple[bool, bool]:
    """Whether some arm's tuned rate is the lowest, and the highest, that was tried."""
    at_low = at_high = False
    for arm in pilot.plan.arms:
        tried = found.sweep[arm.name]
        if arm.lr is None:
            at_low |= found.rates[arm.name] == min(tried)
            at_high |= found.rates[arm.name] == max(tried)
    return at_low, at_high


def _notes(pilot: _Pilot, found: _Found) -> list[str]:
    """What a reader must know of how the pilot went, as sentences."""
    notes: list[str] = []
    if found.is_short:
        notes.append(
            f"The budget was not doubled beyond {found.budget:,} iterations, although the best arm still "
            f"gained more than {GAIN_ENOUGH:.0%} of the cost of a constant prediction in the second half. "
            "Give budget= for longer runs."
        )
    if pilot.plan.asked_target is None:
        at = pilot.curves(next(iter(found.best.values())))[0]
        curves = {arm: pilot.curves(traces)[1] for arm, traces in found.best.items()}
        learned = arms_that_learned(curves, at, found.budget, pilot.c0)
        late = [arm.name for arm in pilot.plan.arms if arm.name not in learned]
        if not learned:
            notes.append(
                "No arm learned in the pilot: none got much below the cost of a constant prediction "
                f"({pilot.c0:.3g}). Give a larger budget=, or look at the data."
            )
        elif late and any(claim.outcome == "iterations" for claim in pilot.plan.claims):
            notes.append(
                f"{', '.join(late)} had not learned by half the budget in the pilot; the target comes from "
                f"the other arms."
            )
    for arm in pilot.plan.arms:
        runs = [t for by_rate in found.sweep[arm.name].values() for t in by_rate]
        if all(t.diverged_at is not None for t in runs):
            lowest, highest = min(found.sweep[arm.name]), max(found.sweep[arm.name])
            notes.append(
                f"Every pilot run of {arm.name} diverged, at learning rates from {lowest:g} to "
                f"{highest:g}: give it a smaller lr=, a smaller init_std= or a norm."
            )
            continue
        tried, rate = sorted(found.sweep[arm.name]), found.rates[arm.name]
        if arm.lr is None and rate in (tried[0], tried[-1]):
            end = "lowest" if rate == tried[0] else "highest"
            whose = "all arms together" if pilot.plan.tuning == "shared" else arm.name
            note = (
                f"The learning rate of {whose} ({rate:g}) is the {end} of the {len(tried)} that were "
                "tried; a rate beyond might do better."
            )
            notes += [] if note in notes else [note]
    return notes


def _freeze(
    pilot: _Pilot,
    budget: int | None,
    target: float | None,
    rates: dict[str, float],
    traces: list[Trace],
    grid: RateGrid,
) -> Plan:
    assert budget is not None
    frozen_rates = tuple((a.name, rates[a.name]) for a in pilot.plan.arms)
    provisional = replace(pilot.plan, budget=budget, target=target, rates=frozen_rates)
    table = RunTable(pilot.facts, traces)
    margins = [claim_margin(provisional, table, claim) for claim in pilot.plan.claims]
    return pilot.plan.freeze(
        budget=budget,
        target=target,
        rates=rates,
        margins=margins,
        grids=grid.per_block(pilot.plan),
        notes=pilot.notes,
    )
