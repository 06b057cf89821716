"""On what, and on which part of the data, an arm is tuned for a claim."""

from __future__ import annotations

from hunch.plan.claims import Claim
from hunch.plan.pools import TUNE, TUNE_HELD

HELD_OUT = {"held_out_error": "held_out_error", "held_out_cost": "held_out_cost", "gap": "held_out_cost"}


def tuning_goal(claim: Claim, metric: str) -> tuple[str, str]:
    """(stage, outcome) of the tuning runs for a claim: its own outcome is what shall be low.

    A held-out outcome is tuned on a fifth cut from the training part, in a stage of its own. A reading is
    tuned on the final cost: a rate that makes a reading low is as a rule one at which nothing is learned.

    Args:
        claim: The claim.
        metric: The study's: `"train"` or `"held_out"`.

    Returns:
        The stage, and `"iterations"`, `"cost"`, `"held_out_cost"` or `"held_out_error"`.

    Example:
        >>> from hunch.plan.claims import faster, lower_error
        >>> tuning_goal(faster("a", than="b"), "train"), tuning_goal(lower_error("a", than="b"), "train")
        (('tune', 'iterations'), ('tune_held', 'held_out_error'))
    """
    if claim.outcome in HELD_OUT:
        return TUNE_HELD, HELD_OUT[claim.outcome]
    is_held = metric == "held_out"
    if claim.outcome == "iterations":
        return (TUNE_HELD if is_held else TUNE), "iterations"
    return (TUNE_HELD, "held_out_cost") if is_held else (TUNE, "cost")
