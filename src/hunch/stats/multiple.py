"""Several claims at once: what each may spend, and the adjusted p-values that are printed beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def bonferroni_shares(alpha: float, n_claims: int) -> tuple[float, ...]:
    """What each claim may spend, so that all verdicts are right at once with probability 1 - alpha.

    Args:
        alpha: For all claims together.
        n_claims: How many; 0 gives no shares.

    Example:
        >>> bonferroni_shares(0.05, 2)
        (0.025, 0.025)
    """
    return (alpha / n_claims,) * n_claims if n_claims > 0 else ()


def holm(p: npt.ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values: those at most alpha keep the family-wise error at alpha.

    Args:
        p: p-values, (k,); NaN for a claim that has none, which counts as one of the k all the same.

    Returns:
        Adjusted p-values in the same order, at most 1; NaN where p is.

    Example:
        >>> [round(float(x), 3) for x in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    order = np.argsort(values)[: int((~np.isnan(values)).sum())]
    steps = values[order] * np.arange(len(values), len(values) - len(order), -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else steps
    return adjusted


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """Benjamini and Hochberg's step-up adjusted p-values: of those at most alpha a share alpha is false.

    On average, and for independent or positively dependent p-values. It bounds the share of false findings
    among all that are called, which is less than `holm` promises, and so loses less.

    Args:
        p: p-values, (k,); NaN for a claim that has none, which counts as one of the k all the same.

    Returns:
        Adjusted p-values in the same order, at most 1; NaN where p is.

    Source:
        Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57(1).

    Example:
        >>> [round(float(x), 3) for x in benjamini_hochberg([0.01, 0.04, 0.03, 0.2])]
        [0.04, 0.053, 0.053, 0.2]
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    order = np.argsort(values)[: int((~np.isnan(values)).sum())]
    steps = values[order] * len(values) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(steps[::-1])[::-1])
    return adjusted


@dataclass(frozen=True, slots=True)
class HolmRow:
    """One claim in Holm's table.

    Args:
        claim: Position of the claim in what was given.
        p: Its p-value.
        threshold: alpha / (claims not yet stepped over): what p must not exceed.
        adjusted: Holm's adjusted p-value.
        is_rejected: Whether it and all before it stay within their thresholds.
    """

    claim: int
    p: float
    threshold: float
    adjusted: float
    is_rejected: bool


def holm_table(p: npt.ArrayLike, alpha: float) -> tuple[HolmRow, ...]:
    """Holm's table, the smallest p-value first; claims without a p-value come last and are never rejected.

    It never rejects fewer than `bonferroni_shares` would, at the same family-wise error (Holm 1979).

    Args:
        p: p-values, (k,); NaN for a claim that has none.
        alpha: For all claims together.

    Example:
        >>> [(row.claim, round(row.threshold, 4), row.is_rejected) for row in holm_table([0.04, 0.01], 0.05)]
        [(1, 0.025, True), (0, 0.05, True)]
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted, k = holm(values), len(values)
    return tuple(
        HolmRow(int(i), float(values[i]), alpha / (k - step), float(adjusted[i]), bool(adjusted[i] <= alpha))
        for step, i in enumerate(np.argsort(values, kind="stable"))
    )
