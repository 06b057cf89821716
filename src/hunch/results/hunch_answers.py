"""`HunchAnswers`: many hunches of the catalogue that were tested in one sitting."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hunch.catalogue import Hunch
from hunch.errors import PlanError
from hunch.evidence import number
from hunch.report import CatalogueRow, catalogue_page
from hunch.results.hunch_answer import HunchAnswer
from hunch.results.hunch_lines import Line, lines_of
from hunch.results.writing import plain, write_whole

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("hunch", "summary", "regime", "claim", "verdict", "effect", "low", "high", "seeds", "seconds")


@dataclass(frozen=True, eq=False)
class Tested:
    """A hunch and its answer.

    Args:
        hunch: The entry of the catalogue, quick or not, as it was tested.
        answer: The answer.
        seconds: How long it took in this sitting; next to nothing where its study files were there.
        store: Its study file, or the folder of them; None if nothing was stored.
    """

    __test__ = False  # pytest must not take it for tests

    hunch: Hunch
    answer: HunchAnswer
    seconds: float
    store: Path | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its verdicts."""
        return lines_of(self.answer)

    @property
    def seeds(self) -> str:
        """The seeds that its verdicts rest on: one number, or from the least to the most."""
        found = [line.seeds for line in self.lines] or [0]
        least, most = min(found), max(found)
        return f"{least}" if least == most else f"{least} to {most}"

    @property
    def first(self) -> str:
        """Effect and interval of the first claim, and how many more there are."""
        sizes = [line.size for line in self.lines]
        more = f", and {len(sizes) - 1} more" if len(sizes) > 1 else ""
        return f"{sizes[0]}{more}" if sizes else "no claim"

    @property
    def asked(self) -> str:
        """The first claim with its regime, effect and interval, and how many more there are."""
        lines = self.lines
        return f"{lines[0].claim}, {lines[0].regime}: {self.first}" if lines else self.first


class HunchAnswers:
    """What `hunch.test_all` returns: an answer a hunch, and what could not be tested here.

    `print(answers)` shows a line a hunch; `answers["bn-fewer-iterations"]` is its answer.

    Args:
        tested: The hunches with their answers, in the order of the catalogue.
        left_out: Hunch → why it was not tested.
        store: The folder with the study files; None if nothing was stored.
    """

    def __init__(
        self, tested: Sequence[Tested], left_out: Mapping[str, str], *, store: Path | None = None
    ) -> None:
        """Keep the parts."""
        self.tested, self.left_out, self.store = tuple(tested), dict(left_out), store

    def __getitem__(self, name: str) -> HunchAnswer:
        """The answer to a hunch."""
        return {one.hunch.name: one.answer for one in self.tested}[name]

    def __len__(self) -> int:
        """How many hunches were tested."""
        return len(self.tested)

    def frame(self) -> pd.DataFrame:
        """One row a hunch, regime and claim.

        Returns:
            Columns `hunch, summary, regime, claim, verdict, effect, low, high, seeds, seconds`: effects as in
            `HunchAnswer.frame`, `summary` one word and `seconds` the time of the whole hunch in this sitting.
        """
        import pandas as pd

        return pd.DataFrame(
            [
                (
                    one.hunch.name, one.answer.summary.word, line.regime, line.claim, line.decision, line.effect,
                    line.low, line.high, line.seeds, one.seconds,
                )
                for one in self.tested
                for line in one.lines
            ],
            columns=pd.Index(COLUMNS),
        )  # fmt: skip

    @property
    def caution(self) -> str:
        """How many of these hunches may have a wrong verdict by chance alone."""
        total = sum(one.answer.alpha for one in self.tested)
        if len(self.tested) < 2:
            return ""
        return (
            f"Each hunch allows a share of {number(self.tested[0].answer.alpha)} of wrong verdicts over all its "
            f"claims; of {len(self.tested)} hunches up to {number(total)} may have one by chance alone."
        )

    def text(self) -> str:
        """The whole answer as text: the overview, then every answer."""
        parts = [str(self), *(one.answer.text() for one in self.tested)]
        return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the overview; files that are there are replaced.

        Args:
            path: Where. Its ending says what: `.txt`, the text that `text()` gives; `.json`, what `to_json()` gives;
                `.html` (or `.htm`), a page with all hunches, and beside it a folder of that name with a page a hunch.

        Returns:
            The path.

        Raises:
            PlanError: If the path ends in something else.
            StoreError: If it cannot be written.
        """
        place = Path(path)
        kind = place.suffix.lower()
        if kind == ".txt":
            return write_whole(place, self.text())
        if kind == ".json":
            return write_whole(place, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n")
        if kind not in (".html", ".htm"):
            raise PlanError(
                f"a report on several hunches ends in .html, .txt or .json, got {str(path)!r}. Write for instance "
                f"{str(place.with_suffix('.html')) if place.name else 'hunches.html'!r}.",
                "results-report-kind",
            )
        folder = place.with_suffix("")
        # Made here, so that whatever stands in the way is told as what `write_whole` tells.
        page = write_whole(place, self._page(folder.name, place.suffix))
        folder.mkdir(exist_ok=True)
        for one in self.tested:
            one.answer.report(folder / f"{one.hunch.name}{place.suffix}")
        return page

    def to_json(self) -> dict[str, Any]:
        """The overview as plain values that `json.dumps` takes; NaN and infinity become None."""
        return plain(
            {
                "store": None if self.store is None else str(self.store),
                "caution": self.caution,
                "hunches": [
                    {
                        "name": one.hunch.name,
                        "statement": one.hunch.statement,
                        "word": one.answer.summary.word,
                        "summary": one.answer.summary.text,
                        "seconds": one.seconds,
                        "store": None if one.store is None else str(one.store),
                        "notes": list(one.answer.notes),
                        "verdicts": one.answer.frame().to_dict("records"),
                    }
                    for one in self.tested
                ],
                "left_out": [{"name": name, "reason": reason} for name, reason in self.left_out.items()],
            }
        )

    def __str__(self) -> str:
        """A line a hunch, aligned, and what was left out."""
        rows = [("summary", "hunch", "first claim", "seeds", "seconds")]
        rows += [
            (one.answer.summary.word, one.hunch.name, one.first, one.seeds, f"{one.seconds:.1f}")
            for one in self.tested
        ]
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([*map(str.ljust, row[:3], wide), *map(str.rjust, row[3:], wide[3:])]) for row in rows
        ]
        lines += [f"left out: {name}. {reason}" for name, reason in self.left_out.items()]
        return "\n".join([*lines, *([self.caution] if self.caution else [])])

    def __repr__(self) -> str:
        """How many hunches."""
        return f"<HunchAnswers to {len(self.tested)} hunches>"

    def _repr_html_(self) -> str:
        """The overview, for notebooks."""
        cells = "".join(
            f"<tr><td>{html.escape(one.hunch.name)}</td><td>{html.escape(one.hunch.statement)}</td>"
            f"<td><b>{html.escape(one.answer.summary.word)}</b></td><td>{html.escape(one.first)}</td>"
            f"<td>{html.escape(one.seeds)}</td></tr>"
            for one in self.tested
        )
        head = "<th>hunch</th><th>statement</th><th>summary</th><th>first claim</th><th>seeds</th>"
        left = "".join(
            f"<p>left out: {html.escape(name)}. {html.escape(why)}</p>" for name, why in self.left_out.items()
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"
        return f"{table}{left}<p>{html.escape(self.caution)}</p>"

    def _page(self, folder: str, suffix: str) -> str:
        rows = [
            CatalogueRow(
                one.hunch.name, one.hunch.statement, one.answer.summary, one.asked, one.seeds,
                f"{folder}/{one.hunch.name}{suffix}",
            )
            for one in self.tested
        ]  # fmt: skip
        seen = [
            part.provenance
            for one in self.tested
            for part in (
                *one.answer.studies.values(),
                *(() if one.answer.tunability is None else one.answer.tunability.parts.values()),
            )
        ]
        return catalogue_page(rows, self.left_out, self.caution, seen)
