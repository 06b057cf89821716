"""From runs to verdicts: `decide`.

Every verdict follows from one interval and one margin at the looks that the plan fixed beforehand; guards
come first. A claim that is decided keeps its verdict and interval, whatever is seen later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hunch.evidence import reasons
from hunch.evidence.estimate import (
    Estimate,
    effect_limit,
    estimate_effect,
    few_reach,
    judge,
    projected_seeds,
    resolution,
)
from hunch.evidence.guards import Guard, find_guard
from hunch.evidence.looks import Method, is_futile, method_of
from hunch.evidence.new_data import new_data_interval
from hunch.evidence.outcomes import OutcomeValues, outcome_values
from hunch.evidence.tuning import always_diverged
from hunch.evidence.verdict import UNDECIDED, Look, Verdict
from hunch.plan import Claim, Plan
from hunch.traces import RunTable, StudyFacts


def decide(plan: Plan, table: RunTable) -> tuple[Verdict, ...]:
    """One verdict per claim, in the order of the plan.

    A pure function of the plan and the confirm runs. Each of k claims gets alpha / k, and the looks at it
    share that. A claim is `supported` or `refuted` when its interval at a look lies on one side of 0 and the
    exact sign-flip test agrees; it is `no meaningful difference` when the interval lies within ± margin; else
    it is `undecided`, with a reason. The first look that decides is the last: later runs change nothing.

    Args:
        plan: The plan. One that the pilot has not completed gives undecided verdicts.
        table: The runs.

    Returns:
        The verdicts.

    Raises:
        PlanError: If a claim names a site that the network does not have.
    """
    share = plan.alpha / max(1, len(plan.claims))
    is_fixed = plan.budget is not None and len(plan.margins) == len(plan.claims)
    margins = plan.margins if is_fixed else (math.nan,) * len(plan.claims)
    return tuple(
        _verdict(plan, table, claim, margin, share)
        for claim, margin in zip(plan.claims, margins, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """One look at a claim: what it showed, and whether it is the last."""

    outcome: OutcomeValues
    estimate: Estimate
    decision: str
    is_beyond: bool = False
    is_final: bool = False
    reason: str = ""
    needed: int | None = None
    is_guarded: bool = False


def _verdict(plan: Plan, table: RunTable, claim: Claim, margin: float, share: float) -> Verdict:
    return verdict_of(plan, table, claim, margin, share, outcome_values(plan, table, claim))


def verdict_of(
    plan: Plan, table: RunTable, claim: Claim, margin: float, share: float, every: OutcomeValues
) -> Verdict:
    """The verdict on one claim, from the outcomes of its arms.

    Args:
        plan: The plan: seeds, looks and method.
        table: The runs.
        claim: The claim.
        margin: Its margin, on the scale of its effect.
        share: Share of wrong verdicts allowed for this claim.
        every: The outcomes, at the plan's seeds.
    """
    method = method_of(plan, table.facts, claim, share)
    history: list[Look] = []
    seen: _Seen | None = None
    for index, blocks in enumerate(plan.look_counts):
        outcome = every.first(plan.seeds[:blocks])
        is_whole = not outcome.n_missing
        if not is_whole and seen is not None:
            # The next look has not come: what was seen at the last one stands, and goes on.
            break
        seen = _look(plan, table.facts, outcome, claim, margin, method, index)
        if is_whole:
            history.append(_as_look(blocks, method.levels[index], seen))
        if seen.is_final or not is_whole:
            break
    assert seen is not None, "a plan has at least one look"
    outcome, estimate = seen.outcome, seen.estimate
    is_decided = seen.decision != UNDECIDED
    reason = seen.reason
    if not seen.is_final and not seen.is_guarded:
        have = len(every.seeds) + every.n_without
        reason = reasons.unfinished(have, _next_look(plan, have))
    diverged = always_diverged(plan, table, claim)
    if diverged:
        tried = [rate for arm in diverged for rate in plan.grid(arm)]
        reason = "; ".join(part for part in (reason, reasons.every_tuning_diverged(diverged, tried)) if part)
    return Verdict(
        claim=with_margin(claim, margin),
        decision=seen.decision,
        effect=estimate.effect,
        low=estimate.low,
        high=None if estimate.high == math.inf else estimate.high,
        bound="at_least" if estimate.is_bound else "exact",
        ratio=math.exp(estimate.effect) if claim.is_ratio else None,
        seeds=len(outcome.seeds),
        alpha=share,
        margin=margin,
        looks=tuple(look.blocks for look in history),
        reached=outcome.reached,
        reason=reason,
        seeds_needed=seen.needed,
        beyond_margin=seen.is_beyond,
        p_value=estimate.p_value,
        history=tuple(history),
        is_final=seen.is_final,
        new_data=_new_data(plan, table, claim, seen, history),
        is_early=is_decided and history[-1].blocks < plan.look_counts[-1],
    )


def _new_data(
    plan: Plan, table: RunTable, claim: Claim, seen: _Seen, history: list[Look]
) -> tuple[float, float] | None:
    """The second interval; never narrower than the first, which was widened where the differences are skewed."""
    if not history:
        return None
    found = new_data_interval(plan, table, seen.outcome, claim, history[-1].alpha)
    if found is None:
        return None
    limit = effect_limit(claim, table.facts)
    return max(min(found[0], seen.estimate.low), -limit), min(max(found[1], seen.estimate.high), limit)


def _look(
    plan: Plan,
    facts: StudyFacts,
    outcome: OutcomeValues,
    claim: Claim,
    margin: float,
    method: Method,
    index: int,
) -> _Seen:
    """What one look at a claim shows."""
    level, is_last = method.levels[index], index == len(method.levels) - 1
    d = outcome.effects(claim)
    interval = method.interval(d, level) if len(d) else (math.nan, math.nan)
    limit = effect_limit(claim, facts)
    estimate = estimate_effect(outcome, claim, interval, resolution(outcome, claim, facts), limit)
    is_whole = not outcome.n_missing
    guard = find_guard(plan, outcome, claim, level if method.needs_sign_flip else None)
    if guard:
        return _guarded(outcome, estimate, guard, is_final=is_whole and (guard.is_final or is_last))
    if not is_whole:
        return _Seen(outcome, estimate, UNDECIDED)
    can_be_equal = not few_reach(outcome)
    flip_at = level if method.needs_sign_flip else None
    decision, beyond = judge(claim.kind, estimate, margin, flip_at, can_be_equal=can_be_equal)
    if decision != UNDECIDED:
        few = few_reach(outcome)
        reason = reasons.is_bound(few) if estimate.is_bound else reasons.reach_note(few)
        return _Seen(outcome, estimate, decision, beyond, is_final=True, reason=reason)
    needed = None
    if not estimate.is_flat:
        price = method.price
        needed = projected_seeds(outcome, claim, margin, level, can_be_equal=can_be_equal, price=price)
    if not is_last and is_futile(plan, outcome, claim, margin, index, can_be_equal=can_be_equal):
        reason = reasons.futile(len(outcome.seeds), plan.look_counts[-1])
        return _Seen(outcome, estimate, UNDECIDED, is_final=True, reason=reason, needed=needed)
    reason = _why_undecided(outcome, claim, estimate, margin, method, level, facts.error_unit)
    return _Seen(outcome, estimate, UNDECIDED, is_final=is_last and is_whole, reason=reason, needed=needed)


def _guarded(outcome: OutcomeValues, estimate: Estimate, guard: Guard, *, is_final: bool) -> _Seen:
    return _Seen(
        outcome,
        estimate,
        UNDECIDED,
        is_final=is_final,
        reason=guard.reason,
        needed=guard.seeds_needed,
        is_guarded=True,
    )


def _as_look(blocks: int, level: float, seen: _Seen) -> Look:
    found = seen.estimate
    return Look(
        blocks, len(seen.outcome.seeds), level, found.effect, found.low, found.high, found.p_value, seen.decision
    )  # fmt: skip


def _next_look(plan: Plan, have: int) -> int:
    return next((n for n in plan.look_counts if n > have), plan.look_counts[-1])


def _why_undecided(
    outcome: OutcomeValues,
    claim: Claim,
    estimate: Estimate,
    margin: float,
    method: Method,
    level: float,
    error_unit: str,
) -> str:
    """Why an estimate that no guard stopped decides nothing."""
    if estimate.is_flat:
        return reasons.below_resolution()
    low, high = method.interval(outcome.effects(claim), level)  # before a bound took one end away
    if -margin < low and high < margin:
        return reasons.equality_censored(few_reach(outcome))
    if method.needs_sign_flip and (estimate.low > 0 or estimate.high < 0) and estimate.p_value > level:
        return reasons.sign_flip_disagrees(estimate.p_value, level)
    return reasons.margin_crossed(claim, margin, error_unit)


def with_margin(claim: Claim, margin: float) -> Claim:
    """The claim with its margin named, in the claim's own terms: a ratio for iterations."""
    named = round(math.exp(margin), 12) if claim.is_ratio else margin
    is_valid = named > 1 if claim.is_ratio else named > 0
    return claim.with_margin(named) if claim.margin is None and is_valid else claim
