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
from hunch.evidence.outcomes import outcome_values
from hunch.evidence.tuning import confirm_runs
from hunch.evidence.verdict import Verdict
from hunch.plan import Claim, Curve, Doses, Plan, contrast, lower
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
from hunch.traces import RunTable, Trace

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DoseValues:
    """The outcomes of one curve.

    Args:
        arms: The doses that are looked at, in the curve's order.
        seeds: Seeds with a finished run at every one of them.
        values: Outcomes, (seeds, doses): natural logs of min(iterations, budget), else the outcome's own unit.
        diverged: Share of runs that diverged, (doses,).
        n_missing: Seeds of the plan without a run at every dose.
        is_known: Whether the outcome can be read off; False without a target.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    values: Floats
    diverged: Floats
    n_missing: int
    is_known: bool


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

    @property
    def is_ratio(self) -> bool:
        """Whether losses are ratios: of iterations."""
        return self.outcome == "iterations"

    def of(self, status: str) -> tuple[Dose, ...]:
        """The doses of one status."""
        return tuple(dose for dose in self.doses if dose.status == status)


def dose_claim(outcome: str, arms: Sequence[str]) -> Claim:
    """A claim that names all doses, so that they share outcome, tuning and margin; it is no verdict's.

    Args:
        outcome: As a claim calls it.
        arms: The doses, at least two.
    """
    return contrast(outcome, {**dict.fromkeys(arms[:-1], 1.0), arms[-1]: 1.0 - len(arms)})


def dose_values(plan: Plan, table: RunTable, curve: Curve, arms: Sequence[str] | None = None) -> DoseValues:
    """The outcomes at the doses of a curve, on the seeds that they all share.

    Args:
        plan: The plan.
        table: The runs.
        curve: The curve.
        arms: Which doses. None: those that are always trained.
    """
    doses = _asked(plan)
    arms = tuple(curve.base if arms is None else arms)
    claim = dose_claim(doses.outcome, arms)
    seeds = plan.seeds[: doses.n_seeds]
    found = outcome_values(plan, table, claim).first(seeds)
    runs = [confirm_runs(plan, table, arm, claim) for arm in arms]
    diverged = [[run[s].diverged_at is not None for s in found.seeds] for run in runs]
    return DoseValues(
        arms=arms,
        seeds=found.seeds,
        values=found.values.T,
        diverged=np.array(diverged, dtype=np.float64).reshape(len(arms), -1).mean(axis=1)
        if found.seeds
        else np.full(len(arms), np.nan),
        n_missing=found.n_missing,
        is_known=bool(found.seeds) and bool(np.isfinite(found.values).all()),
    )


def best_dose(seen: DoseValues) -> str | None:
    """The dose of the lowest mean among those that are stable; None where nothing is known."""
    if not seen.is_known:
        return None
    shown = dose_curve(seen.values, margin=0.0, diverged=seen.diverged)
    return None if shown.best < 0 else seen.arms[int(shown.best)]


def wanted_spares(plan: Plan, table: RunTable, curve: Curve) -> tuple[str, ...]:
    """The doses beyond the ends that are to be trained: where the best *mean* of the others lies at that end.

    A pure function of the runs of the other doses, all of which must be there; nothing otherwise.
    """
    seen = dose_values(plan, table, curve)
    best = None if seen.n_missing else best_dose(seen)
    if best is None:
        return ()
    wanted: list[str] = []
    for spare in curve.spares:
        tried = [curve.value(arm)[spare.knob] for arm in curve.base]
        end = min(tried) if spare.side == "low" else max(tried)
        if curve.value(best)[spare.knob] == end:
            wanted += spare.arms
    return tuple(dict.fromkeys(wanted))


def tested_arms(plan: Plan, table: RunTable, curve: Curve) -> tuple[str, ...]:
    """The doses that the study tests: with those beyond the ends, if they were wanted; in the curve's order."""
    wanted = {*curve.base, *wanted_spares(plan, table, curve)}
    return tuple(arm for arm in curve.arms if arm in wanted)


def fresh_pair(plan: Plan, table: RunTable, curve: Curve) -> tuple[str, str] | None:
    """(best dose, default) to be compared on fresh seeds; None where they are one, or not known."""
    seen = dose_values(plan, table, curve, tested_arms(plan, table, curve))
    best = None if seen.n_missing else best_dose(seen)
    if best is None or curve.default is None or best == curve.default:
        return None
    return best, curve.default


def read_curve(plan: Plan, table: RunTable, curve: Curve) -> CurveAnswer:
    """What a dose-response curve shows, from the runs that are there.

    Source: reference for the method is Hsu's multiple comparisons with the best (1984), here over all pairs with
    variances of their own; see `hunch.stats.dose_curve`.

    Args:
        plan: The plan.
        table: The runs.
        curve: One of the plan's curves.
    """
    doses = _asked(plan)
    arms = tested_arms(plan, table, curve)
    seen = dose_values(plan, table, curve, arms)
    if seen.n_missing and arms != curve.base:
        arms = curve.base  # the doses beyond the end are still being trained
        seen = dose_values(plan, table, curve)
    scale_margin = plan.margins[0] if plan.margins else math.nan
    is_ratio = doses.outcome == "iterations"
    margin = math.exp(scale_margin) if is_ratio else scale_margin
    if not seen.is_known or not plan.margins:
        blank = tuple(
            Dose(arm, curve.value(arm), "unknown", *[math.nan] * 5, False, False, float(share))
            for arm, share in zip(arms, seen.diverged, strict=True)
        )
        return CurveAnswer(curve, doses.outcome, seen, None, blank, None, margin)
    shown = dose_curve(seen.values, margin=scale_margin, alpha=plan.alpha, diverged=seen.diverged)
    shown_doses = tuple(_dose(curve, seen, shown, k, is_ratio=is_ratio) for k in range(len(arms)))
    best = None if shown.best < 0 else arms[int(shown.best)]
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
        tunability=tunability(seen.values, alpha=plan.alpha, diverged=seen.diverged),
        chance=(float(low), float(high)),
        confirmed=_confirmed(plan, table, curve, scale_margin),
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
    """Share of the declared range for which each dose stands; of two knobs the product of both shares."""
    shares = np.ones(len(values))
    for k, scale in enumerate(scales):
        points = np.unique(values[:, k])
        of_point = cell_shares(points, scale="log" if scale == "log" else "linear")
        shares *= of_point[np.searchsorted(points, values[:, k])]
    return shares


def _confirmed(plan: Plan, table: RunTable, curve: Curve, margin: float) -> Verdict | None:
    """The best dose against the default, on seeds that had no part in choosing it."""
    pair = fresh_pair(plan, table, curve)
    doses = _asked(plan)
    fresh = plan.seeds[doses.n_seeds :]
    if pair is None or not fresh:
        return None
    best, default = pair
    tuned_for = dose_claim(doses.outcome, curve.arms)
    runs = {arm: _at(confirm_runs(plan, table, arm, tuned_for), fresh) for arm in pair}
    claim = lower(doses.outcome, best, than=default)
    every = outcome_values(plan, table, claim, runs=runs).first(fresh)
    if every.n_missing:
        return None
    # The plan of the comparison: as if nothing but these two arms and seeds had been asked.
    alone = replace(plan, claims=(claim,), margins=(margin,), seeds=fresh, looks=(), doses=None)
    return verdict_of(alone, table, claim, margin, plan.alpha, every)


def _at(runs: dict[int, Trace], seeds: Sequence[int]) -> dict[int, Trace]:
    return {seed: runs[seed] for seed in seeds if seed in runs}


def _asked(plan: Plan) -> Doses:
    assert plan.doses is not None, "only plans of dose-response studies are read here"
    return plan.doses
