"""Does the interval cover? Simulated times to the target, censored at the budget, arms correlated by seed.

The small version runs always; the grid of families is marked slow. Both use seeds fixed beforehand.
"""

import itertools

import numpy as np
import pytest
from scipy import special, stats

from hunch.stats import log_restricted, paired_interval, sign_flip_p

ALPHA = 0.05
FAMILIES = {
    "lognormal": lambda u: np.exp(0.5 * special.ndtri(u)),
    "weibull": lambda u: (-np.log1p(-u)) ** (1 / 1.5),
    "gamma": lambda u: stats.gamma.ppf(u, 2.0),
}


def log_ratios(rng, families, correlation, censored, n_studies, n_seeds):
    """(studies, seeds) differences of log min(T, B), and their true mean."""
    draw = [FAMILIES[f] for f in families]

    def times(shape):
        z = rng.normal(size=(2, *shape))
        z[1] = correlation * z[0] + np.sqrt(1 - correlation**2) * z[1]
        return [f(special.ndtr(row)) * 100 for f, row in zip(draw, z, strict=True)]

    many = np.stack(times((200_000,)))
    budget = float(np.quantile(many, 1 - censored)) if censored else 1e12
    truth = float(np.subtract(*log_restricted(many[::-1], budget)).mean())
    a, b = times((n_studies, n_seeds))
    return log_restricted(b, budget) - log_restricted(a, budget), truth


def missed(d, truth):
    """Share of studies whose interval misses the truth."""
    low, high = paired_interval(d, ALPHA)
    return float(((low > truth) | (high < truth)).mean())


def tolerance(n_studies, errors=3.0):
    return errors * np.sqrt(ALPHA * (1 - ALPHA) / n_studies)


@pytest.mark.parametrize(
    ("families", "correlation", "censored", "n_seeds"),
    [
        (("lognormal", "lognormal"), 0.5, 0.0, 10),
        (("gamma", "gamma"), 0.9, 0.2, 20),
        (("weibull", "weibull"), 0.0, 0.5, 6),
        (("lognormal", "gamma"), 0.5, 0.2, 10),
    ],
)
def test_the_interval_covers_the_ratio_of_restricted_times(families, correlation, censored, n_seeds):
    rng = np.random.default_rng(2026)
    d, truth = log_ratios(rng, families, correlation, censored, 2_000, n_seeds)
    assert missed(d, truth) <= ALPHA + tolerance(len(d))


def test_the_coverage_check_can_fail():
    d, truth = log_ratios(np.random.default_rng(2026), ("gamma", "gamma"), 0.5, 0.2, 2_000, 10)
    assert missed(d, truth + 0.3) > ALPHA + tolerance(len(d))
    narrow = d.mean(axis=1, keepdims=True) + 0.8 * (d - d.mean(axis=1, keepdims=True))
    assert missed(narrow, truth) > ALPHA + tolerance(len(d))


def test_identical_arms_are_told_apart_with_probability_alpha_at_most():
    d, _ = log_ratios(np.random.default_rng(7), ("lognormal", "lognormal"), 0.5, 0.2, 3_000, 12)
    low, high = paired_interval(d, ALPHA)
    told_apart = ((low > 0) | (high < 0)) & (sign_flip_p(d) <= ALPHA)
    assert told_apart.mean() <= ALPHA + tolerance(len(d))
    assert told_apart.mean() >= 0.4 * ALPHA  # it does not get there by never deciding


@pytest.mark.slow
@pytest.mark.parametrize("families", list(itertools.product(FAMILIES, repeat=2)))
def test_coverage_over_families_correlation_and_censoring(families):
    """Equal shapes: at most alpha + 3 Monte-Carlo errors. Unequal ones: at most twice alpha."""
    rng = np.random.default_rng(31)
    limit = ALPHA + tolerance(8_000) if families[0] == families[1] else 2 * ALPHA
    for correlation, censored, n_seeds in itertools.product((0.0, 0.5, 0.9), (0.0, 0.2, 0.5), (6, 10, 20)):
        d, truth = log_ratios(rng, families, correlation, censored, 8_000, n_seeds)
        assert missed(d, truth) <= limit, (correlation, censored, n_seeds)
