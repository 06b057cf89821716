"""The second interval of a claim about what is held out: not only for these examples, but for new ones like them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hunch.evidence.outcomes import OutcomeValues, final_costs
from hunch.evidence.tuning import confirm_runs
from hunch.plan import Claim, Plan
from hunch.stats import new_examples_interval
from hunch.traces import RunTable, StudyFacts, Trace

Floats = npt.NDArray[np.float64]

ANSWERS, LOSSES = "answers", "losses"


def examples_kept(plan: Plan, claim: Claim) -> str:
    """What a claim needs to know of every held-out example, so that it can be extended to new ones.

    Args:
        plan: Says which cost is meant (`metric`).
        claim: The claim.

    Returns:
        `"answers"` for held-out errors, `"losses"` for held-out costs and the gap (of which new examples change
        the held-out part); empty for claims that no other held-out examples would change.
    """
    if claim.outcome == "held_out_error":
        return ANSWERS
    is_held_cost = claim.outcome == "cost" and plan.metric == "held_out"
    return LOSSES if is_held_cost or claim.outcome in ("held_out_cost", "gap") else ""


def new_data_interval(
    plan: Plan, table: RunTable, outcome: OutcomeValues, claim: Claim, level: float
) -> tuple[float, float] | None:
    """The ends of an interval that would hold for other held-out examples from the same source too.

    A run counts on every example as it does in the outcome: one that diverged as the constant guess, and one
    that costs more than a constant as the constant.

    Args:
        plan: The plan.
        table: The runs.
        outcome: The outcome that the verdict rests on.
        claim: The claim.
        level: 1 - that is the level of the interval, as for the verdict's first one.

    Returns:
        (low, high) on the scale of the effect. None with fewer than two seeds; for claims that no other held-out
        examples would change; for errors of regression, whose root mean square is no mean over examples; and for
        files of an older format, where single answers, losses or those of a constant are missing.
    """
    kept, facts = examples_kept(plan, claim), table.facts
    if not kept or len(outcome.seeds) < 2 or (kept == ANSWERS and facts.error_unit != "share"):
        return None
    difference = np.zeros((len(outcome.seeds), facts.n_held))
    for arm, weight in claim.weights:
        runs = confirm_runs(plan, table, arm, claim)
        for row, seed in enumerate(outcome.seeds):
            each = _errors(facts, runs[seed]) if kept == ANSWERS else _losses(facts, runs[seed], claim)
            if each is None:
                return None
            difference[row] += weight * each
    return new_examples_interval(difference, level)


def _errors(facts: StudyFacts, trace: Trace) -> Floats | None:
    """1 where an example was answered wrongly, else 0; None if that is not known."""
    if trace.diverged_at is not None:
        right = np.array(facts.constant_right, dtype=np.float64)
    elif trace.held_correct is not None and len(trace.held_correct) == -(-facts.n_held // 8):
        right = np.unpackbits(trace.held_correct, count=facts.n_held).astype(np.float64)
    else:
        return None
    return 1.0 - right if len(right) == facts.n_held else None


def _losses(facts: StudyFacts, trace: Trace, claim: Claim) -> Floats | None:
    """What every example cost; less the run's training cost, for the gap. None if that is not known."""
    held, train = final_costs(facts, trace)
    found = facts.constant_losses if held >= facts.c0_held else trace.held_losses
    if found is None or len(found) != facts.n_held:
        return None
    each = np.array(found, dtype=np.float64)
    return each - train if claim.outcome == "gap" else each
