"""Where numbers are huge, nought, equal or missing, the native engine does what the loop does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import largest_difference, made, made_data, one

import hunch
from hunch.engine import Job, LoopEngine, NativeEngine
from hunch.engine.native_extension import native_absence
from hunch.plan import ACTIVATIONS, CONFIRM, Arm
from hunch.traces import RunKey

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")

CLOSE = 1e-10
COSTS = ("cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber")


def twins(what, seed=1):
    return largest_difference(one(NativeEngine(1), what, seed), one(LoopEngine(), what, seed))


def outputs(cost):
    return 3 if cost == "cross_entropy" else 1


@pytest.mark.parametrize("std", [1.0, 30.0, 1e4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_of_large_values(activation, std):
    # One step: with such weights any training is unstable; values and gradients are what is compared.
    what = made(hunch.mlp([9, 24, 17, 3], activation), Arm("x", init_std=std), budget=1)
    ours = one(NativeEngine(1), what)
    assert np.isfinite(ours.trace.cost).all() and np.isfinite(ours.trace.held_cost).all()
    assert largest_difference(ours, one(LoopEngine(), what)) < CLOSE


@pytest.mark.parametrize("std", [3.0, 300.0])
@pytest.mark.parametrize("cost", COSTS)
def test_costs_of_sure_and_wrong_answers(cost, std):
    what = made(hunch.mlp([9, 24, outputs(cost)], "tanh"), Arm("x", init_std=std, lr=1e-6), cost, budget=5)
    assert twins(what) < CLOSE


def silent_last(cost):
    def build():
        network = hunch.mlp([9, 12, outputs(cost)], "tanh")()
        with torch.no_grad():
            network[-1].weight.zero_()
            network[-1].bias.zero_()
        return network

    return build


@pytest.mark.parametrize("cost", COSTS)
def test_outputs_that_are_all_equal_are_judged_alike(cost):
    # "held_out": judged at iteration 0 too, where the first of the equal outputs is the answer.
    assert twins(made(silent_last(cost), Arm("x"), cost, budget=5, metric="held_out")) < CLOSE


@pytest.mark.parametrize("norm", ["batch", "layer", "rms", "group"])
@pytest.mark.parametrize("place", ["before_activation", "after_activation"])
def test_norms_of_nothing(norm, place):
    # Every unit is 0 on every example: no spread, no mean, and nothing to divide by but eps.
    def build():
        network = hunch.mlp([9, 12, 3], "relu")()
        with torch.no_grad():
            network[0].weight.zero_()
            network[0].bias.zero_()
        return network

    assert twins(made(build, Arm("x", norm=norm, norm_at=place, lr=1e-6), budget=5)) < CLOSE


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_inputs_that_are_all_nought(norm):
    data = made_data()
    data = replace(data, x=np.zeros_like(data.x))
    assert twins(made(arm=Arm("x", norm=norm), data=data, budget=20)) < CLOSE


def test_more_outputs_than_classes():
    assert twins(made(hunch.mlp([9, 12, 5], "tanh"), Arm("x"), budget=20)) < CLOSE


@pytest.mark.parametrize("metric", ["train", "held_out"])
@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_a_held_out_example_that_is_no_number_spoils_what_is_held_out_alone(missing, metric):
    data = made_data()
    x_held = data.x_held.copy()
    x_held[70, 2] = missing
    what = made(hunch.mlp([9, 12, 3], "relu"), data=replace(data, x_held=x_held), metric=metric, stop_at=1e-9)
    ours, theirs = one(NativeEngine(1), what), one(LoopEngine(), what)
    assert largest_difference(ours, theirs) < CLOSE
    assert np.isnan(ours.trace.held_cost).all() and np.isfinite(ours.trace.cost).all()


def test_a_training_example_that_is_no_number_and_is_not_judged_is_met_at_the_same_step():
    data = made_data(n=1003)
    judged = set(hunch.engine.training_slice(data))
    x = data.x.copy()
    x[next(i for i in range(1003) if i not in judged)] = np.nan
    what = made(hunch.mlp([9, 12, 3], "tanh"), data=replace(data, x=x), budget=60)
    ours, theirs = one(NativeEngine(1), what), one(LoopEngine(), what)
    assert ours.trace.diverged_at == theirs.trace.diverged_at is not None
    assert np.array_equal(np.isnan(ours.trace.cost), np.isnan(theirs.trace.cost))
    assert np.array_equal(np.isnan(ours.trace.readings), np.isnan(theirs.trace.readings))


def test_a_keep_probability_of_its_own_at_every_site():
    arm = Arm("x", keep_prob={"0": 0.9, "2": 0.35})
    for dropout in ("bernoulli", "gaussian", "exact"):
        assert twins(made(arm=replace(arm, dropout=dropout))) < CLOSE


@pytest.mark.parametrize("seed", [0, 2**31, 2**32 + 5, 2**40 + 1, 2**63 - 1])
def test_large_seeds(seed):
    assert twins(made(arm=Arm("x", keep_prob=0.6), budget=15), seed) < CLOSE


def test_the_streams_are_those_of_the_stream_seed():
    what = made(arm=Arm("x", keep_prob=0.6), budget=15)
    key = RunKey(CONFIRM, "x", 1, 0.05, 15)
    apart = Job(key, what.arm, 10_001)
    ours, theirs = (
        next(iter(e.train(what.setting, [apart], keep_networks=True)))
        for e in (NativeEngine(1), LoopEngine())
    )
    assert largest_difference(ours, theirs) < CLOSE
    assert largest_difference(ours, one(NativeEngine(1), what, seed=1)) > 1e-3


@pytest.mark.parametrize("metric", ["train", "held_out"])
def test_a_run_that_may_stop_stops_where_the_loop_stops(metric):
    what = made(arm=Arm("x", lr=0.5), budget=300, metric=metric, stop_at=0.85)
    ours, theirs = one(NativeEngine(1), what), one(LoopEngine(), what)
    assert np.isnan(theirs.trace.cost[-1])
    assert largest_difference(ours, theirs) < CLOSE


@pytest.mark.parametrize("metric", ["train", "held_out"])
def test_a_target_met_once_and_lost_again_stops_no_run(metric):
    arm = Arm("x", lr=0.3, batch_size=5)  # so restless that its cost goes up and down
    restless = made(arm=arm, budget=200, metric=metric)
    trace = one(LoopEngine(), restless).trace
    curve = trace.cost if metric == "train" else trace.held_cost
    dip = next(k for k in range(2, 40) if curve[k] < curve[:k].min() and curve[k] + 1e-6 < curve[k + 1])
    target = float(curve[dip]) + 1e-9  # a little above: the engines differ in the last bits
    again = next(k for k in range(dip + 2, len(curve)) if curve[k] <= target)
    what = made(arm=arm, budget=200, metric=metric, stop_at=target)
    ours = one(NativeEngine(1), what)
    assert largest_difference(ours, one(LoopEngine(), what)) < CLOSE
    assert np.isfinite(ours.trace.cost[again + 1])  # one that counted the first time too would have stopped
