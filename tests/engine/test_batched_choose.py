"""When fleets train: what vmap cannot do is said with the module that declined, and so is where they do not pay."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import any_networks as nets
import hunch
from hunch.data import load
from hunch.engine import BatchedEngine, LoopEngine, choose
from hunch.errors import PlanError, UnsupportedError


@pytest.fixture(scope="module")
def flat():
    digits = load("digits")
    return load((digits.x[:200], digits.y[:200], digits.x_held[:50], digits.y_held[:50]))


@pytest.fixture(scope="module")
def images(flat):
    shape = (-1, 1, 8, 8)
    return load((flat.x.reshape(shape), flat.y, flat.x_held.reshape(shape), flat.y_held))


class OwnNoise(nn.Module):
    """Draws numbers that no site explains."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 12), nn.Linear(12, 10)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.last(x + 0.1 * torch.randn_like(x) if self.training else x)


class Averaging(nn.Module):
    """Puts a new tensor in its buffer's place in every forward pass, which `functional_call` forgets."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 12), nn.Linear(12, 10)
        self.register_buffer("seen", torch.zeros(12))

    def forward(self, x):
        x = torch.relu(self.first(x))
        if self.training:
            self.seen = 0.9 * self.seen + 0.1 * x.detach().mean(dim=0)
        return self.last(x - self.seen)


class Deep(nn.Module):
    """Two wide layers in a residual block: a millisecond of arithmetic a layer."""

    def __init__(self):
        super().__init__()
        self.first, self.mid, self.last = nn.Linear(64, 2000), nn.Linear(2000, 2000), nn.Linear(2000, 10)

    def forward(self, x):
        x = F.relu(self.first(x))
        return self.last(x + F.relu(self.mid(x)))


@pytest.mark.parametrize("network", [nets.LeNet, nets.SmallCNN, nets.ResNet])
def test_a_convolutional_net_is_trained_in_fleets(network, images):
    choice = choose(network(), images)
    assert isinstance(choice.engine, BatchedEngine)
    assert "native declined" in choice.reason


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (nets.Recurrent, r"module `lstm` \(LSTM\) cannot be trained in fleets \(torch has no batching rule"),
        (nets.DataDependent, "the forward of DataDependent .*depends on the values of its inputs"),
        (nets.Transformer, r"module `encoder.self_attn` .*random numbers of its own"),
        (Averaging, "`seen` is another after a step in a fleet"),
        (OwnNoise, "the forward of OwnNoise .*random numbers of its own"),
        (Deep, "a layer takes [0-9]+ million operations a step, so that fleets save nothing"),
    ],
    ids=["lstm", "branches", "attention", "buffer", "noise", "large"],
)
def test_what_fleets_cannot_do_goes_to_the_loop_and_the_reason_names_it(network, words, flat):
    choice = choose(network(), flat)
    assert isinstance(choice.engine, LoopEngine)
    assert re.search(words, choice.reason), choice.reason
    if network is not Deep:
        with pytest.raises(UnsupportedError, match=words):
            choose(network(), flat, "batched")


def test_the_arms_are_tried_too(flat):
    arms = [hunch.Arm("a").resolved(200), hunch.Arm("b", norm="batch", keep_prob=0.8).resolved(200)]
    assert isinstance(choose(nets.ResidualMLP(), flat, arms=arms).engine, BatchedEngine)
    said = choose(OwnNoise(), flat, arms=arms).reason
    assert said.endswith('(arm "a")')


def test_asked_for_fleets_serve_chains_too(flat):
    choice = choose(hunch.mlp([64, 8, 10])(), flat, "batched")
    assert (choice.engine.name, choice.reason) == ("batched", "asked for")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(flat):
    with pytest.raises(UnsupportedError, match="sees 0 of them here"):
        choose(hunch.mlp([64, 8, 10])(), flat, device="cuda")


@pytest.mark.parametrize("device", ["tpu", "cuda:x", 3])
def test_what_is_no_device_is_refused(device, flat):
    with pytest.raises(UnsupportedError, match="on the CPU or on a CUDA device"):
        choose(hunch.mlp([64, 8, 10])(), flat, device=device)


def test_what_is_no_engine_is_refused(flat):
    with pytest.raises(PlanError, match="engine must be one of auto, native, batched, loop"):
        choose(hunch.mlp([64, 8, 10])(), flat, "fleet")


def test_a_study_says_which_engine_trained_it_and_why(images):
    runs = hunch.train(nets.LeNet, images_of(images), seeds=2, budget=3, lr=0.1, progress=False)
    assert runs.facts.engine == "batched"
    assert "the network is a LeNet" in runs.facts.engine_reason
    loop = hunch.train(
        nets.LeNet, images_of(images), seeds=2, budget=3, lr=0.1, progress=False, engine="loop"
    )
    assert np.allclose(runs.frame()["cost"], loop.frame()["cost"], rtol=1e-4)


def images_of(data):
    return data.x, data.y, data.x_held, data.y_held


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("network", [nets.LeNet, nets.ResNet, nets.SmallCNN])
def test_a_gpu_trains_what_the_cpu_trains_to_rounding(network, images):
    arm = hunch.Arm("x", norm="batch", keep_prob=0.8, batch_size=32)
    both = [
        hunch.train(
            network, images_of(images), arm=arm, seeds=4, budget=20, lr=0.05, progress=False, device=device
        )
        for device in (None, "cuda")
    ]
    assert np.allclose(both[0].frame()["cost"], both[1].frame()["cost"], rtol=1e-2)
