"""The picture of intervals: estimate, interval, no effect and margin, one row a claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from hunch.report.effects import EffectRow
from hunch.report.theme import axis, layered


def effect_chart(rows: Sequence[EffectRow], *, labels: bool = False) -> alt.LayerChart:
    """Intervals against no effect and the margin, one row a claim; the rows share one outcome.

    Args:
        rows: The intervals.
        labels: Whether the claims stand beside them (the page has them above each).
    """
    first = rows[0]
    names = [
        r.claim if [q.claim for q in rows].count(r.claim) == 1 else f"{k + 1}. {r.claim}"
        for k, r in enumerate(rows)
    ]
    data = [
        {
            "claim": name,
            "effect": r.effect,
            "low": first.domain[0] if r.low is None else r.low,
            "high": first.domain[1] if r.high is None else r.high,
            "ends_low": r.low is not None,
            "ends_high": r.high is not None,
            "verdict": r.decision,
            "estimate": r.estimate,
            "interval": r.interval,
        }
        for name, r in zip(names, rows, strict=True)
    ]
    scale = alt.Scale(type="log" if first.is_ratio else "linear", domain=list(first.domain), nice=False)
    ticks = ratio_ticks(first.domain) if first.is_ratio else None
    scale_axis = axis(
        format=".2~%" if first.percent else ".6~g",
        title=None,
        labelOverlap="greedy",
        labelSeparation=6,
        **({"values": ticks, "labelExpr": "datum.label + '×'"} if ticks else {"tickCount": 5}),
    )
    y = alt.Y(
        "claim:N",
        sort=None,
        title=None,
        axis=alt.Axis(labelLimit=260, grid=False, labelPadding=12) if labels else None,
    )
    base = alt.Chart(alt.InlineData(values=data)).encode(y=y)
    shade = alt.Chart(alt.InlineData(values=[{"low": first.margin_low, "high": first.margin_high}]))
    zero = alt.Chart(alt.InlineData(values=[{"zero": first.zero}]))
    tooltip = [
        alt.Tooltip("claim:N", title="claim"),
        alt.Tooltip("verdict:N", title="verdict"),
        alt.Tooltip("estimate:N", title="estimate"),
        alt.Tooltip("interval:N", title="interval"),
    ]
    layers: list[Any] = [
        shade.mark_rect(style="hunch-margin", aria=False).encode(
            x=alt.X("low:Q", scale=scale, axis=scale_axis), x2="high:Q"
        ),
        zero.mark_rule(style="hunch-zero", aria=False).encode(x="zero:Q"),
        base.mark_rule(style="hunch-interval", aria=False).encode(x="low:Q", x2="high:Q", tooltip=tooltip),
        *_interval_end(base, "low", "triangle-left", 4),
        *_interval_end(base, "high", "triangle-right", -4),
        base.mark_point(style="hunch-estimate", shape="circle", size=90, opacity=1, aria=False).encode(
            x="effect:Q", tooltip=tooltip
        ),
    ]
    return layered(layers, " ".join(r.alt for r in rows))


def _interval_end(base: alt.Chart, end: str, arrow: str, offset: int) -> list[Any]:
    """A bar where an interval ends, an arrow where it does not."""
    return [
        base.transform_filter(f"datum.ends_{end}")
        .mark_tick(style="hunch-interval", size=12, thickness=2.5, aria=False)
        .encode(x=f"{end}:Q"),
        base.transform_filter(f"!datum.ends_{end}")
        .mark_point(style="hunch-estimate", shape=arrow, size=90, xOffset=offset, aria=False)
        .encode(x=f"{end}:Q"),
    ]


def ratio_ticks(domain: tuple[float, float]) -> list[float]:
    """Round ratios inside the domain, at most seven of them, 1 always among them."""
    low, high = domain
    for steps in (
        (0.9, 0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08, 1.1),
        (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0),
        (0.1, 0.2, 0.25, 0.33, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 10.0),
        (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
    ):
        inside = [s for s in steps if low <= s <= high]
        if 2 <= len(inside) <= 7 and steps[0] <= low * 1.2 and steps[-1] >= high / 1.2:
            return inside
    ends = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [s for s in (10.0**k for k in ends) if low <= s <= high]
