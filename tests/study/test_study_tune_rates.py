"""`hunch.tune` on real runs: which learning rates doses are trained at, and the runs on fresh seeds."""

import math

import numpy as np
import pytest
from tune_calls import BASE, scaled, tune

from hunch.data import constant_cost, load, validation_split
from hunch.engine.native_extension import native_absence
from hunch.stats import arrival_times


def test_what_auto_tunes_depends_on_the_engine():
    slow = tune("l2", [0.0, 0.1], arm=None, engine="loop", budget=10)
    assert slow.plan.tuning == "shared"
    assert "at one learning rate for all" in str(slow)
    if not native_absence():
        fast = tune("l2", [0.0, 0.1], arm=None, budget=10)
        assert fast.plan.tuning == "replicated"
        assert "tuned anew for every seed" in str(fast)
    for tuning in ("auto", "replicated", "shared"):
        given = tune("l2", [0.0, 0.1], tuning=tuning, budget=10)
        assert given.plan.tuning == "none", "a rate that is given is never tuned, and nothing is shared"
        assert "at the learning rates given" in str(given)


@pytest.mark.parametrize("outcome", ["cost", "error", "iterations"])
def test_one_rate_for_all_is_the_best_on_average_over_the_usual_doses(outcome):
    found = tune(
        "init_std", None, arm=None, tuning="shared", outcome=outcome, budget=30,
        target=2.0 if outcome == "iterations" else None,
    )  # fmt: skip
    (rate,) = {lr for _, lr in found.plan.rates}
    assert {t.key.lr for t in found.table.select("confirm")} == {rate}
    means = pilot_means(found, outcome)
    assert rate == min(means, key=lambda lr: (round(means[lr], 9), lr))
    assert len(means) >= 7


def pilot_means(found, outcome):
    """Rate → mean outcome of the pilot's sweep over the doses that are always trained, each at most a constant's."""
    curve = found.answer.curve
    validation = validation_split(load("digits"))
    cap = {"cost": constant_cost(validation, "cross_entropy", on="held"), "error": 0.9, "iterations": 30}[
        outcome
    ]
    by_rate = {}
    for trace in found.table.select("pilot"):
        if trace.key.arm not in curve.base or trace.key.seed not in found.plan.pilot_seeds[:3]:
            continue
        if outcome == "iterations":
            at = np.flatnonzero(trace.cost <= found.plan.target)
            value = math.log(_arrival(trace, found.plan.target) if len(at) else 30)
        else:
            value = float((trace.held_cost if outcome == "cost" else trace.held_error)[-1])
            value = cap if math.isnan(value) else min(value, cap)
        by_rate.setdefault(trace.key.lr, []).append(value)
    n = {len(v) for v in by_rate.values()}
    assert n == {len(curve.base) * 3}
    return {lr: float(np.mean(v)) for lr, v in by_rate.items()}


def _arrival(trace, target):
    return min(float(arrival_times(trace.eval_at, trace.cost, target)[0]), 30)


def test_a_dose_that_cannot_learn_has_no_say_in_the_rate_of_the_others():
    """Its costs are in the thousands at every rate: averaged as they are, they would drown all others."""
    alone = tune("init_std", [0.1, 0.3], arm=None, tuning="shared", seeds=2)
    beside = tune("init_std", [0.1, 0.3, 1e4], arm=None, tuning="shared", seeds=2)
    assert dict(beside.plan.rates)["init_std=0.3"] == dict(alone.plan.rates)["init_std=0.3"]
    np.testing.assert_array_equal(beside.answer.seen.values[:, :2], alone.answer.seen.values)


def test_that_the_one_rate_is_at_an_end_is_said_once():
    found = tune("l2", [0.0, 1e-5, 1e-4], data=scaled(1e-5), arm=None, tuning="shared", budget=4, seeds=2)
    notes = [note for note in found.plan.notes if "tried; a rate beyond" in note]
    assert len(notes) == 1
    assert notes[0].startswith("The learning rate of all arms together (")


def test_where_each_dose_has_its_own_rate_nobody_elses_counts():
    found = tune("l2", [0.0, 1.0], arm=None, tuning="once", budget=30)
    rates = dict(found.plan.rates)
    by_arm = {arm: {t.key.lr for t in found.table.select("confirm", arm)} for arm in rates}
    assert by_arm == {arm: {rate} for arm, rate in rates.items()}


@pytest.mark.parametrize("outcome", ["cost", "error", "iterations"])
@pytest.mark.parametrize("tuning", ["given", "replicated", "shared"])
def test_best_and_default_meet_on_fresh_seeds(outcome, tuning):
    settings = {"arm": BASE if tuning == "given" else None, "tuning": "auto" if tuning == "given" else tuning}
    target = 1.5 if outcome == "iterations" else None
    found = tune(
        "l2", [0.0, 0.3], outcome=outcome, default=0.3, fresh=6, budget=60, target=target, **settings
    )
    assert found.best.value == (0.0,)
    assert found.confirmed.decision == "supported"
    assert found.confirmed.seeds == 6
    assert found.confirmed.claim.arms == ("l2=0", "l2=0.3")
    assert "on fresh seeds: supported" in str(found)
    assert found.is_complete
    frame = found.frame()
    assert set(frame["seed"]) == set(found.plan.seeds[:5]), "they are no part of the curve"
    of_fresh = {t.key.seed for t in found.table.select("confirm")} - set(frame["seed"])
    assert of_fresh == set(found.plan.seeds[5:])


def test_fresh_runs_are_of_best_and_default_alone_and_only_where_they_differ():
    found = tune("l2", [0.0, 0.1, 0.3], default=0.3, fresh=3)
    fresh = [t for t in found.table.select("confirm") if t.key.seed in found.plan.seeds[5:]]
    assert {t.key.arm for t in fresh} == {"l2=0", "l2=0.3"}
    same = tune("l2", [0.0, 0.1, 0.3], default=0.0, fresh=3)
    assert same.confirmed is None
    assert same.is_complete
    assert {t.key.seed for t in same.table.select("confirm")} == set(same.plan.seeds[:5])
