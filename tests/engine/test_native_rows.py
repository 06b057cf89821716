"""A row of the native engine does not depend on the rows beside it, and stops when it is told."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import largest_difference, made, made_data, one, same_bits
from torch import nn

import hunch
from hunch.engine import LoopEngine, NativeEngine, make_row
from hunch.engine.masks import mask
from hunch.engine.native_extension import native_absence
from hunch.plan import Arm

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")

ARMS = {
    "batch norm": Arm("x", norm="batch", keep_prob=0.7, optimizer="momentum", lr=0.05),
    "plain": Arm("x", lr=0.05, batch_size=7),
    "layer norm, exact dropout, adam": Arm(
        "x", norm="layer", keep_prob=0.7, dropout="exact", optimizer="adam", lr=0.003
    ),
    "group norm after, gaussian dropout": Arm(
        "x", norm="group", norm_at="after_activation", keep_prob=0.7, dropout="gaussian", lr=0.05
    ),
}
RELU = hunch.mlp([9, 24, 17, 3], "relu")
HUGE = 1e308
"""A learning rate at which a run turns to NaN at once."""


def row_of(results, seed, lr):
    return next(r for r in results if (r.job.key.seed, r.job.key.lr) == (seed, lr))


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_row_has_equal_bits_alone_and_with_7_neighbours_some_of_them_nan(name, dtype):
    what = made(RELU, ARMS[name], budget=40, dtype=dtype)
    alone = one(NativeEngine(1), what, seed=3)
    jobs = [what.job(k, HUGE if k % 3 == 1 else None) for k in range(8)]
    for threads, order in itertools.product((1, 2), (1, -1)):
        results = list(NativeEngine(threads).train(what.setting, jobs[::order], keep_networks=True))
        assert same_bits(alone, row_of(results, 3, what.arm.lr))
        assert {r.job.key.seed for r in results if r.trace.diverged_at is not None} == {1, 4, 7}


def test_a_row_has_equal_bits_with_255_neighbours_of_other_arms_and_sizes():
    what = made(arm=ARMS["batch norm"], budget=30, dtype=torch.float32)
    alone = one(NativeEngine(1), what, seed=3)
    others = [
        replace(what, arm=Arm("y", batch_size=33 + k, lr=0.1, keep_prob=0.5).resolved(what.setting.data.n))
        for k in range(3)
    ]
    jobs = [(what, *others)[k % 4].job(k) for k in range(256)]
    results = list(NativeEngine(2).train(what.setting, [*jobs, what.job(3)], keep_networks=True))
    rows = [r for r in results if r.job.key.seed == 3 and r.job.arm.name == "x"]
    assert rows
    assert all(same_bits(alone, r) for r in rows)


def test_equal_bits_can_be_told_from_unequal_ones():
    what = made(budget=5)
    assert not same_bits(one(NativeEngine(1), what, seed=1), one(NativeEngine(1), what, seed=2))


def test_a_study_in_two_parts_has_the_bits_of_the_whole():
    what = made(arm=ARMS["batch norm"], budget=30, dtype=torch.float32)
    whole = list(NativeEngine(2).train(what.setting, [what.job(k) for k in range(6)], keep_networks=True))
    parts = [
        r
        for ks in ((4, 5), (0, 1, 2, 3))
        for r in NativeEngine(1).train(what.setting, [what.job(k) for k in ks], keep_networks=True)
    ]
    for r in whole:
        assert same_bits(r, row_of(parts, r.job.key.seed, r.job.key.lr))


def test_a_row_that_diverges_stops_and_says_when():
    what = made(RELU, ARMS["plain"], budget=40)
    for engine in (NativeEngine(1), LoopEngine()):
        result = one(engine, what, lr=HUGE)
        at = result.trace.diverged_at
        assert at is not None
        after = result.trace.eval_at >= at
        assert np.isnan(result.trace.cost[after]).all()
        assert np.isfinite(result.trace.cost[~after]).all()


def test_trained_networks_load_strictly_into_fresh_ones_and_give_the_cost_that_was_traced():
    what = made(arm=ARMS["batch norm"], budget=20)
    result = one(NativeEngine(1), what)
    network = make_row(what.setting, what.job())
    network.load_state_dict(result.state, strict=True)
    x = torch.from_numpy(what.setting.data.x_held).double()
    y = torch.from_numpy(what.setting.data.y_held)
    cost = nn.functional.cross_entropy(network.eval()(x), y).item()
    assert cost == pytest.approx(result.trace.held_cost[-1], abs=1e-12)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "exact"])
def test_dropout_masks_are_those_of_the_loop(kind):
    # One update of one linear output on inputs of 1 and weights of 0: what moves is the mask itself.
    n_units = 13

    def build():
        network = nn.Sequential(nn.Linear(9, n_units), nn.Identity(), nn.Linear(n_units, 1))
        with torch.no_grad():
            network[0].weight.zero_()
            network[0].bias.fill_(1.0)
            network[2].weight.zero_()
            network[2].bias.zero_()
        return network

    data = made_data("mean_squared_error", n=40)
    arm = Arm("x", keep_prob=0.6, dropout=kind, lr=1.0, batch_size=8)
    what = made(build, arm, "mean_squared_error", budget=1, data=data)
    moved = one(NativeEngine(1), what, seed=9).state["2.weight"][0].numpy()
    drawn = mask(kind, 9, "0", 0, (8, n_units), 0.6)
    targets = data.y[hunch.batches(9, data.n, 8, 1)[0]].reshape(-1, 1)
    assert moved == pytest.approx(2 * (targets * drawn).mean(axis=0), abs=1e-12)
    assert len(np.unique(np.round(moved, 9))) > 1


def test_closing_the_results_ends_the_training_at_once_and_what_came_before_is_whole():
    short = made(arm=ARMS["batch norm"], budget=2_000, readings=False)
    results = NativeEngine(2).train(short.setting, [short.job(k) for k in range(400)], keep_networks=True)
    first = next(results)
    started = time.perf_counter()
    results.close()
    assert time.perf_counter() - started < 1.0  # the rest would take many seconds
    assert same_bits(first, one(NativeEngine(1), short, seed=first.job.key.seed))


def test_an_interrupt_is_answered_in_a_fifth_of_a_second():
    import signal
    import subprocess
    import sys
    from pathlib import Path

    code = (
        "import sys, time, signal; sys.path.insert(0, sys.argv[1])\n"
        "from cases import made; from hunch.engine import NativeEngine\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "what = made(budget=3_000_000, readings=False)\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    list(NativeEngine(2).train(what.setting, [what.job(k) for k in range(4)]))\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped', time.time(), flush=True)\n"
    )
    here = str(Path(__file__).resolve().parent)
    process = subprocess.Popen([sys.executable, "-c", code, here], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.0)
    asked = time.time()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    word, at = out.split()
    assert word == "stopped"
    assert float(at) - asked < 1.0  # 0.2 s on a quiet machine; the test only refuses what is clearly broken


def test_too_little_memory_says_how_many_rows_would_fit(monkeypatch):
    import hunch.engine.native as native

    what = made(budget=5)
    monkeypatch.setattr(native, "_available_bytes", lambda: 1000)
    with pytest.raises(hunch.EngineError, match=r"so 0 runs\s+fit"):
        one(NativeEngine(1), what)


def test_little_memory_trains_fewer_rows_at_a_time_with_the_same_bits(monkeypatch):
    import hunch.engine.native as native

    what = made(arm=ARMS["batch norm"], budget=10, dtype=torch.float32)
    jobs = [what.job(k) for k in range(5)]
    whole = list(NativeEngine(2).train(what.setting, jobs, keep_networks=True))
    real = native._rows_that_fit
    monkeypatch.setattr(native, "_rows_that_fit", lambda n: min(1, real(n)))
    thin = list(NativeEngine(2).train(what.setting, jobs, keep_networks=True))
    for r in whole:
        assert same_bits(r, row_of(thin, r.job.key.seed, r.job.key.lr))


def test_number_types_that_the_engine_lacks_are_refused_in_words():
    what = made(dtype=torch.float16)
    with pytest.raises(hunch.UnsupportedError, match=r"float32 or float64, got torch\.float16"):
        one(NativeEngine(1), what)


def test_data_that_lie_crosswise_in_memory_train_alike():
    plain = made(budget=10)
    data = plain.setting.data
    crossed = replace(data, x=np.asfortranarray(data.x), x_held=np.asfortranarray(data.x_held))
    other = replace(plain, setting=replace(plain.setting, data=crossed))
    assert largest_difference(one(NativeEngine(1), plain), one(NativeEngine(1), other)) == 0


class TestTheBindingItself:
    """What Python could hand over by mistake is refused in words."""

    def shared(self, **changed):
        from hunch.engine.native_extension import native_module

        x = np.zeros((10, 3), dtype=np.float32)
        blocks = np.zeros((1, 3, 64), dtype=np.float32)
        y = np.zeros(10, dtype=np.int64)
        at = np.array([0, 1], dtype=np.int64)
        arguments = {
            "is_double": False, "cost": 0, "n_outputs": 2, "budget": 1, "x": x, "y": y, "x_slice": blocks,
            "y_slice": y, "x_held": blocks, "y_held": y, "y_scale": np.ones(2), "eval_at": at, "held_at": at,
            "reading_at": np.array([], dtype=np.int64), "n_sites": 1,
        }  # fmt: skip
        return native_module().Setting(**(arguments | changed))

    def test_it_takes_what_fits(self):
        assert self.shared() is not None

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"x": np.zeros((10, 3))}, "wrong number type"),
            ({"x": np.zeros((9, 3), dtype=np.float32)}, "wrong shape"),
            ({"x_slice": np.zeros((10, 3), dtype=np.float32)}, "wrong shape"),
            ({"y": np.full(10, 2)}, "label out of range"),
            ({"y": np.full(10, -1)}, "label out of range"),
            ({"y_scale": np.ones(3)}, "y_scale"),
            ({"eval_at": np.array([1, 0])}, "must increase"),
            ({"eval_at": np.array([0, 9])}, "must increase"),
            ({"cost": 7}, "no such cost"),
            ({"budget": 0}, "budget"),
        ],
        ids=repr,
    )
    def test_it_refuses_what_does_not(self, changed, words):
        with pytest.raises((ValueError, TypeError, RuntimeError), match=words):
            self.shared(**changed)
