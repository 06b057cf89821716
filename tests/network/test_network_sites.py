"""Finding the sites of any network: by fx, else by one forward pass; what is not seen is said."""

import copy
import sys
import types

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import any_networks as nets
from hunch.errors import NetworkError, UnsupportedError
from hunch.network import ExactDropout, GaussianDropout, find_sites, mlp, place, read_chain, read_sites
from hunch.network.layout import layout_of_chain

FLAT, IMAGES = torch.randn(2, 64, generator=torch.Generator().manual_seed(0)), torch.zeros(2, 1, 8, 8)


def seen(layout):
    """(site, kind, activation, norm, before, dropout) of every site."""
    return [
        (
            s.name,
            s.kind,
            s.activation and s.activation.kind,
            s.norm and s.norm.name,
            s.norm_before,
            s.dropout and s.dropout.name,
        )
        for s in layout.sites
    ]


# ---- chains: exactly as read_chain has them


def nested():
    network = nn.Sequential()
    network.add_module(
        "features", nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 3)), nn.ReLU())
    )
    network.add_module("head", nn.Linear(3, 2))
    return network


TAILS = [
    [nn.ReLU()],
    [nn.BatchNorm1d(3), nn.ReLU()],
    [nn.ReLU(), nn.BatchNorm1d(3)],
    [nn.LayerNorm(3), nn.ReLU(), nn.Dropout(0.1)],
    [nn.ReLU(), nn.RMSNorm(3), GaussianDropout(0.5)],
    [nn.Identity(), nn.GroupNorm(1, 3), nn.Identity(), nn.ReLU(), ExactDropout(0.5)],
    [nn.Identity(), nn.BatchNorm1d(3)],
    [nn.BatchNorm1d(3), nn.Identity()],
    [nn.BatchNorm1d(3)],
    [],
]
CHAINS = {
    **{f"tail {k}": nn.Sequential(nn.Linear(4, 3), *tail, nn.Linear(3, 2)) for k, tail in enumerate(TAILS)},
    "nested": nested(),
    "input dropout": nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)),
    "activation at the end": nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Sigmoid()),
    "norm and dropout at the end": nn.Sequential(
        nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Dropout()
    ),
    "one layer": nn.Sequential(nn.Linear(4, 2)),
    "in place": nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True), nn.Linear(3, 2)),
    **{
        f"mlp {activation} {norm} {at}": place(mlp([4, 16, 3, 2], activation)(), norm=norm, norm_at=at, keep_prob=0.5)
        for activation, norm, at in [
            ("relu", "batch", "before_activation"), ("gelu", "layer", "after_activation"),
            ("gelu_tanh", "rms", "before_activation"), ("softplus", "group", "after_activation"),
            ("elu", "batch", "after_activation"), ("identity", "batch", "before_activation"),
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("with_inputs", [False, True], ids=["fx", "with inputs"])
@pytest.mark.parametrize("network", CHAINS.values(), ids=CHAINS)
def test_a_chain_has_the_sites_that_read_chain_finds(network, with_inputs):
    chain, found = (
        layout_of_chain(read_chain(network)),
        find_sites(network, torch.zeros(2, 4) if with_inputs else None),
    )
    assert seen(found) == seen(chain)
    for a, b in zip(found.sites, chain.sites, strict=True):
        assert (a.is_hidden, a.is_last, a.n_in, a.n_units) == (b.is_hidden, b.is_last, b.n_in, b.n_units)
        assert a.bias_feeds_batch_norm == b.bias_feeds_batch_norm
        assert (a.module is b.module) and (a.activation and a.activation.module) is (
            b.activation and b.activation.module
        )
    assert (found.input_dropout and found.input_dropout.name) == (
        chain.input_dropout and chain.input_dropout.name
    )
    assert (found.loose, found.unseen) == ((), ())
    assert read_sites(network).how == "chain"


def test_the_comparison_with_read_chain_can_fail():
    other = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    assert seen(find_sites(other)) != seen(layout_of_chain(read_chain(CHAINS["tail 0"])))


# ---- any network


def test_functions_are_seen_as_modules_are():
    layout = find_sites(nets.FunctionalMLP(keep=0.7))
    assert seen(layout) == [
        ("fc1", "linear", "relu", None, False, "dropout"),
        ("fc2", "linear", "sigmoid", None, False, None),
        ("out", "linear", None, None, False, None),
    ]
    assert [s.activation.is_function for s in layout.hidden] == [True, True]
    assert layout.sites[0].dropout.is_function
    assert layout.describe() == "linear 64→12, linear 12→16, linear 16→10; relu, sigmoid"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (F.relu, "relu"), (torch.relu, "relu"), (lambda x: x.relu(), "relu"), (lambda x: x.relu_(), "relu"),
        (F.sigmoid, "sigmoid"), (torch.sigmoid, "sigmoid"), (lambda x: x.sigmoid(), "sigmoid"),
        (F.tanh, "tanh"), (torch.tanh, "tanh"), (lambda x: x.tanh(), "tanh"),
        (F.gelu, "gelu"), (lambda x: F.gelu(x, approximate="tanh"), "gelu_tanh"), (F.silu, "silu"),
        (F.leaky_relu, "leaky_relu"), (lambda x: F.leaky_relu(x, 0.2), None), (F.elu, "elu"),
        (lambda x: F.elu(x, alpha=0.5), None), (F.softplus, "softplus"), (F.hardtanh, None), (F.relu6, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("with_inputs", [False, True], ids=["fx", "forward"])
def test_every_way_to_write_an_activation_is_seen_by_both_readers(call, name, with_inputs):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x):
            if with_inputs and x.sum() > 99:
                return x
            return self.b(call(self.a(x)))

    layout = find_sites(Net(), torch.zeros(2, 4) if with_inputs else None)
    assert layout.how == ("forward" if with_inputs else "fx")
    assert layout.sites[0].activation.kind == name
    assert layout.sites[0].is_hidden


def test_a_cnn_has_sites_with_channels_and_axes():
    layout = find_sites(nets.SmallCNN())
    assert seen(layout) == [
        ("conv1", "conv", "relu", "bn1", True, None),
        ("conv2", "conv", "relu", None, False, None),
        ("fc", "linear", "tanh", None, False, None),
        ("head", "linear", None, None, False, None),
    ]
    assert [(s.is_map, s.ndim) for s in layout.sites] == [(True, 4), (True, 4), (False, None), (False, None)]
    assert [s.ndim for s in find_sites(nets.SmallCNN(), IMAGES).sites] == [4, 4, 2, 2]
    assert layout.sites[0].bias_feeds_batch_norm
    assert [s.module_type for s in layout.sites] == ["Conv2d", "Conv2d", "Linear", "Linear"]


def test_a_pool_may_stand_on_either_side_of_the_activation():
    layout = find_sites(nets.LeNet())
    assert seen(layout) == [
        ("conv1", "conv", "relu", None, False, None),
        ("conv2", "conv", "relu", None, False, None),
        ("fc1", "linear", "relu", None, False, "dropout"),
        ("fc2", "linear", None, None, False, None),
    ]
    assert [s.pooled for s in layout.sites] == ["", "max_pool2d", "", ""]


def test_a_residual_sum_has_no_single_producer_and_the_site_says_so():
    layout = find_sites(nets.ResNet())
    assert [s.name for s in layout.hidden] == ["conv", "layers.0.conv1", "layers.1.conv1"]
    site = layout.site("layers.0.conv2")
    assert site.refusal == (
        "its value goes into a sum with another (`add` in the forward of `layers.0`), so that no "
        "activation follows it alone"
    )
    assert (site.norm.name, site.norm_before, site.by_hand) == ("layers.0.bn2", True, True)
    assert layout.site("layers.1.shortcut.0").norm.name == "layers.1.shortcut.1"
    assert layout.site("layers.0.conv1").activation.is_shared
    assert layout.site("head").refusal == "it is the last layer"
    assert layout.unseen == ()
    with pytest.raises(KeyError, match="nope"):
        layout.site("nope")


def test_a_loop_over_a_module_list_is_unrolled():
    assert [s.name for s in find_sites(nets.ResidualMLP()).hidden] == [
        "stem",
        "blocks.0.first",
        "blocks.1.first",
    ]
    layout = find_sites(nets.LoopedMLP())
    assert [s.name for s in layout.hidden] == ["layers.0", "layers.1", "layers.2"]
    assert all(s.activation.is_shared and s.dropout.is_shared for s in layout.hidden)


def test_a_layer_that_is_called_twice_is_one_site_with_a_reason():
    layout = find_sites(nets.Recursive())
    assert [s.name for s in layout.sites] == ["stem", "again", "head"]
    assert layout.site("again").refusal == "it is called at 2 places, so that it has no single value"
    assert not layout.site("again").by_hand


def test_tied_weights_are_two_sites():
    assert [s.name for s in find_sites(nets.Tied()).hidden] == ["inner", "outer"]


def test_embeddings_are_sites_and_several_inputs_are_read():
    layout = find_sites(nets.Tabular())
    assert [(s.name, s.kind, s.n_in, s.n_units) for s in layout.sites][:2] == [
        ("colour", "embedding", 5, 3),
        ("shape", "embedding", 7, 4),
    ]
    assert "is joined with another (`cat`" in layout.sites[0].refusal
    assert [s.name for s in layout.hidden] == ["fc"]
    inputs = (torch.zeros(2, 2, dtype=torch.long), torch.zeros(2, 6))
    assert [s.ndim for s in find_sites(nets.Tabular(), inputs).sites] == [2, 2, 2, 2]
    by_name = {"categories": inputs[0], "numbers": inputs[1]}
    assert [s.ndim for s in find_sites(nets.Tabular(), by_name).sites] == [2, 2, 2, 2]


def test_torchs_transformer_layer_is_closed_to_fx_and_open_to_a_forward_pass():
    without = find_sites(nets.Transformer())
    assert [s.name for s in without.sites] == ["embed", "head"]
    assert without.unseen == (
        "`encoder` is a TransformerEncoderLayer, with 3 layers inside: its layers run inside PyTorch's own code, so "
        "they are no sites",
    )
    layout = find_sites(nets.Transformer(), FLAT)
    assert layout.how == "forward"
    assert [s.name for s in layout.sites] == ["embed", "encoder.linear1", "encoder.linear2", "head"]
    site = layout.site("encoder.linear1")
    assert (site.activation.kind, site.activation.is_function, site.dropout.name, site.ndim) == (
        "relu",
        True,
        "encoder.dropout",
        3,
    )
    assert "sum" in layout.site("encoder.linear2").refusal
    assert {f.name for f in layout.loose} == {"encoder.norm1", "encoder.norm2", "encoder.dropout1"}
    assert ["self_attn" in u for u in layout.unseen] == [True]


def test_a_recurrent_layer_is_listed_as_not_seen():
    layout = find_sites(nets.Recurrent(), FLAT)
    assert [s.name for s in layout.sites] == ["fc", "head"]
    assert layout.unseen == (
        "`lstm` is a LSTM: its layers run inside PyTorch's own code, so they are no sites",
    )
    with pytest.raises(UnsupportedError, match=r"the network is a LSTM.*\[network-not-a-chain\]"):
        read_sites(nn.LSTM(3, 3))


def test_a_layer_before_a_recurrent_one_is_not_the_last():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.act, self.lstm = nn.Linear(4, 3), nn.ReLU(), nn.LSTM(3, 2)

        def forward(self, x):
            return self.lstm(self.act(self.a(x)))[0]

    assert [s.name for s in find_sites(Net()).hidden] == ["a"]


def test_what_fx_cannot_trace_is_read_in_one_forward_pass_or_refused():
    with pytest.raises(
        UnsupportedError, match=r"DataDependent cannot be traced .*inputs=X\[:2\].*\[network-not-traced\]"
    ):
        find_sites(nets.DataDependent())
    layout = find_sites(nets.DataDependent(), FLAT)
    assert layout.how == "forward"
    assert seen(layout)[1] == ("fc2", "linear", "relu", None, False, None)
    with pytest.raises(UnsupportedError, match=r"raised RuntimeError on the inputs.*\[network-not-traced\]"):
        find_sites(nets.DataDependent(), torch.zeros(2, 5))


def test_a_layer_as_a_function_and_one_that_is_never_called_are_listed():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.a, self.spare = (
                nn.Parameter(torch.zeros(2, 3)),
                nn.Linear(4, 3),
                nn.Linear(1, 1),
            )

        def forward(self, x):
            return F.linear(torch.relu(self.a(x)), self.weight)

    layout = find_sites(Net())
    assert [s.name for s in layout.hidden] == ["a"], (
        "a layer as a function comes after it, so it is not the last"
    )
    assert layout.unseen == (
        "`linear` in the network's own forward is called as a function: its weight belongs to no module, so it is "
        "no site",
        "`spare` is a Linear that the forward never called: it is no site",
    )


def test_gpt2s_transposed_linear_layer_is_a_site(monkeypatch):
    library = types.ModuleType("transformers.pytorch_utils")
    monkeypatch.setitem(sys.modules, library.__name__, library)

    class Conv1D(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.zeros(4, 3)), nn.Parameter(torch.zeros(3))

        def forward(self, x):
            return torch.addmm(self.bias, x, self.weight)

    Conv1D.__module__ = library.__name__

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Conv1D(), nn.Linear(3, 2)

        def forward(self, x):
            return self.b(F.gelu(self.a(x)))

    for inputs in (None, torch.zeros(2, 4)):
        site = find_sites(Net(), inputs).sites[0]
        assert (site.name, site.kind, site.n_in, site.n_units, site.activation.kind) == (
            "a",
            "linear",
            4,
            3,
            "gelu",
        )


def by_numpy(x):
    """What no `__torch_function__` sees."""
    return torch.from_numpy(x.numpy() ** 2)


def test_what_a_module_does_outside_of_torch_is_one_call_and_what_the_network_does_so_is_said():
    class Own(nn.Module):
        def forward(self, x):
            return by_numpy(x)

    class Net(nn.Module):
        def __init__(self, act):
            super().__init__()
            self.a, self.act, self.b = nn.Linear(4, 3), act, nn.Linear(3, 2)

        def forward(self, x):
            return self.b(by_numpy(self.a(x)) if self.act is None else self.act(self.a(x)))

    inside, outside = find_sites(Net(Own()), torch.zeros(2, 4)), find_sites(Net(None), torch.zeros(2, 4))
    assert (inside.how, inside.sites[0].is_last) == ("forward", False)
    assert inside.sites[0].refusal == "it has no activation after it (`act` follows)"
    assert (outside.sites[0].refusal, outside.sites[0].is_last) == (
        "nothing that is seen uses its value",
        False,
    )
    assert [s.is_last for s in (inside.sites[1], outside.sites[1])] == [True, True]


def test_dropout_before_the_activation_belongs_to_the_site_and_is_known_to_stand_early():
    class Net(nn.Module):
        def __init__(self, *middle):
            super().__init__()
            self.a, self.middle, self.b = nn.Linear(4, 3), nn.ModuleList(middle), nn.Linear(3, 2)

        def forward(self, x):
            x = self.a(x)
            for module in self.middle:
                x = module(x)
            return self.b(x)

    early = find_sites(Net(nn.LayerNorm(3), nn.Dropout(0.2), nn.ReLU())).sites[0]
    late = find_sites(Net(nn.LayerNorm(3), nn.ReLU(), nn.Dropout(0.2))).sites[0]
    assert (early.is_hidden, early.drops_early, early.dropout.keep) == (True, True, 0.8)
    assert (late.is_hidden, late.drops_early, late.dropout.keep) == (True, False, 0.8)


def test_an_input_dropout_and_a_softmax_at_the_end_are_noticed():
    class Net(nn.Module):
        def __init__(self, *, soft):
            super().__init__()
            self.drop, self.a, self.soft = nn.Dropout(0.3), nn.Linear(4, 3), soft

        def forward(self, x):
            out = self.a(self.drop(x.flatten(1)))
            return F.log_softmax(out, dim=1) if self.soft else out

    assert find_sites(Net(soft=False)).input_dropout.name == "drop"
    with pytest.raises(NetworkError, match=r"ends in log_softmax .*\[network-softmax\]"):
        find_sites(Net(soft=True))


def test_a_computed_weight_is_refused():
    network = nets.SmallCNN()
    nn.utils.parametrizations.weight_norm(network.fc)
    with pytest.raises(UnsupportedError, match=r"`fc` has a weight that is computed"):
        find_sites(network)
    network = nets.SmallCNN()
    nn.utils.parametrizations.spectral_norm(network.conv2)
    with pytest.raises(UnsupportedError, match=r"`conv2` has a weight that is computed"):
        find_sites(network)


@pytest.mark.parametrize("make", [nets.SmallCNN, nets.DataDependent, nets.ResNet, nets.Transformer])
def test_reading_changes_nothing(make):
    torch.manual_seed(3)
    network = make()
    before, state = copy.deepcopy(network.state_dict()), torch.random.get_rng_state()
    modes = [m.training for m in network.modules()]
    text = repr(network)
    find_sites(network, torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1)).reshape(
        (2, 1, 8, 8) if make in (nets.SmallCNN, nets.ResNet) else (2, 64)
    ))  # fmt: skip
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [m.training for m in network.modules()] == modes
    assert repr(network) == text
    assert all(torch.equal(a, b) for a, b in zip(before.values(), network.state_dict().values(), strict=True))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


class Averaging(nn.Module):
    """Writes into itself: a buffer, and a plain attribute."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 4), nn.Linear(4, 2)
        self.register_buffer("seen", torch.zeros(4))
        self.latest = None

    def forward(self, x):
        x = torch.relu(self.first(x))
        self.seen = 0.9 * self.seen + 0.1 * x.detach().mean(dim=0)
        self.latest = x
        return self.last(x)


def test_reading_leaves_what_a_forward_writes_into_its_network_as_it_was():
    network = Averaging()
    assert [site.name for site in find_sites(network, torch.zeros(2, 6)).sites] == ["first", "last"]
    placed = place(network, norm="layer")
    placed(torch.ones(2, 6))
    assert placed.latest is not None, "it writes into itself as before"
    with pytest.raises(UnsupportedError, match="it writes into `seen`"):
        place(
            network, keep_prob=0.5
        )  # behind a relu that is a function: the forward would have to be rewritten
    assert torch.equal(network.seen, torch.zeros(4))
    assert network.latest is None
