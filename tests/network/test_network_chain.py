"""Reading chains: what fits is read, what does not is refused by name."""

import pytest
import torch
from torch import nn

from hunch.errors import NetworkError, UnsupportedError
from hunch.network import ExactDropout, GaussianDropout, read_chain


def sites(network):
    return [b.site for b in read_chain(network).blocks]


def test_nested_sequentials_are_read_in_execution_order_with_qualified_names():
    network = nn.Sequential()
    network.add_module(
        "features", nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 3)), nn.ReLU())
    )
    network.add_module("head", nn.Linear(3, 2))
    chain = read_chain(network)
    assert [b.site for b in chain.blocks] == ["features.0", "features.1.1", "head"]
    assert [b.activation and b.activation.name for b in chain.blocks] == ["features.1.0", "features.2", None]
    assert [b.is_hidden for b in chain.blocks] == [True, True, False]
    assert [b.is_last for b in chain.blocks] == [False, False, True]
    assert chain.block("head").linear is network.head
    assert chain.describe() == "4 → 3 → 3 → 2, relu, tanh"
    with pytest.raises(KeyError, match="nope"):
        chain.block("nope")


@pytest.mark.parametrize(
    ("tail", "norm", "before", "dropout"),
    [
        ([nn.ReLU()], None, False, None),
        ([nn.BatchNorm1d(3), nn.ReLU()], "1", True, None),
        ([nn.ReLU(), nn.BatchNorm1d(3)], "2", False, None),
        ([nn.LayerNorm(3), nn.ReLU(), nn.Dropout(0.1)], "1", True, "3"),
        ([nn.ReLU(), nn.RMSNorm(3), GaussianDropout(0.5)], "2", False, "3"),
        ([nn.Identity(), nn.GroupNorm(1, 3), nn.Identity(), nn.ReLU(), ExactDropout(0.5)], "2", True, "5"),
        ([nn.Identity(), nn.BatchNorm1d(3)], "2", False, None),
        ([nn.BatchNorm1d(3), nn.Identity()], "1", True, None),
    ],
    ids=str,
)
def test_norm_and_dropout_are_found_where_they_stand(tail, norm, before, dropout):
    chain = read_chain(nn.Sequential(nn.Linear(4, 3), *tail, nn.Linear(3, 2)))
    block = chain.blocks[0]
    assert block.is_hidden
    assert (block.norm and block.norm.name, bool(block.norm_before)) == (norm, before)
    assert (block.dropout and block.dropout.name) == dropout
    assert block.bias_feeds_batch_norm == (isinstance(tail[0], nn.BatchNorm1d))


def test_two_layers_with_nothing_between_them_have_no_hidden_place():
    chain = read_chain(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)))
    assert chain.hidden == ()
    assert chain.describe() == "4 → 3 → 2, no activation"


def test_a_batch_norm_between_layers_without_activation_cancels_the_bias():
    assert (
        read_chain(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)))
        .blocks[0]
        .bias_feeds_batch_norm
    )


def test_a_leading_flatten_is_noticed():
    assert read_chain(nn.Sequential(nn.Flatten(), nn.Linear(4, 3))).flattens
    assert not read_chain(nn.Sequential(nn.Linear(4, 3))).flattens


def test_an_activation_at_the_end_makes_the_last_layer_no_hidden_one():
    chain = read_chain(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Sigmoid()))
    assert sites(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Sigmoid())) == ["0", "2"]
    assert [b.is_hidden for b in chain.blocks] == [True, False]


class Plain(nn.Sequential):
    """A Sequential under another name is still a chain."""


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Custom(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x)


def test_a_subclass_without_a_forward_of_its_own_is_a_chain():
    assert sites(Plain(nn.Linear(4, 3), Plain(nn.ReLU()), nn.Linear(3, 2))) == ["0", "2"]


SHARED = nn.Linear(4, 4)


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (
            Custom(),
            UnsupportedError,
            r"the network is a Custom; so far Hunch reads nn\.Sequential chains .*\[network-not-a-chain\]",
        ),
        (
            Residual(nn.Linear(4, 4), nn.ReLU()),
            UnsupportedError,
            r"the network is a Residual, an nn\.Sequential with a forward of its "
            r"own.*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Residual(nn.Linear(4, 4), nn.ReLU())),
            UnsupportedError,
            r"`2` is a Residual, an nn\.Sequential with a forward of its own.*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 3), Custom()),
            UnsupportedError,
            r"`1` is a Custom, which does not fit a chain .*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)),
            UnsupportedError,
            r"`0` is a Conv2d, which does not fit.*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.LSTM(4, 3), nn.Linear(3, 2)),
            UnsupportedError,
            r"`0` is a LSTM, which does not fit.*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.Flatten(), nn.Linear(4, 2)),
            UnsupportedError,
            r"`1` is a Flatten, which does not fit.*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.LeakyReLU(0.2), nn.Linear(4, 2)),
            UnsupportedError,
            r"`1` is a LeakyReLU, which does not fit.*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2)),
            UnsupportedError,
            r"`0` \(BatchNorm1d\) stands before the first linear layer.*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.ReLU(), nn.Linear(4, 2)),
            UnsupportedError,
            r"`0` \(ReLU\) stands before the first linear layer.*\[network-not-a-chain\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Tanh(), nn.Linear(4, 2)),
            UnsupportedError,
            r"after the linear layer `0` stand two modules of one kind \(activation\): `1` "
            r"\(ReLU\) and `2` \(Tanh\).*\[network-two-of-a-kind\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 2)),
            UnsupportedError,
            r"\(norm\): `1` \(LayerNorm\) and `3` \(BatchNorm1d\).*\[network-two-of-a-kind\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(), nn.Dropout(), nn.Linear(4, 2)),
            UnsupportedError,
            r"\(dropout\): `2` \(Dropout\) and `3` \(Dropout\).*\[network-two-of-a-kind\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.ReLU(), nn.Linear(4, 2)),
            UnsupportedError,
            r"`1` \(dropout\) stands before `2` \(ReLU\) of site `0`.*\[network-dropout-order\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(), nn.BatchNorm1d(4), nn.Linear(4, 2)),
            UnsupportedError,
            r"`2` \(dropout\) stands before `3` \(BatchNorm1d\) of site `0`.*\[network-dropout-order\]",
        ),
        (
            nn.Sequential(SHARED, nn.ReLU(), SHARED),
            UnsupportedError,
            r"the layer `2` is the same module as `0`.*\[network-shared-layer\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=1)),
            NetworkError,
            r"ends in Softmax \(`1`\), but the cost expects raw outputs.*\[network-softmax\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 2), nn.LogSoftmax(dim=1)),
            NetworkError,
            r"ends in LogSoftmax \(`1`\).*\[network-softmax\]",
        ),
        (nn.Sequential(nn.Flatten()), NetworkError, r"the network has no linear layer.*\[network-no-layer\]"),
        (nn.Sequential(), NetworkError, r"the network has no linear layer.*\[network-no-layer\]"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_what_does_not_fit_is_refused_by_name(network, error, message):
    with pytest.raises(error, match=message):
        read_chain(network)


def test_reading_changes_nothing():
    network = nn.Sequential(
        nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 2)
    ).eval()
    before, state = repr(network), torch.random.get_rng_state()
    read_chain(network)
    assert repr(network) == before
    assert not any(m.training for m in network.modules())
    assert torch.equal(torch.random.get_rng_state(), state)
