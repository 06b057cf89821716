"""Is the default dose good enough? What it loses against the best of the tested doses, with both bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.stats.dose import dose_curve
from hunch.stats.dose_pairs import pair_bounds

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class DefaultLoss:
    """What a default loses against the best dose, and whether that matters.

    Args:
        answer: `"yes"` (good enough: it loses at most the margin), `"no"` (it loses more) or `"unknown"`, (...).
        loss: Its mean less the lowest mean, (...); at least 0, and optimistic about the best.
        low: Lower bound of the loss, at level 1 - alpha.
        high: Upper bound, at level 1 - alpha; both together hold at level 1 - 2 alpha.
        reason: Why nothing can be said, (...): as in `DoseCurve`, `"unstable"` also where the default is.
    """

    answer: Words
    loss: Floats
    low: Floats
    high: Floats
    reason: Words


def default_loss(
    values: npt.ArrayLike,
    default: int,
    *,
    margin: float,
    alpha: float = 0.05,
    diverged: npt.ArrayLike | None = None,
) -> DefaultLoss:
    """Is the default good enough? For one dose that was declared beforehand.

    Yes, if its upper bound against every other dose is within the margin, each at plain alpha: the yes is wrong
    only if the bound against the true best is (intersection-union). No, if some lower bound at alpha/(K - 1) is above
    the margin. A false answer of either kind has probability at most alpha.

    Args:
        values: As in `dose_curve`.
        default: Position of the declared dose.
        margin: The largest loss that does not matter, stated beforehand; at least 0.
        alpha: Of a false answer.
        diverged: As in `dose_curve`.

    Returns:
        The answer with the bounds of the loss, of the leading shape.

    Raises:
        ValueError: As `dose_curve`, or if there is no such dose.

    Example:
        >>> y = [[0.1, 0.2], [0.3, 0.2], [0.2, 0.3], [0.1, 0.1], [0.2, 0.2], [0.3, 0.2]]
        >>> found = default_loss(y, 1, margin=0.2)
        >>> str(found.answer), float(found.low), round(float(found.high), 2)
        ('yes', 0.0, 0.07)
    """
    curve = dose_curve(values, margin=margin, alpha=alpha, diverged=diverged)
    y = np.asarray(values, dtype=np.float64)
    lead, (n, k) = y.shape[:-2], y.shape[-2:]
    if not -k <= default < k:
        raise ValueError(f"default must be the position of one of {k} doses, got {default}.")
    default %= k
    stable = curve.is_stable.reshape(math.prod(lead), k)
    _, upper = pair_bounds(y.reshape(len(stable), n, k), stable, alpha, "one")
    highest = np.where(np.isnan(upper[:, default]), -np.inf, upper[:, default]).max(axis=1, initial=0.0)
    is_here, gap_low = curve.is_stable[..., default], curve.gap_low[..., default]
    reason = np.where(is_here | (curve.reason != ""), curve.reason, "unstable")
    high = np.where(is_here, np.where(curve.reason == "", highest.reshape(lead), np.inf), np.nan)
    is_open = reason == ""
    answer = np.where(
        is_open & (high <= margin), "yes", np.where(is_open & (gap_low > margin), "no", "unknown")
    )
    lowest = np.where(curve.is_stable, curve.mean, np.inf).min(axis=-1, initial=np.inf)
    with np.errstate(invalid="ignore"):
        loss = curve.mean[..., default] - lowest
    return DefaultLoss(answer, np.asarray(loss), np.asarray(gap_low), high, reason)
