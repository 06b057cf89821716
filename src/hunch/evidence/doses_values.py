"""The outcomes of a dose-response curve, and which doses are to be trained next: pure functions of plan and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.evidence.outcomes import outcome_values
from hunch.evidence.tuning import confirm_runs
from hunch.plan import Claim, Curve, Doses, Plan, contrast
from hunch.stats import DoseCurve, best_end, dose_curve
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


def dose_claim(outcome: str, arms: Sequence[str]) -> Claim:
    """A claim that names all doses, so that they share outcome, tuning and margin; it is no verdict's.

    Args:
        outcome: As a claim calls it.
        arms: The doses, at least two.
    """
    return contrast(outcome, {**dict.fromkeys(arms[:-1], 1.0), arms[-1]: 1.0 - len(arms)})


class Runs(dict[str, dict[int, Trace]]):
    """Arm of a curve → seed → the confirm run that the curve rests on.

    Each arm is looked up once: where every dose is tuned anew for every seed, that is what reading a curve costs.
    """

    def __init__(self, plan: Plan, table: RunTable, curve: Curve) -> None:
        """Nothing is looked up before it is asked for."""
        super().__init__()
        asked = asked_doses(plan)
        self._plan, self._table, self._claim = plan, table, dose_claim(asked.outcome, asked.arms)

    def __missing__(self, arm: str) -> dict[int, Trace]:
        """Look up an arm, and remember it."""
        found = self[arm] = confirm_runs(self._plan, self._table, arm, self._claim)
        return found


def dose_values(
    plan: Plan,
    table: RunTable,
    curve: Curve,
    arms: Sequence[str] | None = None,
    *,
    runs: Runs | None = None,
) -> DoseValues:
    """The outcomes at the doses of a curve, on the seeds that they all share.

    Args:
        plan: The plan.
        table: The runs.
        curve: The curve.
        arms: Which doses. None: those that are always trained.
        runs: Those of the curve, as far as they were looked up; the answer is the same without.
    """
    doses = asked_doses(plan)
    arms = tuple(curve.base if arms is None else arms)
    runs = Runs(plan, table, curve) if runs is None else runs
    by_arm = {arm: runs[arm] for arm in arms}
    found = outcome_values(plan, table, dose_claim(doses.outcome, arms), runs=by_arm)
    found = found.first(plan.seeds[: doses.n_seeds])
    diverged = [[by_arm[arm][s].diverged_at is not None for s in found.seeds] for arm in arms]
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


def wanted_spares(plan: Plan, table: RunTable, curve: Curve, *, runs: Runs | None = None) -> tuple[str, ...]:
    """The doses beyond the ends that are to be trained: where the best *mean* of the others lies at that end.

    A pure function of the runs of the other doses, all of which must be there; nothing otherwise. Doses that share the
    lowest mean ask for more only if all of them lie at that end.

    Args:
        plan: The plan.
        table: The runs.
        curve: The curve.
        runs: As for `dose_values`.
    """
    if not curve.spares:
        return ()
    seen = dose_values(plan, table, curve, runs=runs)
    if seen.n_missing or not seen.is_known:
        return ()
    shown = _shown(seen)
    values = np.array([curve.value(arm) for arm in seen.arms])
    wanted = [arm for s in curve.spares if best_end(shown, values[:, s.knob]) == s.side for arm in s.arms]
    return tuple(dict.fromkeys(wanted))


def tested_arms(plan: Plan, table: RunTable, curve: Curve, runs: Runs) -> tuple[str, ...]:
    """The doses that the study tests: with those beyond the ends, if they were wanted; in the curve's order."""
    wanted = {*curve.base, *wanted_spares(plan, table, curve, runs=runs)}
    return tuple(arm for arm in curve.arms if arm in wanted)


def fresh_pair(
    plan: Plan, table: RunTable, curve: Curve, *, runs: Runs | None = None
) -> tuple[str, str] | None:
    """(best dose, default) to be compared on fresh seeds; None where they are one, or not known.

    Args:
        plan: The plan.
        table: The runs.
        curve: The curve.
        runs: As for `dose_values`.
    """
    if curve.default is None:
        return None
    runs = Runs(plan, table, curve) if runs is None else runs
    seen = dose_values(plan, table, curve, tested_arms(plan, table, curve, runs), runs=runs)
    if seen.n_missing or not seen.is_known:
        return None
    best = best_dose(seen, _shown(seen), curve)
    return None if best is None or best == curve.default else (best, curve.default)


def _shown(seen: DoseValues) -> DoseCurve:
    """For the means alone: they depend on no margin."""
    return dose_curve(seen.values, margin=0.0, diverged=seen.diverged)


def best_dose(seen: DoseValues, shown: DoseCurve, curve: Curve) -> str | None:
    """The stable dose of the lowest mean; the default where it is one of several that share it."""
    if shown.best < 0:
        return None
    best = seen.arms[int(shown.best)]
    if curve.default in seen.arms:
        default = seen.arms.index(curve.default)
        if shown.is_stable[default] and shown.mean[default] == shown.mean[int(shown.best)]:
            return curve.default
    return best


def asked_doses(plan: Plan) -> Doses:
    """What the plan of a dose-response study asks."""
    assert plan.doses is not None, "only plans of dose-response studies are read here"
    return plan.doses
