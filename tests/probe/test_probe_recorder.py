"""The recorder looks and touches nothing: training, states and modules are as without it."""

import gc
import random
import weakref

import numpy as np
import pytest
import torch
from torch import nn

import hunch
from hunch.data import load
from hunch.engine import Job, LoopEngine, Setting
from hunch.network import build_network, inspect_network
from hunch.plan import RECORDED
from hunch.probe import StepRecorder
from hunch.traces import RunKey


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(12)
    x = rng.normal(size=(60, 4)).astype(np.float32)
    y = np.digitize(x[:, 0], [-0.4, 0.4])
    return load((x[:45], y[:45], x[45:], y[45:]))


def finished(data, build, *, readings=True, lr=0.3, **arm):
    sites = inspect_network(build_network(build, 0), data.x).sites
    setting = Setting(build, data, "cross_entropy", 25, sites, readings=readings)
    full = hunch.Arm("x", batch_size=8, **arm).resolved(data.n)
    job = Job(RunKey("confirm", "x", 5, lr, 25), full, 5)
    return next(LoopEngine().train(setting, [job], keep_networks=True))


ARMS = [
    {},
    {"norm": "batch", "keep_prob": 0.7},
    {"norm": "layer", "norm_at": "after_activation", "l2": 0.1},
    {"optimizer": "adamw", "keep_prob": 0.5, "dropout": "gaussian", "lr": 0.01},
    {"optimizer": "nesterov", "norm": "rms", "keep_prob": 0.8, "dropout": "exact"},
]


@pytest.mark.parametrize("arm", ARMS, ids=str)
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_a_run_with_readings_and_one_without_are_equal_to_the_bit(data, arm, activation):
    build = hunch.mlp([4, 6, 5, 3], activation)
    with_, without = finished(data, build, **arm), finished(data, build, readings=False, **arm)
    assert with_.trace.readings.shape[0] > 5
    assert without.trace.readings.shape[0] == 0
    assert with_.trace.cost.tobytes() == without.trace.cost.tobytes()
    assert with_.trace.held_cost.tobytes() == without.trace.held_cost.tobytes()
    for name, value in with_.state.items():
        assert torch.equal(value, without.state[name]), name


def chain(activation):
    return lambda: nn.Sequential(
        nn.Linear(4, 6), activation(), nn.Linear(6, 5), activation(), nn.Linear(5, 3)
    )


def test_an_activation_in_place_gives_the_same_readings_and_weights(data):
    plain, in_place = (finished(data, chain(lambda p=p: nn.ReLU(inplace=p))) for p in (False, True))
    assert plain.trace.readings.tobytes() == in_place.trace.readings.tobytes()
    assert plain.trace.cost.tobytes() == in_place.trace.cost.tobytes()
    # Had the activation's own output been read, no value would be below 0.
    slope = plain.trace.readings[:, RECORDED.index("slope"), 0]
    assert (slope > 0.1).all()
    assert (slope < 0.9).all()


def one_step(network, x):
    recorder = StepRecorder(network, ("0", "2"))
    with recorder:
        network(x).sum().backward()
        recorder.gradients()
        torch.optim.SGD(network.parameters(), lr=0.1).step()
        recorder.updates()
    return recorder


def hooks_of(network):
    return [
        len(getattr(module, kind))
        for module in network.modules()
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    ]


def small():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def test_no_generator_buffer_or_mode_is_touched_and_no_hook_stays():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2))
    states = torch.random.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    recorder = StepRecorder(network, ("0", "4"))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with recorder:
        pass
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert hooks_of(network) == [0] * len(hooks_of(network))
    assert all(module.training for module in network.modules())
    assert torch.equal(states[0], torch.random.get_rng_state())
    assert states[1] == random.getstate()
    np.testing.assert_array_equal(states[2], np.random.get_state()[1])  # noqa: NPY002


def test_hooks_are_taken_away_when_the_step_raises():
    network = small()

    def broken_step():
        with StepRecorder(network, ("0", "2")):
            assert sum(hooks_of(network)) == 1
            network(torch.ones(5, 7))

    with pytest.raises(RuntimeError, match="mat1"):
        broken_step()
    assert sum(hooks_of(network)) == 0


def test_hooks_of_the_user_stay():
    network = small()
    seen = []
    network[1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    one_step(network, torch.ones(5, 3))
    assert seen == [(5, 4)]
    assert sum(hooks_of(network)) == 1


def test_no_tensor_of_the_step_is_kept_alive():
    network = small()
    kept = []
    network[1].register_forward_hook(lambda module, inputs, output: kept.append(weakref.ref(inputs[0])))
    recorder = one_step(network, torch.ones(5, 3))
    gc.collect()
    assert [reference() for reference in kept] == [None]
    assert recorder.values.dtype == np.float32


def test_sites_stand_in_the_order_in_which_they_were_named():
    network = small()
    x = torch.ones(5, 3)
    one, two = StepRecorder(network, ("0", "2")), StepRecorder(network, ("2", "0"))
    with one, two:
        network(x).sum().backward()
        one.gradients()
        two.gradients()
    np.testing.assert_array_equal(one.values, two.values[:, ::-1])


def test_a_frozen_layer_has_no_gradient_and_an_update_of_0():
    network = small()
    network[0].weight.requires_grad_(False)
    values = one_step(network, torch.ones(5, 3)).values
    assert np.isnan(values[RECORDED.index("gradient_norm"), 0])
    assert values[RECORDED.index("update_weight"), 0] == 0
    assert values[RECORDED.index("update_weight"), 1] > 0


def test_an_unknown_site_is_no_silent_gap():
    with pytest.raises(KeyError, match="7"):
        StepRecorder(small(), ("0", "7"))
