"""A run that has reached its target may stop; what it measured until then is what it would have measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import hunch
from hunch.data import load
from hunch.engine import Job, LoopEngine, NativeEngine, Setting
from hunch.engine.native_extension import native_absence
from hunch.network import build_network, inspect_network
from hunch.plan import CONFIRM, Arm
from hunch.traces import RunKey

BUDGET, TARGET = 200, 0.5
BUILD = hunch.mlp([64, 24, 10], "sigmoid")


@pytest.fixture(params=[LoopEngine, NativeEngine], ids=lambda e: e.name)
def engine(request):
    if request.param is NativeEngine and native_absence():
        pytest.skip(native_absence())
    return request.param()


def trained(engine, *, metric="train", stop_at=None):
    data = load("digits")
    sites = inspect_network(build_network(BUILD, 0), data.x).sites
    setting = Setting(BUILD, data, "cross_entropy", BUDGET, sites, metric, stop_at=stop_at)
    arm = Arm("before", norm="batch", batch_size=50).resolved(data.n)
    jobs = [Job(RunKey(CONFIRM, "before", seed, 0.5, BUDGET), arm, seed) for seed in (1, 2)]
    return {r.job.key.seed: r for r in engine.train(setting, jobs, keep_networks=True)}


@pytest.mark.parametrize("metric", ["train", "held_out"])
def test_a_run_stops_at_its_second_evaluation_in_a_row_at_the_target(engine, metric):
    whole, stopped = trained(engine, metric=metric), trained(engine, metric=metric, stop_at=TARGET)
    for seed, result in stopped.items():
        trace, full = result.trace, whole[seed].trace
        curve = full.cost if metric == "train" else full.held_cost
        low = curve <= TARGET
        second = next(k for k in range(1, len(low)) if low[k] and low[k - 1])
        assert np.array_equal(trace.cost[: second + 1], full.cost[: second + 1])
        assert np.isnan(trace.cost[second + 1 :]).all()
        assert trace.diverged_at is None
        n_updates = int(trace.eval_at[second])
        assert n_updates < BUDGET
        assert int(result.state["0_norm.num_batches_tracked"]) == n_updates


def test_a_run_that_never_gets_there_goes_on_to_the_budget(engine):
    whole, same = trained(engine), trained(engine, stop_at=1e-9)
    for seed, result in same.items():
        assert replace(result.trace, wall_s=0.0).cost[-1] == whole[seed].trace.cost[-1]
        assert all(torch.equal(v, whole[seed].state[k]) for k, v in result.state.items())
