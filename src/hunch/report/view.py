"""What a report shows, as frozen numbers and finished texts: everything is computed and rounded here.

`html`, `text` and `charts` only lay it out. Provenance is no part of the view, so that two reports of the
same runs differ nowhere but in their lines about when and where.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hunch.evidence import Verdict, describe_arm, iterations, number, used_seeds
from hunch.plan import Plan, tuning_goal
from hunch.report.forest_panel import ForestPanel, forest_panels
from hunch.report.how import HowItem, how_in_one_line, how_it_was_done
from hunch.report.inputs import InputPanel, input_panels
from hunch.report.panels import (
    ArrivalPanel,
    CurvePanel,
    ReadingPanel,
    arrival_panel,
    curve_panels,
    reading_panels,
)
from hunch.report.readings import SHOWN
from hunch.report.runs import RunRow, last, run_row
from hunch.report.series import arrivals, main_runs
from hunch.report.sure import Sure, how_sure
from hunch.report.verdicts import VerdictView, verdict_view
from hunch.stats import median_time
from hunch.traces import RunTable, Trace, reading_mean

MOST_RUNS = 2000
"""More runs than this are not listed on the page."""


@dataclass(frozen=True, slots=True)
class ArmView:
    """One arm in the key and in the summary table; all numbers are finished texts.

    Args:
        name: Its name.
        description: What it changes, in words, with its learning rate.
        lr: Learning rate.
        runs: Confirm runs that finished.
        failed: Confirm runs that could not be finished.
        diverged: Runs that diverged.
        reached: `"14 of 20"`, or a dash without a target.
        iterations: Median iterations to the target, `"> 1,500"` if fewer than half the runs reached it.
        cost: Final cost on the training slice, mean ± standard deviation over seeds.
        held_out_cost: The same on the held-out part.
        held_out_error: Held-out error, likewise.
        readings: Mean over run, layers and seeds of each reading of `View.readings`, in that order.
    """

    name: str
    description: str
    lr: str
    runs: int
    failed: int
    diverged: int
    reached: str
    iterations: str
    cost: str
    held_out_cost: str
    held_out_error: str
    readings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Everything a report shows but its provenance.

    Args:
        title: The page's title, from the first claim.
        title_more: How many more claims there are, in words; may be empty.
        subtitle: Network, data and number of runs in one line.
        verdicts: One a claim.
        forest: Those about one outcome in one picture, where they are several; else the verdict has one of its own.
        no_verdict: Why there is none; empty if there are.
        arms: The arms in the plan's order.
        curves: Cost and error against iterations.
        arrival: The share of runs that have reached the target.
        inputs: What the activations receive.
        readings: What happened inside the layers.
        sure: How sure the verdicts are.
        divergence: How many runs diverged and as what they count; empty if none did.
        runs: The table of runs.
        runs_left_out: How many runs are not listed.
        error_word: What `held_out_error` is called: share wrong or root mean squared error.
        notes: What the pilot had to say, as sentences.
        how: How it was done.
        how_line: The same in one sentence.
    """

    title: str
    title_more: str
    subtitle: str
    verdicts: tuple[VerdictView, ...]
    forest: tuple[ForestPanel, ...]
    no_verdict: str
    arms: tuple[ArmView, ...]
    curves: tuple[CurvePanel, ...]
    arrival: ArrivalPanel
    inputs: tuple[InputPanel, ...]
    readings: tuple[ReadingPanel, ...]
    sure: Sure
    divergence: str
    runs: tuple[RunRow, ...]
    runs_left_out: int
    error_word: str
    notes: tuple[str, ...]
    how: tuple[HowItem, ...]
    how_line: str


def make_view(plan: Plan, table: RunTable, verdicts: Sequence[Verdict]) -> View:
    """Compute everything a report shows from the plan, the runs and the verdicts.

    Args:
        plan: The plan, frozen or not; before the pilot there is little to show, and the view says so.
        table: The runs.
        verdicts: The verdicts, in the order of the claims.
    """
    title, more = _title(plan)
    readings = shown_readings(plan)
    order = {a.name: k for k, a in enumerate(plan.arms)}
    confirm = sorted(
        (t for t in table if t.key.stage == "confirm"),
        key=lambda t: (order.get(t.key.arm, len(order)), t.key),
    )
    arms = tuple(_arm_view(plan, table, arm.name, readings) for arm in plan.arms)
    told = tuple(verdict_view(v, plan, table, verdicts) for v in verdicts)
    return View(
        title=title,
        title_more=more,
        subtitle=_subtitle(plan, table),
        verdicts=told,
        forest=tuple(p for p in forest_panels(("", v.effect) for v in told) if len(p.rows) > 1),
        no_verdict=_no_verdict(plan, verdicts),
        arms=arms,
        curves=curve_panels(plan, table),
        arrival=arrival_panel(plan, table),
        inputs=input_panels(plan, table),
        readings=reading_panels(plan, table, readings),
        sure=how_sure(plan, table, verdicts),
        divergence=_divergence(arms),
        runs=tuple(run_row(plan, table, t) for t in confirm[:MOST_RUNS]),
        runs_left_out=max(0, len(confirm) - MOST_RUNS),
        error_word=error_word(table.facts.error_unit),
        notes=(*plan.notes, *_which_runs(plan, table)),
        how_line=how_in_one_line(plan, table, verdicts),
        how=how_it_was_done(plan, table, readings),
    )


def shown_readings(plan: Plan) -> tuple[str, ...]:
    """The readings that a report shows: the usual ones and those that a claim is about."""
    claimed = [c.outcome for c in plan.claims if c.is_reading and c.outcome not in SHOWN]
    return (*SHOWN, *dict.fromkeys(claimed))


def error_word(unit: str) -> str:
    """What the held-out error is called."""
    return "held-out error" if unit == "share" else "held-out error (root mean squared)"


def _divergence(arms: Sequence[ArmView]) -> str:
    found = [f"{a.name}: {a.diverged} of {a.runs}" for a in arms if a.diverged]
    if not found:
        return ""
    return (
        f"Runs that diverged: {', '.join(found)}. They never reach the target; their cost and error count "
        "as at most those of predicting a constant."
    )


def _which_runs(plan: Plan, table: RunTable) -> list[str]:
    """What a reader must know of the runs that table and curves show, and of costs that count for less."""
    said: list[str] = []
    goals = list(dict.fromkeys(tuning_goal(claim, plan.metric)[1] for claim in plan.claims))
    if len(goals) > 1 and any(plan.is_tuned_per_block(arm.name) for arm in plan.arms):
        first, *others = [goal.replace("_", " ") for goal in goals]
        said.append(
            f"The table of arms and the curves show the runs that were tuned for {first}, where an arm has several at "
            f"a seed; verdicts on {' and '.join(others)} rest on the runs that were tuned for that, whose means differ."
        )
    c0 = table.facts.c0_held
    if any(claim.outcome in ("held_out_cost", "gap") or plan.metric == "held_out" for claim in plan.claims):
        ended = [t for t in table.select("confirm") if t.diverged_at is None and len(t.held_cost)]
        above = sum(bool(t.held_cost[-1] > c0) for t in ended)
        if above:
            said.append(
                f"{above:,} of {len(ended):,} runs ended with a held-out cost above that of a constant prediction "
                f"({number(c0)}); in verdicts they count as it."
            )
    return said


def study_question(plan: Plan, table: RunTable) -> tuple[str, str]:
    """What a study asked, and of what: its title and the line beneath."""
    return " ".join(part for part in _title(plan) if part), _subtitle(plan, table)


def _title(plan: Plan) -> tuple[str, str]:
    """The first claim as a question, and how many more there are."""
    if not plan.claims:
        return f"{', '.join(a.name for a in plan.arms)}: what happened", ""
    more = len(plan.claims) - 1
    return f"{plan.claims[0].text}?", f"and {more} more claim{'s' if more > 1 else ''}" if more else ""


def _subtitle(plan: Plan, table: RunTable) -> str:
    n = sum(t.key.stage == "confirm" for t in table)
    runs = f"{n:,} run{'' if n == 1 else 's'}: {len(plan.arms)} arm{'' if len(plan.arms) == 1 else 's'}"
    used = len(used_seeds(plan, table)) if plan.is_sequential else len(plan.seeds)
    seeds = f"{used:,} seed{'' if used == 1 else 's'}"
    return f"{table.facts.network}, on {table.facts.data_source}. {runs} × {seeds}."


def _no_verdict(plan: Plan, verdicts: Sequence[Verdict]) -> str:
    if verdicts:
        return ""
    if not plan.claims:
        return "No claim was made beforehand, so this study only measures: it gives no verdict."
    return "Nothing is decided yet: the runs that the verdicts need have not been made."


def _rate_text(plan: Plan, runs: Sequence[Trace], name: str) -> str:
    """The arm's learning rate; from the lowest to the highest where it has one in every block."""
    rates = sorted({t.key.lr for t in runs}) if plan.is_tuned_per_block(name) else []
    if len(rates) > 1:
        return f"{number(rates[0])} to {number(rates[-1])}"
    rate = rates[0] if rates else plan.rate(name)
    return "" if rate is None else number(rate)


def _arm_view(plan: Plan, table: RunTable, name: str, readings: Sequence[str]) -> ArmView:
    runs = main_runs(plan, table, name)
    facts = table.facts
    failed = sum(1 for t in table if t.key.stage == "confirm" and t.key.arm == name and t.failed is not None)
    reached = median = "–"
    if plan.target is not None and plan.budget is not None and runs:
        times, hit = arrivals(runs, plan.metric, plan.target)
        reached = f"{int(hit.sum())} of {len(runs)}"
        median = iterations(median_time(times, plan.budget), plan.budget)
    rate = _rate_text(plan, runs, name)
    described = describe_arm(plan.arm(name))
    if rate and plan.arm(name).lr is None:  # a given rate is part of what the arm changes
        described += f"; learning rate {rate}"
    percent = facts.error_unit == "share"
    return ArmView(
        name=name,
        description=described,
        lr=rate or "–",
        runs=len(runs),
        failed=failed,
        diverged=sum(t.diverged_at is not None for t in runs),
        reached=reached,
        iterations=median,
        cost=_spread([counted(last(t, t.cost), facts.c0_train) for t in runs]),
        held_out_cost=_spread([counted(last(t, t.held_cost), facts.c0_held) for t in runs]),
        held_out_error=_spread(
            [counted(last(t, t.held_error), facts.error0, at_most=False) for t in runs], percent=percent
        ),
        readings=tuple(_reading_summary(runs, r) for r in readings),
    )


def counted(value: float, constant: float, *, at_most: bool = True) -> float:
    """A final value as outcomes count it, where `constant` is what predicting a constant would have got.

    A run that diverged counts as that; a cost counts as at most that, an error as what it is.
    """
    if not math.isfinite(value):
        return constant
    return min(value, constant) if at_most else value


def _spread(values: Sequence[float], *, percent: bool = False) -> str:
    """Mean ± standard deviation, the mean with as many decimals as the deviation has."""
    if not values:
        return "–"
    scale, sign = (100.0, " %") if percent else (1.0, "")
    mean = scale * float(np.mean(values))
    if len(values) == 1:
        return f"{number(mean)}{sign}"
    deviation = scale * float(np.std(values, ddof=1))
    if not deviation > 0:
        return f"{number(mean)} ± 0{sign}"
    decimals = max(0, 1 - math.floor(math.log10(deviation)))
    if decimals > 6 or abs(mean) >= 1e6:
        return f"{number(mean)} ± {number(deviation)}{sign}"
    return f"{mean:,.{decimals}f} ± {deviation:,.{decimals}f}{sign}"


def _reading_summary(runs: Sequence[Trace], reading: str) -> str:
    values = np.array([reading_mean(t, reading) for t in runs])
    values = values[np.isfinite(values)]
    return number(float(values.mean())) if len(values) else "NA"
