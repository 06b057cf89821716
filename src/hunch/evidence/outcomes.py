"""One number per run: what a claim is about, read off the traces of the confirm stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hunch.errors import PlanError
from hunch.evidence.tuning import confirm_runs
from hunch.plan import CONFIRM, PILOT, Claim, Plan
from hunch.stats import arrival_times, log_restricted, reach_rate
from hunch.traces import RunTable, StudyFacts, Trace, metric_curve, reading_mean

Floats = npt.NDArray[np.float64]

SHARES = ("saturation", "saturated", "slope", "inactive")
"""Readings that lie between 0 and 1."""


@dataclass(frozen=True, eq=False)
class OutcomeValues:
    """The outcome of a claim, for every arm that it names and every seed that has a run in all of them.

    Args:
        arms: The arms, in the order of the claim's weights.
        seeds: The seeds, in the plan's order.
        values: The outcome, (arms, seeds), on the scale effects are taken on: the natural log of
            min(iterations, budget), else the outcome's own unit.
        times: Iterations to the target, (arms, seeds), infinite where never; None where no target is
            involved.
        grid: Iterations of the evaluations; empty if there are no runs.
        budget: Iterations beyond which a run counts as not having reached.
        n_missing: Seeds of the plan without a finished run in every arm.
        n_without: Seeds left out because the reading is missing in some arm (a run that diverged at once).
        never_applies: Arms in which the reading does not apply in any run.
        lost: Those `n_without` seeds.
        is_capped: Whether every run costs as much as a constant prediction, as which it then counts.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    values: Floats
    times: Floats | None
    grid: Floats
    budget: float
    n_missing: int = 0
    n_without: int = 0
    never_applies: tuple[str, ...] = ()
    lost: tuple[int, ...] = ()
    is_capped: bool = False

    @property
    def reached(self) -> tuple[tuple[str, float], ...]:
        """Pairs (arm, share of runs that reached the target); empty without a target or runs."""
        if self.times is None or not self.seeds:
            return ()
        rates = reach_rate(self.times, self.budget)
        return tuple((arm, float(rate)) for arm, rate in zip(self.arms, rates, strict=True))

    def first(self, seeds: Sequence[int]) -> OutcomeValues:
        """The same for these seeds of the plan alone: what was known at an earlier look."""
        wanted = set(seeds)
        keep = np.array([seed in wanted for seed in self.seeds], dtype=np.bool_)
        lost = sum(seed in wanted for seed in self.lost)
        return replace(
            self,
            seeds=tuple(seed for seed in self.seeds if seed in wanted),
            values=self.values[:, keep],
            times=None if self.times is None else self.times[:, keep],
            n_missing=len(wanted) - int(keep.sum()) - lost,
            n_without=lost,
            lost=tuple(seed for seed in self.lost if seed in wanted),
        )

    def effects(self, claim: Claim) -> Floats:
        """Σ weight · outcome, one per seed: positive favours the claim."""
        weights = np.array([weight for _, weight in claim.weights])
        return np.asarray((weights[:, None] * self.values).sum(axis=0))


def outcome_values(
    plan: Plan,
    table: RunTable,
    claim: Claim,
    *,
    target: float | None = None,
    by: float | None = None,
    stage: str = CONFIRM,
    runs: Mapping[str, Mapping[int, Trace]] | None = None,
) -> OutcomeValues:
    """The outcome of a claim in its confirm runs, over the seeds present in all arms of the claim.

    `iterations`: to `plan.target` on the curve of `plan.metric`; a run that diverged never reaches. `cost`:
    the last evaluation of the metric's cost, at most c0, and c0 if the run diverged. `held_out_cost`:
    likewise held out. `held_out_error`: the last one; a run that diverged counts as the constant guess.
    `gap`: held-out cost minus training cost. Readings: the mean over the run, as far as it went.

    Args:
        plan: The plan, its budget fixed.
        table: The runs.
        claim: The claim.
        target: Another target than the plan's, for sensitivity.
        by: Judge the runs at this iteration instead of the budget, for sensitivity.
        stage: `"confirm"`; or `"pilot"`: the runs at the pilot's rates, for what a study will cost.
        runs: Arm → seed → run, for a claim that was not declared; None: those of the claim in that stage.

    Raises:
        PlanError: If the claim names a site that the network does not have.
    """
    site = site_index(claim, table.facts)
    planned = plan.pilot_seeds if stage == PILOT else plan.seeds
    by_arm = [runs[arm] if runs else _runs(plan, table, claim, arm, stage) for arm in claim.arms]
    seeds = tuple(s for s in planned if all(s in found for found in by_arm))
    chosen = [[found[s] for s in seeds] for found in by_arm]
    budget = float(plan.budget or 0) if by is None else by
    goal = plan.target if target is None else target
    shape = (len(claim.arms), len(seeds))
    n_missing = len(planned) - len(seeds)
    grid = metric_curve(chosen[0][0], plan.metric)[0].astype(np.float64) if seeds else np.empty(0)
    if claim.outcome == "iterations":
        if goal is None:
            unknown = np.full(shape, np.nan)
            return OutcomeValues(claim.arms, seeds, unknown, None, grid, budget, n_missing)
        times = np.array([[_time(t, plan.metric, goal) for t in row] for row in chosen]).reshape(shape)
        values = log_restricted(times, budget)
        return OutcomeValues(claim.arms, seeds, values, times, grid, budget, n_missing)
    values = np.array(
        [[final_value(plan, table.facts, t, claim, site=site, by=by) for t in row] for row in chosen]
    ).reshape(shape)
    known = np.isfinite(values)
    never = tuple(arm for arm, row in zip(claim.arms, known, strict=True) if seeds and not row.any())
    keep = np.asarray(known.all(axis=0))
    return OutcomeValues(
        claim.arms,
        tuple(s for s, kept in zip(seeds, keep, strict=True) if kept),
        values[:, keep],
        None,
        grid,
        budget,
        n_missing,
        n_without=int((~keep).sum()),
        never_applies=never,
        lost=tuple(s for s, kept in zip(seeds, keep, strict=True) if not kept),
        is_capped=_all_capped(plan, table.facts, claim, values[:, keep]),
    )


def _all_capped(plan: Plan, facts: StudyFacts, claim: Claim, values: Floats) -> bool:
    """Whether every run costs as much as counts: a constant prediction's cost."""
    if claim.outcome not in ("cost", "held_out_cost") or not values.size:
        return False
    is_held = claim.outcome == "held_out_cost" or plan.metric == "held_out"
    return bool((values >= (facts.c0_held if is_held else facts.c0_train)).all())


def _runs(plan: Plan, table: RunTable, claim: Claim, arm: str, stage: str) -> dict[int, Trace]:
    if stage == CONFIRM:
        return confirm_runs(plan, table, arm, claim)
    return {t.key.seed: t for t in table.select(stage, arm, lr=plan.rate(arm), budget=plan.budget)}


def final_value(
    plan: Plan,
    facts: StudyFacts,
    trace: Trace,
    claim: Claim,
    *,
    site: int | None = None,
    by: float | None = None,
) -> float:
    """The outcome of one run, for every outcome but iterations; NaN for a reading that does not apply.

    Args:
        plan: Says which cost is meant (`metric`).
        facts: What a run that diverged counts as.
        trace: The run.
        claim: Says which outcome.
        site: Index of the site, for readings.
        by: Judge the run at the last evaluation up to this iteration; None: at its end.
    """
    if claim.is_reading:
        with np.errstate(invalid="ignore", over="ignore"):  # a run about to diverge may hold infinities
            return reading_mean(trace, claim.outcome, site)
    if claim.outcome == "held_out_error":
        return _last(trace, trace.held_at, trace.held_error, by, facts.error0)
    held, train = final_costs(facts, trace, by=by)
    if claim.outcome == "held_out_cost" or (claim.outcome == "cost" and plan.metric == "held_out"):
        return held
    return train if claim.outcome == "cost" else held - train


def final_costs(facts: StudyFacts, trace: Trace, *, by: float | None = None) -> tuple[float, float]:
    """The (held-out, training) costs of one run: at most those of a constant, and these if it diverged.

    Args:
        facts: What a constant costs.
        trace: The run.
        by: As for `final_value`.
    """
    held = _last(trace, trace.held_at, trace.held_cost, by, facts.c0_held)
    train = _last(trace, trace.eval_at, trace.cost, by, facts.c0_train)
    return min(held, facts.c0_held), min(train, facts.c0_train)


def is_share(claim: Claim, facts: StudyFacts) -> bool:
    """Whether the outcome of a claim lies between 0 and 1."""
    return claim.outcome in SHARES or (claim.outcome == "held_out_error" and facts.error_unit == "share")


def site_index(claim: Claim, facts: StudyFacts) -> int | None:
    """Position of the claim's site in the facts; None for a claim about all sites.

    Raises:
        PlanError: If there is no such site.
    """
    if claim.site is None:
        return None
    names: Sequence[str] = [site.name for site in facts.sites]
    if claim.site not in names:
        listed = ", ".join(repr(name) for name in names) or "none"
        raise PlanError(
            f'claim "{claim.text}": the network has no site {claim.site!r}. Its sites are {listed}. '
            "Name one of them, or leave site out for the mean over all.",
            "plan-unknown-site",
        )
    return names.index(claim.site)


def _time(trace: Trace, metric: str, target: float) -> float:
    """Iterations to the target; infinite if never, and always so for a run that diverged later on."""
    if trace.diverged_at is not None:
        return float("inf")
    times, _ = arrival_times(*metric_curve(trace, metric), target)
    return float(times)


def _last(trace: Trace, at: np.ndarray, values: np.ndarray, by: float | None, diverged: float) -> float:
    """The last value (up to an iteration), or what divergence counts as: so does one that is not finite."""
    # A run that stopped at its target was not judged beyond: there neither it nor its training cost has a value.
    is_judged = ~np.isnan(values) | np.isin(at, trace.eval_at[np.isfinite(trace.cost)])
    seen = values[is_judged & (at <= (np.inf if by is None else by))]
    if trace.diverged_at is not None or not len(seen) or not np.isfinite(seen[-1]):
        return diverged
    return float(seen[-1])
