"""What the loop engine promises, beside the numbers: `hunch.engine.contract`, point by point."""

import random
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

import hunch
from hunch.data import load
from hunch.engine import Job, LoopEngine, Setting, training_slice
from hunch.engine.contract import redraw
from hunch.engine.streams import normals
from hunch.network import build_network, inspect_network
from hunch.plan import RECORDED
from hunch.traces import RunKey

BUILD = hunch.mlp([4, 6, 5, 3], "tanh")
BUDGET = 30


def made_data(kind="classes", n=60):
    rng = np.random.default_rng(8)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    y = {
        "classes": np.digitize(x[:, 0] + x[:, 1], [-0.6, 0.6]),
        "binary": (x[:, 0] > 0).astype(int),
        "amounts": (x[:, 0] * 3 + 1).astype(np.float32),
    }[kind]
    cut = n - 15
    return load((x[:cut], y[:cut], x[cut:], y[cut:]))


def setting(build=BUILD, data=None, budget=BUDGET, cost="cross_entropy", **other):
    data = data or made_data()
    sites = inspect_network(build_network(build, 0), data.x).sites
    return Setting(build, data, cost, budget, sites, **other)


def job(name="x", seed=1, lr=0.2, budget=BUDGET, n=45, shift=0, **arm):
    full = hunch.Arm(name, **{"batch_size": 8, **arm}).resolved(n)
    return Job(RunKey("confirm", name, seed, lr, budget), full, seed + shift)


def run(setting, *jobs, keep=False):
    return {r.job.key: r for r in LoopEngine().train(setting, jobs, keep_networks=keep)}


def alone(setting, a_job, keep=False):
    return run(setting, a_job, keep=keep)[a_job.key]


def same_trace(left, right):
    """Whether two traces are equal to the bit, all but the seconds."""
    arrays = ("eval_at", "cost", "held_at", "held_cost", "held_error", "reading_at", "readings")
    return (left.key, left.diverged_at, left.failed) == (right.key, right.diverged_at, right.failed) and all(
        getattr(left, name).tobytes() == getattr(right, name).tobytes() for name in arrays
    )


# ---- nothing global is changed -----------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_global_random_states_and_the_number_of_threads_are_as_before(threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        torch.manual_seed(5)
        random.seed(6)
        np.random.seed(7)  # noqa: NPY002
        states = (torch.random.get_rng_state(), random.getstate(), np.random.get_state()[1].copy())  # noqa: NPY002
        for _ in LoopEngine().train(setting(), [job(keep_prob=0.5, init_std=0.1), job(seed=2)]):
            assert torch.get_num_threads() == threads, "also while the caller has the result"
        assert torch.equal(states[0], torch.random.get_rng_state())
        assert states[1] == random.getstate()
        np.testing.assert_array_equal(states[2], np.random.get_state()[1])  # noqa: NPY002
    finally:
        torch.set_num_threads(before)


def test_threads_and_states_are_as_before_when_a_run_fails_or_the_caller_stops():
    def build():
        raise KeyError("gone")

    before = torch.get_num_threads()
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    assert alone(replace(setting(), build=build), job()).trace.failed is not None
    training = LoopEngine().train(setting(), [job(), job(seed=2)])
    next(training)
    training.close()
    assert torch.get_num_threads() == before
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_trace_does_not_depend_on_the_number_of_threads():
    before = torch.get_num_threads()
    traces = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            traces.append(alone(setting(), job(norm="layer")).trace)
    finally:
        torch.set_num_threads(before)
    assert same_trace(*traces)


def test_the_data_are_not_written_to():
    data = made_data()
    before = [a.copy() for a in (data.x, data.y, data.x_held, data.y_held)]
    run(setting(build=lambda: in_place(nn.ReLU), data=data), job())
    for old, new in zip(before, (data.x, data.y, data.x_held, data.y_held), strict=True):
        np.testing.assert_array_equal(old, new)


def in_place(activation):
    return nn.Sequential(nn.Linear(4, 6), activation(inplace=True), nn.Linear(6, 3))


# ---- same bits whatever the grouping -----------------------------------------------------------------------

MIXED = [
    job("a", 1),
    job("b", 1, norm="batch", keep_prob=0.7),
    job("a", 2, optimizer="adam"),
    job("c", 3, lr=1e9, l2=1.0),  # diverges
    job("b", 2, norm="batch", keep_prob=0.7),
]


def test_a_run_is_the_same_alone_among_others_and_in_any_order():
    shared = setting()
    forward, backward = run(shared, *MIXED), run(shared, *reversed(MIXED))
    for each in MIXED:
        by_itself = alone(shared, each).trace
        assert (by_itself.diverged_at is not None) == (each.arm.name == "c")
        assert same_trace(forward[each.key].trace, by_itself)
        assert same_trace(backward[each.key].trace, by_itself)


def test_the_comparison_of_traces_can_fail():
    one, two = alone(setting(), MIXED[0]).trace, alone(setting(), MIXED[2]).trace
    assert not same_trace(one, two)
    assert not same_trace(one, replace(one, cost=np.nextafter(one.cost, 9)))
    assert not same_trace(one, replace(one, failed="KeyError"))


# ---- what arms at one seed share ---------------------------------------------------------------------------


class Spy(nn.Linear):
    """A linear layer that notes what it sees while training."""

    notes: ClassVar[list[torch.Tensor]] = []

    def forward(self, x):
        if self.training:
            Spy.notes.append(x.detach().clone())
        return super().forward(x)


def seen(build, **settings):
    """What the spy in the network saw, step by step."""
    Spy.notes.clear()
    assert alone(setting(build, budget=6), job(budget=6, **settings)).trace.failed is None
    assert len(Spy.notes) == 6
    return torch.stack(Spy.notes)


def spy_first():
    return nn.Sequential(Spy(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def spy_last():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), Spy(5, 3))


def test_arms_at_one_seed_see_the_same_batches_which_are_those_of_hunch_batches():
    data = made_data()
    order = hunch.batches(1, data.n, 8, 6)
    for arm in ({}, {"norm": "batch"}, {"keep_prob": 0.5}, {"optimizer": "adam", "lr": 0.01}, {"l2": 0.1}):
        assert torch.equal(seen(spy_first, **arm), torch.from_numpy(data.x[order]))
    assert not torch.equal(seen(spy_first, shift=10_000), torch.from_numpy(data.x[order]))


def test_arms_at_one_seed_share_the_dropout_draws_of_a_site():
    kept = seen(spy_last, keep_prob=0.5) != 0
    for t in range(6):
        np.testing.assert_array_equal(kept[t].numpy(), hunch.noise(1, "2", t, (8, 5)) < 0.5)
    # Another norm, rate, optimizer, dropout elsewhere: the same draws here.
    for arm in (
        {"norm": "batch", "norm_at": "before_activation"},
        {"optimizer": "adam", "lr": 0.01},
        {"l2": 0.1, "lr": 0.01},
    ):
        assert torch.equal(kept, seen(spy_last, keep_prob=0.5, **arm) != 0)
    assert torch.equal(kept, seen(spy_last, keep_prob={"2": 0.5}) != 0)
    # More is kept of the same draws, never others.
    assert not (kept & ~(seen(spy_last, keep_prob=0.8) != 0)).any()
    assert not torch.equal(kept, seen(spy_last, keep_prob=0.5, shift=10_000) != 0)


@pytest.mark.parametrize(
    ("kind", "factor"),
    [
        ("gaussian", lambda h, t: 1 + 0.5 * hunch_normal(t, h.shape)),
        ("exact", lambda h, t: hunch_exact(t, h.shape)),
    ],
)
def test_the_other_kinds_of_dropout_multiply_by_their_own_draws(kind, factor):
    # The rate is too small to move a weight, so that what is thinned is known at every step.
    thinned = seen(spy_last, keep_prob={"2": 0.8}, dropout=kind, lr=1e-38)
    whole = seen(spy_last, lr=1e-38)
    for t in range(6):
        expected = whole[t] * torch.from_numpy(factor(whole[t], t)).float()
        torch.testing.assert_close(thinned[t], expected)


def hunch_normal(step, shape):
    from hunch.engine.streams import gaussian_noise

    return gaussian_noise(1, "2", step, tuple(shape))


def hunch_exact(step, shape):
    from hunch.engine.streams import exact_mask

    return exact_mask(1, "2", step, tuple(shape), 0.8) / 0.8


@pytest.mark.parametrize(("share", "steps"), [(0.5, 3), (0.01, 1), (0.34, 3), (1.0, 6)])
def test_dropout_is_on_while_the_step_is_below_keep_until_times_the_budget(share, steps):
    dropped = (seen(spy_last, keep_prob=0.5, keep_until=share) == 0).flatten(1).any(1)
    assert dropped.tolist() == [True] * steps + [False] * (6 - steps)


def first_weights(arm, shift=0, seed=1):
    """The weights after no step that matters: the rate is too small for any float32."""
    state = alone(setting(budget=1), job(seed=seed, lr=1e-38, budget=1, shift=shift, **arm), keep=True).state
    return [v for name, v in state.items() if v.ndim == 2]


def test_arms_at_one_seed_start_from_the_same_weights():
    torch.manual_seed(1)
    plain = [p.detach() for p in BUILD().parameters() if p.ndim == 2]
    for arm in ({}, {"norm": "batch"}, {"keep_prob": 0.5}, {"optimizer": "adam"}, {"activation": "relu"}):
        for left, right in zip(plain, first_weights(arm), strict=True):
            assert torch.allclose(left, right, atol=1e-12, rtol=0)
    assert not torch.allclose(plain[0], first_weights({}, seed=2)[0])
    assert not torch.allclose(plain[0], first_weights({}, shift=10_000)[0])


def test_redrawn_weights_of_two_spreads_are_the_same_draws():
    small, large = first_weights({"init_std": 0.25}), first_weights({"init_std": 2.0, "norm": "rms"})
    for left, right in zip(small, large, strict=True):
        assert torch.allclose(8 * left, right, atol=1e-12, rtol=0)


# ---- decay, frozen biases ----------------------------------------------------------------------------------


def decayed(**arm):
    """By what factor each parameter shrinks in one step in which nothing but decay acts on it."""

    def build():
        # Nothing reaches the output, whose cost is flat: all gradients of the layers before it are 0.
        network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
        with torch.no_grad():
            network[2].weight.zero_()
            network[0].bias.fill_(0.5)
        return network

    state = alone(setting(build, budget=1), job(budget=1, lr=0.5, **arm), keep=True).state
    torch.manual_seed(1)
    return {
        "weight": (state["0.weight"] / build()[0].weight).mean().item(),
        "bias": (state["0.bias"] / 0.5).mean().item(),
        "norm": state["1_norm.weight"].mean().item(),
    }


@pytest.mark.parametrize("kind", ["l2", "weight_decay"])
def test_l2_and_decay_act_on_weights_alone_unless_told_otherwise(kind):
    arm = {kind: 0.1, "norm": "layer", "norm_at": "after_activation"}
    assert decayed(**arm) == pytest.approx({"weight": 0.95, "bias": 1, "norm": 1})
    assert decayed(decay_norm=True, **arm) == pytest.approx({"weight": 0.95, "bias": 0.95, "norm": 0.95})


@pytest.mark.parametrize(
    "arm",
    [
        {},
        {"optimizer": "adam", "lr": 0.01},
        {"l2": 0.5, "decay_norm": True, "lr": 0.01},
        {"optimizer": "adamw", "weight_decay": 0.5, "decay_norm": True, "lr": 0.01},
    ],
)
def test_a_bias_that_feeds_batch_norm_stays_as_it_was_drawn(arm):
    torch.manual_seed(1)
    drawn = BUILD()
    state = alone(setting(), job(norm="batch", **arm), keep=True).state
    for site in ("0", "2"):
        assert torch.equal(state[f"{site}.bias"], drawn.get_submodule(site).bias)
    assert not torch.equal(state["4.bias"], drawn[4].bias)


@pytest.mark.parametrize(
    "arm", [{"norm": "layer"}, {"norm": "batch", "norm_at": "after_activation"}], ids=str
)
def test_a_bias_that_no_batch_norm_cancels_is_trained(arm):
    torch.manual_seed(1)
    drawn = BUILD()
    state = alone(setting(), job(**arm), keep=True).state
    assert not torch.equal(state["0.bias"], drawn[0].bias)


# ---- divergence and failure --------------------------------------------------------------------------------


def test_a_run_that_diverges_stops_with_nan_afterwards_and_is_no_failure():
    trace = alone(setting(), job(lr=1e3, l2=1.0)).trace
    at = trace.diverged_at
    assert trace.failed is None
    assert at is not None
    assert at in trace.eval_at
    before, after = trace.eval_at < at, trace.eval_at >= at
    assert np.isfinite(trace.cost[before]).all()
    assert np.isnan(trace.cost[after]).all()
    assert np.isnan(trace.held_cost[trace.held_at >= at]).all()
    assert np.isnan(trace.held_error[trace.held_at >= at]).all()
    assert np.isnan(trace.readings[trace.reading_at > at]).all()
    assert not np.isnan(trace.readings[0]).all()


def test_a_network_that_gives_no_number_at_first_has_diverged_at_0():
    def build():
        network = BUILD()
        with torch.no_grad():
            network[0].weight[0, 0] = np.nan
        return network

    trace = alone(setting(build), job()).trace
    assert trace.diverged_at == 0
    assert np.isnan(trace.cost).all()
    assert np.isnan(trace.readings).all()


class Fragile(nn.Linear):
    """Raises in the third training step of seed 2."""

    steps = 0

    def forward(self, x):
        if self.training and self.breaks:
            self.steps += 1
            if self.steps == 3:
                raise ArithmeticError("the third step")
        return super().forward(x)


def fragile():
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), Fragile(6, 3))
    network[2].breaks = torch.initial_seed() == 2
    return network


def test_a_run_that_raises_is_failed_and_hurts_no_neighbour():
    given = setting(fragile)
    jobs = [job(seed=seed) for seed in (1, 2, 3)]
    results = run(given, *jobs, keep=True)
    broken = results[jobs[1].key]
    assert broken.trace.failed == "ArithmeticError: the third step"
    assert broken.trace.diverged_at is None
    assert broken.state is None
    for each in (jobs[0], jobs[2]):
        assert results[each.key].trace.failed is None
        assert same_trace(results[each.key].trace, alone(given, each).trace)


def test_a_build_that_raises_in_one_run_is_failed_and_hurts_no_neighbour():
    def build():
        if torch.initial_seed() == 2:
            raise KeyError("gone")
        return BUILD()

    given = setting(build)
    results = run(given, *(job(seed=seed) for seed in (1, 2, 3)))
    failed = [result.trace.failed for result in results.values()]
    assert failed[0] is failed[2] is None
    assert failed[1].startswith("NetworkError: build() raised KeyError: 'gone'")
    for seed in (1, 3):
        assert same_trace(results[job(seed=seed).key].trace, alone(setting(), job(seed=seed)).trace)


def test_a_failed_run_is_tried_once_more_and_then_told():
    x, y = made_data().x, made_data().y
    settings = {
        "arms": [hunch.Arm("none")], "claims": [], "base": hunch.Arm("base", lr=0.1, batch_size=8),
        "budget": 4, "target": 0.5, "engine": "loop", "progress": False,
    }  # fmt: skip
    with pytest.raises(
        hunch.EngineError, match=r'"none", seed 2: the run failed twice with Arithmetic.*third'
    ):
        hunch.compare(fragile, (x, y), seeds=[1, 2], **settings)
    with pytest.raises(hunch.EngineError, match=r"seed 2.*third step.*engine-run-failed"):
        hunch.train(
            fragile, (x, y), arm=hunch.Arm("x", batch_size=8), seeds=[2], budget=4, lr=0.1, engine="loop",
            progress=False,
        )  # fmt: skip


# ---- how the cost is judged --------------------------------------------------------------------------------


def softmax_cost(z, y):
    z = z - z.max(axis=1, keepdims=True)
    return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean())


def logistic_cost(z, y):
    return float(np.logaddexp(0, np.where(y[:, None] == 1, -z, z)).mean())


def square_cost(z, y):
    return float(((z - y) ** 2).mean())


def huber_cost(z, y):
    d = np.abs(z - y)
    return float(np.where(d < 1, d**2 / 2, d - 0.5).mean())


JUDGED = {
    "cross_entropy": ("classes", 3, softmax_cost, lambda z, y: (z.argmax(1) != y).mean()),
    "binary_cross_entropy": ("binary", 1, logistic_cost, lambda z, y: ((z[:, 0] > 0) != (y == 1)).mean()),
    "mean_squared_error": ("amounts", 1, square_cost, lambda z, y: ((z - y) ** 2).mean() ** 0.5),
    "huber": ("amounts", 1, huber_cost, lambda z, y: ((z - y) ** 2).mean() ** 0.5),
}


@pytest.mark.parametrize("cost", JUDGED)
def test_costs_and_errors_are_those_of_the_final_network_in_eval_mode_without_the_l2_term(cost):
    kind, n_outputs, cost_of, error_of = JUDGED[cost]
    data = made_data(kind)
    given = setting(hunch.mlp([4, 6, n_outputs], "tanh"), data, cost=cost)
    done = alone(given, job(lr=0.05, norm="batch", keep_prob=0.6, l2=0.3), keep=True)
    state = {k: v.double().numpy() for k, v in done.state.items()}

    def outputs(x):
        z = x.astype(np.float64) @ state["0.weight"].T + state["0.bias"]
        z = (z - state["0_norm.running_mean"]) / np.sqrt(state["0_norm.running_var"] + 1e-5)
        return (
            np.tanh(z * state["0_norm.weight"] + state["0_norm.bias"]) @ state["2.weight"].T + state["2.bias"]
        )

    trace = done.trace
    assert trace.eval_at[-1] == trace.held_at[-1] == BUDGET
    assert trace.cost[-1] == pytest.approx(cost_of(outputs(data.x), data.y), rel=1e-5)
    assert trace.held_cost[-1] == pytest.approx(cost_of(outputs(data.x_held), data.y_held), rel=1e-5)
    assert trace.held_error[-1] == pytest.approx(error_of(outputs(data.x_held), data.y_held), rel=1e-5)


def test_the_cost_at_iteration_0_is_that_of_the_network_as_drawn():
    data = made_data()
    torch.manual_seed(1)
    with torch.no_grad():
        z = BUILD()(torch.from_numpy(data.x)).numpy()
    trace = alone(setting(data=data), job(l2=5.0, keep_prob=0.5)).trace
    assert trace.eval_at[0] == 0
    assert trace.cost[0] == pytest.approx(softmax_cost(z, data.y), rel=1e-6)


def test_a_large_training_part_is_judged_on_a_fixed_slice_of_512():
    data = made_data(n=700)
    rows = training_slice(data)
    assert len(rows) == len(set(rows.tolist())) == 512
    np.testing.assert_array_equal(rows, training_slice(made_data(n=700)))
    torch.manual_seed(1)
    with torch.no_grad():
        z = BUILD()(torch.from_numpy(data.x)).numpy()
    trace = alone(setting(data=data, budget=2), job(budget=2)).trace
    assert trace.cost[0] == pytest.approx(softmax_cost(z[rows], data.y[rows]), rel=1e-6)
    assert trace.cost[0] != pytest.approx(softmax_cost(z, data.y), rel=1e-6)


def test_regression_errors_are_in_the_targets_own_unit():
    import pandas as pd

    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(100, 4)), columns=list("abcd"))
    frame["price"] = 5000 + 800 * frame["a"] + 100 * rng.normal(size=100)
    data = load(frame, y="price")
    given = setting(hunch.mlp([4, 6, 1]), data, cost="mean_squared_error")
    done = alone(given, job(lr=0.05, n=data.n), keep=True)
    network = hunch.mlp([4, 6, 1])()
    network.load_state_dict(done.state)
    with torch.no_grad():
        guess = network(torch.from_numpy(data.x_held)).double().numpy() * data.y_scale + data.y_offset
    # The held-out rows of the frame, found by their prices.
    true = data.y_held * data.y_scale + data.y_offset
    assert np.isin(np.round(true.ravel(), 1), np.round(frame["price"], 1)).all()
    error = np.sqrt(((guess - true) ** 2).mean())
    assert done.trace.held_error[-1] == pytest.approx(error, rel=1e-5)
    assert 20 < error < 800


def test_judging_changes_nothing_in_the_training():
    # Held out at ten points or at every evaluation: the same training costs and weights.
    often, seldom = (
        alone(setting(metric=metric), job(norm="batch", keep_prob=0.7), keep=True)
        for metric in ("held_out", "train")
    )
    np.testing.assert_array_equal(often.trace.cost, seldom.trace.cost)
    assert len(often.trace.held_at) == len(often.trace.eval_at) > len(seldom.trace.held_at)
    for name, value in often.state.items():
        assert torch.equal(value, seldom.state[name]), name


def test_every_grid_has_a_value_in_a_run_that_went_well():
    trace = alone(setting(), job(norm="batch")).trace
    assert np.isfinite(trace.cost).all()
    assert np.isfinite(trace.held_cost).all()
    assert np.isfinite(trace.held_error).all()
    assert trace.readings.shape == (len(trace.reading_at), len(RECORDED), 3)
    assert trace.wall_s > 0


def test_float64_trains_in_float64():
    state = alone(setting(dtype=torch.float64), job(norm="batch"), keep=True).state
    assert {v.dtype for v in state.values()} == {torch.float64, torch.int64}


def test_transposed_convolutions_and_the_conv1d_of_gpt_2_are_redrawn_and_embeddings_are_not():
    gpt2 = pytest.importorskip("transformers.pytorch_utils").Conv1D(5, 4)
    network = nn.ModuleDict(
        {"up": nn.ConvTranspose2d(2, 3, 3), "conv1d": gpt2, "table": nn.Embedding(4, 2)}
    ).requires_grad_(False)
    table = network["table"].weight.clone()
    network["conv1d"].bias.fill_(1.0)
    redraw(network, 0.5, seed=3)
    for name in ("up", "conv1d"):
        weight = network[name].weight
        draws = 0.5 * normals(3, f"init/{name}", weight.numel()).reshape(weight.shape)
        assert torch.equal(weight, torch.from_numpy(draws).float())
        assert (network[name].bias == 0).all()
    assert torch.equal(network["table"].weight, table)
