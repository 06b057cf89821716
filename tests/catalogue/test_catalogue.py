"""The hunches: complete, honest, testable, and found by name."""

import json
import re
import subprocess
import sys
from dataclasses import fields, replace

import pytest

from hunch.catalogue import Hunch, families, find, hunches
from hunch.errors import PlanError
from hunch.plan import OPTIMIZERS, READING_NAMES, Arm, Claim, Plan, faster, parse_claim

every_hunch = pytest.mark.parametrize("hunch", hunches(), ids=lambda h: h.name)
of_claims = [hunch for hunch in hunches() if hunch.finer is None]
every_plan = pytest.mark.parametrize(
    ("hunch", "regime"),
    [pytest.param(h, regime, id=f"{h.name} {regime.name}") for h in of_claims for regime in h.tested_in],
)


RATES_GIVEN = {
    "bn-allows-larger-rates": "the statement is about rates",
    "bn-helps-less-when-tuned": "the statement is about whether they are tuned",
    "bn-amplifies-gradients": "the first gradient depends on no rate",
    "bn-predictable-gradients": "one step along the gradient is compared, of one length in all arms",
}
"""Hunches in which rates are given, and why."""


def plan_of(hunch: Hunch, regime=None) -> Plan:
    regime = regime or hunch.tested_in[0]
    return Plan(
        arms=tuple(arm.over(regime.base).resolved(1000) for arm in regime.arms),
        claims=regime.claims,
        cost="cross_entropy",
        seeds=tuple(range(hunch.seeds or 80)),
        metric=hunch.metric,
        asked_budget=hunch.budget,
    )


def test_every_name_is_there_once_and_the_oldest_hunch_is_first():
    names = [hunch.name for hunch in hunches()]
    assert len(set(names)) == len(names)
    assert names[0] == "bn-fewer-iterations"


def test_the_families_have_these_in_this_order():
    named = {family: [hunch.name for hunch in one] for family, one in families().items()}
    assert named.pop("batch norm")[0] == "bn-fewer-iterations"
    assert named == {
        "dropout": [
            "dropout-needs-width",
            "dropout-is-quantised",
            "same-expected-units-same-result",
            "early-dropout-lowers-training-cost",
            "dropout-shifts-batch-norms-variance",
        ],
        "L2": [
            "l2-tunes-finer-than-dropout",
            "l2-regularises-without-batch-norm",
            "l2-before-batch-norm-sets-the-rate",
            "weight-decay-is-not-l2-under-adam",
            "l2-on-norm-parameters-hurts",
        ],
        "together": [
            "batch-norm-needs-lighter-dropout",
            "batch-norm-makes-dropout-unnecessary",
            "dropout-and-l2-beat-either",
        ],
    }
    assert hunches() == tuple(hunch for one in families().values() for hunch in one)
    assert len({hunch.name for hunch in hunches()}) == len(hunches())


@every_plan
def test_every_hunch_makes_a_valid_plan(hunch, regime):
    plan = plan_of(hunch, regime)
    assert plan.claims == regime.claims
    assert plan.claims


def test_a_hunch_whose_claim_names_no_arm_of_its_own_makes_no_plan():
    wrong = Hunch(
        name="wrong", statement="", source="", holds="", fails="", widths=(2, 2), activation="relu",
        arms=(Arm("a"), Arm("b")), claims=(faster("a", than="c"),),
    )  # fmt: skip
    with pytest.raises(PlanError, match='there is no arm "c"'):
        plan_of(wrong)


@every_hunch
def test_every_hunch_says_who_says_so_where_it_holds_and_where_not(hunch):
    for text in (hunch.statement, hunch.source, hunch.holds, hunch.fails):
        assert text.strip() == text
        assert text.endswith(".")
        assert "  " not in text
    assert hunch.statement.count(". ") == 0, "the statement is one sentence"
    assert re.search(r"\b20[0-2]\d\b", hunch.source), "a source has a date"


@every_hunch
def test_names_can_be_typed_and_claims_can_be_written_on_the_command_line(hunch):
    assert hunch.name == hunch.name.lower()
    assert " " not in hunch.name
    for regime in hunch.tested_in:
        for claim in regime.claims:
            if claim.favoured is not None:  # contrasts of several arms have no form in words
                again = parse_claim(claim.text)
                assert again == Claim(claim.kind, claim.outcome, claim.weights, None, claim.site)


@every_hunch
def test_the_mechanism_names_readings(hunch):
    assert set(hunch.mechanism) <= set(READING_NAMES)
    assert hunch.base is not None
    assert hunch.base.optimizer in OPTIMIZERS


@every_hunch
def test_no_arm_brings_a_rate_of_its_own_so_that_all_are_tuned_alike(hunch):
    if hunch.name in RATES_GIVEN:
        return
    assert all(arm.over(regime.base).lr is None for regime in hunch.tested_in for arm in regime.arms)


@every_hunch
def test_arms_name_what_they_differ_in_outright_so_that_they_mean_the_same_on_any_network(hunch):
    for regime in hunch.tested_in:
        for arm in regime.arms:
            if hunch.name.startswith(("bn-", "norm-")):
                assert arm.norm is not None
                assert (arm.norm_at is None) == (arm.norm == "none")
            else:
                said = {f.name for f in fields(arm) if getattr(arm, f.name) is not None}
                assert said & {"keep_prob", "l2", "weight_decay"}
                assert (arm.norm_at is None) == (arm.norm in (None, "none"))
        for knob in ("norm", "keep_prob", "l2", "weight_decay"):
            named = [getattr(arm, knob) is not None for arm in regime.arms]
            assert all(named) or not any(named), f"{knob} of {regime.name} is named in some arms only"


@every_hunch
def test_json_holds_everything_and_the_arms_and_claims_can_be_read_back(hunch):
    told = json.loads(json.dumps(hunch.to_json(), allow_nan=False))
    assert tuple(Arm.from_json(arm) for arm in told["arms"]) == hunch.arms
    assert tuple(Claim.from_json(claim) for claim in told["claims"]) == hunch.claims
    assert (told["network"] or {"widths": []})["widths"] == list(hunch.widths)
    assert [regime["name"] for regime in told["regimes"]] == [regime.name for regime in hunch.regimes]
    assert tuple(Claim.from_json(claim) for claim in told["across"]) == hunch.across
    assert (told["statement"], told["seeds"]) == (hunch.statement, hunch.seeds)


def test_the_saturation_hunch_sweeps_two_decades_of_initial_spread_and_pairs_like_with_like():
    hunch = find("bn-keeps-units-unsaturated")
    spreads = sorted({arm.init_std for arm in hunch.arms})
    assert spreads == [0.2, 2.0, 20.0]
    by_name = {arm.name: arm for arm in hunch.arms}
    for claim in hunch.claims:
        before, none = by_name[claim.favoured], by_name[claim.reference]
        assert before.init_std == none.init_std
        assert (before.norm, none.norm) == ("batch", "none")
        assert claim.outcome == "saturated"


@every_hunch
def test_the_quick_plan_has_seeds_enough_for_a_verdict(hunch):
    quick = hunch.quickly()
    if hunch.finer is not None:
        assert quick.seeds >= 10, "what tunability asks for"
        return
    claims = sum(len(regime.claims) for regime in quick.tested_in) + len(quick.across)
    # An exact sign-flip test of n seeds gives no p-value below 2^(1 - n).
    assert 2.0 ** (1 - quick.seeds) <= 0.05 / claims


def test_of_the_first_layer_a_batch_norm_follows_and_of_the_last_none():
    for regime in find("dropout-shifts-batch-norms-variance").tested_in:
        [claim] = regime.claims
        arms = {arm.name: arm for arm in regime.arms}
        weights = {(arms[a].norm, *arms[a].keep_prob): w for a, w in claim.weights}
        assert weights == {("batch", "0"): 1, ("batch", "2"): -1, ("none", "0"): -1, ("none", "2"): 1}


def test_the_step_to_a_heavier_dose_is_compared_with_and_without_batch_norm():
    *_, claim = find("batch-norm-needs-lighter-dropout").claims
    assert dict(claim.weights) == {"bn@0.5": 1, "bn@0.8": -1, "plain@0.5": -1, "plain@0.8": 1}


def test_decay_under_adam_is_compared_at_equal_strength():
    for regime in find("weight-decay-is-not-l2-under-adam").tested_in:
        one, other = regime.arms
        assert (one.l2, one.weight_decay) == (other.weight_decay, other.l2)
        assert regime.name == f"λ = {one.l2:g}"
        assert regime.base.optimizer == "adam"


def test_l2_on_norm_parameters_differs_in_nothing_else():
    spared, decayed = find("l2-on-norm-parameters-hurts").arms
    assert replace(spared, name="decayed", decay_norm=True) == decayed


def test_both_is_a_dose_of_each():
    arms = {arm.name: arm for arm in find("dropout-and-l2-beat-either").arms}
    assert (arms["both"].keep_prob, arms["both"].l2) == (arms["dropout"].keep_prob, arms["l2"].l2)


def test_early_dropout_is_the_same_dose_for_a_part_of_the_budget():
    _, early, always = find("early-dropout-lowers-training-cost").arms
    assert replace(early, name="always", keep_until=1.0) == always
    assert 0 < early.keep_until < 0.5


def test_the_network_is_told_in_one_line():
    assert find("bn-fewer-iterations").network == "64 → 100 → 100 → 100 → 10, sigmoid"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("bn-fewer-iteration", "bn-fewer-iterations"),
        ("BN_before_activation", "bn-before-activation"),
        ("bn-unsaturated", "bn-keeps-units-unsaturated"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(wrong, right):
    with pytest.raises(PlanError, match=f'Did you mean "{right}"') as caught:
        find(wrong)
    assert caught.value.slug == "catalogue-unknown-hunch"


def test_a_name_like_none_of_them_is_answered_with_the_list_alone():
    with pytest.raises(
        PlanError, match="It has bn-fewer-iterations, bn-fewer-iterations-everywhere, "
    ) as caught:
        find("zzz")
    assert "Did you mean" not in str(caught.value)


def test_reading_the_catalogue_imports_neither_torch_nor_numpy():
    code = "import sys, hunch.catalogue as c; c.hunches(); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "hunch.catalogue.batch_norm" in loaded
    assert not loaded & {"torch", "numpy", "scipy", "pandas"}
