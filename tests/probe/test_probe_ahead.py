"""Gradient predictiveness: against the formula where gradients are known, and that nothing is changed by it."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from hunch.probe import gradient_ahead
from hunch.probe.ahead import STEPS

CHANGE, RELATIVE, COSINE = range(3)


class Bowl(nn.Module):
    """The cost Σ c·w²/2 in two dimensions: gradient c·w, and after a step of size s along it c·(1 - s·c)·w."""

    def __init__(self, curvature=(1.0, 3.0), start=(2.0, -1.0)):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start, dtype=torch.float64))
        self.curvature = torch.tensor(curvature, dtype=torch.float64)

    def backward(self):
        (0.5 * self.curvature * self.weight**2).sum().backward()


def batch_norm_network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Sigmoid(), nn.Linear(7, 3)).double()


def batch():
    generator = torch.Generator().manual_seed(4)
    return torch.randn(9, 5, generator=generator, dtype=torch.float64), torch.arange(9) % 3


def backward_of(network):
    x, y = batch()
    return lambda: nn.functional.cross_entropy(network(x), y).backward()


def test_the_three_readings_of_a_bowl_are_those_of_the_formula():
    bowl, rate = Bowl(), 0.1
    found = gradient_ahead(bowl, [bowl.weight], bowl.backward, rate)[:, 0]
    g = np.array([1.0, 3.0]) * np.array([2.0, -1.0])
    ahead = [g * (1 - step * rate * np.array([1.0, 3.0])) for step in STEPS]
    changes = [np.linalg.norm(h - g) for h in ahead]
    assert found[CHANGE] == pytest.approx(max(changes))
    assert found[RELATIVE] == pytest.approx(max(changes) / np.linalg.norm(g))
    cosines = [g @ h / np.linalg.norm(g) / np.linalg.norm(h) for h in ahead]
    assert found[COSINE] == pytest.approx(min(cosines))
    assert max(changes) == changes[-1], "twice the rate is furthest in a bowl"


def test_the_readings_can_tell_a_wrong_step_size():
    bowl = Bowl()
    found = [gradient_ahead(bowl, [bowl.weight], bowl.backward, rate)[RELATIVE, 0] for rate in (0.1, 0.05)]
    assert found[0] == pytest.approx(2 * found[1])


def test_a_plane_is_perfectly_predictable():
    line = nn.Linear(3, 1, bias=False)
    found = gradient_ahead(line, [line.weight], lambda: line(torch.ones(2, 3)).sum().backward(), 0.5)
    assert found[:, 0].tolist() == [0, 0, pytest.approx(1)]


def test_each_layer_is_read_by_itself_while_all_of_them_take_the_step():
    network = batch_norm_network()
    backward, weights = backward_of(network), [network[0].weight, network[3].weight]
    found = gradient_ahead(network, weights, backward, 0.3)
    ahead = copy.deepcopy(network)
    backward_of(ahead)()
    here = [p.grad.clone() for p in ahead.parameters()]
    worst = np.zeros(2)
    for step in STEPS:
        moved = copy.deepcopy(network)
        with torch.no_grad():
            for p, g in zip(moved.parameters(), here, strict=True):
                p -= step * 0.3 * g
        backward_of(moved)()
        for k, layer in enumerate((0, 3)):
            change = torch.linalg.vector_norm(moved[layer].weight.grad - ahead[layer].weight.grad).item()
            worst[k] = max(worst[k], change)
    assert found[CHANGE] == pytest.approx(worst, rel=1e-6)


def test_the_network_is_left_bit_for_bit_with_its_gradients_buffers_and_random_state():
    network = batch_norm_network()
    network[0].weight.grad = torch.full_like(network[0].weight, 7.0)
    before, grad = copy.deepcopy(network.state_dict()), network[0].weight.grad
    random = torch.random.get_rng_state()
    gradient_ahead(network, [network[0].weight], backward_of(network), 0.3)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert network[0].weight.grad is grad
    assert (grad == 7).all()
    assert network[3].weight.grad is None
    assert torch.equal(torch.random.get_rng_state(), random)


def test_a_forward_in_training_would_have_moved_the_running_statistics():
    network = batch_norm_network()
    before = network[1].running_mean.clone()
    backward_of(network)()
    assert not torch.equal(network[1].running_mean, before)


def test_the_network_is_put_back_when_its_forward_fails():
    bowl, calls = Bowl(), []

    def backward():
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("boom")
        bowl.backward()

    with pytest.raises(RuntimeError, match="boom"):
        gradient_ahead(bowl, [bowl.weight], backward, 0.1)
    assert bowl.weight.tolist() == [2, -1]
    assert bowl.weight.grad is None


def test_a_layer_without_a_gradient_has_no_reading_and_one_at_a_minimum_no_relative_one():
    bowl, idle = Bowl(start=(0.0, 0.0)), nn.Linear(2, 2)
    found = gradient_ahead(bowl, [bowl.weight, idle.weight], bowl.backward, 0.1)
    assert found[CHANGE, 0] == 0
    assert np.isnan(found[RELATIVE:, 0]).all()
    assert np.isnan(found[:, 1]).all()


def test_gradients_that_blow_up_are_recorded_and_no_error():
    bowl = Bowl(curvature=(1e200, 1.0))
    found = gradient_ahead(bowl, [bowl.weight], bowl.backward, 1e10)
    assert not math.isfinite(found[CHANGE, 0])
    assert bowl.weight.tolist() == [2, -1]
