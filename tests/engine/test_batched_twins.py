"""The batched engine against the loop engine: the same numbers in float64, for networks of all sorts."""

import numpy as np
import pytest
import torch

import any_networks as nets
import hunch
from hunch.data import load
from hunch.engine import BatchedEngine, Job, LoopEngine, Setting
from hunch.engine import loop as loop_file
from hunch.network import build_network, inspect_network
from hunch.traces import RunKey

STEPS = 50
NETWORKS = {
    "mlp": (hunch.mlp([64, 12, 9, 10], "sigmoid"), False),
    "functions": (nets.FunctionalMLP, False),
    "cnn": (nets.SmallCNN, True),
    "lenet": (nets.LeNet, True),
    "resnet": (nets.ResNet, True),
    "residual": (nets.ResidualMLP, False),
    "loop": (nets.LoopedMLP, False),
    "tied": (nets.Tied, False),
    "recursive": (nets.Recursive, False),
}
ARMS = {
    "sgd": {},
    "batch norm": {"norm": "batch", "keep_prob": 0.8, "optimizer": "momentum", "l2": 1e-3},
    "batch norm after": {"norm": "batch", "norm_at": "after_activation", "schedule": "warmup_cosine"},
    "adamw": {
        "optimizer": "adamw",
        "keep_prob": 0.7,
        "dropout": "gaussian",
        "weight_decay": 0.1,
        "schedule": "cosine",
    },
    "adam": {"optimizer": "adam", "l2": 0.01, "init_std": 0.3, "decay_norm": True},
    "exact": {"optimizer": "nesterov", "keep_prob": 0.6, "dropout": "exact", "keep_until": 0.5},
    "layer norm": {"norm": "layer", "activation": "tanh"},
    "group norm": {"norm": "group", "betas": (0.8, 0.99), "optimizer": "adam"},
}
QUICK = {
    ("lenet", "batch norm"),
    ("resnet", "adam"),
    ("residual", "adamw"),
    ("cnn", "group norm"),
    ("mlp", "exact"),
}


@pytest.fixture(scope="module")
def flat():
    digits = load("digits")
    return load((digits.x[:300], digits.y[:300], digits.x_held[:61], digits.y_held[:61]))


@pytest.fixture(scope="module")
def images(flat):
    shape = (-1, 1, 8, 8)
    return load((flat.x.reshape(shape), flat.y, flat.x_held.reshape(shape), flat.y_held))


def setting(build, data, steps=STEPS, **more):
    sites = inspect_network(build_network(build, 0), data.x).sites
    return Setting(build, data, "cross_entropy", steps, sites, **{"dtype": torch.float64, **more})


def job(data, seed, steps=STEPS, lr=0.02, **arm):
    full = hunch.Arm("x", **{"batch_size": 16, **arm}).resolved(data.n)
    return Job(RunKey("confirm", "x", seed, lr, steps), full, seed)


def trained(engine, made, jobs):
    return {r.job.key.seed: r for r in engine.train(made, jobs, keep_networks=True)}


def difference(one, other):
    """The largest difference between two results: costs, errors, readings (relative) and weights."""
    a, b = one.trace, other.trace
    assert a.failed is None and b.failed is None, (a.failed, b.failed)
    assert a.diverged_at == b.diverged_at
    worst = 0.0
    for name in ("cost", "held_cost", "held_error"):
        x, y = getattr(a, name), getattr(b, name)
        assert np.array_equal(np.isnan(x), np.isnan(y)), name
        worst = max(worst, float(np.nanmax(np.abs(x - y), initial=0)))
    assert np.array_equal(np.isnan(a.readings), np.isnan(b.readings))
    # Readings are kept in float32, and the gradient of a bias that batch norm cancels is rounding alone.
    apart = np.abs(a.readings - b.readings) / np.maximum(np.abs(b.readings), 1e-6)
    assert float(np.nanmax(apart, initial=0)) < 1e-6
    assert list(one.state) == list(other.state)
    for name, tensor in one.state.items():
        worst = max(worst, (tensor.double() - other.state[name].double()).abs().max().item())
    return worst


CASES = [
    pytest.param(n, a, id=f"{n}-{a}", marks=() if (n, a) in QUICK else pytest.mark.slow)
    for n in NETWORKS
    for a in ARMS
]


# Chaotic: after 50 steps the plain loop itself is 4e-10 away from a loop that started one bit beside it.
CHAOTIC = {("cnn", "adam"), ("lenet", "batch norm after")}


@pytest.mark.parametrize(("network", "arm"), CASES)
def test_a_row_of_a_fleet_is_the_plain_loops_run_to_1e_10(network, arm, flat, images):
    build, is_image = NETWORKS[network]
    data = images if is_image else flat
    steps = 35 if (network, arm) in CHAOTIC else STEPS
    made = setting(build, data, steps)
    jobs = [job(data, seed, steps, lr=0.01 * (seed + 1), **ARMS[arm]) for seed in range(2)]
    loop, fleet = trained(LoopEngine(), made, jobs), trained(BatchedEngine(workers=1), made, jobs)
    for seed in loop:
        assert difference(loop[seed], fleet[seed]) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize(("network", "arm"), sorted(CHAOTIC))
def test_where_training_is_chaotic_a_fleet_is_as_near_as_a_loop_one_bit_beside(
    network, arm, images, monkeypatch
):
    made = setting(NETWORKS[network][0], images, readings=False)
    jobs = [job(images, seed, lr=0.01 * (seed + 1), **ARMS[arm]) for seed in range(2)]
    whole, fleet = trained(LoopEngine(), made, jobs), trained(BatchedEngine(workers=1), made, jobs)
    real = loop_file.make_row

    def one_bit_beside(*arguments):
        row = real(*arguments)
        with torch.no_grad():
            for parameter in row.parameters():
                parameter.mul_(1 + 2**-52)
        return row

    monkeypatch.setattr(loop_file, "make_row", one_bit_beside)
    beside = trained(LoopEngine(), made, jobs)
    own = max(difference(whole[seed], beside[seed]) for seed in whole)
    assert own > 1e-10  # else it belongs to the test above, with all steps
    assert max(difference(whole[seed], fleet[seed]) for seed in whole) < 10 * own


def test_the_helper_sees_a_difference(flat):
    made = setting(NETWORKS["mlp"][0], flat, 3)
    one = trained(LoopEngine(), made, [job(flat, 0, 3)])[0]
    other = trained(LoopEngine(), made, [job(flat, 0, 3, lr=0.020001)])[0]
    with pytest.raises(AssertionError):  # readings
        difference(one, other)
    bare = setting(NETWORKS["mlp"][0], flat, 3, readings=False)
    one = trained(LoopEngine(), bare, [job(flat, 0, 3)])[0]
    other = trained(LoopEngine(), bare, [job(flat, 0, 3, lr=0.020001)])[0]
    assert difference(one, other) > 1e-10


@pytest.mark.parametrize("cost", ["mean_squared_error", "huber", "binary_cross_entropy"])
def test_the_other_costs_are_the_loops_too(cost, flat):
    y = (flat.y % 2 if cost == "binary_cross_entropy" else flat.y / 9).astype(
        np.int64 if cost == "binary_cross_entropy" else np.float32
    )
    y_held = (flat.y_held % 2 if cost == "binary_cross_entropy" else flat.y_held / 9).astype(y.dtype)
    data = load((flat.x, y, flat.x_held, y_held))
    build = hunch.mlp([64, 7, 1], "tanh")
    sites = inspect_network(build_network(build, 0), data.x).sites
    made = Setting(build, data, cost, 20, sites, dtype=torch.float64, losses=True)
    jobs = [job(data, seed, 20, lr=0.1) for seed in range(3)]
    loop, fleet = trained(LoopEngine(), made, jobs), trained(BatchedEngine(workers=1), made, jobs)
    for seed in loop:
        assert difference(loop[seed], fleet[seed]) < 1e-10
        assert np.allclose(loop[seed].trace.held_losses, fleet[seed].trace.held_losses, rtol=1e-6)


def test_a_run_stops_at_its_target_where_the_loops_does_and_keeps_its_state(flat):
    build = hunch.mlp([64, 16, 10])
    made = setting(build, flat, 80, stop_at=1.5, answers=True)
    jobs = [job(flat, seed, 80, lr=0.05 * (seed + 1), optimizer="momentum") for seed in range(4)]
    loop, fleet = trained(LoopEngine(), made, jobs), trained(BatchedEngine(workers=1), made, jobs)
    ends = {seed: int(np.isfinite(r.trace.cost).sum()) for seed, r in loop.items()}
    assert len(set(ends.values())) > 2  # they stop at different times, one of them not at all or late
    for seed in loop:
        assert difference(loop[seed], fleet[seed]) < 1e-10
        a, b = loop[seed].trace.held_correct, fleet[seed].trace.held_correct
        assert (a is None) == (b is None)
        assert a is None or np.array_equal(a, b)


def test_a_run_that_diverges_is_recorded_and_hurts_no_neighbour(flat):
    build = hunch.mlp([64, 16, 10])
    made = setting(build, flat, 40, dtype=torch.float32)
    calm = [job(flat, seed, 40, lr=0.1) for seed in range(3)]
    wild = [job(flat, 7 + k, 40, lr=1e30) for k in range(3)]
    engine = BatchedEngine(workers=1, fleet_size=8)
    together, alone = trained(engine, made, [calm[0], *wild, *calm[1:]]), trained(engine, made, calm)
    for run in wild:
        loop = trained(LoopEngine(), made, [run])[run.key.seed]
        assert together[run.key.seed].trace.diverged_at == loop.trace.diverged_at is not None
    for run in calm:
        a, b = together[run.key.seed], alone[run.key.seed]
        assert np.array_equal(a.trace.cost, b.trace.cost)
        assert all(torch.equal(a.state[k], b.state[k]) for k in a.state)


def test_float32_is_within_ten_times_pytorchs_own_difference(images):
    made = setting(nets.LeNet, images, 20, dtype=torch.float32, readings=False)
    jobs = [job(images, seed, 20, lr=0.1, optimizer="momentum") for seed in range(3)]
    exact = trained(LoopEngine(), setting(nets.LeNet, images, 20, readings=False), jobs)
    loop, fleet = trained(LoopEngine(), made, jobs), trained(BatchedEngine(workers=1), made, jobs)

    def apart(results):
        return max(
            (results[s].state[k].double() - exact[s].state[k]).abs().max().item()
            for s in exact
            for k in exact[s].state
        )

    assert apart(fleet) < 10 * apart(loop)
