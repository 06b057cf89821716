"""The hunches about batch norm: what is compared, that it can be decided, and that quick plans can decide as well."""

import re

import pytest

from hunch.catalogue import find, hunches
from hunch.catalogue.batch_norm import HUNCHES
from hunch.stats import smallest_sign_flip_p

NAMES = [hunch.name for hunch in HUNCHES]
every_one = pytest.mark.parametrize("hunch", HUNCHES, ids=NAMES)
with_regimes = pytest.mark.parametrize("hunch", [h for h in HUNCHES if h.regimes], ids=lambda h: h.name)


def n_claims(hunch):
    return sum(len(regime.claims) for regime in hunch.tested_in) + len(hunch.across)


def can_be_decided(n_seeds, alpha) -> bool:
    """Whether the sign-flip test can agree with a direction at all, at this share of alpha."""
    return smallest_sign_flip_p(n_seeds) <= alpha


def test_the_family_stands_first_in_the_catalogue_and_has_what_is_believed_of_batch_norm():
    assert [hunch.name for hunch in hunches()][: len(NAMES)] == NAMES
    assert NAMES == [
        "bn-fewer-iterations",
        "bn-fewer-iterations-everywhere",
        "bn-before-activation",
        "bn-keeps-units-unsaturated",
        "bn-larger-updates",
        "bn-after-no-help-to-backprop",
        "bn-amplifies-gradients",
        "bn-predictable-gradients",
        "bn-allows-larger-rates",
        "bn-helps-less-when-tuned",
        "bn-hurts-small-batches",
        "bn-regularises",
        "norm-others-as-good",
    ]


@every_one
def test_names_of_the_family_begin_alike(hunch):
    assert re.fullmatch(r"(bn|norm)-[a-z]+(-[a-z]+)*", hunch.name)


@every_one
def test_every_arm_that_a_claim_names_is_there(hunch):
    for regime in hunch.tested_in:
        arms = {arm.name for arm in regime.arms}
        assert all(set(claim.arms) <= arms for claim in regime.claims)


@every_one
def test_a_network_of_ones_own_can_be_tested_without_knowing_its_layers(hunch):
    assert hunch.claims, "the claims that are asked of a network of one's own"
    assert all(claim.site is None for claim in hunch.claims)
    assert {arm for claim in hunch.claims for arm in claim.arms} <= {arm.name for arm in hunch.arms}


@every_one
def test_the_literature_is_told_for_and_against(hunch):
    assert len(hunch.holds.split()) > 8
    assert len(hunch.fails.split()) > 8
    assert hunch.mechanism


@every_one
def test_the_quick_plan_is_smaller_and_few_seeds_still_can_decide_every_claim(hunch):
    quick = hunch.quickly()
    assert hunch.seeds is None or quick.seeds < hunch.seeds
    assert hunch.budget is None or quick.budget <= hunch.budget
    assert can_be_decided(quick.seeds, 0.05 / n_claims(quick))


def test_five_seeds_decide_nothing_among_four_claims():
    assert not can_be_decided(5, 0.05 / 4)


@with_regimes
def test_few_seeds_can_show_a_difference_between_regimes(hunch):
    quick = hunch.quickly()
    n_regimes = len(quick.regimes)
    asked = n_regimes * (n_regimes - 1) // 2 * max(len(regime.claims) for regime in quick.tested_in)
    assert asked == 0 or can_be_decided(quick.seeds, 0.05 / asked)


def test_rates_are_compared_with_the_arms_own_best():
    for claim in find("bn-allows-larger-rates").claims:
        weights = dict(claim.weights)
        [large] = {name.split("@")[1] for name in weights if "@" in name}
        assert weights == {f"none@{large}": 1, "none": -1, f"before@{large}": -1, "before": 1}
    rates = {arm.name: arm.lr for arm in find("bn-allows-larger-rates").arms}
    assert rates["none"] is None
    assert rates["none@2"] == rates["before@2"] == 2


def test_circumstances_differ_in_what_they_are_called_by():
    for regime in find("bn-helps-less-when-tuned").tested_in:
        for arm in regime.arms:
            norm, weights, rate = arm.name.split("/")
            assert arm.norm == {"none": "none", "before": "batch"}[norm]
            assert (arm.lr is None) == (rate == "tuned")
            same_weights = {a.init_std for a in regime.arms if f"/{weights}/" in a.name}
            assert same_weights == {arm.init_std}
        good, poor = sorted({arm.init_std for arm in regime.arms})
        assert poor == pytest.approx(10 * good)
        for claim in regime.claims:
            # Batch norm's gain somewhere, less its gain in good circumstances: positive where it helps more there.
            gains = {arm: w for arm, w in claim.weights if not arm.endswith("good/tuned")}
            assert {arm.split("/")[0]: w for arm, w in gains.items()} == {"none": 1, "before": -1}
            assert dict(claim.weights)["none/good/tuned"] == -1


def test_small_batches_are_said_to_hurt_and_larger_ones_not():
    two, four, many = find("bn-hurts-small-batches").tested_in
    assert [regime.base.batch_size for regime in (two, four, many)] == [2, 4, 32]
    assert two.claims == four.claims
    assert {claim.favoured for claim in two.claims} == {"none"}
    assert {claim.favoured for claim in many.claims} == {"before"}


def test_the_first_gradient_is_read_before_anything_was_learned():
    hunch = find("bn-amplifies-gradients")
    assert hunch.budget == 1
    depths = [len(regime.widths) - 2 for regime in hunch.regimes]
    assert depths == [5, 10, 20]
    assert all(set(regime.widths[:-1]) == {64} for regime in hunch.regimes), "layers of one shape"
    for regime in hunch.tested_in:
        assert regime.base.init_std == pytest.approx((2 / 64) ** 0.5, rel=0.01)


@every_one
def test_a_network_of_ones_own_keeps_its_initial_weights_unless_they_are_what_is_asked_about(hunch):
    if hunch.name not in ("bn-keeps-units-unsaturated", "bn-helps-less-when-tuned"):
        assert all(arm.over(hunch.base).init_std is None for arm in hunch.arms)


def test_what_does_not_help_is_asked_as_help_and_predicted_not_to_be_supported():
    hunch = find("bn-after-no-help-to-backprop")
    assert hunch.predicts == "not supported"
    assert {claim.favoured for claim in hunch.claims} == {"after"}


def test_the_place_of_batch_norm_is_asked_with_small_and_large_weights_and_of_relu():
    hunch = find("bn-before-activation")
    assert [(regime.activation, regime.base.init_std) for regime in hunch.tested_in] == [
        ("sigmoid", 0.1), ("sigmoid", 2.0), ("relu", None),
    ]  # fmt: skip
    assert all(regime.claims == hunch.claims for regime in hunch.tested_in)


def test_both_arms_take_steps_of_one_length_where_gradients_are_to_be_predictable():
    for regime in find("bn-predictable-gradients").tested_in:
        assert {arm.over(regime.base).lr for arm in regime.arms} == {regime.base.lr}
        assert regime.tuning == "none"


def test_other_norms_do_as_well_unless_batch_norm_is_faster():
    hunch = find("norm-others-as-good")
    assert {(claim.favoured, claim.reference) for claim in hunch.claims} == {
        ("batch", "layer"), ("batch", "rms"), ("batch", "group"),
    }  # fmt: skip
    assert hunch.predicts == "not supported"
    assert {arm.norm_at for arm in hunch.arms} == {"before_activation"}


@with_regimes
def test_names_of_regimes_can_stand_in_a_list(hunch):
    assert not any("," in regime.name for regime in hunch.regimes)
