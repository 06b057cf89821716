"""Looks: a decided claim stays decided, nothing is decided between them, and looking often costs what it should."""

import collections
import math

import numpy as np
import pytest

from hunch.errors import PlanError
from hunch.evidence import (
    NO_MEANINGFUL_DIFFERENCE,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    decide,
    effect_bounds,
    headline,
    sensitivity,
)
from hunch.plan import contrast, faster, lower, lower_cost, lower_error, same
from hunch.stats import betting_interval, boundaries, mixture_interval, paired_interval, sign_flip_p
from hunch.traces import RunTable

LOOKS = (10, 20, 40)


def one(plan, table):
    (verdict,) = decide(plan, table)
    return verdict


def costs(effects):
    """Costs of two arms whose differences are these."""
    return {"a": np.full(len(effects), 0.5), "b": 0.5 + np.asarray(effects)}


def sequential(made, *claims, looks=LOOKS, **changes):
    return made.plan(*(claims or (lower_cost("a", than="b"),)), n=looks[-1], looks=looks, **changes)


def noise(n, mean, spread=0.1, seed=5):
    return mean + spread * np.random.default_rng(seed).normal(size=n)


def up_to(table, plan, n):
    """The runs of the first n blocks."""
    return RunTable(table.facts, [t for t in table if t.key.seed in plan.seeds[:n]])


def test_a_large_effect_is_decided_at_the_first_look_with_its_boundary(made):
    plan, d = sequential(made), noise(40, 0.3)
    verdict = one(plan, made.table(plan, cost=costs(d)))
    level = boundaries(LOOKS, 0.05)[0]
    low, high = paired_interval(d[:10], level)
    assert (verdict.decision, verdict.looks, verdict.seeds) == (SUPPORTED, (10,), 10)
    assert (verdict.low, verdict.high) == (pytest.approx(float(low)), pytest.approx(float(high)))
    assert verdict.effect == pytest.approx(d[:10].mean())
    assert verdict.alpha == 0.05
    assert verdict.is_final
    assert verdict.is_early
    (look,) = verdict.history
    assert (look.blocks, look.alpha, look.decision) == (10, level, SUPPORTED)
    assert look.p_value == pytest.approx(float(sign_flip_p(d[:10])))


def test_a_decided_claim_keeps_its_verdict_whatever_comes_later(made):
    plan = sequential(made)
    d = np.concatenate([noise(10, 0.3), noise(30, -0.6)])
    table = made.table(plan, cost=costs(d))
    assert repr(one(plan, table)) == repr(one(plan, up_to(table, plan, 10)))


def test_a_claim_that_is_open_goes_on_and_shows_every_look(made):
    plan, d = sequential(made), noise(40, 0.06, seed=1)
    verdict = one(plan, made.table(plan, cost=costs(d)))
    assert verdict.looks[:2] == (10, 20)
    assert [look.blocks for look in verdict.history] == list(verdict.looks)
    for look, level in zip(verdict.history, boundaries(LOOKS, 0.05), strict=False):
        low, high = paired_interval(d[: look.blocks], level)
        assert (look.low, look.high) == (pytest.approx(float(low)), pytest.approx(float(high)))
    assert [look.decision for look in verdict.history[:-1]] == [UNDECIDED] * (len(verdict.history) - 1)
    assert not one(plan, up_to(made.table(plan, cost=costs(d)), plan, 10)).is_final


@pytest.mark.parametrize("n", [0, 3, 9, 10, 15, 39])
def test_between_looks_nothing_is_decided(made, n):
    """Whoever opens the file of a study that runs sees the last complete look; that is no extra look."""
    plan = sequential(made)
    d = np.concatenate([noise(10, 0.02), np.full(30, 0.5)])
    verdict = one(plan, up_to(made.table(plan, cost=costs(d)), plan, n))
    assert verdict.decision == UNDECIDED or n >= 20
    assert verdict.looks == tuple(look for look in LOOKS if look <= n)[: len(verdict.looks)]
    if 5 <= n < 20:
        assert "the study is not finished" in verdict.reason
        assert f"the next look is at {10 if n < 10 else 20}" in verdict.reason
        assert not verdict.is_final


def test_a_fixed_design_is_looked_at_once_and_not_before_its_end(made):
    plan, d = made.plan(lower_cost("a", than="b"), n=20), noise(20, 0.3)
    table = made.table(plan, cost=costs(d))
    assert one(plan, table).looks == (20,)
    assert not one(plan, table).is_early
    cut = one(plan, up_to(table, plan, 19))
    assert (cut.decision, cut.looks, cut.is_final) == (UNDECIDED, (), False)


def test_futility_ends_a_study_from_the_second_look_on_and_says_what_it_would_take(made):
    plan = sequential(made, lower_cost("a", than="b", margin=1e-4))
    verdict = one(plan, made.table(plan, cost=costs(noise(40, 0.0, spread=0.2, seed=9))))
    assert (verdict.decision, verdict.looks, verdict.is_final) == (UNDECIDED, (10, 20), True)
    assert "after 20 blocks it was unlikely that the 40 of this study would decide it" in verdict.reason
    assert verdict.seeds_needed > 40
    assert "seeds to decide" in headline(verdict, plan)


def test_an_effect_worth_the_wait_is_not_given_up(made):
    plan = sequential(made, lower_cost("a", than="b", margin=1e-4))
    verdict = one(plan, made.table(plan, cost=costs(noise(40, 0.045, seed=12))))
    assert verdict.looks == LOOKS or verdict.decision == SUPPORTED


def test_errors_that_tie_in_the_first_blocks_are_looked_at_again(made):
    plan = sequential(made, lower_error("a", than="b"))
    errors = np.r_[np.full(10, 0.1), noise(30, 0.2, 0.01)]
    table = made.table(plan, held_error={"a": np.full(40, 0.1), "b": errors})
    early, late = one(plan, up_to(table, plan, 10)), one(plan, table)
    assert "identical" in early.reason
    assert not early.is_final
    assert late.decision == SUPPORTED


def test_arms_that_are_identical_end_the_study_at_the_first_look(made):
    plan = sequential(made)
    verdict = one(plan, made.table(plan, cost=costs(np.zeros(40))))
    assert (verdict.decision, verdict.looks, verdict.is_final) == (UNDECIDED, (10,), True)
    assert "identical" in verdict.reason


def test_claims_share_alpha_and_each_its_looks(made):
    claims = lower_cost("a", than="b"), same("a", "b", of="cost", margin=0.2)
    plan = sequential(made, *claims)
    verdicts = decide(plan, made.table(plan, cost=costs(noise(40, 0.3))))
    assert [v.alpha for v in verdicts] == [0.025, 0.025]
    assert verdicts[0].history[0].alpha == boundaries(LOOKS, 0.025)[0]


@pytest.mark.parametrize(
    ("mean", "spread", "decision"), [(0.0, 0.05, SUPPORTED), (0.6, 0.1, REFUTED), (0.0, 0.6, UNDECIDED)]
)
def test_sameness_is_decided_at_looks_too(made, mean, spread, decision):
    plan = sequential(made, same("a", "b", of="cost", margin=0.2))
    verdict = one(plan, made.table(plan, cost=costs(noise(40, mean, spread))))
    assert verdict.decision == decision


def test_a_contrast_of_four_arms_is_decided_at_a_look(made):
    claim = contrast("cost", {"a": 1, "b": -1, "c": -1, "d": 1})
    plan = sequential(made, claim, arms="abcd")
    rng = np.random.default_rng(4)
    cost = {arm: c + 0.02 * rng.normal(size=40) for arm, c in zip("abcd", (0.9, 0.5, 0.5, 0.4), strict=True)}
    verdict = one(plan, made.table(plan, cost=cost))
    assert (verdict.decision, verdict.looks) == (SUPPORTED, (10,))


def test_an_early_stop_says_that_its_effect_is_likely_too_large(made):
    plan = sequential(made)
    table = made.table(plan, cost=costs(noise(40, 0.3)))
    assert "decided after 10 of at most 40 blocks, and effects at early looks come out too large" in headline(
        one(plan, table), plan
    )
    fixed = made.plan(lower_cost("a", than="b"), n=40)
    assert "early looks" not in headline(one(fixed, table), fixed)
    equal = made.table(plan, cost=costs(noise(40, 0.0, spread=0.005)))
    verdict = one(plan, equal)
    assert (verdict.decision, verdict.is_early) == (NO_MEANINGFUL_DIFFERENCE, True)
    assert "early looks" not in headline(verdict, plan)


def test_the_first_look_may_be_too_early_for_the_sign_flip_of_six_claims(made):
    """Smallest p at 10 seeds is 2/2^10; the boundary of a sixth of alpha is below it, so the study goes on."""
    looks = (6, 12, 24)
    claims = [lower_cost("a", than="b", margin=0.01 + k / 1000) for k in range(6)]
    plan = sequential(made, *claims, looks=looks)
    verdict = decide(plan, made.table(plan, cost=costs(noise(24, 0.5, spread=0.01))))[0]
    assert boundaries(looks, 0.05 / 6)[0] < 2 / 2**6
    assert (verdict.decision, verdict.looks) == (SUPPORTED, (6, 12))


# --- the other ways to look ---------------------------------------------------------------------------------


def anytime(made, n=30, claim=None, **changes):
    claims = () if claim is None else (claim,)
    return sequential(made, *claims, looks=tuple(range(5, n + 1)), sequence="anytime", **changes)


def test_an_anytime_study_looks_after_every_block_from_the_fifth_on(made):
    plan, d = anytime(made), noise(30, 0.15)
    verdict = one(plan, made.table(plan, cost=costs(d)))
    n = verdict.seeds
    low, high = mixture_interval(d[:n], 0.05)
    assert verdict.decision == SUPPORTED
    assert verdict.looks == tuple(range(5, n + 1))
    assert (verdict.low, verdict.high) == (pytest.approx(float(low)), pytest.approx(float(high)))
    assert not mixture_interval(d[: n - 1], 0.05)[0] > 0


def test_an_anytime_study_gives_up_from_a_quarter_of_its_blocks_on_and_not_before(made):
    """The second look is after six blocks: too few to give anything up."""
    plan = anytime(made, 40, claim=lower_cost("a", than="b", margin=1e-4))
    d = np.tile([0.2, -0.2], 20)  # as hopeless as can be
    verdict = one(plan, made.table(plan, cost=costs(d)))
    assert (verdict.decision, verdict.is_final) == (UNDECIDED, True)
    assert verdict.looks == tuple(range(5, 11))
    assert "after 10 blocks it was unlikely that the 40" in verdict.reason


def test_planned_looks_give_nothing_up_at_the_first_one_however_late_it_is(made):
    plan = sequential(made, lower_cost("a", than="b", margin=1e-4), looks=(30, 40))
    verdict = one(plan, made.table(plan, cost=costs(noise(40, 0.0, spread=0.2, seed=9))))
    assert verdict.looks == (30, 40)


@pytest.mark.parametrize(
    "settings", [{"sequence": "anytime", "looks": tuple(range(5, 41))}, {"robust": True}]
)
def test_a_claim_decided_by_other_means_keeps_its_verdict_too(made, settings):
    plan = sequential(made, **settings)
    d = np.concatenate([noise(20, 1.0), noise(20, -1.0)])
    table = made.table(plan, cost={"a": np.full(40, 1.1), "b": 1.1 + d})
    verdict = one(plan, table)
    assert verdict.decision == SUPPORTED
    assert verdict.is_early
    assert repr(verdict) == repr(one(plan, up_to(table, plan, verdict.looks[-1])))


def test_a_robust_verdict_bets_within_the_bounds_of_the_outcome(made):
    plan = sequential(made, robust=True, looks=(20, 40, 80))
    d = noise(80, 0.8, spread=0.1)
    verdict = one(plan, made.table(plan, cost=costs(d)))
    n = verdict.seeds
    low, high = betting_interval(d[:n], -made.c0, made.c0, 0.05)
    assert verdict.decision == SUPPORTED
    assert (verdict.low, verdict.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


@pytest.mark.parametrize(
    "settings", [{"sequence": "anytime", "looks": tuple(range(5, 21))}, {"robust": True}]
)
def test_the_seeds_that_a_claim_would_take_are_those_of_its_own_method(made, settings):
    """Student's t would say half as many, or fewer than there are already."""
    plan = made.plan(lower_cost("a", than="b", margin=1e-3), n=20, **({"looks": (10, 20)} | settings))
    d = noise(20, 0.15, spread=0.2)
    verdict = one(plan, made.table(plan, cost={"a": np.full(20, 1.0), "b": 1.0 + d}))
    assert verdict.decision == UNDECIDED
    wanted = verdict.seeds_needed
    bounds = effect_bounds(plan, made.facts(), plan.claims[0])
    rng, found = np.random.default_rng(8), []
    for n in (wanted // 2, 2 * wanted):
        more = d.mean() + d.std(ddof=1) * rng.normal(size=(200, n))
        more = more.clip(*bounds)
        ends = betting_interval(more, *bounds, 0.05) if plan.robust else mixture_interval(more, 0.05)
        found.append((ends[0] > 0).mean())
    assert found[0] < 0.5
    assert found[1] > 0.8


def test_an_interval_of_bets_wider_than_the_margin_is_not_called_inside_it(made):
    plan = made.plan(lower_cost("a", than="b"), n=20, looks=(10, 20), robust=True)
    table = made.table(plan, cost=costs(noise(20, 0.0, spread=0.01)))
    verdict = one(plan, table)
    assert verdict.reason.startswith("the interval holds no difference as well as one larger than the margin")
    assert verdict.seeds_needed > 100


def test_an_interval_that_is_still_infinite_is_not_shown(made):
    plan = anytime(made, 20, claim=same("a", "b", of="cost", margin=0.01))
    d = np.tile([0.5, -0.5], 10)
    said = headline(one(plan, up_to(made.table(plan, cost=costs(d)), plan, 5)), plan)
    assert "∞" not in said
    assert "5 seeds" in said


@pytest.mark.parametrize(
    ("claim", "bounds"),
    [
        (faster("a", than="b"), (-math.log(1000), math.log(1000))),
        (lower_cost("a", than="b"), (-math.log(10), math.log(10))),
        (lower_error("a", than="b"), (-1.0, 1.0)),
        (lower("saturated", "a", than="b"), (-1.0, 1.0)),
        (contrast("held_out_error", {"a": 2, "b": -1, "c": -1}), (-2.0, 2.0)),
        (contrast("gap", {"a": 1, "b": -1}), (-2 * math.log(10) - 0.1, 2 * math.log(10) + 0.1)),
    ],
)
def test_the_bounds_of_an_effect_follow_from_the_outcome(made, claim, bounds):
    plan = made.plan(claim, arms="abc", robust=True)
    assert effect_bounds(plan, made.facts(), claim) == pytest.approx(bounds)


@pytest.mark.parametrize("reading", ["gradient_norm", "preactivation_spread", "update_weight"])
def test_an_outcome_without_bounds_cannot_be_bet_on(made, reading):
    claim = lower(reading, "a", than="b")
    with pytest.raises(PlanError, match=rf"bets on an outcome that has bounds, and {reading} has none"):
        effect_bounds(made.plan(claim, robust=True), made.facts(), claim)
    with pytest.raises(PlanError, match="has none"):
        effect_bounds(made.plan(), made.facts(error_unit="target"), lower_error("a", than="b"))


@pytest.mark.parametrize("settings", [{"sequence": "anytime"}, {"robust": True}, {}])
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_degenerate_tables_never_raise_and_never_decide(made, settings, n):
    plan = sequential(made, looks=(5, 6, 7), **settings)
    for d in (np.zeros(7), np.r_[0.3, np.zeros(6)]):
        verdict = one(plan, up_to(made.table(plan, cost=costs(d)), plan, n))
        assert verdict.decision == UNDECIDED
        assert verdict.reason


@pytest.mark.parametrize("settings", [{}, {"sequence": "anytime"}, {"robust": True}])
def test_an_interval_does_not_go_beyond_what_a_share_can_be(made, settings):
    """Five errors between 0 and 1 have a t interval of more than 100 points, which says nothing."""
    claims = (
        lower_error("a", than="b"),
        lower("saturated", "a", than="b"),
        contrast("held_out_error", {"a": 2, "b": -1, "c": -1}),
    )
    plan = sequential(made, *claims, looks=(5, 6, 7), arms="abc", **settings)
    high, low = [0.9, 0.0, 0.9, 0.9, 0.9, 0.0, 0.9], [0.0, 0.9, 0.0, 0.0, 0.1, 0.9, 0.0]
    values = {"a": low, "b": high, "c": low}
    table = made.table(plan, held_error=values, reading=values)
    for verdict, limit in zip(decide(plan, table), (1.0, 1.0, 2.0), strict=True):
        assert -limit <= verdict.low < verdict.high <= limit
        assert all(-limit <= look.low <= look.high <= limit for look in verdict.history)
        assert sensitivity(plan, table, verdict.claim).rows[0].low >= -limit
    wide = np.diff(paired_interval(np.subtract(high, low)[:5], boundaries((5, 6, 7), 0.05 / 3)[0]), axis=0)
    assert wide > 2, "without the limit it would be wider than all there is"


def test_errors_in_the_targets_own_unit_have_no_limit(made):
    plan = made.plan(lower_error("a", than="b"), n=6)
    errors = {"a": [0.0, 9, 0, 9, 0, 9], "b": [9.0, 0, 9, 0, 9, 1]}
    (verdict,) = decide(plan, made.table(plan, facts=made.facts(error_unit="target"), held_error=errors))
    assert verdict.high > 1


# --- how often it is wrong ----------------------------------------------------------------------------------


def wrong_verdicts(made, n_studies, settings, truth=0.0, seed=31):
    """Counts of decisions over studies of a cost difference, through `decide` and all its looks."""
    plan = sequential(made, lower_cost("a", than="b", margin=0.02), looks=(10, 20, 40), **settings)
    rng = np.random.default_rng(seed)
    counts = collections.Counter()
    for _ in range(n_studies):
        d = truth + 0.1 * rng.normal(size=40)
        (verdict,) = decide(plan, made.table(plan, cost=costs(d)))
        counts[verdict.decision] += 1
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"sequence": "anytime"}, {"robust": True}])
def test_identical_arms_are_told_apart_with_probability_alpha_at_most_over_all_looks(made, settings):
    n = 1_000
    counts = wrong_verdicts(made, n, settings)
    assert (counts[SUPPORTED] + counts[REFUTED]) / n <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / n)


@pytest.mark.slow
def test_the_count_over_looks_can_fail(made, monkeypatch):
    """With alpha at every look, as one does who looks and does not pay, identical arms come out different."""
    monkeypatch.setattr("hunch.evidence.looks.boundaries", lambda looks, share: (share,) * len(looks))
    n = 1_000
    counts = wrong_verdicts(made, n, {})
    assert (counts[SUPPORTED] + counts[REFUTED]) / n > 0.05 + 3 * math.sqrt(0.05 * 0.95 / n)
