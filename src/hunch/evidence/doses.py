"""From the runs of a dose-response study to what they show: the curve, the near-optimal doses, the default.

Every statement is about tested doses, and none is read off a smooth curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hunch.evidence.decide import verdict_of
from hunch.evidence.doses_values import DoseValues as DoseValues
from hunch.evidence.doses_values import Runs, asked_doses, best_dose, tested_arms
from hunch.evidence.doses_values import dose_claim as dose_claim
from hunch.evidence.doses_values import dose_values as dose_values
from hunch.evidence.doses_values import fresh_pair as fresh_pair
from hunch.evidence.doses_values import wanted_spares as wanted_spares
from hunch.evidence.outcomes import outcome_values
from hunch.evidence.verdict import Verdict
from hunch.plan import Curve, Plan, lower
from hunch.stats import (
    DefaultLoss,
    DoseCurve,
    DoseStatus,
    DoseWidths,
    Tunability,
    cell_shares,
    chance_near_optimal,
    default_loss,
    dose_curve,
    dose_widths,
    tunability,
)
from hunch.traces import RunTable

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dose:
    """One dose, and what is known of it.

    Args:
        arm: Name of its arm.
        value: The dose, one number a knob.
        status: `"near-optimal"`, `"excluded as best"`, `"unknown"` or `"unstable"`.
        mean: Mean outcome: for iterations the geometric mean of min(iterations, budget); NaN where unstable.
        low: Lower end of the interval that is drawn: where the dose lies against the mean of all, simultaneous over
            doses.
        high: Upper end.
        loses_low: At least so much worse than the best dose (for iterations a ratio); this dose alone at level
            1 - alpha.
        loses_high: At most so much worse; all doses together at level 1 - alpha.
        is_excluded: Whether it is shown not to be the best; it may be near-optimal nevertheless.
        is_worse: Whether it is shown to be worse than the best by more than the margin.
        diverged: Share of its runs that diverged.
    """

    arm: str
    value: tuple[float, ...]
    status: str
    mean: float
    low: float
    high: float
    loses_low: float
    loses_high: float
    is_excluded: bool
    is_worse: bool
    diverged: float


@dataclass(frozen=True, eq=False)
class CurveAnswer:
    """What one dose-response curve shows.

    Args:
        curve: The curve that was asked.
        outcome: The outcome, as a claim calls it.
        seen: The outcomes.
        shown: The statistics; None where nothing can be read off.
        doses: The doses that were trained, in the curve's order.
        best: Arm of the lowest mean among the stable doses; None where nothing is known.
        margin: The largest loss that does not matter: a ratio above 1 for iterations, else in the outcome's unit.
        default: What the default loses, and whether it is good enough; None where there is none. For iterations on
            the log scale, like `shown`.
        widths: Spans of the near-optimal doses, one entry a knob.
        tunability: How far the knob moves the outcome, in widths of what so many seeds can tell.
        chance: Of one draw from the range to be near-optimal: (at least, at most).
        confirmed: The verdict, on fresh seeds, on the claim that the best dose is better than the default; None where
            there is no such pair, or its runs are not there yet.
        is_pending: Whether doses beyond an end are wanted and not all there; they are then no part of the answer.
    """

    curve: Curve
    outcome: str
    seen: DoseValues
    shown: DoseCurve | None
    doses: tuple[Dose, ...]
    best: str | None
    margin: float
    default: DefaultLoss | None = None
    widths: tuple[DoseWidths, ...] = ()
    tunability: Tunability | None = None
    chance: tuple[float, float] = (math.nan, math.nan)
    confirmed: Verdict | None = None
    is_pending: bool = False

    @property
    def is_ratio(self) -> bool:
        """Whether losses are ratios: of iterations."""
        return self.outcome == "iterations"

    def of(self, status: str) -> tuple[Dose, ...]:
        """The doses of one status."""
        return tuple(dose for dose in self.doses if dose.status == status)


def read_curve(plan: Plan, table: RunTable, curve: Curve) -> CurveAnswer:
    """What a dose-response curve shows, from the runs that are there.

    Source: reference for the method is Hsu's multiple comparisons with the best (1984), here over all pairs with
    variances of their own; see `hunch.stats.dose_curve`.

    Args:
        plan: The plan.
        table: The runs.
        curve: One of the plan's curves.
    """
    doses = asked_doses(plan)
    runs = Runs(plan, table, curve)
    arms = tested_arms(plan, table, curve, runs)
    seen = dose_values(plan, table, curve, arms, runs=runs)
    is_pending = bool(seen.n_missing) and arms != curve.base
    if is_pending:
        arms = curve.base
        seen = dose_values(plan, table, curve, runs=runs)
    scale_margin = plan.margins[0] if plan.margins else math.nan
    is_ratio = doses.outcome == "iterations"
    margin = math.exp(scale_margin) if is_ratio else scale_margin
    if not seen.is_known or not plan.margins:
        nan = math.nan
        blank = tuple(
            Dose(arm, curve.value(arm), "unknown", nan, nan, nan, nan, nan, False, False, float(share))
            for arm, share in zip(arms, seen.diverged, strict=True)
        )
        return CurveAnswer(curve, doses.outcome, seen, None, blank, None, margin)
    shown = dose_curve(seen.values, margin=scale_margin, alpha=plan.alpha, diverged=seen.diverged)
    shown_doses = tuple(_dose(curve, seen, shown, k, is_ratio=is_ratio) for k in range(len(arms)))
    best = best_dose(seen, shown, curve)
    values = np.array([curve.value(arm) for arm in arms])
    scales = ["log" if curve.is_log(k) else "linear" for k in range(len(curve.knobs))]
    shares = _grid_shares(values, scales)
    low, high = chance_near_optimal(shown, shares)
    default = None
    if curve.default in arms:
        default = default_loss(
            seen.values,
            arms.index(curve.default),
            margin=scale_margin,
            alpha=plan.alpha,
            diverged=seen.diverged,
        )
    return CurveAnswer(
        curve=curve,
        outcome=doses.outcome,
        seen=seen,
        shown=shown,
        doses=shown_doses,
        best=best,
        margin=margin,
        default=default,
        widths=tuple(
            dose_widths(shown, values[:, k], scale="log" if curve.is_log(k) else "linear")
            for k in range(len(curve.knobs))
        ),
        tunability=tunability(seen.values, alpha=plan.alpha, diverged=seen.diverged)
        if len(seen.seeds) > 1
        else None,
        chance=(float(low), float(high)),
        confirmed=_confirmed(plan, table, curve, scale_margin, runs),
        is_pending=is_pending,
    )


def _dose(curve: Curve, seen: DoseValues, shown: DoseCurve, k: int, *, is_ratio: bool) -> Dose:
    def back(value: float) -> float:
        return math.exp(value) if is_ratio else float(value)

    return Dose(
        arm=seen.arms[k],
        value=curve.value(seen.arms[k]),
        status=DoseStatus(int(shown.status[k])).word,
        mean=back(shown.mean[k]),
        low=back(shown.low[k]),
        high=back(shown.high[k]),
        loses_low=back(shown.gap_low[k]),
        loses_high=back(shown.gap_high[k]),
        is_excluded=bool(shown.is_excluded[k]),
        is_worse=bool(shown.is_worse[k]),
        diverged=float(seen.diverged[k]),
    )


def _grid_shares(values: Floats, scales: Sequence[str]) -> Floats:
    """Share of the tested range for which each dose stands; of two knobs the product of both shares.

    Where both knobs of a grid were extended, a corner of it was not trained: it is no part of the range.
    """
    shares = np.ones(len(values))
    for k, scale in enumerate(scales):
        points = np.unique(values[:, k])
        of_point = cell_shares(points, scale="log" if scale == "log" else "linear")
        shares *= of_point[np.searchsorted(points, values[:, k])]
    return shares / shares.sum() if shares.any() else shares


def _confirmed(plan: Plan, table: RunTable, curve: Curve, margin: float, runs: Runs) -> Verdict | None:
    """The best dose against the default, on seeds that had no part in choosing it."""
    pair = fresh_pair(plan, table, curve, runs=runs)
    doses = asked_doses(plan)
    fresh = plan.seeds[doses.n_seeds :]
    if pair is None or not fresh:
        return None
    best, default = pair
    of_pair = {arm: {s: runs[arm][s] for s in fresh if s in runs[arm]} for arm in pair}
    claim = lower(doses.outcome, best, than=default)
    every = outcome_values(plan, table, claim, runs=of_pair).first(fresh)
    if every.n_missing:
        return None
    # As if nothing but these two arms and seeds had been asked. The position of a block says on which seed its rates
    # were tuned, and here it is another: so the runs come along, and their rates are not looked up again.
    alone = replace(
        plan,
        claims=(claim,),
        margins=(margin,),
        seeds=fresh,
        looks=(),
        tuning="once" if plan.tuning == "replicated" else plan.tuning,
        doses=None,
    )
    there = RunTable(table.facts, [trace for by_seed in of_pair.values() for trace in by_seed.values()])
    return verdict_of(alone, there, claim, margin, plan.alpha, every)
