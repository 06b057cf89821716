"""What a study shows while it runs: estimates that are no verdicts, because looking is not deciding."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from hunch.evidence.estimate import effect_limit, estimate_effect, resolution
from hunch.evidence.looks import method_of
from hunch.evidence.outcomes import outcome_values
from hunch.evidence.verdict import UNDECIDED, Verdict
from hunch.evidence.wording import effect_text
from hunch.plan import Claim, Plan
from hunch.traces import RunTable, StudyFacts, Trace

PROVISIONAL = "so far (provisional, not a verdict)"
FEWEST = 3  # pairs, for an interval that says anything


Runs = Mapping[str, Mapping[int, Trace]]
"""Arm → seed → confirm run."""


def provisional_lines(plan: Plan, facts: StudyFacts, runs: Mapping[Claim, Runs]) -> tuple[str, ...]:
    """The estimate of each claim on the runs so far, a line each, every line marked as provisional.

    The interval is the one that the next planned look would have, were it taken now. Nothing is decided by it: a
    verdict looks where it was planned to, and nowhere else. That is why what comes back is text, and no `Verdict`.

    Args:
        plan: The plan, frozen.
        facts: Facts of the study.
        runs: The confirm runs so far of those claims that are to be shown, as a rule the open ones. They are handed in,
            because finding an arm's rate in every block anew would take longer than all the rest.
    """
    return tuple(_line(plan, facts, claim, found) for claim, found in runs.items())


def _line(plan: Plan, facts: StudyFacts, claim: Claim, runs: Runs) -> str:
    outcome = outcome_values(plan, RunTable(facts, ()), claim, runs=runs)
    n = len(outcome.seeds)
    if n < FEWEST or not np.isfinite(outcome.values).all():
        return f"{PROVISIONAL}: {n} block{'' if n == 1 else 's'} for {claim.text}, too few for an interval"
    method = method_of(plan, facts, claim, plan.alpha / len(plan.claims))
    have = n + outcome.n_without
    look = next((k for k, blocks in enumerate(plan.look_counts) if blocks >= have), len(method.levels) - 1)
    interval = method.interval(outcome.effects(claim), method.levels[look])
    step, limit = resolution(outcome, claim, facts), effect_limit(claim, facts)
    found = estimate_effect(outcome, claim, interval, step, limit)
    seen = Verdict(
        claim,
        UNDECIDED,
        effect=found.effect,
        low=found.low,
        high=None if found.high == math.inf else found.high,
        bound="at_least" if found.is_bound else "exact",
        ratio=math.exp(found.effect) if claim.is_ratio else None,
        seeds=n,
        alpha=method.levels[look],
        margin=math.nan,
        looks=(),
        reached=outcome.reached,
    )
    told = effect_text(seen, plan, facts.error_unit).removeprefix("by the estimate ")
    return f"{PROVISIONAL}: {told or f'no difference for {claim.text}'}"
