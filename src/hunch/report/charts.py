"""View → Altair charts; they draw what the view computed, and compute nothing.

Names that a user chose (arms, sites, claims) are only ever *values* in the data, never names of fields, never
part of an expression: what Vega would read as a path or as code stays text. Colours come from the theme, so
that one spec serves light and dark; lines also differ by dash.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from hunch.report.marks import arm_colour, arm_dash, lit
from hunch.report.panels import ArrivalPanel, CurvePanel, ReadingPanel, SitePanel
from hunch.report.series import Band
from hunch.report.theme import axis, layered


def curve_chart(panel: CurvePanel, arms: Sequence[str], *, log: bool, legend: bool = False) -> alt.LayerChart:
    """Median lines with bands over seeds, the target and the budget marked.

    Args:
        panel: What to draw.
        arms: All arms of the study in order, so that an arm has one colour in every chart.
        log: Whether the axis of values is logarithmic.
        legend: Whether the chart carries its own key (the page has one of its own).
    """
    scales = curve_scales(panel)["log" if log else "linear"]
    y = alt.Y(
        "mid:Q",
        scale=alt.Scale(type="log" if log else "linear", domain=scales["domain"], nice=False),
        title=None,
        axis=axis(format=".1~%" if panel.percent else ".6~g", **scales["ticks"]),
    )
    x = _iterations(panel.budget)
    layers = _band_layers(panel.bands, arms, x, y, legend=legend, format=".2%" if panel.percent else ".4~g")
    if panel.target is not None:
        mark = [{"mid": panel.target, "label": f"target {panel.target:.4g}"}]
        layers += [
            alt.Chart(alt.InlineData(values=mark))
            .mark_rule(style="hunch-mark", aria=False)
            .encode(y="mid:Q"),
            *_note(mark, dx=-4, dy=-7, y="mid:Q", x=alt.value("width")),
        ]
    layers.append(_budget_rule(panel.budget))
    return layered(layers, panel.alt)


def curve_scales(panel: CurvePanel) -> dict[str, dict[str, Any]]:
    """The `domain` and `ticks` of a curve's axis, for `"linear"` and, where it can be, `"log"`."""
    scales: dict[str, dict[str, Any]] = {"linear": {"domain": [0, panel.top], "ticks": {"tickCount": 5}}}
    if panel.can_log:
        ends = (panel.bottom, panel.top)
        scales["log"] = {"domain": list(ends), "ticks": _ticks(ends, log=True, count=5)}
    return scales


def arrival_chart(panel: ArrivalPanel, arms: Sequence[str], *, legend: bool = False) -> alt.LayerChart:
    """Steps: the share of runs that have reached the target."""
    rows = [
        {"arm": s.arm, "iteration": at, "share": share, "runs": f"{round(share * s.runs)} of {s.runs}"}
        for s in panel.steps
        for at, share in s.points
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=_iterations(panel.budget),
        y=alt.Y(
            "share:Q",
            scale=alt.Scale(domain=[0, 1], nice=False),
            title=None,
            axis=axis(format="%", tickCount=5),
        ),
        color=arm_colour(arms, legend=legend),
    )
    tooltip = [
        alt.Tooltip("arm:N", title="arm"),
        alt.Tooltip("runs:N", title="runs that have reached it"),
        alt.Tooltip("iteration:Q", title="by iteration", format=",.0f"),
    ]
    layers: list[Any] = [
        base.mark_line(interpolate="step-after", strokeWidth=2.25, aria=False).encode(
            strokeDash=arm_dash(arms, legend=legend), opacity=lit(1.0, 0.15)
        ),
        base.mark_point(size=80, opacity=0, aria=False).encode(tooltip=tooltip),
    ]
    return layered([*layers, _budget_rule(panel.budget)], panel.alt)


def site_chart(
    panel: ReadingPanel, site: SitePanel, arms: Sequence[str], *, legend: bool = False, title: bool = False
) -> alt.LayerChart:
    """One reading at one layer against iterations, on the axis that all layers share."""
    y = alt.Y(
        "mid:Q",
        scale=alt.Scale(type="log" if panel.log else "linear", domain=list(panel.domain), nice=False),
        title=None,
        axis=axis(format=".6~g", **_ticks(panel.domain, log=panel.log, count=4)),
    )
    ends = (1, max(panel.budget, 2))
    x = alt.X(
        "iteration:Q",
        scale=alt.Scale(type="log", domain=list(ends), nice=False),
        title=None,
        axis=axis(format=",d", **_ticks(ends, log=True, count=4)),
    )
    layers = _band_layers(site.bands, arms, x, y, legend=legend, format=".3~g")
    chart = layered(layers, site.alt)
    return chart.properties(title=f"layer {site.site}") if title else chart


def _ticks(domain: tuple[float, float], *, log: bool, count: int) -> dict[str, Any]:
    """Whole decades on a logarithmic axis that spans two or more of them; else what Vega finds round."""
    low, high = domain
    if log:
        decades = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
        if len(decades) >= 2:
            return {"values": [float(f"1e{k}") for k in decades[:: 1 + (len(decades) - 1) // 6]]}
    return {"tickCount": count}


def _band_layers(
    bands: Sequence[Band], arms: Sequence[str], x: alt.X, y: alt.Y, *, legend: bool, format: str
) -> list[Any]:
    rows = [
        {
            "arm": b.arm,
            "iteration": p.iteration,
            "low": p.mid if p.low is None else p.low,
            "mid": p.mid,
            "high": p.high,
        }
        for b in bands
        for p in b.points
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, color=arm_colour(arms, legend=legend))
    tooltip = [
        alt.Tooltip("arm:N", title="arm"),
        alt.Tooltip("iteration:Q", title="iteration", format=",d"),
        alt.Tooltip("mid:Q", title="median", format=format),
        alt.Tooltip("low:Q", title="10 % of runs below", format=format),
        alt.Tooltip("high:Q", title="10 % of runs above", format=format),
    ]
    return [
        base.mark_area(aria=False, clip=True).encode(y=alt.Y("low:Q"), y2="high:Q", opacity=lit(0.16, 0.03)),
        base.mark_line(strokeWidth=2.25, aria=False, clip=True).encode(
            y=y, strokeDash=arm_dash(arms, legend=legend), opacity=lit(1.0, 0.15)
        ),
        base.mark_point(size=60, opacity=0, aria=False).encode(y=y, tooltip=tooltip),
    ]


def _iterations(budget: int) -> alt.X:
    """The axis of iterations, which ends at the budget and says so."""
    return alt.X(
        "iteration:Q",
        scale=alt.Scale(domain=[0, budget], nice=False),
        title=f"iterations (budget {budget:,})",
        axis=axis(format=",d", tickCount=6, labelOverlap="greedy", labelSeparation=8),
    )


def _budget_rule(budget: int) -> Any:
    mark = alt.Chart(alt.InlineData(values=[{"iteration": budget}]))
    return mark.mark_rule(style="hunch-mark", aria=False).encode(x="iteration:Q")


def _note(data: list[dict[str, Any]], *, dx: int, dy: int, x: Any, y: Any) -> list[Any]:
    """The `label` of the data, right-aligned, on a halo that keeps it readable across lines."""
    base = alt.Chart(alt.InlineData(values=data)).encode(x=x, y=y, text="label:N")
    return [
        base.mark_text(style=style, align="right", dx=dx, dy=dy, aria=False)
        for style in ("hunch-halo", "hunch-note")
    ]
