"""The learning rate of every arm in every block: a pure function of plan and stored tuning runs.

So a resumed study, and whoever opens the file, find the same rates, and the same confirm runs belong to a
claim. Claims about different outcomes may need different confirm runs of an arm; equal ones are shared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from hunch.plan import CONFIRM, TUNE_HELD, Claim, Plan, tuning_goal
from hunch.stats import arrival_times, choose_rate, log_restricted
from hunch.traces import RunKey, RunTable, StudyFacts, Trace, metric_curve


def tuning_keys(plan: Plan, claim: Claim, arm: str, block: int) -> tuple[RunKey, ...]:
    """The tuning runs of an arm in a block, for a claim: one a rate; none where it is not tuned so.

    Args:
        plan: The plan, frozen.
        claim: Says on which outcome, and so in which stage.
        arm: The arm.
        block: Position of the block, counted from 0.
    """
    if not plan.is_tuned_per_block(arm) or plan.budget is None:
        return ()
    stage, _ = tuning_goal(claim, plan.metric)
    seed = plan.tune_seed(arm, block)
    return tuple(RunKey(stage, arm, seed, lr, plan.budget) for lr in plan.grid(arm))


def block_rate(plan: Plan, table: RunTable, claim: Claim, arm: str, block: int) -> float | None:
    """The learning rate of an arm in a block, for a claim; None while tuning runs are missing.

    The rate whose tuning run was lowest in the claim's outcome; ties go to the lower final cost, then to the
    smaller rate. A rate at which the run diverged is not chosen as long as there is another.

    Args:
        plan: The plan, frozen.
        table: The runs.
        claim: The claim.
        arm: The arm.
        block: Position of the block, counted from 0.
    """
    if not plan.is_tuned_per_block(arm):
        return plan.rate(arm)
    keys = tuning_keys(plan, claim, arm, block)
    traces = [table.get(key) for key in keys]
    found = [t for t in traces if t is not None and t.failed is None]
    if not keys or len(found) < len(keys):
        return None
    _, goal = tuning_goal(claim, plan.metric)
    outcomes = np.array([[_to_be_low(plan, table.facts, t, goal)] for t in found])
    finals = np.array([[_final_cost(plan, t)] for t in found])
    rates = [t.key.lr for t in found]
    return rates[choose_rate(rates, outcomes, finals).index]


def confirm_key(plan: Plan, table: RunTable, claim: Claim, arm: str, block: int) -> RunKey | None:
    """The confirm run of an arm in a block that a claim rests on; None while its rate is not known."""
    rate = block_rate(plan, table, claim, arm, block)
    if rate is None or plan.budget is None:
        return None
    return RunKey(CONFIRM, arm, plan.seeds[block], rate, plan.budget)


def confirm_runs(plan: Plan, table: RunTable, arm: str, claim: Claim | None = None) -> dict[int, Trace]:
    """Seed → the confirm run of an arm that a claim rests on, in the plan's order; missing ones left out.

    Args:
        plan: The plan.
        table: The runs.
        arm: The arm.
        claim: The claim. None: the first that is about the arm, else the first of all.
    """
    claim = claim or claim_about(plan, arm)
    if claim is None or not plan.is_tuned_per_block(arm):
        return table.confirm(plan, arm)
    there = {t.key.seed for t in table.select(CONFIRM, arm)}
    found: dict[int, Trace] = {}
    for block, seed in enumerate(plan.seeds):
        if seed not in there:
            continue
        key = confirm_key(plan, table, claim, arm, block)
        trace = None if key is None else table.get(key)
        if trace is not None and trace.failed is None:
            found[seed] = trace
    return found


def used_seeds(plan: Plan, table: RunTable) -> tuple[int, ...]:
    """The confirm seeds that were bought: those with a run of at least one arm, in the order of the plan."""
    there = {t.key.seed for t in table.select(CONFIRM)}
    return tuple(seed for seed in plan.seeds if seed in there)


def claim_about(plan: Plan, arm: str) -> Claim | None:
    """The first claim about an arm, else the first of all; None if there are no claims."""
    return next((c for c in plan.claims if arm in c.arms), plan.claims[0] if plan.claims else None)


def tuning_loss(plan: Plan, facts: StudyFacts, trace: Trace, goal: str) -> float:
    """What a tuning run is judged by, as a finite number: one that diverged counts as the constant prediction.

    Args:
        plan: The plan; its budget and, for iterations, its target.
        facts: Facts of the study.
        trace: The run.
        goal: `"iterations"`, `"cost"`, `"held_out_cost"` or `"held_out_error"`.
    """
    value = _to_be_low(plan, facts, trace, goal)
    if math.isfinite(value):
        return value
    if goal == "iterations":
        return math.log(max(1.0, float(plan.budget or 1)))
    return {"held_out_error": facts.error0, "held_out_cost": facts.c0_held}.get(goal, facts.c0_train)


def always_diverged(plan: Plan, table: RunTable, claim: Claim) -> tuple[str, ...]:
    """The arms of a claim of which every tuning run diverged, at every rate and in every block so far."""
    stage, _ = tuning_goal(claim, plan.metric)
    named: list[str] = []
    for arm in claim.arms:
        if plan.is_tuned_per_block(arm):
            runs = table.select(stage, arm)
            if runs and all(t.diverged_at is not None for t in runs):
                named.append(arm)
    return tuple(named)


def goals(claims: Iterable[Claim], metric: str) -> tuple[tuple[str, str], ...]:
    """The different (stage, outcome) on which claims are tuned, in their order."""
    return tuple(dict.fromkeys(tuning_goal(claim, metric) for claim in claims))


def _to_be_low(plan: Plan, facts: StudyFacts, trace: Trace, goal: str) -> float:
    """What a tuning run is judged by: log min(time, budget), a cost, an error; infinite if it diverged."""
    if goal == "iterations" and plan.target is not None:
        if trace.diverged_at is not None:
            return math.inf
        times, _ = arrival_times(*metric_curve(trace, plan.metric), plan.target)
        return float(log_restricted(times, float(plan.budget or 0)))
    if trace.diverged_at is not None:
        return math.inf
    if goal == "held_out_error":
        return _last(trace.held_error)
    if goal == "held_out_cost":
        return min(_last(trace.held_cost), facts.c0_held)
    return min(_final_cost(plan, trace), facts.c0_train)


def _final_cost(plan: Plan, trace: Trace) -> float:
    """The last cost of the study's metric, infinite if the run diverged: what breaks ties."""
    if trace.diverged_at is not None:
        return math.inf
    is_held = plan.metric == "held_out" or trace.key.stage == TUNE_HELD
    return _last(trace.held_cost if is_held else trace.cost)


def _last(values: Sequence[float] | np.ndarray) -> float:
    value = float(values[-1]) if len(values) else math.nan
    return value if math.isfinite(value) else math.inf
