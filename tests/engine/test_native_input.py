"""Dropout of the inputs trains alike in both engines, with the masks that PyTorch would be given."""

import numpy as np
import pytest
import torch
from cases import largest_difference, made, one, same_bits
from torch import nn

import hunch
from hunch.engine import LoopEngine, NativeEngine
from hunch.engine.native_extension import native_absence
from hunch.plan import Arm

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")

CLOSE = 1e-10


def twins(what):
    return largest_difference(one(NativeEngine(1), what), one(LoopEngine(), what))


@pytest.mark.parametrize("dropout", ["bernoulli", "gaussian", "exact"])
@pytest.mark.parametrize("batch_size", [50, 7])
def test_dropped_inputs_train_alike(dropout, batch_size):
    arm = Arm("x", keep_prob={"input": 0.7}, dropout=dropout, norm="batch", batch_size=batch_size)
    assert twins(made(arm=arm)) < CLOSE


def test_inputs_and_hidden_units_at_once_and_early():
    assert twins(made(arm=Arm("x", keep_prob={"input": 0.8, "0": 0.5, "2": 0.9}, keep_until=0.3))) < CLOSE


def test_the_comparison_can_fail():
    with_it = one(NativeEngine(1), made(arm=Arm("x", keep_prob={"input": 0.999})))
    assert largest_difference(with_it, one(LoopEngine(), made())) > 1e-6


def test_regression_without_hidden_layers():
    what = made(hunch.mlp([9, 1]), Arm("x", keep_prob={"input": 0.5}, l2=0.1), "mean_squared_error")
    assert twins(what) < CLOSE


def test_dropout_that_the_network_has_already():
    def build():
        return nn.Sequential(nn.Dropout(0.3), nn.Linear(9, 12), nn.Tanh(), nn.Linear(12, 3))

    assert twins(made(build)) < CLOSE


def test_bits_do_not_depend_on_neighbours():
    what = made(arm=Arm("x", keep_prob={"input": 0.7}), dtype=torch.float32)
    alone = one(NativeEngine(1), what)
    jobs = [what.job(seed) for seed in (1, 2, 3, 4)]
    together = {r.job.key.seed: r for r in NativeEngine(2).train(what.setting, jobs, keep_networks=True)}
    assert same_bits(alone, together[1])


def test_the_masks_are_those_of_noise():
    """A linear network's first update, computed by hand from `batches` and `noise`."""
    what = made(
        hunch.mlp([9, 1]), Arm("x", keep_prob={"input": 0.5}, lr=0.1, batch_size=50), "mean_squared_error", 1
    )
    data = what.setting.data
    torch.manual_seed(1)
    net = hunch.mlp([9, 1])().double()
    rows = hunch.batches(1, data.n, 50, 1)[0]
    kept = hunch.noise(1, "input", 0, (50, 9)) < 0.5
    x = torch.from_numpy(data.x[rows] * kept / 0.5).double()
    y = torch.from_numpy(np.asarray(data.y)[rows]).double().reshape(-1, 1)
    ((net(x) - y) ** 2).mean().backward()
    by_hand = net[0].weight - 0.1 * net[0].weight.grad
    result = one(NativeEngine(1), what)
    placed = next(v for k, v in result.state.items() if k.endswith("weight"))
    assert torch.allclose(placed.double(), by_hand, atol=1e-12)
