"""Misuse of the extension that could crash a process or lose its results, and memory or threads that run out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import made_data
from test_native_binding import REFUSALS, arguments
from torch import nn

import hunch
from hunch.engine import NativeEngine, choose
from hunch.engine.native_extension import native_absence, native_module

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")


limits_memory = pytest.mark.skipif(
    sys.platform != "linux" or "HUNCH_EXTENSION" in os.environ,
    reason="limits memory as Linux does, and a build with sanitizers needs terabytes of addresses",
)


@pytest.fixture
def trainer():
    made_trainer = native_module().Trainer(1)
    yield made_trainer
    made_trainer.stop()


class OwnNorm(nn.BatchNorm1d):
    """Computes what batch norm computes."""


def outcome(code, timeout=60, *words):
    """What a fresh process prints when it runs `code`; a crash shows in its exit status."""
    head = (
        "import sys, json, resource; sys.path[:0] = json.loads(sys.argv[1])\n"
        "from cases import made; from hunch.engine import NativeEngine; from hunch.plan import Arm\n"
        "from hunch.engine.native import _row, _shared; from hunch.engine.native_extension import native_module\n"
        "import hunch\n"
        "def leave(mib):\n"
        "    used = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (used + mib * 2**20,) * 2)\n"
    )
    here = json.dumps([str(Path(__file__).resolve().parent)])
    done = subprocess.run(
        [sys.executable, "-c", head + code, here, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-1500:])
    return done.stdout


def test_the_outcome_of_a_crash_is_no_outcome():
    with pytest.raises(AssertionError, match="-6"):
        outcome("import os; os.abort()\n")


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": lambda a: np.repeat(a, 2)[::2]},
        {"cost": lambda a: np.repeat(a, 2)[::2]},
        {"held_cost": lambda a: np.repeat(a, 2)[::2]},
        {"held_error": lambda a: np.repeat(a, 2)[::2]},
        {"readings": np.asfortranarray},
        {"held_losses": lambda _: np.zeros(166, np.float32)[::2]},
    ],
    ids="-".join,
)
def test_an_array_for_results_that_would_have_to_be_copied_is_refused(trainer, changed):
    with pytest.raises(REFUSALS, match="incompatible function arguments|contiguous"):
        trainer.submit(**arguments(**changed))


def test_a_trainer_without_threads_is_refused():
    for threads in (0, -1):
        with pytest.raises(REFUSALS, match="thread"):
            native_module().Trainer(threads)


def test_a_run_after_the_end_is_refused(trainer):
    trainer.stop()
    with pytest.raises(REFUSALS, match="stop"):
        trainer.submit(**arguments())


def test_two_runs_of_one_number_are_refused():
    code = (
        "w = made(hunch.mlp([9, 100, 100, 3]), budget=200); s = _shared(native_module(), w.setting)\n"
        "t = native_module().Trainer(1)\n"
        "try:\n"
        "    for k in range(6):\n"
        "        t.submit(**NativeEngine(1)._arguments(0, s, w.setting, _row(w.setting, w.job(k))))\n"
        "except (ValueError, RuntimeError) as error:\n"
        "    print(error)\n"
        "t.stop()\n"
    )
    assert "id" in outcome(code)


@limits_memory
def test_threads_that_cannot_be_had_are_done_without_or_told_in_words():
    code = (
        "native = native_module(); leave(400)\n"
        "try:\n"
        "    native.Trainer(500)\n"
        "    print('told: fewer threads do')\n"
        "except (RuntimeError, ValueError, MemoryError, OSError) as error:\n"
        "    print('told:', error)\n"
    )
    assert outcome(code).startswith("told: ")


@limits_memory
def test_memory_that_runs_out_all_the_same_is_told_with_how_many_rows_would_fit():
    code = (
        "w = made(hunch.mlp([9, 1500, 1500, 3]), Arm('x', batch_size=200, optimizer='adam', lr=0.01), budget=2)\n"
        "leave(250)\n"
        "try:\n"
        "    list(NativeEngine(2).train(w.setting, [w.job(k) for k in range(3)]))\n"
        "    print('rows fit')\n"
        "except hunch.HunchError as error:\n"
        "    print(error)\n"
    )
    text = outcome(code)
    assert "rows" in text and "fit" in text


def test_a_norm_class_of_ones_own_that_computes_nothing_else_is_trained_or_declined_but_never_raises():
    network = nn.Sequential(nn.Linear(9, 8), OwnNorm(8), nn.Tanh(), nn.Linear(8, 3))
    choice = choose(network, made_data())
    assert isinstance(choice.engine, NativeEngine) or "OwnNorm" in choice.reason


def test_a_number_of_threads_below_one_is_refused():
    with pytest.raises((hunch.HunchError, ValueError), match="threads"):
        NativeEngine(-1)


FUZZ = """
import math, warnings, numpy as np
rng = np.random.default_rng(int(sys.argv[2]))
native, odd = native_module(), [
    0, 1, -1, 2, 3, 5, 7, 64, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, 2**64 - 1, 2**70, 0.5, -0.0, 1e308, math.nan,
    math.inf, -math.inf, "x", "9", b"9", None, True, (), [], {}, [1], (True, True), (True, False, True),
    (False, False, False), (True, True, True, True), np.float32(2), np.array(3), np.zeros(0), np.zeros((2, 2)),
    object(),
]
spared = {"budget", "id"}  # a budget that fits no array is refused already; huge ones take their time
n_trained = n_refused = 0
for turn in range(int(sys.argv[3])):
    norm, dropout, optimizer = (
        str(rng.choice(n)) for n in (
            ["none", "batch", "layer", "group"], ["bernoulli", "gaussian", "exact"], ["nesterov", "adam"],
        )
    )
    arm = Arm("x", norm=norm, keep_prob=0.5, batch_size=20, dropout=dropout, optimizer=optimizer, lr=0.01)
    w = made(hunch.mlp([9, 8, 3], "gelu"), arm, budget=3, losses=True)
    a = NativeEngine(1)._arguments(0, _shared(native, w.setting), w.setting, _row(w.setting, w.job()))
    for _ in range(rng.integers(1, 3)):
        layers = a["layers"] if isinstance(a["layers"], list) else []
        places = [p for p in (a, a["numbers"], *layers) if isinstance(p, dict) and p]
        place = places[rng.integers(len(places))]
        key = sorted(place)[rng.integers(len(place))]
        if key in spared:
            continue
        value = place[key]
        if isinstance(value, np.ndarray) and rng.random() < 0.7:
            changes = [
                lambda v: v[:-1], lambda v: v[::-1], lambda v: np.repeat(v, 2, axis=0)[::2], np.asfortranarray,
                lambda v: v.reshape(1, *v.shape), lambda v: v.tolist(), lambda v: v + math.nan, lambda v: v * 0 + 1e308,
                *(lambda v, kind=k: v.astype(kind) for k in ("f2", "f4", "f8", ">f8", "i8", "O", "c16")),
            ]
            with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                place[key] = changes[rng.integers(len(changes))](value)
        else:
            place[key] = odd[rng.integers(len(odd))]
    t = native.Trainer(1)
    try:
        t.submit(**a)
        for _ in range(200):
            if t.collect(0.1):
                break
        else:
            raise AssertionError("nothing came back")
        n_trained += 1
    except (ValueError, TypeError, KeyError, RuntimeError, OverflowError, MemoryError):
        n_refused += 1
    t.stop()
print(n_trained, n_refused)
"""


@pytest.mark.parametrize(
    ("seed", "turns"), [(1, 150), *(pytest.param(s, 1500, marks=pytest.mark.slow) for s in (2, 3))]
)
def test_arguments_that_are_changed_at_random_are_trained_or_refused_and_never_crash(seed, turns):
    n_trained, n_refused = map(int, outcome(FUZZ, 500, seed, turns).split())
    assert n_trained + n_refused == turns
    assert n_trained > turns / 20 and n_refused > turns / 4
