"""The pictures of a report as numbers: which there are, on what axes, and what is said instead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hunch.evidence import number
from hunch.evidence import percent as as_percent
from hunch.plan import Plan
from hunch.report.readings import READINGS
from hunch.report.series import (
    Band,
    Steps,
    arrival,
    band,
    drawn_sites,
    main_runs,
    reading_band,
    significant,
)
from hunch.traces import RunTable

NO_RUNS = "No run of the confirm stage has finished yet, so there is nothing to draw."
LOG_BELOW = 0.1
"""A target below this share of the axis is unreadable on a linear one: the axis starts out logarithmic."""


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """Cost or error against iterations.

    Args:
        kind: `cost`, `held_out_cost` or `held_out_error`.
        title: Heading.
        bands: One an arm that has runs.
        target: The target, where it is about this curve.
        budget: The budget.
        top: Upper end of the linear axis.
        bottom: Lower end of the logarithmic axis.
        percent: Whether values are shares, shown as per cent.
        log: Whether the axis starts out logarithmic.
        can_log: Whether it can be (all values above 0).
        absent: Why nothing is drawn; empty if something is.
        alt: The picture in words.
    """

    kind: str
    title: str
    bands: tuple[Band, ...]
    target: float | None
    budget: int
    top: float
    bottom: float
    percent: bool
    log: bool
    can_log: bool
    absent: str
    alt: str


@dataclass(frozen=True, slots=True)
class ArrivalPanel:
    """The share of runs that have reached the target against iterations; fields as in `CurvePanel`."""

    steps: tuple[Steps, ...]
    budget: int
    target: str
    absent: str
    alt: str


@dataclass(frozen=True, slots=True)
class SitePanel:
    """One reading at one layer: its bands, and the picture in words."""

    site: str
    about: str
    bands: tuple[Band, ...]
    alt: str


@dataclass(frozen=True, slots=True)
class ReadingPanel:
    """One reading at every layer, all on one axis.

    Args:
        reading: Its name.
        title: Heading.
        definition: What it is, in one line.
        log: Whether the axis is logarithmic.
        domain: Ends of the axis.
        budget: The budget, where the axis of iterations ends.
        sites: One a layer at which it was measured and is drawn.
        notes: Where it does not apply, and which layers are left out, as sentences.
        absent: Why nothing is drawn; empty if something is.
    """

    reading: str
    title: str
    definition: str
    log: bool
    domain: tuple[float, float]
    budget: int
    sites: tuple[SitePanel, ...]
    notes: tuple[str, ...]
    absent: str


def curve_panels(plan: Plan, table: RunTable) -> tuple[CurvePanel, ...]:
    """The metric that the target is about, then the held-out error, then what else a claim is about."""
    kinds = ["held_out_cost" if plan.metric == "held_out" else "cost", "held_out_error"]
    outcomes = {c.outcome for c in plan.claims}
    if outcomes & {"held_out_cost", "gap"}:
        kinds.append("held_out_cost")
    if "gap" in outcomes:
        kinds.append("cost")
    return tuple(_curve_panel(plan, table, k, main=i == 0) for i, k in enumerate(dict.fromkeys(kinds)))


def _curve_panel(plan: Plan, table: RunTable, kind: str, *, main: bool) -> CurvePanel:
    facts = table.facts
    floor = {"cost": facts.c0_train, "held_out_cost": facts.c0_held, "held_out_error": facts.error0}[kind]
    percent = kind == "held_out_error" and facts.error_unit == "share"
    found = [band(a.name, main_runs(plan, table, a.name), kind, floor) for a in plan.arms]
    bands = tuple(b for b in found if b is not None and b.points)
    target = plan.target if main else None
    marked = [target] if target is not None else []
    highs = [p.high for b in bands for p in b.points] + marked
    lows = [p.mid if p.low is None else p.low for b in bands for p in b.points] + marked
    top = max(highs, default=1.0)
    can_log = bool(lows) and min(lows) > 0
    title = {
        "cost": "Cost on the training slice",
        "held_out_cost": "Cost on held-out examples",
        "held_out_error": "Error on held-out examples",
    }[kind]
    return CurvePanel(
        kind=kind,
        title=title,
        bands=bands,
        target=None if target is None else significant(target),
        budget=plan.budget or 1,
        top=significant(1.02 * top if top > 0 else 1.0),
        bottom=significant(min(lows) / 1.1) if can_log else 0.0,
        percent=percent,
        log=can_log and target is not None and target < LOG_BELOW * top,
        can_log=can_log,
        absent="" if bands else NO_RUNS,
        alt=_curve_alt(title, bands, target, plan.budget, percent),
    )


def _curve_alt(
    title: str, bands: Sequence[Band], target: float | None, budget: int | None, percent: bool
) -> str:
    if not bands:
        return NO_RUNS
    ends = "; ".join(
        f"{b.arm} ends at {shown(b.points[-1].mid, percent=percent)}"
        f" (10–90 %: {shown(b.points[-1].low or 0.0, percent=percent)}"
        f" to {shown(b.points[-1].high, percent=percent)})"
        for b in bands
    )
    marked = f" The target is {number(target)}." if target is not None else ""
    return f"{title} against iterations up to {budget:,}, median over seeds: {ends}.{marked}"


def shown(value: float, *, percent: bool) -> str:
    """A number as text; a share as per cent."""
    return as_percent(value) if percent else number(value)


def arrival_panel(plan: Plan, table: RunTable) -> ArrivalPanel:
    """The share of runs that have reached the target, or why there is none to show."""
    if plan.target is None or plan.budget is None:
        why = "There is no target, so no run can reach it."
        if plan.notes:
            why += " " + " ".join(plan.notes)
        elif not any(c.is_ratio for c in plan.claims):
            why = "No claim is about iterations, so no target was set."
        return ArrivalPanel((), plan.budget or 1, "", why, why)
    found = [
        arrival(a.name, main_runs(plan, table, a.name), plan.metric, plan.target, plan.budget)
        for a in plan.arms
    ]
    steps = tuple(s for s in found if s is not None)
    said = "; ".join(f"{s.arm}: {s.reached} of {s.runs} runs" for s in steps)
    target = number(plan.target)
    return ArrivalPanel(
        steps,
        plan.budget,
        target,
        "" if steps else NO_RUNS,
        f"Share of runs that have reached the target {target} against iterations. Within {plan.budget:,}"
        f" iterations: {said}."
        if steps
        else NO_RUNS,
    )


def reading_panels(plan: Plan, table: RunTable, readings: Sequence[str]) -> tuple[ReadingPanel, ...]:
    """What happened inside the layers, one panel a reading."""
    return tuple(_reading_panel(plan, table, r) for r in readings)


def _reading_panel(plan: Plan, table: RunTable, reading: str) -> ReadingPanel:
    text, facts = READINGS[reading], table.facts
    runs = {a.name: main_runs(plan, table, a.name) for a in plan.arms}
    measured: list[tuple[int, tuple[Band, ...]]] = []
    for k in range(len(facts.sites)):
        found = [reading_band(a, t, reading, k, log=text.log) for a, t in runs.items()]
        bands = tuple(b for b in found if b is not None)
        if bands:
            measured.append((k, bands))
    has_runs = any(runs.values())
    keep = drawn_sites([facts.sites[k] for k, _ in measured])
    drawn = [measured[i] for i in keep]
    notes: list[str] = []
    known = {k for k, _ in measured}
    absent_at = [s.name for k, s in enumerate(facts.sites) if k not in known]
    if measured and absent_at:
        notes.append(f"Does not apply (NA) at {', '.join(absent_at)}.")
    if len(drawn) < len(measured):
        notes.append(f"{len(drawn)} of {len(measured)} layers are drawn.")
    absent = ""
    if not has_runs:
        absent = NO_RUNS
    elif not measured:
        kinds = sorted({s.activation for s in facts.sites if s.activation})
        absent = f"Does not apply (NA): {_why_na(reading, kinds)}"
    panels = tuple(
        SitePanel(
            facts.sites[k].name,
            f"{facts.sites[k].n_in} → {facts.sites[k].n_units}"
            + (f", {facts.sites[k].activation}" if facts.sites[k].activation else ", output"),
            bands,
            _site_alt(text.title, facts.sites[k].name, bands),
        )
        for k, bands in drawn
    )
    return ReadingPanel(
        reading=reading,
        title=text.title,
        definition=text.definition,
        log=text.log,
        domain=_reading_domain([b for p in panels for b in p.bands], log=text.log, bounded=text.bounded),
        budget=plan.budget or 1,
        sites=panels,
        notes=tuple(notes),
        absent=absent,
    )


def _why_na(reading: str, activations: Sequence[str]) -> str:
    if reading in ("saturation", "saturated") and activations:
        return f"{', '.join(activations)} has no bounds to saturate at."
    return "it was not measured at any layer."


def _site_alt(title: str, site: str, bands: Sequence[Band]) -> str:
    said = "; ".join(f"{b.arm} from {number(b.points[0].mid)} to {number(b.points[-1].mid)}" for b in bands)
    return f"{title} at layer {site}, median over seeds, first to last reading: {said}."


def _reading_domain(bands: Sequence[Band], *, log: bool, bounded: bool) -> tuple[float, float]:
    """One axis for all layers: 0 to 1, or tighter where all of it is small; decades on a logarithmic axis."""
    highs = [p.high for b in bands for p in b.points]
    lows = [p.mid if p.low is None else p.low for b in bands for p in b.points]
    if not highs:
        return (0.1, 1.0) if log else (0.0, 1.0)
    if log:
        return significant(min(lows) / 1.15), significant(max(highs) * 1.15)
    if bounded:
        top = max(highs)
        return 0.0, next(t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, math.inf) if top <= t)
    room = 0.05 * (max(highs) - min(lows)) or 0.1
    return significant(min(lows) - room), significant(max(highs) + room)
