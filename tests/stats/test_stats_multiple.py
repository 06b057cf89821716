"""Several claims: Holm's and Benjamini-Hochberg's p-values against statsmodels, and what the table says."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from hunch.stats import benjamini_hochberg, bonferroni_shares, holm, holm_table


@pytest.mark.parametrize(("adjust", "method"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
@pytest.mark.parametrize("k", [1, 2, 6, 25])
def test_adjusted_p_values_are_those_of_statsmodels(k, adjust, method):
    rng = np.random.default_rng(k)
    for p in (rng.random(k), rng.random(k) ** 4, np.round(rng.random(k), 1)):
        assert np.allclose(adjust(p), multipletests(p, method=method)[1], atol=1e-10, rtol=0)


def test_benjamini_hochberg_is_no_stricter_than_holm_and_never_below_p():
    rng = np.random.default_rng(6)
    for _ in range(50):
        p = rng.random(8) ** 3
        found = benjamini_hochberg(p)
        assert (found <= holm(p) + 1e-12).all() and (found >= p).all()


def test_of_the_findings_that_benjamini_hochberg_lets_pass_a_share_alpha_is_false():
    rng = np.random.default_rng(7)
    shares = []
    for _ in range(4000):
        p = np.concatenate([rng.random(6), rng.random(4) * 0.004])  # six claims are not true
        passed = benjamini_hochberg(p) <= 0.1
        shares.append(passed[:6].sum() / max(1, passed.sum()))
    error = np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) == pytest.approx(0.1 * 6 / 10, abs=3 * error)
    raw = (rng.random((4000, 6)) <= 0.1).sum(axis=1)
    assert (
        np.mean(raw / (raw + 4)) > 0.06 + 3 * error
    )  # the check can fail: without adjustment more are false


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_table_rejects_what_statsmodels_rejects_in_the_order_of_the_p_values(alpha):
    rng = np.random.default_rng(4)
    for _ in range(10):
        p = rng.random(6) ** 3
        rows = holm_table(p, alpha)
        rejected = multipletests(p, alpha=alpha, method="holm")[0]
        assert [row.p for row in rows] == sorted(p)
        assert {row.claim for row in rows if row.is_rejected} == set(np.flatnonzero(rejected))
        assert [row.threshold for row in rows] == pytest.approx([alpha / (6 - i) for i in range(6)])


def test_holm_rejects_whatever_equal_shares_of_alpha_would():
    rng = np.random.default_rng(5)
    for _ in range(200):
        p = rng.random(6) ** 3
        by_share = p <= bonferroni_shares(0.05, 6)[0]
        by_holm = holm(p) <= 0.05
        assert not (by_share & ~by_holm).any()


def test_a_claim_without_a_p_value_counts_as_a_claim_and_is_never_rejected():
    p = [0.001, np.nan, 0.02, np.nan]
    found = holm(p)
    assert np.isnan(found[[1, 3]]).all()
    assert found[[0, 2]] == pytest.approx([0.004, 0.06])
    rows = holm_table(p, 0.05)
    assert [row.claim for row in rows] == [0, 2, 1, 3]
    assert [row.is_rejected for row in rows] == [True, False, False, False]


def test_shares_of_alpha_are_equal_and_sum_to_alpha():
    for k in (1, 2, 6, 400):
        shares = bonferroni_shares(0.05, k)
        assert len(set(shares)) == 1 and sum(shares) == pytest.approx(0.05)
    assert bonferroni_shares(0.05, 0) == ()


def test_degenerate_p_values_give_numbers_or_nan_and_no_warning():
    assert holm([]).tolist() == [] and holm_table([], 0.05) == ()
    assert np.isnan(holm([np.nan, np.nan])).all()
    assert benjamini_hochberg([]).tolist() == [] and np.isnan(benjamini_hochberg([np.nan])).all()
    assert benjamini_hochberg([np.nan, 0.01, 0.02])[1:] == pytest.approx([0.03, 0.03])
    assert holm([1.0, 1.0]).tolist() == [1.0, 1.0]
    assert holm([0.0] * 3).tolist() == [0.0] * 3
