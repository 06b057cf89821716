"""The numbers of each picture as a small table, for those who do not see the picture or want to read it off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hunch.evidence import number
from hunch.report.forest_panel import ForestPanel
from hunch.report.inputs import InputPanel
from hunch.report.panels import ArrivalPanel, CurvePanel, ReadingPanel, shown
from hunch.report.series import Band, Point, Steps

MOST_ROWS = 9
"""A curve's table has at most so many rows: the first, the last, and some evenly between them on its grid."""

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares of runs whose arrival the table of arrivals gives."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A table that has what a picture shows.

    Args:
        caption: What it is.
        head: Its columns; the first one names the row.
        rows: Its cells as texts.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def curve_twin(panel: CurvePanel) -> Twin:
    """Median and band of every arm at some iterations."""
    at = thinned(sorted({point.iteration for band in panel.bands for point in band.points}))
    known = [{point.iteration: point for point in band.points} for band in panel.bands]
    rows = tuple((f"{k:,}", *(_spread(points.get(k), percent=panel.percent) for points in known)) for k in at)
    caption = f"{panel.title}: median over seeds, and the 10th to the 90th percentile"
    return Twin(caption, ("iteration", *(band.arm for band in panel.bands)), rows)


def arrival_twin(panel: ArrivalPanel) -> Twin:
    """By which iteration which share of an arm's runs had reached the target."""
    head = ("arm", "reached", *(f"{round(100 * share)} % by" for share in SHARES))
    rows = tuple(
        (steps.arm, f"{steps.reached} of {steps.runs}", *(_arrived(steps, share) for share in SHARES))
        for steps in panel.steps
    )
    return Twin(f"Iterations by which runs had reached the target {panel.target}", head, rows)


def reading_twin(panel: ReadingPanel) -> Twin:
    """The first, a middle and the last reading of every arm at every layer."""
    rows = tuple(
        (f"{site.site}: {band.arm}", *(_reading(point) for point in _three(band)))
        for site in panel.sites
        for band in site.bands
    )
    caption = f"{panel.title}: median over seeds, and the 10th to the 90th percentile"
    return Twin(caption, ("layer: arm", "first reading", "middle", "last reading"), rows)


def input_twin(panels: Sequence[InputPanel]) -> Twin:
    """Mean and spread of what every activation receives, at the first and the last reading."""
    rows = tuple(
        (f"{panel.site}: {row.arm}", row.when, f"{row.at:,}", number(row.mean), number(row.spread))
        for panel in panels
        for row in panel.rows
    )
    head = ("layer: arm", "when", "iteration", "mean", "spread")
    return Twin("What the activations receive, median over seeds", head, rows)


def forest_twin(panel: ForestPanel) -> Twin:
    """Verdict, estimate and interval of every row."""
    rows = tuple(
        (row.label.partition(": ")[2], row.effect.decision, row.effect.estimate, row.effect.interval)
        for row in panel.rows
    )
    return Twin(panel.title, ("claim", "verdict", "estimate", "interval"), rows)


def thinned(at: Sequence[int]) -> tuple[int, ...]:
    """At most nine of the values: the first, the last, and some evenly between.

    Example:
        >>> thinned(range(17))
        (0, 2, 4, 6, 8, 10, 12, 14, 16)
    """
    n = len(at)
    if n <= MOST_ROWS:
        return tuple(at)
    return tuple(at[round(k * (n - 1) / (MOST_ROWS - 1))] for k in range(MOST_ROWS))


def _three(band: Band) -> tuple[Point, Point, Point]:
    return band.points[0], band.points[len(band.points) // 2], band.points[-1]


def _reading(point: Point) -> str:
    return f"{_spread(point, percent=False)} at {point.iteration:,}"


def _spread(point: Point | None, *, percent: bool) -> str:
    if point is None:
        return "–"
    low = 0.0 if point.low is None else point.low
    ends = (shown(end, percent=percent) for end in (low, point.high))
    return f"{shown(point.mid, percent=percent)} ({' to '.join(ends)})"


def _arrived(steps: Steps, share: float) -> str:
    """The first iteration by which that share of the runs had arrived; a dash if they never did."""
    found = next((at for at, reached in steps.points if reached >= share - 1e-9), None)
    return "–" if found is None else f"{round(found):,}"
