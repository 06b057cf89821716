"""The pictures of intervals: estimate, interval, no effect and margin; one claim, or many in a forest."""

from __future__ import annotations

import math
from typing import Any

import altair as alt

from hunch.report.effects import EffectRow
from hunch.report.forest_panel import ForestPanel
from hunch.report.theme import VERDICT_SHAPES, axis, layered
from hunch.report.verdicts import MARKS

ROW, LINE = 44, 15
"""Height of a row of a forest in pixels, a line of text above an interval; and of each further line."""


def effect_chart(row: EffectRow) -> alt.LayerChart:
    """One interval against no effect and the margin; the page has the claim above it."""
    data = [
        {
            "claim": row.claim,
            "effect": row.effect,
            "low": row.domain[0] if row.low is None else row.low,
            "high": row.domain[1] if row.high is None else row.high,
            "ends_low": row.low is not None,
            "ends_high": row.high is not None,
            "verdict": row.decision,
            "estimate": row.estimate,
            "interval": row.interval,
        }
    ]
    scale, scale_axis = _effect_scale(row)
    base = alt.Chart(alt.InlineData(values=data))
    shade = alt.Chart(alt.InlineData(values=[{"low": row.margin_low, "high": row.margin_high}]))
    zero = alt.Chart(alt.InlineData(values=[{"zero": row.zero}]))
    tooltip = _tooltip()
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
    return layered(layers, row.alt)


def forest_chart(panel: ForestPanel) -> alt.LayerChart:
    """A row a verdict: its words above, its interval below, coloured and shaped by what was decided.

    Words stand above intervals, not beside them, so that a phone has room for both.
    """
    first = panel.rows[0].effect
    data = [
        {
            "row": k,
            "claim": row.label,
            "label": row.words,
            "effect": row.effect.effect,
            "low": first.domain[0] if row.effect.low is None else row.effect.low,
            "high": first.domain[1] if row.effect.high is None else row.effect.high,
            "ends_low": row.effect.low is not None,
            "ends_high": row.effect.high is not None,
            "margin_low": row.effect.margin_low,
            "margin_high": row.effect.margin_high,
            "verdict": row.effect.decision,
            "estimate": row.effect.estimate,
            "interval": row.effect.interval,
        }
        for k, row in enumerate(panel.rows)
    ]
    scale, scale_axis = _effect_scale(first)
    # An interval stands in the lower part of its row, so that there is room for the words above it.
    y_scale = alt.Scale(
        domain=[(15 - row_height(panel)) / row_height(panel), len(data) - 1 + 0.42], reverse=True, nice=False
    )
    y = alt.Y("row:Q", scale=y_scale, axis=None)
    base = alt.Chart(alt.InlineData(values=data)).encode(y=y)
    coloured = base.encode(color=_verdict_colour(), tooltip=_tooltip())
    label = base.encode(x=alt.value(2), text="label:N")
    words: dict[str, Any] = {
        "align": "left", "baseline": "bottom", "dy": ROW - 11 - row_height(panel), "limit": alt.expr("width"),
        "lineBreak": "\n", "lineHeight": LINE, "aria": False,
    }  # fmt: skip
    shape = alt.Shape(
        "verdict:N", scale=alt.Scale(domain=list(MARKS), range=list(VERDICT_SHAPES)), legend=None
    )
    solid = coloured.transform_filter("datum.verdict !== 'undecided'")
    hollow = coloured.transform_filter("datum.verdict === 'undecided'")
    ground = base.transform_filter("datum.verdict === 'undecided'")
    layers: list[Any] = [
        base.mark_rect(style="hunch-margin", height=26, aria=False).encode(
            x=alt.X("margin_low:Q", scale=scale, axis=scale_axis), x2="margin_high:Q"
        ),
        alt.Chart(alt.InlineData(values=[{"zero": first.zero}]))
        .mark_rule(style="hunch-zero", aria=False)
        .encode(x="zero:Q"),
        coloured.mark_rule(strokeWidth=2.5, aria=False).encode(x="low:Q", x2="high:Q"),
        *_interval_end(coloured, "low", "triangle-left", 4, style=None),
        *_interval_end(coloured, "high", "triangle-right", -4, style=None),
        solid.mark_point(filled=True, size=95, opacity=1, aria=False).encode(x="effect:Q", shape=shape),
        ground.mark_point(style="hunch-ground", size=95, aria=False).encode(x="effect:Q", shape=shape),
        hollow.mark_point(filled=False, strokeWidth=2, size=95, opacity=1, aria=False).encode(
            x="effect:Q", shape=shape
        ),
        *(label.mark_text(style=style, **words) for style in ("hunch-label-halo", "hunch-label")),
    ]
    return layered(layers, panel.alt)


def row_height(panel: ForestPanel) -> int:
    """Height of a row in pixels: that of the words which take the most lines."""
    return ROW + LINE * max(row.words.count("\n") for row in panel.rows)


def forest_height(panel: ForestPanel) -> int:
    """Height of a forest in pixels."""
    return row_height(panel) * len(panel.rows)


def _effect_scale(first: EffectRow) -> tuple[alt.Scale, alt.Axis]:
    """The axis of effects that rows of one outcome share."""
    scale = alt.Scale(type="log" if first.is_ratio else "linear", domain=list(first.domain), nice=False)
    ticks = ratio_ticks(first.domain) if first.is_ratio else None
    return scale, axis(
        format=".2~%" if first.percent else ".6~g",
        title=None,
        labelOverlap="greedy",
        labelSeparation=6,
        **({"values": ticks, "labelExpr": "datum.label + '×'"} if ticks else {"tickCount": 5}),
    )


def _verdict_colour() -> alt.Color:
    return alt.Color("verdict:N", scale=alt.Scale(domain=list(MARKS), range="diverging"), legend=None)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("claim:N", title="claim"),
        alt.Tooltip("verdict:N", title="verdict"),
        alt.Tooltip("estimate:N", title="estimate"),
        alt.Tooltip("interval:N", title="interval"),
    ]


def _interval_end(
    base: alt.Chart, end: str, arrow: str, offset: int, *, style: str | None = "hunch-interval"
) -> list[Any]:
    """A bar where an interval ends, an arrow where it does not; without a style in the colour of the base."""
    bar: dict[str, Any] = {"style": style} if style else {}
    tip: dict[str, Any] = {"style": "hunch-estimate"} if style else {"filled": True, "opacity": 1}
    return [
        base.transform_filter(f"datum.ends_{end}")
        .mark_tick(size=12, thickness=2.5, opacity=1, aria=False, **bar)
        .encode(x=f"{end}:Q"),
        base.transform_filter(f"!datum.ends_{end}")
        .mark_point(shape=arrow, size=90, xOffset=offset, aria=False, **tip)
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
