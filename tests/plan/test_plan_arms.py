"""An arm changes only what it names, and refuses nonsense with all its problems at once."""

# ruff: noqa: E501

import copy
import math
import pickle
from dataclasses import fields

import pytest

from hunch.errors import PlanError
from hunch.plan import Arm

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"norm": "bn"}, r"norm must be one of none, batch, layer, rms, group, got 'bn'\.  \[plan-norm\]"),
        ({"norm": True}, r"norm must be one of .* got True\.  \[plan-norm\]"),
        ({"norm_at": "before"}, r"norm_at must be one of before_activation, after_activation, got 'before'\.  \[plan-norm-at\]"),
        ({"dropout": "spatial"}, r"dropout must be one of bernoulli, gaussian, exact, got 'spatial'\.  \[plan-dropout\]"),
        ({"optimizer": "rmsprop"}, r"optimizer must be one of sgd, .* got 'rmsprop'\.  \[plan-optimizer\]"),
        ({"schedule": "linear"}, r"schedule must be one of constant, .* got 'linear'\.  \[plan-schedule\]"),
        ({"activation": "swish"}, r"activation must be one of identity, relu, .* got 'swish'\.  \[plan-activation\]"),
        ({"keep_prob": 0}, r"keep_prob must be in \(0, 1\], got 0\. Keeping nothing .* keep_prob=1\.0\.  \[plan-keep-prob\]"),
        ({"keep_prob": 20}, r"got 20\. To drop 20 % of the units \(PyTorch p=0\.2\) write keep_prob=0\.8\.  \[plan-keep-prob\]"),
        ({"keep_prob": 100}, r"got 100\. To drop units with probability p write keep_prob=1-p\.  \[plan-keep-prob\]"),
        ({"keep_prob": 101}, r"got 101\. To take dropout away write keep_prob=1\.0\.  \[plan-keep-prob\]"),
        ({"keep_prob": -0.1}, r"must be in \(0, 1\], got -0\.1\. .*\[plan-keep-prob\]"),
        ({"keep_prob": NAN}, r"must be in \(0, 1\], got nan\. .*\[plan-keep-prob\]"),
        ({"keep_prob": True}, r"must be in \(0, 1\], got True\. .*\[plan-keep-prob\]"),
        ({"keep_prob": "0.8"}, r"must be in \(0, 1\], got '0\.8'\. .*\[plan-keep-prob\]"),
        ({"keep_prob": [0.8]}, r"must be in \(0, 1\], got \[0\.8\]\. .*\[plan-keep-prob\]"),
        ({"keep_prob": {}}, r"keep_prob is an empty mapping; name at least one site.*\[plan-keep-prob\]"),
        ({"keep_prob": {"2": 20}}, r"keep_prob at site '2' must be in \(0, 1\], got 20\. .*\[plan-keep-prob\]"),
        ({"l2": -1e-9}, r"l2 must be a number in \[0, inf\), got -1e-09\.  \[plan-l2\]"),
        ({"l2": INF}, r"l2 must be a number in \[0, inf\), got inf\.  \[plan-l2\]"),
        ({"weight_decay": NAN}, r"weight_decay must be a number in \[0, inf\), got nan\.  \[plan-weight-decay\]"),
        ({"init_std": 0}, r"init_std must be a number in \(0, inf\), got 0\.  \[plan-init-std\]"),
        ({"lr": 0}, r"lr must be a number in \(0, inf\), got 0\.  \[plan-lr\]"),
        ({"lr": "fast"}, r"lr must be a number in \(0, inf\), got 'fast'\.  \[plan-lr\]"),
        ({"lr": 10**400}, r"lr must be a number in \(0, inf\), got 1000.*\[plan-lr\]"),
        ({"momentum": 1}, r"momentum must be a number in \[0, 1\), got 1\.  \[plan-momentum\]"),
        ({"eps": 0.0}, r"eps must be a number in \(0, inf\), got 0\.0\.  \[plan-eps\]"),
        ({"keep_until": 0}, r"keep_until must be a number in \(0, 1\], got 0\.  \[plan-keep-until\]"),
        ({"keep_until": 1.5}, r"keep_until must be a number in \(0, 1\], got 1\.5\.  \[plan-keep-until\]"),
        ({"betas": (0.9,)}, r"betas must be two numbers in \[0, 1\), got \(0\.9,\)\. .*\[plan-betas\]"),
        ({"betas": (0.9, 1)}, r"betas must be two numbers in \[0, 1\), got \(0\.9, 1\)\. .*\[plan-betas\]"),
        ({"betas": 0.9}, r"betas must be two numbers in \[0, 1\), got 0\.9\. .*\[plan-betas\]"),
        ({"batch_size": 0}, r"batch_size must be a whole number of at least 1, got 0\.  \[plan-batch-size\]"),
        ({"batch_size": 64.0}, r"batch_size must be a whole number of at least 1, got 64\.0\.  \[plan-batch-size\]"),
        ({"batch_size": True}, r"batch_size must be a whole number of at least 1, got True\.  \[plan-batch-size\]"),
        ({"norm": "batch", "batch_size": 1}, r"batch norm cannot train on batches of 1 .*got batch_size=1\. Use batch_size=2 or more.*\[plan-batch-norm-of-one\]"),
        ({"nesterov": True, "momentum": 0}, r"Nesterov momentum needs a momentum above 0, got momentum=0\. Write momentum=0\.9\.  \[plan-nesterov\]"),
        ({"optimizer": "nesterov", "momentum": 0}, r"needs a momentum above 0, got momentum=0\. .*\[plan-nesterov\]"),
        ({"nesterov": "false"}, r"nesterov must be True or False, got 'false'\.  \[plan-nesterov\]"),
        ({"decay_norm": "no"}, r"decay_norm must be True or False, got 'no'\.  \[plan-decay-norm\]"),
    ],
    ids=str,
)  # fmt: skip
def test_a_setting_out_of_range_is_refused(settings, message):
    with pytest.raises(PlanError, match=r'^arm "a": .*' + message + "$") as caught:
        Arm("a", **settings)
    assert isinstance(caught.value, ValueError)
    assert len(caught.value.problems) == 1, "one mistake, one problem"


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_an_arm_needs_a_name(name):
    with pytest.raises(PlanError, match=r"an arm needs a name that is not empty, got .*\[plan-arm-name\]"):
        Arm(name)


def test_all_problems_of_an_arm_come_at_once():
    with pytest.raises(
        PlanError, match=r"^3 problems:\n  1\. .*\[plan-norm\]\n  2\. .*\[plan-l2\]\n  3\. .*\[plan-betas\]$"
    ):
        Arm("a", norm="bn", l2=-1, betas=3)


@pytest.mark.parametrize(
    "settings",
    [{"keep_prob": 1}, {"keep_prob": 5e-324}, {"l2": 0}, {"momentum": 0}, {"keep_until": 1},
     {"norm": "batch", "batch_size": 2}, {"norm": "layer", "batch_size": 1}, {"betas": (0, 0)},
     {"optimizer": "nesterov", "nesterov": False, "momentum": 0}],
    ids=str,
)  # fmt: skip
def test_the_ends_of_the_ranges_are_allowed(settings):
    assert Arm("a", **settings).name == "a"


ALL = {
    "norm": "rms", "norm_at": "after_activation", "keep_prob": {"0": 0.7}, "dropout": "exact", "l2": 0.5,
    "weight_decay": 0.25, "init_std": 2.0, "activation": "tanh", "optimizer": "nesterov", "lr": 0.3,
    "momentum": 0.6, "nesterov": True, "betas": (0.5, 0.6), "eps": 1e-3, "schedule": "cosine", "batch_size": 7,
    "keep_until": 0.5, "decay_norm": True,
}  # fmt: skip


def everything(name="all", **changes):
    """An arm that names every setting."""
    return Arm(name, **{**ALL, **changes})


def test_an_arm_that_names_nothing_is_the_base_under_another_name():
    base = everything()
    assert Arm("x").over(base) == everything(name="x")
    assert Arm("x").over(None) == Arm("x")


# A value other than that of `everything` for every setting but the optimizer, which has its own rule below.
OTHER = {
    "norm": "none", "norm_at": "before_activation", "keep_prob": 1.0, "dropout": "gaussian", "l2": 0.0,
    "weight_decay": 0.0, "init_std": 1.0, "activation": "relu", "lr": 0.1, "momentum": 0.1, "nesterov": False,
    "betas": (0.0, 0.0), "eps": 1e-9, "schedule": "constant", "batch_size": 2, "keep_until": 1.0,
    "decay_norm": False,
}  # fmt: skip


def test_every_setting_is_tried_over_a_base():
    assert {*OTHER, "optimizer", "name"} == {f.name for f in fields(Arm)}


@pytest.mark.parametrize("setting", OTHER)
def test_an_arm_changes_only_what_it_names(setting):
    arm = Arm("x", **{setting: OTHER[setting]}).over(everything())
    assert arm == everything(name="x", **{setting: OTHER[setting]})


def test_a_changed_optimizer_brings_its_own_defaults():
    base = Arm("base", optimizer="sgd", lr=0.1, momentum=0.7, nesterov=True, l2=0.01, schedule="cosine")
    arm = Arm("x", optimizer="adam").over(base)
    assert arm == Arm("x", optimizer="adam", l2=0.01, schedule="cosine")
    arm = Arm("x", optimizer="adam", lr=0.001, betas=(0.8, 0.9)).over(base)
    assert (arm.lr, arm.betas, arm.momentum) == (0.001, (0.8, 0.9), None)


@pytest.mark.parametrize("base_optimizer", ["sgd", None])
def test_naming_the_optimizer_that_the_base_has_anyway_changes_nothing(base_optimizer):
    base = Arm("base", optimizer=base_optimizer, lr=0.1, momentum=0.7)
    arm = Arm("x", optimizer="sgd").over(base)
    assert (arm.lr, arm.momentum) == (0.1, 0.7)


@pytest.mark.parametrize(
    ("optimizer", "momentum", "nesterov", "weight_decay"),
    [
        ("sgd", 0.0, False, 0.0),
        ("momentum", 0.9, False, 0.0),
        ("nesterov", 0.9, True, 0.0),
        ("adam", 0.0, False, 0.0),
        ("adamw", 0.0, False, 0.01),
    ],
)
def test_the_training_defaults_are_those_of_the_docstring(optimizer, momentum, nesterov, weight_decay):
    arm = Arm("x", optimizer=optimizer).resolved(1000)
    assert arm == Arm(
        "x", optimizer=optimizer, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay,
        betas=(0.9, 0.999), eps=1e-8, l2=0.0, schedule="constant", batch_size=64, keep_until=1.0,
        decay_norm=False,
    )  # fmt: skip
    assert arm.is_adaptive == optimizer.startswith("adam")


def test_sgd_is_the_default_optimizer():
    assert Arm("x").resolved(10).optimizer == "sgd"


def test_resolving_keeps_what_is_named_and_leaves_the_network_alone():
    assert everything().resolved(1000) == everything()
    arm = Arm("x").resolved(1000)
    network_level = ("norm", "norm_at", "keep_prob", "dropout", "init_std", "activation", "lr")
    assert [getattr(arm, f) for f in network_level] == [None] * 7
    assert arm.resolved(1000) == arm


@pytest.mark.parametrize(("n", "batch_size"), [(10, 10), (64, 64), (65, 64)])
def test_the_default_batch_never_exceeds_the_data(n, batch_size):
    assert Arm("x").resolved(n).batch_size == batch_size


def test_nesterov_without_momentum_is_found_when_the_arm_is_completed():
    with pytest.raises(PlanError, match=r"Nesterov momentum needs a momentum above 0"):
        Arm("x", nesterov=True).resolved(10)


def test_arms_are_values():
    a, b = everything(keep_prob={"0": 0.5, "2": 0.6}), everything(keep_prob={"2": 0.6, "0": 0.5})
    assert a == b
    assert len({a, b}) == 1
    assert copy.deepcopy(a) == a
    assert pickle.loads(pickle.dumps(a)) == a
    assert a != everything(keep_prob={"0": 0.5})
    assert everything(keep_prob={0: 0.5}).keep_prob == {"0": 0.5}, "sites are names"


def test_a_repr_shows_only_what_is_named():
    assert repr(Arm("a", norm="batch", keep_prob={"2": 0.5, "0": 1})) == (
        "Arm('a', norm='batch', keep_prob={'0': 1.0, '2': 0.5})"
    )
