"""Many verdicts in one picture as numbers: a row each, those of one outcome on one axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hunch.report.effects import OUTCOME_WORDS, EffectRow
from hunch.report.readings import READINGS


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One row: what stands above its interval, and the interval.

    Args:
        label: Verdict, where it was found, and claim, in one line.
        words: The same as it is drawn: on a line of its own where it was found, so that a phone has room for it.
        effect: The interval.
    """

    label: str
    words: str
    effect: EffectRow


@dataclass(frozen=True, slots=True)
class ForestPanel:
    """Intervals of one outcome.

    Args:
        title: What the axis is.
        rows: The intervals, in the order in which they were given.
        alt: The picture in words.
    """

    title: str
    rows: tuple[ForestRow, ...]
    alt: str


def forest_panels(found: Iterable[tuple[str, EffectRow | None]]) -> tuple[ForestPanel, ...]:
    """Group intervals by outcome and axis, in order; what has no interval is left out.

    Args:
        found: Pairs (where it was found, for instance a regime; may be empty, its interval).
    """
    groups: dict[tuple[object, ...], list[ForestRow]] = {}
    for where, effect in found:
        if effect is None:
            continue
        label = f"{where} · {effect.claim}" if where else effect.claim
        words = (
            f"{effect.decision}: {where}\n{effect.claim}" if where else f"{effect.decision}: {effect.claim}"
        )
        row = ForestRow(f"{effect.decision}: {label}", words, effect)
        groups.setdefault((effect.outcome, effect.domain), []).append(row)
    return tuple(_panel(rows) for rows in groups.values())


def _panel(rows: Sequence[ForestRow]) -> ForestPanel:
    first = rows[0].effect
    what = READINGS[first.outcome].title if first.outcome in READINGS else OUTCOME_WORDS[first.outcome]
    how = (
        "how many times fewer, in the claim’s direction"
        if first.is_ratio
        else "difference in the claim’s direction"
    )
    if first.percent:
        how = "difference in points, in the claim’s direction"
    return ForestPanel(
        title=f"{what}: {how}",
        rows=tuple(rows),
        alt=f"{len(rows)} verdict{'' if len(rows) == 1 else 's'} on {what.lower()}. "
        + " ".join(_said(row) for row in rows),
    )


def _said(row: ForestRow) -> str:
    effect = row.effect
    return f"{row.label}, estimate {effect.estimate}, interval {effect.interval}."
