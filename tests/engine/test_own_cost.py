"""A cost of the user's own: its name, what it must do, its best constant, and that all engines take it alike."""

import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import any_networks as nets
import hunch
from hunch.data import constant_cost, constant_losses, load
from hunch.engine import Job, LoopEngine, OwnCost, OwnCostEngine, Setting, best_constant, losses_of_constant
from hunch.engine.batched import BatchedEngine
from hunch.engine.costs import cost_function, each_cost, held_error, right_answers
from hunch.engine.own_cost import check_own_cost, read_own_cost
from hunch.engine.own_cost_name import own_cost_name
from hunch.errors import NetworkError, PlanError
from hunch.network import build_network, inspect_network
from hunch.plan import cost_words
from hunch.traces import RunKey

RNG = np.random.default_rng(0)
SCALE = 2.0


def entropy(outputs, targets):
    return F.cross_entropy(outputs, targets, reduction="none")


def squared(outputs, targets):
    return (outputs - targets).square().mean(dim=1)


def scaled(outputs, targets):
    return SCALE * entropy(outputs, targets)


def focal(gamma):
    def cost(outputs, targets):
        each = entropy(outputs, targets)
        return (1 - torch.exp(-each)) ** gamma * each

    return cost


def own(function):
    return OwnCost(own_cost_name(function), function)


@pytest.fixture(scope="module")
def flat():
    digits = load("digits")
    return load((digits.x[:300], digits.y[:300], digits.x_held[:60], digits.y_held[:60]))


@pytest.fixture(scope="module")
def amounts():
    x = RNG.normal(size=(200, 64)).astype(np.float32)
    return load((x, np.stack([2 * x[:, 0] + 1, x[:, 1] ** 2, x[:, 2]], axis=1)))


# ---- the name


def test_a_name_is_a_function_of_source_and_values():
    assert own_cost_name(entropy) == own_cost_name(entropy)
    assert own_cost_name(entropy).startswith("own:entropy:")
    names = [
        own_cost_name(cost)
        for cost in (
            entropy,
            squared,
            focal(1.0),
            focal(2.0),
            functools.partial(F.cross_entropy, reduction="none"),
            functools.partial(F.cross_entropy, reduction="none", label_smoothing=0.1),
            nn.CrossEntropyLoss(reduction="none"),
            nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1),
            nn.CrossEntropyLoss(reduction="none", weight=torch.tensor([1.0, 2.0])),
            nn.CrossEntropyLoss(reduction="none", weight=torch.tensor([1.0, 3.0])),
            lambda o, t: entropy(o, t) + 0,
            lambda o, t: entropy(o, t) + 1,
        )
    ]
    assert len(set(names)) == len(names)
    assert own_cost_name(focal(2.0)) == own_cost_name(focal(2.0))
    assert own_cost_name(nn.HuberLoss(reduction="none")) == own_cost_name(nn.HuberLoss(reduction="none"))


def test_a_name_knows_the_constants_and_functions_of_its_file(monkeypatch):
    before = own_cost_name(scaled)
    assert own_cost_name(scaled) == before
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    other = own_cost_name(scaled)
    assert other != before
    monkeypatch.setitem(globals(), "entropy", squared)
    assert own_cost_name(scaled) != other


def test_a_function_without_source_is_known_by_its_code():
    def made(text):
        space = {"F": F}
        exec(text, space)
        return own_cost_name(space["cost"])

    plain = "def cost(o, t):\n    return F.cross_entropy(o, t, reduction='none') * {}"
    assert made(plain.format(1.5)) == made(plain.format(1.5))
    assert made(plain.format(1.5)) != made(plain.format(2.5))


def test_a_name_in_words():
    assert cost_words(own_cost_name(entropy)).startswith("your own cost `entropy` (source ")
    assert own(focal(2.0)).called == "focal.<locals>.cost"
    assert cost_words("mean_squared_error") == "mean squared error"


# ---- what it must do


OUTPUTS, LABELS = torch.randn(32, 3, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 3

REFUSED = {
    "a mean": (F.cross_entropy, r'single number for 32 examples.*reduction="none"'),
    "a column an output": (lambda o, t: o.square(), r"shape \(32,\), got \(32, 3\)\. Write \.mean\(dim=1\)"),
    "too few": (lambda o, t: o[:5, 0], r"shape \(32,\), got \(5,\)\."),
    "no tensor": (lambda o, t: 3.0, "must give a torch tensor, got float"),
    "whole numbers": (lambda o, t: o.argmax(dim=1), "gives int64; a cost is a floating-point"),
    "raises": (
        lambda o, t: o.nope,
        r"raised AttributeError on outputs of shape \(32, 3\) and targets of shape \(32,\)",
    ),
    "not a number": (lambda o, t: torch.log(-o[:, 0].abs()), "gives nan for 32 of 32 examples"),
    "no gradient": (
        lambda o, t: (o.argmax(dim=1) != t).float(),
        "has no gradient with respect to the outputs",
    ),
    "another gradient": (
        lambda o, t: nn.Parameter(torch.ones(len(o))),
        "has no gradient with respect to the outputs",
    ),
    "an endless gradient": (lambda o, t: torch.sqrt(o[:, 0] * 0), "has a gradient that is not finite"),
    "draws": (lambda o, t: entropy(o, t) * torch.rand(len(o)), "it draws, or it remembers"),
    "a share of the batch": (lambda o, t: entropy(o, t) / entropy(o, t).mean(), "is no cost an example"),
    "its place": (lambda o, t: entropy(o, t) * torch.arange(len(o)), "is no cost an example"),
    "its class's frequency": (
        lambda o, t: entropy(o, t) * torch.bincount(t)[t],
        r"costs .* among 32 examples and .* among 16",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_cost_an_example_is_refused(case):
    function, message = REFUSED[case]
    with pytest.raises(PlanError, match=message):
        check_own_cost(own(function), OUTPUTS, LABELS)


@pytest.mark.parametrize(
    "function",
    [
        entropy,
        focal(2.0),
        nn.CrossEntropyLoss(reduction="none", weight=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1),
        functools.partial(F.multi_margin_loss, reduction="none"),
    ],
)
def test_what_is_a_cost_an_example_passes(function):
    check_own_cost(own(function), OUTPUTS, LABELS)


def test_checking_changes_neither_network_nor_random_state(flat):
    network = build_network(nets.LoopedMLP, 0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    read_own_cost(entropy, network, flat, 10)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in before.items())
    assert network.training


def test_a_class_and_outputs_that_no_error_can_be_told_of_are_refused(flat, amounts):
    with pytest.raises(PlanError, match=r'Write cost=CrossEntropyLoss\(reduction="none"\)'):
        read_own_cost(nn.CrossEntropyLoss, build_network(nets.LoopedMLP, 0), flat, 10)
    with pytest.raises(NetworkError, match=r"y has 3 columns, but the network has 10 outputs"):
        read_own_cost(squared, build_network(nets.LoopedMLP, 0), amounts, 10)


# ---- the best constant


def test_descent_finds_what_is_known_for_cross_entropy(flat):
    for n_outputs in (10, 13):  # outputs of classes that never occur go to -∞, where the cost is the same
        found = best_constant(own(entropy), flat, n_outputs)
        for y, on in ((flat.y, "train"), (flat.y_held, "held")):
            each = losses_of_constant(own(entropy), found, y)
            assert each.mean() == pytest.approx(constant_cost(flat, "cross_entropy", on=on), rel=1e-7)
        np.testing.assert_allclose(each, constant_losses(flat, "cross_entropy"), rtol=1e-4)


def test_descent_finds_what_is_known_for_squared_errors(amounts):
    found = best_constant(own(squared), amounts, 3)
    np.testing.assert_allclose(found.numpy(), amounts.y.mean(axis=0), rtol=1e-5)
    each = losses_of_constant(own(squared), found, amounts.y_held)
    assert each.mean() == pytest.approx(constant_cost(amounts, "mean_squared_error", on="held"), rel=1e-6)


def test_descent_finds_what_is_known_for_two_classes_and_for_absolute_errors(amounts):
    labels = load((amounts.x, (amounts.y[:, 0] > 0.3).astype(int)))

    def binary(outputs, targets):
        return F.binary_cross_entropy_with_logits(outputs[:, 0], targets.to(outputs.dtype), reduction="none")

    each = losses_of_constant(own(binary), best_constant(own(binary), labels, 1), labels.y)
    assert each.mean() == pytest.approx(constant_cost(labels, "binary_cross_entropy"), rel=1e-7)

    def absolute(outputs, targets):
        return (outputs - targets).abs().mean(dim=1)

    found = losses_of_constant(own(absolute), best_constant(own(absolute), amounts, 3), amounts.y)
    assert found.mean() == pytest.approx(np.abs(amounts.y - np.median(amounts.y, axis=0)).mean(), rel=1e-6)


def test_a_cost_of_positive_outputs_has_a_constant(amounts):
    counts = load((amounts.x, RNG.poisson(3, (160, 2)).astype(float)))

    def poisson(outputs, targets):
        return (outputs - targets * outputs.log()).sum(dim=1)

    found = best_constant(own(poisson), counts, 2)
    np.testing.assert_allclose(found.numpy(), counts.y.mean(axis=0), rtol=1e-5)


def test_a_cost_that_holds_float32_tensors_has_a_constant(flat):
    weighted = nn.CrossEntropyLoss(reduction="none", weight=torch.ones(10))
    each = losses_of_constant(own(weighted), best_constant(own(weighted), flat, 10), flat.y)
    assert each.mean() == pytest.approx(constant_cost(flat, "cross_entropy"), rel=1e-5)


def test_a_cost_without_a_best_constant_is_refused(flat):
    likelihood = functools.partial(F.nll_loss, reduction="none")
    with pytest.raises(PlanError, match=r"falls without end.*take the softmax out of the network"):
        best_constant(own(likelihood), flat, 10)
    with pytest.raises(PlanError, match="finite at no constant output"):
        best_constant(own(lambda o, t: o[:, 0] * torch.inf), flat, 10)


# ---- training with it


def runs(engine, data, cost, build, *, dtype=torch.float64, seeds=(1, 2, 3)):
    sites = inspect_network(build_network(build, 0), data.x).sites
    setting = Setting(
        build,
        data,
        cost if isinstance(cost, str) else cost.name,
        8,
        sites,
        dtype=dtype,
        losses=True,
        answers=True,
    )
    arm = hunch.Arm("x", lr=0.1, batch_size=16, keep_prob=0.8).resolved(data.n)
    trains = engine if isinstance(cost, str) else OwnCostEngine(engine, cost)
    jobs = [Job(RunKey("confirm", "x", seed, 0.1, 8), arm, seed) for seed in seeds]
    return {r.job.key.seed: r.trace for r in trains.train(setting, jobs)}


def assert_same_runs(a, b, rtol):
    for seed, trace in a.items():
        assert trace.failed is None
        for name in ("cost", "held_cost", "held_error", "readings"):
            np.testing.assert_allclose(
                getattr(trace, name), getattr(b[seed], name), rtol=rtol, atol=1e-9, err_msg=name
            )
        np.testing.assert_allclose(trace.held_losses, b[seed].held_losses, rtol=max(rtol, 1e-6))
        assert (trace.held_correct is None) == (b[seed].held_correct is None)
        if trace.held_correct is not None:
            np.testing.assert_array_equal(trace.held_correct, b[seed].held_correct)


@pytest.mark.parametrize("engine", [LoopEngine(), BatchedEngine(workers=1)], ids=["loop", "batched"])
def test_the_built_in_costs_written_out_train_the_same(engine, flat, amounts):
    assert_same_runs(
        runs(engine, flat, own(entropy), nets.LoopedMLP),
        runs(engine, flat, "cross_entropy", nets.LoopedMLP),
        1e-10,
    )
    build = hunch.mlp([64, 12, 3])
    assert_same_runs(
        runs(engine, amounts, own(squared), build), runs(engine, amounts, "mean_squared_error", build), 1e-10
    )


@pytest.mark.parametrize("cost", [focal(2.0), nn.MultiMarginLoss(reduction="none")], ids=["focal", "margin"])
def test_fleets_train_with_a_cost_of_ones_own_as_the_loop_does(cost, flat):
    loop = runs(LoopEngine(), flat, own(cost), nets.LoopedMLP)
    assert_same_runs(loop, runs(BatchedEngine(workers=1), flat, own(cost), nets.LoopedMLP), 1e-9)
    with pytest.raises(AssertionError, match="cost"):
        assert_same_runs(loop, runs(LoopEngine(), flat, own(entropy), nets.LoopedMLP), 1e-9)


def test_workers_of_their_own_know_the_cost(flat):
    alone = runs(BatchedEngine(workers=1), flat, own(focal(2.0)), nets.LoopedMLP)
    spread = runs(BatchedEngine(workers=2, fleet_size=1), flat, own(focal(2.0)), nets.LoopedMLP)
    for seed, trace in alone.items():
        np.testing.assert_array_equal(trace.cost, spread[seed].cost)


def test_mean_and_error_of_a_cost_of_ones_own():
    cost = own(entropy)
    assert cost_function(cost)(OUTPUTS, LABELS).item() == pytest.approx(
        F.cross_entropy(OUTPUTS, LABELS).item()
    )
    assert each_cost(cost, OUTPUTS, LABELS).shape == (32,)
    wrong = (OUTPUTS.argmax(dim=1) != LABELS).double().mean().item()
    assert held_error(OUTPUTS, LABELS, cost, np.ones(1)) == wrong
    one = torch.tensor([[-1.0], [2.0], [0.5]])
    assert right_answers(one, torch.tensor([0, 1, 0]), cost).tolist() == [True, True, False]
    assert right_answers(one, one, cost) is None
    assert held_error(one, one + 2, cost, np.array([3.0])) == pytest.approx(6)
