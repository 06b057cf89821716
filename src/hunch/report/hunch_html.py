"""A hunch that was tested in several regimes as one page, which points to a page for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hunch.catalogue import Hunch
from hunch.errors import PlanError
from hunch.evidence import (
    FAILS,
    HOLDS,
    Between,
    NoiseDifference,
    Summary,
    Verdict,
    describe_between,
    level,
    number,
)
from hunch.plan import Plan
from hunch.report.effects import EffectRow, effect_row
from hunch.report.forest import effect_chart, forest_chart, forest_height
from hunch.report.forest_panel import ForestPanel, forest_panels
from hunch.report.how import HowItem, items
from hunch.report.html import render_page
from hunch.report.pictures import drawn_as, forest_drawing
from hunch.report.theme import plain_spec
from hunch.report.twins import forest_twin
from hunch.report.verdicts import WhyView, verdict_view
from hunch.traces import Provenance, RunTable

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
        why: What moved inside the layers; None where no two arms of one study are compared.
        sure: How sure, in one sentence; may be empty.
        is_contrast: Whether it is about more than two arms: too many to be named in a row of the forest.
    """

    decision: str
    tone: str
    sentence: str
    effect: EffectRow | None
    why: WhyView | None = None
    sure: str = ""
    is_contrast: bool = False


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
        forest: Every verdict with an interval in one picture, an axis an outcome.
        parts: Regimes, then what is said across and between them.
        notes: What a reader must know of how it was tested.
        said: Pairs (label, text): who says it, where it should hold and where not.
        how: The method.
    """

    title: str
    name: str
    summary: Summary
    tone: str
    forest: tuple[ForestPanel, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    said: tuple[tuple[str, str], ...]
    how: tuple[HowItem, ...]


def regime_part(
    name: str, page: str, plan: Plan, table: RunTable, verdicts: Sequence[Verdict], all_: Sequence[Verdict]
) -> Part:
    """A regime: its verdicts, with axes that all regimes share.

    Args:
        name: The regime.
        page: Name of its page.
        plan: Its plan.
        table: Its runs.
        verdicts: Its verdicts.
        all_: The verdicts of all regimes.
    """
    seen = [verdict_view(v, plan, table, all_) for v in verdicts]
    cards = tuple(
        Card(v.decision, _tone(v.decision), _without(v.headline, v.decision), v.effect, v.why, v.sure)
        for v in seen
    )
    return Part(name, table.facts.network, page, cards)


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
        is_contrast = not isinstance(each, Between) or each.verdict.claim.favoured is None
        cards.append(Card(word, _tone(tone), _without(text, word), effect, is_contrast=is_contrast))
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
    drawn = forest_rows(parts)
    view = HunchView(
        title=hunch.statement,
        name=hunch.name,
        summary=summary,
        tone=TONES.get(summary.word, "undecided"),
        forest=forest_panels(drawn) if len(drawn) > 1 else (),
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
                        "A hunch holds if every verdict is as it predicts, and fails if every one is decided and none "
                        "is as it predicts. It depends on the regime only where a difference between regimes is "
                        f"itself shown, by {level(alpha)} intervals of differences at equal seeds, all pairs together.",
                    ],
                ),
            ]
        ),
    )
    twins = {f"forest-{k}": forest_twin(panel) for k, panel in enumerate(view.forest)}
    return render_page("hunch.html.j2", _specs(view), provenance, view=view, href=quote, twins=twins)


def forest_rows(parts: Sequence[Part]) -> list[tuple[str, EffectRow]]:
    """What stands in the forest: verdicts with an interval, with the regime they were found in."""
    return [(part.title, c.effect) for part in parts for c in part.cards if c.effect and not c.is_contrast]


def hunch_picture(parts: Sequence[Part], kind: str, *, mode: str = "light") -> bytes:
    """Every verdict in one picture, as the bytes of a PNG or an SVG.

    Args:
        parts: What was found, part by part.
        kind: `"png"` or `"svg"`.
        mode: `"light"` or `"dark"`.

    Raises:
        PlanError: If no verdict has an interval.
    """
    panels = forest_panels(forest_rows(parts))
    if not panels:
        raise PlanError(
            "there is nothing to draw: no verdict has an interval. The report as .html or .txt says what is known.",
            "report-nothing-to-draw",
        )
    return drawn_as(forest_drawing(panels), kind, mode=mode)


def _specs(view: HunchView) -> Mapping[str, Mapping[str, Any]]:
    charts: dict[str, Any] = {
        f"effect-{k}-{j}": effect_chart(card.effect).properties(height=34, width="container")
        for k, part in enumerate(view.parts)
        for j, card in enumerate(part.cards)
        if card.effect is not None
    }
    for k, panel in enumerate(view.forest):
        charts[f"forest-{k}"] = forest_chart(panel).properties(height=forest_height(panel), width="container")
    return {name: plain_spec(chart) for name, chart in charts.items()}


def _tone(decision: str) -> str:
    return decision.replace(" ", "-")


def _without(text: str, word: str) -> str:
    """A sentence without the word that stands before its colon."""
    rest = text.removeprefix(f"{word}: ")
    return rest[:1].upper() + rest[1:] if rest.startswith(("by the ", "the ", "whether ")) else rest
