"""Every instruction level that this machine has: the same training, masks and bits beside neighbours."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import largest_difference, made, made_case, made_data, name_of, one, pairwise, same_bits, turned
from torch import nn

import hunch
from hunch.engine import LoopEngine, NativeEngine
from hunch.engine.masks import mask
from hunch.engine.native_extension import native_absence, native_module
from hunch.plan import Arm

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")

CLOSE = 1e-10
RATE = 0.02  # of the replay: small enough that 33 inputs of 1 do not make it unstable
AFTER = [c for c in pairwise() if c["norm_at"] == "after_activation"]
LEVELS = [] if native_absence() else native_module().levels()


@pytest.fixture(params=LEVELS)
def level(request, monkeypatch):
    """Each level in turn; the extension looks at the variable whenever it is asked for kernels."""
    monkeypatch.setenv("HUNCH_ISA", request.param)
    assert NativeEngine(1).detail().endswith(request.param)
    return request.param


@pytest.mark.slow
@pytest.mark.parametrize("case", AFTER, ids=name_of)
def test_norms_after_the_activation_train_alike_over_50_steps_at_every_level(level, case, monkeypatch):
    what = made_case(case)
    plain = one(LoopEngine(), what)
    ours = largest_difference(one(NativeEngine(1), what), plain)
    if ours >= CLOSE:  # a training that multiplies rounding: PyTorch is then no closer to itself
        assert ours <= 10 * largest_difference(plain, turned(what, monkeypatch)) < 1e-8


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_row_has_equal_bits_beside_neighbours_at_every_level(level, dtype):
    relu = hunch.mlp([9, 24, 17, 3], "relu")
    what = made(
        relu, Arm("x", norm="batch", keep_prob=0.7, optimizer="momentum", lr=0.05), budget=25, dtype=dtype
    )
    other = replace(what, arm=Arm("y", batch_size=33, lr=1e308, keep_prob=0.5).resolved(300))
    alone = one(NativeEngine(1), what, seed=3)
    jobs = [other.job(1), what.job(2), what.job(3), other.job(4)]
    results = list(NativeEngine(2).train(what.setting, jobs, keep_networks=True))
    assert {r.job.key.seed for r in results if r.trace.diverged_at is not None} == {1, 4}
    assert same_bits(alone, next(r for r in results if r.job.key.seed == 3))


def frozen_ones(width):
    """Inputs become ones, then dropout at site `0`, then one output that alone is trained."""
    network = nn.Sequential(nn.Linear(9, width), nn.Identity(), nn.Linear(width, 1))
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].bias.fill_(1.0)
        network[2].weight.zero_()
        network[2].bias.zero_()
    network[0].requires_grad_(False)
    network[2].bias.requires_grad_(False)
    return network


def replayed(kind, width, batch_size, steps, keep, data, *, late=0):
    """The output weights after plain gradient descent by the masks of `mask` itself, in NumPy."""
    w = np.zeros(width)
    order = hunch.batches(9, data.n, batch_size, steps)
    for t in range(steps):
        m = mask(kind, 9, "0", t + late, (batch_size, width), keep)
        w -= RATE * 2 / batch_size * ((m @ w - data.y[order[t], 0]) @ m)
    return w


MASKS = [("bernoulli", 13, 7), ("bernoulli", 33, 8), ("gaussian", 13, 7), ("exact", 17, 5), ("exact", 1, 3)]


@pytest.mark.parametrize(("kind", "width", "batch_size"), MASKS)
def test_dropout_masks_of_six_steps_are_those_of_the_streams_at_every_level(level, kind, width, batch_size):
    data = made_data("mean_squared_error", n=40)
    arm = Arm("x", keep_prob=0.6, dropout=kind, lr=RATE, batch_size=batch_size)
    for dtype, close in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        what = made(lambda: frozen_ones(width), arm, "mean_squared_error", budget=6, dtype=dtype, data=data)
        trained = one(NativeEngine(1), what, seed=9).state["2.weight"][0].double().numpy()
        assert trained == pytest.approx(replayed(kind, width, batch_size, 6, 0.6, data), abs=close)


@pytest.mark.parametrize(("kind", "width", "batch_size"), MASKS)
def test_the_replay_of_masks_can_fail(kind, width, batch_size):
    data = made_data("mean_squared_error", n=40)
    right = replayed(kind, width, batch_size, 6, 0.6, data)
    assert np.abs(right - replayed(kind, width, batch_size, 6, 0.6, data, late=1)).max() > 1e-3
