"""The picture of looks: a claim's interval at every look, against no effect and the margin."""

from __future__ import annotations

from typing import Any

import altair as alt

from hunch.report.forest import ratio_ticks
from hunch.report.looks import LooksPanel
from hunch.report.theme import axis, layered


def looks_chart(panel: LooksPanel) -> alt.LayerChart:
    """Intervals as upright lines where they were looked at; the axis ends where the last look was planned."""
    bottom, top = panel.domain
    rows = [
        {
            "blocks": p.blocks,
            "effect": p.effect,
            "low": bottom if p.low is None else p.low,
            "high": top if p.high is None else p.high,
            "ends_low": p.low is not None,
            "ends_high": p.high is not None,
            "is_last": k == len(panel.points) - 1,
            "verdict": p.decision,
            "estimate": p.estimate,
            "interval": p.interval,
            "level": p.level,
        }
        for k, p in enumerate(panel.points)
    ]
    at: dict[str, Any] = {"values": list(panel.planned)} if panel.planned else {"tickCount": 6}
    x = alt.X(
        "blocks:Q",
        scale=alt.Scale(domain=[0, panel.most * 1.02], nice=False),
        title=f"blocks of seeds (at most {panel.most:,})",
        axis=axis(
            format=",d",
            labelOverlap="greedy",
            labelSeparation=6,
            **at,
        ),
    )
    ticks = ratio_ticks(panel.domain) if panel.is_ratio else None
    marks: dict[str, Any] = {"values": ticks, "labelExpr": "datum.label + '×'"} if ticks else {"tickCount": 5}
    y_axis = axis(
        format=".2~%" if panel.percent else ".6~g",
        title=None,
        labelOverlap="greedy",
        **marks,
    )
    scale = alt.Scale(type="log" if panel.is_ratio else "linear", domain=[bottom, top], nice=False)
    shade = alt.Chart(alt.InlineData(values=[{"low": panel.margin_low, "high": panel.margin_high}]))
    zero = alt.Chart(alt.InlineData(values=[{"zero": panel.zero}]))
    end = alt.Chart(alt.InlineData(values=[{"blocks": panel.most}]))
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=x, opacity=alt.condition("datum.is_last", alt.value(1), alt.value(0.5))
    )
    tooltip = [
        alt.Tooltip("blocks:Q", title="blocks", format=",d"),
        alt.Tooltip("verdict:N", title="this look says"),
        alt.Tooltip("estimate:N", title="estimate"),
        alt.Tooltip("interval:N", title="interval"),
        alt.Tooltip("level:N", title="its level"),
    ]
    thin = len(rows) > 12
    line: dict[str, Any] = {"strokeWidth": 1.25} if thin else {}
    layers: list[Any] = [
        shade.mark_rect(style="hunch-margin", aria=False).encode(
            y=alt.Y("low:Q", scale=scale, axis=y_axis), y2="high:Q"
        ),
        zero.mark_rule(style="hunch-zero", aria=False).encode(y="zero:Q"),
        end.mark_rule(style="hunch-mark", aria=False).encode(x="blocks:Q"),
        base.mark_rule(style="hunch-interval", aria=False, **line).encode(
            y="low:Q", y2="high:Q", tooltip=tooltip
        ),
        *_ends(base, "low", "triangle-down", -4, thin=thin),
        *_ends(base, "high", "triangle-up", 4, thin=thin),
        base.mark_point(style="hunch-estimate", shape="circle", size=16 if thin else 80, aria=False).encode(
            y="effect:Q", tooltip=tooltip
        ),
    ]
    return layered(layers, panel.alt)


def _ends(base: alt.Chart, end: str, arrow: str, offset: int, *, thin: bool) -> list[Any]:
    """A bar where an interval ends, an arrow where it goes on beyond the axis."""
    return [
        base.transform_filter(f"datum.ends_{end}")
        .mark_tick(
            style="hunch-interval", orient="horizontal", size=4 if thin else 12, thickness=2, aria=False
        )
        .encode(y=f"{end}:Q"),
        base.transform_filter(f"!datum.ends_{end}")
        .mark_point(style="hunch-estimate", shape=arrow, size=12 if thin else 70, yOffset=offset, aria=False)
        .encode(y=f"{end}:Q"),
    ]
