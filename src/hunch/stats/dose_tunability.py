"""How far a knob moves the outcome, against what the seeds can tell; and two knobs over a common span of outcomes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.stats.dose import DoseCurve
from hunch.stats.dose_pairs import SAME_TO, pair_bounds, stable_doses
from hunch.stats.dose_width import Scale, knob_doses, place_on
from hunch.stats.quantiles import t_quantile

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Tunability:
    """How far a knob moves the outcome, in widths of what n seeds can tell. Arrays have the leading shape.

    Args:
        value: spread / half_width. Optimistic: of a flat curve of nine doses it is 0.6 (n = 5) to 1 (n = 40).
        low: Lower bound of the spread, at level 1 - alpha, over half_width.
        high: Upper bound, at level 1 - alpha, over half_width.
        spread: Worst less best mean in the declared range.
        half_width: Half the width of the simultaneous interval of a dose's mean without seed effects, at n seeds:
            the t quantile at alpha/(2 K) times the residual standard deviation over √n, over all doses of
            the range.
        n: Seeds it is stated for.
    """

    value: Floats
    low: Floats
    high: Floats
    spread: Floats
    half_width: Floats
    n: int


def tunability(
    values: npt.ArrayLike,
    *,
    alpha: float = 0.05,
    diverged: npt.ArrayLike | None = None,
    within: npt.ArrayLike | None = None,
    n: int | None = None,
) -> Tunability:
    """(worst - best mean in the declared range) / the simultaneous half-width, at a stated number of seeds.

    No property of the knob alone: it grows with n and with the range. Two knobs are compared at the same n, the same
    number of doses, and over the same span of outcomes (`common_span`).

    Args:
        values: Outcomes, (..., n, K), lower is better.
        alpha: Of the simultaneous interval, and of each bound.
        diverged: As in `dose_curve`.
        within: Which doses lie in the declared range, (..., K); None: all. Unstable ones never count.
        n: Seeds to state the half-width for; None: those of the values.

    Returns:
        The tunability; NaN with fewer than two doses or seeds, or no noise.

    Raises:
        ValueError: If values has fewer than two axes, or n is less than 2.

    Example:
        >>> y = [[0.1, 0.2, 1.1], [0.3, 0.2, 1.0], [0.2, 0.3, 1.2], [0.1, 0.1, 1.2], [0.2, 0.2, 1.1], [0.3, 0.2, 1.3]]
        >>> round(float(tunability(y).value), 1)
        7.9
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim < 2:
        raise ValueError(f"values must be (..., seeds, doses), got {y.ndim} axes.")
    lead, (n_seeds, k) = y.shape[:-2], y.shape[-2:]
    stated = n_seeds if n is None else n
    if stated < 2:
        raise ValueError(f"n must be at least 2 seeds, got {stated}.")
    is_in: Bools = stable_doses(y, diverged) & (
        True if within is None else np.asarray(within, dtype=np.bool_)
    )
    rows, inside = y.reshape(math.prod(lead), n_seeds, k), is_in.reshape(math.prod(lead), k)
    count = inside.sum(axis=1)
    is_open = (count > 1) & (n_seeds > 1)
    safe = np.where(inside[:, None, :], rows, 0.0)
    mean = safe.sum(axis=1) / max(n_seeds, 1)
    seed = safe.sum(axis=2) / np.maximum(count, 1)[:, None]
    off = np.where(inside[:, None, :], safe - seed[:, :, None] - mean[:, None, :], 0.0)
    off += np.where(inside, seed.mean(axis=1, keepdims=True), 0.0)[:, None, :] if n_seeds else 0.0
    variance = (off**2).sum(axis=(1, 2)) / np.maximum((n_seeds - 1) * (count - 1), 1)
    half_width = t_quantile(stated, alpha / max(k, 1)) * np.sqrt(variance / stated)
    spread = np.where(inside, mean, -np.inf).max(axis=1, initial=-np.inf) - np.where(
        inside, mean, np.inf
    ).min(axis=1, initial=np.inf)
    lower, _ = pair_bounds(rows, inside, alpha, "all")
    _, upper = pair_bounds(rows, inside, alpha, "one")
    low = np.where(np.isnan(lower), -np.inf, lower).max(axis=(1, 2), initial=0.0)
    high = np.where(np.isnan(upper), -np.inf, upper).max(axis=(1, 2), initial=0.0)
    # Doses that differ by a constant leave nothing but rounding: that is no noise.
    is_open &= half_width > SAME_TO * np.abs(safe).max(axis=(1, 2), initial=0.0)
    scaled = [
        np.where(is_open, x, np.nan).reshape(lead) / np.where(is_open, half_width, 1.0).reshape(lead)
        for x in (spread, low, high)
    ]
    return Tunability(
        value=scaled[0], low=scaled[1], high=scaled[2],
        spread=np.where(count > 0, spread, np.nan).reshape(lead),
        half_width=np.where(is_open, half_width, np.nan).reshape(lead), n=stated,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class CommonSpan:
    """Two knobs' ranges, cut so that both span the same outcomes above their best. Arrays have the leading shape.

    Args:
        span: The lesser of the two ranges of means, which both reach.
        first: Which doses of the first knob are left, (..., K).
        second: Likewise of the second.
        first_ends: (low, high) of the first knob's range: where the straight line between two doses leaves the span,
            or the last dose.
        second_ends: Likewise.
    """

    span: Floats
    first: Bools
    second: Bools
    first_ends: tuple[Floats, Floats]
    second_ends: tuple[Floats, Floats]


def common_span(
    first: DoseCurve,
    first_doses: npt.ArrayLike,
    second: DoseCurve,
    second_doses: npt.ArrayLike,
    *,
    scales: tuple[Scale, Scale] = ("linear", "log"),
) -> CommonSpan:
    """Cuts two knobs' ranges so that both rise above their own best mean by the same, the lesser of the two rises.

    From the best mean outwards, a range goes on as long as the means stay within the span; a dip beyond a rise is no
    longer in it. Where it ends between two doses, the straight line between them says where; between dose 0 of a log
    scale and the next there is no line, and the range ends at a dose. An unstable dose ends it too. This is a
    description, read off the means: no promise goes with it.

    Args:
        first: Curve of the first knob.
        first_doses: Its doses, all different, (K,).
        second: Curve of the second, same leading shape.
        second_doses: Its doses.
        scales: Of both knobs.

    Returns:
        The cut ranges; empty, with NaN ends, where either curve has no stable dose.

    Raises:
        ValueError: If doses do not fit their scale or curve, or are not all different.

    Example:
        >>> from hunch.stats.dose import dose_curve
        >>> wide = dose_curve([[4.0, 2.0, 0.0, 2.0, 4.0]] * 2, margin=0.1)
        >>> low = dose_curve([[3.0, 1.0, 1.0]] * 2, margin=0.1)
        >>> found = common_span(wide, [0.2, 0.4, 0.6, 0.8, 1.0], low, [0.0, 0.1, 1.0])
        >>> found.first.tolist(), float(found.span)
        ([False, True, True, True, False], 2.0)
    """
    ranges = [np.where(c.is_stable, c.mean, -np.inf).max(axis=-1) - _lowest(c) for c in (first, second)]
    span = np.minimum(*ranges)
    one = _stretch(first, knob_doses(first_doses, scales[0], first.mean.shape[-1]), span, scales[0])
    two = _stretch(second, knob_doses(second_doses, scales[1], second.mean.shape[-1]), span, scales[1])
    return CommonSpan(np.where(np.isfinite(span), span, np.nan), one[0], two[0], one[1], two[1])


def _lowest(curve: DoseCurve) -> Floats:
    return np.asarray(np.where(curve.is_stable, curve.mean, np.inf).min(axis=-1, initial=np.inf))


def _stretch(
    curve: DoseCurve, doses: Floats, span: Floats, scale: Scale
) -> tuple[Bools, tuple[Floats, Floats]]:
    """The doses about the best mean that stay within the span, and the ends of the range."""
    order = np.argsort(doses)
    if len(np.unique(doses)) < len(doses):
        raise ValueError(f"doses must all be different, got {doses.tolist()}.")
    place, k = place_on(doses[order], scale), len(doses)
    lowest = _lowest(curve)
    has_any: Bools = np.asarray(np.isfinite(lowest) & np.isfinite(span))
    gap = (
        np.where(curve.is_stable, curve.mean, np.inf)[..., order] - np.where(has_any, lowest, 0.0)[..., None]
    )
    is_in = gap <= np.where(has_any, span, 0.0)[..., None] * (1 + 1e-12)
    at = np.arange(k)
    best = gap.argmin(axis=-1)[..., None]
    first = np.where(~is_in & (at < best), at, -1).max(axis=-1, keepdims=True) + 1
    last = np.where(~is_in & (at > best), at, k).min(axis=-1, keepdims=True) - 1
    ends: list[Floats] = []
    for here, there in ((first, np.maximum(first - 1, 0)), (last, np.minimum(last + 1, k - 1))):
        inner, outer = (np.take_along_axis(gap, i, axis=-1)[..., 0] for i in (here, there))
        start, end = place[here[..., 0]], place[there[..., 0]]
        is_line = has_any & np.isfinite(outer) & (outer > span) & np.isfinite(start) & np.isfinite(end)
        inner, outer, rise = (np.where(is_line, x, 0.0) for x in (inner, outer, span))
        share = (rise - inner) / np.where(is_line, outer - inner, 1.0)
        crossing = start + share * (np.where(is_line, end, 0.0) - np.where(is_line, start, 0.0))
        dose = crossing if scale == "linear" else np.where(np.isfinite(crossing), 10.0**crossing, 0.0)
        ends.append(np.where(has_any, dose, np.nan))
    kept = np.zeros_like(is_in)
    kept[..., order] = (at >= first) & (at <= last) & has_any[..., None]
    return kept, (ends[0], ends[1])
