"""How sure the verdicts are: the method, every look, what they saved, and what is no part of a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hunch.evidence import (
    Verdict,
    describe_method,
    describe_sensitivity,
    describe_share,
    describe_use,
    level,
    number,
    sensitivity,
    used_seeds,
)
from hunch.plan import Plan
from hunch.report.looks import LookRow, LooksPanel, look_rows, looks_panel
from hunch.stats import holm
from hunch.traces import RunTable


@dataclass(frozen=True, slots=True)
class SureClaim:
    """How sure one verdict is.

    Args:
        claim: The claim in words.
        use: The blocks it took, against a fixed design.
        rows: Its looks as texts.
        left_out: How many looks are not among them.
        panel: The picture of its looks; None where there is none.
    """

    claim: str
    use: str
    rows: tuple[LookRow, ...]
    left_out: int
    panel: LooksPanel | None


@dataclass(frozen=True, slots=True)
class HolmRow:
    """The sign-flip p-value of a claim, alone and adjusted for the others."""

    claim: str
    p_value: str
    adjusted: str


@dataclass(frozen=True, slots=True)
class OtherChoices:
    """What a claim's effect would have been with other choices, a line each."""

    claim: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure the verdicts are.

    Args:
        method: How an effect becomes a verdict, and how alpha is shared, in sentences.
        blocks: Blocks used and saved by the study as a whole; empty where one look was planned.
        claims: One a verdict.
        holm: The claims' p-values after Holm; empty where fewer than two have one.
        others: Sensitivity: no part of a verdict.
    """

    method: tuple[str, ...]
    blocks: str
    claims: tuple[SureClaim, ...]
    holm: tuple[HolmRow, ...]
    others: tuple[OtherChoices, ...]


def how_sure(plan: Plan, table: RunTable, verdicts: Sequence[Verdict]) -> Sure:
    """How sure the verdicts are; empty without any."""
    if not verdicts:
        return Sure((), "", (), (), ())
    unit = table.facts.error_unit
    return Sure(
        method=(*describe_method(plan), describe_share(plan), _levels(verdicts)),
        blocks=_blocks(plan, table),
        claims=tuple(_claim(verdict, plan, unit) for verdict in verdicts),
        holm=_holm(verdicts),
        others=_others(plan, table, verdicts),
    )


def _claim(verdict: Verdict, plan: Plan, unit: str) -> SureClaim:
    rows = look_rows(verdict, unit)
    return SureClaim(
        claim=verdict.claim.text,
        use=describe_use(verdict, plan),
        rows=rows,
        left_out=len(verdict.history) - len(rows),
        panel=looks_panel(verdict, plan, unit),
    )


def _levels(verdicts: Sequence[Verdict]) -> str:
    shares = dict.fromkeys(v.alpha for v in verdicts)
    return f"Over all its looks a claim's interval is of level {', '.join(level(share) for share in shares)}."


def _blocks(plan: Plan, table: RunTable) -> str:
    if not plan.is_sequential:
        return ""
    used, most = len(used_seeds(plan, table)), len(plan.seeds)
    saved = f", {most - used:,} fewer than a fixed design of as many" if used < most else ""
    return f"The study used {used:,} of at most {most:,} blocks of seeds{saved}."


def _holm(verdicts: Sequence[Verdict]) -> tuple[HolmRow, ...]:
    p = [verdict.p_value for verdict in verdicts]
    if sum(not math.isnan(value) for value in p) < 2:
        return ()
    return tuple(
        HolmRow(verdict.claim.text, _p_text(alone), _p_text(float(adjusted)))
        for verdict, alone, adjusted in zip(verdicts, p, holm(p), strict=True)
    )


def _p_text(value: float) -> str:
    return "–" if math.isnan(value) else number(value)


def _others(plan: Plan, table: RunTable, verdicts: Sequence[Verdict]) -> tuple[OtherChoices, ...]:
    """What the effects would have been at other targets and half the budget, and what pairing achieved."""
    found: list[OtherChoices] = []
    for verdict in verdicts:
        if math.isnan(verdict.effect):
            continue
        other = sensitivity(plan, table, verdict.claim, verdict.looks[-1] if verdict.looks else None)
        lines = [f"{line}." for line in describe_sensitivity(other, table.facts.error_unit)]
        if other.flips:
            lines.append(f"The direction is another with: {', '.join(other.flips)}.")
        found.append(OtherChoices(verdict.claim.text, tuple(lines)))
    return tuple(found)
