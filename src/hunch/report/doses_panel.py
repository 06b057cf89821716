"""The picture of a dose-response curve as numbers: a curve for one knob, cells for two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hunch.evidence import CurveAnswer, Dose, dose_text, loss_text, number, value_text
from hunch.report.doses_scale import (
    DIGITS,
    MOST_SEEDS,
    axis_words,
    calm_side,
    is_share,
    left_out,
    log_ticks,
    outcome_domain,
    pieces_of,
    places,
    regions,
)
from hunch.report.series import significant
from hunch.traces import StudyFacts

STATUSES = ("near-optimal", "excluded as best", "unknown", "unstable")


@dataclass(frozen=True, slots=True)
class DosePoint:
    """One dose in the picture; what hovering shows are finished texts.

    Args:
        x: Where it stands: the dose, or its log10; on a grid the column's label.
        y: Its mean; at an unstable dose the upper end of the axis. On a grid the row's label.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
        status: One of `STATUSES`.
        dose: The dose in words.
        mean: Its mean in words.
        interval: The interval in words.
        loses: What it loses against the best, in words.
        diverged: How many of its runs diverged, in words.
        is_default: Whether it is the default.
        piece: Points of one piece are joined; a gap or an unstable dose lies between two pieces.
        label: Its mean without unit, short enough for a cell.
        shade: On a grid: how dark, from 0 (the worst mean) to 1 (the lowest); None where there is no mean.
    """

    x: float | str
    y: float | str
    low: float | None
    high: float | None
    status: str
    dose: str
    mean: str
    interval: str
    loses: str
    diverged: str
    is_default: bool
    piece: int = 0
    label: str = ""
    shade: float | None = None


@dataclass(frozen=True, slots=True)
class SeedPoint:
    """One run and where it stands; points of one `piece` are joined."""

    seed: str
    piece: str
    x: float
    y: float
    dose: str
    value: str


@dataclass(frozen=True, slots=True)
class DosePanel:
    """The curve of one knob.

    Args:
        title: Heading.
        points: The doses, rising.
        seeds: Single runs.
        ticks: Pairs (position, label), one a dose.
        gap: Where the axis is broken, between dose 0 and the others; None where it is not.
        regions: Pairs (from, to): the certified doses, those without another tested dose between them together.
        limit: Lowest mean and margin; None where nothing is known.
        limit_side: `"left"` or `"right"`: where its label is out of the way.
        domain_x: Ends of the axis of doses.
        domain_y: Ends of the axis of outcomes.
        is_log: Whether the axis of outcomes is logarithmic.
        percent: Whether outcomes are shares.
        ticks_y: Where a logarithmic axis of outcomes has its ticks; empty: where it likes.
        axis: What is on the axis of doses, in words.
        notes: What is not drawn, as sentences.
        alt: The picture in words.
    """

    title: str
    points: tuple[DosePoint, ...]
    seeds: tuple[SeedPoint, ...]
    ticks: tuple[tuple[float, str], ...]
    gap: float | None
    regions: tuple[tuple[float, float], ...]
    limit: float | None
    limit_side: str
    domain_x: tuple[float, float]
    domain_y: tuple[float, float]
    is_log: bool
    percent: bool
    ticks_y: tuple[float, ...]
    axis: str
    notes: tuple[str, ...]
    alt: str


@dataclass(frozen=True, slots=True)
class GridPanel:
    """The grid of two knobs: a cell a dose.

    Args:
        title: Heading, with the unit of the cells' numbers.
        points: The doses.
        columns: Labels of the first knob's doses, rising.
        rows: Labels of the second knob's, rising.
        axis_x: What the columns are, in words.
        axis_y: What the rows are.
        alt: The picture in words.
    """

    title: str
    points: tuple[DosePoint, ...]
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    axis_x: str
    axis_y: str
    alt: str


def dose_panel(answer: CurveAnswer, facts: StudyFacts, title: str) -> DosePanel:
    """The curve of one knob.

    Args:
        answer: The curve, of which something is known.
        facts: Facts of the study.
        title: Heading.
    """
    curve, doses = answer.curve, answer.doses
    place = places(curve, [dose.value[0] for dose in doses])
    x = [place[dose.value[0]] for dose in doses]
    pieces = pieces_of(answer)
    seeds, n_left_out = _seeds(answer, facts, x)
    best = min((d.mean for d in doses if not math.isnan(d.mean)), default=math.nan)
    limit = best * answer.margin if answer.is_ratio else best + answer.margin
    known = None if math.isnan(limit) else significant(limit, DIGITS)
    domain = outcome_domain(answer, [s.y for s in seeds], known)
    points = tuple(
        _point(answer, facts, d, at, top=domain[1], piece=piece)
        for d, at, piece in zip(doses, x, pieces, strict=True)
    )
    has_zero = curve.is_log() and 0.0 in place and len(place) > 1
    room = 0.035 * (x[-1] - x[0]) or 0.5
    ends = (significant(x[0] - room, 6), significant(x[-1] + room, DIGITS))
    hidden = sum(not domain[0] <= s.y <= domain[1] for s in seeds)
    return DosePanel(
        title=title,
        points=points,
        seeds=seeds,
        ticks=tuple((at, number(d.value[0], 6)) for d, at in zip(doses, x, strict=True)),
        gap=significant((x[0] + x[1]) / 2, DIGITS) if has_zero else None,
        regions=regions(answer, x, 0.5 * room, ends, has_zero=has_zero),
        limit=known,
        limit_side=calm_side(doses, limit),
        domain_x=ends,
        domain_y=domain,
        is_log=answer.is_ratio,
        percent=is_share(answer, facts),
        ticks_y=log_ticks(domain) if answer.is_ratio else (),
        axis=axis_words(curve, 0),
        notes=left_out(n_left_out, hidden),
        alt=f"{title}. {_told(answer, facts)}",
    )


def grid_panel(answer: CurveAnswer, facts: StudyFacts, title: str) -> GridPanel:
    """The grid of two knobs; arguments as for `dose_panel`."""
    doses, curve = answer.doses, answer.curve
    means = np.array([dose.mean for dose in doses])
    scale = np.log(means) if answer.is_ratio else means
    finite = scale[np.isfinite(scale)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    shades = [
        None if not math.isfinite(v) else significant(1 - (v - low) / (high - low), 3) if high > low else 1.0
        for v in scale
    ]
    points = tuple(
        _point(answer, facts, d, number(d.value[0], 6), y=number(d.value[1], 6), shade=shade)
        for d, shade in zip(doses, shades, strict=True)
    )
    columns, rows = ([number(v, 6) for v in sorted({d.value[k] for d in doses})] for k in (0, 1))
    return GridPanel(
        title=f"{title}, in %" if is_share(answer, facts) else title,
        points=points,
        columns=tuple(columns),
        rows=tuple(rows),
        axis_x=axis_words(curve, 0, on_grid=True),
        axis_y=axis_words(curve, 1, on_grid=True),
        alt=f"{title}. {_told(answer, facts)}",
    )


def interval_words(answer: CurveAnswer, facts: StudyFacts, dose: Dose) -> str:
    """The drawn interval of a dose as text; a dash where there is none."""
    if math.isnan(dose.low) or math.isnan(dose.high):
        return "–"
    first = value_text(answer, facts, dose.low).removesuffix(" %")
    return f"{first} to {value_text(answer, facts, dose.high)}"


def loss_words(answer: CurveAnswer, facts: StudyFacts, dose: Dose) -> str:
    """What a dose loses against the best as text; a dash where nothing is known."""
    if math.isnan(dose.loses_low):
        return "–"
    least, most = (loss_text(answer, facts, v) for v in (dose.loses_low, dose.loses_high))
    if math.isinf(dose.loses_high):
        no_loss = 1.0 if answer.is_ratio else 0.0
        return "any amount" if dose.loses_low <= no_loss else f"{least} or more"
    return f"{least.removesuffix(' points')} to {most}" if least != most else least


def _point(
    answer: CurveAnswer, facts: StudyFacts, dose: Dose, x: float | str, *, top: float = math.nan,
    y: str | None = None, piece: int = 0, shade: float | None = None,
) -> DosePoint:  # fmt: skip
    is_known = not math.isnan(dose.mean)
    has_ends = is_known and math.isfinite(dose.low) and math.isfinite(dose.high)
    n = len(answer.seen.seeds)
    return DosePoint(
        x=x,
        y=y if y is not None else significant(dose.mean, DIGITS) if is_known else top,
        low=significant(dose.low, DIGITS) if has_ends else None,
        high=significant(dose.high, DIGITS) if has_ends else None,
        status=dose.status,
        dose=dose_text(answer.curve, dose.value, full=True),
        mean=value_text(answer, facts, dose.mean),
        interval=interval_words(answer, facts, dose),
        loses=loss_words(answer, facts, dose),
        diverged=f"{round(dose.diverged * n):,} of {n:,} runs" if math.isfinite(dose.diverged) else "–",
        is_default=dose.arm == answer.curve.default,
        piece=piece,
        label=value_text(answer, facts, dose.mean).removesuffix(" %") if is_known else "",
        shade=shade,
    )


def _seeds(answer: CurveAnswer, facts: StudyFacts, x: Sequence[float]) -> tuple[tuple[SeedPoint, ...], int]:
    """The runs of the first seeds, and how many seeds are not among them; dose 0 of a logarithmic axis is apart."""
    seen, is_log = answer.seen, answer.curve.is_log()
    is_apart = [is_log and dose.value[0] == 0 for dose in answer.doses]
    found: list[SeedPoint] = []
    for row, seed in enumerate(seen.seeds[:MOST_SEEDS]):
        for k, dose in enumerate(answer.doses):
            value = float(seen.values[row, k])
            if not math.isfinite(value):
                continue
            value = math.exp(value) if answer.is_ratio else value
            found.append(
                SeedPoint(
                    seed=str(seed),
                    piece=f"{seed}, {'0' if is_apart[k] else 'others'}",
                    x=x[k],
                    y=significant(value, DIGITS),
                    dose=dose_text(answer.curve, dose.value),
                    value=value_text(answer, facts, value),
                )
            )
    return tuple(found), max(0, len(seen.seeds) - MOST_SEEDS)


def _told(answer: CurveAnswer, facts: StudyFacts) -> str:
    """Every dose with its mean and status, for those who do not see the picture."""
    said = "; ".join(
        f"{dose_text(answer.curve, d.value)}: "
        + (d.status if math.isnan(d.mean) else f"{value_text(answer, facts, d.mean)}, {d.status}")
        for d in answer.doses
    )
    return f"Dose, mean and status: {said}."
