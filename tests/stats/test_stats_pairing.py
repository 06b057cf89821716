"""What sharing a seed achieved."""

import numpy as np
import pytest

from hunch.stats import pairing_correlation, variance_factor


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.95])
def test_with_equal_spreads_the_factor_is_one_minus_the_correlation(shared):
    rng = np.random.default_rng(1)
    block = rng.normal(size=20_000)
    a, b = (np.sqrt(shared) * block + np.sqrt(1 - shared) * rng.normal(size=20_000) for _ in range(2))
    assert pairing_correlation(a, b) == pytest.approx(shared, abs=0.02)
    assert variance_factor(a, b) == pytest.approx(1 - shared, abs=0.02)


def test_the_factor_is_the_ratio_of_variances_whatever_the_spreads():
    rng = np.random.default_rng(2)
    a = rng.normal(size=12)
    b = 3 * a + rng.normal(size=12)
    assert variance_factor(a, b) == pytest.approx(
        (a - b).var(ddof=1) / (a.var(ddof=1) + b.var(ddof=1)), abs=1e-12
    )
    assert variance_factor(a, b) == variance_factor(b, a)
    assert variance_factor(a, -a) == pytest.approx(2.0)


@pytest.mark.parametrize("a", [[], [1.0, 2.0], [1.0] * 5, [1.0, 2.0, np.nan, 3.0], [1.0, np.inf, 2.0, 3.0]])
def test_where_nothing_can_be_said_it_is_nan(a):
    assert np.isnan(pairing_correlation(a, a))
    assert np.isnan(variance_factor(a, a))


def test_an_arm_that_never_varies_has_a_factor_but_no_correlation():
    b = [1.0, 2.0, 4.0]
    assert np.isnan(pairing_correlation([5.0] * 3, b))
    assert variance_factor([5.0] * 3, b) == pytest.approx(1.0)
