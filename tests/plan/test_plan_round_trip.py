"""Plans as data: JSON and back, repr and back, and a hash that depends on nothing but what is asked."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunch.errors import PlanError
from hunch.plan import READING_NAMES, Arm, Claim, Plan, faster
from hunch.plan.arms import ACTIVATIONS, DROPOUTS, NORM_PLACES, NORMS, OPTIMIZERS, SCHEDULES

ARM_NAMES = ("none", "before", "after", "drop")
SITES = st.sampled_from(["0", "2", "features.3", "head.fc"])
KEEP = st.floats(0, 1, exclude_min=True)
ABOVE_ZERO = st.floats(0, 10, exclude_min=True)
SETTINGS = {
    "norm": st.sampled_from(NORMS),
    "norm_at": st.sampled_from(NORM_PLACES),
    "keep_prob": KEEP | st.dictionaries(SITES, KEEP, min_size=1, max_size=3),
    "dropout": st.sampled_from(DROPOUTS),
    "l2": st.floats(0, 1),
    "weight_decay": st.floats(0, 1),
    "init_std": ABOVE_ZERO,
    "activation": st.sampled_from(ACTIVATIONS),
    "optimizer": st.sampled_from(OPTIMIZERS),
    "lr": ABOVE_ZERO,
    "momentum": st.floats(0.01, 0.99),
    "nesterov": st.booleans(),
    "betas": st.tuples(st.floats(0, 0.99), st.floats(0, 0.999)),
    "eps": ABOVE_ZERO,
    "schedule": st.sampled_from(SCHEDULES),
    "batch_size": st.integers(2, 500),
    "keep_until": KEEP,
    "decay_norm": st.booleans(),
}


@st.composite
def arms(draw, name=None):
    named = draw(st.sets(st.sampled_from(sorted(SETTINGS))))
    name = name or draw(st.text("abc_-é01·", min_size=1, max_size=8))
    return Arm(name, **{k: draw(SETTINGS[k]) for k in sorted(named)})


@st.composite
def claims(draw):
    outcome = draw(
        st.sampled_from(["iterations", "cost", "held_out_cost", "held_out_error", "gap", *READING_NAMES])
    )
    chosen = draw(st.permutations(ARM_NAMES))
    weights = draw(st.sampled_from([(-1.0, 1.0), (1.0, -1.0), (1.0, -1.0, -1.0, 1.0), (0.5, 0.5, -1.0)]))
    margin = draw(st.none() | (st.floats(1.01, 3) if outcome == "iterations" else st.floats(1e-6, 3)))
    site = draw(st.none() | SITES) if outcome in READING_NAMES else None
    kind = draw(st.sampled_from(["more", "same"]))
    return Claim(kind, outcome, tuple(zip(chosen, weights, strict=False)), margin, site)


@st.composite
def plans(draw):
    seeds = tuple(draw(st.lists(st.integers(0, 9_999), unique=True, max_size=5)))
    earlier = draw(st.sets(st.integers(1, max(1, len(seeds) - 1)), max_size=2)) if len(seeds) > 1 else set()
    plan = Plan(
        arms=tuple(draw(arms(name)) for name in ARM_NAMES),
        claims=tuple(dict.fromkeys(draw(st.lists(claims(), max_size=3)))),
        cost=draw(
            st.sampled_from(["cross_entropy", "mean_squared_error", "own:focal.<locals>.cost:0123456789ab"])
        ),
        seeds=seeds,
        looks=(*sorted(earlier), len(seeds)) if earlier else (),
        sequence=draw(st.sampled_from(["planned", "anytime"])),
        robust=draw(st.booleans()),
        tuning=draw(st.sampled_from(["replicated", "once"])),
        seed=draw(st.integers(0, 1000)),
        pilot_seeds=(800_000, 800_001),
        metric=draw(st.sampled_from(["train", "held_out"])),
        alpha=draw(st.floats(0.001, 0.49)),
        paired=draw(st.booleans()),
        asked_budget=draw(st.none() | st.integers(1, 10**6)),
        asked_target=draw(st.none() | st.floats(-1, 100)),
        data_hash="d" * 8,
        network_hash="n" * 8,
    )
    if draw(st.booleans()):
        plan = plan.freeze(
            budget=draw(st.integers(1, 10**6)),
            target=draw(st.none() | st.floats(0, 10)),
            rates={name: draw(st.floats(1e-6, 10)) for name in ARM_NAMES},
            grids={name: draw(st.lists(st.floats(1e-6, 10), max_size=3)) for name in ARM_NAMES[:2]},
            margins=[draw(st.floats(1e-6, 1)) for _ in plan.claims],
            notes=draw(st.lists(st.text(max_size=10), max_size=2)),
        )
    return plan


def through_text(value):
    """What a file does to JSON."""
    return json.loads(json.dumps(value, allow_nan=False))


@given(arms())
def test_an_arm_survives_json_and_its_repr_can_be_pasted_back(arm):
    again = Arm.from_json(through_text(arm.to_json()))
    assert again == arm
    assert hash(again) == hash(arm)
    assert eval(repr(arm), {"Arm": Arm}) == arm


@given(claims())
def test_a_claim_survives_json_and_its_repr_can_be_pasted_back(claim):
    again = Claim.from_json(through_text(claim.to_json()))
    assert again == claim
    assert hash(again) == hash(claim)
    assert eval(repr(claim), {"Claim": Claim}) == claim


@given(plans())
def test_a_plan_survives_json_and_its_repr_can_be_pasted_back(plan):
    again = Plan.from_json(through_text(plan.to_json()))
    assert again == plan
    assert again.hash == plan.hash
    assert Plan.from_json(json.loads(plan.to_text())).to_text() == plan.to_text()
    assert eval(repr(plan), {"Plan": Plan, "Arm": Arm, "Claim": Claim}) == plan


@given(plans())
def test_asking_takes_back_what_the_pilot_found(plan):
    asked = plan.asked()
    assert (asked.budget, asked.target) == (plan.asked_budget, plan.asked_target)
    assert (asked.rates, asked.grids, asked.margins, asked.notes) == ((), (), (), ())
    assert asked.asked() == asked
    assert (asked.arms, asked.claims) == (plan.arms, plan.claims)


def small_plan(**settings):
    return Plan(
        **{
            "arms": (Arm("none", lr=0.1), Arm("before", norm="batch", lr=0.1)),
            "claims": (faster("before", than="none"),),
            "cost": "cross_entropy",
            "seeds": (0, 1, 2),
            **settings,
        }
    )


def test_the_hash_does_not_depend_on_the_process_that_wrote_it():
    code = (
        "from hunch.plan import *\n"
        "arms = (Arm('none', keep_prob={'2': 0.5, '0': 0.8}), Arm('before', norm='batch'))\n"
        "print(Plan(arms, (faster('before', than='none'),), 'cross_entropy', (0, 1)).hash)\n"
    )
    hashes = set()
    for hash_seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        hashes.add(done.stdout)
    assert len(hashes) == 1
    assert len(hashes.pop().strip()) == 64


@pytest.mark.parametrize(
    "other",
    [
        {"seeds": (0, 1, 3)},
        {"seed": 1},
        {"alpha": 0.01},
        {"metric": "held_out"},
        {"paired": False},
        {"asked_budget": 10},
        {"data_hash": "x"},
        {"network_hash": "x"},
        {"claims": ()},
        {"claims": (faster("before", than="none", margin=1.2),)},
        {"arms": (Arm("none", lr=0.1), Arm("before", norm="layer", lr=0.1))},
        {"arms": (Arm("before", norm="batch", lr=0.1), Arm("none", lr=0.1))},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_is_asked_differently_changes_the_hash(other):
    assert small_plan(**other).hash != small_plan().hash


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"lr": 1}, {"lr": 1.0}),
        ({"keep_prob": 1}, {"keep_prob": 1.0}),
        ({"keep_prob": {"0": 1, "2": 0.5}}, {"keep_prob": {"2": 0.5, "0": 1.0}}),
        ({"betas": [0, 0.9]}, {"betas": (0.0, 0.9)}),
        ({"l2": 0, "momentum": 0}, {"l2": 0.0, "momentum": 0.0}),
        ({"lr": np.float64(0.5)}, {"lr": 0.5}),
        ({"lr": np.float32(0.5), "batch_size": np.int64(8)}, {"lr": 0.5, "batch_size": 8}),
    ],
    ids=str,
)
def test_arms_that_ask_the_same_have_the_same_json_and_repr(a, b):
    a, b = Arm("x", **a), Arm("x", **b)
    assert a == b
    assert json.dumps(a.to_json()) == json.dumps(b.to_json())
    assert repr(a) == repr(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"asked_target": 1}, {"asked_target": 1.0}),
        (
            {"claims": (faster("before", than="none", margin=2),)},
            {"claims": (faster("before", than="none", margin=2.0),)},
        ),
        ({"seeds": [0, 1]}, {"seeds": (0, 1)}),
        ({"seeds": np.arange(2)}, {"seeds": (0, 1)}),
    ],
    ids=str,
)  # fmt: skip
def test_plans_that_ask_the_same_have_the_same_hash(a, b):
    assert small_plan(**a) == small_plan(**b)
    assert small_plan(**a).hash == small_plan(**b).hash


def test_plans_and_arms_cannot_be_changed():
    plan = small_plan()
    with pytest.raises(AttributeError, match="cannot assign to field"):
        plan.seeds = ()
    with pytest.raises(AttributeError, match="cannot assign to field"):
        plan.arms[0].lr = 2.0
    keep = {"0": 0.5}
    arm = Arm("x", keep_prob=keep)
    keep["0"] = 0.9
    assert arm.keep_prob == {"0": 0.5}
    with pytest.raises(TypeError, match="does not support item assignment"):
        arm.keep_prob["0"] = 0.9


def test_an_unknown_field_in_json_names_the_field_and_the_way_out():
    with pytest.raises(
        PlanError, match=r"does not know: later\. .* install that one\.  \[plan-unknown-field\]"
    ):
        Plan.from_json({**small_plan().to_json(), "later": 1})
    with pytest.raises(PlanError, match=r"'normm' is not a setting of an arm\. .*\[plan-arm-setting\]"):
        Arm.from_json({"name": "x", "normm": "batch"})


def test_a_plan_is_frozen_once_budget_rates_and_margins_are_there():
    plan = small_plan()
    assert not plan.is_frozen
    assert plan.rate("none") is None
    frozen = plan.freeze(budget=10, target=0.5, rates={"before": 1, "none": 2}, margins=[0.1], notes=["n"])
    assert frozen.is_frozen
    assert frozen.rates == (("none", 2.0), ("before", 1.0)), "in the order of the arms"
    assert frozen.rate("before") == 1.0
    assert frozen.notes == ("n",)
    assert frozen.hash != plan.hash
    assert frozen.asked() == plan


def test_arms_are_found_by_name():
    plan = small_plan()
    assert plan.arm("before") is plan.arms[1]
    assert plan.arm_index("before") == 1
    with pytest.raises(
        PlanError, match=r"there is no arm 'bn'\. The arms are none, before\.  \[plan-unknown-arm\]"
    ):
        plan.arm("bn")
