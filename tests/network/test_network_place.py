"""Placing norm and dropout: the right place, on a copy, with everything learned kept."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hunch.errors import PlacementError, PlanError, UnsupportedError
from hunch.network import ExactDropout, GaussianDropout, mlp, place, place_arm, read_chain
from hunch.plan import Arm

NORM_TYPES = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "rms": nn.RMSNorm, "group": nn.GroupNorm}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def make(*layers):
    return nn.Sequential(*layers)


def three():
    return make(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.Tanh(), nn.Linear(3, 2))


def kinds(network):
    """The types of the modules, in execution order."""
    return [type(m).__name__ for m in network.modules() if not isinstance(m, nn.Sequential)]


def trained(network, steps=3):
    """Weights, statistics and scales that are not those of a fresh network."""
    with torch.no_grad():
        for module in network.modules():
            for p in module.parameters(recurse=False):
                p.add_(0.1 * torch.randn_like(p))
            if isinstance(module, nn.BatchNorm1d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                module.num_batches_tracked.add_(7)
    return network


def same_state(a, b):
    a, b = a.state_dict(), b.state_dict()
    return list(a) == list(b) and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("norm", NORM_TYPES)
@pytest.mark.parametrize(
    ("norm_at", "order"),
    [
        (None, ["Linear", "norm", "ReLU", "Linear", "norm", "Tanh", "Linear"]),
        ("before_activation", ["Linear", "norm", "ReLU", "Linear", "norm", "Tanh", "Linear"]),
        ("after_activation", ["Linear", "ReLU", "norm", "Linear", "Tanh", "norm", "Linear"]),
    ],
)
def test_a_norm_stands_before_or_after_every_activation_and_never_at_the_last_layer(norm, norm_at, order):
    placed = place(three(), norm=norm, norm_at=norm_at)
    name = NORM_TYPES[norm].__name__
    assert kinds(placed) == [name if kind == "norm" else kind for kind in order]


def test_dropout_stands_after_the_activation_and_after_a_norm_that_follows_it():
    assert kinds(place(three(), keep_prob=0.8)) == [
        "Linear",
        "ReLU",
        "Dropout",
        "Linear",
        "Tanh",
        "Dropout",
        "Linear",
    ]
    both = place(three(), keep_prob=0.8, norm="layer", norm_at="after_activation", sites=["0"])
    assert kinds(both) == ["Linear", "ReLU", "LayerNorm", "Dropout", "Linear", "Tanh", "Linear"]
    both = place(three(), keep_prob=0.8, norm="layer", sites=["2"])
    assert kinds(both) == ["Linear", "ReLU", "Linear", "LayerNorm", "Tanh", "Dropout", "Linear"]


MOVE = {"norm_at": "after_activation"}


@pytest.mark.parametrize(
    "steps",
    [
        [{"norm": "batch", "keep_prob": 0.5, **MOVE}],
        [{"norm": "batch", **MOVE}, {"keep_prob": 0.5}],
        [{"keep_prob": 0.5}, {"norm": "batch", **MOVE}],
        [{"norm": "batch"}, MOVE, {"keep_prob": 0.5}],
        [{"norm": "batch"}, {"keep_prob": 0.5}, MOVE],
        [{"keep_prob": 0.5}, {"norm": "batch"}, MOVE],
    ],
    ids=str,
)
def test_the_order_of_rewriting_does_not_matter(steps):
    network = three()
    for step in steps:
        network = place(network, **step)
    assert kinds(network) == [
        "Linear",
        "ReLU",
        "BatchNorm1d",
        "Dropout",
        "Linear",
        "Tanh",
        "BatchNorm1d",
        "Dropout",
        "Linear",
    ]


def test_norms_are_those_of_the_contract():
    widths = mlp([4, 48, 7, 2])()
    batch, layer, rms, group = (place(widths, norm=n) for n in NORM_TYPES)
    norm = batch.get_submodule("0_norm")
    assert (norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats) == (
        48,
        1e-5,
        0.1,
        True,
        True,
    )
    norm = layer.get_submodule("0_norm")
    assert (norm.normalized_shape, norm.eps, norm.elementwise_affine) == ((48,), 1e-5, True)
    norm = rms.get_submodule("0_norm")
    assert (norm.normalized_shape, norm.eps, norm.elementwise_affine) == ((48,), 1e-5, True)
    norm = group.get_submodule("0_norm")
    assert (norm.num_groups, norm.num_channels, norm.eps, norm.affine) == (6, 48, 1e-5, True)
    assert group.get_submodule("2_norm").num_groups == 1


def test_new_norms_have_the_type_of_the_layer():
    placed = place(three().double(), norm="batch")
    assert placed.get_submodule("0_norm").weight.dtype == torch.float64


@pytest.mark.parametrize(
    ("dropout", "type_"),
    [(None, nn.Dropout), ("bernoulli", nn.Dropout), ("gaussian", GaussianDropout), ("exact", ExactDropout)],
)
def test_every_kind_of_dropout_can_be_placed(dropout, type_):
    module = place(three(), keep_prob=0.8, dropout=dropout).get_submodule("1_dropout")
    assert type(module) is type_
    assert (module.p if type_ is nn.Dropout else module.keep_prob) == pytest.approx(
        0.2 if type_ is nn.Dropout else 0.8, abs=1e-15
    )


def test_a_mapping_gives_every_site_its_own_keep_probability():
    placed = place(three(), keep_prob={"2": 0.5, "0": 0.75})
    assert placed.get_submodule("1_dropout").p == 0.25
    assert placed.get_submodule("3_dropout").p == 0.5
    assert kinds(place(three(), keep_prob={"2": 0.5})) == [
        "Linear",
        "ReLU",
        "Linear",
        "Tanh",
        "Dropout",
        "Linear",
    ]


# ---- what is there already


def rich():
    """Norm before, norm after, dropout, a norm and dropout behind the last layer."""
    return trained(
        make(
            nn.Linear(4, 6), nn.BatchNorm1d(6, eps=1e-3), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(6, 5), nn.Tanh(), nn.LayerNorm(5), nn.Dropout(0.3),
            nn.Linear(5, 4), nn.Sigmoid(),
            nn.Linear(4, 2), nn.BatchNorm1d(2), nn.Dropout(0.2),
        )
    )  # fmt: skip


def test_an_arm_that_names_nothing_gives_an_equal_copy():
    network = rich()
    placed = place_arm(network, Arm("none"))
    assert repr(placed) == repr(network)
    assert same_state(placed, network)
    assert placed is not network


def test_norm_none_takes_every_norm_away_and_nothing_else():
    placed = place(rich(), norm="none")
    assert kinds(placed) == [
        "Linear",
        "ReLU",
        "Dropout",
        "Linear",
        "Tanh",
        "Dropout",
        "Linear",
        "Sigmoid",
        "Linear",
        "Dropout",
    ]
    assert [m.p for m in placed.modules() if isinstance(m, nn.Dropout)] == [0.1, 0.3, 0.2]


def test_keep_prob_one_takes_every_dropout_away_and_nothing_else():
    network = rich()
    placed = place(network, keep_prob=1.0)
    assert kinds(placed) == [
        "Linear",
        "BatchNorm1d",
        "ReLU",
        "Linear",
        "Tanh",
        "LayerNorm",
        "Linear",
        "Sigmoid",
        "Linear",
        "BatchNorm1d",
    ]
    assert same_state(placed, network), "the names and values of all parameters stay"


def test_norm_at_moves_learned_norms_with_their_values():
    network = rich()
    placed = place(network, norm_at="after_activation")
    assert kinds(placed)[:8] == [
        "Linear",
        "ReLU",
        "BatchNorm1d",
        "Dropout",
        "Linear",
        "Tanh",
        "LayerNorm",
        "Dropout",
    ]
    moved = read_chain(placed).blocks[0].norm.module
    assert same_state(moved, network[1])
    assert moved.eps == 1e-3
    back = place(placed, norm_at="before_activation")
    assert kinds(back)[:8] == [
        "Linear",
        "BatchNorm1d",
        "ReLU",
        "Dropout",
        "Linear",
        "LayerNorm",
        "Tanh",
        "Dropout",
    ]
    assert [b.norm and type(b.norm.module).__name__ for b in read_chain(placed).blocks][2:] == [
        None,
        "BatchNorm1d",
    ]


def test_a_norm_of_another_kind_takes_the_place_of_the_old_one():
    placed = place(rich(), norm="rms")
    assert kinds(placed)[:12] == [
        "Linear",
        "RMSNorm",
        "ReLU",
        "Dropout",
        "Linear",
        "Tanh",
        "RMSNorm",
        "Dropout",
        "Linear",
        "RMSNorm",
        "Sigmoid",
        "Linear",
    ]
    chain = read_chain(placed)
    assert [b.norm_before for b in chain.blocks[:3]] == [True, False, True], (
        "where one stands already, else before"
    )


def test_a_norm_of_the_same_kind_keeps_what_it_has_learned():
    network = rich()
    placed = place(network, norm="batch")
    kept, new = read_chain(placed).blocks[0].norm, read_chain(placed).blocks[2].norm
    assert kept.name == "1"
    assert same_state(kept.module, network[1])
    assert kept.module.eps == 1e-3
    assert new.module.eps == 1e-5
    assert read_chain(placed).blocks[1].norm.name == "6"


def test_dropout_changes_its_kind_or_its_amount_and_keeps_the_other():
    placed = place(rich(), dropout="gaussian")
    assert [round(m.keep_prob, 12) for m in placed.modules() if isinstance(m, GaussianDropout)] == [
        0.9,
        0.7,
        0.8,
    ]
    placed = place(placed, keep_prob=0.5)
    assert [type(b.dropout.module).__name__ for b in read_chain(placed).blocks[:2]] == ["GaussianDropout"] * 2
    assert [b.dropout.module.keep_prob for b in read_chain(placed).blocks[:2]] == [0.5] * 2


def test_an_arm_that_names_dropout_leaves_norms_where_and_as_they_are():
    network = rich()
    placed = place(network, keep_prob=0.5)
    assert same_state(placed, network), "no parameter has changed its name or value"
    assert kinds(placed) == [*kinds(network)[:10], "Dropout", *kinds(network)[10:]]


def test_activations_are_replaced_but_never_behind_the_last_layer():
    network = make(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Sigmoid())
    assert kinds(place_arm(network, Arm("x", activation="gelu"))) == ["Linear", "GELU", "Linear", "Sigmoid"]
    both = place_arm(network, Arm("x", activation="tanh", norm="batch"))
    assert kinds(both) == ["Linear", "BatchNorm1d", "Tanh", "Linear", "Sigmoid"]
    assert kinds(network) == ["Linear", "ReLU", "Linear", "Sigmoid"]


# ---- names, nesting, sharing


def test_linear_layers_and_everything_that_stays_keep_their_names():
    network = nn.Sequential()
    network.add_module("features", make(nn.Linear(4, 3), make(nn.Tanh()), nn.Linear(3, 3), nn.ReLU()))
    network.add_module("head", nn.Linear(3, 2))
    placed = place(network, norm="batch", norm_at="after_activation", keep_prob=0.5)
    assert kinds(placed) == [
        "Linear",
        "Tanh",
        "BatchNorm1d",
        "Dropout",
        "Linear",
        "ReLU",
        "BatchNorm1d",
        "Dropout",
        "Linear",
    ]
    names = [name for name, m in placed.named_modules() if not isinstance(m, nn.Sequential)]
    assert names == ["features.0", "features.1.0", "features.1.0_norm", "features.1.0_dropout",
                     "features.2", "features.3", "features.3_norm", "features.3_dropout", "head"]  # fmt: skip
    assert [b.site for b in read_chain(placed).blocks] == ["features.0", "features.2", "head"]
    placed(torch.randn(5, 4))


def test_a_name_that_is_taken_is_not_taken_again():
    network = nn.Sequential()
    for name, module in {"0": nn.Linear(4, 3), "0_norm": nn.ReLU(), "2": nn.Linear(3, 2)}.items():
        network.add_module(name, module)
    placed = place(network, norm="batch")
    assert [name for name, _ in placed.named_children()] == ["0", "0_norm_", "0_norm", "2"]
    assert kinds(placed) == ["Linear", "BatchNorm1d", "ReLU", "Linear"]


@pytest.mark.parametrize("norm_at", ["before_activation", "after_activation"])
@pytest.mark.parametrize("in_a_sequential", [False, True])
def test_one_activation_object_used_twice_gets_a_norm_at_each_place(in_a_sequential, norm_at):
    shared = make(nn.ReLU()) if in_a_sequential else nn.ReLU()
    network = make(nn.Linear(4, 3), shared, nn.Linear(3, 3), shared, nn.Linear(3, 2))
    placed = place(network, norm="batch", norm_at=norm_at, keep_prob=0.5)
    one = (
        ["BatchNorm1d", "ReLU", "Dropout"]
        if norm_at == "before_activation"
        else ["ReLU", "BatchNorm1d", "Dropout"]
    )
    assert kinds(placed) == ["Linear", *one, "Linear", *one, "Linear"]
    assert network[1] is network[3], "the original still shares"


def test_one_dropout_object_used_twice_can_differ_afterwards():
    shared = nn.Dropout(0.5)
    network = make(nn.Linear(4, 3), nn.ReLU(), shared, nn.Linear(3, 3), nn.ReLU(), shared, nn.Linear(3, 2))
    placed = place(network, keep_prob={"3": 0.9})
    assert [b.dropout.module.p for b in read_chain(placed).blocks[:2]] == pytest.approx([0.5, 0.1])


def test_an_activation_in_place_does_not_disturb_a_norm_before_it():
    torch.manual_seed(1)
    inplace, plain = (make(nn.Linear(4, 3), nn.ReLU(inplace=i), nn.Linear(3, 2)) for i in (True, False))
    plain.load_state_dict(inplace.state_dict())
    x = torch.randn(8, 4)
    outputs = []
    for network in (inplace, plain):
        placed = place(network, norm="batch")
        out = placed(x)
        out.sum().backward()
        outputs.append((out, placed[0].weight.grad))
    assert all(torch.equal(a, b) for a, b in zip(*outputs, strict=True))


def test_flatten_stays_first():
    network = make(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    placed = place(network, norm="batch")
    assert kinds(placed) == ["Flatten", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert placed(torch.randn(5, 2, 2)).shape == (5, 2)


# ---- the original, weights, modes


@pytest.mark.parametrize(
    "arm",
    [
        Arm("x", norm="batch", keep_prob=0.5), Arm("x", norm="none"), Arm("x", keep_prob=1.0),
        Arm("x", norm_at="after_activation"), Arm("x", activation="gelu", norm="layer"),
        Arm("x", dropout="exact"), Arm("x", activation="relu"), Arm("x"),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_the_original_and_the_global_generators_stay_as_they_are(arm, training):
    network = rich().train(training)
    network[1].eval()
    before, text = copy.deepcopy(network), repr(network)
    modes = [m.training for m in network.modules()]
    rng = torch.random.get_rng_state()
    placed = place_arm(network, arm)
    with torch.no_grad():
        for p in placed.parameters():
            p.zero_()
        for b in placed.buffers():
            b.zero_()
    assert repr(network) == text
    assert same_state(network, before)
    assert [m.training for m in network.modules()] == modes
    assert torch.equal(torch.random.get_rng_state(), rng)


@pytest.mark.parametrize("training", [True, False])
def test_every_module_keeps_its_mode_and_new_ones_have_the_networks(training):
    network = rich().train(training)
    network[1].train(not training)  # a frozen batch norm
    for arm in (Arm("x", norm="batch", keep_prob=0.5), Arm("x", activation="elu"), Arm("x")):
        placed = place_arm(network, arm)
        modes = {name: m.training for name, m in placed.named_modules()}
        assert modes.pop("1") is (not training)
        assert set(modes.values()) == {training}


def test_learned_weights_and_frozen_parameters_are_kept():
    network = trained(three())
    network[0].weight.requires_grad_(False)
    placed = place(network, norm="batch", keep_prob=0.5)
    for site in ("0", "2", "4"):
        assert same_state(placed.get_submodule(site), network.get_submodule(site))
    assert not placed[0].weight.requires_grad
    assert placed.get_submodule("2").weight.requires_grad


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    widths=st.lists(st.integers(1, 9), min_size=3, max_size=5),
    activation=st.sampled_from(["relu", "sigmoid", "tanh", "gelu", "silu", "softplus", "identity"]),
    norm_at=st.sampled_from(["before_activation", "after_activation"]),
    scale=st.floats(0.01, 100),
)
def test_a_fresh_batch_norm_changes_the_output_in_eval_mode_by_no_more_than_its_eps(
    seed, widths, activation, norm_at, scale
):
    """It divides by √(1 + eps) at its own place, and nothing else."""
    torch.manual_seed(seed)
    network = mlp(widths, activation)().double().eval()
    x = scale * torch.randn(7, widths[0], dtype=torch.float64)
    placed = place(network, norm="batch", norm_at=norm_at)
    h = x
    factor = 1 / (1 + 1e-5) ** 0.5
    for block in read_chain(network).blocks:
        h = block.linear(h)
        if block.is_hidden:
            h = (
                block.activation.module(h * factor)
                if norm_at == "before_activation"
                else block.activation.module(h) * factor
            )
    torch.testing.assert_close(placed(x), h, rtol=1e-12, atol=1e-12)


# ---- refusals


@pytest.mark.parametrize(
    ("settings_", "error", "message"),
    [
        (
            {"norm": "batch", "sites": ["9"]},
            PlacementError,
            r"there is no site '9' in the network\. The sites are '0', '2', and 'input', which takes dropout "
            r"alone\.  \[network-unknown-site\]",
        ),
        (
            {"keep_prob": {"9": 0.5}},
            PlacementError,
            r"there is no site '9' in the network\. The sites are '0', '2', and 'input', which takes dropout "
            r"alone\.  \[network-unknown-site\]",
        ),
        ({"sites": ["9"]}, PlacementError, r"there is no site '9' in the network.*\[network-unknown-site\]"),
        (
            {"norm": "batch", "sites": ["4"]},
            PlacementError,
            r"cannot stand at '4': it is the last layer\. Choose among '0', '2'\.  \[network-site-refused\]",
        ),
        (
            {"keep_prob": {"4": 0.5}},
            PlacementError,
            r"cannot stand at '4': it is the last layer.*\[network-site-refused\]",
        ),
        (
            {"norm": "batch", "sites": ["8", "4"], "keep_prob": {"9": 0.5}},
            PlacementError,
            r"^3 problems:\n.*'8'.*\n.*'4'.*\n.*'9'.*",
        ),
        ({"norm": "instance"}, PlanError, r"norm must be one of .* got 'instance'\.  \[plan-norm\]"),
        ({"keep_prob": 0}, PlanError, r"keep_prob must be in \(0, 1\], got 0\. .*\[plan-keep-prob\]"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused(settings_, error, message):
    with pytest.raises(error, match=message):
        place(three(), **settings_)


@pytest.mark.parametrize(
    "asked", [{"norm": "batch"}, {"keep_prob": 0.5}, {"norm": "rms", "keep_prob": 1.0}], ids=str
)
@pytest.mark.parametrize(
    "network",
    [make(nn.Linear(4, 2)), make(nn.Linear(4, 3), nn.Linear(3, 2))],
    ids=["one layer", "no activation"],
)
def test_a_network_without_a_place_is_refused(network, asked):
    with pytest.raises(
        PlacementError, match=r"no linear layer that an activation follows.*\[network-no-site\]"
    ):
        place(network, **asked)


@pytest.mark.parametrize("asked", [{"norm": "none"}, {"keep_prob": 1.0}], ids=str)
def test_taking_away_what_is_not_there_is_no_error(asked):
    assert kinds(place(make(nn.Linear(4, 2)), **asked)) == ["Linear"]


def test_a_layer_without_an_activation_is_skipped_and_refused_when_named():
    network = make(nn.Linear(4, 3), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    assert kinds(place(network, norm="batch")) == ["Linear", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    with pytest.raises(PlacementError, match=r"cannot stand at '0': it has no activation after it"):
        place(network, norm="batch", sites=["0"])


def test_a_network_that_is_no_chain_is_refused():
    with pytest.raises(UnsupportedError, match=r"the network is a LSTM; .*\[network-not-a-chain\]"):
        place(nn.LSTM(3, 3), norm="batch")


# ---- calibration


@pytest.mark.parametrize("training", [True, False])
def test_calibration_sets_the_statistics_of_new_norms_and_of_no_others(training):
    network = make(
        nn.Linear(4, 6),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.Linear(6, 5),
        nn.Tanh(),
        nn.Dropout(0.5),
        nn.Linear(5, 2),
    )
    trained(network).train(training)
    x = torch.randn(50, 4) * 3 + 1
    placed = place(network, norm="batch", calibrate=x)
    assert same_state(placed[1], network[1])
    frozen = copy.deepcopy(network).eval()
    z = frozen[:4](x)
    norm = read_chain(placed).blocks[1].norm.module
    torch.testing.assert_close(norm.running_mean, z.mean(0))
    torch.testing.assert_close(norm.running_var, z.var(0))
    assert norm.momentum == 0.1
    assert all(m.training is training for m in placed.modules())
    out = placed.eval()[:5](x)
    torch.testing.assert_close(out.mean(0), torch.zeros(5), rtol=0, atol=1e-4)


def test_calibration_draws_nothing_and_keeps_no_graph():
    network = three()
    state = torch.random.get_rng_state()
    placed = place(network, norm="batch", keep_prob=0.5, calibrate=torch.ones(4, 4))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not any(b.requires_grad for b in placed.buffers())
