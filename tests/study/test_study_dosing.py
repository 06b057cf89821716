"""The arms of a dose-response study: default grids and what lies beyond, the default dose, one site, two knobs."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

import hunch
from hunch.errors import HunchError, PlanError
from hunch.plan import Arm, read_doses, read_knobs
from hunch.study.ask import read_blocks
from hunch.study.dose_study import with_fresh
from hunch.study.dosing import make_curve

NETWORK = hunch.mlp([8, 6, 5, 3])()  # its sites with an activation are 0 and 2


def dropping(p, second=None, inputs=None):
    """A network with dropout of its own."""
    layers = [nn.Linear(8, 6), nn.ReLU(), nn.Dropout(p), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)]
    if second is not None:
        layers.insert(5, nn.Dropout(second))
    return nn.Sequential(*([nn.Dropout(inputs)] if inputs is not None else []), *layers)


def made(knob, doses=None, arm=None, network=NETWORK, default=None):
    knobs = read_knobs(knob)
    return make_curve(knobs, read_doses(knobs, doses), arm, network, default)


def values(curve, arms):
    """The doses of these arms of a curve of one knob."""
    return [curve.value(arm)[0] for arm in arms]


def beyond(curve):
    return {(s.knob, s.side): values(curve, s.arms) for s in curve.spares}


@pytest.mark.parametrize(
    ("knob", "base", "more"),
    [
        ("keep_prob", [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0], {(0, "low"): [0.1, 0.2]}),
        ("keep_prob at 2", [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0], {(0, "low"): [0.1, 0.2]}),
        ("l2", [0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2], {(0, "high"): [0.1, 0.3]}),
        ("weight_decay", [0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3], {(0, "high"): [1.0, 3.0]}),
        ("init_std", [0.01, 0.03, 0.1, 0.3, 1.0, 3.0], {(0, "low"): [0.001, 0.003], (0, "high"): [10.0]}),
        (
            "lr",
            [0.003, 0.009487, 0.03, 0.09487, 0.3, 0.9487, 3.0],
            {(0, "low"): [0.0003, 0.0009487], (0, "high"): [9.487, 30.0]},
        ),
    ],
)
def test_the_usual_doses_and_those_beyond_their_ends(knob, base, more):
    dosing = made(knob)
    curve = dosing.curve
    assert values(curve, curve.base) == base
    assert beyond(curve) == more
    assert [arm.name for arm in dosing.arms] == list(curve.arms)
    assert list(curve.values) == sorted(curve.values)
    for arm, (value,) in zip(dosing.arms, curve.values, strict=True):
        named = knob.partition(" at ")[0]
        assert arm == Arm(arm.name, **{named: {"2": value} if "at" in knob else value}), (
            "nothing else is changed"
        )


def test_learning_rates_of_adam_are_on_its_own_scale():
    curve = made("lr", arm=Arm("adam", optimizer="adam")).curve
    assert values(curve, curve.base) == [9e-5, 0.0002846, 9e-4, 0.002846, 0.009, 0.02846, 0.09]
    assert beyond(curve) == {(0, "low"): [9e-6, 2.846e-5], (0, "high"): [0.2846, 0.9]}
    given = made("lr", [0.1, 0.3], arm=Arm("adam", optimizer="adam")).curve
    assert values(given, given.arms) == [0.1, 0.3], "given doses are taken as they are"


def test_given_doses_are_never_extended():
    for knob, doses in (("keep_prob", [0.5, 0.8]), ("l2", [0.1, 0.2]), ("lr", [0.1, 0.3])):
        curve = made(knob, doses).curve
        assert values(curve, curve.arms) == doses
        assert curve.base == curve.arms
        assert curve.spares == ()
    assert made(["keep_prob", "l2"], [[0.5, 0.8], [0.1, 0.2]]).curve.spares == ()


@pytest.mark.parametrize(
    ("knob", "arm", "network", "default"),
    [
        ("keep_prob", None, NETWORK, 1.0),
        ("keep_prob", Arm("a", keep_prob=0.85), NETWORK, 0.85),
        ("keep_prob", None, dropping(0.25, 0.25), 0.75),
        ("keep_prob", None, dropping(0.25), None),  # one layer has it, the other has not
        ("keep_prob", None, dropping(0.25, 0.5), None),
        ("keep_prob", Arm("a", keep_prob={"3": 0.75}), dropping(0.25), 0.75),
        ("keep_prob", Arm("a", keep_prob=0.85), dropping(0.25), 0.85),
        ("keep_prob at 0", None, dropping(0.25), 0.75),
        ("keep_prob at 3", None, dropping(0.25), 1.0),
        ("keep_prob at 0", Arm("a", keep_prob={"0": 0.65}), dropping(0.25), 0.65),
        ("keep_prob at 2", Arm("a", keep_prob={"0": 0.65}), NETWORK, 1.0),
        ("keep_prob at 2", Arm("a", keep_prob=0.65), NETWORK, 0.65),
        ("keep_prob at input", None, NETWORK, 1.0),
        ("keep_prob at input", None, dropping(0.25, inputs=0.125), 0.875),
        ("keep_prob at input", Arm("a", keep_prob=0.65), dropping(0.25, inputs=0.125), 0.875),
        ("keep_prob at input", Arm("a", keep_prob={"input": 0.65}), NETWORK, 0.65),
        ("l2", None, NETWORK, 0.0),
        ("l2", Arm("a", l2=0.2), NETWORK, 0.2),
        ("weight_decay", None, NETWORK, 0.0),
        ("weight_decay", Arm("a", optimizer="adam"), NETWORK, 0.0),
        ("weight_decay", Arm("a", optimizer="adamw"), NETWORK, 0.01),
        ("weight_decay", Arm("a", optimizer="adamw", weight_decay=0.0), NETWORK, 0.0),
        ("lr", None, NETWORK, None),
        ("lr", Arm("a", lr=0.2), NETWORK, 0.2),
        ("init_std", None, NETWORK, None),
        ("init_std", Arm("a", init_std=0.2), NETWORK, 0.2),
    ],
)
def test_the_default_is_what_arm_and_network_have_and_one_of_the_usual_doses(knob, arm, network, default):
    curve = made(knob, arm=arm, network=network).curve
    if default is None:
        assert curve.default is None
    else:
        assert curve.value(curve.default) == (default,)
        assert curve.default in curve.base


def test_a_default_beyond_an_end_stands_in_the_grid_and_what_it_passes_is_no_longer_beyond():
    curve = made("keep_prob", arm=Arm("a", keep_prob=0.15)).curve
    assert values(curve, curve.base)[:2] == [0.15, 0.3]
    assert beyond(curve) == {(0, "low"): [0.1]}
    curve = made("l2", arm=Arm("a", l2=5.0)).curve
    assert values(curve, curve.base)[-1] == 5.0
    assert beyond(curve) == {}


def test_among_given_doses_the_default_counts_only_where_it_is_one_of_them_or_is_named():
    assert made("l2", [0.1, 0.2]).curve.default is None
    assert made("l2", [0.0, 0.2]).curve.default == "l2=0"
    assert made("l2", [0.1, 0.2], Arm("a", l2=0.2)).curve.default == "l2=0.2"
    named = made("l2", [0.1, 0.2], default=0.15).curve
    assert values(named, named.arms) == [0.1, 0.15, 0.2]
    assert named.default == "l2=0.15"
    assert named.spares == ()
    over = made("l2", [0.1, 0.2], Arm("a", l2=0.2), default=0.1).curve
    assert over.default == "l2=0.1", "what is named goes before what the arm has"


@pytest.mark.parametrize(
    "default", [np.int64(1), np.float32(0.25), np.float64(0.25), (0.25,), [1], np.array([0.25])]
)
def test_a_default_may_be_any_number(default):
    found = float(np.asarray(default).ravel()[0])
    curve = made("l2", [0.1, 0.2], default=default).curve
    assert curve.value(curve.default) == (found,)


@pytest.mark.parametrize(
    "default", ["0.5", "x", True, [0.1, 0.2], (), [None], {}, float("nan"), float("inf")]
)
def test_a_default_that_is_no_dose_is_refused(default):
    with pytest.raises(
        PlanError, match=r"default must be the dose .* one number for each of l2, got .*\[plan-default"
    ):
        made("l2", [0.1, 0.2], default=default)


def test_networks_that_drop_by_a_probability_have_the_round_keep_probability():
    """1 - 0.7 is 0.30000000000000004: no dose that anyone would ask for."""
    for p in (0.1, 0.2, 0.3, 0.6, 0.7, 0.9):
        curve = made("keep_prob", network=dropping(p, p)).curve
        assert curve.value(curve.default) == (round(1 - p, 9),)
        at_inputs = made("keep_prob at input", network=dropping(0.5, inputs=p)).curve
        assert at_inputs.value(at_inputs.default) == (round(1 - p, 9),)
    assert made("keep_prob", [0.3, 1.0], network=dropping(0.7, 0.7)).curve.default == "keep_prob=0.3"


def test_doses_that_six_digits_cannot_tell_apart_are_named_in_full():
    dosing = made("lr", [0.3, 0.30000001, 1.0])
    assert [arm.name for arm in dosing.arms] == ["lr=0.3", "lr=0.30000001", "lr=1.0"]
    assert [arm.lr for arm in dosing.arms] == [0.3, 0.30000001, 1.0]
    two = made(["keep_prob", "l2"], [[0.5, 0.50000001], [0, 1e-5]])
    assert len({arm.name for arm in two.arms}) == 4
    assert made("lr", [0.3, 1.0]).curve.arms == ("lr=0.3", "lr=1")


def test_the_knob_of_one_site_changes_that_site_alone():
    plain = made("keep_prob at 2", [0.5, 1.0]).arms
    assert [arm.keep_prob for arm in plain] == [{"2": 0.5}, {"2": 1.0}]
    both = made("keep_prob at 2", [0.5, 1.0], Arm("a", keep_prob=0.8)).arms
    assert [arm.keep_prob for arm in both] == [{"0": 0.8, "2": 0.5}, {"0": 0.8, "2": 1.0}]
    mapped = made("keep_prob at 2", [0.5, 1.0], Arm("a", keep_prob={"0": 0.8, "2": 0.9, "input": 0.7})).arms
    assert mapped[0].keep_prob == {"0": 0.8, "2": 0.5, "input": 0.7}
    inputs = made("keep_prob at input", [0.5, 1.0], Arm("a", keep_prob=0.8)).arms
    assert inputs[0].keep_prob == {"0": 0.8, "2": 0.8, "input": 0.5}


def test_the_knob_of_all_layers_leaves_the_inputs_as_the_arm_has_them():
    arms = made("keep_prob", [0.5, 1.0], Arm("a", keep_prob={"0": 0.8, "input": 0.7})).arms
    assert [arm.keep_prob for arm in arms] == [
        {"0": 0.5, "2": 0.5, "input": 0.7},
        {"0": 1.0, "2": 1.0, "input": 0.7},
    ]


def test_all_else_is_what_the_arm_says():
    arm = Arm("bn", norm="batch", lr=0.2, optimizer="momentum", l2=0.01, dropout="gaussian", keep_prob=0.9)
    for dose in made("l2", [0.0, 0.1], arm).arms:
        assert dose == Arm(
            dose.name,
            norm="batch",
            lr=0.2,
            optimizer="momentum",
            l2=dose.l2,
            dropout="gaussian",
            keep_prob=0.9,
        )


def test_two_knobs_make_a_grid_and_each_end_goes_one_dose_further():
    dosing = made(["keep_prob", "l2"])
    curve = dosing.curve
    keeps, l2s = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
    assert [curve.value(arm) for arm in curve.base] == list(itertools.product(keeps, l2s))
    spares = {(s.knob, s.side): {curve.value(arm) for arm in s.arms} for s in curve.spares}
    assert spares == {(0, "low"): {(0.2, l2) for l2 in l2s}, (1, "high"): {(keep, 0.1) for keep in keeps}}
    assert curve.value(curve.default) == (1.0, 0.0)
    for arm, value in zip(dosing.arms, curve.values, strict=True):
        assert (arm.keep_prob, arm.l2) == value


@pytest.mark.parametrize("knobs", [["keep_prob", "keep_prob at 2"], ["keep_prob at 2", "keep_prob"]])
def test_one_site_beside_all_layers_means_that_site_whichever_is_named_first(knobs):
    doses = [[0.5, 1.0], [0.6, 0.9]]
    for arm in made(knobs, doses).arms:
        whole, own = (
            float(arm.name.split(f"{k}=")[1].split(",")[0]) for k in ("keep_prob", "keep_prob at 2")
        )
        assert arm.keep_prob == {"0": whole, "2": own}


def test_two_sites_are_two_knobs():
    arms = made(["keep_prob at 0", "keep_prob at 2"], [[0.5, 1.0], [0.6, 0.9]]).arms
    assert [arm.keep_prob for arm in arms] == [
        {"0": a, "2": b} for a, b in itertools.product((0.5, 1.0), (0.6, 0.9))
    ]


def test_a_site_that_is_not_there_is_said_once():
    for knob in ("keep_prob at 7", ["keep_prob at 7", "l2"]):
        with pytest.raises(
            HunchError, match=r"no site '7' in the network\. The sites are '0', '2'"
        ) as caught:
            made(knob)
        assert len(caught.value.problems) == 1
    with pytest.raises(HunchError, match=r"cannot stand at '4': it is the last layer") as caught:
        made("keep_prob at 4")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("knob", "doses", "said"),
    [
        ("keep_prob", [0, 0.5, 20], ["keep_prob=0", "keep_prob=20"]),
        ("keep_prob at 2", [0.5, 20], ["keep_prob at 2=20"]),
        ("l2", [-1, 0], ["l2=-1"]),
        ("lr", [0, 1], ["lr=0"]),
        ("init_std", [0, 1], ["init_std=0"]),
        (["keep_prob", "l2"], [[0, 0.5, 20], [-1, 0, 1]], ["keep_prob=0", "keep_prob=20", "l2=-1"]),
    ],
)
def test_every_dose_out_of_range_is_named_once(knob, doses, said):
    with pytest.raises(PlanError, match="must be") as caught:
        made(knob, doses)
    assert [str(p.message).split(":")[0] for p in caught.value.problems] == [f'arm "{name}"' for name in said]


def test_a_named_default_out_of_range_is_refused_too():
    with pytest.raises(PlanError, match=r'arm "l2=-1": l2 must be a number in \[0, inf\)'):
        made("l2", default=-1)


def test_something_else_than_an_arm_is_refused():
    with pytest.raises(PlanError, match=r"arm must be a hunch\.Arm, or None, got 'bn'.*\[plan-arms\]"):
        made("l2", arm="bn")


@pytest.mark.parametrize(
    "seeds", [5, np.int64(5), [3, 4, 5, 6, 7], np.arange(3, 8), torch.arange(3, 8), range(3, 8)]
)
def test_fresh_seeds_come_after_those_of_the_doses_and_are_none_of_them(seeds):
    run, n = with_fresh(seeds, 6, 2)
    assert n == 5
    assert all(type(s) is int for s in run)
    assert len(set(run)) == len(run) == 11
    is_count = isinstance(seeds, int | np.integer)
    assert run[:5] == ([2_000_000 + k for k in range(5)] if is_count else [3, 4, 5, 6, 7])
    assert all(2_000_000 <= s < 2_400_000 for s in run[5:]), "of the pool of confirm runs"


@pytest.mark.parametrize("seeds", [np.arange(3, 8), torch.arange(3, 8), np.array([3])])
def test_seeds_of_any_study_may_be_an_array(seeds):
    found = read_blocks(seeds, 0, 80, "planned")
    assert found.seeds == tuple(seeds.tolist())
    assert found.problems == ()
    assert read_blocks(np.array(5), 0, 80, "planned").seeds == (0, 1, 2, 3, 4)


def test_fresh_seeds_pass_over_given_ones():
    assert with_fresh([1, 3, 0], 3, 0) == ([1, 3, 0, 2, 4, 5], 3)
    assert with_fresh([1, 3, 0], 0, 0) == ([1, 3, 0], 3)
    assert with_fresh(list(range(10_000)), 2, 0)[0][-2:] == [10_000, 10_001]


@pytest.mark.parametrize("seeds", [1, 0, -3, 10_001, [], [3], np.array([3]), "20", 2.5, None, True])
def test_seeds_of_which_no_curve_can_be_made_are_refused(seeds):
    with pytest.raises(PlanError, match=r"seeds must be .*\[plan-seeds\]"):
        with_fresh(seeds, 5, 0)


@pytest.mark.parametrize("fresh", [-1, 10_001, 2.5, "5", None, True, [1, 2]])
def test_fresh_must_be_a_number_of_seeds(fresh):
    with pytest.raises(PlanError, match=r"fresh must be a number of seeds .*\[plan-fresh\]"):
        with_fresh(5, fresh, 0)
