"""Every reading against a slow computation of its own: NumPy in the forms of the design, slopes by autograd.

The slow side replays a run of the loop engine in plain PyTorch and measures with its own hands, so that also
where and when a reading is taken is checked: in the step's own training batch, with the masks of that step.
"""

import functools
import math

import numpy as np
import pytest
import torch
from torch import nn

import hunch
from hunch.data import load
from hunch.engine import Job, LoopEngine, Setting
from hunch.network import KNOWN, build_network, inspect_network
from hunch.plan import RECORDED
from hunch.probe import StepRecorder, activation_readings
from hunch.traces import RunKey

BATCH, BUDGET, SEED, LR = 8, 6, 4, 0.3
ACTIVATIONS = {
    "identity": nn.Identity, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"), "silu": nn.SiLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh,
    "softplus": nn.Softplus,
}  # fmt: skip
RANGES = {"sigmoid": (0, 1), "tanh": (-1, 1)}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    x = rng.normal(size=(50, 4)).astype(np.float32)
    y = np.digitize(x[:, 0], [-0.4, 0.4])
    return load((x[:40], y[:40], x[40:], y[40:]))


def recorded(data, build, **arm):
    """The readings of a run of the loop engine in float64: (steps, readings, sites)."""
    sites = inspect_network(build_network(build, 0), data.x).sites
    setting = Setting(build, data, "cross_entropy", BUDGET, sites, dtype=torch.float64)
    full = hunch.Arm("x", batch_size=BATCH, **arm).resolved(data.n)
    job = Job(RunKey("confirm", "x", SEED, LR, BUDGET), full, SEED)
    trace = next(LoopEngine().train(setting, [job])).trace
    assert trace.failed is None
    assert trace.diverged_at is None
    assert trace.reading_at.tolist() == [1, 2, 3, 4, 5, 6]
    return trace


def autograd_slope(name, z):
    z = z.clone().requires_grad_()
    return torch.autograd.grad(ACTIVATIONS[name]()(z).sum(), z)[0].abs()


@functools.cache
def largest_slope(name):
    return autograd_slope(name, torch.linspace(-40, 40, 400_001, dtype=torch.float64)).max()


def slow_slope(name, z):
    """|f'| by autograd, relative to the largest |f'| on a fine grid."""
    return (autograd_slope(name, z) / largest_slope(name)).numpy()


def slow_activation_readings(name, z):
    z = z.detach()
    slope = slow_slope(name, z)
    out = {
        "slope": slope.mean(),
        "inactive": np.mean([(slope[:, unit] < 0.01).all() for unit in range(slope.shape[1])]),
        "preactivation_mean": z.numpy().sum() / z.numel(),
        "preactivation_spread": math.sqrt(((z.numpy() - z.numpy().mean()) ** 2).sum() / z.numel()),
    }
    if name in RANGES:
        low, high = RANGES[name]
        a = ACTIVATIONS[name]()(z).numpy()
        out["saturation"] = np.mean([abs(2 * (v - low) / (high - low) - 1) for v in a.ravel()])
        out["saturated"] = np.mean([s < 0.05 for s in slope.ravel()])
    return out


def slow_run(data, build, layout, activation, *, l2=0.0, momentum=0.0, keep=None):
    """Replay the run; (steps, readings, sites), NaN where a reading does not apply.

    Args:
        layout: For each linear layer of the plain network: (modules before the activation, modules after it).
    """
    torch.manual_seed(SEED)
    linears = [m for m in build() if isinstance(m, nn.Linear)]
    blocks = [
        (linear, [norm() for norm in before], [norm() for norm in after])
        for linear, (before, after) in zip(linears, layout, strict=True)
    ]
    network = nn.ModuleList(
        [m for linear, before, after in blocks for m in (linear, *before, *after)]
    ).double()
    frozen = [linear.bias for linear, before, _ in blocks if before and isinstance(before[0], nn.BatchNorm1d)]
    trained = [p for p in network.parameters() if not any(p is q for q in frozen)]
    weights = [linear.weight for linear in linears]
    velocity = {id(p): torch.zeros_like(p) for p in trained}
    out = np.full((BUDGET, len(RECORDED), len(linears)), np.nan)

    def put(step, site, **values):
        for name, value in values.items():
            out[step, RECORDED.index(name), site] = value

    x, y = torch.from_numpy(data.x).double(), torch.from_numpy(data.y)
    for step, rows in enumerate(hunch.batches(SEED, data.n, BATCH, BUDGET)):
        h = x[rows]
        for k, (linear, before, after) in enumerate(blocks):
            z = linear(h)
            for norm in before:
                z = norm(z)
            if k == len(blocks) - 1:
                h = z
                continue
            put(step, k, **slow_activation_readings(activation, z))
            h = ACTIVATIONS[activation]()(z)
            for norm in after:
                h = norm(h)
            if keep is not None:
                kept = hunch.noise(SEED, str(2 * k), step, tuple(h.shape)) < keep
                h = h * torch.from_numpy(kept / keep)
        network.zero_grad()
        nn.functional.cross_entropy(h, y[rows]).backward()
        old = {id(p): p.detach().clone() for p in network.parameters()}
        for k, linear in enumerate(linears):
            put(step, k, gradient_norm=math.sqrt((linear.weight.grad.numpy() ** 2).sum()))
        with torch.no_grad():
            for p in trained:
                gradient = p.grad + (l2 * p if any(p is w for w in weights) else 0.0)
                velocity[id(p)] = momentum * velocity[id(p)] + gradient
                p -= LR * velocity[id(p)]
        for k, (linear, before, _) in enumerate(blocks):
            change = (linear.weight.detach() - old[id(linear.weight)]).numpy()
            size = math.sqrt((change**2).sum())
            put(step, k, update_weight=size)
            put(step, k, update_weight_relative=size / math.sqrt((old[id(linear.weight)].numpy() ** 2).sum()))
            shift = getattr(before[0], "bias", None) if before else None
            if shift is None and linear.bias is not None:
                shift = linear.bias
            if shift is not None:
                moved = (shift.detach() - old[id(shift)]).numpy()
                put(step, k, update_shift=math.sqrt((moved**2).sum()))
    return out


def agree(trace, slow):
    """Compare at the steps at which the engine read, reading by reading."""
    for row, step in enumerate(trace.reading_at):
        for k, name in enumerate(RECORDED):
            np.testing.assert_allclose(
                trace.readings[row, k], slow[step - 1, k], rtol=2e-6, atol=1e-12, err_msg=f"{name} at {step}"
            )


NO_NORM = [((), ()), ((), ()), ((), ())]


def before(norm, *widths):
    return [((lambda w=w: norm(w),), ()) for w in widths] + [((), ())]


def after(norm, *widths):
    return [((), (lambda w=w: norm(w),)) for w in widths] + [((), ())]


def rms(width):
    return nn.RMSNorm(width, eps=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_reading_of_every_activation_is_that_of_the_slow_computation(data, activation):
    build = hunch.mlp([4, 6, 5, 3], activation)
    slow = slow_run(data, build, NO_NORM, activation)
    trace = recorded(data, build)
    agree(trace, slow)
    first = {name: trace.readings[:, k, 0] for k, name in enumerate(RECORDED)}
    bounded = activation in RANGES
    for name in ("saturation", "saturated"):
        assert np.isfinite(first[name]).all() if bounded else np.isnan(first[name]).all()
    assert np.isfinite(np.delete(trace.readings[:, :, :2], [0, 1], axis=1)).all()


@pytest.mark.parametrize(
    ("arm", "layout"),
    [
        ({"norm": "batch"}, before(nn.BatchNorm1d, 6, 5)),
        ({"norm": "layer"}, before(nn.LayerNorm, 6, 5)),
        ({"norm": "rms"}, before(rms, 6, 5)),
        ({"norm": "batch", "norm_at": "after_activation"}, after(nn.BatchNorm1d, 6, 5)),
        ({"norm": "layer", "norm_at": "after_activation"}, after(nn.LayerNorm, 6, 5)),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_with_a_norm_the_pre_activation_is_what_the_activation_receives_and_the_shift_is_beta(
    data, arm, layout
):
    build = hunch.mlp([4, 6, 5, 3], "sigmoid")
    agree(recorded(data, build, **arm), slow_run(data, build, layout, "sigmoid"))


def test_a_norm_without_beta_leaves_the_shift_to_the_bias_or_to_nobody(data):
    def build():
        return nn.Sequential(
            nn.Linear(4, 6), nn.BatchNorm1d(6, affine=False), nn.Tanh(),
            nn.Linear(6, 5), nn.LayerNorm(5, bias=False), nn.Tanh(),
            nn.Linear(5, 5, bias=False), nn.Tanh(), nn.Linear(5, 3),
        )  # fmt: skip

    shift = recorded(data, build).readings[:, RECORDED.index("update_shift")]
    assert np.isnan(shift[:, [0, 2]]).all()
    assert (shift[:, [1, 3]] > 0).all()


def test_the_gradient_norm_leaves_the_l2_term_out_and_updates_have_it_and_momentum(data):
    build = hunch.mlp([4, 6, 5, 3], "tanh")
    trace = recorded(data, build, l2=0.5, momentum=0.9)
    agree(trace, slow_run(data, build, NO_NORM, "tanh", l2=0.5, momentum=0.9))
    with pytest.raises(AssertionError, match="update_weight at"):
        agree(trace, slow_run(data, build, NO_NORM, "tanh", l2=0.5))


def test_readings_see_the_masks_of_their_own_step(data):
    build = hunch.mlp([4, 6, 5, 3], "tanh")
    trace = recorded(data, build, keep_prob=0.5)
    agree(trace, slow_run(data, build, NO_NORM, "tanh", keep=0.5))
    with pytest.raises(AssertionError, match="saturation at 1"):
        agree(trace, slow_run(data, build, NO_NORM, "tanh"))


def test_the_last_layer_has_gradients_and_updates_but_no_activation(data):
    last = recorded(data, hunch.mlp([4, 6, 3], "tanh")).readings[:, :, -1]
    present = np.isfinite(last).all(axis=0)
    assert [n for n, there in zip(RECORDED, present, strict=True) if there] == [
        "gradient_norm", "update_weight", "update_weight_relative", "update_shift",
    ]  # fmt: skip
    assert np.isnan(last[:, ~present]).all()


# ---- special values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOWN)
def test_pre_activations_that_are_no_numbers_give_readings_and_no_error(name):
    z = torch.tensor([[math.inf, -math.inf, math.nan, 1e300], [0.0, -1e300, 1.0, -1.0]])
    readings = activation_readings(z, name)
    assert set(readings) == set(RECORDED[:6])
    assert all(isinstance(value, float) for value in readings.values())


@pytest.mark.parametrize(("name", "high"), [("sigmoid", 1.0), ("tanh", 1.0)])
def test_a_unit_at_the_end_of_its_range_is_saturated_whatever_the_side(name, high):
    for z in (torch.full((3, 2), 50.0), torch.full((3, 2), -50.0)):
        readings = activation_readings(z, name)
        assert readings["saturation"] == pytest.approx(high)
        assert readings["saturated"] == readings["inactive"] == 1
        assert readings["slope"] == pytest.approx(0, abs=1e-12)
    middle = activation_readings(torch.zeros(3, 2), name)
    assert (middle["saturation"], middle["saturated"], middle["slope"], middle["inactive"]) == (0, 0, 1, 0)


def test_a_unit_is_inactive_only_if_it_is_so_on_the_whole_batch():
    z = torch.tensor([[-1.0, -1.0, 2.0, 0.0], [-3.0, 5.0, 2.0, -1.0]])
    assert activation_readings(z, "relu")["inactive"] == 0.5
    assert activation_readings(z, "relu")["slope"] == 3 / 8
    assert activation_readings(z, "leaky_relu")["inactive"] == 0


def test_readings_of_half_precision_are_taken_in_double():
    z = torch.full((4, 3), 300.0, dtype=torch.float16)
    assert activation_readings(z, "identity")["preactivation_mean"] == 300
    assert activation_readings(z * 200, "identity")["preactivation_spread"] == 0


def test_an_update_too_large_for_float32_is_recorded_as_infinity_without_a_warning():
    network = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)).double()
    with StepRecorder(network, ("0", "2")) as recorder:
        network(torch.ones(3, 2, dtype=torch.float64)).sum().backward()
        recorder.gradients()
        with torch.no_grad():
            network[0].weight.fill_(1e200)
            network[2].weight.fill_(math.inf)
        recorder.updates()
    updates = recorder.values[RECORDED.index("update_weight")]
    assert np.isinf(updates).all()
    assert np.isfinite(recorder.values[RECORDED.index("gradient_norm")]).all()


def test_weights_that_were_all_zero_have_no_relative_update():
    network = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    nn.init.zeros_(network[0].weight)
    with StepRecorder(network, ("0", "2")) as recorder:
        network(torch.ones(3, 2)).sum().backward()
        with torch.no_grad():
            network[0].weight.add_(1.0)
        recorder.updates()
    assert recorder.values[RECORDED.index("update_weight"), 0] == 2
    assert math.isnan(recorder.values[RECORDED.index("update_weight_relative"), 0])
