"""Costs count at most as a constant prediction's: where all do, that is said, and not that the arms are identical."""

import numpy as np

from hunch.evidence import UNDECIDED, decide
from hunch.plan import lower


def test_runs_that_all_end_above_a_constant_are_not_called_identical(made):
    plan = made.plan(lower("held_out_cost", "a", than="b"), n=8)
    c0 = made.facts().c0_held
    table = made.table(plan, held_cost={"a": c0 + np.arange(1, 9), "b": c0 + np.arange(9, 17)})
    (found,) = decide(plan, table)
    assert found.decision == UNDECIDED
    assert "ended at or above the cost of a constant prediction" in found.reason
    assert "identical" not in found.reason


def test_runs_that_are_alike_below_it_still_are(made):
    plan = made.plan(lower("held_out_cost", "a", than="b"), n=8)
    same = np.linspace(0.2, 0.5, 8)
    (found,) = decide(plan, made.table(plan, held_cost={"a": same, "b": same}))
    assert "the arms are identical in this outcome" in found.reason
