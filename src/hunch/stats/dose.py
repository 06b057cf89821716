"""Dose-response curves: which doses are shown to be near the best, which cannot be the best, what a default loses.

Outcomes are (..., seeds n, doses K); lower is better (take logs of iterations first); every seed is a block that has
a run at every dose. Leading axes are studies. Statements are about tested doses only, never read off a smooth fit.
Two knobs: the same functions on the grid of doses laid out in one row.

    dose_curve(values, *, margin, alpha=0.05, diverged=None) -> DoseCurve
    default_loss(values, default, *, margin, alpha=0.05, diverged=None) -> DefaultLoss
    best_end(curve, doses) -> array of "low" | "high" | "none"
    dose_widths(curve, doses, *, scale="linear") -> DoseWidths
    cell_shares(doses, *, scale="linear", ends=None) -> array (K,)
    chance_near_optimal(curve, shares) -> (low, high)
    tunability(values, *, alpha=0.05, diverged=None, within=None, n=None) -> Tunability
    common_span(first, first_doses, second, second_doses, *, scales=("linear", "log")) -> CommonSpan

Promises, for the margin m that was stated before the runs; "best" is the best of the stable doses:

- *Each* true best dose is excluded as best with probability at most alpha.
- *Any* dose is certified near-optimal that is worse than the best by more than m with probability at most alpha.
- *Each* dose that is within m of the best is flagged as worse by more than m with probability at most alpha.

These are separate promises: each takes its own alpha. They hold exactly for Gaussian differences, whatever the
variances and correlations. docs/validation-doses.md measures them for other shapes: kept where all doses are skewed or
heavy-tailed alike, not kept where runs are strongly skewed and spread unequally (about .2 for nine doses), nor with few
seeds where only some doses get stuck now and then.

Why: let b be a true best dose, L and U the bounds of mean_x - mean_j, each wrong with probability at most
alpha/(K - 1). (1) b is excluded only if some L_bj > 0 >= true difference: K - 1 events. (2) A dose x worse by more than
m is certified only if U_xb <= m < true difference: at most K - 1 such doses x, one event each. (3) x within m is
flagged only if some L_xj > m >= true difference: K - 1 events. In (1) and (3), doses that are left out only take
events away. In (2), leaving out b makes another dose the best; that is measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from hunch.stats.dose_pairs import FEWEST_SEEDS, kept_by_divergence, pair_bounds, pair_interval, stable_doses
from hunch.stats.paired import t_interval

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Words = npt.NDArray[np.str_]


class DoseStatus(IntEnum):
    """What is known of a dose, as a number for arrays of them; `.word` is what it is called."""

    UNKNOWN = 0
    NEAR_OPTIMAL = 1
    EXCLUDED = 2
    UNSTABLE = 3

    @property
    def word(self) -> str:
        """The status in words.

        Example:
            >>> [status.word for status in DoseStatus]
            ['unknown', 'near-optimal', 'excluded as best', 'unstable']
        """
        return ("unknown", "near-optimal", "excluded as best", "unstable")[self]


@dataclass(frozen=True, slots=True, eq=False)
class DoseCurve:
    """A dose-response curve and what it shows. Arrays have the leading shape of the values, then doses.

    Args:
        mean: Mean outcome, (..., K); NaN at unstable doses.
        low: Lower end of the interval for display, (..., K): simultaneous over doses (Bonferroni over K), after the
            seed effects were removed, widened where skewed. It covers how far a dose lies from the mean of all doses,
            and is drawn about the dose's own mean; two of them that overlap say nothing about the pair.
        high: Upper end.
        plain_low: Lower end of the interval of one dose's mean alone, level 1 - alpha, seed effects included.
        plain_high: Upper end.
        lower: Lower bound of mean_x - mean_j, (..., K, K): row x, column j; one-sided, alpha shared over the K - 1
            comparisons of a dose. 0 on the diagonal, NaN at unstable doses, -inf where nothing can be said.
        upper: Upper bound, = -lower with rows and columns swapped.
        gap_low: Lower bound of what a dose loses against the best, (..., K), at least 0; each at level 1 - alpha.
        gap_high: Upper bound; all doses together at level 1 - alpha.
        status: `DoseStatus` as a number, (..., K). A dose that is both near-optimal and excluded as best (it loses
            something, but less than the margin) is near-optimal.
        is_stable: Whether it was averaged and compared.
        is_heavy_tailed: Unstable because a tenth of its runs or more lie far out, though few diverged.
        is_near_optimal: Certified: every upper bound against another dose is within the margin.
        is_excluded: Some lower bound against another dose is above 0.
        is_worse: Some lower bound is above the margin.
        best: Position of the lowest mean, (...); -1 if no dose is stable. Its mean is optimistic: confirm it on
            fresh seeds.
        reason: Why nothing is decided, (...): `""`, `"one dose"`, `"few seeds"` (fewer than five), `"unstable"` (fewer
            than two stable doses), `"identical"` (no pair of doses differs in a way that varies over seeds).
        n: Seeds.
        alpha: Of every promise.
        margin: The largest loss that does not matter, in the outcome's unit.
    """

    mean: Floats
    low: Floats
    high: Floats
    plain_low: Floats
    plain_high: Floats
    lower: Floats
    upper: Floats
    gap_low: Floats
    gap_high: Floats
    status: npt.NDArray[np.int8]
    is_stable: Bools
    is_heavy_tailed: Bools
    is_near_optimal: Bools
    is_excluded: Bools
    is_worse: Bools
    best: npt.NDArray[np.int64]
    reason: Words
    n: int
    alpha: float
    margin: float


def dose_curve(
    values: npt.ArrayLike, *, margin: float, alpha: float = 0.05, diverged: npt.ArrayLike | None = None
) -> DoseCurve:
    """The curve of one knob, or of a grid of two laid out in one row.

    Bounds of a pair: Student's t of the paired differences over seeds with n - 1 degrees of freedom, at
    alpha/(K - 1) one-sided, K counting unstable doses too; widened where the differences are skewed
    (`dose_pairs.pair_interval`).

    Args:
        values: Outcomes, (..., n, K), lower is better; in unstable doses they may be anything.
        margin: The largest loss that does not matter, stated beforehand; at least 0.
        alpha: Of each promise.
        diverged: Share of runs that diverged at each dose, (..., K) or what broadcasts to it. More than a fifth, or
            a tenth of the runs far out (`dose_pairs.heavy_tailed`): the dose is unstable, not averaged, not compared.

    Returns:
        The curve. Nothing is decided with fewer than five seeds or two stable doses; `reason` says so.

    Raises:
        ValueError: If values has fewer than two axes, or the margin is negative or not a number.

    Example:
        >>> curve = dose_curve([[0.1, 0.2, 1.1], [0.3, 0.2, 1.0], [0.2, 0.3, 1.2],
        ...                     [0.1, 0.1, 1.2], [0.2, 0.2, 1.1], [0.3, 0.2, 1.3]], margin=0.3)
        >>> [DoseStatus(code).word for code in curve.status]
        ['near-optimal', 'near-optimal', 'excluded as best']
    """
    y, is_stable = checked(values, margin, diverged)
    lead, (n, k) = y.shape[:-2], y.shape[-2:]
    rows, stable = y.reshape(math.prod(lead), n, k), is_stable.reshape(math.prod(lead), k)
    mean, low, high, plain_low, plain_high = _display(rows, stable, alpha)
    lower, upper = pair_bounds(rows, stable, alpha)
    others = stable[:, :, None] & stable[:, None, :] & ~np.eye(k, dtype=bool)
    is_compared = others.any(axis=2) & (n >= FEWEST_SEEDS)
    most_low = np.where(others, lower, -np.inf).max(axis=2, initial=-np.inf)
    most_high = np.where(others, upper, -np.inf).max(axis=2, initial=-np.inf)
    near = is_compared & (most_high <= margin)
    excluded, worse = is_compared & (most_low > 0), is_compared & (most_low > margin)
    gap_low = np.where(stable, np.maximum(most_low, 0.0), np.nan)
    gap_high = np.where(is_compared, np.maximum(most_high, 0.0), np.where(stable, np.inf, np.nan))
    status = np.where(
        near, DoseStatus.NEAR_OPTIMAL, np.where(excluded, DoseStatus.EXCLUDED, DoseStatus.UNKNOWN)
    )
    status = np.where(stable, status, DoseStatus.UNSTABLE).astype(np.int8)
    best = np.where(stable.any(axis=1), np.where(stable, mean, np.inf).argmin(axis=1) if k else -1, -1)
    is_identical = ~np.isfinite(np.where(others, lower, -np.inf)).any(axis=(1, 2))
    reason = np.select(
        [
            np.full(len(rows), k < 2),
            np.full(len(rows), n < FEWEST_SEEDS),
            stable.sum(axis=1) < 2,
            is_identical,
        ],
        ["one dose", "few seeds", "unstable", "identical"],
        "",
    )

    return DoseCurve(
        mean=mean.reshape(*lead, k), low=low.reshape(*lead, k), high=high.reshape(*lead, k),
        plain_low=plain_low.reshape(*lead, k), plain_high=plain_high.reshape(*lead, k),
        lower=lower.reshape(*lead, k, k), upper=upper.reshape(*lead, k, k),
        gap_low=gap_low.reshape(*lead, k), gap_high=gap_high.reshape(*lead, k),
        status=status.reshape(*lead, k), is_stable=is_stable,
        is_heavy_tailed=kept_by_divergence(y, diverged) & ~is_stable, is_near_optimal=near.reshape(*lead, k),
        is_excluded=excluded.reshape(*lead, k), is_worse=worse.reshape(*lead, k),
        best=best.reshape(lead), reason=reason.reshape(lead), n=n, alpha=alpha, margin=float(margin),
    )  # fmt: skip


def best_end(curve: DoseCurve, doses: npt.ArrayLike) -> Words:
    """At which end of the tested range the lowest *mean* lies.

    Not whether doses at an end are still not excluded: on flat curves they nearly always are. Doses that share the
    lowest mean count as at an end only if all of them lie there.

    Args:
        curve: The curve.
        doses: The doses in any order, (K,); for a grid of two knobs, one knob's dose at every point of the grid.

    Returns:
        `"low"`, `"high"` or `"none"`, of the leading shape.

    Example:
        >>> curve = dose_curve([[3.0, 2.0, 1.0], [3.1, 2.2, 1.3]], margin=0.1)
        >>> str(best_end(curve, [0.5, 0.8, 1.0]))
        'high'
    """
    x = np.asarray(doses, dtype=np.float64)
    lowest = np.where(curve.is_stable, curve.mean, np.inf).min(axis=-1, keepdims=True, initial=np.inf)
    is_best = curve.is_stable & (curve.mean <= lowest)
    found: list[Bools] = []
    for end in (x.min(), x.max()):
        found.append(is_best.any(axis=-1) & ~(is_best & (x != end)).any(axis=-1))
    is_one_dose = x.min() == x.max()
    return np.where(is_one_dose, "none", np.where(found[0], "low", np.where(found[1], "high", "none")))


def checked(values: npt.ArrayLike, margin: float, diverged: npt.ArrayLike | None) -> tuple[Floats, Bools]:
    """The values as numbers, and which doses are stable; refused where they cannot be a curve.

    Raises:
        ValueError: As `dose_curve`.

    Example:
        >>> checked([[1.0, 2.0]], 0.1, [0.0, 0.5])[1].tolist()
        [True, False]
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim < 2:
        raise ValueError(f"values must be (..., seeds, doses), got {y.ndim} axes.")
    if not margin >= 0:
        raise ValueError(f"margin must be a number of at least 0, got {margin}.")
    return y, stable_doses(y, diverged)


def _display(rows: Floats, stable: Bools, alpha: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Mean, simultaneous interval without seed effects, plain interval; each (S, K)."""
    safe = np.where(stable[:, None, :], rows, 0.0)
    count = stable.sum(axis=1)
    centred = safe - (safe.sum(axis=2) / np.maximum(count, 1)[:, None])[:, :, None]
    mean = np.where(stable, safe.mean(axis=1) if rows.shape[1] else np.nan, np.nan)
    ends = np.full((2, *stable.shape), np.nan)
    several = count > 1
    by_dose = np.swapaxes(centred[several], 1, 2)
    low, high = pair_interval(by_dose, alpha / max(rows.shape[2], 1))
    about = by_dose.mean(axis=2) if rows.shape[1] else np.nan
    ends[:, several] = mean[several] + (low - about), mean[several] + (high - about)
    low, high = t_interval(np.swapaxes(np.where(stable[:, None, :], rows, np.nan), 1, 2), alpha)
    return mean, ends[0], ends[1], low, high
