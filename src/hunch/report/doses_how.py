"""How a dose-response study was done, as labels and sentences."""

from __future__ import annotations

from dataclasses import replace

from hunch.evidence import CurveAnswer, describe_arm, dose_text, label, level, number, outcome_words
from hunch.plan import Arm, Plan, split_knob
from hunch.report.how import HowItem, count, items, listed, setting, target_lines
from hunch.traces import RunTable


def how_doses(plan: Plan, table: RunTable, answer: CurveAnswer) -> tuple[HowItem, ...]:
    """The method of a dose-response study: what was asked, what the pilot fixed, on what it ran."""
    return items(
        [
            ("Question", _question(plan, table, answer)),
            ("Doses", _doses(plan, answer)),
            ("Seeds", _seeds(plan, table, answer)),
            (
                "Target and budget" if answer.is_ratio else "Budget",
                target_lines(plan, budget_only=not answer.is_ratio),
            ),
            ("Learning rates", _rates(plan)),
            *setting(plan, table),
        ]
    )


def how_doses_in_one_line(plan: Plan, table: RunTable, answer: CurveAnswer) -> str:
    """The method in one sentence: seeds, budget, rates, level, engine, the plan's fingerprint."""
    parts = [f"{count(len(answer.seen.seeds), 'seed')} at every dose"]
    if plan.budget is not None:
        parts.append(f"budget {plan.budget:,} iterations")
    parts += [label(plan) or "rates tuned anew for every dose and seed", f"bounds at {level(plan.alpha)}"]
    return "; ".join([*parts, f"engine {table.facts.engine}", f"plan {plan.hash[:12]}"]) + "."


def _question(plan: Plan, table: RunTable, answer: CurveAnswer) -> list[str]:
    curve = answer.curve
    outcome = outcome_words(answer, plan, table.facts)
    asked = f"Which doses of {' and '.join(curve.knobs)} are near the best in {outcome}?"
    if curve.default is None:
        return [asked, "No default was declared, and arm and network have none that is one dose."]
    return [asked, f"The default is {dose_text(curve, curve.value(curve.default), full=True)}."]


def _doses(plan: Plan, answer: CurveAnswer) -> list[str]:
    curve = answer.curve
    tested = {dose.value for dose in answer.doses}
    lines = []
    for k, knob in enumerate(curve.knobs):
        values = sorted({value[k] for value in tested})
        lines.append(f"{knob}: {', '.join(number(v, 6) for v in values)}.")
    for spare in curve.spares:
        knob = curve.knobs[spare.knob]
        beyond = sorted({curve.value(arm)[spare.knob] for arm in spare.arms})
        shown = f"{knob} {', '.join(number(v, 6) for v in beyond)}"
        is_tried = any(curve.value(arm) in tested for arm in spare.arms)
        lines.append(
            f"{shown}: tried because the lowest mean of the others lay at that end."
            if is_tried
            else f"{shown}: would have been tried, had the lowest mean lain at that end."
        )
    rest = _without_knobs(plan.arm(curve.arms[0]), curve.knobs)
    if rest:
        lines.append(f"All doses alike: {rest}.")
    return lines


def _without_knobs(arm: Arm, knobs: tuple[str, ...]) -> str:
    """What an arm is but for the knobs; keep probabilities of other sites are not told apart from the knob's."""
    fields = {split_knob(knob)[0]: None for knob in knobs}
    said = describe_arm(replace(arm, **fields))
    return "" if said == "as the network is" else said


def _seeds(plan: Plan, table: RunTable, answer: CurveAnswer) -> list[str]:
    assert plan.doses is not None, "only plans of dose-response studies come here"
    n = plan.doses.n_seeds
    asked, fresh = plan.seeds[:n], plan.seeds[n:]
    lines = [f"{listed(asked)} at every dose ({count(len(asked), 'seed')})."]
    if len(answer.seen.seeds) < len(asked):
        lines.append(f"{count(len(answer.seen.seeds), 'seed')} of them have a run at every dose so far.")
    if fresh:
        lines.append(
            f"{listed(fresh)} are fresh: for the best dose and the default alone, and no part of the curve."
        )
    if any(plan.is_tuned_per_block(arm.name) for arm in plan.arms):
        lines.append(
            "For every seed each dose is first tuned on a seed of its own, whose runs are no part of the curve."
        )
    if plan.pilot_seeds:
        lines.append(f"{listed(plan.pilot_seeds)} for the pilot, whose runs are no part of it either.")
    lines.append("At one seed all doses share initial weights, batch order and dropout draws.")
    stages = [trace.key.stage for trace in table]
    counts = ", ".join(f"{stages.count(stage):,} {stage}" for stage in dict.fromkeys(stages))
    if counts:
        lines.append(f"Runs in the study file: {counts}.")
    failed = sum(trace.failed is not None for trace in table)
    if failed:
        lines.append(f"{count(failed, 'run')} could not be finished, and are left out.")
    return lines


def _rates(plan: Plan) -> list[str]:
    if not plan.rates:
        return []
    rates = sorted({rate for _, rate in plan.rates})
    span = number(rates[0]) if len(rates) == 1 else f"{number(rates[0])} to {number(rates[-1])}"
    return [
        {
            "none": f"As given: {span}.",
            "once": f"Each dose's own, tuned once on the pilot seeds: {span}.",
            "shared": f"One for all doses, the best on average over them on the pilot seeds: {span}.",
            "replicated": "Tuned anew for every dose and seed; the table of doses has the range of each.",
        }[plan.tuning],
        f"What is said of doses holds {label(plan)}." if label(plan) else "",
    ]
