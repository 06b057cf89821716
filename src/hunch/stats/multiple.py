"""Several claims at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p: npt.ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values: those at most alpha keep the family-wise error at alpha.

    Args:
        p: p-values, (k,); NaN for a claim that has none.

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
