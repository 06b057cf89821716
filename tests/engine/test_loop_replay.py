"""Anyone can replay a run: ten lines of plain PyTorch give the weights of `hunch.train`, bit for bit.

Of Hunch only what it lends for this is used: `hunch.batches` (the order) and `hunch.noise` (the masks).
"""

import numpy as np
import pytest
import torch
from torch import nn

import hunch

STEPS, BATCH, SEED = 40, 16, 12
BUILD = hunch.mlp([5, 7, 6, 3], "tanh")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(90, 5)).astype(np.float32)
    y = np.digitize(x[:, 0] - x[:, 1], [-0.7, 0.7])
    return x[:70], y[:70], x[70:], y[70:]


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(data, arm, lr, build=BUILD):
    runs = hunch.train(build, data, arm=arm, seeds=[SEED], budget=STEPS, lr=lr, engine="loop", progress=False)
    return runs.network(SEED)


def replay(data, make_network, make_optimizer, forward=None, cost=nn.functional.cross_entropy):
    """The ten lines. On one thread: how torch adds up a norm's gradients depends on their number."""
    x, y = torch.from_numpy(data[0]), torch.from_numpy(data[1])
    torch.manual_seed(SEED)
    network = make_network()
    optimizer = make_optimizer(network)
    for step, rows in enumerate(hunch.batches(SEED, len(x), BATCH, STEPS)):
        optimizer.zero_grad()
        outputs = network(x[rows]) if forward is None else forward(network, x[rows], step)
        cost(outputs, y[rows]).backward()
        optimizer.step()
    return network


def same_bits(left, right):
    """Whether two networks hold the same numbers, whatever their modules are called."""
    one, two = list(left.state_dict().values()), list(right.state_dict().values())
    return len(one) == len(two) and all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def weights_decay(network, decay):
    """Parameter groups in which the weights decay and the biases do not."""
    weights = [p for p in network.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if p.ndim == 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def groups(network):
    return weights_decay(network, 0.02)


OPTIMIZERS = {
    "sgd": (
        hunch.Arm("x", batch_size=BATCH),
        lambda n: torch.optim.SGD(n.parameters(), lr=0.1),
    ),
    "sgd with l2": (
        hunch.Arm("x", l2=0.02, batch_size=BATCH),
        lambda n: torch.optim.SGD(groups(n), lr=0.1),
    ),
    "momentum": (
        hunch.Arm("x", optimizer="momentum", batch_size=BATCH),
        lambda n: torch.optim.SGD(n.parameters(), lr=0.1, momentum=0.9),
    ),
    "momentum with l2": (
        hunch.Arm("x", momentum=0.8, l2=0.02, batch_size=BATCH),
        lambda n: torch.optim.SGD(groups(n), lr=0.1, momentum=0.8),
    ),
    "nesterov": (
        hunch.Arm("x", optimizer="nesterov", momentum=0.7, batch_size=BATCH),
        lambda n: torch.optim.SGD(n.parameters(), lr=0.1, momentum=0.7, nesterov=True),
    ),
    "adam": (
        hunch.Arm("x", optimizer="adam", betas=(0.8, 0.99), eps=1e-6, batch_size=BATCH),
        lambda n: torch.optim.Adam(n.parameters(), lr=0.1, betas=(0.8, 0.99), eps=1e-6),
    ),
    "adam with l2": (
        hunch.Arm("x", optimizer="adam", l2=0.02, batch_size=BATCH),
        lambda n: torch.optim.Adam(groups(n), lr=0.1),
    ),
    "adamw": (
        hunch.Arm("x", optimizer="adamw", weight_decay=0.02, batch_size=BATCH),
        lambda n: torch.optim.AdamW(groups(n), lr=0.1),
    ),
    "adamw's own decay": (
        hunch.Arm("x", optimizer="adamw", batch_size=BATCH),
        lambda n: torch.optim.AdamW(weights_decay(n, 0.01), lr=0.1),
    ),
    "decay of biases too": (
        hunch.Arm("x", l2=0.02, decay_norm=True, batch_size=BATCH),
        lambda n: torch.optim.SGD(n.parameters(), lr=0.1, weight_decay=0.02),
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_is_replayed_with_every_optimizer(data, name):
    arm, optimizer = OPTIMIZERS[name]
    assert same_bits(trained(data, arm, 0.1), replay(data, BUILD, optimizer))


def test_every_optimizer_ends_elsewhere_so_that_the_replay_can_fail(data):
    ends = [replay(data, BUILD, optimizer) for _, optimizer in OPTIMIZERS.values()]
    for k, one in enumerate(ends):
        assert not any(same_bits(one, two) for two in ends[:k])


@pytest.mark.parametrize("keep", [0.75, 0.8])
def test_a_run_with_dropout_is_replayed_from_noise(data, keep):
    # 16 bits decide who is kept: 0.75 is realised as it is, 0.8 as 52429/65536, which then also scales.
    scale = np.ceil(keep * 65536) / 65536
    tanh = torch.tanh

    def forward(network, x, step):
        for site in ("0", "2"):
            x = tanh(network.get_submodule(site)(x))
            kept = hunch.noise(SEED, site, step, tuple(x.shape)) < keep
            x = x * torch.from_numpy(kept / scale).float()
        return network.get_submodule("4")(x)

    arm = hunch.Arm("x", keep_prob=keep, batch_size=BATCH)
    again = replay(data, BUILD, lambda n: torch.optim.SGD(n.parameters(), lr=0.1), forward)
    assert same_bits(trained(data, arm, 0.1), again)


def with_norms(norm, *, before):
    """The network of the arm, its plain part initialised as in `BUILD`."""

    def make():
        first, _, second, _, last = BUILD()
        if before:
            return nn.Sequential(first, norm(7), nn.Tanh(), second, norm(6), nn.Tanh(), last)
        return nn.Sequential(first, nn.Tanh(), norm(7), second, nn.Tanh(), norm(6), last)

    return make


def sgd_without(*frozen):
    return lambda n: torch.optim.SGD([p for name, p in n.named_parameters() if name not in frozen], lr=0.1)


NORMS = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "rms": lambda width: nn.RMSNorm(width, eps=1e-5),
}


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("norm", NORMS)
def test_a_run_with_a_norm_is_replayed_with_its_running_statistics(data, norm, before):
    arm = hunch.Arm("x", norm=norm, norm_at=f"{'before' if before else 'after'}_activation", batch_size=BATCH)
    # A bias that feeds batch norm is kept but not updated.
    frozen = ("0.bias", "3.bias") if norm == "batch" and before else ()
    again = replay(data, with_norms(NORMS[norm], before=before), sgd_without(*frozen))
    assert same_bits(trained(data, arm, 0.1), again)


def test_adam_with_batch_norm_and_decay_leaves_the_bias_before_it_as_it_was(data):
    arm = hunch.Arm("x", norm="batch", optimizer="adamw", weight_decay=0.1, decay_norm=True, batch_size=BATCH)
    network = trained(data, arm, 0.01)
    torch.manual_seed(SEED)
    untrained = BUILD()
    for site in ("0", "2"):
        assert torch.equal(network.get_submodule(site).bias, untrained.get_submodule(site).bias)
    assert not torch.equal(network.get_submodule("4").bias, untrained.get_submodule("4").bias)


@pytest.mark.parametrize("schedule", ["step", "cosine", "warmup", "warmup_cosine"])
def test_a_schedule_is_replayed_by_setting_the_rate_of_each_step(data, schedule):
    factors = hunch_factors(schedule)

    class Scheduled(torch.optim.SGD):
        done = 0

        def step(self):
            for group in self.param_groups:
                group["lr"] = 0.2 * factors[self.done]
            self.done += 1
            super().step()

    arm = hunch.Arm("x", schedule=schedule, momentum=0.9, batch_size=BATCH)
    again = replay(data, BUILD, lambda n: Scheduled(n.parameters(), lr=0.0, momentum=0.9))
    assert same_bits(trained(data, arm, 0.2), again)


def hunch_factors(schedule):
    """The schedules as their documentation tells them, for 40 steps."""
    steps = np.arange(STEPS)
    warm = np.minimum(1, (steps + 1) / 2)  # 5 % of 40 steps
    return {
        "step": [1.0] * 20 + [0.1] * 10 + [0.01] * 10,
        "cosine": (0.5 * (1 + np.cos(np.pi * steps / 40))).tolist(),
        "warmup": warm.tolist(),
        "warmup_cosine": [*warm[:2], *(0.5 * (1 + np.cos(np.pi * (steps[2:] - 2) / 38)))],
    }[schedule]


def test_early_dropout_is_replayed_with_masks_for_the_first_share_of_the_budget(data):
    def forward(network, x, step):
        x = torch.tanh(network.get_submodule("0")(x))
        if step < 10:
            x = x * torch.from_numpy((hunch.noise(SEED, "0", step, tuple(x.shape)) < 0.5) * 2.0).float()
        return network.get_submodule("4")(torch.tanh(network.get_submodule("2")(x)))

    arm = hunch.Arm("x", keep_prob={"0": 0.5}, keep_until=0.25, batch_size=BATCH)
    again = replay(data, BUILD, lambda n: torch.optim.SGD(n.parameters(), lr=0.1), forward)
    assert same_bits(trained(data, arm, 0.1), again)


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("mean_squared_error", nn.functional.mse_loss),
        ("huber", nn.functional.huber_loss),
    ],
)
def test_a_regression_is_replayed(data, name, cost):
    x, x_held = data[0], data[2]
    target, held = (3 * x[:, :1] + x[:, 1:2] ** 2), x_held[:, :1]
    build = hunch.mlp([5, 7, 1], "relu")
    runs = hunch.train(
        build, (x, target, x_held, held), arm=hunch.Arm("x", batch_size=BATCH), cost=name, seeds=[SEED],
        budget=STEPS, lr=0.05, engine="loop", progress=False,
    )  # fmt: skip
    again = replay((x, target), build, lambda n: torch.optim.SGD(n.parameters(), lr=0.05), cost=cost)
    assert same_bits(runs.network(SEED), again)


def test_binary_labels_are_replayed_with_one_output(data):
    x, x_held = data[0], data[2]
    y, held = (x[:, 0] > 0).astype(int), (x_held[:, 0] > 0).astype(int)
    build = hunch.mlp([5, 7, 1], "relu")
    runs = hunch.train(
        build, (x, y, x_held, held), arm=hunch.Arm("x", batch_size=BATCH), seeds=[SEED], budget=STEPS,
        lr=0.5, engine="loop", progress=False,
    )  # fmt: skip
    assert runs.plan.cost == "binary_cross_entropy"
    again = replay(
        (x, y.astype(np.float32)[:, None]), build, lambda n: torch.optim.SGD(n.parameters(), lr=0.5),
        cost=nn.functional.binary_cross_entropy_with_logits,
    )  # fmt: skip
    assert same_bits(runs.network(SEED), again)


def test_redrawn_weights_are_the_normals_of_their_own_stream(data):
    # lr so small that float32 weights near 2 cannot move: what is left is the initial draw.
    network = trained(data, hunch.Arm("x", init_std=2.0, batch_size=BATCH), 1e-30)
    for site in ("0", "2", "4"):
        layer = network.get_submodule(site)
        assert layer.bias.abs().max() < 1e-25
        z = layer.weight.double().flatten() / 2
        assert abs(z.mean()) < 4 / len(z) ** 0.5
        assert abs(z.std() - 1) < 4 / (2 * len(z)) ** 0.5
    half = trained(data, hunch.Arm("x", init_std=1.0, batch_size=BATCH), 1e-30)
    assert torch.equal(network[0].weight, 2 * half[0].weight)
