"""Where the doses of a curve stand in its picture: positions, breaks, axes, what is shaded."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hunch.evidence import CurveAnswer, Dose, seeds_text
from hunch.plan import Curve, split_knob
from hunch.report.series import significant
from hunch.traces import StudyFacts

DIGITS = 6
"""Of drawn numbers: doses that hardly differ must not fall together."""

ZERO_GAP = 0.16
"""How far dose 0 of a logarithmic axis stands left of the smallest other one, as a share of their span."""

MOST_SEEDS = 40
"""Single seeds that are drawn; more would be a smear."""

REACH = 0.6
"""How far single seeds may stretch the axis of outcomes beyond means and intervals, as a share of its width."""


def axis_words(curve: Curve, knob: int, *, on_grid: bool = False) -> str:
    """What is on the axis of a knob.

    Example:
        >>> axis_words(Curve(("l2",), ("a", "b"), ((0.0,), (1.0,))), 0)
        'l2 (λ, logarithmic)'
    """
    name, site = split_knob(curve.knobs[knob])
    meaning = {
        "keep_prob": "probability to keep a unit",
        "l2": "λ",
        "lr": "learning rate",
        "init_std": "standard deviation of the first weights",
    }.get(name, "")
    scale = "logarithmic" if curve.is_log(knob) and not on_grid else ""
    words = ", ".join(part for part in (meaning, f"site {site}" if site else "", scale) if part)
    return f"{name} ({words})" if words else name


def places(curve: Curve, values: Sequence[float]) -> dict[float, float]:
    """Dose → position: itself, or its log10, dose 0 a gap to the left of the others."""
    if not curve.is_log():
        return {v: significant(v, DIGITS) for v in values}
    logs = {v: significant(math.log10(v), DIGITS) for v in values if v > 0}
    if len(logs) < len(values):
        first, last = min(logs.values(), default=0.0), max(logs.values(), default=0.0)
        logs[0.0] = significant(first - max(ZERO_GAP * (last - first), 0.3), DIGITS)
    return logs


def pieces_of(answer: CurveAnswer) -> list[int]:
    """The piece of every dose: dose 0 of a logarithmic axis is alone, and nothing is joined across unstable ones."""
    found: list[int] = []
    piece = 0
    for k, dose in enumerate(answer.doses):
        before = answer.doses[k - 1] if k else dose
        is_after_gap = answer.curve.is_log() and before.value[0] == 0 and k > 0
        piece += is_after_gap or dose.status == "unstable" or before.status == "unstable"
        found.append(piece)
    return found


def log_ticks(domain: tuple[float, float]) -> tuple[float, ...]:
    """Round numbers inside a logarithmic axis, three to nine of them where there are as many.

    Example:
        >>> log_ticks((40, 700)), log_ticks((40, 70000))
        ((50.0, 100.0, 200.0, 500.0), (100.0, 1000.0, 10000.0))
    """
    low, high = domain
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        inside = [s * 10.0**k for k in decades for s in steps if low <= s * 10.0**k <= high]
        if len(inside) >= 3:
            return tuple(inside)
    return ()


def regions(
    answer: CurveAnswer, x: Sequence[float], room: float, ends: tuple[float, float], *, has_zero: bool
) -> tuple[tuple[float, float], ...]:
    """Spans of certified doses without another tested dose between them; never across the gap before dose 0."""
    spans: list[list[float]] = []
    was_certified = False
    for k, dose in enumerate(answer.doses):
        is_certified = dose.status == "near-optimal"
        if is_certified and was_certified and not (has_zero and k == 1):
            spans[-1][1] = x[k]
        elif is_certified:
            spans.append([x[k], x[k]])
        was_certified = is_certified
    return tuple(
        (significant(max(a - room, ends[0]), 6), significant(min(b + room, ends[1]), DIGITS))
        for a, b in spans
    )


def outcome_domain(answer: CurveAnswer, singles: Sequence[float], limit: float | None) -> tuple[float, float]:
    """Ends of the axis of outcomes: means, intervals and limit, and of single seeds what leaves them readable.

    Args:
        answer: The curve.
        singles: Outcomes of single runs.
        limit: Lowest mean and margin.
    """
    spots = [v for d in answer.doses for v in (d.mean, d.low, d.high) if math.isfinite(v)]
    spots += [limit] if limit is not None else []
    singles = list(singles)
    if not spots:
        return (0.1, 1.0)
    if answer.is_ratio:
        spots, singles = [math.log(v) for v in spots if v > 0], [math.log(v) for v in singles if v > 0]
    low, high = min(spots), max(spots)
    reach = REACH * (high - low) or 1.0
    low = min([low, *(v for v in singles if v >= low - reach)])
    high = max([high, *(v for v in singles if v <= high + reach)])
    room = 0.07 * (high - low) or 0.5 * abs(high) or 1.0
    if answer.is_ratio:
        return significant(math.exp(low - room), DIGITS), significant(math.exp(high + room), DIGITS)
    return significant(max(low - room, 0.0) if low >= 0 else low - room, DIGITS), significant(
        high + room, DIGITS
    )


def calm_side(doses: Sequence[Dose], limit: float) -> str:
    """The side on which the means are further from the limit, so that a label there covers none of them."""
    known = [d.mean for d in doses if not math.isnan(d.mean)]
    if len(known) < 2 or math.isnan(limit):
        return "left"
    third = max(1, len(known) // 3)
    left, right = (min(abs(m - limit) for m in part) for part in (known[:third], known[-third:]))
    return "left" if left >= right else "right"


def is_share(answer: CurveAnswer, facts: StudyFacts) -> bool:
    """Whether outcomes are shares, shown as per cent."""
    return answer.outcome == "held_out_error" and facts.error_unit == "share"


def left_out(n_left_out: int, n_hidden: int) -> tuple[str, ...]:
    """What is not drawn, as sentences.

    Args:
        n_left_out: Seeds that are not drawn.
        n_hidden: Runs that lie beyond the axis.
    """
    notes: list[str] = []
    if n_left_out:
        notes.append(
            f"The thin lines are the first {MOST_SEEDS} seeds; {seeds_text(n_left_out)} more are not drawn."
        )
    if n_hidden:
        runs = f"{n_hidden:,} run{'' if n_hidden == 1 else 's'}"
        notes.append(f"{runs} {'lies' if n_hidden == 1 else 'lie'} beyond the axis.")
    return tuple(notes)
