"""View → the report of a dose-response curve as one self-contained page, of one family with the study's."""

from __future__ import annotations

from typing import Any

from hunch.evidence import GOOD_ENOUGH, NOT_GOOD_ENOUGH, CurveAnswer
from hunch.plan import Plan
from hunch.report.doses_chart import CELL, HEIGHT, dose_chart, grid_chart
from hunch.report.doses_panel import STATUSES
from hunch.report.doses_view import DoseView, make_dose_view
from hunch.report.forest import effect_chart
from hunch.report.html import render_page
from hunch.report.theme import STATUS_COLOURS, plain_spec
from hunch.traces import Provenance, RunTable

TONES = {GOOD_ENOUGH: "supported", NOT_GOOD_ENOUGH: "refuted"}
"""Which verdict's colours the word about the default has; other words have those of an open one."""


def dose_page(plan: Plan, table: RunTable, answer: CurveAnswer, provenance: Provenance) -> str:
    """The report of a curve as one page that opens offline.

    The same arguments give the same bytes. Provenance stands in the element `#provenance` alone.

    Args:
        plan: The plan.
        table: The runs.
        answer: What they show.
        provenance: When, where and with which versions the study was made.
    """
    view = make_dose_view(plan, table, answer)
    return render_page(
        "dose.html.j2",
        dose_specs(view),
        provenance,
        view=view,
        statuses=STATUSES,
        colours=STATUS_COLOURS,
        tone=TONES.get(view.word, "undecided"),
    )


def dose_specs(view: DoseView) -> dict[str, dict[str, Any]]:
    """The Vega-Lite specs of the page, by the id of the element they are drawn in."""
    charts: dict[str, Any] = {}
    if view.panel is not None:
        charts["dose-curve"] = dose_chart(view.panel).properties(height=HEIGHT)
    if view.grid is not None:
        charts["dose-grid"] = grid_chart(view.grid).properties(height=CELL * len(view.grid.rows))
    if view.fresh is not None and view.fresh.effect is not None:
        charts["fresh-effect"] = effect_chart(view.fresh.effect).properties(height=34)
    return {name: plain_spec(chart.properties(width="container")) for name, chart in charts.items()}
