"""Dropout of the inputs themselves: the site "input"."""

import copy

import pytest
import torch
from torch import nn

import hunch
from hunch.errors import PlacementError, UnsupportedError
from hunch.network import GaussianDropout, read_chain


def names(network):
    return [name for name, _ in network.named_children()]


def test_dropout_stands_before_the_first_linear_layer_and_nowhere_else():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    placed = hunch.place(net, keep_prob={"input": 0.75})
    assert names(placed) == ["0", "input_dropout", "1", "2", "3"]
    assert placed.input_dropout.p == 0.25
    assert names(net) == ["0", "1", "2", "3"], "the original stays as it is"


def test_a_single_number_leaves_the_inputs_alone():
    placed = hunch.place(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), keep_prob=0.5)
    assert read_chain(placed).input_dropout is None
    assert names(placed) == ["0", "1", "1_dropout", "2"]


def test_a_network_without_hidden_layers_takes_it():
    placed = hunch.place(nn.Sequential(nn.Linear(4, 1)), keep_prob={"input": 0.5}, dropout="gaussian")
    assert isinstance(placed[0], GaussianDropout)
    with pytest.raises(PlacementError, match=r"keep_prob=\{'input': 0.8\}"):
        hunch.place(nn.Sequential(nn.Linear(4, 1)), keep_prob=0.5)


def test_what_is_there_is_changed_kept_or_taken_away():
    net = nn.Sequential(nn.Dropout(0.2), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    assert read_chain(net).input_dropout.name == "0"
    assert hunch.place(net, keep_prob={"input": 0.5})[0].p == 0.5
    assert names(hunch.place(net, keep_prob={"input": 1.0})) == ["1", "2", "3"]
    assert hunch.place(net, keep_prob=0.5)[0].p == 0.2
    kept = hunch.place(net, dropout="gaussian")[0]
    assert isinstance(kept, GaussianDropout)
    assert kept.keep_prob == pytest.approx(0.8)


def test_nested_chains_and_names_that_are_taken():
    inner = nn.Sequential()
    inner.add_module("input_dropout", nn.Linear(4, 3))
    net = nn.Sequential(inner, nn.ReLU(), nn.Linear(3, 2))
    placed = hunch.place(net, keep_prob={"input": 0.5})
    assert [p for p, _ in placed[0].named_children()] == ["input_dropout_", "input_dropout"]
    x = torch.ones(5, 4)
    assert torch.equal(placed.eval()(x), copy.deepcopy(net).eval()(x))


def test_a_second_one_and_one_before_flatten_are_refused():
    with pytest.raises(UnsupportedError, match="before the first linear layer stand two"):
        read_chain(nn.Sequential(nn.Dropout(), nn.Dropout(), nn.Linear(4, 2)))
    with pytest.raises(UnsupportedError, match="`1` is a Flatten"):
        read_chain(nn.Sequential(nn.Dropout(), nn.Flatten(), nn.Linear(4, 2)))
