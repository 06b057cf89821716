"""Is the answer another at a nearby target, or in half the time? Beside a verdict, never part of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hunch.evidence.estimate import effect_limit, estimate_effect, resolution
from hunch.evidence.looks import method_of
from hunch.evidence.outcomes import OutcomeValues, outcome_values
from hunch.plan import Claim, Plan
from hunch.stats import pairing_correlation
from hunch.traces import RunTable

EASIER, HARDER = 0.8, 1.25  # of the way from c0 to the target, on a logarithmic scale


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """The effect of a claim under another choice of target or budget.

    Args:
        choice: `"as decided"`, `"easier target"`, `"harder target"` or `"half the budget"`.
        target: The target; None where no target is involved.
        budget: Iteration at which runs are judged.
        effect: Mean over seeds, on the scale of the verdict's effect; NaN if there is none.
        low: Lower end of the interval at the verdict's level; -infinity for a bound from above.
        high: Upper end; infinity for a bound from below.
        reached: Pairs (arm, share of runs that reached the target).
    """

    choice: str
    target: float | None
    budget: float
    effect: float
    low: float
    high: float
    reached: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How much a verdict depends on choices that the pilot made.

    Args:
        claim: The claim.
        rows: The effect as decided, and under other choices.
        correlation: Correlation over seeds between the two arms of a pair: what sharing seeds achieved. NaN
            for other contrasts, and where an arm does not vary.
    """

    claim: Claim
    rows: tuple[SensitivityRow, ...]
    correlation: float

    @property
    def flips(self) -> tuple[str, ...]:
        """The choices under which the effect lies on the other side of 0."""
        decided = self.rows[0].effect
        return tuple(row.choice for row in self.rows[1:] if row.effect * decided < 0)


def sensitivity(plan: Plan, table: RunTable, claim: Claim, blocks: int | None = None) -> Sensitivity:
    """The same effect at neighbouring targets and at half the budget, and what pairing achieved.

    Neighbouring targets lie at 0.8 and 1.25 of the way from c0 to the target on a logarithmic scale, so
    that the harder one is still above 0. Half the budget means the same runs judged half-way, with the
    learning-rate schedule of the whole budget. Where runs stopped at the target there is no harder one.
    Readings and claims without a target or budget have fewer rows.

    Args:
        plan: The plan.
        table: The runs; only confirm runs are looked at.
        claim: One of the plan's claims.
        blocks: The look that the verdict rests on (`Verdict.looks[-1]`), so that the effect as decided is the
            verdict's. None: the last look that all arms of the claim have come to.

    Raises:
        PlanError: If the claim names a site that the network does not have.
    """
    every = outcome_values(plan, table, claim)
    share = plan.alpha / max(1, len(plan.claims))
    method = method_of(plan, table.facts, claim, share)
    have = len(every.seeds) + every.n_without if blocks is None else blocks
    index = max((k for k, n in enumerate(plan.look_counts) if n <= have), default=0)
    seeds, level = plan.seeds[: plan.look_counts[index]], method.levels[index]
    decided = every.first(seeds)

    def row(choice: str, outcome: OutcomeValues, target: float | None) -> SensitivityRow:
        outcome = outcome.first(seeds)
        interval = method.interval(outcome.effects(claim), level)
        found = estimate_effect(outcome, claim, interval, resolution(outcome, claim, table.facts), limit)
        return SensitivityRow(
            choice, target, outcome.budget, found.effect, found.low, found.high, outcome.reached
        )

    limit = effect_limit(claim, table.facts)
    target = plan.target if claim.is_ratio else None
    rows = [row("as decided", decided, target)]
    c0 = table.facts.c0_held if plan.metric == "held_out" else table.facts.c0_train
    if target is not None and 0 < target < c0:
        ways = (("easier target", EASIER), ("harder target", HARDER))
        for choice, way in ways[:1] if plan.stop_at_target else ways:
            near = c0 * (target / c0) ** way
            rows.append(row(choice, outcome_values(plan, table, claim, target=near), near))
    if plan.budget is not None and not claim.is_reading and (target is not None or not claim.is_ratio):
        half = plan.budget / 2
        rows.append(row("half the budget", outcome_values(plan, table, claim, by=half), target))
    correlation = math.nan
    if claim.favoured is not None and len(decided.seeds):
        correlation = pairing_correlation(decided.values[0], decided.values[1])
    return Sensitivity(claim, tuple(rows), correlation)
