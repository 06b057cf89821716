"""The second interval of a claim about errors: not only for this held-out part, but for new data like it."""

from __future__ import annotations

import numpy as np

from hunch.evidence.outcomes import OutcomeValues
from hunch.evidence.tuning import confirm_runs
from hunch.plan import Claim, Plan
from hunch.stats import two_intervals
from hunch.traces import RunTable


def new_data_interval(
    plan: Plan, table: RunTable, outcome: OutcomeValues, claim: Claim, level: float
) -> tuple[float, float] | None:
    """The ends of an interval that would hold for other held-out examples from the same source too.

    Args:
        plan: The plan.
        table: The runs.
        outcome: The outcome that the verdict rests on.
        claim: The claim.
        level: 1 - that is the level of the interval, as for the verdict's first one.

    Returns:
        (low, high) on the scale of the effect; None for other claims than about errors that are shares, with fewer than
        two seeds, and where a run has no record of its single answers (it diverged, or the engine keeps none).
    """
    if claim.outcome != "held_out_error" or table.facts.error_unit != "share" or len(outcome.seeds) < 2:
        return None
    n_held = table.facts.n_held
    difference = np.zeros((len(outcome.seeds), n_held))
    for arm, weight in claim.weights:
        runs = confirm_runs(plan, table, arm, claim)
        for row, seed in enumerate(outcome.seeds):
            answers = runs[seed].held_correct
            if answers is None or len(answers) != -(-n_held // 8):
                return None
            difference[row] += weight * (1.0 - np.unpackbits(answers, count=n_held))
    low, high = two_intervals(difference, level).elsewhere
    return float(low), float(high)
