"""The quantiles that intervals need, as plain numbers."""

# SciPy ships no types; this is the one file of the room that touches it.
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

from __future__ import annotations

from scipy import special


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
