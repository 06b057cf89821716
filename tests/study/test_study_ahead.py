"""Readings on request in a study: who takes them, where they are, and that they change nothing else."""

import numpy as np
import pytest

import hunch
from hunch.plan import ON_REQUEST


def compared(blobs, *, claims, **changes):
    arms = [hunch.Arm("none", norm="none", keep_prob=0.5), hunch.Arm("before", norm="batch", keep_prob=0.5)]
    base = hunch.Arm("base", lr=0.3, optimizer="momentum")
    return hunch.compare(
        hunch.mlp([8, 6, 5, 3], "tanh"), blobs, arms=arms, claims=claims, base=base, budget=8, seeds=5,
        progress=False, **changes,
    )  # fmt: skip


ASKED = [hunch.lower(name, "before", than="none", margin=0.1) for name in ON_REQUEST]
PLAIN = [hunch.lower("slope", "before", than="none", margin=0.1)]


def test_a_study_that_asks_for_it_is_trained_by_the_loop_says_so_and_has_the_reading_everywhere(blobs):
    study = compared(blobs, claims=ASKED)
    assert study.facts.engine == "loop"
    assert "gradient predictiveness takes gradients at other weights" in study.facts.engine_reason
    for trace in study.table.select("confirm"):
        assert trace.readings.shape[1] == 10 + len(ON_REQUEST)
        assert np.isfinite(trace.readings[:, 10:]).all()
        assert (np.abs(trace.readings[:, 12]) <= 1 + 1e-6).all()


def test_asking_for_it_changes_nothing_else_in_any_run(blobs):
    asked = compared(blobs, claims=ASKED)
    plain = compared(blobs, claims=PLAIN, engine="loop")
    assert plain.table.select("confirm")[0].readings.shape[1] == 10
    for one, other in zip(asked.table.select("confirm"), plain.table.select("confirm"), strict=True):
        assert one.key == other.key
        np.testing.assert_array_equal(one.cost, other.cost)
        np.testing.assert_array_equal(one.held_cost, other.held_cost)
        np.testing.assert_array_equal(one.readings[:, :10], other.readings)


def test_the_native_engine_declines_it(blobs):
    with pytest.raises(hunch.UnsupportedError, match="cannot take these readings: gradient predictiveness"):
        compared(blobs, claims=ASKED, engine="native")
