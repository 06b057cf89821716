"""Confidence sequences against what defines them: an e-process inverted numerically, bets searched by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize

from hunch.stats import bets_won, betting_interval, betting_price, log_price, mixture_interval
from hunch.stats.betting import PRIOR, SHARES


def evidence(d, theta, c2=4.0):
    """Log of E_n(θ) of the reference, 3.4b."""
    n, s, v = len(d), np.sum(d - theta), np.sum((d - theta) ** 2)
    return 0.5 * math.log(c2 / (n + c2)) + n / 2 * math.log(v / (v - s**2 / (n + c2)))


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6])
@pytest.mark.parametrize("n", [7, 10, 25, 80])
def test_the_mixture_interval_ends_where_the_e_process_reaches_one_over_alpha(n, alpha):
    d = np.random.default_rng(n).normal(0.4, 1.3, n)
    low, high = mixture_interval(d, alpha)
    if not math.isfinite(low):
        assert all(evidence(d, x) < math.log(1 / alpha) for x in (-1e6, -10.0, 0.0, 10.0, 1e6))
        return
    for end, far in ((low, -1e4), (high, 1e4)):
        root = optimize.brentq(
            lambda x: evidence(d, x) - math.log(1 / alpha), d.mean(), d.mean() + far, xtol=1e-13, rtol=1e-14
        )
        assert end == pytest.approx(root, abs=1e-10)


def test_a_mixture_interval_is_infinite_exactly_while_no_value_can_be_refuted():
    rng = np.random.default_rng(2)
    for n in range(2, 20):
        d = rng.normal(size=n)
        furthest = max(evidence(d, 1e7), evidence(d, -1e7))
        assert math.isfinite(mixture_interval(d, 0.05)[1]) == (furthest > math.log(20))


def test_the_mean_of_the_e_process_is_at_most_one_where_the_differences_are_gaussian():
    rng = np.random.default_rng(3)
    d = rng.normal(0.7, 2.0, (40_000, 6))
    found = np.exp([evidence(x, 0.7) for x in d])
    assert found.mean() <= 1 + 4 * found.std() / math.sqrt(len(found))


def stakes(u, m):
    """Stake after each difference, betting that the mean is above m: a sum of products, nothing clever."""
    bets, history = list(PRIOR), []
    for x in u:
        bets = [stake * (1 + g * (x / m - 1)) for stake, g in zip(bets, SHARES, strict=True)]
        history.append(sum(bets))
    return history


def lower_end_by_search(u, alpha, steps):
    """The largest m of a mesh against which the stake ever reached 2/alpha."""
    return max((m for m in steps if max(stakes(u, m)) >= 2 / alpha), default=0.0)


@pytest.mark.parametrize("kind", ["beta", "coin", "nearly flat"])
def test_the_betting_interval_ends_at_the_last_value_that_a_direct_search_refutes(kind):
    rng = np.random.default_rng(5)
    d = {
        "beta": 3 * rng.beta(3, 2, 40) - 1,
        "coin": np.where(rng.random(40) < 0.8, 2.0, -1.0),
        "nearly flat": 1.0 + 0.05 * rng.normal(size=40),
    }[kind]
    u, mesh = (d + 1) / 3, np.linspace(0.002, 0.998, 499)
    low, high = betting_interval(d, -1.0, 2.0, 0.05)
    assert (low + 1) / 3 == pytest.approx(lower_end_by_search(u, 0.05, mesh), abs=0.002)
    assert 1 - (high + 1) / 3 == pytest.approx(lower_end_by_search(1 - u, 0.05, mesh), abs=0.002)


def test_stakes_are_sums_of_products_and_the_interval_ends_where_they_reach_the_price():
    rng = np.random.default_rng(6)
    d = rng.uniform(-0.5, 1.0, 30)
    above, below = bets_won(d, -1.0, 1.0, 0.1)
    assert np.allclose(np.exp(above), stakes((d + 1) / 2, 0.55), rtol=1e-10)
    assert np.allclose(np.exp(below), stakes((1 - d) / 2, 0.45), rtol=1e-10)
    low, high = betting_interval(d, -1.0, 1.0, 0.05)
    assert bets_won(d, -1.0, 1.0, float(low))[0].max() == pytest.approx(log_price(0.05), abs=1e-6)
    assert bets_won(d, -1.0, 1.0, float(high))[1].max() == pytest.approx(log_price(0.05), abs=1e-6)


@pytest.mark.parametrize("m", [0.1, 0.5, 0.8])
def test_betting_on_the_true_mean_makes_no_money_on_average(m):
    """Every sequence of eight coins, weighed by its chance: the stake's mean is 1 after each of them."""
    values, chances = (0.0, 1.0), (1 - m, m)
    mean = np.zeros(8)
    for which in itertools.product((0, 1), repeat=8):
        chance = math.prod(chances[i] for i in which)
        above, below = bets_won([values[i] for i in which], 0.0, 1.0, m)
        mean += chance * (np.exp(above) + np.exp(below)) / 2
    assert np.allclose(mean, 1.0, atol=1e-10, rtol=0)


def test_the_betting_sequence_never_widens_and_leaves_nobody_ruined():
    d = np.random.default_rng(7).choice([-1.0, 1.0], 60, p=[0.3, 0.7])
    ends = np.array([betting_interval(d[:n], -1.0, 1.0, 0.05) for n in range(61)])
    assert (np.diff(ends[:, 0]) >= -1e-9).all() and (np.diff(ends[:, 1]) <= 1e-9).all()
    above, below = bets_won(d, -1.0, 1.0, 0.4)
    assert np.isfinite(above).all() and np.isfinite(below).all()
    assert sum(PRIOR) == pytest.approx(1) and min(SHARES) > 0 and max(SHARES) < 1


@pytest.mark.parametrize("interval", [mixture_interval, lambda d, a: betting_interval(d, -9.0, 9.0, a)])
def test_swapping_the_arms_mirrors_a_sequence_and_many_studies_at_once_are_single_ones(interval):
    d = np.random.default_rng(8).normal(0.3, 1, (2, 3, 30))
    low, high = interval(d, 0.05)
    mirror_low, mirror_high = interval(-d, 0.05)
    assert np.allclose(low, -mirror_high, atol=1e-9) and np.allclose(high, -mirror_low, atol=1e-9)
    assert np.allclose(interval(d[1, 2], 0.05), (low[1, 2], high[1, 2]), atol=1e-12)
    stricter = interval(d, 0.01)
    assert (stricter[0] < low).all() and (stricter[1] > high).all()


def test_values_beyond_the_bounds_are_refuted_at_once():
    above, _ = bets_won([0.5], -1.0, 1.0, -1.0)
    _, below = bets_won([0.5], -1.0, 1.0, 1.0)
    assert above.tolist() == below.tolist() == [math.inf]


@pytest.mark.parametrize(
    ("d", "low", "high"), [([2.0], -1, 1), ([0.0], 1, 1), ([0.0], 1, -1), ([0.0], -math.inf, 1)]
)
def test_bounds_that_do_not_bound_are_refused(d, low, high):
    with pytest.raises(ValueError, match="the differences must lie within the bounds"):
        betting_interval(d, low, high, 0.05)
    with pytest.raises(ValueError, match="the differences must lie within the bounds"):
        bets_won(d, low, high, 0.0)


@pytest.mark.parametrize(("effect", "spread"), [(0.4, 0.5), (0.25, 0.5)])
def test_the_price_of_betting_is_about_what_the_bets_need(effect, spread):
    width = 12.0
    d = np.random.default_rng(9).normal(effect, spread, (300, 400)).clip(-width / 2, width / 2)
    won = bets_won(d, -width / 2, width / 2, 0.0)[0] >= log_price(0.05)
    assert won.any(axis=1).all()
    needed = (won.argmax(axis=1) + 1).mean()
    assert betting_price(effect, spread, width, 0.05) == pytest.approx(needed, rel=0.1)


def test_no_effect_costs_infinitely_many_differences_and_nothing_known_costs_nan():
    assert betting_price(0.0, 1.0, 10.0, 0.05) == math.inf
    assert math.isnan(betting_price(math.nan, 1.0, 10.0, 0.05))
