"""What other rules would do on the same made-up studies: the reasons for all pairs, pairwise variances and no curve."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from benchmarks.dose_rates import rates_of
from benchmarks.simulated_doses import ALPHA, CURVES, SPREAD, bounds_of, noise, simulated, truth
from hunch.stats import paired_interval, t_interval
from hunch.stats.dose_pairs import pair_interval

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


INTERVALS = {"t": t_interval, "union": paired_interval, "as done": pair_interval}


def widening(shape: str, n: int, k: int, n_studies: int) -> dict[str, tuple[float, float]]:
    """Flat truth: how often the worst dose is excluded, and the margin, in standard deviations of a run, at which the
    dose in the middle is certified in half of the studies; by Student's t, the union with Hall's, and as it is done."""
    rng = np.random.default_rng([ord(c) for c in f"wide {shape} {n} {k}"])
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in INTERVALS}
    for _ in range(0, n_studies, 250):
        by_dose = np.swapaxes(noise(shape, 250, n, k, rng), 1, 2)
        for name, interval in INTERVALS.items():
            lower = np.full((250, k, k), -np.inf)
            for j in range(k):
                rest = np.arange(k) != j
                lower[:, rest, j], _ = interval(by_dose[:, rest] - by_dose[:, j : j + 1], 2 * ALPHA / (k - 1))
            rest = np.arange(k) != k // 2
            found[name].append(((lower > 0).any(axis=2), -lower[:, rest, k // 2].min(axis=1)))
            # the upper bound of the middle dose against j is less the lower one of j against it
    return {
        name: (
            float(np.concatenate([e for e, _ in parts]).mean(axis=0).max()),
            float(np.median(np.concatenate([m for _, m in parts])) / SPREAD),
        )
        for name, parts in found.items()
    }


def tails(shape: str, n: int, n_studies: int) -> dict[str, float]:
    """Nine doses: how many are marked as heavy-tailed; flat truth: exclusion of the worst dose with and without; worst
    truth: wrong answers about a default, of all studies."""
    marked, all_in = (simulated(shape, n, 9, n_studies, mark) for mark in (True, False))
    is_out = ~marked.is_stable
    stable = np.maximum(marked.is_stable.sum(axis=0), 1)
    return {
        "marked": float(is_out.mean()),
        "most marked": float(is_out.mean(axis=0).max()),
        "excluded": float(((marked.lower > 0).any(axis=2).sum(axis=0) / stable).max()),
        "default of all": max(rates_of(marked, truth(curve, 9), of_all=True).default for curve in CURVES),
        "all in": float((all_in.lower > 0).any(axis=2).mean(axis=0).max()),
    }


def smallest_margin(n: int, k: int, n_studies: int = 400) -> float:
    """The margin, in standard deviations of a run, at which a best dose of a flat truth is certified in half of the
    studies; Gaussian runs of equal variance."""
    high = simulated("gaussian", n, k, n_studies).upper[:, 0].max(axis=1)
    return float(np.median(high) / SPREAD)
