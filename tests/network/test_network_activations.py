"""Activations against autograd and a fine grid."""

import math

import pytest
import torch
from torch import nn

from hunch.network import KNOWN, activation_name
from hunch.plan.arms import ACTIVATIONS

EVERY = pytest.mark.parametrize("known", KNOWN.values(), ids=lambda a: a.name)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_slope_is_the_derivative(known, dtype):
    z = torch.linspace(
        -12, 12, 2402, dtype=dtype, requires_grad=True
    )  # even: 0, where kinks are, is left out
    (gradient,) = torch.autograd.grad(known.make()(z).sum(), z)
    slope = known.slope(z.detach())
    assert slope.dtype == dtype
    torch.testing.assert_close(slope, gradient, rtol=0, atol=1e-12 if dtype == torch.float64 else 3e-6)


@EVERY
def test_the_maximum_slope_is_the_maximum(known):
    # The largest slopes lie within [-3, 3], but for softplus, whose supremum 1 is reached at infinity.
    z = torch.linspace(-3, 40 if known.name == "softplus" else 3, 2_000_001, dtype=torch.float64)
    assert known.slope(z).abs().max().item() == pytest.approx(known.max_slope, abs=1e-9)


@EVERY
def test_the_range_is_the_range(known):
    z = torch.linspace(-50, 50, 10_001, dtype=torch.float64)
    a = known.make()(z)
    assert known.is_bounded == (known.name in ("sigmoid", "tanh"))
    if known.is_bounded:
        assert a.min().item() == pytest.approx(known.low, abs=1e-12)
        assert a.max().item() == pytest.approx(known.high, abs=1e-12)
    else:
        assert (known.low, known.high) == (None, None)


@EVERY
def test_every_activation_is_recognised_by_its_module(known):
    assert activation_name(known.make()) == known.name


def test_arms_offer_exactly_the_known_activations():
    assert set(ACTIVATIONS) == set(KNOWN)


class Swish(nn.GELU):
    def forward(self, x):
        return x * torch.sigmoid(3 * x)


class Steep(nn.Sigmoid):
    def forward(self, x):
        return torch.sigmoid(9 * x)


@pytest.mark.parametrize(
    "module",
    [nn.LeakyReLU(0.2), nn.ELU(0.5), nn.Softplus(beta=2), nn.Softplus(threshold=5), nn.PReLU(), nn.Hardtanh(),
     nn.Linear(2, 2), nn.ReLU6(), Swish(), Steep()],
    ids=str,
)  # fmt: skip
def test_what_is_not_known_exactly_is_not_guessed(module):
    assert activation_name(module) is None


@pytest.mark.parametrize(
    "module", [nn.ReLU(inplace=True), nn.SiLU(inplace=True), nn.LeakyReLU(inplace=True)], ids=str
)
def test_acting_in_place_makes_no_other_activation(module):
    assert activation_name(module) == activation_name(type(module)())


def test_the_leaky_slope_is_not_below_one_per_cent():
    assert KNOWN["leaky_relu"].slope(torch.tensor([-1.0], dtype=torch.float64)).item() == 0.01
    assert math.isclose(KNOWN["leaky_relu"].max_slope, 1)
