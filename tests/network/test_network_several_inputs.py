"""Networks with several inputs, in order or by name, and outputs that carry `logits`."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import any_networks as nets
from hunch.errors import NetworkError
from hunch.network import answer, call, first_examples, inspect_network, to_inputs
from hunch.network.inputs import check_arguments

RNG = np.random.default_rng(0)
CATEGORIES = np.stack([RNG.integers(0, 5, 9), RNG.integers(0, 7, 9)], axis=1)
NUMBERS = RNG.normal(size=(9, 6)).astype(np.float32)


def packed(**arrays):
    kinds = [(name, array.dtype, array.shape[1:]) for name, array in arrays.items()]
    x = np.empty(len(next(iter(arrays.values()))), dtype=kinds)
    for name, array in arrays.items():
        x[name] = array
    return x


BY_NAME = packed(numbers=NUMBERS, categories=CATEGORIES)
IN_ORDER = packed(**{"0": CATEGORIES, "1": NUMBERS})


class Optional(nn.Module):
    """One argument has a default, one is by name only."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 2)

    def forward(self, numbers, weight=None, *, scale=1.0):
        return self.fc(numbers if weight is None else numbers * weight) * scale


class Any(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 2)

    def forward(self, *inputs, **named):
        return self.fc(inputs[0] if inputs else named["numbers"])


class WithLogits(nn.Module):
    """Answers as the transformers library does: an object that has the logits and the hidden state."""

    def __init__(self, returns):
        super().__init__()
        self.fc, self.act, self.head = nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)
        self.returns = returns

    def forward(self, x):
        hidden = self.act(self.fc(x))
        return self.returns(self.head(hidden), hidden)


def test_inputs_come_by_name_or_in_order_and_keep_their_types():
    named = to_inputs(BY_NAME, torch.float64)
    assert list(named) == ["numbers", "categories"]
    assert (named["numbers"].dtype, named["categories"].dtype) == (torch.float64, torch.int64)
    in_order = to_inputs(IN_ORDER, torch.float32)
    assert isinstance(in_order, tuple)
    network = nets.Tabular().double()
    torch.testing.assert_close(call(network, named), network(named["categories"], named["numbers"]))
    assert [len(t) for t in first_examples(network, IN_ORDER)] == [2, 2]


@pytest.mark.parametrize("x", [BY_NAME, IN_ORDER], ids=["by name", "in order"])
def test_facts_of_a_network_with_two_inputs(x):
    found = inspect_network(nets.Tabular(), x)
    assert found.n_outputs == 2
    assert [s.name for s in found.sites] == ["colour", "shape", "fc", "head"]


def test_a_chain_takes_one_input_by_its_name():
    network = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
    assert inspect_network(network, packed(input=NUMBERS)).n_outputs == 2
    assert inspect_network(network, packed(**{"0": NUMBERS})).n_outputs == 2


def test_arguments_with_a_default_need_no_input():
    network = Optional()
    for x in (
        NUMBERS,
        packed(numbers=NUMBERS),
        packed(numbers=NUMBERS, scale=NUMBERS[:, :1]),
        packed(**{"0": NUMBERS, "1": NUMBERS}),
    ):
        check_arguments(network, x)
    for x in (IN_ORDER, NUMBERS, packed(numbers=NUMBERS, more=NUMBERS)):
        check_arguments(Any(), x)


REFUSED = {
    "one array for two": (
        nets.Tabular(),
        NUMBERS,
        r"takes 2 inputs \(categories, numbers\), but X is one array",
    ),
    "a name that is lacking": (nets.Tabular(), packed(numbers=NUMBERS), r"it lacks `categories`\. Name"),
    "a name too many": (
        nets.Tabular(),
        packed(numbers=NUMBERS, categories=CATEGORIES, label=NUMBERS),
        r"the forward has no `label`\. Name",
    ),
    "a tuple that is too short": (nets.Tabular(), packed(**{"0": NUMBERS}), r"but X is a tuple of 1\. Give"),
    "a tuple that is too long": (
        nn.Sequential(nn.Linear(6, 2)),
        IN_ORDER,
        r"takes 1 input \(input\), but X is a tup",
    ),
    "one that goes by name only": (
        Optional(),
        packed(**{"0": NUMBERS, "1": NUMBERS, "2": NUMBERS}),
        r"but X is a tuple of 3\.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_inputs_that_are_not_the_arguments_are_refused(case):
    network, x, message = REFUSED[case]
    with pytest.raises(NetworkError, match=message):
        inspect_network(network, x)


def test_a_forward_that_raises_is_told_with_the_shapes_of_all_inputs():
    with pytest.raises(NetworkError, match=r"shape categories \(2, 2\), numbers \(2, 5\): "):
        inspect_network(nets.Tabular(), packed(categories=CATEGORIES, numbers=NUMBERS[:, :5]))


def test_logits_are_what_is_judged():
    network = WithLogits(lambda logits, hidden: SimpleNamespace(logits=logits, hidden=hidden))
    found = inspect_network(network, NUMBERS)
    assert found.n_outputs == 3
    assert [s.name for s in found.sites] == ["fc", "head"]
    tensor = torch.zeros(2)
    assert answer(tensor) is tensor
    assert answer(SimpleNamespace(logits=tensor)) is tensor
    with pytest.raises(
        NetworkError, match=r"got tuple\. Let the forward return the tensor that the cost takes, or an"
    ):
        inspect_network(WithLogits(lambda logits, hidden: (logits, hidden)), NUMBERS)
    with pytest.raises(NetworkError, match="got SimpleNamespace"):
        inspect_network(
            WithLogits(lambda logits, hidden: SimpleNamespace(logits=None, hidden=hidden)), NUMBERS
        )
