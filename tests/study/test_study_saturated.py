"""Where batch norm matters most: sigmoid units that start saturated, so that arms differ many-fold.

Digits, 64-32-32-10 sigmoid, every weight drawn with standard deviation 5 or 20. Here the hardest target that
*every* arm reaches would be no better than chance, and an arm may never learn; the study must find a target
that means something all the same, decide for batch norm before the activation, and call what is censored a
bound. The numbers of the slow version stand in docs/validation.md.
"""

import math

import numpy as np
import pytest

import hunch
from hunch.engine.native_extension import native_absence
from hunch.stats import value_reached

ARMS = [
    hunch.Arm("none"),
    hunch.Arm("before", norm="batch"),
    hunch.Arm("after", norm="batch", norm_at="after_activation"),
]
CLAIMS = [hunch.faster("before", than="none"), hunch.faster("before", than="after")]


def saturated(init_std, **settings):
    if native_absence():
        pytest.skip(f"without the native engine this takes too long: {native_absence()}")
    return hunch.compare(
        hunch.mlp([64, 32, 32, 10], "sigmoid"), "digits", arms=ARMS, claims=CLAIMS,
        base=hunch.Arm("base", init_std=init_std), progress=False, **settings,
    )  # fmt: skip


def half_way_values(study):
    """Arm → the cost that 80 % of its pilot runs, at the rate found, have reached by half the budget."""
    plan, found = study.plan, {}
    for arm in plan.arms:
        runs = study.table.select("pilot", arm.name, lr=plan.rate(arm.name), budget=plan.budget)
        cost = np.stack([trace.cost for trace in runs])
        found[arm.name] = value_reached(runs[0].eval_at, cost, by=plan.budget / 2)
    return found


def target_means_something(target, c0, values):
    """Whether a target lies beyond half of the way from a constant guess to the best arm."""
    return target <= c0 - (c0 - min(values)) / 2


def bounds_are_right(verdict, text):
    """Whether an effect is called a bound exactly where the slower arm often never arrives."""
    share = dict(verdict.reached)[verdict.claim.reference]
    is_bound = verdict.bound == "at_least"
    says_so = "at least " in text
    return is_bound == (share < 0.8) == says_so and is_bound == (verdict.high is None)


def check(study):
    """What must hold however small the study is."""
    values = half_way_values(study)
    assert target_means_something(study.plan.target, study.facts.c0_train, values.values())
    lines = str(study).splitlines()
    for verdict, text in zip(study.verdicts, lines, strict=True):
        assert verdict.decision == "supported"
        assert verdict.low > 0
        assert bounds_are_right(verdict, text.split("(")[0])
        assert dict(verdict.reached)["before"] >= 0.8


@pytest.mark.parametrize(("init_std", "budget"), [(5, 300), (20, 500)])
def test_a_small_study_of_saturated_units_finds_what_batch_norm_does(init_std, budget):
    study = saturated(init_std, budget=budget, seeds=8, tuning="once")
    check(study)
    assert any(v.bound == "at_least" for v in study.verdicts)
    assert any("had not learned" in note for note in study.plan.notes)


@pytest.mark.slow
@pytest.mark.parametrize("init_std", [5, 20])
def test_the_saturated_regime_for_real(init_std):
    """Under half a minute each on one core."""
    study = saturated(init_std, max_seeds=20)
    check(study)
    assert study.is_complete
    by_none, by_after = study.verdicts
    assert by_after.bound == "at_least"
    assert dict(by_after.reached)["after"] == 0.0  # it never learns
    if init_std == 20:  # there plain training never arrives either
        assert by_none.bound == "at_least"
        assert dict(by_none.reached)["none"] < 0.2
    else:
        assert math.exp(by_none.effect) > 3


def test_the_checks_can_fail():
    """The rule that these replace: the hardest value that every arm reaches is no better than a guess."""
    c0, values = math.log(10), {"before": 0.011, "none": 0.617, "after": 2.252}
    assert target_means_something(0.617, c0, values.values())
    assert not target_means_something(max(values.values()), c0, values.values())
    verdict = hunch.Verdict(
        CLAIMS[0], "supported", 2.0, 1.5, 2.5, "exact", math.exp(2.0), 10, 0.05, 0.1, (10,),
        reached=(("before", 1.0), ("none", 0.1)),
    )  # fmt: skip
    assert not bounds_are_right(verdict, "supported: before needs 7.39 times fewer iterations than none")
