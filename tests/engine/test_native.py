import dataclasses
import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch
from torch import nn

from hunch.data import Data
from hunch.engine.contract import Job, Setting
from hunch.engine.loop import LoopEngine
from hunch.engine.native_extension import native_absence, native_module
from hunch.errors import EngineError, UnsupportedError
from hunch.network import mlp
from hunch.plan import Arm
from hunch.traces import RunKey, SiteFact

pytestmark = pytest.mark.skipif(native_module() is None, reason=native_absence() or "-")

native = pytest.importorskip("hunch.engine.native")
native_chain = pytest.importorskip("hunch.engine.native_chain")
NativeEngine = native.NativeEngine

NORMS = ("none", "batch", "layer", "rms", "group")
PLACES = ("before_activation", "after_activation")
ACTIVATIONS = (
    "identity", "relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "softplus",
)  # fmt: skip
DROPOUTS = ("none", "bernoulli", "gaussian", "exact")
COSTS = ("cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "warmup", "warmup_cosine")
FACTORS = (NORMS, PLACES, ACTIVATIONS, DROPOUTS, COSTS, OPTIMIZERS, SCHEDULES)
LEVELS = ("v2", "v3", "v4")


def a_problem(cost, n=137, features=9, outputs=4, held=45):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n + held, features)).astype(np.float32)
    labels = cost in COSTS[:2]
    if cost == "binary_cross_entropy":
        outputs = 1
        y = rng.integers(0, 2, n + held)
    elif labels:
        y = rng.integers(0, outputs, n + held)
    else:
        y = rng.normal(size=(n + held, outputs)).astype(np.float32)
    scale = np.arange(1.0, outputs + 1) if not labels else np.ones(outputs)
    return outputs, Data(
        x=x[:n], y=y[:n], x_held=x[n:], y_held=y[n:], labels=labels, n_classes=outputs if labels else 0,
        y_scale=scale, y_offset=np.zeros(outputs), source="made up", hash="5a" * 32,
    )  # fmt: skip


def a_setting(
    cost="cross_entropy", widths=(9, 12, 7, 4), activation="sigmoid", budget=50, dtype=torch.float64, **data
):
    outputs, problem = a_problem(cost, features=widths[0], outputs=widths[-1], **data)
    widths = [*widths[:-1], outputs]
    sites = tuple(
        SiteFact(str(2 * k), a, b, activation if k < len(widths) - 2 else None)
        for k, (a, b) in enumerate(zip(widths, widths[1:], strict=False))
    )
    return Setting(mlp(widths, activation), problem, cost, budget, sites, dtype=dtype)


def a_job(setting, arm, seed=3, lr=0.05):
    return Job(RunKey("confirm", arm.name, seed, lr, setting.budget), arm.resolved(setting.data.n), seed)


def train(engine, setting, *jobs):
    results = {r.job.key: r for r in engine.train(setting, jobs, keep_networks=True)}
    return [results[j.key] for j in jobs]


def largest_difference(a, b):
    """The largest absolute difference between two results, costs, errors and parameters alike."""
    pairs = [(getattr(a.trace, k), getattr(b.trace, k)) for k in ("cost", "held_cost", "held_error")]
    pairs += [(a.state[k].double().numpy(), b.state[k].double().numpy()) for k in a.state]
    assert a.state.keys() == b.state.keys()
    worst = 0.0
    for x, y in pairs:
        assert x.shape == y.shape
        np.testing.assert_array_equal(np.isnan(x), np.isnan(y))
        worst = max(worst, float(np.nanmax(np.abs(x - y))) if x.size else 0.0)
    return worst


def assert_same_readings(a, b, rtol=1e-5):
    np.testing.assert_allclose(b.trace.readings, a.trace.readings, rtol=rtol, atol=1e-7)
    assert not np.isnan(a.trace.readings).all()


def assert_same_bits(a, b):
    for name in ("cost", "held_cost", "held_error", "readings"):
        assert getattr(a.trace, name).tobytes() == getattr(b.trace, name).tobytes()
    assert a.trace.diverged_at == b.trace.diverged_at
    for name, tensor in a.state.items():
        assert tensor.numpy().tobytes() == b.state[name].numpy().tobytes()


def arm_of(norm, place, dropout, optimizer, schedule, **more):
    settings = {"norm": norm, "optimizer": optimizer, "schedule": schedule, "batch_size": 20}
    if norm != "none":
        settings["norm_at"] = place
    if dropout != "none":
        settings.update(dropout=dropout, keep_prob=0.7, keep_until=0.8)
    return Arm("arm", l2=0.01, weight_decay=0.02, **(settings | more))


def pairwise_cover(factors, rng):
    """Cases in which any two values of any two factors meet; greedy, seeded."""
    pairs = {
        (i, a, j, b)
        for i in range(len(factors))
        for j in range(i + 1, len(factors))
        for a in factors[i]
        for b in factors[j]
    }
    cases = []
    while pairs:
        i, a, j, b = min(pairs)
        best, most = None, -1
        for _ in range(60):
            case = [f[rng.integers(len(f))] for f in factors]
            case[i], case[j] = a, b
            new = sum(
                (k, case[k], m, case[m]) in pairs for k in range(len(case)) for m in range(k + 1, len(case))
            )
            if new > most:
                best, most = tuple(case), new
        cases.append(best)
        pairs -= {(k, best[k], m, best[m]) for k in range(len(best)) for m in range(k + 1, len(best))}
    return cases


COVER = pairwise_cover(FACTORS, np.random.default_rng(0))


def test_the_cover_has_every_pair():
    for i in range(len(FACTORS)):
        for j in range(i + 1, len(FACTORS)):
            met = {(c[i], c[j]) for c in COVER}
            assert met == {(a, b) for a in FACTORS[i] for b in FACTORS[j]}


def twins(case, dtype, **more):
    norm, place, activation, dropout, cost, optimizer, schedule = case
    setting = a_setting(cost, activation=activation, dtype=dtype)
    job = a_job(setting, arm_of(norm, place, dropout, optimizer, schedule, **more), lr=0.01)
    return train(LoopEngine(), setting, job) + train(NativeEngine(1), setting, job)


@pytest.mark.slow
@pytest.mark.parametrize("case", COVER, ids="-".join)
def test_native_is_loop_in_float64(case):
    ours, theirs = twins(case, torch.float64)
    assert largest_difference(ours, theirs) < 1e-10
    assert_same_readings(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("case", COVER[::3], ids="-".join)
def test_native_is_loop_in_float64_when_norms_and_biases_decay_too(case):
    ours, theirs = twins(case, torch.float64, decay_norm=True, momentum=None)
    assert largest_difference(ours, theirs) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("case", COVER[::2], ids="-".join)
def test_native_is_loop_in_float32_within_rounding(case):
    ours, theirs = twins(case, torch.float32)
    exact = twins(case, torch.float64)[0]
    own = largest_difference(as_double(ours), exact)
    assert largest_difference(as_double(ours), as_double(theirs)) < 10 * own + 1e-6


def as_double(result):
    return dataclasses.replace(result, state={k: v.double() for k, v in result.state.items()})


FEW = [
    ("batch", "before_activation", "sigmoid", "bernoulli", "cross_entropy", "momentum", "constant"),
    ("none", "before_activation", "relu", "exact", "binary_cross_entropy", "adam", "cosine"),
    ("layer", "after_activation", "gelu", "gaussian", "mean_squared_error", "nesterov", "step"),
    ("group", "before_activation", "tanh", "none", "huber", "adamw", "warmup"),
    ("rms", "after_activation", "softplus", "bernoulli", "cross_entropy", "sgd", "warmup_cosine"),
]


@pytest.mark.parametrize("isa", LEVELS)
@pytest.mark.parametrize("case", FEW, ids="-".join)
def test_native_is_loop_at_every_instruction_level(case, isa, monkeypatch):
    if f"x86-64-{isa}" not in native_module().levels():
        pytest.skip(f"this machine has no {isa}")
    monkeypatch.setenv("HUNCH_ISA", isa)
    assert NativeEngine(1).detail().endswith(isa)
    ours, theirs = twins(case, torch.float64)
    assert largest_difference(ours, theirs) < 1e-10
    assert_same_readings(ours, theirs)
    single_ours, single_theirs = twins(case, torch.float32)
    own = largest_difference(as_double(single_ours), ours)
    assert largest_difference(as_double(single_ours), as_double(single_theirs)) < 10 * own + 1e-6


def test_the_comparison_can_fail():
    setting = a_setting()
    a = a_job(setting, Arm("a", optimizer="momentum"), lr=0.01)
    b = a_job(setting, Arm("a", optimizer="momentum"), lr=0.010001)
    ours, theirs = train(LoopEngine(), setting, a) + train(NativeEngine(1), setting, b)
    assert largest_difference(ours, theirs) > 1e-10
    with pytest.raises(AssertionError):
        assert_same_readings(ours, theirs)
    with pytest.raises(AssertionError):
        assert_same_bits(ours, theirs)


@pytest.mark.parametrize(
    ("widths", "batch", "n"),
    [
        ((1, 1, 1, 2), 7, 30),
        ((3, 17, 1, 3), 2, 33),
        ((12, 17, 12, 10), 60, 130),
        ((17, 3, 1000, 5), 7, 65),
        ((1000, 12, 4), 7, 90),
        ((5, 33, 17), 1000, 1000),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_odd_shapes(widths, batch, n, dtype):
    setting = a_setting(widths=widths, activation="relu", budget=6, dtype=dtype, n=n, held=n // 3)
    norm = "layer" if batch == 2 else "batch"
    job = a_job(setting, Arm("a", norm=norm, batch_size=batch, keep_prob=0.6, optimizer="adam"), lr=0.001)
    ours, theirs = train(LoopEngine(), setting, job) + train(NativeEngine(1), setting, job)
    assert largest_difference(as_double(ours), as_double(theirs)) < (
        1e-10 if dtype == torch.float64 else 3e-3
    )


@pytest.mark.parametrize("width", [1, 12, 17, 1000])
def test_regression_with_odd_numbers_of_outputs(width):
    setting = a_setting("mean_squared_error", widths=(6, 5, width), budget=10, n=61, held=19)
    job = a_job(setting, Arm("a", batch_size=7))
    ours, theirs = train(LoopEngine(), setting, job) + train(NativeEngine(1), setting, job)
    assert largest_difference(ours, theirs) < 1e-10


def test_batch_norm_at_batch_two_agrees_for_one_step():
    setting = a_setting(budget=1)
    job = a_job(setting, Arm("a", norm="batch", batch_size=2))
    ours, theirs = train(LoopEngine(), setting, job) + train(NativeEngine(1), setting, job)
    assert largest_difference(ours, theirs) < 1e-10


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_row_has_the_same_bits_whatever_its_neighbours_and_threads(dtype):
    setting = a_setting(dtype=dtype, budget=30)
    arm = Arm("a", norm="batch", keep_prob=0.8, optimizer="momentum", batch_size=20)
    wild = Arm("wild", norm="none", optimizer="sgd", batch_size=20)
    job = a_job(setting, arm)
    (alone,) = train(NativeEngine(1), setting, job)
    for neighbours in (7, 255):
        others = [a_job(setting, arm, seed=100 + k) for k in range(neighbours)]
        for threads in (1, 2):
            together = train(NativeEngine(threads), setting, *others[:3], job, *others[3:])
            assert_same_bits(alone, together[3])
    broken = [a_job(setting, wild, seed=k, lr=1e30) for k in range(3)]
    results = train(NativeEngine(2), setting, *broken, job)
    assert_same_bits(alone, results[3])
    assert all(r.trace.diverged_at is not None for r in results[:3])


def test_a_row_that_diverges_is_recorded_as_loop_records_it():
    setting = a_setting("mean_squared_error", budget=40)
    job = a_job(setting, Arm("wild", batch_size=20), lr=1e6)
    ours, theirs = train(LoopEngine(), setting, job) + train(NativeEngine(1), setting, job)
    assert theirs.trace.diverged_at == ours.trace.diverged_at
    assert theirs.trace.diverged_at is not None
    np.testing.assert_array_equal(np.isnan(theirs.trace.cost), np.isnan(ours.trace.cost))


def test_frozen_parameters_and_foreign_settings_are_kept():
    def build():
        net = nn.Sequential(
            nn.Linear(9, 8, bias=False), nn.BatchNorm1d(8, eps=1e-3, momentum=0.3, affine=False), nn.ReLU(),
            nn.Linear(8, 6), nn.LayerNorm(6, eps=1e-2, elementwise_affine=False), nn.Tanh(), nn.Dropout(0.25),
            nn.Linear(6, 5), nn.Linear(5, 4),
        )  # fmt: skip
        net[3].weight.requires_grad_(False)
        return net

    setting = a_setting()
    sites = tuple(SiteFact(n, 1, 1, None) for n in ("0", "3", "7", "8"))
    setting = dataclasses.replace(
        setting, build=build, sites=(*sites[:3], dataclasses.replace(sites[3], n_units=4))
    )
    job = a_job(setting, Arm("as it is", batch_size=20, optimizer="adam"), lr=0.01)
    ours, theirs = train(LoopEngine(), setting, job) + train(NativeEngine(1), setting, job)
    assert largest_difference(ours, theirs) < 1e-10
    assert_same_readings(ours, theirs)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.BatchNorm1d(5, track_running_stats=False), "`1` .*keeps no running statistics"),
        (nn.BatchNorm1d(5, momentum=None), "`1` .*averages its running statistics"),
        (nn.Conv1d(5, 5, 1), "`1` is a Conv1d"),
        (nn.Dropout(1.0), "`1` drops every unit"),
    ],
)
def test_what_does_not_fit_is_declined_by_name(layer, reason):
    setting = a_setting(widths=(9, 5, 4))

    def build():
        return nn.Sequential(nn.Linear(9, 5), layer, nn.Linear(5, 4))

    declined = native_chain.native_declines(build(), setting.data)
    assert declined is not None
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(declined)
    setting = dataclasses.replace(setting, build=build)
    with pytest.raises(UnsupportedError, match=reason):
        train(NativeEngine(1), setting, a_job(setting, Arm("a", batch_size=20)))


def test_a_build_that_raises_fails_its_own_run_only():
    setting = a_setting(budget=5)
    state = {"calls": 0}

    class Odd(nn.Module):
        pass

    assert native_chain.native_declines(Odd(), setting.data) is not None
    assert native_chain.native_declines(setting.build(), setting.data) is None
    assert state["calls"] == 0


def test_too_little_memory_is_said_in_words(monkeypatch):
    setting = a_setting(budget=5)
    monkeypatch.setattr(native, "_available_bytes", lambda: 1000)
    with pytest.raises(EngineError, match=r"one run needs .* so 0 runs fit.*\[engine-memory\]"):
        train(NativeEngine(1), setting, a_job(setting, Arm("a", batch_size=20)))


def test_little_memory_means_fewer_threads_and_the_same_bits(monkeypatch):
    setting = a_setting(budget=5)
    jobs = [a_job(setting, Arm("a", batch_size=20), seed=k) for k in range(4)]
    plenty = train(NativeEngine(2), setting, *jobs)
    monkeypatch.setattr(native, "_available_bytes", lambda: 2**20)
    monkeypatch.setattr(native, "_rows_that_fit", lambda n_bytes: 1)
    for a, b in zip(plenty, train(NativeEngine(2), setting, *jobs), strict=True):
        assert_same_bits(a, b)


def test_a_row_may_stop_at_its_target():
    setting = a_setting(budget=50)
    job = a_job(setting, Arm("a", batch_size=20))
    (whole,) = train(NativeEngine(1), setting, job)
    target = float(whole.trace.cost[5])
    (stopped,) = train(NativeEngine(1, stop_below=target), setting, job)
    first = int(np.argmax(whole.trace.cost <= target))
    np.testing.assert_array_equal(stopped.trace.cost[: first + 1], whole.trace.cost[: first + 1])
    assert np.isnan(stopped.trace.cost[first + 1 :]).all()
    assert not math.isnan(stopped.trace.cost[first])


def test_the_binding_refuses_arrays_of_the_wrong_kind_in_words():
    module = native_module()
    grid = np.array([0, 3], dtype=np.int64)
    x, y = np.zeros((5, 2), dtype=np.float32), np.zeros(5, dtype=np.int64)

    def make(**changed):
        arrays = {"x": x, "y": y, "x_slice": x, "y_slice": y, "x_held": x, "y_held": y, "y_scale": np.ones(3)}
        grids = {"eval_at": grid, "held_at": grid, "reading_at": np.array([1, 2])}
        numbers = {"is_double": False, "cost": 0, "n_outputs": 3, "budget": 3, "n_sites": 0}
        return module.Setting(**(arrays | grids | numbers | changed))

    make()
    for changed, reason in (
        ({"x": x.astype(np.float64)}, "wrong number type"),
        ({"y": y + 3}, "label out of range"),
        ({"y": y[:4]}, "has 4 elements"),
        ({"x_held": np.zeros((5, 3), dtype=np.float32)}, "wrong shape"),
        ({"eval_at": grid[::-1].copy()}, "must increase"),
        ({"cost": 9}, "no such cost"),
    ):
        with pytest.raises(ValueError, match=reason):
            make(**changed)
    with pytest.raises(TypeError):
        make(x=np.zeros((5, 4), dtype=np.float32)[:, ::2])


def test_closing_the_iterator_stops_the_threads():
    setting = a_setting(budget=1_000_000, widths=(9, 64, 64, 4), dtype=torch.float32)
    jobs = [a_job(setting, Arm("a", batch_size=60), seed=k) for k in range(4)]
    results = NativeEngine(2).train(setting, jobs)
    started = time.perf_counter()
    signal_at = time.perf_counter() + 0.3
    previous = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            next(results)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert started < signal_at
    assert time.perf_counter() - signal_at < 5  # generous: the promise is 0.2 s, and machines are shared


def _interrupt(_number, _frame):
    raise KeyboardInterrupt


def test_global_random_states_and_threads_are_left_alone():
    setting = a_setting(budget=5)
    torch.manual_seed(1)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train(NativeEngine(2), setting, a_job(setting, Arm("a", batch_size=20, keep_prob=0.5)))
    assert torch.equal(before, torch.random.get_rng_state())
    assert threads == torch.get_num_threads()


def test_without_the_extension_the_engine_says_what_to_do():
    code = """
    import hunch.plan
    from hunch.engine.native import NativeEngine
    from hunch.errors import UnsupportedError
    try:
        NativeEngine()
    except UnsupportedError as error:
        print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "HUNCH_NO_NATIVE": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "HUNCH_NO_NATIVE is set" in run.stdout
    assert "[engine-native-missing]" in run.stdout
