"""Verdicts between regimes: arms of different networks, and whether an effect depends on the regime.

Studies of several regimes share the study seed, so at a confirm seed runs of different networks have the same batch
order, and initial weights from the same generator. How much that makes them alike does not matter: differences are
taken seed by seed, and an interval of paired differences is right whatever their correlation. Regimes should have
equally many arms, because then their tuning seeds meet within a block and never across blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from hunch.errors import PlanError
from hunch.evidence.borrowed import goal_of
from hunch.evidence.decide import verdict_of
from hunch.evidence.margins import claim_margin
from hunch.evidence.outcomes import OutcomeValues, outcome_values
from hunch.evidence.tuning import confirm_runs
from hunch.evidence.verdict import REFUTED, SUPPORTED, UNDECIDED, Verdict
from hunch.plan import PILOT, Claim, Plan
from hunch.traces import RunTable, StudyFacts, Trace

Parts = Mapping[str, tuple[Plan, RunTable]]
"""Regime → its plan, frozen, and its runs."""

JOINT = ": "
"""Between a regime and an arm in the name of an arm of several regimes: `"24 units: half"`."""


@dataclass(frozen=True, eq=False)
class Between:
    """A verdict on arms of different regimes.

    Args:
        regimes: The regimes that it is about.
        verdict: The verdict; its claim names arms as "REGIME: ARM".
        plan: The plan under which it was judged: its arms are those of these regimes.
        facts: Facts of the regimes together; sites are those of the first.
        asked: For a difference between regimes, the claims whose effects are compared, one a regime; else empty.
        opposed: Whether these two claim the opposite of each other, so that the statement predicts a difference.
    """

    regimes: tuple[str, ...]
    verdict: Verdict
    plan: Plan
    facts: StudyFacts
    asked: tuple[Claim, ...] = ()
    opposed: bool = False

    @property
    def about(self) -> Claim | None:
        """For a difference between regimes, what is asked, as the first of them does."""
        return self.asked[0] if self.asked else None

    @property
    def is_supported(self) -> bool:
        """Whether a difference was shown, in either direction."""
        return self.verdict.decision in (SUPPORTED, REFUTED)


def decide_across(parts: Parts, claims: Sequence[Claim], alpha: float) -> tuple[Between, ...]:
    """Verdicts on claims between arms of different regimes.

    Each claim gets alpha / (number of claims), one look, and the method of all verdicts. A claim that cannot be
    judged (the regimes ran for different budgets, say) is undecided, with the reason.

    Args:
        parts: The regimes.
        claims: The claims; arms are named "REGIME: ARM".
        alpha: For all of them together.

    Raises:
        PlanError: If a claim names a regime or an arm that is not there.
    """
    share = alpha / max(1, len(claims))
    return tuple(_judge_across(parts, claim, share) for claim in claims)


def compare_regimes(parts: Parts, alpha: float) -> tuple[Between, ...]:
    """Does the effect of what both regimes ask differ between them? One answer for each pair and common question.

    Two claims ask the same if they weigh the same arms in the same outcome, whichever way round: then the effect of
    the first, less that of the second the same way round, is taken at every seed that both regimes have, and judged
    as a verdict is: interval and sign-flip test, at the looks of the plan. alpha is shared by all pairs.

    Args:
        parts: The regimes.
        alpha: For all pairs and questions together.
    """
    asked = [
        (one, two, first, second, sign)
        for one, two in combinations(parts, 2)
        for first in parts[one][0].claims
        for second in parts[two][0].claims
        if (sign := _same_question(first, second))
    ]
    return tuple(_difference(parts, *each, alpha / len(asked)) for each in asked)


def _same_question(first: Claim, second: Claim) -> int:
    """1 if two claims weigh the same arms alike, -1 if the other way round, 0 if they ask different things."""
    if (first.outcome, first.site) != (second.outcome, second.site):
        return 0
    one, two = dict(first.weights), dict(second.weights)
    return 1 if one == two else -1 if one == {arm: -w for arm, w in two.items()} else 0


def _judge_across(parts: Parts, claim: Claim, share: float) -> Between:
    owners = {arm: _owner(parts, claim, arm) for arm in claim.arms}
    names = tuple(dict.fromkeys(owners.values()))
    plan, table = _merged(parts, dict.fromkeys(names, claim), claim, share)
    reason = _refusal(parts, owners, claim)
    if reason:
        nothing = math.nan
        refused = Verdict(
            claim, UNDECIDED, nothing, nothing, nothing, "exact", nothing if claim.is_ratio else None,
            0, share, nothing, (), reason=reason,
        )  # fmt: skip
        return Between(names, refused, _as_tuned(plan, parts, names), table.facts)
    margin = claim_margin(plan, table, claim)
    plan = replace(plan, margins=(margin,))
    verdict = verdict_of(plan, table, claim, margin, share, outcome_values(plan, table, claim))
    return Between(names, verdict, _as_tuned(plan, parts, names), table.facts)


def _difference(
    parts: Parts, one: str, two: str, first: Claim, second: Claim, sign: int, share: float
) -> Between:
    weights = [(_joint(one, arm), w) for arm, w in first.weights]
    weights += [(_joint(two, arm), -sign * w) for arm, w in second.weights]
    claim = Claim("more", first.outcome, tuple(weights), None, first.site)
    plan, table = _merged(parts, {one: first, two: second}, claim, share)
    margin = max(_margin(parts[one][0], first), _margin(parts[two][0], second))
    if not math.isfinite(margin):
        margin = math.nan
    plan = replace(plan, margins=() if math.isnan(margin) else (margin,))
    every = _stacked(plan, claim, ((one, *parts[one], first), (two, *parts[two], second)))
    verdict = verdict_of(plan, table, claim, margin, share, every)
    merged = _as_tuned(plan, parts, (one, two))
    return Between((one, two), verdict, merged, table.facts, (first, second), opposed=sign < 0)


def _margin(plan: Plan, claim: Claim) -> float:
    return plan.margins[plan.claims.index(claim)] if plan.margins else math.nan


def _stacked(plan: Plan, claim: Claim, sides: Sequence[tuple[str, Plan, RunTable, Claim]]) -> OutcomeValues:
    """The outcomes of both regimes, each by its own budget and target, at the seeds that both have."""
    found = [outcome_values(own, table, asked) for _, own, table, asked in sides]
    used = [set(values.seeds) for values in found]
    there = [own | set(values.lost) for own, values in zip(used, found, strict=True)]
    seeds = tuple(s for s in plan.seeds if all(s in own for own in used))
    lost = tuple(s for s in plan.seeds if all(s in own for own in there) and s not in seeds)
    columns = [[values.seeds.index(s) for s in seeds] for values in found]
    times = [v.times[:, k] for v, k in zip(found, columns, strict=True) if v.times is not None]
    return OutcomeValues(
        claim.arms,
        seeds,
        np.vstack([values.values[:, k] for values, k in zip(found, columns, strict=True)]),
        np.vstack(times) if len(times) == len(found) else None,
        max((values.grid for values in found), key=len),
        max(values.budget for values in found),
        n_missing=len(plan.seeds) - len(seeds) - len(lost),
        n_without=len(lost),
        never_applies=tuple(
            _joint(name, arm)
            for (name, *_), values in zip(sides, found, strict=True)
            for arm in values.never_applies
        ),
        lost=lost,
    )


def _merged(parts: Parts, runs_for: Mapping[str, Claim], claim: Claim, share: float) -> tuple[Plan, RunTable]:
    """One plan and one table with the arms of several regimes: pilot runs, and the confirm runs of a claim.

    Args:
        parts: The regimes.
        runs_for: Regime → the claim for whose outcome its arms were tuned.
        claim: What is asked, arms named "REGIME: ARM".
        share: Share of alpha.
    """
    first, facts = parts[next(iter(runs_for))][0], parts[next(iter(runs_for))][1].facts
    traces: list[Trace] = []
    for name, about in runs_for.items():
        plan, table = parts[name]
        traces += [_renamed(name, trace) for trace in table.select(PILOT, budget=plan.budget)]
        for arm in plan.arms:
            traces += [_renamed(name, t) for t in confirm_runs(plan, table, arm.name, about).values()]
    plans = {name: parts[name][0] for name in runs_for}
    merged = replace(
        first,
        arms=tuple(replace(a, name=_joint(name, a.name)) for name, p in plans.items() for a in p.arms),
        claims=(claim,),
        alpha=share,
        tuning="once",  # the confirm runs have been chosen: there are no others in the table
        rates=tuple((_joint(name, arm), rate) for name, p in plans.items() for arm, rate in p.rates),
        budget=max((p.budget or 0 for p in plans.values()), default=0) or None,
        grids=(),
        margins=(),
        notes=(),
        stop_at_target=False,
    )
    networks = " and ".join(dict.fromkeys(parts[name][1].facts.network for name in runs_for))
    return merged, RunTable(replace(facts, network=networks), traces)


def _as_tuned(plan: Plan, parts: Parts, names: Sequence[str]) -> Plan:
    """The merged plan with the tuning that its confirm runs had, for what is said of them."""
    return replace(plan, tuning=parts[names[0]][0].tuning)


def _refusal(parts: Parts, owners: Mapping[str, str], claim: Claim) -> str:
    """Why a claim across regimes cannot be judged; empty if it can."""
    names = tuple(dict.fromkeys(owners.values()))
    plans = [parts[name][0] for name in names]
    where = " and ".join(names)
    if not all(plan.is_frozen for plan in plans):
        return f"the pilot of {where} has not ended"
    if any(plan.is_sequential for plan in plans):
        return (
            f"{where} may stop after different numbers of seeds, and a claim across regimes needs the same in all; "
            "give seeds= as a number"
        )
    if len({plan.data_hash for plan in plans}) > 1:
        return f"{where} were judged on different data"
    if len({plan.seeds for plan in plans}) > 1:
        return f"{where} have different seeds"
    budgets = list(dict.fromkeys(plan.budget or 0 for plan in plans))
    if len(budgets) > 1:
        said = " and ".join(f"{budget:,}" for budget in budgets)
        return f"{where} ran for {said} iterations, which makes them no fair comparison; give budget= for all"
    if claim.is_ratio and len({plan.target for plan in plans}) > 1:
        return (
            f"{where} have different targets, so that iterations to them mean different things; give target="
        )
    for joint, name in owners.items():
        plan, arm = parts[name][0], joint.removeprefix(name + JOINT)
        own = {goal_of(c, plan) for c in plan.claims if arm in c.arms}
        if plan.is_tuned_per_block(arm) and goal_of(claim, plan) not in own:
            return f"{arm} in {name} was not tuned for {goal_of(claim, plan).replace('_', ' ')}"
    return ""


def _owner(parts: Parts, claim: Claim, joint: str) -> str:
    """The regime of an arm that is named "REGIME: ARM"."""
    for name, (plan, _) in parts.items():
        if joint.startswith(name + JOINT) and joint.removeprefix(name + JOINT) in {a.name for a in plan.arms}:
            return name
    there = ", ".join(_joint(name, arm.name) for name, (plan, _) in parts.items() for arm in plan.arms)
    raise PlanError(
        f'claim "{claim.text}": there is no arm "{joint}". Across regimes the arms are {there}.',
        "plan-unknown-arm",
    )


def _joint(regime: str, arm: str) -> str:
    return f"{regime}{JOINT}{arm}"


def _renamed(regime: str, trace: Trace) -> Trace:
    return replace(trace, key=replace(trace.key, arm=_joint(regime, trace.key.arm)))
