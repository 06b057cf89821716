"""The quantiles that intervals need, as plain numbers."""

# SciPy ships no types; this is the one file of the room that touches it.
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


def t_quantile(n: int, alpha: float) -> float:
    """Two-sided quantile of Student's t with n - 1 degrees of freedom.

    Example:
        >>> round(t_quantile(10, 0.05), 3)
        2.262
    """
    return float(special.stdtrit(n - 1, 1 - alpha / 2))


def t_two_sided(t: float, n: int) -> float:
    """Two-sided p-value of a t statistic with n - 1 degrees of freedom; the inverse of `t_quantile`.

    Example:
        >>> round(t_two_sided(2.262, 10), 3)
        0.05
    """
    return float(2 * special.stdtr(n - 1, -abs(t)))


def normal_quantile(alpha: float) -> float:
    """Two-sided quantile of the normal distribution.

    Example:
        >>> round(normal_quantile(0.05), 3)
        1.96
    """
    return float(special.ndtri(1 - alpha / 2))


def beta_quantile(share: float, a: float, b: float) -> float:
    """Quantile of the beta distribution.

    Example:
        >>> beta_quantile(0.5, 1, 1)
        0.5
    """
    return float(special.betaincinv(a, b, share))


def binomial_two_sided(k: int, n: int) -> float:
    """Two-sided p-value of k successes in n trials of chance one half; 1 without trials.

    Example:
        >>> binomial_two_sided(0, 5), binomial_two_sided(2, 4)
        (0.0625, 1.0)
    """
    return min(1.0, 2 * float(special.bdtr(min(k, n - k), n, 0.5))) if n else 1.0


def binomial_chances(k: npt.ArrayLike, n: int, p: float) -> Floats:
    """Chance of exactly k successes in n trials of chance p in (0, 1], for whole k from 0 to n.

    In log space, so that nothing overflows; relative errors are about 5e-15·n (4e-15 at n = 12, 3e-9 at 10⁶).

    Example:
        >>> binomial_chances([0, 1, 2], 2, 0.5).round(12).tolist()
        [0.25, 0.5, 0.25]
    """
    got = np.asarray(k, dtype=np.float64)
    choices = -np.log1p(n) - special.betaln(n - got + 1, got + 1)
    logs = choices + special.xlogy(got, p) + special.xlog1py(n - got, -p)
    return np.asarray(np.exp(logs), dtype=np.float64)


def binomial_at_most(k: int, n: int, p: float) -> float:
    """Chance of k successes or fewer in n trials of chance p.

    Example:
        >>> [round(binomial_at_most(k, 2, 0.5), 12) for k in (-1, 0, 1, 2)]
        [0.0, 0.25, 0.75, 1.0]
    """
    if k < 0 or k >= n:
        return float(k >= n)
    return float(special.betaincc(k + 1, n - k, p))


def binomial_above(k: int, n: int, p: float) -> float:
    """Chance of more than k successes in n trials of chance p, exact also where it is tiny.

    Example:
        >>> [round(binomial_above(k, 2, 0.5), 12) for k in (-1, 0, 1, 2)]
        [1.0, 0.75, 0.25, 0.0]
    """
    if k < 0 or k >= n:
        return float(k < 0)
    return float(special.betainc(k + 1, n - k, p))


def beta_nodes(n_nodes: int, a: float, b: float) -> tuple[Floats, Floats]:
    """Nodes in 0..1 and weights of sum 1 that take the mean of a function of a beta variable (Gauss, Jacobi).

    Example:
        >>> nodes, weights = beta_nodes(8, 2.0, 3.0)
        >>> round(float(nodes @ weights), 12)
        0.4
    """
    nodes, weights = special.roots_jacobi(n_nodes, b - 1, a - 1)
    shares = np.asarray(weights, dtype=np.float64)
    return np.asarray((nodes + 1.0) / 2.0, dtype=np.float64), shares / shares.sum()


def direction_density(r: Floats, n: int) -> Floats:
    """Density of sum / √(sum of squares) of n ≥ 3 standard normal numbers; 0 beyond ±√n.

    Example:
        >>> round(float(direction_density(np.array(0.0), 100)), 3)
        0.396
    """
    left = np.clip(1.0 - r * r / n, 0.0, None)
    if n == 3:
        return np.asarray(np.where(left > 0, 1.0, 0.0) / (2 * math.sqrt(3)))
    return np.asarray(left ** ((n - 3) / 2) / (math.sqrt(n) * float(special.beta(0.5, (n - 1) / 2))))


def direction_tail(r: Floats, n: int) -> Floats:
    """Chance that sum / √(sum of squares) of n ≥ 2 standard normal numbers is r or more.

    Example:
        >>> float(direction_tail(np.array(0.0), 9))
        0.5
    """
    outer = 0.5 * special.betainc((n - 1) / 2, 0.5, np.clip(1.0 - r * r / n, 0.0, 1.0))
    return np.asarray(np.where(r >= 0, outer, 1.0 - outer))
