"""How wide the near-optimal region of a knob is, and how likely one draw from its range hits it.

Scales: `"linear"` (a keep probability) or `"log"` (λ, a learning rate), whose widths are in decades. On the log scale
dose 0 is a point of its own: it has no place on the scale, so it is told apart (`has_zero`), adds nothing to a width,
and no draw falls on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hunch.stats.dose import DoseCurve

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Scale = Literal["linear", "log"]


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Where a set of doses reaches. Arrays have the leading shape.

    Args:
        low: Smallest dose of the set (dose 0 left out on the log scale); NaN if there is none.
        high: Largest.
        width: high - low, in decades on the log scale; 0 for one dose, NaN for none.
        n_doses: How many doses, dose 0 included.
        has_zero: Whether dose 0 of a log scale is one of them.
    """

    low: Floats
    high: Floats
    width: Floats
    n_doses: npt.NDArray[np.int64]
    has_zero: Bools


@dataclass(frozen=True, slots=True, eq=False)
class DoseWidths:
    """How wide the near-optimal region is.

    Args:
        inner: Span of the doses certified near-optimal: the region is at least that wide (where it is in one piece).
        outer: Span of the doses not shown to be worse than the margin: the region of tested doses is at most that
            wide. It holds the other two.
        best: Span of the doses not excluded as best: where the best dose can lie. A dose can be excluded as best and
            still be certified, so this can be narrower than `inner`.
    """

    inner: Span
    outer: Span
    best: Span


def dose_widths(curve: DoseCurve, doses: npt.ArrayLike, *, scale: Scale = "linear") -> DoseWidths:
    """Inner and outer width of the near-optimal region, and that of the doses not excluded as best.

    Unstable doses belong to none.

    Args:
        curve: The curve.
        doses: (K,), in any order; for a grid of two knobs, one knob's dose at every point of it.
        scale: Of the knob.

    Raises:
        ValueError: If a dose is negative on the log scale, or their number is not the curve's.

    Example:
        >>> from hunch.stats.dose import dose_curve
        >>> y = [[0.1, 0.2, 1.1], [0.3, 0.2, 1.0], [0.2, 0.3, 1.2], [0.1, 0.1, 1.2], [0.2, 0.2, 1.1], [0.3, 0.2, 1.3]]
        >>> float(dose_widths(dose_curve(y, margin=0.3), [0.001, 0.1, 1.0], scale="log").inner.width)
        2.0
    """
    x = knob_doses(doses, scale, curve.mean.shape[-1])
    stable = curve.is_stable
    return DoseWidths(
        inner=_span(curve.is_near_optimal, x, scale),
        outer=_span(stable & ~curve.is_worse, x, scale),
        best=_span(stable & ~curve.is_excluded, x, scale),
    )


def cell_shares(
    doses: npt.ArrayLike, *, scale: Scale = "linear", ends: tuple[float, float] | None = None
) -> Floats:
    """Share of the declared range for which each dose stands: its Voronoi cell on the knob's scale.

    The chance that a uniform draw (on the log scale: log-uniform) is nearer to this dose than to another. Dose 0 of
    a log scale has share 0. A grid of two knobs: the outer product of the shares of both.

    Args:
        doses: (K,), in any order; equal doses share a cell.
        scale: Of the knob.
        ends: The declared range; None: from the smallest to the largest dose (above 0 on the log scale).

    Returns:
        Shares, (K,), sum 1; all 0 if there is no dose on the scale.

    Raises:
        ValueError: If a dose is negative on the log scale, or the range is not positive there, or runs backwards.

    Example:
        >>> cell_shares([0.5, 0.6, 1.0]).round(2).tolist()
        [0.1, 0.5, 0.4]
    """
    x = knob_doses(doses, scale, None)
    place = place_on(x, scale)
    on_scale = np.isfinite(place)
    shares = np.zeros(len(x))
    if not on_scale.any():
        return shares
    points, which, n_equal = np.unique(place[on_scale], return_inverse=True, return_counts=True)
    first, last = (
        (points[0], points[-1]) if ends is None else place_on(np.asarray(ends, dtype=np.float64), scale)
    )
    if not (np.isfinite(first) and np.isfinite(last) and first <= last):
        raise ValueError(f"ends must be a range on the {scale} scale, got {ends}.")
    cuts = np.clip(np.concatenate([[-np.inf], (points[1:] + points[:-1]) / 2, [np.inf]]), first, last)
    size = np.diff(cuts) if last > first else (np.abs(points - first) == np.abs(points - first).min()) * 1.0
    shares[on_scale] = (size / size.sum() / n_equal)[which]
    return shares


def chance_near_optimal(curve: DoseCurve, shares: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The chance that one draw from the declared range is near-optimal, as (certified, at most).

    Every dose stands for its cell. Low: the share of the certified doses; high: the share of the doses not shown to
    be worse than the margin. Unstable doses are not near-optimal.

    Args:
        curve: The curve.
        shares: `cell_shares`, (K,).

    Returns:
        (low, high), of the leading shape.

    Example:
        >>> from hunch.stats.dose import dose_curve
        >>> y = [[0.1, 0.2, 1.1], [0.3, 0.2, 1.0], [0.2, 0.3, 1.2], [0.1, 0.1, 1.2], [0.2, 0.2, 1.1], [0.3, 0.2, 1.3]]
        >>> [float(x) for x in chance_near_optimal(dose_curve(y, margin=0.3), [0.25, 0.5, 0.25])]
        [0.75, 0.75]
    """
    share = np.asarray(shares, dtype=np.float64)
    return curve.is_near_optimal @ share, (curve.is_stable & ~curve.is_worse) @ share


def _span(chosen: Bools, doses: Floats, scale: Scale) -> Span:
    place = place_on(doses, scale)
    on_scale = chosen & np.isfinite(place)
    low = np.where(on_scale, doses, np.inf).min(axis=-1, initial=np.inf)
    high = np.where(on_scale, doses, -np.inf).max(axis=-1, initial=-np.inf)
    is_empty = ~on_scale.any(axis=-1)
    low, high = np.where(is_empty, np.nan, low), np.where(is_empty, np.nan, high)
    has_zero: Bools = np.asarray((chosen & ~np.isfinite(place)).any(axis=-1))
    # Dose 0 alone is a set of width 0, not an empty one.
    width = np.where(is_empty & has_zero, 0.0, place_on(high, scale) - place_on(low, scale))
    return Span(low, high, width, np.asarray(chosen.sum(axis=-1)), has_zero)


def knob_doses(doses: npt.ArrayLike, scale: Scale, k: int | None) -> Floats:
    """The doses as numbers, refused where they do not fit the scale or the curve.

    Example:
        >>> knob_doses([1, 10], "log", 2).tolist()
        [1.0, 10.0]
    """
    x = np.asarray(doses, dtype=np.float64)
    if x.ndim != 1 or (k is not None and len(x) != k):
        raise ValueError(f"doses must be {'a row' if k is None else k} of numbers, got shape {x.shape}.")
    if not np.isfinite(x).all() or (scale == "log" and (x < 0).any()):
        raise ValueError(f"doses must be finite, and at least 0 on the log scale; got {x.tolist()}.")
    return x


def place_on(doses: Floats, scale: Scale) -> Floats:
    """Where doses stand on the scale: themselves, or their log10; dose 0 of a log scale at minus infinity.

    Example:
        >>> place_on(np.array([0.0, 100.0]), "log").tolist()
        [-inf, 2.0]
    """
    if scale == "linear":
        return doses
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(doses))
