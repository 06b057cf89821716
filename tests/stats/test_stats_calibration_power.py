"""What the guarantees cost: how often a claim is decided, after how many pairs; and several claims at once."""

import numpy as np
import pytest

from hunch.stats import Decision, decide_paths

ALPHA, LOOKS = 0.05, (10, 20, 40, 80)


def gaussian(effect, n_studies, seed=1):
    return np.random.default_rng(seed).normal(effect, 1.0, (n_studies, LOOKS[-1]))


def decided_and_pairs(effect, n_studies, claims, **how):
    found = decide_paths(gaussian(effect, n_studies), margin=0.1, alpha=ALPHA / claims, looks=LOOKS, **how)
    return 1 - found.share(Decision.UNDECIDED), found.used.mean()


@pytest.mark.parametrize(("claims", "most_pairs"), [(1, 25.0), (2, 29.0)])
def test_a_difference_of_four_fifths_of_its_spread_is_decided_within_few_pairs(claims, most_pairs):
    decided, pairs = decided_and_pairs(0.8, 800, claims)
    assert decided >= 0.95
    assert pairs <= most_pairs


def test_giving_up_saves_pairs_and_hardly_any_verdicts():
    decided, pairs = decided_and_pairs(0.0, 800, 1)
    with_all, every_pair = decided_and_pairs(0.0, 800, 1, give_up=False)
    assert pairs < 0.8 * every_pair
    assert decided >= with_all - 0.03
    at_half, with_all_at_half = (decided_and_pairs(0.5, 800, 1, give_up=g)[0] for g in (True, False))
    assert at_half >= with_all_at_half - 0.03


def family_wise(n_studies, effects, seed=2, alpha=None):
    """Share of studies in which any verdict of several claims is wrong; the claims share one arm."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n_studies, LOOKS[-1]))
    any_wrong = np.zeros(n_studies, dtype=bool)
    for effect in effects:
        d = (rng.standard_normal(shared.shape) - shared) / np.sqrt(2) + effect
        found = decide_paths(d, margin=0.3, alpha=alpha or ALPHA / len(effects), looks=LOOKS)
        false = [Decision.REFUTED, Decision.NO_MEANINGFUL_DIFFERENCE if effect else Decision.SUPPORTED]
        any_wrong |= np.isin(found.decision, false)
    return any_wrong.mean()


def test_six_claims_of_which_three_are_null_are_all_right_at_once_with_probability_alpha_missing():
    found = family_wise(700, (0.0,) * 3 + (0.8,) * 3)
    assert found <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / 700)


def test_the_count_of_families_with_a_wrong_verdict_can_fail():
    assert family_wise(300, (0.0,) * 6, alpha=ALPHA) > ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / 300)


@pytest.mark.slow
@pytest.mark.parametrize(("claims", "most_pairs"), [(1, 25.0), (2, 29.0)])
def test_power_in_many_studies(claims, most_pairs):
    decided, pairs = decided_and_pairs(0.8, 20_000, claims)
    assert decided >= 0.95
    assert pairs <= most_pairs


@pytest.mark.slow
@pytest.mark.parametrize("effects", [(0.0,) * 6, (0.0,) * 3 + (0.8,) * 3, (0.0,) * 3 + (0.5,) * 3])
def test_family_wise_error_of_six_claims_in_many_studies(effects):
    assert family_wise(10_000, effects) <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / 10_000)
