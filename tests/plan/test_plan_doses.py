"""Doses as data: JSON and back, inside a plan too; knobs and doses read from what a user writes, or refused."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunch.errors import PlanError
from hunch.plan import (
    BEYOND,
    COARSE,
    DOSE_OUTCOMES,
    GRIDS,
    KNOBS,
    Arm,
    Claim,
    Curve,
    Doses,
    Plan,
    Spare,
    dose_name,
    faster,
    read_doses,
    read_knobs,
    split_knob,
)

SITES = st.sampled_from(["0", "input", "features.3", "head at the end", "é"])
KNOB_NAMES = st.sampled_from(KNOBS) | SITES.map(lambda site: f"keep_prob at {site}")
DOSE = st.floats(0, 1e6)


@st.composite
def curves(draw):
    knobs = tuple(draw(st.lists(KNOB_NAMES, min_size=1, max_size=2, unique=True)))
    values = draw(st.lists(st.tuples(*[DOSE] * len(knobs)), min_size=2, max_size=6, unique=True))
    values = tuple(sorted(values))
    arms = tuple(f"{dose_name(knobs, v)} #{k}" for k, v in enumerate(values))
    spares = tuple(
        Spare(draw(st.integers(0, len(knobs) - 1)), side, tuple(draw(st.sets(st.sampled_from(arms)))))
        for side in draw(st.sampled_from([(), ("low",), ("high",), ("low", "high")]))
    )
    return Curve(knobs, arms, values, spares, draw(st.none() | st.sampled_from(arms)))


@st.composite
def doses(draw):
    return Doses(
        outcome=draw(st.sampled_from(sorted(DOSE_OUTCOMES.values()))),
        curves=tuple(draw(st.lists(curves(), min_size=1, max_size=2))),
        n_seeds=draw(st.integers(1, 50)),
        asks=draw(st.sampled_from(["near_optimal", "equivalent"])),
    )


def through_text(value):
    """What a file does to JSON."""
    return json.loads(json.dumps(value, allow_nan=False))


def plan_with(asked, **changes):
    arms = asked.arms if asked is not None else ("a", "b")
    settings = {
        "arms": tuple(Arm(name, lr=0.1) for name in arms),
        "claims": (),
        "cost": "cross_entropy",
        "seeds": tuple(range(60)),
        "doses": asked,
    }
    return Plan(**(settings | changes))


@given(doses())
def test_doses_survive_json_and_their_repr_can_be_pasted_back(asked):
    again = Doses.from_json(through_text(asked.to_json()))
    assert again == asked
    assert hash(again) == hash(asked)
    assert eval(repr(asked), {"Doses": Doses, "Curve": Curve, "Spare": Spare}) == asked


@given(doses())
def test_a_plan_with_doses_survives_json_and_keeps_its_hash(asked):
    plan = plan_with(asked)
    again = Plan.from_json(through_text(plan.to_json()))
    assert again == plan
    assert again.doses == asked
    assert again.hash == plan.hash
    assert eval(repr(plan), {c.__name__: c for c in (Plan, Arm, Claim, Doses, Curve, Spare)}) == plan
    assert plan.asked().doses == asked, "the pilot finds no doses: they are asked"


PLAIN = Plan(
    (Arm("none", lr=0.1), Arm("before", norm="batch", lr=0.1)),
    (faster("before", than="none"),),
    "cross_entropy",
    (0, 1, 2),
)


def test_a_plan_without_doses_has_the_hash_that_it_had_before_there_were_doses():
    """Made by the version before: studies that lie on a disk can be resumed, and are the same study."""
    assert PLAIN.hash == "7df1f3b21137325c65cbb173919511361d52480168ebf8a8cbf204ca678df0eb"
    frozen = PLAIN.freeze(budget=10, target=0.5, rates={"before": 1, "none": 2}, margins=[0.1], notes=["n"])
    assert frozen.hash == "2ba20ac3646f479b55e917964a55c9876d684830ba21b92a36a6d47fb513a902"
    assert "doses" not in PLAIN.to_json()
    assert Plan.from_json(through_text(PLAIN.to_json())).doses is None


CURVE = Curve(("l2",), ("a", "b", "c"), ((0.0,), (0.1,), (1.0,)), (Spare(0, "high", ("c",)),), "a")
ASKED = Doses("held_out_cost", (CURVE,), 20)


@pytest.mark.parametrize(
    "other",
    [
        None,
        Doses("held_out_error", (CURVE,), 20),
        Doses("held_out_cost", (CURVE,), 19),
        Doses("held_out_cost", (CURVE,), 20, "equivalent"),
        Doses("held_out_cost", (Curve(("l2",), CURVE.arms, CURVE.values, CURVE.spares, "b"),), 20),
        Doses("held_out_cost", (Curve(("l2",), CURVE.arms, CURVE.values, (), "a"),), 20),
        Doses("held_out_cost", (Curve(("lr",), CURVE.arms, CURVE.values, CURVE.spares, "a"),), 20),
    ],
    ids=["none", "outcome", "seeds", "asks", "default", "spares", "knob"],
)
def test_whatever_is_asked_differently_of_doses_changes_the_hash(other):
    arms = {"arms": tuple(Arm(name, lr=0.1) for name in CURVE.arms)}
    assert plan_with(other, **arms).hash != plan_with(ASKED, **arms).hash


def test_the_doses_of_a_curve_and_which_of_them_are_only_trained_if_needed():
    assert CURVE.base == ("a", "b")
    assert CURVE.value("c") == (1.0,)
    assert CURVE.is_log()
    assert not Curve(("keep_prob at 0",), ("a",), ((0.5,),)).is_log()
    second = Curve(("l2", "keep_prob"), ("b", "d"), ((0.0, 0.5), (0.0, 1.0)))
    assert (second.is_log(0), second.is_log(1)) == (True, False)
    assert Doses("gap", (CURVE, second), 5).arms == ("a", "b", "c", "d")


def test_default_doses_are_in_range_rising_and_those_beyond_lie_beyond():
    for knob in KNOBS:
        for grid in (GRIDS[knob], COARSE.get(knob, GRIDS[knob])):
            assert list(grid) == sorted(set(grid))
            low, high = BEYOND[knob]
            assert all(v < grid[0] for v in low)
            assert all(v > grid[-1] for v in high)
            for value in (*low, *grid, *high):
                Arm("dose", **{knob: value})  # refuses what is out of range
    assert GRIDS["keep_prob"][-1] == 1.0
    assert BEYOND["keep_prob"][1] == (), "never past keep 1"
    for knob in ("l2", "weight_decay"):
        assert GRIDS[knob][0] == 0.0
        assert BEYOND[knob][0] == (), "never past λ 0"


@pytest.mark.parametrize(
    ("knob", "parts"),
    [
        ("l2", ("l2", None)),
        ("keep_prob at 0", ("keep_prob", "0")),
        ("keep_prob at features.3", ("keep_prob", "features.3")),
        (" keep_prob at  2 ", ("keep_prob", "2")),
        ("keep_prob at look at me", ("keep_prob", "look at me")),
        ("keep_prob at ", ("keep_prob", "")),
        ("at", ("at", None)),
    ],
)
def test_a_knob_is_a_name_and_a_site(knob, parts):
    assert split_knob(knob) == parts


@pytest.mark.parametrize(
    ("knob", "read"),
    [
        ("keep_prob", ("keep_prob",)),
        (["l2"], ("l2",)),
        (("keep_prob", "l2"), ("keep_prob", "l2")),
        (["keep_prob at 0", "keep_prob at 2"], ("keep_prob at 0", "keep_prob at 2")),
        ("keep_prob at  0", ("keep_prob at 0",)),
    ],
)
def test_knobs_are_read(knob, read):
    assert read_knobs(knob) == read


@pytest.mark.parametrize(
    ("knob", "match"),
    [
        ("p", r"knob 'p' is none of keep_prob, .* probability to keep\."),
        ("batch_size", "knob 'batch_size' is none of keep_prob, l2, weight_decay, lr, init_std"),
        (None, "knob must be one of keep_prob"),
        ([], "knob must be one of keep_prob"),
        (0.5, "knob must be one of keep_prob"),
        ([0.5, "l2"], "knob must be one of keep_prob"),
        ({"l2": 1}, "knob must be one of keep_prob"),
        ("l2 at 0", "only keep_prob is set for one site, l2 holds for the whole network"),
        (["l2", "l2"], "knob names 'l2' twice"),
        (["keep_prob at 0", "keep_prob at  0"], "knob names 'keep_prob at 0' twice"),
        (["keep_prob", "l2", "lr"], "knob names 3 knobs, and a grid has two at most.*343 arms"),
    ],
)
def test_what_is_no_knob_is_refused(knob, match):
    with pytest.raises(PlanError, match=match) as caught:
        read_knobs(knob)
    assert {p.slug for p in caught.value.problems} == {"plan-knob"}


def test_all_that_is_wrong_with_knobs_is_said_at_once():
    with pytest.raises(PlanError, match="2 problems") as caught:
        read_knobs(["l2 at 0", "p"])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("knobs", "given", "read"),
    [
        (["l2"], None, None),
        (["l2"], [1, 0, 0.1], ((0.0, 0.1, 1.0),)),
        (["l2"], (0, 0.0, 1), ((0.0, 1.0),)),
        (["keep_prob"], np.array([1.0, 0.5]), ((0.5, 1.0),)),
        (["keep_prob"], np.array([1, 0.5], dtype=np.float32), ((0.5, 1.0),)),
        (["l2"], {0.1, 0.2}, ((0.1, 0.2),)),
        (["l2"], iter([0.2, 0.1]), ((0.1, 0.2),)),
        (["keep_prob", "l2"], [[1, 0.5], [0, 0.1]], ((0.5, 1.0), (0.0, 0.1))),
        (["keep_prob", "l2"], np.array([[1, 0.5], [0, 0.1]]), ((0.5, 1.0), (0.0, 0.1))),
    ],
)
def test_doses_are_read_rising_each_once_as_plain_floats(knobs, given, read):
    found = read_doses(knobs, given)
    assert found == read
    assert found is None or all(type(v) is float for values in found for v in values)


@pytest.mark.parametrize(
    ("knobs", "given", "match"),
    [
        (["l2"], [], "doses of l2 must be a list of finite numbers"),
        (["l2"], 0.5, "doses of l2 must be a list of finite numbers, got 0.5"),
        (["l2"], "0.5", "doses of l2 must be a list of finite numbers, got '0.5'"),
        (["l2"], ["0", "1"], "doses of l2 must be a list of finite numbers"),
        (["l2"], [0, None], "doses of l2 must be a list of finite numbers"),
        (["l2"], [True, False], "doses of l2 must be a list of finite numbers"),
        (["l2"], [0, math.nan], "doses of l2 must be a list of finite numbers"),
        (["l2"], [0, math.inf], "doses of l2 must be a list of finite numbers"),
        (["l2"], {0: 1, 1: 2}, "doses of l2 must be a list of finite numbers"),
        (["l2"], [[0, 1]], "doses of l2 must be a list of finite numbers"),
        (["l2"], [0.1], r"at least two different doses, got \[0\.1\]"),
        (["l2"], [0.1, 0.1], r"at least two different doses, got \[0\.1, 0\.1\]"),
        (["keep_prob", "l2"], [0.5, 1], "doses of keep_prob must be a list of finite numbers, got 0.5"),
        (["keep_prob", "l2"], [[0.5, 1]], "one list for each of the knobs keep_prob, l2"),
        (["keep_prob", "l2"], 0.5, "one list for each of the knobs keep_prob, l2"),
        (["keep_prob", "l2"], [[0.5, 1], [0.1]], r"doses of l2: a curve needs at least two"),
    ],
)
def test_what_are_no_doses_is_refused(knobs, given, match):
    with pytest.raises(PlanError, match=match) as caught:
        read_doses(knobs, given)
    assert {p.slug for p in caught.value.problems} == {"plan-doses"}


def test_a_dose_names_its_arm_by_six_digits():
    assert dose_name(["keep_prob"], [0.9]) == "keep_prob=0.9"
    assert dose_name(["l2", "keep_prob at 0"], [0.0, 1.0]) == "l2=0, keep_prob at 0=1"
    assert dose_name(["l2"], [1e-5]) == "l2=1e-05"
    assert dose_name(["lr"], [0.30000001]) == dose_name(["lr"], [0.3]), "whoever names arms must look"
