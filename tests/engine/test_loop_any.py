"""The loop engine on networks that are no chains: what PyTorch does by hand, with draws that can be replayed."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import any_networks as nets
import hunch
from hunch.data import load
from hunch.engine import Job, LoopEngine, Setting, choose
from hunch.engine.contract import frozen_biases, make_row, row_layout
from hunch.engine.masks import SeededDropout, dropout_modules, seed_dropouts
from hunch.engine.native_extension import native_absence
from hunch.network import build_network, inspect_network, place_arm, read_sites
from hunch.plan import RECORDED
from hunch.probe import StepRecorder, activation_readings
from hunch.traces import RunKey


@pytest.fixture(scope="module")
def flat():
    digits = load("digits")
    return load((digits.x[:300], digits.y[:300], digits.x_held[:60], digits.y_held[:60]))


@pytest.fixture(scope="module")
def images(flat):
    shape = (-1, 1, 8, 8)
    return load((flat.x.reshape(shape), flat.y, flat.x_held.reshape(shape), flat.y_held))


def setting(build, data, *, budget=8, readings=True, dtype=torch.float32):
    sites = inspect_network(build_network(build, 0), data.x).sites
    return Setting(build, data, "cross_entropy", budget, sites, readings=readings, dtype=dtype)


def job(data, seed=5, lr=0.1, budget=8, **arm):
    full = hunch.Arm("x", **{"batch_size": 16, **arm}).resolved(data.n)
    return Job(RunKey("confirm", "x", seed, lr, budget), full, seed)


def run(build, data, *, seed=5, readings=True, dtype=torch.float32, **arm):
    made = setting(build, data, readings=readings, dtype=dtype)
    return next(LoopEngine().train(made, [job(data, seed, **arm)], keep_networks=True))


NETWORKS = {
    "residual": (nets.ResidualMLP, False),
    "cnn": (nets.SmallCNN, True),
    "lenet": (nets.LeNet, True),
    "resnet": (nets.ResNet, True),
    "loop": (nets.LoopedMLP, False),
    "tied": (nets.Tied, False),
    "data dependent": (nets.DataDependent, False),
    "transformer": (nets.Transformer, False),
    "recurrent": (nets.Recurrent, False),
}
EVERY = pytest.mark.parametrize(("build", "is_image"), NETWORKS.values(), ids=NETWORKS)


@EVERY
def test_every_network_trains_and_readings_and_neighbours_change_no_bit(build, is_image, flat, images):
    data = images if is_image else flat
    norm = "layer" if build is nets.Transformer else "batch"
    arm = {"norm": norm, "keep_prob": 0.8}
    state = torch.random.get_rng_state()
    alone = run(build, data, **arm)
    assert alone.trace.failed is None
    assert np.isfinite(alone.trace.cost).all()
    assert torch.equal(torch.random.get_rng_state(), state)
    without = run(build, data, readings=False, **arm)
    assert alone.trace.cost.tobytes() == without.trace.cost.tobytes()
    made = setting(build, data)
    among = list(LoopEngine().train(made, [job(data, seed, **arm) for seed in (4, 5, 6)], keep_networks=True))
    assert among[1].trace.cost.tobytes() == alone.trace.cost.tobytes()
    assert among[0].trace.cost.tobytes() != alone.trace.cost.tobytes()
    assert all(torch.equal(alone.state[k], among[1].state[k]) for k in alone.state)


def by_hand(network, forward, data, steps, seed, lr, frozen=()):
    """Plain PyTorch, written out: SGD on the batches of the run."""
    order = hunch.batches(seed, data.n, 16, steps)
    x, y = torch.from_numpy(data.x).double(), torch.from_numpy(data.y)
    named = [(n, p) for n, p in network.named_parameters() if n not in frozen]
    optimizer = torch.optim.SGD([p for _, p in named], lr=lr)
    network.train()
    for t in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(forward(network, x[order[t]], t), y[order[t]]).backward()
        optimizer.step()
    return network.state_dict()


def bernoulli(x, seed, site, t, keep, shape):
    kept = torch.from_numpy((hunch.noise(seed, site, t, shape) < keep) / keep).to(x.dtype)
    return x * kept.reshape(*shape, *[1] * (x.ndim - len(shape)))


def close(a, b):
    assert list(a) == list(b)
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=1e-10, msg=name)


def test_a_cnn_trains_as_by_hand_with_masks_that_anyone_can_draw(images):
    def forward(net, x, t):
        x = net.pool(F.relu(net.bn1(net.conv1.forward(x))))
        x = bernoulli(F.relu(net.conv2.forward(x)), 5, "conv2", t, 0.75, (16, 16))
        x = net.pool(x).flatten(1)
        x = bernoulli(torch.tanh(net.fc.forward(x)), 5, "fc", t, 0.5, (16, 16))
        return net.head(x)

    keep = {"conv2": 0.75, "fc": 0.5}
    result = run(nets.SmallCNN, images, dtype=torch.float64, keep_prob=keep)
    network = build_network(nets.SmallCNN, 5).double()
    close(by_hand(network, forward, images, 8, 5, 0.1, frozen={"conv1.bias"}), result.state)
    assert torch.equal(result.state["conv1.bias"], build_network(nets.SmallCNN, 5).double().conv1.bias)


def test_dropout_functions_draw_what_modules_would(flat):
    def forward(net, x, t):
        x = bernoulli(F.relu(net.fc1(x)), 5, "fc1", t, 0.75, (16, 12))
        return net.out(torch.sigmoid(net.fc2(x)))

    def build():
        return nets.FunctionalMLP(0.75)

    result = run(build, flat, dtype=torch.float64)
    close(by_hand(build_network(build, 5).double(), forward, flat, 8, 5, 0.1), result.state)


def test_the_comparison_by_hand_can_fail(flat):
    def forward(net, x, t):
        return net.out(torch.sigmoid(net.fc2(F.relu(net.fc1(x)))))

    def build():
        return nets.FunctionalMLP(0.75)

    result = run(build, flat, dtype=torch.float64)
    with pytest.raises(AssertionError, match="fc1"):
        close(by_hand(build_network(build, 5).double(), forward, flat, 8, 5, 0.1), result.state)


def seeded_dropouts(build, data, **arm):
    made = setting(build, data)
    network = make_row(made, job(data, **arm))
    network = dropout_modules(network, row_layout(network, made))
    return network, seed_dropouts(network, 5, row_layout(network, made))


def test_one_dropout_at_several_places_draws_at_each_by_the_name_of_the_site(flat):
    network, dropouts = seeded_dropouts(nets.LoopedMLP, flat)
    assert [d.sites for d in dropouts] == [("layers.0", "layers.1", "layers.2")]
    drop, x = dropouts[0].train(), torch.ones(4, 16)
    drop.step = 3
    for site in ("layers.0", "layers.1", "layers.2"):
        expected = torch.from_numpy(hunch.noise(5, site, 3, (4, 16)) < 0.8)
        assert torch.equal(drop(x) > 0, expected)
    assert network.drop is drop


def test_dropout_that_belongs_to_no_site_draws_by_its_own_name(flat):
    _, dropouts = seeded_dropouts(nets.Transformer, flat)
    assert {d.sites for d in dropouts} == {("encoder.linear1",), ("encoder.linear2",), ("encoder.dropout1",)}


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "exact"])
def test_dropout_of_maps_is_one_draw_a_channel(kind, images):
    network, dropouts = seeded_dropouts(nets.SmallCNN, images, keep_prob={"conv1": 0.75}, dropout=kind)
    assert dropouts[0].of_maps
    assert isinstance(network.act1.dropout, SeededDropout)
    y = dropouts[0].train()(torch.ones(3, 8, 4, 4))
    assert torch.equal(y, y[:, :, :1, :1].expand_as(y))
    if kind == "bernoulli":
        assert torch.equal(y[:, :, 0, 0] > 0, torch.from_numpy(hunch.noise(5, "conv1", 0, (3, 8)) < 0.75))
    if kind == "exact":
        assert ((y[:, :, 0, 0] > 0).sum(dim=1) == 6).all()


def test_exact_dropout_of_tokens_keeps_units_of_each_token():
    y = SeededDropout(0, "a", "exact", 0.5)(torch.ones(3, 4, 10))
    assert ((y > 0).sum(dim=-1) == 5).all()


def test_a_bias_before_batch_norm_is_found_in_any_network(images):
    layout = read_sites(place_arm(nets.SmallCNN(), hunch.Arm("x", norm="batch")))
    assert frozen_biases(layout) == {"conv1.bias", "conv2.bias", "fc.bias"}
    after = place_arm(nets.SmallCNN(), hunch.Arm("x", norm="batch", norm_at="after_activation"))
    assert frozen_biases(read_sites(after)) == set()


# ---- readings


def read_once(network, sites, x, y, inputs=None):
    recorder = StepRecorder(network, sites, read_sites(network, inputs))
    with recorder:
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        recorder.gradients()
        with torch.no_grad():
            for p in network.parameters():
                p -= 0.1 * p.grad
        recorder.updates()
    return {
        (name, site): recorder.values[r, k] for r, name in enumerate(RECORDED) for k, site in enumerate(sites)
    }


def test_readings_of_a_convolution_are_per_channel_over_examples_and_positions(images):
    torch.manual_seed(0)
    network = nets.SmallCNN()
    with torch.no_grad():
        network.bn1.bias[:2] = -100  # two channels that never answer
    twin = copy.deepcopy(network)
    x, y = torch.from_numpy(images.x[:16]), torch.from_numpy(images.y[:16])
    read = read_once(network, ("conv1", "conv2", "fc", "head"), x, y)
    z = twin.bn1(twin.conv1(x))
    rows = z.movedim(1, -1).reshape(-1, 8)
    for name, value in activation_readings(rows, "relu").items():
        np.testing.assert_allclose(read[name, "conv1"], value, rtol=1e-6, err_msg=name)
    assert read["inactive", "conv1"] == pytest.approx(0.25)
    assert np.isnan(read["saturation", "conv1"])
    assert read["saturation", "fc"] > 0
    assert np.isnan(read["slope", "head"])
    F.cross_entropy(twin.train()(x), y).backward()
    assert read["gradient_norm", "conv1"] == pytest.approx(twin.conv1.weight.grad.norm().item(), rel=1e-5)
    assert read["update_shift", "conv1"] == pytest.approx(0.1 * twin.bn1.bias.grad.norm().item(), rel=1e-3)
    assert read["update_shift", "conv2"] == pytest.approx(0.1 * twin.conv2.bias.grad.norm().item(), rel=1e-3)


def test_what_enters_a_function_is_read_behind_the_layer_and_the_norm_placed_there(flat):
    torch.manual_seed(0)
    network = place_arm(nets.FunctionalMLP(), hunch.Arm("x", norm="batch"))
    twin = copy.deepcopy(network)
    x, y = torch.from_numpy(flat.x[:16]), torch.from_numpy(flat.y[:16])
    read = read_once(network, ("fc1", "fc2"), x, y)
    for name, value in activation_readings(twin.fc1(x), "relu").items():
        np.testing.assert_allclose(read[name, "fc1"], value, rtol=1e-6, err_msg=name)
    assert abs(read["preactivation_mean", "fc1"]) < 1e-6
    assert 0 < read["saturation", "fc2"] < 1


def test_what_cannot_be_read_is_not_there(images):
    network = nets.LeNet()
    x, y = torch.from_numpy(images.x[:16]), torch.from_numpy(images.y[:16])
    read = read_once(network, ("conv1", "conv2"), x, y)
    assert read["slope", "conv1"] > 0
    assert np.isnan(read["slope", "conv2"]), (
        "a pooling function stands between the layer and its activation function"
    )
    assert read["gradient_norm", "conv2"] > 0


def test_tokens_are_read_as_places(flat):
    network, inputs = nets.Transformer(), torch.from_numpy(flat.x[:2])
    x, y = torch.from_numpy(flat.x[:16]), torch.from_numpy(flat.y[:16])
    read = read_once(network, ("encoder.linear1",), x, y, inputs)
    assert 0 < read["slope", "encoder.linear1"] < 1


# ---- facts and the choice of an engine


def test_facts_of_a_cnn(images):
    facts = inspect_network(nets.SmallCNN(), images.x)
    assert facts.n_outputs == 10
    assert [(s.name, s.n_in, s.n_units, s.activation) for s in facts.sites] == [
        ("conv1", 1, 8, "relu"),
        ("conv2", 8, 16, "relu"),
        ("fc", 64, 16, "tanh"),
        ("head", 16, 10, None),
    ]
    assert facts.text == "SmallCNN: conv 1→8, conv 8→16, linear 64→16, linear 16→10; relu, tanh"


def test_several_inputs_are_refused(flat):
    with pytest.raises(hunch.NetworkError, match=r"takes 2 inputs \(categories, numbers\).*several-inputs\]"):
        inspect_network(nets.Tabular(), flat.x)


def test_outputs_that_are_no_row_are_refused(images):
    with pytest.raises(hunch.HunchError, match=r"\[network-output-shape\]"):
        inspect_network(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3)), images.x)


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (nets.SmallCNN, "native declined: the network is a SmallCNN; it trains chains of linear layers only"),
        (
            lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 10)),
            "native declined: `0` is a Conv2d; it trains chains of linear layers only",
        ),
    ],
)
@pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")
def test_any_network_goes_to_fleets_and_the_reason_names_what_native_declined(build, why, images):
    choice = choose(build(), images)
    assert (choice.engine.name, choice.reason) == ("batched", why)
