"""What other rules would do on the same made-up studies: the reasons for all pairs, pairwise variances and no curve."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from benchmarks.simulated_doses import ALPHA, SPREAD, bounds_of, noise, simulated, truth
from hunch.stats import t_interval

DRAWS = 200_000  # for Dunnett's quantile
RESAMPLES = 200


@lru_cache(maxsize=32)
def dunnett(n: int, k: int) -> float:
    """One-sided 95 % quantile of the largest of k - 1 differences from one dose, in pooled standard errors."""
    rng = np.random.default_rng([n, k])
    z = rng.standard_normal((DRAWS, k))
    degrees = (n - 1) * (k - 1)
    s = np.sqrt(rng.chisquare(degrees, DRAWS) / degrees)
    return float(np.quantile((z[:, :1] - z[:, 1:]).max(axis=1) / (np.sqrt(2) * s), 1 - ALPHA))


def pooled_excludes(values: np.ndarray) -> np.ndarray:
    """Hsu's comparisons with the best, one variance for all doses: which doses are excluded as best, (studies, K)."""
    n, k = values.shape[1:]
    mean = values.mean(axis=1)
    residual = values - values.mean(axis=2, keepdims=True)
    residual = residual - residual.mean(axis=1, keepdims=True)
    sigma = np.sqrt((residual**2).sum(axis=(1, 2)) / ((n - 1) * (k - 1)))
    reach = dunnett(n, k) * sigma * np.sqrt(2 / n)
    gap = np.where(np.eye(k, dtype=bool), -np.inf, mean[:, :, None] - mean[:, None, :]).max(axis=2)
    return gap > reach[:, None]


def excluded_by_pooling(shape: str, n: int, k: int, n_studies: int) -> tuple[float, float]:
    """Flat truth: the worst dose's rate of being excluded as best, with one variance for all and with pairwise ones."""
    rng = np.random.default_rng([ord(c) for c in f"pooled {shape} {n} {k}"])
    y = noise(shape, n_studies, n, k, rng)
    own = (bounds_of(y, mark=False).lower > 0).any(axis=2)
    return float(pooled_excludes(y).mean(axis=0).max()), float(own.mean(axis=0).max())


def cubic_rates(curve: str, n: int, n_studies: int) -> dict[str, float]:
    """A cubic through the means, seeds resampled, 5 and 95 % percentiles of what a dose loses; Gaussian runs.

    How often any dose is certified that loses too much, a dose's upper bound lies below what it loses (the worst of
    nine), and a best dose's lower bound lies above 0 (likewise).
    """
    at = truth(curve, 9)
    rng = np.random.default_rng([ord(c) for c in f"cubic {curve} {n}"])
    y = noise("gaussian", n_studies, n, 9, rng) + at.means
    x = np.vander(np.linspace(-1, 1, 9), 4)
    hat = x @ np.linalg.pinv(x)
    weights = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) / n
    low, high = np.empty((2, n_studies, 9))
    for i, one in enumerate(y):
        fit = weights @ one @ hat
        low[i], high[i] = np.quantile(fit - fit.min(axis=1, keepdims=True), (ALPHA, 1 - ALPHA), axis=0)
    is_bad = at.gap > at.margin
    return {
        "certified": float(((high <= at.margin) & is_bad).any(axis=1).mean()),
        "gap": float((high < at.gap - 1e-12).mean(axis=0).max()),
        "excluded": float((low > 1e-12).mean(axis=0)[at.gap < 1e-12].max()),
        "n_certified": float((high <= at.margin).sum(axis=1).mean()),
    }


def widening(shape: str, n: int, n_studies: int) -> dict[str, float]:
    """Flat truth, nine doses: exclusion of the worst dose by Student's t alone and as it is done; how much wider."""
    rng = np.random.default_rng([ord(c) for c in f"wide {shape} {n}"])
    y = noise(shape, n_studies, n, 9, rng)
    done = bounds_of(y, mark=False)
    lower = np.full_like(done.lower, -np.inf)
    by_dose = np.swapaxes(y, 1, 2)
    for j in range(9):
        low, _ = t_interval(by_dose - by_dose[:, j : j + 1], 2 * ALPHA / 8)
        lower[:, :, j] = np.where(np.arange(9) == j, -np.inf, low)
    width = [np.median(-(x + np.swapaxes(x, 1, 2))[:, 3, 4]) for x in (lower, done.lower)]
    return {
        "t": float((lower > 0).any(axis=2).mean(axis=0).max()),
        "as done": float((done.lower > 0).any(axis=2).mean(axis=0).max()),
        "wider": float(width[1] / width[0]),
    }


def tails(shape: str, n: int, n_studies: int) -> dict[str, float]:
    """Flat truth, nine doses: how many are marked as heavy-tailed, and exclusion of the worst dose with and without."""
    marked, all_in = (simulated(shape, n, 9, n_studies, mark) for mark in (True, False))
    is_out = ~marked.is_stable
    stable = np.maximum(marked.is_stable.sum(axis=0), 1)
    return {
        "marked": float(is_out.mean()),
        "most marked": float(is_out.mean(axis=0).max()),
        "excluded": float(((marked.lower > 0).any(axis=2).sum(axis=0) / stable).max()),
        "all in": float((all_in.lower > 0).any(axis=2).mean(axis=0).max()),
    }


def smallest_margin(n: int, k: int, n_studies: int = 400) -> float:
    """The margin, in standard deviations of a run, at which a best dose of a flat truth is certified in half of the
    studies; Gaussian runs of equal variance."""
    high = simulated("gaussian", n, k, n_studies).upper[:, 0].max(axis=1)
    return float(np.median(high) / SPREAD)
