"""A hunch that was tested in several regimes as one page, which points to a page for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hunch.catalogue import Hunch
from hunch.evidence import (
    FAILS,
    HOLDS,
    Between,
    NoiseDifference,
    Summary,
    Verdict,
    describe_between,
    headline,
    level,
    number,
)
from hunch.plan import Plan
from hunch.report.effects import EffectRow, effect_row
from hunch.report.forest import effect_chart
from hunch.report.how import HowItem, items
from hunch.report.html import render_page
from hunch.report.theme import plain_spec
from hunch.traces import Provenance, StudyFacts

TONES = {HOLDS: "supported", FAILS: "refuted"}
"""Which verdict's colours a summary has; other words have those of an open one."""


@dataclass(frozen=True, slots=True)
class Card:
    """One verdict on the page.

    Args:
        decision: Its word; of a difference between regimes "different", where one was shown.
        tone: Whose colours it has.
        sentence: What it says, without the word.
        effect: The picture; None where there is nothing to draw.
    """

    decision: str
    tone: str
    sentence: str
    effect: EffectRow | None


@dataclass(frozen=True, slots=True)
class Part:
    """Verdicts that belong together.

    Args:
        title: The regime, or what the verdicts are about.
        about: Its network, or how they were reached.
        page: Name of the page that has all of it; empty if there is none.
        cards: The verdicts.
        lines: Further sentences.
    """

    title: str
    about: str
    page: str
    cards: tuple[Card, ...]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HunchView:
    """Everything that the page shows.

    Args:
        title: The statement.
        name: What the hunch is called.
        summary: All verdicts in one.
        tone: Whose colours the summary has.
        parts: Regimes, then what is said across and between them.
        notes: What a reader must know of how it was tested.
        said: Pairs (label, text): who says it, where it should hold and where not.
        how: The method.
    """

    title: str
    name: str
    summary: Summary
    tone: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    said: tuple[tuple[str, str], ...]
    how: tuple[HowItem, ...]


def regime_part(
    name: str, page: str, plan: Plan, facts: StudyFacts, verdicts: Sequence[Verdict], all_: Sequence[Verdict]
) -> Part:
    """A regime: its verdicts, with axes that all regimes share.

    Args:
        name: The regime.
        page: Name of its page.
        plan: Its plan.
        facts: Facts of its study.
        verdicts: Its verdicts.
        all_: The verdicts of all regimes.
    """
    cards = [
        Card(
            v.decision, _tone(v.decision), _without(headline(v, plan, facts.error_unit), v.decision),
            effect_row(v, facts.error_unit, all_),
        )
        for v in verdicts
    ]  # fmt: skip
    return Part(name, facts.network, page, tuple(cards))


def between_part(title: str, about: str, found: Sequence[Between | NoiseDifference]) -> Part:
    """What is said across regimes, or of differences between them.

    Args:
        title: What these verdicts are.
        about: How they were reached.
        found: The verdicts.
    """
    cards: list[Card] = []
    drawn = [each.verdict for each in found if isinstance(each, Between)]
    for each in found:
        text = describe_between(each)
        word = text.partition(":")[0]
        effect = effect_row(each.verdict, each.facts.error_unit, drawn) if isinstance(each, Between) else None
        tone = "supported" if word == "different" else word
        cards.append(Card(word, _tone(tone), _without(text, word), effect))
    return Part(title, about, "", tuple(cards))


def hunch_page(
    hunch: Hunch,
    summary: Summary,
    parts: Sequence[Part],
    *,
    alpha: float,
    notes: Sequence[str],
    provenance: Provenance,
) -> str:
    """The answer to a hunch as one page that opens offline.

    Args:
        hunch: The entry of the catalogue.
        summary: All verdicts in one.
        parts: What was found, part by part.
        alpha: Share of wrong verdicts allowed, over all regimes and across them.
        notes: What a reader must know of how it was tested.
        provenance: When, where and with which versions it was made, all regimes together.
    """
    predicted = (
        ""
        if hunch.predicts == "supported"
        else f" The statement predicts that each claim is {hunch.predicts}."
    )
    view = HunchView(
        title=hunch.statement,
        name=hunch.name,
        summary=summary,
        tone=TONES.get(summary.word, "undecided"),
        parts=tuple(parts),
        notes=tuple(notes),
        said=(("Said by", hunch.source), ("Should hold", hunch.holds), ("Should fail", hunch.fails)),
        how=items(
            [
                (
                    "Verdicts",
                    [
                        f"A share of {number(alpha)} of wrong verdicts is allowed over all claims of all regimes and "
                        f"across them together, equally divided.{predicted}",
                        "Regimes share their confirm seeds.",
                    ],
                ),
                (
                    "Summary",
                    [
                        "A hunch holds if every verdict is as it predicts, and fails if each is the opposite or no "
                        "meaningful difference. It depends on the regime only where a difference between regimes is "
                        f"itself shown, by {level(alpha)} intervals of differences at equal seeds, all pairs together.",
                    ],
                ),
            ]
        ),
    )
    return render_page("hunch.html.j2", _specs(view), provenance, view=view, href=quote)


def _specs(view: HunchView) -> Mapping[str, Mapping[str, Any]]:
    charts = {
        f"effect-{k}-{j}": effect_chart([card.effect]).properties(height=34, width="container")
        for k, part in enumerate(view.parts)
        for j, card in enumerate(part.cards)
        if card.effect is not None
    }
    return {name: plain_spec(chart) for name, chart in charts.items()}


def _tone(decision: str) -> str:
    return decision.replace(" ", "-")


def _without(text: str, word: str) -> str:
    """A sentence without the word that stands before its colon."""
    rest = text.removeprefix(f"{word}: ")
    return rest[:1].upper() + rest[1:] if rest.startswith(("by the ", "the ", "whether ")) else rest
