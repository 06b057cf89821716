"""View → the picture of a dose-response curve: intervals over the doses of one knob, cells for two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from hunch.errors import PlanError
from hunch.report.doses_panel import STATUSES, DosePanel, DosePoint, GridPanel
from hunch.report.doses_view import DoseView
from hunch.report.svg import as_png, as_svg
from hunch.report.theme import INK, STATUS_SHAPES, axis, layered, plain_spec, theme

LIMIT_LABEL = "lowest mean + margin"
RATIO_LABEL = "lowest mean × margin"
HEIGHT = 340
CELL = 46
"""Height of a row of cells, in pixels."""
NARROW = 44
"""Cells that are not so wide have smaller numbers, in pixels."""


def dose_picture(view: DoseView, kind: str, *, mode: str = "light", scale: float = 2.0) -> bytes:
    """The picture alone, as the bytes of a PNG or an SVG.

    Args:
        view: The view.
        kind: `"png"` or `"svg"`.
        mode: `"light"` or `"dark"`.
        scale: Pixels of a PNG for each of the picture's own.

    Raises:
        PlanError: If there is nothing to draw yet.
    """
    if view.panel is None and view.grid is None:
        raise PlanError(
            f"there is no curve to draw. {view.absent} The report as .html or .txt says what is known.",
            "report-nothing-to-draw",
        )
    config = {**theme(mode), "background": INK[mode]["ground"]}
    spec = {**plain_spec(dose_drawing(view)), "config": config}
    if kind == "png":
        return as_png(spec, scale)
    return as_svg(spec)


def dose_drawing(view: DoseView) -> Any:
    """The picture with title, key and size of its own, for documents."""
    if view.panel is not None:
        chart = dose_chart(view.panel, legend=True)
        return chart.properties(width=640, height=HEIGHT, title=view.panel.title)
    assert view.grid is not None, "there is something to draw"
    columns, rows = len(view.grid.columns), len(view.grid.rows)
    chart = grid_chart(view.grid, legend=True)
    return chart.properties(width=max(360, 84 * columns), height=CELL * rows, title=view.grid.title)


def dose_chart(panel: DosePanel, *, legend: bool = False) -> alt.LayerChart:
    """Means and intervals over doses, the certified ones shaded, single seeds behind.

    Args:
        panel: What to draw.
        legend: Whether the chart carries its own key (the page has one of its own).
    """
    x, y = _scales(panel)
    points = [asdict(p) for p in panel.points]
    base = alt.Chart(alt.InlineData(values=points)).encode(x=x)
    stable = base.transform_filter("datum.status !== 'unstable'").encode(y=y)
    limit, label = _limit_layers(panel, y)
    layers: list[Any] = [
        alt.Chart(alt.InlineData(values=[{"x": a, "x2": b} for a, b in panel.regions]))
        .mark_rect(style="hunch-region", aria=False, clip=True)
        .encode(x=x, x2="x2:Q"),
        *_seed_layers(panel, x, y),
        *limit,
        stable.mark_line(style="hunch-path", aria=False, clip=True).encode(detail="piece:N"),
        stable.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2.25, aria=False, clip=True)
        .encode(y="low:Q", y2="high:Q", color=_colour(panel.points, legend=legend), tooltip=_tooltip()),
        base.mark_point(filled=True, size=95, opacity=1, aria=False).encode(
            y=y,
            color=_colour(panel.points, legend=legend),
            shape=_shape(panel.points, legend=legend),
            tooltip=_tooltip(),
        ),
        *label,
        *_default_layers(panel, x, y),
        *_break_layers(panel),
    ]
    return layered(layers, panel.alt)


def grid_chart(panel: GridPanel, *, legend: bool = False) -> alt.LayerChart:
    """Cells, the darker the lower the mean, with the status as a mark in each and the certified ones outlined.

    Args:
        panel: What to draw.
        legend: Whether the chart carries its own key.
    """
    labels = {"labelOverlap": "greedy", "domain": False, "ticks": False, "labelAngle": 0}
    x = alt.X(
        "x:O", sort=list(panel.columns), title=panel.axis_x, scale=alt.Scale(domain=list(panel.columns)),
        axis=axis(**labels),
    )  # fmt: skip
    rows = list(reversed(panel.rows))
    y = alt.Y("y:O", sort=rows, title=panel.axis_y, scale=alt.Scale(domain=rows), axis=axis(**labels))
    points = [asdict(p) for p in panel.points]
    base = alt.Chart(alt.InlineData(values=points)).encode(x=x, y=y, tooltip=_tooltip())
    shade = alt.Opacity("shade:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.5]), legend=None)
    certified = base.transform_filter("datum.status === 'near-optimal'")
    ring = base.transform_filter("datum.is_default")
    small = f"width < {NARROW * len(panel.columns)} ? 9 : 11"
    layers: list[Any] = [
        base.transform_filter("isValid(datum.shade)")
        .mark_rect(style="hunch-cell", aria=False)
        .encode(opacity=shade),
        certified.mark_rect(style="hunch-certified", aria=False),
        base.mark_point(filled=True, size=55, opacity=1, yOffset=-9, aria=False).encode(
            color=_colour(panel.points, legend=legend), shape=_shape(panel.points, legend=legend)
        ),
        ring.mark_point(style="hunch-ring", size=190, yOffset=-9, aria=False),
        base.mark_text(style="hunch-mean", dy=10, fontSize=alt.expr(small), aria=False).encode(
            text="label:N"
        ),
    ]
    return layered(layers, panel.alt)


def _scales(panel: DosePanel) -> tuple[alt.X, alt.Y]:
    labels = "".join(f"datum.value === {at!r} ? '{label}' : " for at, label in panel.ticks)
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=list(panel.domain_x), nice=False),
        title=panel.axis,
        axis=axis(
            values=[at for at, _ in panel.ticks],
            labelExpr=f"{labels}''",
            labelOverlap="greedy",
            labelSeparation=6,
            labelFlush=False,
        ),
    )
    ticks: dict[str, Any] = {"values": list(panel.ticks_y)} if panel.ticks_y else {"tickCount": 5}
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(type="log" if panel.is_log else "linear", domain=list(panel.domain_y), nice=False),
        title=None,
        axis=axis(format=".2~%" if panel.percent else ",d" if panel.is_log else ".6~g", **ticks),
    )
    return x, y


def _seed_layers(panel: DosePanel, x: alt.X, y: alt.Y) -> list[Any]:
    """One thin line a seed, broken where the axis is; a lone dot at dose 0. What hovering shows stands over it."""
    base = alt.Chart(alt.InlineData(values=[asdict(s) for s in panel.seeds])).encode(x=x, y=y)
    tooltip = [
        alt.Tooltip("seed:N", title="seed"),
        alt.Tooltip("dose:N", title="dose"),
        alt.Tooltip("value:N", title="outcome"),
    ]
    return [
        base.mark_line(style="hunch-seed", aria=False, clip=True).encode(detail="piece:N"),
        base.mark_circle(style="hunch-seed", size=9, aria=False, clip=True).encode(tooltip=tooltip),
    ]


def _limit_layers(panel: DosePanel, y: alt.Y) -> tuple[list[Any], list[Any]]:
    """The level line of lowest mean and margin, and its label, which lies above the other marks."""
    if panel.limit is None:
        return [], []
    is_left = panel.limit_side == "left"
    mark = [{"y": panel.limit, "label": RATIO_LABEL if panel.is_log else LIMIT_LABEL}]
    base = alt.Chart(alt.InlineData(values=mark)).encode(y=y)
    text = base.encode(x=alt.value(4) if is_left else alt.value("width"), text="label:N")
    where: dict[str, Any] = {"align": "left" if is_left else "right", "dx": 0 if is_left else -4, "dy": -7}
    return [base.mark_rule(style="hunch-mark", aria=False)], [
        text.mark_text(style=style, aria=False, **where) for style in ("hunch-halo", "hunch-note")
    ]


def _default_layers(panel: DosePanel, x: alt.X, y: alt.Y) -> list[Any]:
    """A ring around the default, and its name beside it, on the side where there is room."""
    ends = panel.domain_x
    found = [p for p in panel.points if p.is_default]
    if not found:
        return []
    at = found[0]
    is_right = isinstance(at.x, float) and at.x > (ends[0] + ends[1]) / 2
    base = alt.Chart(alt.InlineData(values=[{"x": at.x, "y": at.y, "label": "default"}])).encode(x=x, y=y)
    # Before a broken axis the name stands above its dose: below, the break is near.
    is_above = panel.gap is not None and isinstance(at.x, float) and at.x < panel.gap
    where: dict[str, Any] = {
        "align": "right" if is_right else "left",
        "dx": -9 if is_right else 9,
        "dy": -15 if is_above else 15,
    }
    return [
        base.mark_point(style="hunch-ring", size=300, aria=False),
        *(
            base.mark_text(style=style, aria=False, **where).encode(text="label:N")
            for style in ("hunch-halo", "hunch-note")
        ),
    ]


def _break_layers(panel: DosePanel) -> list[Any]:
    """Two strokes on the axis, where it is broken between dose 0 and the others."""
    if panel.gap is None:
        return []
    scale = alt.Scale(domain=list(panel.domain_x), nice=False)
    base = alt.Chart(alt.InlineData(values=[{"x": panel.gap, "label": "//"}])).encode(
        x=alt.X("x:Q", scale=scale), y=alt.value("height"), text="label:N"
    )
    return [base.mark_text(style=style, aria=False) for style in ("hunch-halo", "hunch-note")]


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip(f"{field}:N", title=title)
        for field, title in (
            ("dose", "dose"),
            ("status", "status"),
            ("mean", "mean"),
            ("interval", "interval"),
            ("loses", "loses between"),
            ("diverged", "diverged"),
        )
    ]


def _key(points: Sequence[DosePoint], *, legend: bool) -> alt.Legend | None:
    """A key of the statuses that occur."""
    there = [status for status in STATUSES if any(p.status == status for p in points)]
    return alt.Legend(title=None, orient="top", symbolOpacity=1, values=there) if legend else None


def _colour(points: Sequence[DosePoint], *, legend: bool) -> alt.Color:
    scale = alt.Scale(domain=list(STATUSES), range="ordinal")
    return alt.Color("status:N", scale=scale, legend=_key(points, legend=legend))


def _shape(points: Sequence[DosePoint], *, legend: bool) -> alt.Shape:
    scale = alt.Scale(domain=list(STATUSES), range=list(STATUS_SHAPES))
    return alt.Shape("status:N", scale=scale, legend=_key(points, legend=legend))
