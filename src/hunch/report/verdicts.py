"""One verdict as a report shows it: its word, its picture, why, and how sure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hunch.evidence import (
    Moved,
    Verdict,
    change_text,
    describe_moved,
    describe_rule,
    describe_sure,
    find_moved,
    headline,
    number,
    sensitivity,
)
from hunch.plan import Plan
from hunch.report.effects import EffectRow, effect_row
from hunch.report.how import sentence
from hunch.report.readings import title_of
from hunch.traces import RunTable

MARKS = {"supported": "✓", "refuted": "✗", "no meaningful difference": "≈", "undecided": "?"}
"""A sign for each decision, so that colour is never the only difference."""


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """One reading in the two arms of a claim, as texts; `moved` says whether it moved."""

    title: str
    first: str
    second: str
    estimate: str
    interval: str
    moved: bool


@dataclass(frozen=True, slots=True)
class WhyView:
    """What differs inside the layers between the arms of a claim.

    Args:
        sentence: Which readings moved, in one sentence.
        first: The arm that the claim favours; empty where nothing could be compared.
        second: The arm compared with.
        rows: All readings that were compared.
        rule: When a reading has moved, and what a move is not.
        absent: The readings that do not apply, in words; may be empty.
    """

    sentence: str
    first: str = ""
    second: str = ""
    rows: tuple[ReadingRow, ...] = ()
    rule: str = ""
    absent: str = ""


@dataclass(frozen=True, slots=True)
class VerdictView:
    """One verdict.

    Args:
        claim: The claim in words.
        decision: The verdict's word.
        mark: Its sign.
        headline: The verdict in a sentence or two, beginning with its word.
        statement: The same without its word, for where the word stands apart.
        effect: The picture; None where there was nothing to estimate the effect from.
        why: What moved inside the layers.
        sure: How sure, in one sentence.
    """

    claim: str
    decision: str
    mark: str
    headline: str
    statement: str
    effect: EffectRow | None
    why: WhyView
    sure: str


def verdict_view(verdict: Verdict, plan: Plan, table: RunTable, verdicts: Sequence[Verdict]) -> VerdictView:
    """One verdict with its picture; those of `verdicts` about one outcome share an axis."""
    said = headline(verdict, plan, table.facts.error_unit)
    return VerdictView(
        claim=verdict.claim.text,
        decision=verdict.decision,
        mark=MARKS[verdict.decision],
        headline=said,
        statement=sentence(said.removeprefix(f"{verdict.decision}: ")),
        effect=effect_row(verdict, table.facts.error_unit, verdicts),
        why=why_view(find_moved(plan, table, verdict), verdict.decision),
        sure=_sure(verdict, plan, table),
    )


def why_view(found: Moved | None, decision: str) -> WhyView:
    """What moved, as texts."""
    said = describe_moved(found, decision)
    if found is None or not found.readings:
        return WhyView(said)
    rows = tuple(
        ReadingRow(
            title_of(change.reading), number(change.first), number(change.second), *change_text(change),
            change.has_moved,
        )
        for change in found.readings
    )  # fmt: skip
    names = ", ".join(title_of(name).lower() for name in found.absent)
    absent = f"Not compared, as it does not apply or was not taken in both arms: {names}." if names else ""
    return WhyView(said, found.first, found.second, rows, describe_rule(found), absent)


def _sure(verdict: Verdict, plan: Plan, table: RunTable) -> str:
    if math.isnan(verdict.effect) or not verdict.looks:
        return describe_sure(verdict, plan)
    return describe_sure(verdict, plan, sensitivity(plan, table, verdict.claim, verdict.looks[-1]))
