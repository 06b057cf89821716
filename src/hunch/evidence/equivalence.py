"""Which doses of one knob do what a dose of another does: the answer, and what is said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hunch.evidence.doses import DoseValues, dose_values
from hunch.evidence.doses_text import OUTCOME_WORDS, dose_text
from hunch.evidence.numbers import level, number, seeds_text
from hunch.evidence.wording import label
from hunch.plan import Curve, Doses, Plan, split_knob
from hunch.stats import EquivalentDoses, equivalent_doses
from hunch.traces import RunTable

LIMITS = {"keep_prob": (0.0, 1.0)}
"""The smallest and the largest dose there is; all other knobs: from 0 on."""


@dataclass(frozen=True, slots=True)
class EquivalentDose:
    """What is known of the doses that do what one given dose does.

    Args:
        given: The given dose.
        intervals: The set, as closed intervals (low, high), rising; empty if no dose in the tested range does the
            same.
        unbounded_low: Whether the set may go on below the lowest tested dose.
        unbounded_high: Likewise above.
        point: For display only: where the straight line between the means of two neighbours crosses; NaN unless it
            does so exactly once.
        reason: Why the set says nothing; `""` if it does.
        means: Mean outcome at the given dose, then at each tested one.
    """

    given: float
    intervals: tuple[tuple[float, float], ...]
    unbounded_low: bool
    unbounded_high: bool
    point: float
    reason: str
    means: tuple[float, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no dose in the tested range does the same."""
        return not self.intervals and not self.reason


@dataclass(frozen=True, eq=False)
class EquivalenceAnswer:
    """What an equivalence study shows.

    Args:
        first: The curve whose doses were given.
        second: The curve whose doses are looked for.
        outcome: As a claim calls it.
        seen: The outcomes: given doses first, then the tested ones.
        doses: One answer a given dose; none where the outcome is not known.
        found: The statistics behind it; None likewise.
        alpha: Of leaving out a dose that does the same, for each given dose.
    """

    first: Curve
    second: Curve
    outcome: str
    seen: DoseValues
    doses: tuple[EquivalentDose, ...]
    found: EquivalentDoses | None
    alpha: float


def read_equivalence(plan: Plan, table: RunTable) -> EquivalenceAnswer:
    """Which doses of the plan's second curve do what those of its first do.

    Args:
        plan: The plan.
        table: The runs.
    """
    doses = _asked(plan)
    first, second = doses.curves
    seen = dose_values(plan, table, first, (*first.arms, *second.arms))
    k = len(first.arms)
    if not seen.is_known:
        return EquivalenceAnswer(first, second, doses.outcome, seen, (), None, plan.alpha)
    tested = np.array([value[0] for value in second.values])
    name, _ = split_knob(second.knobs[0])
    found = equivalent_doses(
        seen.values[:, :k].T,
        seen.values[:, k:],
        tested,
        scale="log" if second.is_log() else "linear",
        alpha=plan.alpha,
        diverged=seen.diverged[k:],
        limits=LIMITS.get(name, (0.0, math.inf)),
    )
    means = seen.values.mean(axis=0)
    answers = tuple(
        EquivalentDose(
            given=first.values[j][0],
            intervals=found.intervals(j),
            unbounded_low=bool(found.is_unbounded_low[j]),
            unbounded_high=bool(found.is_unbounded_high[j]),
            point=float(found.point[j]),
            reason="unstable" if seen.diverged[j] > MOST_DIVERGED else str(found.reason[j]),
            means=(float(means[j]), *(float(m) for m in means[k:])),
        )
        for j in range(k)
    )
    return EquivalenceAnswer(first, second, doses.outcome, seen, answers, found, plan.alpha)


MOST_DIVERGED = 0.2  # of the runs at the given dose: beyond it nothing can be said


def describe_equivalence(answer: EquivalenceAnswer, plan: Plan) -> list[str]:
    """Everything that is said, a line for each given dose.

    Args:
        answer: The answer.
        plan: The plan.
    """
    first, second, n = answer.first, answer.second, len(answer.seen.seeds)
    rates = label(plan) or "each dose at its own learning rates, tuned anew for every seed"
    lines = [
        f"which {second.knobs[0]} does to the {OUTCOME_WORDS[answer.outcome]} what {first.knobs[0]} does: "
        f"{len(second.arms)} doses on {seeds_text(n)}, {rates}"
    ]
    if answer.found is None:
        if answer.seen.n_missing:
            return [*lines, f"not finished: {n} seeds so far have a run at every dose"]
        return [*lines, "undecided: the outcome could not be measured at every dose"]
    for dose in answer.doses:
        given = dose_text(first, (dose.given,), full=True)
        lines.append(f"{given}: {_set_text(answer, dose)}")
    return lines


def _set_text(answer: EquivalenceAnswer, dose: EquivalentDose) -> str:
    name, at = answer.second.knobs[0], level(answer.alpha)
    if dose.reason:
        return {
            "few seeds": "undecided, fewer than five seeds have a run at every dose",
            "unstable": "undecided, too many runs diverged",
        }.get(dose.reason, dose.reason)
    given, tested = dose.means[0], dose.means[1:]
    lies = f"its mean is {number(given)}, theirs are {number(min(tested))} to {number(max(tested))}"
    if dose.is_empty:
        return f"no tested {name} does the same ({at} confidence): {lies}"
    pieces = [_piece(low, high) for low, high in dose.intervals]
    low, high = dose.intervals[0][0], dose.intervals[-1][1]
    if dose.unbounded_low:
        pieces[0] = (
            f"up to {number(dose.intervals[0][1])}"
            if len(pieces) > 1 or not dose.unbounded_high
            else pieces[0]
        )
    if dose.unbounded_high:
        pieces[-1] = f"{number(dose.intervals[-1][0])} or more"
    text = f"{name} {' or '.join(pieces)} ({at} confidence)"
    if dose.unbounded_low and dose.unbounded_high and len(dose.intervals) == 1:
        text = f"any {name} from {number(low)} to {number(high)} and beyond ({at} confidence): not told apart"
    if not math.isnan(dose.point):
        return f"{text}; by a straight line between the means, {number(dose.point)}"
    if not min(tested) <= given <= max(tested):
        return f"{text}; all tested means lie on one side of it ({lies})"
    return f"{text}; the means cross it more than once"


def _piece(low: float, high: float) -> str:
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def _asked(plan: Plan) -> Doses:
    assert plan.doses is not None, "only plans of dose-response studies are read here"
    return plan.doses
