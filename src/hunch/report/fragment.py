"""Answers as light pieces of HTML for notebooks: self-contained, escaped, without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hunch.report.doses_chart import dose_picture
from hunch.report.doses_view import DoseView
from hunch.report.forest_panel import ForestPanel, forest_panels
from hunch.report.html import page_template
from hunch.report.hunch_html import Part, forest_rows
from hunch.report.pictures import drawn_as, forest_drawing
from hunch.report.verdicts import VerdictView


@dataclass(frozen=True, slots=True)
class Item:
    """One statement: its word and sign (both may be empty), what it says, and why (may be empty)."""

    word: str
    mark: str
    text: str
    why: str = ""


def study_fragment(
    title: str, subtitle: str, verdicts: Sequence[VerdictView], notes: Sequence[str] = ()
) -> str:
    """A study: its verdicts in words and in one picture.

    Args:
        title: What was asked.
        subtitle: Network, data and runs.
        verdicts: The verdicts.
        notes: What else a reader must know.
    """
    items = [Item(v.decision, v.mark, v.statement, v.why.sentence) for v in verdicts]
    return _fragment(title, subtitle, items, forest_panels(("", v.effect) for v in verdicts), notes=notes)


def hunch_fragment(
    statement: str, summary: tuple[str, str], parts: Sequence[Part], notes: Sequence[str] = ()
) -> str:
    """A hunch in all its regimes: the summary, and every verdict in one picture.

    Args:
        statement: The statement.
        summary: Its word, and the rest of its sentence.
        parts: What was found, part by part.
        notes: What a reader must know of how it was tested.
    """
    lines = [f"{part.title}: {card.decision}. {card.sentence}" for part in parts for card in part.cards]
    items = [Item("", "", f"{summary[0]}: {summary[1]}" if summary[1] else summary[0])]
    return _fragment(statement, "", items, forest_panels(forest_rows(parts)), lines=lines, notes=notes)


def dose_fragment(view: DoseView, title: str, lines: Sequence[str]) -> str:
    """A dose-response curve: its picture and its sentences.

    Args:
        view: The view.
        title: What was asked.
        lines: What is known of the doses.
    """
    drawable = view.panel or view.grid
    picture = dose_picture(view, "svg").decode() if drawable else ""
    return _rendered(title, "", [], picture, drawable.alt if drawable else "", lines, ())


def _fragment(
    title: str,
    subtitle: str,
    items: Sequence[Item],
    panels: Sequence[ForestPanel],
    *,
    lines: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> str:
    picture = drawn_as(forest_drawing(panels), "svg").decode() if panels else ""
    return _rendered(title, subtitle, items, picture, " ".join(panel.alt for panel in panels), lines, notes)


def _rendered(
    title: str,
    subtitle: str,
    items: Sequence[Item],
    picture: str,
    alt: str,
    lines: Sequence[str],
    notes: Sequence[str],
) -> str:
    text = page_template("fragment.html.j2").render(
        title=title,
        subtitle=subtitle,
        items=items,
        picture=picture,
        alt=alt,
        lines=lines,
        notes=notes,
    )
    return text.encode("utf-8", "replace").decode("utf-8")
