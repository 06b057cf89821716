"""Several studies as one page: all verdicts in one picture, then study by study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hunch.evidence import Verdict, number
from hunch.plan import Plan
from hunch.report.charts import arrival_chart, curve_chart, curve_scales
from hunch.report.effects import effect_row
from hunch.report.forest import forest_chart, forest_height
from hunch.report.forest_panel import ForestPanel, forest_panels
from hunch.report.how import HowItem, items
from hunch.report.html import render_page
from hunch.report.panels import ArrivalPanel, CurvePanel
from hunch.report.theme import dash_of, plain_spec
from hunch.report.twins import arrival_twin, curve_twin, forest_twin
from hunch.report.view import View, make_view
from hunch.traces import Provenance, RunTable


@dataclass(frozen=True)
class Shown:
    """One study to be shown: its name and all that it holds."""

    name: str
    plan: Plan
    table: RunTable
    verdicts: Sequence[Verdict]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class OverviewStudy:
    """One study on the page.

    Args:
        name: What it is called there.
        view: All that its own report would show.
        words: Its verdicts, counted.
        curve: Its cost against iterations; None where there is nothing to draw.
        arrival: Its runs that have reached the target; None likewise.
    """

    name: str
    view: View
    words: str
    curve: CurvePanel | None
    arrival: ArrivalPanel | None


@dataclass(frozen=True, slots=True)
class OverviewView:
    """Everything that the page shows.

    Args:
        title: How many studies.
        caution: What alphas add up to.
        forest: Every verdict with an interval, an axis an outcome.
        studies: The studies, in the order given.
        how: The method of each, in a line.
    """

    title: str
    caution: str
    forest: tuple[ForestPanel, ...]
    studies: tuple[OverviewStudy, ...]
    how: tuple[HowItem, ...]


def overview_page(told: Sequence[Shown]) -> str:
    """Several studies as one page that opens offline; the same studies give the same bytes.

    Args:
        told: The studies, at least one, with names that differ.
    """
    view = overview_view(told)
    first = told[0].provenance
    provenance = replace(first, train_wall_s=sum(one.provenance.train_wall_s for one in told))
    return render_page(
        "overview.html.j2", _specs(view), provenance, view=view, dash_of=dash_of, twins=_twins(view)
    )


def overview_view(told: Sequence[Shown]) -> OverviewView:
    """What the page shows."""
    every = [verdict for one in told for verdict in one.verdicts]
    studies = tuple(_study(one) for one in told)
    rows = [
        (one.name, effect_row(verdict, one.table.facts.error_unit, every))
        for one in told
        for verdict in one.verdicts
        if verdict.claim.favoured is not None
    ]
    return OverviewView(
        title=f"{len(told):,} {'study' if len(told) == 1 else 'studies'}, {len(every):,} "
        f"verdict{'' if len(every) == 1 else 's'}",
        caution=_caution(told),
        forest=forest_panels(rows),
        studies=studies,
        how=items([(study.name, [study.view.how_line]) for study in studies]),
    )


def _study(one: Shown) -> OverviewStudy:
    view = make_view(one.plan, one.table, one.verdicts)
    counted = Counter(verdict.decision for verdict in one.verdicts)
    words = ", ".join(f"{n} {word}" for word, n in counted.items()) or "no verdict"
    curve = next((panel for panel in view.curves if not panel.absent), None)
    arrival = None if view.arrival.absent else view.arrival
    return OverviewStudy(one.name, view, words, curve, arrival)


def _caution(told: Sequence[Shown]) -> str:
    """What the alphas of the studies add up to: they were not planned together."""
    alphas = [one.plan.alpha for one in told if one.verdicts]
    if not alphas:
        return "None of these studies has a verdict yet."
    if len(alphas) == 1:
        return f"One study has verdicts; it allows a share of {number(alphas[0])} of wrong ones."
    return (
        f"Each study allows a share of wrong verdicts of its own, {number(min(alphas))}"
        + (f" to {number(max(alphas))}" if max(alphas) > min(alphas) else "")
        + f". They were not planned together: with arms that differ in nothing, the probability that at least one of "
        f"these {len(alphas)} tells some apart may be as high as {number(min(1.0, sum(alphas)))}. Who puts studies "
        "together because of what they say has chosen them by it, and no interval here allows for that."
    )


def _specs(view: OverviewView) -> Mapping[str, Mapping[str, Any]]:
    charts: dict[str, Any] = {
        f"forest-{k}": forest_chart(panel).properties(height=forest_height(panel))
        for k, panel in enumerate(view.forest)
    }
    for k, study in enumerate(view.studies):
        arms = [arm.name for arm in study.view.arms]
        if study.curve is not None:
            charts[f"curve-{k}"] = curve_chart(study.curve, arms, log=study.curve.log).properties(
                height=300, usermeta={"hunch": curve_scales(study.curve)}
            )
        if study.arrival is not None:
            charts[f"arrival-{k}"] = arrival_chart(study.arrival, arms).properties(height=240)
    return {name: plain_spec(chart.properties(width="container")) for name, chart in charts.items()}


def _twins(view: OverviewView) -> dict[str, Any]:
    found = {f"forest-{k}": forest_twin(panel) for k, panel in enumerate(view.forest)}
    for k, study in enumerate(view.studies):
        if study.curve is not None:
            found[f"curve-{k}"] = curve_twin(study.curve)
        if study.arrival is not None:
            found[f"arrival-{k}"] = arrival_twin(study.arrival)
    return found
