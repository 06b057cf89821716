"""Boundaries of planned looks: reference values, an independent simulation of raw differences, and futility."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from hunch.stats import boundaries, is_futile, planned_looks

PLANNED = [(5, 10, 20, 40), (10, 20, 40, 80), (6, 10, 14), (40, 80)]
CLOSE = [(10, 12, 14), (5, 6, 7, 8)]


def spent_by_look(looks, alpha, levels, n_studies, seed=1):
    """Share of studies of Gaussian differences of mean 0 that have crossed by each look, from raw draws."""
    rng = np.random.default_rng(seed)
    crossed, by_look = np.zeros(n_studies, dtype=bool), []
    d = rng.standard_normal((n_studies, looks[-1]))
    for n, level in zip(looks, levels, strict=True):
        seen = d[:, :n]
        t = np.abs(seen.mean(axis=1)) / (seen.std(axis=1, ddof=1) / np.sqrt(n))
        crossed |= t > scipy_stats.t.ppf(1 - level / 2, n - 1)
        by_look.append(crossed.mean())
    return np.array(by_look)


def errors(share, n_studies, k=4.0):
    return k * np.sqrt(share * (1 - share) / n_studies)


def wanted(looks, alpha):
    """Lan and DeMets' spending function of Pocock's kind."""
    return alpha * np.log(1 + (np.e - 1) * np.array(looks) / looks[-1])


@pytest.mark.parametrize("looks", [*PLANNED, *CLOSE])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6])
def test_all_looks_together_spend_alpha_and_each_spends_its_share(looks, alpha):
    n_studies = 40_000
    found = spent_by_look(looks, alpha, boundaries(looks, alpha), n_studies)
    share = wanted(looks, alpha)
    drawn = 0.001 if looks in CLOSE else 0.0  # those boundaries are drawn themselves
    assert share[-1] == pytest.approx(alpha)
    assert (np.abs(found - share) <= errors(share, n_studies) + drawn).all(), (found, share)


@pytest.mark.slow
@pytest.mark.parametrize("looks", [*PLANNED, *CLOSE])
def test_all_looks_together_spend_alpha_in_a_million_studies(looks):
    found = np.mean(
        [spent_by_look(looks, 0.05, boundaries(looks, 0.05), 50_000, seed) for seed in range(20)], axis=0
    )
    share = wanted(looks, 0.05)
    drawn = 0.001 if looks in CLOSE else 0.0
    assert (np.abs(found - share) <= errors(share, 1_000_000) + drawn).all(), (found, share)


def test_the_simulation_of_the_boundaries_can_fail():
    looks = (10, 20, 40, 80)
    naive = spent_by_look(looks, 0.05, (0.05,) * 4, 20_000)
    assert naive[-1] > 0.1
    found = spent_by_look(looks, 0.05, [1.2 * level for level in boundaries(looks, 0.05)], 20_000)
    assert found[-1] > 0.05 + errors(0.05, 20_000)


def test_the_boundaries_of_four_looks_are_those_of_the_reference():
    found = boundaries((5, 10, 20, 40), 0.05)
    assert np.allclose(found, (0.0099, 0.0094, 0.0161, 0.0243), atol=0.0006, rtol=0)


def test_a_single_look_gets_alpha_itself():
    for n in (2, 5, 40):
        assert boundaries((n,), 0.0123) == (0.0123,)


@pytest.mark.parametrize("looks", [*PLANNED, (10, 12, 14)])
def test_every_boundary_grows_with_alpha_and_is_smaller_than_it(looks):
    alphas = (0.01, 0.02, 0.05, 0.2)
    found = np.array([boundaries(looks, alpha) for alpha in alphas])
    assert (np.diff(found, axis=0) > 0).all()
    assert (found < np.array(alphas)[:, None]).all()
    assert (found > 0).all()


def test_the_first_boundary_is_what_the_first_look_may_spend():
    for looks in PLANNED:
        assert boundaries(looks, 0.05)[0] == pytest.approx(wanted(looks, 0.05)[0], rel=1e-10)


@pytest.mark.parametrize("looks", [(), (1, 5), (5, 5), (10, 5)])
def test_looks_that_do_not_increase_are_refused(looks):
    with pytest.raises(ValueError, match="looks must increase from 2 up"):
        boundaries(looks, 0.05)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, float("nan")])
def test_an_alpha_that_is_no_probability_is_refused(alpha):
    with pytest.raises(ValueError, match=r"alpha must be in \(0, 1\)"):
        boundaries((5, 10), alpha)


@pytest.mark.parametrize("max_n", [1, 3, 5, 6, 9, 10, 20, 39, 40, 47, 80, 200, 1000])
def test_planned_looks_increase_to_all_blocks_and_none_lies_below_five(max_n):
    looks = planned_looks(max_n)
    assert looks[-1] == max_n and 1 <= len(looks) <= 4
    assert all(b >= 2 * a for a, b in zip(looks, looks[1:], strict=False))
    assert all(n >= 5 for n in looks[:-1])
    if max_n >= 40:
        assert len(looks) == 4


def futile_by_hand(d, margin, n_max, level, beyond, can_be_equal):
    n, size, sd = len(d), abs(np.mean(d)), np.std(d, ddof=1)
    quantile = scipy_stats.t.ppf(1 - level / 2, n_max - 1)
    reach = scipy_stats.t.ppf(0.9, n - 1) * sd / np.sqrt(n)
    direction = (size + reach - beyond) / (sd / np.sqrt(n_max)) < quantile + 0.84
    equality = (margin - max(0, size - reach)) / (sd / np.sqrt(n_max)) < quantile + 1.28
    return direction and (equality if can_be_equal and margin > 0 else True)


@pytest.mark.parametrize("can_be_equal", [True, False])
@pytest.mark.parametrize("beyond", [0.0, 0.3])
def test_a_study_is_futile_where_its_kindest_bound_decides_nothing(can_be_equal, beyond):
    rng = np.random.default_rng(3)
    d = rng.normal(rng.choice([0.0, 0.2, 0.4], (300, 1)), 1.0, (300, 20))
    found = is_futile(d, margin=0.3, n_max=40, level=0.024, beyond=beyond, can_be_equal=can_be_equal)
    by_hand = [futile_by_hand(x, 0.3, 40, 0.024, beyond, can_be_equal) for x in d]
    assert found.tolist() == by_hand
    assert 0 < sum(by_hand) < len(by_hand)


def test_swapping_the_arms_does_not_change_what_is_futile():
    d = np.random.default_rng(4).normal(0.2, 1, (100, 20))
    assert (
        is_futile(d, margin=0.3, n_max=40, level=0.02).tolist()
        == is_futile(-d, margin=0.3, n_max=40, level=0.02).tolist()
    )


def test_too_few_differences_are_never_futile():
    assert not is_futile([], margin=0.3, n_max=40, level=0.02)
    assert is_futile(np.zeros((3, 1)), margin=0.3, n_max=40, level=0.02).tolist() == [False] * 3
    assert not is_futile([0.0] * 9, margin=0.3, n_max=40, level=0.02)
