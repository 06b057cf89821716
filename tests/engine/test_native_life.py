"""Trainings of the native engine beside each other, beside Python, and those that end in NaN."""

import gc
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import made, made_data, one, same_bits

import hunch
import hunch.engine.native as native
from hunch.engine import LoopEngine, NativeEngine
from hunch.engine.native_extension import native_absence
from hunch.plan import Arm

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")

ARM = Arm("x", norm="batch", keep_prob=0.7, lr=0.05)


def test_two_trainings_that_take_turns_have_the_bits_of_one_after_the_other():
    what = made(arm=ARM, budget=30, dtype=torch.float32)
    other = made(hunch.mlp([9, 40, 1], "gelu"), Arm("y", lr=0.01), "huber", budget=20)
    alone = [one(NativeEngine(1), w, seed=k) for w in (what, other) for k in range(5)]
    first, second = (
        NativeEngine(2).train(w.setting, [w.job(k) for k in range(5)], keep_networks=True)
        for w in (what, other)
    )
    turns = [r for pair in zip(first, second, strict=True) for r in pair]
    for r in alone:
        twin = next(t for t in turns if (t.job.arm, t.job.key.seed) == (r.job.arm, r.job.key.seed))
        assert same_bits(r, twin)


def test_trainings_in_two_threads_of_python_have_the_same_bits():
    what = made(arm=ARM, budget=30)
    alone = one(NativeEngine(1), what, seed=2)
    found = []

    def train():
        found.append(one(NativeEngine(1), what, seed=2))

    threads = [threading.Thread(target=train) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 3 and all(same_bits(alone, r) for r in found)


def test_python_goes_on_while_rows_are_trained():
    what = made(arm=ARM, budget=20_000, readings=False)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.002):
            ticks.append(time.perf_counter())

    ticker = threading.Thread(target=tick)
    ticker.start()
    started = time.perf_counter()
    one(NativeEngine(1), what)
    wall = time.perf_counter() - started
    done.set()
    ticker.join()
    within = [t for t in ticks if started < t < started + wall]
    assert len(within) >= min(20, wall / 0.1)  # with the lock held there would be none


def test_a_training_that_is_dropped_ends_and_the_next_one_is_whole():
    what = made(arm=ARM, budget=50)
    alone = one(NativeEngine(1), what, seed=1)
    before = threading.active_count()
    for _ in range(5):
        results = NativeEngine(2).train(what.setting, [what.job(k) for k in range(30)])
        next(results)
        del results
        gc.collect()
    assert threading.active_count() == before
    assert same_bits(alone, one(NativeEngine(1), what, seed=1))


def test_an_interrupt_between_two_results_comes_through_and_what_came_before_is_whole():
    what = made(arm=ARM, budget=2_000, readings=False)
    results = NativeEngine(2).train(what.setting, [what.job(k) for k in range(400)], keep_networks=True)
    first, second = next(results), next(results)
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt, match="now"):
        results.throw(KeyboardInterrupt("now"))
    assert time.perf_counter() - started < 1.0  # the rest would take many seconds
    for r in (first, second):
        assert same_bits(r, one(NativeEngine(1), what, seed=r.job.key.seed))
    with pytest.raises(StopIteration):
        next(results)


def test_memory_for_one_run_trains_one_after_another_and_for_less_trains_none(monkeypatch):
    what = made(arm=ARM, budget=10)
    alone = {k: one(NativeEngine(1), what, seed=k) for k in range(4)}
    asked = []
    real = native._rows_that_fit
    monkeypatch.setattr(native, "_rows_that_fit", lambda n: asked.append(n) or real(n))
    list(NativeEngine(1).train(what.setting, [what.job()]))
    monkeypatch.setattr(native, "_available_bytes", lambda: int(1.9 * asked[0]))
    results = list(NativeEngine(8).train(what.setting, [what.job(k) for k in range(4)], keep_networks=True))
    assert [r.job.key.seed for r in results] == [0, 1, 2, 3]  # one thread: in their order
    assert all(same_bits(r, alone[r.job.key.seed]) for r in results)
    monkeypatch.setattr(native, "_available_bytes", lambda: asked[0] - 1)
    with pytest.raises(hunch.EngineError, match=r"GiB are free, so 0 runs fit") as told:
        list(NativeEngine(8).train(what.setting, [what.job(k) for k in range(4)]))
    assert isinstance(told.value, hunch.HunchError)


def test_no_jobs_give_no_results():
    assert list(NativeEngine(2).train(made().setting, [])) == []


def test_python_keeps_its_denormal_numbers():
    one(NativeEngine(1), made(budget=5))
    tiny = np.float32(1e-42)
    assert tiny * np.float32(0.5) != 0
    assert float(torch.tensor(1e-42) * 0.5) != 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("cost", ["mean_squared_error", "huber", "cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("activation", ["relu", "silu", "gelu_tanh", "elu", "softplus"])
def test_a_row_diverges_at_the_same_evaluation_as_in_the_loop(activation, cost, dtype):
    build = hunch.mlp([9, 24, 17, 3 if cost == "cross_entropy" else 1], activation)
    for lr in (1e3, 1e30):
        what = made(build, Arm("x", lr=lr), cost, budget=20, dtype=dtype)
        ours, theirs = one(NativeEngine(1), what).trace, one(LoopEngine(), what).trace
        assert ours.diverged_at == theirs.diverged_at
        assert np.array_equal(np.isnan(ours.cost), np.isnan(theirs.cost))


def test_some_of_these_rows_do_diverge():
    what = made(hunch.mlp([9, 24, 17, 1], "relu"), Arm("x", lr=1e3), "mean_squared_error", budget=20)
    assert one(LoopEngine(), what).trace.diverged_at is not None


def test_a_diverged_network_is_kept_with_the_updates_it_made():
    what = made(hunch.mlp([9, 24, 17, 1], "relu"), Arm("x", norm="batch", lr=1e300), "mean_squared_error")
    ours, theirs = one(NativeEngine(1), what), one(LoopEngine(), what)
    assert ours.trace.diverged_at == theirs.trace.diverged_at is not None
    assert ours.state.keys() == theirs.state.keys()
    counts = [k for k in ours.state if k.endswith("num_batches_tracked")]
    assert len(counts) == 2
    for name in counts:
        assert int(ours.state[name]) == int(theirs.state[name]) == ours.trace.diverged_at


def test_inputs_that_are_no_numbers_diverge_before_the_first_update():
    data = made_data()
    x = data.x.copy()
    x[:, 0] = np.nan
    what = made(hunch.mlp([9, 8, 3], "sigmoid"), data=replace(data, x=x), budget=5)
    for engine in (NativeEngine(1), LoopEngine()):
        result = one(engine, what)
        assert result.trace.diverged_at == 0
        assert np.isnan(result.trace.cost).all() and np.isnan(result.trace.readings).all()
