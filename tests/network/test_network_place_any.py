"""Placing norm and dropout in any network: at the right place, with class, names, weights and modes kept."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import fx, nn
from torch.nn import functional as F  # noqa: N812

import any_networks as nets
from hunch.errors import HunchWarning, PlacementError, UnsupportedError
from hunch.network import ExactDropout, GaussianDropout, find_sites, place, place_arm
from hunch.network.map_norm import MapRMSNorm
from hunch.plan import Arm


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def images(n=6):
    return torch.randn(n, 1, 8, 8)


def rows(n=6):
    return torch.randn(n, 64)


class Plain(nn.Module):
    """A residual network whose activations are modules, one a place."""

    def __init__(self):
        super().__init__()
        self.stem, self.act, self.a, self.act_a = nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 24), nn.ReLU()
        self.b, self.head = nn.Linear(24, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = self.act(self.stem(x))
        return self.head(x + self.b(self.act_a(self.a(x))))

    def describe(self):
        return "plain"


NETWORKS = {  # name → (network, inputs, hidden sites)
    "plain": (Plain, rows, ["stem", "a"]),
    "cnn": (nets.SmallCNN, images, ["conv1", "conv2", "fc"]),
    "lenet": (nets.LeNet, images, ["conv1", "conv2", "fc1"]),
    "functional": (nets.FunctionalMLP, rows, ["fc1", "fc2"]),
    "functional with dropout": (lambda: nets.FunctionalMLP(0.7), rows, ["fc1", "fc2"]),
    "resnet": (nets.ResNet, images, ["conv", "layers.0.conv1", "layers.1.conv1"]),
    "residual mlp": (nets.ResidualMLP, rows, ["stem", "blocks.0.first", "blocks.1.first"]),
    "loop": (nets.LoopedMLP, rows, ["layers.0", "layers.1", "layers.2"]),
    "tied": (nets.Tied, rows, ["inner", "outer"]),
    "recurrent": (nets.Recurrent, rows, ["fc"]),
}
EVERY = pytest.mark.parametrize("case", NETWORKS.values(), ids=NETWORKS)


def quietly(network, **settings):
    """`place` where a forward may be rewritten; says how often it was."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", HunchWarning)
        placed = place(network, **settings)
    return placed, [str(w.message) for w in said]


def hidden(network, x):
    return {s.name: s for s in find_sites(network, x).sites}


def same_weights(placed, network):
    """Whether every parameter and buffer of the network is in the placed one, with its name and value."""
    mine, theirs = network.state_dict(), placed.state_dict()
    return set(mine) <= set(theirs) and all(torch.equal(mine[k], theirs[k]) for k in mine)


def equal_outputs(a, b, x):
    with torch.no_grad():
        return torch.equal(copy.deepcopy(a).eval()(x), copy.deepcopy(b).eval()(x))


@EVERY
@pytest.mark.parametrize("at", ["before_activation", "after_activation"])
@pytest.mark.parametrize("norm", ["batch", "layer", "rms", "group"])
def test_norm_and_dropout_stand_where_they_were_asked_for(case, norm, at):
    make, inputs, names = case
    network, x = make(), inputs()
    text = repr(network)
    placed, _ = quietly(network, norm=norm, norm_at=at, keep_prob=0.75, inputs=x[:2])
    assert repr(network) == text
    found = hidden(placed, x[:2])
    assert [n for n, s in found.items() if s.is_hidden] == names
    for name in names:
        site = found[name]
        assert site.norm_before == (at == "before_activation"), name
        assert site.dropout.keep == 0.75, name
        if site.is_map:
            kind = {"batch": nn.BatchNorm2d, "layer": nn.GroupNorm, "rms": MapRMSNorm, "group": nn.GroupNorm}[
                norm
            ]
        else:
            kind = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "rms": nn.RMSNorm, "group": nn.GroupNorm}[
                norm
            ]
        assert type(site.norm.module) is kind, name
    out = placed.train()(x)
    out.square().sum().backward()
    assert torch.isfinite(out).all()
    assert all(p.grad is not None for p in placed.parameters() if p.requires_grad)


@EVERY
@pytest.mark.parametrize("at", ["before_activation", "after_activation"])
def test_a_fresh_batch_norm_changes_the_output_by_no_more_than_its_eps(case, at):
    make, inputs, _ = case
    network, x = make().eval(), inputs()
    bare, _ = quietly(network, norm="none")
    placed, _ = quietly(bare, norm="batch", norm_at=at, inputs=x[:2])
    with torch.no_grad():
        before, after = bare(x), placed(x)
    norms = sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in placed.modules())
    assert norms >= 1
    assert (before - after).abs().max() <= 1e-5 * norms * max(1, before.abs().max().item())


@EVERY
def test_what_was_placed_is_taken_away_again_without_a_trace_in_the_output(case):
    make, inputs, _ = case
    network, x = make(), inputs()
    bare, _ = quietly(network, norm="none", keep_prob=1.0)
    for at in ("before_activation", "after_activation"):
        placed, _ = quietly(bare, norm="layer", norm_at=at, keep_prob=0.5, inputs=x[:2])
        assert not equal_outputs(placed, bare, x)
        back, _ = quietly(placed, norm="none", keep_prob=1.0)
        assert equal_outputs(back, bare, x)
        left = [type(m).__name__ for m in back.modules()]
        assert "LayerNorm" not in left
        assert not any(isinstance(m, nn.Dropout2d | nn.Dropout) for m in back.modules())


@EVERY
@pytest.mark.parametrize("settings", [
    {"keep_prob": 0.5}, {"norm": "batch"}, {"norm": "rms", "norm_at": "after_activation", "keep_prob": 0.9}
], ids=str)  # fmt: skip
def test_weights_names_modes_copies_and_pickles_survive(case, settings):
    make, inputs, _ = case
    network, x = make().eval(), inputs()
    placed, _ = quietly(network, **settings, inputs=x[:2])
    replaced = settings.get("norm") == "rms" and any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    if not replaced:
        assert same_weights(placed, network)
    assert not any(m.training for m in placed.modules())
    copied = copy.deepcopy(placed)
    assert equal_outputs(copied, placed, x)
    copied.train()
    assert not placed.training
    if make in (Plain, nets.SmallCNN, nets.ResNet, nets.LoopedMLP, nets.Tied):
        assert equal_outputs(pickle.loads(pickle.dumps(placed)), placed, x)
    for name, p in network.named_parameters():
        if name in dict(placed.named_parameters()):
            assert placed.get_parameter(name).data_ptr() != p.data_ptr(), "a copy shares nothing"


def test_where_every_activation_is_a_module_nothing_is_rewritten():
    for make, inputs in [(Plain, rows), (nets.SmallCNN, images), (nets.Tied, rows)]:
        for at in ("before_activation", "after_activation"):
            network, x = make(), inputs(2)
            placed = place(
                network, norm="layer", norm_at=at, keep_prob=0.5, inputs=x
            )  # a warning is an error
            assert type(placed) is make
            assert not any(isinstance(m, fx.GraphModule) for m in placed.modules())
            assert [n for n, _ in placed.named_children()] == [n for n, _ in network.named_children()]
    assert place(Plain(), keep_prob=0.5).describe() == "plain"


def test_norm_before_a_function_needs_no_rewriting_and_norm_after_it_does():
    placed = place(nets.FunctionalMLP(), norm="batch")
    assert type(placed) is nets.FunctionalMLP
    placed, said = quietly(nets.FunctionalMLP(), norm="batch", norm_at="after_activation")
    assert isinstance(placed, fx.GraphModule)
    assert said == [
        "The forward of FunctionalMLP was rewritten by torch.fx, because `relu`, `sigmoid` in it is no module of its "
        "own: its class, its other methods and plain attributes are lost"
    ]


def test_only_the_forward_in_which_the_call_stands_is_rewritten():
    placed, said = quietly(nets.ResNet(), keep_prob={"layers.0.conv1": 0.5})
    assert len(said) == 1
    assert "`layers.0` (BasicBlock)" in said[0]
    assert type(placed) is nets.ResNet
    assert isinstance(placed.layers[0], fx.GraphModule)
    assert type(placed.layers[1]) is nets.BasicBlock
    assert same_weights(placed, nets.ResNet()) is False
    block = placed.layers[0]
    assert [n for n, _ in block.named_children()] == [
        "conv1", "bn1", "relu", "conv2", "bn2", "shortcut", "layers_0_conv1_dropout",
    ]  # fmt: skip


def test_dropout_behind_a_shared_activation_acts_at_its_own_place_only():
    block = nets.BasicBlock(4, 4).eval()
    network = nn.Sequential(block, nn.Flatten(), nn.Linear(256, 2))
    placed, _ = quietly(network, norm="layer", norm_at="after_activation", sites=["0.conv1"])
    x = torch.randn(3, 4, 8, 8)
    norm = find_sites(placed).site("0.conv1").norm.module
    with torch.no_grad():
        inner = norm(torch.relu(block.conv1(x)))  # the batch norm that was there is gone: it was replaced
        expected = torch.relu(block.bn2(block.conv2(inner)) + x)
        torch.testing.assert_close(placed[0](x), expected, rtol=0, atol=0)


def test_rewriting_keeps_functional_dropout_awake_in_training_and_asleep_in_evaluation():
    network = nets.FunctionalMLP(0.5).eval()
    x = rows(400)
    placed, _ = quietly(network, keep_prob={"fc2": 0.9})
    assert torch.equal(placed(x), network(x)), "traced in evaluation, and evaluated"
    placed.train()
    a, b = placed(x), placed(x)
    assert not torch.equal(a, b)
    drops = [m for m in placed.modules() if isinstance(m, nn.Dropout)]
    assert sorted(m.p for m in drops) == [pytest.approx(0.1), 0.5]
    assert torch.equal(placed.eval()(x), network(x))


def test_the_check_against_frozen_dropout_can_fail():
    network = nets.FunctionalMLP(0.5).eval()
    frozen = fx.symbolic_trace(network).train()
    x = rows(50)
    assert torch.equal(frozen(x), frozen(x)), "what fx does by itself: no dropout in training"


def test_a_forward_that_differs_between_the_modes_is_not_rewritten():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x):
            x = F.relu(self.a(x))
            return self.b(x) if self.training else self.b(2 * x)

    with pytest.raises(
        UnsupportedError, match=r"one thing in training and another in .*\[network-not-rewritten\]"
    ):
        place(Net(), keep_prob=0.5)
    assert hidden(place(Net(), norm="batch"), None)["a"].norm.kind == "BatchNorm1d"


def test_optional_arguments_are_fixed_and_said():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x, mask=None):
            if mask is not None:
                x = x * mask
            return self.b(F.relu(self.a(x)))

    placed, said = quietly(Net(), keep_prob=0.5)
    assert said[0].endswith("and so is its argument mask, now always as by default")
    assert placed(torch.zeros(2, 4)).shape == (2, 2)


def test_a_block_that_is_called_twice_is_not_rewritten():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x):
            return torch.relu(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c, self.block = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2), Block()

        def forward(self, x):
            return self.c(self.block(self.b(self.block(self.a(x)))))

    with pytest.raises(UnsupportedError, match=r"cannot be told from its like.*\[network-not-rewritten\]"):
        place(Net(), keep_prob=0.5)


# ---- moving, taking away, replacing


def test_a_learned_norm_moves_with_what_it_has_learned():
    network = nets.SmallCNN()
    with torch.no_grad():
        network.bn1.running_mean.normal_()
        network.bn1.weight.uniform_()
    placed = place(network, norm_at="after_activation")
    site = find_sites(placed).site("conv1")
    assert (site.norm.name, site.norm_before) == ("act1.norm", False)
    assert torch.equal(site.norm.module.running_mean, network.bn1.running_mean)
    assert isinstance(placed.bn1, nn.Identity)
    back = place(placed, norm_at="before_activation")
    assert find_sites(back).site("conv1").norm.name == "conv1.norm"
    x = images()
    assert equal_outputs(back, network, x)
    expected = network.eval().act1(network.conv1(x))
    assert torch.equal(placed.eval().act1(placed.conv1(x)), network.bn1(expected))


def test_a_norm_of_the_same_kind_stays_and_one_of_another_kind_takes_its_name():
    network = nets.SmallCNN()
    placed = place(network, norm="batch")
    assert torch.equal(placed.bn1.weight, network.bn1.weight)
    assert isinstance(placed.conv2.norm, nn.BatchNorm2d)
    assert isinstance(place(network, norm="group").bn1, nn.GroupNorm)


def test_dropout_of_maps_drops_channels_and_what_was_there_stays_of_its_type():
    placed = place(nets.SmallCNN(), keep_prob=0.75)
    assert [type(find_sites(placed).site(n).dropout.module) for n in ("conv1", "fc")] == [
        nn.Dropout2d,
        nn.Dropout,
    ]
    placed = place(nets.SmallCNN(), keep_prob=0.75, dropout="exact")
    drop = find_sites(placed).site("conv1").dropout.module
    assert isinstance(drop, ExactDropout)
    x = torch.ones(5, 8, 3, 3)
    kept = drop.train()(x)
    assert kept.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert (kept.amax(dim=(2, 3)) == kept.amin(dim=(2, 3))).all()
    assert ((kept[:, :, 0, 0] > 0).sum(dim=1) == 6).all()
    noisy = GaussianDropout(0.5, of_maps=True)(x)
    assert noisy.var(dim=(2, 3)).max() == 0
    assert noisy[:, :, 0, 0].var() > 0.2

    class Net(nets.SmallCNN):
        def __init__(self):
            super().__init__()
            self.act2 = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))

    assert place(Net(), keep_prob=0.75).act2[1].p == 0.25


def test_one_dropout_for_all_layers_stays_one_where_all_want_the_same_and_is_parted_where_not():
    network = nets.LoopedMLP()
    assert place(network, keep_prob=0.5).drop.p == 0.5
    assert isinstance(place(network, keep_prob=1.0).drop, nn.Identity)
    placed, said = quietly(network, keep_prob={"layers.1": 0.5})
    assert len(said) == 1
    assert [find_sites(placed).site(f"layers.{k}").dropout.keep for k in range(3)] == [0.8, 0.5, 0.8]


def test_functional_dropout_is_taken_away_or_changed():
    placed, _ = quietly(nets.FunctionalMLP(0.7), keep_prob=1.0)
    x = rows()
    assert torch.equal(placed.train()(x), placed(x))
    placed, _ = quietly(nets.FunctionalMLP(0.7), dropout="gaussian")
    drop = find_sites(placed).site("fc1").dropout.module
    assert (type(drop), drop.keep_prob) == (GaussianDropout, pytest.approx(0.7))


def test_activations_are_replaced_as_modules_and_as_functions():
    placed = place_arm(nets.SmallCNN(), Arm("x", activation="gelu", norm="batch"))
    assert [type(m).__name__ for m in (placed.act1, placed.act2, placed.act3)] == ["GELU"] * 3
    placed = place_arm(nets.FunctionalMLP(), Arm("x", activation="tanh"))
    assert [s.activation.kind for s in find_sites(placed).hidden] == ["tanh", "tanh"]
    placed = place_arm(nets.LoopedMLP(), Arm("x", activation="tanh", keep_prob=0.5))
    assert isinstance(placed.act, nn.Tanh)
    block = place_arm(nets.ResNet(), Arm("x", activation="tanh")).layers[0]
    assert isinstance(block.relu, nn.ReLU), "the one behind the sum stays"
    assert [type(m).__name__ for m in block.children()][-1] == "Tanh"


# ---- by hand, and refusals


def test_behind_a_layer_that_goes_into_a_sum_by_hand_only():
    network = nets.ResNet()
    assert find_sites(place(network, norm="batch")).site("layers.0.conv2").norm.kind == "BatchNorm2d"
    placed = place(network, keep_prob=0.5, sites=["layers.0.conv2"])
    assert isinstance(placed.layers[0].bn2.dropout, nn.Dropout2d), "behind the norm that is there"
    placed = place(Plain(), norm="layer", sites=["b"])
    assert isinstance(placed.b.norm, nn.LayerNorm)


@pytest.mark.parametrize(
    ("make", "asked", "message"),
    [
        (nets.ResNet, {"norm": "batch", "sites": ["head"]}, r"at 'head': it is the last layer\. Choose among 'conv', "),
        (nets.Recursive, {"norm": "batch", "sites": ["again"]}, r"at 'again': it is called at 2 places"),
        (nets.ResNet, {"keep_prob": {"nope": 0.5}}, r"there is no site 'nope' .*\[network-unknown-site\]"),
        (nets.Tabular, {"norm": "batch"}, r"'fc': the axes of its value are not known .*inputs=X\[:2\]"),
        (nets.SmallCNN, {"keep_prob": {"input": 0.5}}, r"dropout of the inputs can only be changed"),
    ],
    ids=str,
)  # fmt: skip
def test_a_refusal_names_the_site_and_the_reason(make, asked, message):
    with pytest.raises(PlacementError, match=message):
        place(make(), **asked)


def test_a_network_without_a_hidden_site_says_why_and_what_can_be_done_by_hand():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.b(torch.relu(x + self.a(x)))

    with pytest.raises(
        PlacementError, match=r"goes into a sum .* by hand: sites=\['a'\]\.  \[network-no-site\]"
    ):
        place(Net(), norm="batch")
    assert isinstance(place(Net(), norm="batch", sites=["a"]).a.norm, nn.BatchNorm1d)


def test_embeddings_and_several_inputs():
    inputs = (torch.zeros(3, 2, dtype=torch.long), torch.randn(3, 6))
    placed = place(nets.Tabular(), norm="batch", keep_prob=0.5, inputs=inputs)
    assert isinstance(placed.fc.norm, nn.BatchNorm1d)
    assert placed(*inputs).shape == (3, 2)
    assert isinstance(place(nets.Tabular(), norm="layer").fc.norm, nn.LayerNorm)
    by_name = {"categories": inputs[0], "numbers": inputs[1]}
    assert isinstance(place(nets.Tabular(), norm="batch", calibrate=by_name).fc.norm, nn.BatchNorm1d)


def test_tokens_take_layer_and_rms_norm_and_no_batch_norm():
    network, x = nets.Transformer(), rows()
    placed = place(network, norm="rms", inputs=x[:2])
    assert isinstance(placed.encoder.linear1.norm, nn.RMSNorm)
    assert placed(x).shape == (6, 10)
    assert placed.eval()(x).shape == (6, 10)
    with pytest.raises(PlacementError, match=r"'encoder.linear1': its value has 3 axes with the units last"):
        place(network, norm="batch", inputs=x[:2])
    assert place(network, keep_prob=0.5, inputs=x[:2]).encoder.dropout.p == 0.5
    assert place(
        network, keep_prob={"encoder.linear2": 0.6}, inputs=x[:2]
    ).encoder.dropout2.p == pytest.approx(0.4)
    with pytest.raises(UnsupportedError, match=r"`encoder` \(TransformerEncoderLayer\) cannot be rewritten"):
        place(network, norm="layer", norm_at="after_activation", inputs=x[:2])


def test_a_placed_norm_acts_in_evaluation_too_where_torch_has_a_fast_path():
    network, x = nets.Transformer().eval(), rows()
    placed = place(network, norm="layer", inputs=x[:2])
    layer, norm = network.encoder, placed.encoder.linear1.norm
    with torch.no_grad():
        h = network.embed(x.reshape(-1, 8, 8))
        h = layer.norm1(h + layer.self_attn(h, h, h, need_weights=False)[0])
        h = layer.norm2(h + layer.linear2(torch.relu(norm(layer.linear1(h)))))
        torch.testing.assert_close(placed(x), network.head(h.mean(dim=1)), rtol=0, atol=1e-5)


def test_what_can_be_done_is_done_and_the_rest_is_said():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows, self.act, self.b, self.act2, self.c = (
                nn.Linear(8, 8), nn.ReLU(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 2),
            )  # fmt: skip

        def forward(self, x):
            return self.c(self.act2(self.b(self.act(self.rows(x)).flatten(1))))

    placed, said = quietly(Net(), norm="batch", inputs=torch.zeros(2, 8, 8))
    assert isinstance(placed.b.norm, nn.BatchNorm1d)
    assert not hasattr(placed.rows, "norm")
    assert len(said) == 1
    assert "cannot stand at 'rows': its value has 3 axes" in said[0]


# ---- calibration, hooks, device


def test_calibration_sets_the_statistics_of_new_norms_and_of_no_others():
    network = nets.SmallCNN().eval()
    x = images(50) * 3 + 1
    placed = place(network, norm="batch", keep_prob=0.5, calibrate=x)
    assert torch.equal(placed.bn1.running_mean, network.bn1.running_mean)
    z = network.conv2(network.pool(network.act1(network.bn1(network.conv1(x)))))
    torch.testing.assert_close(placed.conv2.norm.running_mean, z.mean(dim=(0, 2, 3)))
    assert placed.conv2.norm.momentum == 0.1
    moved = place(network, norm_at="after_activation", calibrate=x)
    assert torch.equal(moved.act1.norm.running_mean, network.bn1.running_mean), (
        "what only moves keeps what it has learned"
    )


def test_hooks_of_the_users_stay_and_run():
    network = nets.LeNet()
    seen = []
    network.conv1.register_forward_hook(
        lambda module, inputs, output: seen.append(output.detach().clone()) and None
    )
    network.register_forward_hook(lambda module, inputs, output: seen.append("network") and None)
    placed, _ = quietly(network, norm="batch", keep_prob=0.5)
    seen.clear()
    x = images()
    placed(x)
    assert seen[-1] == "network"
    assert torch.equal(seen[0], network.conv1.forward(x)), "the hook sees the layer, not the norm behind it"


def test_tied_weights_stay_tied():
    placed = place(nets.Tied(), norm="batch", keep_prob=0.5)
    assert placed.inner.weight is placed.outer.weight


def test_double_precision_is_kept():
    placed = place(nets.SmallCNN().double(), norm="rms")
    assert placed.conv2.norm.weight.dtype == torch.float64


def test_the_rms_norm_of_maps_is_its_formula():
    norm, x = MapRMSNorm(3), torch.randn(4, 3, 5, 5)
    with torch.no_grad():
        norm.weight.uniform_()
    flat = x.reshape(4, -1)
    expected = (flat / (flat.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()).reshape(x.shape)
    torch.testing.assert_close(norm(x), expected * norm.weight[None, :, None, None])


def test_an_arm_that_names_nothing_gives_an_equal_copy():
    network = nets.LeNet()
    placed = place_arm(network, Arm("none"))
    assert repr(placed) == repr(network)
    assert type(placed) is nets.LeNet
    assert placed is not network


# ---- dropout that stands before the activation


class Early(nn.Module):
    """norm, dropout, activation, as monai orders them."""

    def __init__(self, p=0.5):
        super().__init__()
        self.a, self.norm, self.drop, self.act = (
            nn.Linear(64, 12),
            nn.LayerNorm(12),
            nn.Dropout(p),
            nn.Sigmoid(),
        )
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        return self.head(self.act(self.drop(self.norm(self.a(x)))))


def test_a_dropout_before_the_activation_stays_where_the_arm_names_no_dropout():
    placed, said = quietly(Early(), norm="batch")
    site = find_sites(placed).sites[0]
    assert (type(site.norm.module), site.drops_early, site.dropout.keep) == (nn.BatchNorm1d, True, 0.5)
    assert said == []


@pytest.mark.parametrize("keep", [0.5, 0.8])
@pytest.mark.parametrize("norm_at", [None, "after_activation"])
def test_a_dropout_before_the_activation_moves_behind_it_where_the_arm_names_dropout(keep, norm_at):
    network = Early().eval()
    placed, said = quietly(network, keep_prob=keep, norm_at=norm_at)
    site = find_sites(placed).sites[0]
    assert (site.drops_early, site.dropout.keep) == (False, keep)
    assert said == ["The dropout of 'a' stood before the activation; as placed it stands behind it"]
    x = rows(400)
    with torch.no_grad():
        if norm_at is None:
            assert torch.equal(placed(x), network(x))
        seen = []
        placed.head.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
        placed.train()(x)
    assert abs((seen[0] != 0).double().mean().item() - keep) < 0.05  # behind a sigmoid, a 0 is a dropped unit


def test_a_dropout_before_the_activation_is_taken_away():
    placed, said = quietly(Early(), keep_prob=1.0)
    assert find_sites(placed).sites[0].dropout is None
    assert said == []


def test_a_refused_site_is_not_sent_to_one_that_is_refused_for_the_same():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.act_a, self.b, self.act_b = nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU()
            self.head = nn.Linear(6, 2)

        def forward(self, x):
            x = self.act_b(self.b(self.act_a(self.a(x.reshape(-1, 8, 8)))))
            return self.head(x.mean(dim=1))

    with pytest.raises(PlacementError, match="3 axes with the units last") as caught:
        place(Tokens(), norm="batch", inputs=rows(2))
    assert "Choose among" not in str(caught.value)
