"""The picture of what an activation receives: the function, its slope, where it is flat, and the arms beneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from hunch.report.inputs import InputPanel
from hunch.report.marks import arm_colour, arm_dash, lit
from hunch.report.theme import axis, layered

LIFT, GAP = 0.16, 0.13
"""How far beneath the function the first row stands, and the rows from each other, in heights of the function."""


def inputs_chart(
    panel: InputPanel, arms: Sequence[str], *, legend: bool = False, title: bool = False
) -> alt.LayerChart:
    """One layer: the activation above; beneath it mean ± 1 spread (thick) and ± 2 (thin), a row a moment.

    Args:
        panel: What to draw.
        arms: All arms of the study in order, so that an arm has one colour in every chart.
        legend: Whether the chart carries its own key.
        title: Whether it carries the layer's name.
    """
    low, high = panel.domain
    rows = [
        {
            "arm": r.arm,
            "when": r.when,
            "iteration": r.at,
            "mean": r.mean,
            "spread": r.spread,
            "at": min(max(r.mean, low), high),
            "near_low": max(r.mean - r.spread, low),
            "near_high": min(r.mean + r.spread, high),
            "far_low": max(r.mean - 2 * r.spread, low),
            "far_high": min(r.mean + 2 * r.spread, high),
            "out_low": r.mean - 2 * r.spread < low,
            "out_high": r.mean + 2 * r.spread > high,
            "is_last": r.when == "last reading",
            "y": -LIFT - k * GAP,
        }
        for k, r in enumerate(panel.rows)
    ]
    bottom = -LIFT - (len(rows) - 0.3) * GAP
    x = alt.X(
        "z:Q",
        scale=alt.Scale(domain=[low, high], nice=False),
        title=None,
        axis=axis(tickCount=5, format="~g"),
    )
    y_axis = axis(values=[0, 0.5, 1], format=".1~f", grid=True)
    y = alt.Y("value:Q", scale=alt.Scale(domain=[bottom, 1.04], nice=False), title=None, axis=y_axis)
    points = [{"z": z, "value": value, "slope": slope} for z, value, slope in panel.curve]
    drawn = alt.Chart(alt.InlineData(values=points)).encode(x=x)
    flat = alt.Chart(alt.InlineData(values=[{"z": a, "to": b} for a, b in panel.flat]))
    colour, dash = arm_colour(arms, legend=legend), arm_dash(arms, legend=legend)
    base = alt.Chart(alt.InlineData(values=rows)).encode(y="y:Q", color=colour, opacity=lit(1.0, 0.15))
    tooltip = [
        alt.Tooltip("arm:N", title="arm"),
        alt.Tooltip("when:N", title="when"),
        alt.Tooltip("iteration:Q", title="iteration", format=",d"),
        alt.Tooltip("mean:Q", title="mean", format=".3~g"),
        alt.Tooltip("spread:Q", title="spread", format=".3~g"),
    ]
    first, last = base.transform_filter("!datum.is_last"), base.transform_filter("datum.is_last")
    ground = alt.Chart(alt.InlineData(values=[row for row in rows if not row["is_last"]]))
    layers: list[Any] = [
        flat.mark_rect(style="hunch-flat", aria=False).encode(x=x, x2="to:Q"),
        drawn.mark_line(style="hunch-slope", aria=False).encode(y=alt.Y("slope:Q")),
        drawn.mark_line(style="hunch-function", aria=False).encode(y=y),
        base.mark_rule(strokeWidth=1.75, aria=False).encode(x="far_low:Q", x2="far_high:Q", strokeDash=dash),
        base.mark_rule(strokeWidth=4, aria=False).encode(x="near_low:Q", x2="near_high:Q", tooltip=tooltip),
        ground.mark_point(style="hunch-ground", shape="circle", size=45, aria=False).encode(
            x="at:Q", y="y:Q"
        ),
        first.mark_point(filled=False, shape="circle", size=45, aria=False).encode(x="at:Q", tooltip=tooltip),
        last.mark_point(filled=True, shape="circle", size=60, aria=False).encode(x="at:Q", tooltip=tooltip),
        *_arrows(base, "low", "triangle-left"),
        *_arrows(base, "high", "triangle-right"),
    ]
    chart = layered(layers, panel.alt)
    return chart.properties(title=f"layer {panel.site}") if title else chart


def _arrows(base: alt.Chart, end: str, shape: str) -> list[Any]:
    """An arrow where what an arm receives reaches beyond the axis."""
    beyond = base.transform_filter(f"datum.out_{end}")
    return [beyond.mark_point(filled=True, shape=shape, size=40, aria=False).encode(x=f"far_{end}:Q")]
