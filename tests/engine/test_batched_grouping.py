"""Equal bits: alone, among few, among many, in one process or several, halved because memory ran out."""

import numpy as np
import pytest
import torch

import any_networks as nets
import hunch
from hunch.data import load
from hunch.engine import BatchedEngine, Job, LoopEngine, Setting
from hunch.engine import batched as batched_file
from hunch.engine.native_extension import native_absence
from hunch.errors import EngineError
from hunch.network import build_network, inspect_network
from hunch.traces import RunKey

pytestmark = pytest.mark.skipif(
    bool(native_absence()), reason="only the compiled kernels round alike everywhere"
)
NETWORKS = {
    "odd widths": (hunch.mlp([64, 33, 17, 10], "sigmoid"), False),
    "lenet": (nets.LeNet, True),
    "resnet": (nets.ResNet, True),
    "residual": (nets.ResidualMLP, False),
}
ARMS = {
    "momentum": {"optimizer": "momentum"},
    "batch norm": {"norm": "batch", "keep_prob": 0.8, "optimizer": "adam", "l2": 1e-3},
    "group norm": {"norm": "group", "batch_size": 7, "keep_prob": 0.9, "dropout": "gaussian"},
}
STEPS = 4


@pytest.fixture(scope="module")
def flat():
    digits = load("digits")
    return load((digits.x[:200], digits.y[:200], digits.x_held[:61], digits.y_held[:61]))


@pytest.fixture(scope="module")
def images(flat):
    shape = (-1, 1, 8, 8)
    return load((flat.x.reshape(shape), flat.y, flat.x_held.reshape(shape), flat.y_held))


def case(network, arm, flat, images, n=7):
    build, is_image = NETWORKS[network]
    data = images if is_image else flat
    sites = inspect_network(build_network(build, 0), data.x).sites
    made = Setting(build, data, "cross_entropy", STEPS, sites)
    full = hunch.Arm("x", **{"batch_size": 16, **ARMS[arm]}).resolved(data.n)
    return made, [Job(RunKey("confirm", "x", s, 0.03 * (s % 5 + 1), STEPS), full, s) for s in range(n)]


def trained(made, jobs, **engine):
    return {
        r.job.key.seed: r
        for r in BatchedEngine(**{"workers": 1, **engine}).train(made, jobs, keep_networks=True)
    }


def differing(one, other):
    """Seeds whose trace or weights differ in a bit."""
    assert one.keys() >= other.keys()
    return [
        seed
        for seed, b in other.items()
        if not (
            one[seed].trace.failed is None
            and np.array_equal(one[seed].trace.cost, b.trace.cost)
            and np.array_equal(one[seed].trace.held_cost, b.trace.held_cost)
            and np.array_equal(one[seed].trace.readings, b.trace.readings, equal_nan=True)
            and all(torch.equal(one[seed].state[k], b.state[k]) for k in b.state)
        )
    ]


QUICK = {
    ("odd widths", "batch norm"),
    ("lenet", "momentum"),
    ("resnet", "group norm"),
    ("residual", "batch norm"),
}
CASES = [
    pytest.param(n, a, id=f"{n}-{a}", marks=() if (n, a) in QUICK else pytest.mark.slow)
    for n in NETWORKS
    for a in ARMS
]


@pytest.mark.parametrize(("network", "arm"), CASES)
def test_a_run_has_the_same_bits_in_any_fleet(network, arm, flat, images):
    made, jobs = case(network, arm, flat, images)
    together = trained(made, jobs)
    for size in (1, 4):
        some = jobs[:2] if size == 1 else jobs
        assert differing(together, trained(made, some, fleet_size=size)) == []
    assert differing(together, trained(made, jobs[::-1])) == []


def test_the_helper_sees_one_bit(flat, images):
    made, jobs = case("odd widths", "momentum", flat, images, 2)
    one, other = trained(made, jobs), trained(made, jobs)
    name = next(iter(other[1].state))
    other[1].state[name].view(-1)[0].mul_(1 + 2**-23)
    assert differing(one, other) == [1]


@pytest.mark.parametrize(
    "engine", [LoopEngine(2), BatchedEngine(workers=2, fleet_size=2)], ids=["loop", "batched"]
)
def test_a_result_names_the_job_that_was_asked_for_itself_though_a_worker_made_it(engine, flat, images):
    made, jobs = case("odd widths", "momentum", flat, images, 5)
    results = list(engine.train(made, jobs))
    assert {id(r.job) for r in results} == {id(job) for job in jobs}


def test_workers_change_no_bit(flat, images):
    made, jobs = case("lenet", "batch norm", flat, images)
    assert differing(trained(made, jobs), trained(made, jobs, workers=3, fleet_size=2)) == []


def test_out_of_memory_halves_the_fleet_and_goes_on_with_equal_bits(flat, images, monkeypatch):
    made, jobs = case("odd widths", "batch norm", flat, images)
    whole, sizes = trained(made, jobs), []

    class Tight(batched_file.Fleet):
        def __init__(self, setting, rows, device, **more):
            sizes.append(len(rows))
            if len(rows) > 3:
                raise RuntimeError(
                    "[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"
                )
            super().__init__(setting, rows, device, **more)

    monkeypatch.setattr(batched_file, "Fleet", Tight)
    assert differing(whole, trained(made, jobs)) == []
    assert sizes[0] == 7
    assert max(sizes[1:]) <= 4


def test_one_run_that_does_not_fit_is_an_engine_error(flat, images, monkeypatch):
    made, jobs = case("odd widths", "momentum", flat, images)

    class NoRoom(batched_file.Fleet):
        def __init__(self, *_, **__):
            raise MemoryError("cannot allocate")

    monkeypatch.setattr(batched_file, "Fleet", NoRoom)
    with pytest.raises(EngineError, match="memory ran out in a fleet of one run"):
        trained(made, jobs)
