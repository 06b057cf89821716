"""Which weights L2 acts on, and which of them are scale-invariant: held against the exact mathematics."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import any_networks as nets
from hunch.network import build_network, decay_groups, decayed_parameters, find_sites, mlp, place
from hunch.network.map_norm import MapRMSNorm
from real_networks import REAL


def rows(n=6, width=4):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def maps(n=5):
    return torch.randn(n, 2, 6, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def exact(network):
    """In float64, every norm without eps, every parameter away from its special start, in training."""
    network = copy.deepcopy(network).double().train()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    for module in network.modules():
        if hasattr(module, "eps"):
            module.eps = 1e-30  # batch norm takes no 0; added to a variance in float64 it is nothing
    return network


def output(network, x):
    torch.manual_seed(0)
    return network(x)


def change(network, x, names, factor=2.0):
    """By how much, relative to its size, the output in training changes when these parameters are scaled."""
    scaled = copy.deepcopy(network)
    with torch.no_grad():
        for name in names:
            scaled.get_parameter(name).mul_(factor)
        before, after = output(copy.deepcopy(network), x), output(scaled, x)
    return ((after - before).abs().max() / before.abs().max()).item()


def slope(network, x, names):
    """The cosine between parameters and their gradient, of a cost that is no special one."""
    network = copy.deepcopy(network)
    out = output(network, x)
    target = torch.randn(out.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    (out * target).sum().backward()
    parts = [(network.get_parameter(n).detach(), network.get_parameter(n).grad) for n in names]
    dot = sum((p * g).sum() for p, g in parts)
    length = sum((p * p).sum() for p, _ in parts).sqrt() * sum((g * g).sum() for _, g in parts).sqrt()
    return (dot / length).abs().item() if length > 1e-12 else 0.0


def check(network, x, groups):
    """Every group is scale-invariant, and every other parameter that decays is not."""
    network = exact(network)
    for group in groups.invariant:
        assert change(network, x, group.parameters) < 1e-9, group
        assert slope(network, x, group.parameters) < 1e-9, group
    for name in set(groups.acted_on) - set(groups.scale_invariant):
        assert change(network, x, [name]) > 1e-6, name
        assert slope(network, x, [name]) > 1e-9, name


def linear(norm, *, bias=True, between=()):
    return nn.Sequential(nn.Linear(4, 6, bias=bias), *between, norm, nn.Tanh(), nn.Linear(6, 3))


def conv(norm, *, bias=True, between=(), make=nn.Conv2d):
    return nn.Sequential(
        make(2, 6, 3, bias=bias),
        *between,
        norm,
        nn.Tanh(),
        nn.Flatten(),
        nn.LazyLinear(3, dtype=torch.float64),
    ).double()


class Tokens(nn.Module):
    """A linear layer on tokens, the norm over the tokens' axis or the units'."""

    def __init__(self, norm, *, bias):
        super().__init__()
        self.fc, self.norm, self.head = nn.Linear(6, 5, bias=bias), norm, nn.Linear(5, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.norm(self.fc(x[:, 0]))).mean(dim=1))


class Functional(nn.Module):
    """A weight that is used a second time, as a function."""

    def __init__(self):
        super().__init__()
        self.fc, self.norm, self.head = nn.Linear(4, 4, bias=False), nn.LayerNorm(4), nn.Linear(4, 3)

    def forward(self, x):
        y = torch.tanh(self.norm(self.fc(x)))
        return self.head(F.linear(y, self.fc.weight))


class OneWeight(nn.Module):
    """One weight in two layers, a norm behind both or behind the first alone."""

    def __init__(self, *, both):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.b.weight = self.a.weight
        self.norm_a, self.norm_b = nn.LayerNorm(4), nn.LayerNorm(4) if both else nn.Identity()
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.norm_b(self.b(torch.tanh(self.norm_a(self.a(x)))))))


class Residual(nn.Module):
    """The norm stands behind the sum."""

    def __init__(self):
        super().__init__()
        self.a, self.norm, self.head = nn.Linear(4, 4, bias=False), nn.LayerNorm(4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.norm(x + self.a(x)))


class Table(nn.Module):
    """An embedding and a norm."""

    def __init__(self, **settings):
        super().__init__()
        self.table, self.norm, self.head = nn.Embedding(8, 5, **settings), nn.LayerNorm(5), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.norm(self.table((x[:, :3].abs() * 3).long().clamp(max=7))).mean(dim=1))


class Dense(nn.Module):
    """A layer's units beside those that came in, and both behind one norm; a second way leads through another."""

    def __init__(self, norm, *, dim=1, bias=True, way_round=False):
        super().__init__()
        self.stem, self.a = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1, bias=bias)
        self.norm, self.other, self.head = norm, nn.BatchNorm2d(3), nn.Linear(9 if dim == 1 else 6, 3)
        self.dim, self.way_round = dim, way_round

    def forward(self, x):
        x = torch.tanh(self.stem(x))
        y = self.a(x)
        both = F.relu(self.norm(torch.cat([x, y], dim=self.dim))).mean(dim=(2, 3))
        if self.dim == 0:
            both = torch.cat(both.chunk(2), dim=1)
        second = y if self.way_round else self.other(y)
        return self.head(
            torch.cat([both, torch.sigmoid(second).mean(dim=(2, 3))], dim=1)[:, : self.head.in_features]
        )


RELU = (nn.ReLU(), nn.Dropout(0.3))
CASES = {  # name → (network, inputs, what is scale-invariant, what is when biases decay too)
    "batch": (linear(nn.BatchNorm1d(6)), rows, ["0.weight"], [("0.weight",)]),
    "batch, no bias": (linear(nn.BatchNorm1d(6), bias=False), rows, ["0.weight"], [("0.weight",)]),
    "layer": (linear(nn.LayerNorm(6)), rows, [], [("0.weight", "0.bias")]),
    "layer, no bias": (linear(nn.LayerNorm(6), bias=False), rows, ["0.weight"], [("0.weight",)]),
    "rms": (linear(nn.RMSNorm(6)), rows, [], [("0.weight", "0.bias")]),
    "rms, no bias": (linear(nn.RMSNorm(6), bias=False), rows, ["0.weight"], [("0.weight",)]),
    "group": (linear(nn.GroupNorm(2, 6)), rows, [], [("0.weight", "0.bias")]),
    "group, no bias": (linear(nn.GroupNorm(2, 6), bias=False), rows, ["0.weight"], [("0.weight",)]),
    "batch behind relu": (linear(nn.BatchNorm1d(6), between=RELU), rows, [], [("0.weight", "0.bias")]),
    "batch behind relu, no bias": (
        linear(nn.BatchNorm1d(6), bias=False, between=RELU), rows, ["0.weight"], [("0.weight",)],
    ),
    "batch behind tanh, no bias": (linear(nn.BatchNorm1d(6), bias=False, between=[nn.Tanh()]), rows, [], []),
    "batch behind dropout": (linear(nn.BatchNorm1d(6), between=[nn.Dropout(0.3)]), rows, [], [("0.weight", "0.bias")]),
    "two layers, no bias": (
        linear(nn.BatchNorm1d(5), bias=False, between=[nn.ReLU(), nn.Linear(6, 5, bias=False)])[:-1],
        rows, ["0.weight", "2.weight"], [("0.weight",), ("2.weight",)],
    ),
    "maps, batch": (conv(nn.BatchNorm2d(6)), maps, ["0.weight"], [("0.weight",)]),
    "maps, batch, no bias": (conv(nn.BatchNorm2d(6), bias=False), maps, ["0.weight"], [("0.weight",)]),
    "maps, transposed": (
        conv(nn.BatchNorm2d(6), make=nn.ConvTranspose2d), maps, ["0.weight"], [("0.weight",)],
    ),
    "maps, instance": (conv(nn.InstanceNorm2d(6)), maps, ["0.weight"], [("0.weight", "0.bias")]),
    "maps, group of one": (conv(nn.GroupNorm(6, 6)), maps, ["0.weight"], [("0.weight", "0.bias")]),
    "maps, group of three": (conv(nn.GroupNorm(2, 6)), maps, [], [("0.weight", "0.bias")]),
    "maps, group of three, no bias": (conv(nn.GroupNorm(2, 6), bias=False), maps, ["0.weight"], [("0.weight",)]),
    "maps, layer": (conv(nn.GroupNorm(1, 6)), maps, [], [("0.weight", "0.bias")]),
    "maps, layer of the last axis": (conv(nn.LayerNorm(4), bias=False), maps, ["0.weight"], [("0.weight",)]),
    "maps, rms": (conv(MapRMSNorm(6)), maps, [], [("0.weight", "0.bias")]),
    "maps, rms, no bias": (conv(MapRMSNorm(6), bias=False), maps, ["0.weight"], [("0.weight",)]),
    "maps, max pool and relu": (
        conv(nn.BatchNorm2d(6), between=[nn.MaxPool2d(2), nn.ReLU()]), maps, [], [("0.weight", "0.bias")],
    ),
    "maps, pooled, no bias": (
        conv(nn.BatchNorm2d(6), bias=False, between=[nn.MaxPool2d(2), nn.PReLU()]), maps, ["0.weight"], [("0.weight",)],
    ),
    "maps, local response": (conv(nn.LocalResponseNorm(3, k=0.5, alpha=1.0), bias=False), maps, [], []),
    "tokens, batch over tokens": (Tokens(nn.BatchNorm1d(6), bias=True), maps, [], [("fc.weight", "fc.bias")]),
    "tokens, batch over tokens, no bias": (
        Tokens(nn.BatchNorm1d(6), bias=False), maps, ["fc.weight"], [("fc.weight",)],
    ),
    "tokens, instance": (Tokens(nn.InstanceNorm1d(6), bias=True), maps, [], [("fc.weight", "fc.bias")]),
    "tokens, layer, no bias": (Tokens(nn.LayerNorm(5), bias=False), maps, ["fc.weight"], [("fc.weight",)]),
    "as a function too": (Functional(), rows, [], []),
    "one weight, both normed": (OneWeight(both=True), rows, ["a.weight"], [("a.weight",)]),
    "one weight, one normed": (OneWeight(both=False), rows, [], []),
    "behind a sum": (Residual(), rows, [], []),
    "joined, batch": (Dense(nn.BatchNorm2d(6)), maps, ["a.weight"], [("a.weight", "a.bias")]),
    "joined, batch, no bias": (Dense(nn.BatchNorm2d(6), bias=False), maps, ["a.weight"], [("a.weight",)]),
    "joined, layer, no bias": (Dense(nn.GroupNorm(1, 6), bias=False), maps, [], []),
    "joined, way round": (Dense(nn.BatchNorm2d(6), bias=False, way_round=True), maps, [], []),
    "joined, over examples": (Dense(nn.BatchNorm2d(3), dim=0, bias=False), maps, [], []),
    "embedding": (Table(), rows, ["table.weight"], [("table.weight",)]),
}  # fmt: skip
for _network, _make, *_ in CASES.values():
    _network.double()(_make())  # lazy layers get their shape
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@EVERY
def test_weights_that_a_norm_follows_are_scale_invariant_and_no_others(case):
    network, make, wanted, _ = case
    groups = decay_groups(network, make())
    assert list(groups.scale_invariant) == wanted
    assert set(groups.acted_on) == {n for n, _ in network.named_parameters()} & decayed_parameters(network)
    check(network, make(), groups)


@EVERY
def test_with_biases_that_decay_weight_and_bias_are_so_together(case):
    network, make, _, wanted = case
    groups = decay_groups(network, make(), decay_norm=True)
    assert [group.parameters for group in groups.invariant] == wanted
    network = exact(network)
    for group in groups.invariant:
        assert change(network, make(), group.parameters) < 1e-9
        assert slope(network, make(), group.parameters) < 1e-9


def test_the_check_can_fail_both_ways():
    network, x = linear(nn.BatchNorm1d(6)).double(), rows()
    groups = decay_groups(network, x)
    with pytest.raises(AssertionError):
        check(linear(nn.LayerNorm(6)), x, groups)
    none = decay_groups(linear(nn.Identity()).double(), x)
    with pytest.raises(AssertionError):
        check(network, x, none)


def test_a_bias_in_front_of_batch_norm_over_tokens_is_trained_for_it_is_not_taken_away():
    network, x = Tokens(nn.BatchNorm1d(6), bias=True).double(), maps()
    site = find_sites(network, x).sites[0]
    assert not site.bias_feeds_batch_norm
    assert change(exact(network), x, ["fc.bias"]) > 1e-3
    assert find_sites(linear(nn.BatchNorm1d(6)), rows().float()).sites[0].bias_feeds_batch_norm


def test_without_inputs_what_is_not_known_is_not_claimed():
    network = Tokens(nn.BatchNorm1d(6), bias=True)
    assert decay_groups(network).invariant == ()
    assert decay_groups(linear(nn.BatchNorm1d(6))).scale_invariant == ("0.weight",)


def test_a_reader_that_runs_the_network_sees_a_weight_that_a_function_takes_too():
    class Running(Functional):
        def forward(self, x):
            return super().forward(x if x.sum() > -1e9 else -x)

    assert decay_groups(Running().double(), rows()).invariant == ()


def test_numbers_are_counted_once_and_told_in_a_sentence():
    groups = decay_groups(OneWeight(both=True), torch.zeros(2, 4))
    assert (groups.n_acted_on, groups.n_invariant) == (16 + 12, 16)
    assert groups.sentence("weight decay") == (
        "weight decay acts on 28 weights, of which 16 are followed by a norm: there it sets only the effective "
        "learning rate"
    )
    assert decay_groups(linear(nn.Identity())).sentence() == ""
    wide = place(mlp([64, 100, 10])(), norm="batch")
    assert "acts on 7,400 weights, of which 6,400 are" in decay_groups(wide).sentence()


def test_an_embedding_whose_rows_are_cut_back_is_not_claimed():
    assert decay_groups(Table(max_norm=0.5).double(), rows()).invariant == ()


def test_frozen_parameters_and_biases_that_batch_norm_takes_away_are_not_acted_on():
    network = linear(nn.BatchNorm1d(6))
    network[3].weight.requires_grad_(False)
    assert decay_groups(network).acted_on == ("0.weight",)
    assert decay_groups(network, decay_norm=True).acted_on == ("0.weight", "1.weight", "1.bias", "3.bias")


@pytest.mark.parametrize("case", REAL, ids=[case.name for case in REAL])
def test_real_networks(case):
    if case.needs:
        pytest.importorskip(case.needs)
    network, x = build_network(case.build, 0).double(), case.inputs(6).double()
    groups = decay_groups(network, x[:2])
    n_convolutions = sum(isinstance(m, nn.modules.conv._ConvNd) for m in network.modules())
    n_wanted = {
        "ResNet-20": 19, "ResNet": n_convolutions, "U-Net": 3, "DenseNet": 10, "EfficientNet": 7, "LeNet": 0,
    }.get(case.name, 0)  # fmt: skip
    assert len(groups.invariant) == n_wanted
    check(network, x, groups)


def test_an_attention_s_weights_are_acted_on_and_never_claimed():
    groups = decay_groups(nets.Transformer(), torch.zeros(2, 64))
    assert "encoder.self_attn.in_proj_weight" in groups.acted_on
    assert groups.invariant == ()
