"""The law of kept units: against exact fractions, against scipy, against masks that the engine really draws."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hunch.engine.masks import mask
from hunch.engine.streams import exact_parts, realised_keep
from hunch.errors import PlanError
from hunch.stats import KeptUnits

LAYERS = [
    (1, 0.5),
    (4, 0.8),
    (12, 0.5),
    (12, 11 / 12),
    (12, 0.875),
    (32, 0.9),
    (128, 0.03),
    (1024, 0.5),
    (9, 1.0),
]
units_and_keep = st.tuples(st.integers(1, 3000), st.floats(1e-6, 1.0))


def moments(law):
    """Sum, mean and standard deviation of the law from its probabilities alone."""
    kept = np.array(law.support, dtype=float)
    chance = law.probability(list(law.support))
    mean = float(chance @ kept)
    return float(chance.sum()), mean, math.sqrt(max(0.0, float(chance @ (kept - mean) ** 2)))


# ---- exactness ---------------------------------------------------------------------------------------------


def test_the_table_of_twelve_units_is_that_of_exact_fractions():
    keep = Fraction(11, 12)
    law = KeptUnits(12, float(keep))
    for kept in range(13):
        exact = math.comb(12, kept) * keep**kept * (1 - keep) ** (12 - kept)
        assert law.probability(kept) == pytest.approx(float(exact), rel=1e-12)
    assert law.none_dropped == pytest.approx(float(keep**12), rel=1e-14)
    assert law.all_dropped == pytest.approx(float((1 - keep) ** 12), rel=1e-12)


def test_eleven_of_twelve_units_are_kept_in_38_percent_of_the_examples():
    law = KeptUnits(12, 11 / 12)
    assert [round(law.probability(k), 3) for k in (12, 11, 10, 9, 8)] == [0.352, 0.384, 0.192, 0.058, 0.012]
    assert (round(law.mean, 12), round(law.sd, 3), round(law.relative_noise, 3)) == (11.0, 0.957, 0.087)


@pytest.mark.parametrize("dropout", ["bernoulli", "exact"])
@pytest.mark.parametrize(("units", "keep"), LAYERS)
def test_chances_sum_to_one_and_give_mean_and_spread(units, keep, dropout):
    law = KeptUnits(units, keep, dropout)
    total, mean, sd = moments(law)
    assert total == pytest.approx(1, abs=1e-11)
    assert mean == pytest.approx(law.mean, rel=1e-11)
    assert sd == pytest.approx(law.sd, rel=1e-9, abs=1e-9)
    assert law.mean == pytest.approx(units * keep, rel=1e-12)
    assert law.relative_noise == pytest.approx(sd / mean, rel=1e-9, abs=1e-9)


def test_the_check_of_moments_can_fail():
    wrong = KeptUnits(12, 0.8)
    assert moments(wrong)[1] != pytest.approx(KeptUnits(12, 0.81).mean, rel=1e-3)


@pytest.mark.parametrize(("units", "keep"), [*LAYERS, (10**6, 0.3), (2**31 - 1, 0.5)])
def test_the_binomial_is_scipys(units, keep):
    law = KeptUnits(units, keep)
    middle = round(law.mean)
    kept = np.unique(np.clip(middle + np.arange(-40, 41) * max(1, round(law.sd / 10)), 0, units))
    accuracy = 1e-11 if units <= 1024 else 1e-15 * units * 10
    wanted = stats.binom.pmf(kept, units, keep)
    np.testing.assert_allclose(law.probability(kept), wanted, rtol=accuracy, atol=1e-300)
    for count in kept[::10].tolist():
        assert law.at_most(count) == pytest.approx(stats.binom.cdf(count, units, keep), rel=1e-9, abs=1e-300)
        assert law.above(count) == pytest.approx(stats.binom.sf(count, units, keep), rel=1e-9, abs=1e-300)


@given(units_and_keep, st.sampled_from(["bernoulli", "exact"]))
def test_whatever_the_layer_the_chances_are_chances(layer, dropout):
    law = KeptUnits(*layer, dropout)
    chances = law.probability(list(law.support))
    assert (chances >= 0).all()
    assert chances.sum() == pytest.approx(1, abs=1e-9)
    assert 0 <= law.none_dropped <= 1
    assert law.none_dropped == pytest.approx(law.probability(law.units), rel=1e-8, abs=1e-300)
    assert law.all_dropped == pytest.approx(law.probability(0), rel=1e-8, abs=1e-300)


@given(units_and_keep, st.sampled_from(["bernoulli", "exact"]), st.floats(1e-9, 0.4))
def test_a_window_leaves_out_less_than_it_says_and_is_the_narrowest(layer, dropout, tail):
    law = KeptUnits(*layer, dropout)
    fewest, most = law.window(tail)
    assert fewest in law.support
    assert most in law.support
    assert law.at_most(fewest - 1) < tail
    assert law.above(most) < tail
    assert law.at_most(fewest) >= tail or fewest == law.support[-1]
    assert law.above(most - 1) >= tail or most == law.support[0]


@pytest.mark.parametrize(
    ("units", "keep", "between"),
    [(4, 0.8, (2, 4)), (8, 0.5, (2, 6)), (12, 0.9, (9, 12)), (128, 0.9, (109, 121)), (1024, 0.5, (486, 538))],
)
def test_the_window_of_nine_tenths_is_that_of_the_reference(units, keep, between):
    assert KeptUnits(units, keep).window(0.05) == between
    assert between == (stats.binom.ppf(0.05, units, keep), stats.binom.ppf(0.95, units, keep))


def test_what_cannot_happen_has_chance_zero_and_shapes_are_kept():
    law = KeptUnits(12, 0.8)
    assert law.probability(-1) == law.probability(13) == law.probability(10**30) == 0.0
    assert isinstance(law.probability(3), float)
    assert law.probability(np.arange(12).reshape(3, 4)).shape == (3, 4)
    assert law.probability([]).shape == (0,)
    assert law.probability(11.0) == law.probability(11) == law.probability(np.uint8(11))


def test_keeping_all_is_certain():
    law = KeptUnits(12, 1.0)
    assert (law.support, law.probability(12), law.sd, law.none_dropped, law.all_dropped) == (
        range(12, 13),
        1.0,
        0,
        1,
        0,
    )
    assert law.matched_gaussian_sd == law.sign_flips == law.relative_noise == 0
    assert np.isnan(law.matched_density([11.0, 12.0])).all()
    assert law.too_narrow is False


# ---- the kinds ---------------------------------------------------------------------------------------------


def test_exact_dropout_keeps_the_floor_or_the_ceiling():
    law = KeptUnits(12, 0.875, "exact")
    assert law.exact_steps == (10, 0.5)
    assert (list(law.support), law.mean, law.sd) == ([10, 11], 10.5, 0.5)
    assert (law.probability([9, 10, 11, 12]) == [0, 0.5, 0.5, 0]).all()
    whole = KeptUnits(10, 0.7, "exact")  # 0.7 * 10 is a little more than 7
    assert (whole.mean, whole.sd, list(whole.support)) == (7, 0, [7])
    assert KeptUnits(4, 0.1, "exact").all_dropped == pytest.approx(0.6)


@given(units_and_keep)
def test_exact_steps_are_those_of_the_engine(layer):
    law = KeptUnits(*layer, "exact")
    floor, threshold = exact_parts(*layer)
    least, one_more = law.exact_steps
    assert least == floor
    assert math.ceil(one_more * 2**32) == threshold
    assert 0 <= law.realised - law.keep_prob + 1e-9 <= 2.0**-32 / law.units + 2e-9


@given(units_and_keep)
def test_what_bernoulli_realises_is_what_the_engine_realises(layer):
    law = KeptUnits(*layer)
    assert law.realised == realised_keep(law.keep_prob)
    assert 0 <= law.realised - law.keep_prob < 2.0**-16


def test_gaussian_has_no_count_and_the_spread_of_bernoulli():
    law, counted = KeptUnits(12, 0.8, "gaussian"), KeptUnits(12, 0.8)
    assert (law.mean, law.sd, law.relative_noise) == (counted.mean, counted.sd, counted.relative_noise)
    assert law.matched_gaussian_sd == pytest.approx(0.5)
    assert math.isnan(law.none_dropped)
    assert math.isnan(law.all_dropped)
    assert law.realised == 0.8
    for ask in (
        lambda: law.probability(11),
        lambda: law.support,
        lambda: law.at_most(3),
        lambda: law.window(0.1),
    ):
        with pytest.raises(PlanError, match=r"there is no number of kept units.*\[plan-kept-units\]"):
            ask()


def test_the_matched_gaussian_has_the_moments_of_the_binomial():
    law = KeptUnits(12, 0.8)
    at = np.linspace(law.mean - 12 * law.sd, law.mean + 12 * law.sd, 20_001)
    density, step = law.matched_density(at), at[1] - at[0]
    assert density.sum() * step == pytest.approx(1)
    assert density @ at * step == pytest.approx(law.mean)
    assert density @ (at - law.mean) ** 2 * step == pytest.approx(law.sd**2)
    assert law.sign_flips == pytest.approx(stats.norm.cdf(-1 / law.matched_gaussian_sd))


# ---- masks that are really drawn -----------------------------------------------------------------------------

MASKS, A_STEP = 1_000_000, 50_000


def drawn(dropout, units, keep):
    """What the engine's masks multiply by: counts of units kept, and sums of a unit's factor and its square."""
    kept = np.zeros(units + 1)
    first = second = 0.0
    for step in range(MASKS // A_STEP):
        factor = mask(dropout, 5, "0", step, (A_STEP, units), keep)
        kept += np.bincount((factor != 0).sum(axis=1), minlength=units + 1)
        first += factor[:, 0].sum()
        second += (factor[:, 0] ** 2).sum()
    return kept, first / MASKS, second / MASKS


def worst_error(counts, law):
    """The greatest deviation of a million counts from the law, in Monte-Carlo errors of each."""
    wanted = law.probability(np.arange(law.units + 1))
    errors = np.sqrt(MASKS * wanted * (1 - wanted))
    # A count that is expected less than once in a million masks may turn up once or twice.
    rare = MASKS * wanted < 1
    assert counts[rare].sum() <= 3
    assert (counts[wanted == 0] == 0).all()
    seen = ~rare & (errors > 0)
    return float(np.abs((counts - MASKS * wanted)[seen] / errors[seen]).max(initial=0.0))


@pytest.mark.parametrize("dropout", ["bernoulli", "exact"])
@pytest.mark.parametrize(("units", "keep"), [(12, 11 / 12), (12, 0.875), (5, 0.3)])
def test_a_million_masks_of_the_engine_follow_the_law(dropout, units, keep):
    law = KeptUnits(units, keep, dropout)
    counts, first, second = drawn(dropout, units, keep)
    assert counts.sum() == MASKS
    assert worst_error(counts, law) < 4
    mean = counts @ np.arange(units + 1) / MASKS
    assert mean == pytest.approx(law.mean, abs=4 * law.sd / math.sqrt(MASKS) + units * (law.realised - keep))
    # The factor of a unit has mean 1 and the variance that all kinds share.
    scaled_by = law.realised if dropout == "bernoulli" else keep
    variance = KeptUnits(units, scaled_by).matched_gaussian_sd ** 2
    assert first == pytest.approx(1, abs=4 * math.sqrt(variance / MASKS))
    fourth = (1 / keep**3 - 4 / keep**2 + 6 / keep - 3) / variance**2
    assert second - first**2 == pytest.approx(variance, rel=4 * math.sqrt((fourth - 1) / MASKS))


def test_a_million_gaussian_factors_have_the_mean_and_spread_of_the_law():
    law = KeptUnits(12, 0.8, "gaussian")
    worth = np.concatenate(
        [
            0.8 * mask("gaussian", 5, "0", step, (A_STEP, 12), 0.8).sum(axis=1)
            for step in range(MASKS // A_STEP)
        ]
    )
    assert worth.mean() == pytest.approx(law.mean, abs=4 * law.sd / math.sqrt(MASKS))
    assert worth.std() == pytest.approx(law.sd, rel=4 / math.sqrt(2 * MASKS))


def test_the_check_on_masks_can_fail():
    counts, _, _ = drawn("bernoulli", 5, 0.3)
    assert worst_error(counts, KeptUnits(5, 0.303)) > 4
    with pytest.raises(AssertionError):
        worst_error(counts, KeptUnits(5, 0.3, "exact"))


# ---- too narrow ----------------------------------------------------------------------------------------------


def test_a_layer_is_too_narrow_below_36_times_the_odds_of_dropping():
    for units in range(1, 2000):
        at_bound = KeptUnits(units, KeptUnits(units, 0.5).least_keep)
        assert not at_bound.too_narrow
        assert KeptUnits(units, at_bound.keep_prob * 0.999).too_narrow
        assert at_bound.least_units == units
        assert units == 1 or KeptUnits(units - 1, at_bound.keep_prob).too_narrow


def test_the_bound_is_three_standard_deviations_to_half_the_mean():
    for units in (12, 100, 1000):
        law = KeptUnits(units, KeptUnits(units, 0.5).least_keep)
        assert law.mean / 2 == pytest.approx(3 * law.sd)
    assert KeptUnits(12, 0.5).least_keep == pytest.approx(0.75)


def test_exact_dropout_is_too_narrow_only_where_less_than_three_are_kept():
    wide = [KeptUnits(12, k / 1200, "exact").too_narrow for k in range(300, 1201)]
    assert not any(wide)
    assert all(not KeptUnits(12, k / 12, "exact").too_narrow for k in range(1, 13))
    assert KeptUnits(12, 1.5 / 12, "exact").too_narrow


# ---- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [0, -3, 12.0, 12.5, "12", None, True, 2**31, float("nan")])
def test_units_that_are_no_whole_number_are_refused(units):
    with pytest.raises(PlanError, match=r"units must be a whole number.*\[plan-units\]"):
        KeptUnits(units, 0.8)


@pytest.mark.parametrize("keep", [0, -0.1, 1.1, 20, "0.8", None, float("nan"), float("inf"), True, [0.5]])
def test_a_keep_probability_out_of_range_is_refused_with_both_conventions(keep):
    with pytest.raises(PlanError, match=r"keep_prob must be in \(0, 1\].*\[plan-keep-prob\]") as caught:
        KeptUnits(12, keep)
    assert "PyTorch" in str(caught.value)


def test_the_usual_mistakes_are_answered_with_what_was_meant():
    with pytest.raises(PlanError, match=r"To drop 20 % of the units \(PyTorch p=0.2\) write keep_prob=0.8"):
        KeptUnits(12, 20)
    with pytest.raises(PlanError, match=r"The units come first: hunch.dropout_law\(12, 0.8\)") as caught:
        KeptUnits(0.8, 12)
    assert len(caught.value.problems) == 1
    with pytest.raises(PlanError, match="Write 12"):
        KeptUnits(12.0, 0.8)
    with pytest.raises(PlanError, match=r"To drop 20 % of the units write keep_prob=0.8"):
        KeptUnits(12, 0.8, 0.2)


def test_every_problem_is_listed_at_once():
    with pytest.raises(PlanError, match="3 problems") as caught:
        KeptUnits(0, 2, "bernouli")
    assert [problem.slug for problem in caught.value.problems] == [
        "plan-units",
        "plan-keep-prob",
        "plan-dropout",
    ]


@pytest.mark.parametrize("kept", [11.5, [11, 11.5], float("nan"), "eleven", True, None, [None, 3]])
def test_a_count_that_is_not_whole_is_refused(kept):
    for law in (KeptUnits(12, 0.8), KeptUnits(12, 0.8, "exact")):
        with pytest.raises(PlanError, match=r"a number of kept units is whole, got .*\[plan-kept-units\]"):
            law.probability(kept)


def test_numbers_of_numpy_are_numbers():
    law = KeptUnits(np.int64(12), np.float64(0.8))
    assert law == KeptUnits(12, 0.8)
    assert hash(law) == hash(KeptUnits(12, 0.8))
    assert repr(law) == "KeptUnits(units=12, keep_prob=0.8, dropout='bernoulli')"
    assert law.with_dropout("exact") == KeptUnits(12, 0.8, "exact")
