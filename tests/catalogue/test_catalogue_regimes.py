"""Regimes of the catalogue: comparable, named, with claims that say what the statement predicts."""

from dataclasses import replace

import pytest

from hunch.catalogue import Finer, Hunch, Quick, Regime, find, hunches
from hunch.catalogue.hunch import PREDICTIONS
from hunch.plan import Arm, faster, same

WITH_REGIMES = [hunch for hunch in hunches() if hunch.regimes]
every_one = pytest.mark.parametrize("hunch", WITH_REGIMES, ids=lambda h: h.name)
NONE, HALF = Arm("none", keep_prob=1.0), Arm("half", keep_prob=0.5)


def made(**changes):
    given = {
        "name": "made", "statement": "It is so.", "source": "", "holds": "", "fails": "",
        "arms": (NONE, HALF), "claims": (faster("half", than="none"),), "base": Arm("base", lr=0.1),
    }  # fmt: skip
    return Hunch(**(given | changes))


def test_a_hunch_without_regimes_is_tested_in_one_without_a_name():
    [regime] = made(widths=(4, 3, 2), activation="tanh").tested_in
    assert (regime.name, regime.widths, regime.activation) == ("", (4, 3, 2), "tanh")
    assert regime.arms == (NONE, HALF)
    assert regime.base == Arm("base", lr=0.1)


def test_a_regime_has_what_it_names_and_else_what_the_hunch_has():
    own = Regime(
        name="own", widths=(4, 3, 2), activation="relu", base=Arm("base", lr=1.0), arms=(NONE,), claims=()
    )
    plain = Regime(name="plain", widths=(4, 9, 2), activation="relu")
    first, second = made(regimes=(own, plain)).tested_in
    assert first == replace(own, tuning="auto")
    assert (second.arms, second.claims) == ((NONE, HALF), (faster("half", than="none"),))
    assert made(regimes=(own, plain)).network == "4 → 3 → 2, relu; 4 → 9 → 2, relu"


def test_json_of_a_regime_says_what_is_its_own():
    told = Regime(name="a", widths=(4, 3, 2), activation="relu", claims=(same("a", "b"),)).to_json()
    assert told["network"] == {"widths": [4, 3, 2], "activation": "relu"}
    assert (told["base"], told["arms"]) == (None, None)
    assert told["claims"][0]["text"] == "a same iterations as b"


def test_json_of_a_hunch_says_what_it_predicts_and_of_which_knobs():
    finer = Finer(knob="l2", than="keep_prob", doses=((0.5, 1.0), (0.0, 0.1)))
    told = made(regimes=(), finer=finer, predicts="refuted").to_json()
    assert told["finer"]["doses"] == [[0.5, 1.0], [0.0, 0.1]]
    assert told["finer"]["text"] == "l2 tunes finer than keep_prob"
    assert (told["predicts"], told["network"]) == ("refuted", None)


@every_one
def test_regimes_are_comparable(hunch):
    assert len({regime.name for regime in hunch.regimes}) == len(hunch.regimes)
    assert hunch.seeds is not None, "the same seeds in all regimes"
    assert hunch.budget is not None, "the same budget in all regimes"
    # With equally many arms the tuning seeds of two regimes meet within a block only.
    assert len({len(regime.arms) for regime in hunch.tested_in}) == 1
    assert len({regime.widths[0] for regime in hunch.regimes}) == 1


@every_one
def test_claims_across_name_regimes_and_arms_that_there_are(hunch):
    arms = {f"{regime.name}: {arm.name}" for regime in hunch.tested_in for arm in regime.arms}
    for claim in hunch.across:
        assert set(claim.arms) <= arms
        assert claim.site is None, "sites are those of one network"


@every_one
def test_all_margins_are_named_because_they_were_chosen_beforehand(hunch):
    claims = [claim for regime in hunch.tested_in for claim in regime.claims]
    assert all(claim.margin is not None for claim in (*claims, *hunch.across))


@every_one
def test_what_is_predicted_is_a_verdict_that_can_be_reached(hunch):
    assert hunch.predicts in PREDICTIONS
    if hunch.predicts == "refuted":
        assert all(claim.kind == "same" for regime in hunch.tested_in for claim in regime.claims)


@every_one
def test_a_hunch_is_about_claims_or_about_two_knobs(hunch):
    claims = [claim for regime in hunch.tested_in for claim in regime.claims]
    assert bool(claims) != (hunch.finer is not None)


def test_dropout_needs_width_claims_the_opposite_of_narrow_layers():
    narrow, wide = find("dropout-needs-width").tested_in
    assert (narrow.widths[1], wide.widths[1]) == (12, 200)
    assert [c.favoured for c in narrow.claims] == ["keep-1", "keep-1"]
    assert [c.reference for c in wide.claims] == ["keep-1", "keep-1"]
    assert [c.reference for c in narrow.claims] == [c.favoured for c in wide.claims]


def test_the_quantised_hunch_has_half_units_and_the_same_keep_probability_in_every_kind():
    [regime] = find("dropout-is-quantised").tested_in
    kept = {arm.name: 12 * arm.keep_prob for arm in regime.arms}
    assert sorted(set(kept.values())) == pytest.approx([10.5, 11, 11.5, 12])
    for name, units in kept.items():
        if "@" in name:
            kind, _, said = name.partition("@")
            assert units == pytest.approx(float(said.removesuffix("/12")))
            assert {arm.name: arm.dropout for arm in regime.arms}[name] == kind


def test_arms_that_are_said_to_keep_as_many_units_do():
    for regime in find("same-expected-units-same-result").tested_in:
        for arm in regime.arms:
            assert regime.widths[1] * arm.keep_prob == pytest.approx(int(arm.name.removesuffix("-kept")))


# ---- quick plans ---------------------------------------------------------------------------------------------------

REGIMES = tuple(Regime(name=name, widths=(4, n, 2), activation="relu") for n, name in ((3, "a"), (9, "b")))
ACROSS = (same("a: none", "b: none", of="cost"), same("a: half", "b: none", of="cost"))


def test_a_quick_plan_goes_before_the_full_one_and_leaves_the_rest():
    full = made(seeds=40, budget=900, regimes=REGIMES, across=ACROSS)
    quick = replace(full, quick=Quick(seeds=6, budget=300, tuning="once")).quickly()
    assert (quick.seeds, quick.budget, quick.tuning) == (6, 300, "once")
    assert (quick.regimes, quick.across, quick.arms) == (REGIMES, ACROSS, full.arms)


def test_without_a_quick_plan_eight_seeds_of_the_full_one_are_quick():
    quick = made(seeds=40, budget=900, tuning="shared", regimes=REGIMES).quickly()
    assert (quick.seeds, quick.budget, quick.tuning, quick.regimes) == (8, 900, "shared", REGIMES)
    assert made(seeds=None, widths=(4, 3, 2), activation="relu").quickly().seeds == 8


def test_a_quick_plan_with_fewer_regimes_leaves_out_what_is_claimed_across_the_others():
    quick = made(regimes=REGIMES, across=ACROSS, quick=Quick(regimes=("a",))).quickly()
    assert [regime.name for regime in quick.regimes] == ["a"]
    assert quick.across == ()


def test_json_of_a_hunch_says_its_quick_plan():
    told = made(quick=Quick(seeds=5, regimes=("a",))).to_json()["quick"]
    assert told == {"seeds": 5, "budget": None, "regimes": ["a"], "tuning": None}
    assert made().to_json()["quick"]["seeds"] == 8


def test_a_regime_tunes_as_the_hunch_does_unless_it_says_how():
    own = replace(REGIMES[0], tuning="shared")
    assert [r.tuning for r in made(regimes=(own, REGIMES[1]), tuning="once").tested_in] == ["shared", "once"]
    assert own.to_json()["tuning"] == "shared"


@every_one
def test_quick_plans_name_regimes_that_there_are_and_buy_fewer_seeds(hunch):
    named = (hunch.quick or Quick()).regimes
    assert named is None or set(named) <= {regime.name for regime in hunch.regimes}
    assert hunch.quickly().regimes
    assert hunch.quickly().seeds < hunch.seeds
    assert hunch.quickly().budget <= hunch.budget
