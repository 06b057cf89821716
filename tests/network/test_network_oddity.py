"""Layers that look plain and are not: refused where no engine could be right, named where only torch is."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from hunch.errors import UnsupportedError
from hunch.network import KNOWN, ExactDropout, GaussianDropout, mlp, oddity, place, read_chain


def plain():
    return nn.Sequential(
        nn.Linear(4, 4),
        nn.BatchNorm1d(4),
        nn.Tanh(),
        nn.Dropout(0.2),
        nn.Linear(4, 4),
        nn.Tanh(),
        nn.Linear(4, 2),
    )


# ---- a weight that is computed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap",
    [parametrizations.weight_norm, parametrizations.spectral_norm],
    ids=["weight norm", "spectral norm"],
)
def test_a_computed_weight_is_refused_because_redrawing_it_would_do_nothing(wrap):
    network = plain()
    network[4] = wrap(network[4])
    with pytest.raises(UnsupportedError, match=r"`4` .*weight.*computed.*\[network-not-a-chain\]"):
        read_chain(network)


def test_a_weight_computed_by_a_hook_of_the_old_kind_is_refused():
    network = plain()
    network[4] = torch.nn.utils.spectral_norm(network[4])
    with pytest.raises(UnsupportedError, match=r"`4` .*weight.*computed.*\[network-not-a-chain\]"):
        read_chain(network)


@pytest.mark.parametrize("register", ["register_hook", "register_post_accumulate_grad_hook"])
def test_a_hook_on_a_parameter_is_refused_because_a_copy_of_the_network_has_lost_it(register):
    network = plain()
    getattr(network[4].weight, register)(lambda grad: None)
    assert not torch.nn.Parameter.__deepcopy__(network[4].weight, {})._backward_hooks
    with pytest.raises(UnsupportedError, match=r"`4` .*hook on its weight.*\[network-not-a-chain\]"):
        read_chain(network)


# ---- what only torch itself computes right -----------------------------------------------------------------


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Louder(nn.Linear):
    def __call__(self, *inputs):
        return 2 * super().__call__(*inputs)


class Renamed(nn.Linear):
    """Only initialised in its own way."""

    def reset_parameters(self):
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)


class HalfDropout(nn.Dropout):
    def forward(self, x):
        return 0.5 * x


class Louder5(nn.BatchNorm1d):
    def forward(self, x):
        return 5 * super().forward(x)


def replaced(at, module):
    network = plain()
    network[at] = module
    return network


def hooked(register, at=4):
    network = plain()
    where = network if at is None else network[at]
    getattr(where, register)(lambda *_: None)
    return network


def tied():
    network = plain()
    network[4].weight = network[0].weight
    return network


def patched():
    network = plain()
    network[2].forward = torch.relu
    return network


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (replaced(4, Doubled(4, 4)), r"`4` is a Doubled, which has a forward of its own"),
        (replaced(4, Louder(4, 4)), r"`4` is a Louder, which has a forward of its own"),
        (replaced(3, HalfDropout(0.5)), r"`3` is a HalfDropout, which has a forward of its own"),
        (replaced(1, Louder5(4)), r"`1` is a Louder5, which has a forward of its own"),
        (patched(), r"`2` is a Tanh, which has a forward of its own"),
        (hooked("register_forward_hook"), r"`4` has a hook"),
        (hooked("register_forward_pre_hook"), r"`4` has a hook"),
        (hooked("register_full_backward_hook", 2), r"`2` has a hook"),
        (hooked("register_full_backward_pre_hook", 1), r"`1` has a hook"),
        (hooked("register_forward_hook", None), r"the network has a hook"),
        (tied(), r"`4` shares its weight with `0`"),
    ],
)
def test_what_differs_from_the_plain_layers_is_named_and_read_all_the_same(network, said):
    found = oddity(network)
    assert found is not None
    assert found.startswith(said.replace("\\", ""))
    assert len(read_chain(network).blocks) == 3


@pytest.mark.parametrize("name", KNOWN)
def test_plain_networks_and_what_hunch_places_in_them_are_not_odd(name):
    network = mlp([8, 8, 8, 2], name)()
    for norm in (None, "batch", "layer", "rms", "group"):
        for dropout in ("bernoulli", "gaussian", "exact"):
            assert oddity(place(network, norm=norm, keep_prob=0.5, dropout=dropout)) is None
    assert oddity(nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(4, 2)))) is None
    assert oddity(plain().append(GaussianDropout(0.5)).append(ExactDropout(0.5))) is None


def test_a_subclass_that_computes_the_same_is_not_odd():
    assert oddity(replaced(4, Renamed(4, 4))) is None


def test_one_activation_object_at_two_places_is_not_odd():
    relu = nn.ReLU()
    assert oddity(nn.Sequential(nn.Linear(4, 4), relu, nn.Linear(4, 4), relu, nn.Linear(4, 2))) is None
