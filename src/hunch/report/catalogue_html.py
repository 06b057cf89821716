"""Many hunches on one page: what each states, and what its verdicts come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from hunch.evidence import Summary
from hunch.report.how import items
from hunch.report.html import render_page
from hunch.report.hunch_html import TONES
from hunch.traces import Provenance


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One hunch of the overview.

    Args:
        name: Its name.
        statement: What it states.
        summary: What all its verdicts come to.
        first: Its first claim, with effect and interval.
        seeds: Seeds its verdicts rest on.
        page: Path of its own page, relative to this one.
    """

    name: str
    statement: str
    summary: Summary
    first: str
    seeds: str
    page: str

    @property
    def tone(self) -> str:
        """The style of its summary."""
        return TONES.get(self.summary.word, "undecided")


@dataclass(frozen=True, slots=True)
class CatalogueView:
    """Everything that the page shows."""

    title: str
    rows: tuple[CatalogueRow, ...]
    left_out: Mapping[str, str]
    caution: str
    how: tuple[object, ...]


def catalogue_page(
    rows: Sequence[CatalogueRow], left_out: Mapping[str, str], caution: str, provenance: Sequence[Provenance]
) -> str:
    """The overview as one page that opens offline.

    Args:
        rows: The hunches that were tested.
        left_out: Hunch → why it was not.
        caution: What is to be expected by chance.
        provenance: Of every hunch that was tested.
    """
    n = len(rows)
    method = (
        "Every hunch is tested by its own plan, in its own regimes; the page of a hunch says how. A hunch holds if "
        "every verdict is as it predicts, fails if every one is decided and none is, depends on the regime only where "
        "a difference between regimes is itself shown, and is mixed otherwise."
    )
    view = CatalogueView(
        title=f"{n:,} hunch{'' if n == 1 else 'es'} tested",
        rows=tuple(rows),
        left_out=left_out,
        caution=caution,
        how=items([("Summaries", [method])]),
    )
    seen = list(provenance) or [Provenance("", (), "")]
    whole = replace(seen[0], train_wall_s=sum(one.train_wall_s for one in seen))
    return render_page("catalogue.html.j2", {}, whole, view=view, href=quote)
