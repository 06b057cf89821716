"""Arms that differ in nothing are told apart with probability alpha at most: every mode, every stopping rule.

Whoever stops when it looks best needs one look that decides: so a study counts as false if any look, or any
number of pairs at all, would have told the arms apart. Nobody gives up, and equality ends nothing (margin 0).
"""

import numpy as np
import pytest
from benchmarks.simulated_studies import Cell, make

from hunch.stats import Decision, bets_won, decide_paths, log_price, mixture_interval, t_interval

ALPHA = 0.05
PLANS = [(10, 20, 40, 80), (5, 10, 20, 40), (5, 10, 20), (12,)]


def limit(n_studies, alpha=ALPHA, errors=3.0):
    """alpha + 3 Monte-Carlo errors."""
    return alpha + errors * np.sqrt(alpha * (1 - alpha) / n_studies)


def identical(shape, n_studies, n=80, seed=1):
    """Differences of two arms that are the same network, (studies, n)."""
    rng = np.random.default_rng(seed)
    if shape == "gaussian":
        return rng.standard_normal((n_studies, n))
    return make(Cell(shape, shape, 0.5, 0.2 if shape == "weibull" else 0.0), n_studies, rng, (n,)).d


def told_apart(d, **how):
    found = decide_paths(d, margin=0.0, give_up=False, **how)
    return found.share(Decision.SUPPORTED, Decision.REFUTED)


def told_apart_at_any_number(d, interval, first=5):
    """By someone who looks after every pair from the fifth on and stops as soon as 0 is left out."""
    ever = np.zeros(len(d), dtype=bool)
    for n in range(first, d.shape[1] + 1):
        low, high = interval(d[:, :n])
        ever |= (low > 0) | (high < 0)
    return ever.mean()


def told_apart_by_bets(d, bounds, alpha=ALPHA):
    above, below = bets_won(d, *bounds, 0.0)
    return (np.maximum(above, below) >= log_price(alpha)).any(axis=1).mean()


@pytest.mark.parametrize("looks", PLANS)
def test_planned_looks_at_identical_arms_are_wrong_with_probability_alpha_at_most(looks):
    d = identical("gaussian", 3_000, looks[-1])
    found = told_apart(d, looks=looks)
    assert 0.4 * ALPHA <= found <= limit(len(d))  # it does not get there by never deciding


@pytest.mark.parametrize("shape", ["lognormal", "weibull", "stuck"])
def test_planned_looks_bear_identical_arms_of_any_shape(shape):
    d = identical(shape, 1_500, 40)
    assert told_apart(d, looks=(5, 10, 20, 40)) <= limit(len(d))


def test_a_sixth_of_alpha_is_kept_too():
    d = identical("gaussian", 6_000, 40)
    assert told_apart(d, looks=(5, 10, 20, 40), alpha=ALPHA / 6) <= limit(len(d), ALPHA / 6)


def test_whoever_looks_after_every_pair_and_stops_when_it_looks_best_is_kept_to_alpha_by_the_anytime_mode():
    d = identical("gaussian", 3_000, 60)
    assert told_apart_at_any_number(d, lambda x: mixture_interval(x, ALPHA)) <= limit(len(d))
    looks = tuple(range(5, 61))
    assert told_apart(d[:500], looks=looks, mode="anytime") <= limit(500)


@pytest.mark.parametrize("shape", ["gaussian", "stuck"])
def test_whoever_stops_when_the_bets_look_best_is_kept_to_alpha(shape):
    d = identical(shape, 800, 60).clip(-4, 4)
    assert told_apart_by_bets(d, (-4.0, 4.0)) <= limit(len(d))


def test_the_count_of_false_verdicts_can_fail():
    d = identical("gaussian", 3_000, 60)
    assert told_apart_at_any_number(d, lambda x: t_interval(x, ALPHA)) > 0.15  # peeking with a plain t test
    assert told_apart(d + 0.3, looks=(15, 30, 60)) > limit(len(d))
    assert told_apart_by_bets((d + 0.7).clip(-4, 4), (-4.0, 4.0)) > limit(len(d))


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["gaussian", "lognormal", "weibull", "gamma", "stuck"])
@pytest.mark.parametrize("alpha", [ALPHA, ALPHA / 6])
def test_identical_arms_of_every_shape_in_every_mode_in_many_studies(shape, alpha):
    d = identical(shape, 20_000, 80)
    for looks in PLANS:
        assert told_apart(d[:, : looks[-1]], looks=looks, alpha=alpha) <= limit(len(d), alpha), looks
    assert told_apart_at_any_number(d, lambda x: mixture_interval(x, alpha)) <= limit(len(d), alpha)
    few = d[:5_000].clip(-5, 5)
    assert told_apart_by_bets(few, (-5.0, 5.0), alpha) <= limit(len(few), alpha)
