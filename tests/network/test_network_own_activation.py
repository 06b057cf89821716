"""Activations that are modules of a library's or the user's own: told by what they compute."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from hunch.errors import UnsupportedError
from hunch.network import find_sites, place
from hunch.network.own_activation import is_elementwise, own_activation
from hunch.network.own_gradient import own_gradients_refused


def module(name, forward):
    return type(name, (nn.Module,), {"forward": forward})()


class StraightThrough(torch.autograd.Function):
    """A step, with the gradient of a straight line."""

    @staticmethod
    def forward(ctx, x):
        return torch.sign(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


YES = {
    "swish": (lambda self, x: x * torch.sigmoid(x), "silu"),
    "relu by clamp": (lambda self, x: x.clamp(min=0), "relu"),
    "gelu of GPT-2": (
        lambda self, x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3)))),
        "gelu_tanh",
    ),
    "gelu by erf": (lambda self, x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))), "gelu"),
    "squared relu": (lambda self, x: F.relu(x) ** 2, None),
    "sine": (lambda self, x: torch.sin(x), None),
    "sigmoid times 2": (lambda self, x: 2 * torch.sigmoid(x), None),
}
NO = {
    "nothing": lambda self, x: x,
    "a straight line": lambda self, x: 2 * x + 1,
    "softmax": lambda self, x: torch.softmax(x, -1),
    "norm": lambda self, x: x / x.norm(),
    "less its mean": lambda self, x: torch.relu(x - x.mean(-1, keepdim=True)),
    "turned": lambda self, x: torch.relu(x.transpose(0, 1)),
    "a part": lambda self, x: torch.relu(x[:, 1:]),
    "two inputs": lambda self, x, y: torch.relu(x + y),
    "dropout": lambda self, x: F.dropout(torch.relu(x), 0.5, self.training),
    "in training only": lambda self, x: torch.relu(x) if self.training else torch.tanh(x),
    "by its values": lambda self, x: torch.relu(x) if x.sum() > 0 else torch.tanh(x),
    "random": lambda self, x: x * torch.rand_like(x),
    "not finite": lambda self, x: torch.sqrt(x),
    "a gradient of its own": lambda self, x: StraightThrough.apply(x),
    "of a table": lambda self, x: torch.relu(x * torch.ones(x.shape[-1])),
}


@pytest.mark.parametrize(("forward", "name"), YES.values(), ids=YES)
def test_a_function_of_each_element_is_an_activation_with_the_name_of_its_equal(forward, name):
    assert own_activation(module("Own", forward)) == (True, name)


@pytest.mark.parametrize("forward", NO.values(), ids=NO)
def test_anything_else_is_not(forward):
    assert own_activation(module("Own", forward)) == (False, None)


def test_modules_with_weights_or_of_torch_are_not_judged():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return torch.relu(self.scale * x)

    assert [own_activation(m)[0] for m in (Scaled(), nn.PReLU(), nn.Softmax(-1))] == [False] * 3


def test_judging_leaves_the_mode_of_the_module_alone():
    swish = module("Swish", YES["swish"][0]).eval()
    assert is_elementwise(swish)
    assert not swish.training


@pytest.mark.parametrize("inputs", [None, torch.zeros(2, 4)], ids=["fx", "with inputs"])
def test_such_a_module_is_followed_by_norm_and_dropout_like_any_other(inputs):
    network = nn.Sequential(nn.Linear(4, 3), module("Swish", YES["swish"][0]), nn.Linear(3, 2))
    placed = place(network, norm="batch", norm_at="after_activation", keep_prob=0.5, inputs=inputs)
    site = find_sites(placed, inputs).sites[0]
    assert (site.activation.name, site.activation.kind, site.norm.name, site.dropout.name) == (
        "1",
        "silu",
        "1.norm",
        "1.dropout",
    )
    assert type(placed[1]).__name__ == "Swish"


def test_a_gradient_of_the_users_own_is_never_lost_by_rewriting_a_forward():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.b(StraightThrough.apply(F.relu(self.a(x))))

    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(
        UnsupportedError, match="calls the autograd function StraightThrough, whose gradient fx would"
    ):
        place(Net(), norm="batch", inputs=x[:2], norm_at="after_activation")
    before = place(Net(), norm="batch", inputs=x[:2])  # behind the layer: nothing is rewritten
    before(x).sum().backward()
    assert before.a.weight.grad.abs().sum() > 0  # the step itself has a gradient of 0


def test_while_a_network_is_traced_other_calls_of_such_a_function_go_on():
    x = torch.tensor([2.0], requires_grad=True)
    with own_gradients_refused():
        StraightThrough.apply(x).backward()
    assert x.grad.item() == 1.0
    assert StraightThrough.apply(x).item() == 1.0
