"""What each held-out example cost at the end: kept where asked for, alike in both engines, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import made, made_data, one, same_bits

import hunch
from hunch.data import load
from hunch.engine import LoopEngine, NativeEngine
from hunch.engine.native_extension import native_absence, native_module
from hunch.plan import Arm

COSTS = ("cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber")
LEVELS = [] if native_absence() else native_module().levels()
needs_native = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")
ENGINES = [LoopEngine, pytest.param(lambda: NativeEngine(1), marks=needs_native, id="NativeEngine")]
ARM = Arm("x", norm="batch", keep_prob=0.8)


def several_targets():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(90, 6)).astype(np.float32)
    y = (x[:, :3] * [1.0, 30.0, 0.1] + x[:, 3:]).astype(np.float32)
    return load((x[:70], y[:70], x[70:], y[70:]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_mean_of_the_losses_is_the_last_held_out_cost(engine, cost, dtype):
    what = made(arm=ARM, cost=cost, dtype=dtype, losses=True)
    trace = one(engine(), what).trace
    assert trace.held_losses.dtype == np.float32
    assert trace.held_losses.shape == (what.setting.data.n_held,) == (83,)
    assert trace.held_losses.astype(np.float64).mean() == pytest.approx(trace.held_cost[-1], rel=1e-6)
    assert trace.held_losses.std() > 0


@pytest.mark.parametrize("n_held", [1, 2, 15, 63, 64, 65, 129])
@pytest.mark.parametrize("engine", ENGINES)
def test_any_number_of_held_out_examples(engine, n_held):
    trace = one(engine(), made(data=made_data(n_held=n_held), losses=True, budget=5)).trace
    assert len(trace.held_losses) == n_held
    assert trace.held_losses.mean() == pytest.approx(trace.held_cost[-1], rel=1e-5)


@pytest.mark.parametrize("cost", ["mean_squared_error", "huber"])
@pytest.mark.parametrize("engine", ENGINES)
def test_of_several_outputs_an_example_has_the_mean(engine, cost):
    what = made(hunch.mlp([6, 12, 3], "tanh"), Arm("x", lr=0.001), cost, data=several_targets(), losses=True)
    trace = one(engine(), what).trace
    assert trace.held_losses.shape == (20,)
    assert trace.held_losses.mean() == pytest.approx(trace.held_cost[-1], rel=1e-6)


@needs_native
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n_classes", [2, 3, 17])
@pytest.mark.parametrize("cost", COSTS)
def test_both_engines_keep_the_same_losses_at_every_level(cost, n_classes, level, monkeypatch):
    monkeypatch.setenv("HUNCH_ISA", level)
    if cost == "cross_entropy":
        rng = np.random.default_rng(n_classes)
        x = rng.normal(size=(183, 9)).astype(np.float32)
        y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, 183 - n_classes)])
        data = load((x[:100], y[:100], x[100:], y[100:]))
    else:
        data = None
    what = made(arm=ARM, cost=cost, data=data, losses=True)
    ours, theirs = one(NativeEngine(1), what).trace, one(LoopEngine(), what).trace
    np.testing.assert_allclose(ours.held_losses, theirs.held_losses, rtol=1e-6, atol=1e-7)
    assert not np.allclose(ours.held_losses, np.roll(theirs.held_losses, 1), rtol=0.01), "it can fail"


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_whether_losses_are_kept_changes_no_other_bit(engine, cost):
    what = made(arm=ARM, cost=cost, dtype=torch.float32)
    keeping = replace(what, setting=replace(what.setting, losses=True))
    without, kept = one(engine(), what), one(engine(), keeping)
    assert same_bits(without, kept)
    assert without.trace.held_losses is None
    assert kept.trace.held_losses is not None


@pytest.mark.parametrize("engine", ENGINES)
def test_losses_stand_beside_answers(engine):
    trace = one(engine(), made(arm=ARM, losses=True, answers=True)).trace
    right = np.unpackbits(trace.held_correct, count=83)
    assert 1 - right.mean() == pytest.approx(trace.held_error[-1])
    assert trace.held_losses[right == 1].mean() < trace.held_losses[right == 0].mean()


@needs_native
def test_losses_do_not_depend_on_threads_order_or_neighbours():
    what = made(arm=ARM, losses=True, dtype=torch.float32)
    jobs = [what.job(seed) for seed in range(6)]
    alone = {job.key.seed: next(NativeEngine(1).train(what.setting, [job])).trace for job in jobs}
    for result in NativeEngine(2).train(what.setting, jobs[::-1]):
        assert np.array_equal(result.trace.held_losses, alone[result.job.key.seed].held_losses)
    assert not np.array_equal(alone[0].held_losses, alone[1].held_losses)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_diverged_or_stopped_at_its_target_has_none(engine):
    # Squared costs of a network without bounds blow up at such a rate.
    build = hunch.mlp([9, 24, 1], "relu")
    what = made(build, Arm("x", lr=1e3), "mean_squared_error", losses=True, answers=True)
    trace = one(engine(), what).trace
    assert trace.diverged_at is not None
    assert trace.held_losses is None and trace.held_correct is None
    stopped = one(engine(), made(losses=True, answers=True, stop_at=10.0)).trace
    assert stopped.diverged_at is None and np.isnan(stopped.cost[-1])
    assert stopped.held_losses is None and stopped.held_correct is None


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_failed_has_none(engine):
    def build():
        raise KeyError("gone")

    what = made(losses=True)
    (result,) = engine().train(replace(what.setting, build=build), [what.job()])
    assert result.trace.failed is not None
    assert result.trace.held_losses is None
