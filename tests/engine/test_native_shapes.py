"""Odd widths, batches, inputs, classes and tails: the native engine trains them all as the loop does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import largest_difference, made, made_data, one
from torch import nn

import hunch
from hunch.data import load
from hunch.engine import LoopEngine, NativeEngine
from hunch.engine.native_extension import native_absence, native_module
from hunch.plan import Arm

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")

CLOSE = 1e-10
LEVELS = [] if native_absence() else native_module().levels()
WIDTHS = [*range(1, 81), 96, 127, 128, 129, 255, 256, 257]


def twins(what):
    return largest_difference(one(NativeEngine(1), what), one(LoopEngine(), what))


def classes(n_features, n_classes, n=97, n_held=33):
    rng = np.random.default_rng(n_features)
    x = rng.normal(size=(n + n_held, n_features)).astype(np.float32)
    y = rng.integers(0, n_classes, size=n + n_held)
    y[:n_classes] = np.arange(n_classes)
    return load((x[:n], y[:n], x[n:], y[n:]))


def shaped(width, dtype=torch.float64):
    """A chain of this width first, all its other sizes drawn; every norm, place and dropout has its turn."""
    rng = np.random.default_rng(width)
    n_in, second, n_out, batch_size = (
        int(rng.integers(lo, hi)) for lo, hi in ((1, 40), (1, 40), (2, 23), (4, 70))
    )
    norm = ("none", "layer", "rms", "group", "batch")[width % 5]
    settings = {"norm": norm, "keep_prob": 0.6, "dropout": ("bernoulli", "gaussian", "exact")[width % 3]}
    if norm != "none":
        settings["norm_at"] = ("before_activation", "after_activation")[width // 5 % 2]
    arm = Arm("x", **settings, batch_size=batch_size, lr=0.05, momentum=0.9)
    build = hunch.mlp([n_in, width, second, n_out], "tanh")
    return made(build, arm, data=classes(n_in, n_out), budget=3, dtype=dtype)


@pytest.mark.parametrize("width", [1, 2, 7, 16, 25, 63, 129])
def test_some_shapes_train_alike(width):
    assert twins(shaped(width)) < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_shape_trains_alike_at_every_level(width, level, monkeypatch):
    monkeypatch.setenv("HUNCH_ISA", level)
    assert twins(shaped(width)) < CLOSE
    assert twins(shaped(width, torch.float32)) < 1e-4  # a misplaced number would show as 0.01 or more


def test_more_inputs_than_a_panel_of_the_matrix_product_holds():
    for n_in in (256, 257, 300, 785):
        what = made(
            hunch.mlp([n_in, 12, 10], "tanh"), Arm("x", batch_size=9), data=classes(n_in, 10), budget=3
        )
        assert twins(what) < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adam"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "rms", "group"])
def test_a_thousand_inputs_units_and_examples_train_alike(norm, optimizer):
    arm = Arm("x", norm=norm, keep_prob=0.5, batch_size=1000, optimizer=optimizer, lr=0.003)
    what = made(hunch.mlp([1000, 1000, 17, 10]), arm, data=classes(1000, 10, n=1003, n_held=129), budget=3)
    assert twins(what) < CLOSE


@pytest.mark.parametrize("cost", ["mean_squared_error", "huber"])
def test_several_targets_at_once(cost):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(90, 6)).astype(np.float32)
    y = (x[:, :3] * [1.0, 30.0, 0.1] + x[:, 3:]).astype(np.float32)
    data = load((x[:70], y[:70], x[70:], y[70:]))
    for scale in (
        data.y_scale,
        np.array([1.0, 30.0, 0.1]),
    ):  # as if standardised: errors are in their own units
        scaled = replace(data, y_scale=scale)
        what = made(hunch.mlp([6, 12, 3], "tanh"), Arm("x", lr=0.001), cost, data=scaled, budget=30)
        assert twins(what) < CLOSE


@pytest.mark.parametrize("budget", [1, 2, 3, 7])
def test_short_budgets(budget):
    assert twins(made(arm=Arm("x", norm="batch", keep_prob=0.5), budget=budget)) < CLOSE


def test_batches_of_one_and_of_all_examples():
    assert twins(made(arm=Arm("x", norm="layer", batch_size=1, keep_prob=0.5))) < CLOSE
    assert twins(made(arm=Arm("x", norm="batch", batch_size=300, keep_prob=0.5))) < CLOSE


@pytest.mark.parametrize("keep_prob", [1e-6, 0.05, 1 - 1e-9])
@pytest.mark.parametrize("dropout", ["bernoulli", "exact", "gaussian"])
def test_keep_probabilities_at_the_ends(dropout, keep_prob):
    budget = 1 if keep_prob < 0.01 else 50  # gaussian noise of variance 10⁶ throws any training off
    assert twins(made(arm=Arm("x", keep_prob=keep_prob, dropout=dropout), budget=budget)) < CLOSE


def test_momenta_betas_and_epsilons_of_ones_own():
    for settings in (
        {"momentum": 0.99, "lr": 0.01},
        {"optimizer": "nesterov", "momentum": 0.5, "weight_decay": 0.5, "l2": 0.3, "lr": 0.02},
        {"optimizer": "adam", "betas": (0.0, 0.0), "eps": 1e-3, "lr": 0.01},
        {"optimizer": "adamw", "betas": (0.99, 0.9), "weight_decay": 2.0, "decay_norm": True, "lr": 0.01},
        {"init_std": 0.1, "norm": "batch"},
    ):
        assert twins(made(arm=Arm("x", **settings))) < CLOSE


TAILS = {
    "no hidden layer": lambda: [nn.Linear(9, 3)],
    "a norm last": lambda: [nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 3), nn.BatchNorm1d(3)],
    "norm and dropout last": lambda: [
        nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 3), nn.Tanh(), nn.LayerNorm(3), nn.Dropout(0.3),
    ],
    "no activation between": lambda: [nn.Linear(9, 8), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3)],
    "a norm and no activation": lambda: [nn.Linear(9, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)],
    "dropout and no activation": lambda: [nn.Linear(9, 8), nn.Dropout(0.4), nn.Linear(8, 3)],
    "nested, flattened": lambda: [
        nn.Flatten(), nn.Sequential(nn.Linear(9, 8), nn.Sequential(nn.ELU(), nn.Dropout(0.2))), nn.Linear(8, 3),
    ],
    "batch norm's own eps and momentum": lambda: [
        nn.Linear(9, 8), nn.BatchNorm1d(8, eps=1e-2, momentum=0.7), nn.ReLU(),
        nn.Linear(8, 8), nn.BatchNorm1d(8, momentum=0.0), nn.Tanh(), nn.Linear(8, 3),
    ],
    "layer norm without bias": lambda: [
        nn.Linear(9, 8), nn.LayerNorm(8, bias=False, eps=1e-3), nn.Tanh(), nn.Linear(8, 3),
    ],
    "rms norm with and without scale": lambda: [
        nn.Linear(9, 8), nn.RMSNorm(8), nn.Tanh(), nn.Linear(8, 8), nn.SiLU(),
        nn.RMSNorm(8, elementwise_affine=False), nn.Linear(8, 3),
    ],
    "groups that fill no vector": lambda: [
        nn.Linear(9, 15), nn.GroupNorm(3, 15), nn.Tanh(), nn.Linear(15, 16), nn.Sigmoid(),
        nn.GroupNorm(2, 16, affine=False), nn.Linear(16, 3),
    ],
    "a first layer that stays": lambda: [
        nn.Linear(9, 8).requires_grad_(False), nn.BatchNorm1d(8).requires_grad_(False), nn.Tanh(), nn.Linear(8, 3),
    ],
    "one unit a layer": lambda: [nn.Linear(9, 1), nn.Tanh(), nn.Dropout(0.5), nn.Linear(1, 1), nn.Linear(1, 3)],
}  # fmt: skip


@pytest.mark.parametrize("name", TAILS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_chains_that_users_write(name, optimizer):
    arm = Arm("x", optimizer=optimizer, lr=0.01, l2=0.01, decay_norm=True)
    assert twins(made(lambda: nn.Sequential(*TAILS[name]()), arm, budget=30)) < CLOSE


def test_images_of_several_axes_behind_a_flatten():
    data = made_data()
    images = load((data.x.reshape(-1, 3, 3), data.y, data.x_held.reshape(-1, 3, 3), data.y_held))

    def build():
        return nn.Sequential(nn.Flatten(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 3))

    what, flat = made(build, data=images, budget=12), made(build, data=data, budget=12)
    assert what.setting.data.x.shape == (300, 3, 3)
    assert twins(what) < CLOSE
    assert largest_difference(one(NativeEngine(1), what), one(NativeEngine(1), flat)) == 0


@pytest.mark.parametrize("cost", ["cross_entropy", "binary_cross_entropy"])
def test_the_answers_that_are_kept_are_those_of_the_loop(cost):
    what = made(arm=Arm("x", norm="batch", keep_prob=0.8), cost=cost, answers=True)
    ours, theirs = one(NativeEngine(1), what).trace, one(LoopEngine(), what).trace
    assert ours.held_correct is not None
    assert np.array_equal(ours.held_correct, theirs.held_correct)
