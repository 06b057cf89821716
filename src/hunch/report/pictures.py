"""The report's charts one by one, for documents and notebooks: as on the page, with keys of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import altair as alt

from hunch.errors import PlanError
from hunch.evidence import Verdict
from hunch.plan import Plan
from hunch.report.charts import arrival_chart, curve_chart, site_chart
from hunch.report.forest import forest_chart, forest_height
from hunch.report.forest_panel import ForestPanel, forest_panels
from hunch.report.inputs import InputPanel
from hunch.report.inputs_chart import inputs_chart
from hunch.report.looks import LooksPanel
from hunch.report.looks_chart import looks_chart
from hunch.report.panels import ArrivalPanel, CurvePanel, ReadingPanel
from hunch.report.svg import as_png, as_svg, drawable
from hunch.report.theme import INK, plain_spec, theme
from hunch.report.view import View, make_view
from hunch.traces import RunTable

ANSWER = "answer"
"""The picture that stands for a whole report: verdicts, cost, and runs that have reached the target."""

WIDTH = 600


def charts(
    plan: Plan, table: RunTable, verdicts: Sequence[Verdict], *, mode: str = "light"
) -> dict[str, alt.TopLevelMixin]:
    """The report's charts one by one.

    The keys are `answer` (the next ones that there are, in one picture), `effects`, `looks` (where several were
    planned), `cost` (or `held_out_cost`), `held_out_error`, `arrival`, `inputs`, and the names of the readings. What
    has nothing to draw is left out. `.save("cost.png")`, `.svg` and `.html` write them.

    Args:
        plan: The plan.
        table: The runs.
        verdicts: The verdicts.
        mode: `"light"` or `"dark"`.
    """
    made = _drawings(make_view(plan, table, verdicts))
    config = {**theme(mode), "background": INK[mode]["ground"]}
    return {name: _saved_safely(draw().properties(config=config)) for name, draw in made.items()}


def chart_picture(
    plan: Plan,
    table: RunTable,
    verdicts: Sequence[Verdict],
    name: str = ANSWER,
    kind: str = "png",
    *,
    mode: str = "light",
    scale: float = 2.0,
) -> bytes:
    """One of the report's charts as the bytes of a PNG or an SVG.

    Args:
        plan: The plan.
        table: The runs.
        verdicts: The verdicts.
        name: A key of `charts`.
        kind: `"png"` or `"svg"`.
        mode: `"light"` or `"dark"`.
        scale: Pixels of a PNG for each of the chart's own.

    Raises:
        PlanError: If there is no such chart in this study.
    """
    found = _drawings(make_view(plan, table, verdicts))
    if name not in found:
        raise PlanError(
            f"this study has no chart {name!r}; it has {', '.join(found) or 'none, as no run has finished'}. "
            "Name one that it has.",
            "report-unknown-chart",
        )
    return drawn_as(found[name](), kind, mode=mode, scale=scale)


def drawn_as(chart: Any, kind: str, *, mode: str = "light", scale: float = 2.0) -> bytes:
    """A chart as the bytes of a PNG or an SVG; the same chart gives the same bytes.

    Args:
        chart: The chart.
        kind: `"png"` or `"svg"`.
        mode: `"light"`, `"dark"` or `"page"`, which names variables of a style sheet instead of colours.
        scale: Pixels of a PNG for each of the chart's own.
    """
    ground = None if mode == "page" else INK[mode]["ground"]
    spec = {**plain_spec(chart), "config": {**theme(mode), "background": ground}}
    if kind == "png":
        return as_png(spec, scale)
    return as_svg(spec)


def _saved_safely(chart: Any) -> Any:
    """The chart, with names in it that `.save` can draw; as a rule the very same."""
    spec = plain_spec(chart)
    if drawable(spec) == spec:
        return chart
    return alt.Chart.from_dict({**drawable(chart.to_dict(validate=False))}, validate=False)


def _drawings(view: View) -> dict[str, Callable[[], Any]]:
    """How each chart that has something to draw is made; none is made before it is asked for."""
    arms = [a.name for a in view.arms]
    found: dict[str, Callable[[], Any]] = {}
    panels = forest_panels(("", verdict.effect) for verdict in view.verdicts)
    if panels:
        found["effects"] = partial(forest_drawing, panels)
    looked = [(c.claim, c.panel) for c in view.sure.claims if c.panel is not None]
    if looked:
        found["looks"] = partial(_looks, looked)
    for panel in view.curves:
        if not panel.absent:
            found[panel.kind] = partial(_curve, panel, arms)
    if not view.arrival.absent:
        found["arrival"] = partial(_arrival, view.arrival, arms)
    if view.inputs:
        found["inputs"] = partial(_inputs, view.inputs, arms)
    for reading in view.readings:
        if reading.sites:
            found[reading.reading] = partial(_layers, reading, arms)
    main = next((panel.kind for panel in view.curves if not panel.absent), None)
    parts = [found[name] for name in ("effects", main, "arrival") if name in found]
    return {ANSWER: partial(_together, view.title, parts), **found} if parts else found


def _together(title: str, parts: Sequence[Callable[[], Any]]) -> Any:
    chart = alt.vconcat(*(part() for part in parts), spacing=28)
    chart = chart.resolve_scale(
        x="independent", y="independent", color="independent", strokeDash="independent"
    )
    return chart.properties(title=alt.TitleParams(title, fontSize=19, offset=18))


def forest_drawing(panels: Sequence[ForestPanel]) -> Any:
    """All verdicts, an axis an outcome, with titles of their own."""
    rows = [
        forest_chart(panel).properties(width=WIDTH, height=forest_height(panel), title=panel.title)
        for panel in panels
    ]
    return alt.vconcat(*rows, spacing=24).resolve_scale(x="independent", y="independent", color="independent")


def _looks(panels: Sequence[tuple[str, LooksPanel]]) -> Any:
    rows = [looks_chart(panel).properties(width=420, height=200, title=claim) for claim, panel in panels]
    return alt.vconcat(*rows).resolve_scale(x="independent", y="independent")


def _curve(panel: CurvePanel, arms: Sequence[str]) -> Any:
    chart = curve_chart(panel, arms, log=panel.log, legend=True)
    return chart.properties(width=WIDTH, height=320, title=panel.title)


def _arrival(panel: ArrivalPanel, arms: Sequence[str]) -> Any:
    chart = arrival_chart(panel, arms, legend=True)
    return chart.properties(
        width=WIDTH, height=240, title=f"Runs that have reached the target {panel.target}"
    )


def _inputs(panels: Sequence[InputPanel], arms: Sequence[str]) -> Any:
    sites = [
        inputs_chart(panel, arms, legend=True, title=True).properties(
            width=220, height=170 + 8 * len(panel.rows)
        )
        for panel in panels
    ]
    return alt.concat(*sites, columns=3).properties(title="What the activations receive")


def _layers(panel: ReadingPanel, arms: Sequence[str]) -> Any:
    sites = [
        site_chart(panel, site, arms, legend=True, title=True).properties(width=220, height=150)
        for site in panel.sites
    ]
    return alt.concat(*sites, columns=3).properties(title=panel.title)
