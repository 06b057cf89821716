from dataclasses import replace

import numpy as np
import pytest
from made_study import freeze, make_facts, make_plan, make_provenance, make_trace

from hunch.errors import PlanError
from hunch.plan import TRAIN
from hunch.results import Runs
from hunch.traces import RunTable


@pytest.fixture
def make_runs():
    def make(seeds=(5, 2, 9), change=lambda t: t, **facts):
        plan = make_plan()
        plan = replace(plan, arms=plan.arms[:1], claims=(), seeds=tuple(seeds), pilot_seeds=())
        plan = freeze(plan, target=None)
        facts = make_facts(**facts)
        traces = [change(make_trace("none", seed, stage=TRAIN)) for seed in seeds]
        made = []

        def network(seed):
            made.append(seed)
            return object()

        runs = Runs(plan, facts, make_provenance(), RunTable(facts, traces), make_network=network)
        return runs, made

    return make


def test_runs_are_their_seeds_in_the_order_given(make_runs):
    runs, _ = make_runs()
    assert list(runs.seeds) == list(runs) == [5, 2, 9]
    assert len(runs) == 3


def test_a_network_is_made_when_asked_for_and_anew_each_time(make_runs):
    runs, made = make_runs()
    assert made == []
    assert runs.network(2) is not runs.network(np.int64(2))
    assert made == [2, 2]
    assert type(made[1]) is int


@pytest.mark.parametrize("seed", [0, "2", None])
def test_an_unknown_seed_is_refused_with_the_seeds_there_are(make_runs, seed):
    runs, made = make_runs()
    with pytest.raises(PlanError, match=r"no run with seed .*seeds are 5, 2, 9\.  \[results-unknown-seed\]"):
        runs.network(seed)
    with pytest.raises(PlanError, match="results-unknown-seed"):
        runs.curve(seed)
    assert made == []


def test_many_seeds_are_not_all_listed(make_runs):
    runs, _ = make_runs(range(30))
    with pytest.raises(PlanError, match=r"0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more\."):
        runs.network(77)


def test_the_frame_has_a_row_for_each_run(make_runs):
    frame = make_runs()[0].frame()
    assert list(frame.columns) == [
        "arm", "seed", "lr", "outcome", "iterations", "cost", "held_out_cost", "held_out_error", "wall_s",
    ]  # fmt: skip
    assert frame["seed"].tolist() == [5, 2, 9]


def test_a_curve_is_that_of_one_seed(make_runs):
    runs, _ = make_runs()
    curve = runs.curve(2)
    trace = make_trace("none", 2, stage=TRAIN)
    assert list(curve.columns) == ["iteration", "cost", "held_out_cost", "held_out_error"]
    assert curve["cost"].tolist() == trace.cost.tolist()
    assert list(curve.index) == list(range(len(trace.cost)))
    assert set(runs.curves()["seed"]) == {5, 2, 9}
    assert list(runs.curves(metric="train").columns) == ["arm", "seed", "iteration", "cost"]
    assert set(runs.readings()["seed"]) == {5, 2, 9}


def test_runs_print_how_many_they_are_and_how_they_ended(make_runs):
    def known(trace):
        return replace(
            trace, cost=np.full_like(trace.cost, 0.25), held_error=np.full_like(trace.held_error, 0.04)
        )

    runs, _ = make_runs(change=known)
    assert str(runs) == "3 runs of none, 200 iterations: mean final cost 0.25, mean held-out error 4 %"
    runs, _ = make_runs(change=known, error_unit="target")
    assert str(runs).endswith("mean held-out error 0.04")
    runs, _ = make_runs([1], change=lambda t: replace(t, diverged_at=10))
    assert str(runs) == "1 run of none, 200 iterations: 1 diverged"
    assert repr(runs).startswith("<Runs of Arm('none', ")
