"""Calling `build`, hashing, mlp, dropout modules and the facts read off a network."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from hunch.errors import HunchError, NetworkError, PlanError, UnsupportedError
from hunch.network import (
    ExactDropout,
    GaussianDropout,
    build_network,
    decayed_parameters,
    inspect_network,
    keep_of,
    kind_of,
    mlp,
    network_hash,
    read_chain,
    seeded,
    site_facts,
)
from hunch.network.dropouts import make_dropout
from hunch.network.making import evaluating
from hunch.traces import SiteFact


def global_states():
    """Everything that a build could disturb."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    return torch.random.get_rng_state().tolist(), random.getstate(), (kind, keys.tolist(), *rest)


def greedy():
    """A build that draws from every generator and reseeds them."""
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.bias.fill_(random.random() + np.random.rand())  # noqa: NPY002
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    return layer


def test_a_build_leaves_the_global_generators_as_they_were():
    before = global_states()
    build_network(greedy, 3)
    assert global_states() == before


def test_a_build_that_raises_leaves_the_global_generators_as_they_were():
    def build():
        greedy()
        raise RuntimeError("no")

    before = global_states()
    with pytest.raises(
        NetworkError, match=r"build\(\) raised RuntimeError: no\. .*\[network-build-raised\]"
    ) as caught:
        build_network(build, 3)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert global_states() == before


def test_the_states_would_show_a_change():
    before = global_states()
    random.random()
    assert global_states() != before


def test_a_build_is_what_manual_seed_and_build_make():
    for seed in (0, 7, 2**40):
        built = build_network(mlp([4, 3, 2]), seed)
        with seeded(0):
            torch.manual_seed(seed)
            plain = mlp([4, 3, 2])()
        assert network_hash(built) == network_hash(plain)


def test_python_and_numpy_are_seeded_too():
    biases = [build_network(greedy, seed).bias[0].item() for seed in (3, 3, 4, 3 + 2**32)]
    assert biases[0] == biases[1]
    assert len(set(biases)) == 3


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            nn.Linear(2, 2),
            r"build must be a function that makes the network, got a network \(Linear\)\. "
            r".*\[network-build-not-a-function\]",
        ),
        (
            [64, 10],
            r"build must be a function without arguments .*, got \[64, 10\]\. "
            r".*\[network-build-not-a-function\]",
        ),
        (
            lambda: None,
            r"build\(\) must return an nn\.Module, got NoneType\. Is a `return` missing\?  "
            r"\[network-build-no-module\]",
        ),
        (lambda: nn.Linear, r"build\(\) must return an nn\.Module, got type\..*\[network-build-no-module\]"),
        (
            lambda width: nn.Linear(width, 2),
            r"build\(\) raised TypeError: .*missing 1 required positional "
            r"argument.*\[network-build-raised\]",
        ),
        (nn.ReLU, r"has no parameter that can be trained\. .*\[network-no-layer\]"),
        (
            lambda: nn.Linear(2, 2).requires_grad_(False),
            r"has no parameter that can be trained\. .*\[network-no-layer\]",
        ),
    ],
)
def test_a_build_that_makes_no_network_is_refused(build, message):
    with pytest.raises(NetworkError, match=message):
        build_network(build, 0)


def test_an_error_of_hunch_inside_a_build_comes_out_as_it_is():
    with pytest.raises(PlanError, match="mlp: activation must be one of"):
        build_network(lambda: mlp([2, 2], "swish")(), 0)


def test_evaluating_puts_every_mode_back():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    network[1].eval()

    def interrupted():
        with evaluating(network):
            assert not any(m.training for m in network.modules())
            raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        interrupted()
    assert [m.training for m in network.modules()] == [True, True, False, True]


# ---- hash


def hashed(change=lambda network: None):
    with seeded(0):
        torch.manual_seed(1)
        network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.LeakyReLU(), nn.Linear(3, 2))
    change(network)
    return network_hash(network)


def test_equal_networks_have_equal_hashes():
    assert hashed() == hashed()
    assert len(hashed()) == 64


def one_ulp(network):
    with torch.no_grad():
        w = network[0].weight
        w[0, 0] = torch.nextafter(w[0, 0], torch.tensor(1.0))


@pytest.mark.parametrize(
    "change",
    [
        one_ulp,
        lambda n: n[1].running_mean.add_(1e-3),
        lambda n: n[1].num_batches_tracked.add_(1),
        lambda n: setattr(n[2], "negative_slope", 0.02),
        lambda n: n.append(nn.ReLU()),
        lambda n: n.double(),
    ],
)
def test_any_change_of_a_network_changes_its_hash(change):
    assert hashed(change) != hashed()


# ---- what decays


def test_weights_decay_and_biases_and_norms_do_not():
    network = nn.Sequential(
        nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.LayerNorm(3), nn.Linear(3, 2, bias=False)
    )
    assert decayed_parameters(network) == {"0.weight", "4.weight"}
    assert decayed_parameters(network, decay_norm=True) == {n for n, _ in network.named_parameters()}


def test_convolutions_and_embeddings_decay_and_norms_with_two_axes_do_not():
    network = nn.ModuleDict({
        "conv": nn.Conv2d(1, 2, 3), "table": nn.Embedding(4, 2), "norm": nn.LayerNorm([2, 2]),
        "rms": nn.RMSNorm([2, 2]), "group": nn.GroupNorm(1, 2),
        "inner": nn.ModuleDict({"fc": nn.Linear(2, 2)}),
    })  # fmt: skip
    assert decayed_parameters(network) == {"conv.weight", "table.weight", "inner.fc.weight"}


def test_biases_of_attention_do_not_decay_though_they_have_three_axes():
    names = decayed_parameters(nn.MultiheadAttention(4, 2, add_bias_kv=True))
    assert names == {"in_proj_weight", "out_proj.weight"}


def test_a_bare_layer_has_parameters_without_a_prefix():
    assert decayed_parameters(nn.Linear(2, 2)) == {"weight"}


# ---- mlp


def test_an_mlp_has_an_activation_between_layers_and_none_at_the_end():
    network = mlp([4, 3, 5, 2], "gelu_tanh")()
    assert [type(m).__name__ for m in network] == ["Linear", "GELU", "Linear", "GELU", "Linear"]
    assert network[1].approximate == "tanh"
    assert network(torch.zeros(7, 4)).shape == (7, 2)
    assert mlp([4, 2])()(torch.zeros(7, 4)).shape == (7, 2)


def test_an_mlp_makes_a_fresh_network_each_time_and_is_a_value():
    build = mlp([4, 3, 2])
    assert build() is not build()
    assert build == mlp((4, 3, 2), "relu")


@pytest.mark.parametrize(
    ("widths", "activation", "message"),
    [
        (
            [4],
            "relu",
            r"widths must be at least two whole numbers above 0 .* got \[4\]\. .*\[plan-mlp-widths\]",
        ),
        ([4, 0], "relu", r"got \[4, 0\]\. .*\[plan-mlp-widths\]"),
        ([4, 2.0], "relu", r"got \[4, 2\.0\]\. .*\[plan-mlp-widths\]"),
        ([4, True], "relu", r"got \[4, True\]\. .*\[plan-mlp-widths\]"),
        ([4, 2], "swish", r"activation must be one of identity, .* got 'swish'\.  \[plan-activation\]"),
        ([4], "swish", r"^2 problems:\n.*\[plan-mlp-widths\]\n.*\[plan-activation\]$"),
    ],
)
def test_an_mlp_that_cannot_be_is_refused(widths, activation, message):
    with pytest.raises(PlanError, match=message):
        mlp(widths, activation)


# ---- dropout modules


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "exact"])
@pytest.mark.parametrize("keep", [0.8, 0.5, 0.1, 0.999, 1 / 3])
def test_a_dropout_module_tells_its_kind_and_keep_probability(kind, keep):
    module = make_dropout(kind, keep)
    assert kind_of(module) == kind
    assert keep_of(module) == pytest.approx(keep, abs=1e-15)
    if kind != "bernoulli":
        assert repr(module) == f"{type(module).__name__}(keep_prob={keep:g})"


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "exact"])
def test_dropout_keeps_the_mean_and_does_nothing_in_eval_mode(kind):
    module, x = make_dropout(kind, 0.8), torch.ones(20_000, 10)
    with seeded(11):
        y = module(x)
    factor_sd = 0.5  # √((1 - 0.8)/0.8), of all three kinds
    assert y.mean().item() == pytest.approx(1, abs=5 * factor_sd / (x.numel() ** 0.5))
    assert y.std().item() == pytest.approx(factor_sd, rel=0.02)
    assert module.eval()(x) is x


@pytest.mark.parametrize("module", [GaussianDropout(1.0), ExactDropout(1.0)], ids=repr)
def test_keeping_all_is_no_dropout(module):
    x = torch.randn(4, 3)
    assert module.train()(x) is x


@pytest.mark.parametrize(("keep", "counts"), [(0.8, {8}), (0.75, {7, 8}), (0.05, {0, 1}), (0.99, {9, 10})])
def test_exact_dropout_keeps_the_floor_or_the_ceiling(keep, counts):
    with seeded(5):
        y = ExactDropout(keep).train()(torch.ones(4000, 10))
    kept = (y != 0).sum(dim=1)
    assert set(kept.tolist()) == counts
    assert kept.double().mean().item() == pytest.approx(10 * keep, abs=5 * 0.5 / 4000**0.5)
    assert set(y[y != 0].tolist()) == {torch.tensor(1 / keep).item()}


# ---- facts


def test_facts_are_read_off_a_network():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    facts = inspect_network(network, np.zeros((5, 2, 2), dtype=np.float32))
    assert facts.n_outputs == 2
    assert facts.n_parameters == 4 * 3 + 3 + 3 + 3 + 3 * 2 + 2
    assert facts.sites == (SiteFact("1", 4, 3, "relu"), SiteFact("4", 3, 2, None))
    assert facts.text == "4 → 3 → 2, relu"
    assert site_facts(read_chain(network)) == facts.sites


def test_frozen_parameters_are_not_counted():
    network = mlp([4, 3, 2])()
    network[0].weight.requires_grad_(False)
    assert inspect_network(network, np.zeros((5, 4), dtype=np.float32)).n_parameters == 3 + 6 + 2


@pytest.mark.parametrize("n", [1, 2, 9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inspecting_changes_nothing(n, dtype):
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 2)).to(
        dtype
    )
    network[1].eval()
    modes, before, states = [m.training for m in network.modules()], network_hash(network), global_states()
    x = np.ones((n, 4), dtype=np.float32)
    x.flags.writeable = False
    inspect_network(network, x)
    assert network_hash(network) == before
    assert [m.training for m in network.modules()] == modes
    assert global_states() == states


class Broken(nn.Linear):
    def forward(self, x):
        raise RuntimeError("no such kernel")


class Pair(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


class Pooled(nn.Linear):
    def forward(self, x):
        return super().forward(x).mean(dim=0)


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (
            mlp([4, 3, 2])(),
            (9, 5),
            r"first layer `0` takes 4 inputs, but an example of the data has 5\. Build it with "
            r"nn\.Linear\(5, …\)\.  \[network-inputs\]",
        ),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(4, 2)),
            (9, 3, 2),
            r"first layer `1` takes 4 inputs, but an example of the data has 6\. .*\[network-inputs\]",
        ),
        (
            mlp([6, 3, 2])(),
            (9, 3, 2),
            r"takes 6 inputs in a row, but an example of the data has the shape \(3, 2\)\. Start "
            r"the network with nn\.Flatten\(\)\.  \[network-inputs\]",
        ),
        (
            mlp([2, 3, 2])(),
            (9, 3, 2),
            r"must give one row of outputs for each example, shape \(2, outputs\), got \(2, 3, "
            r"2\)\. It gives outputs for each position of an example: start with nn\.Flatten\(\), or",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3)),
            (9, 1, 8, 8),
            r"got \(2, 2, 4, 4\)\. It gives a map for each output: end it with nn\.AdaptiveAvgPool2d\(1\), "
            r"nn\.Flatten\(\), or with nn\.Flatten\(\) and nn\.Linear\(…\)\.  \[network-output-shape\]",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(0)),
            (9, 1, 8, 8),
            r"got \(216,\)\. The first axis must be that of the examples",
        ),
        (
            nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(5, 2)),
            (9, 4),
            r"layer `0` gives 3 values, but the next layer `2` takes 5\. .*\[network-widths\]",
        ),
        (
            nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(5), nn.Linear(3, 2)),
            (9, 4),
            r"raised (RuntimeError|ValueError) on two examples of shape \(2, 4\): "
            r".*\[network-forward-raised\]",
        ),
        (
            nn.Sequential(Broken(4, 2)),
            (9, 4),
            r"raised RuntimeError on two examples .*no such kernel.*\[network-forward-raised\]",
        ),
        (nn.Sequential(Pair(4, 2)), (9, 4), r"got tuple\. .*\[network-output-shape\]"),
        (nn.Sequential(Pooled(4, 2)), (9, 4), r"got \(2,\)\. .*\[network-output-shape\]"),
    ],
    ids=[*"abcdefghijk"],
)
def test_a_network_that_does_not_fit_the_data_is_refused(network, shape, message):
    with pytest.raises(NetworkError, match=message):
        inspect_network(network, np.zeros(shape, dtype=np.float32))
    assert all(m.training for m in network.modules())


def test_a_network_that_is_no_chain_is_unsupported():
    with pytest.raises(UnsupportedError, match=r"so far Hunch reads nn\.Sequential chains") as caught:
        inspect_network(nn.LSTM(4, 2), np.zeros((9, 4), dtype=np.float32))
    assert isinstance(caught.value, HunchError)
    assert isinstance(caught.value, NotImplementedError)
