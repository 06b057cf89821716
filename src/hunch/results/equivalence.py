"""`Equivalence`: which doses of one knob do what a dose of another does."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hunch.errors import PlanError
from hunch.evidence import EquivalenceAnswer, EquivalentDose, describe_equivalence, read_equivalence
from hunch.plan import Plan
from hunch.report import PICTURES, equivalence_chart, write_picture
from hunch.results.export import Exports
from hunch.results.frames import curve_frame, reading_frame, run_frame
from hunch.results.writing import nothing_to_draw, plain, write_whole
from hunch.traces import Provenance, RunTable, StudyFacts

if TYPE_CHECKING:
    import pandas as pd


class Equivalence(Exports):
    """Which doses of one knob do what given doses of another do.

    `print(found)` says it; `found.doses` are the answers one by one.

    Args:
        plan: The plan.
        facts: Facts of network and data.
        provenance: Where and when.
        table: The runs.
        path: The study file; None if nothing is stored.
    """

    def __init__(
        self,
        plan: Plan,
        facts: StudyFacts,
        provenance: Provenance,
        table: RunTable,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        """Keep the parts; nothing is computed before it is asked for."""
        self.plan, self.facts, self.provenance, self.table = plan, facts, provenance, table
        self.path = None if path is None else Path(path)

    @cached_property
    def answer(self) -> EquivalenceAnswer:
        """Everything that the runs show."""
        return read_equivalence(self.plan, self.table)

    @property
    def given(self) -> tuple[float, ...]:
        """The given doses, rising."""
        return tuple(value[0] for value in self.answer.first.values)

    @property
    def tested(self) -> tuple[float, ...]:
        """The doses of the other knob that were tested, rising."""
        return tuple(value[0] for value in self.answer.second.values)

    @property
    def doses(self) -> tuple[EquivalentDose, ...]:
        """One answer a given dose."""
        return self.answer.doses

    def intervals(self, given: float | None = None) -> tuple[tuple[float, float], ...]:
        """The doses that do what the given one does, as closed intervals.

        Args:
            given: Which of the given doses; None: the only one.

        Raises:
            PlanError: If it is none of them, or there are several and none is named.
        """
        wanted = [d for d in self.doses if given is None or d.given == given]
        if len(wanted) != 1:
            raise PlanError(
                f"no single answer for the dose {given!r}; the given doses are "
                f"{', '.join(f'{d:g}' for d in self.given)}. Name one of them.",
                "results-given-dose",
            )
        return wanted[0].intervals

    @property
    def is_complete(self) -> bool:
        """Whether every run that the plan asks for is there."""
        return self.plan.is_frozen and not self.answer.seen.n_missing

    def curve(self) -> pd.DataFrame:
        """Both curves, one row a dose.

        Returns:
            Columns `knob, dose, mean`; the mean outcome over the seeds that all doses share.
        """
        import pandas as pd

        answer = self.answer
        means = answer.seen.values.mean(axis=0) if answer.seen.seeds else []
        rows = [
            (curve.knobs[0], value[0]) for curve in (answer.first, answer.second) for value in curve.values
        ]
        return pd.DataFrame({"knob": [r[0] for r in rows], "dose": [r[1] for r in rows], "mean": list(means)})

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: `.html` (picture and sentences), `.txt`, `.json`, or the picture alone as `.png` or `.svg`.

        Raises:
            PlanError: If the path ends in something else, or nothing is there yet to be drawn.
            StoreError: If it cannot be written.
        """
        place = Path(path)
        kind = place.suffix.lower()
        if kind in PICTURES:
            title = str(self).splitlines()[0].split(":")[0].capitalize()
            if not self.doses:
                raise nothing_to_draw()
            return write_picture(
                equivalence_chart(self.answer, title), str(path), text=str(self), title=title
            )
        if kind not in (".txt", ".json"):
            raise PlanError(
                f"this report ends in .html, .txt, .json, .png or .svg, got {str(path)!r}. Write for instance "
                "'equivalent.html'.",
                "results-report-kind",
            )
        text = str(self) if kind == ".txt" else json.dumps(self.to_json(), indent=2, ensure_ascii=False)
        return write_whole(place, text + "\n")

    def text(self) -> str:
        """The report as text, for a terminal."""
        return str(self)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values that `json.dumps` takes; NaN and infinity become None."""
        answer = self.answer
        return plain(
            {
                "knob": answer.first.knobs[0],
                "by": answer.second.knobs[0],
                "outcome": answer.outcome,
                "alpha": answer.alpha,
                "seeds": len(answer.seen.seeds),
                "text": describe_equivalence(answer, self.plan),
                "tested": list(self.tested),
                "doses": [asdict(dose) for dose in self.doses],
                "complete": self.is_complete,
                "plan": self.plan.to_json(),
                "plan_hash": self.plan.hash,
                "facts": asdict(self.facts),
                "provenance": asdict(self.provenance),
            }
        )

    def _tables(self) -> Mapping[str, Callable[[str], pd.DataFrame]]:
        return {
            "runs": lambda stage: run_frame(self.plan, self.table, stage),
            "curves": lambda stage: curve_frame(self.plan, self.table, stage),
            "readings": lambda stage: reading_frame(self.plan, self.table, stage),
            "doses": lambda _: self.curve(),
        }

    def __str__(self) -> str:
        """A line for each given dose."""
        lines = describe_equivalence(self.answer, self.plan)
        if not self.is_complete:
            lines.append("(not finished; the same call with the same store makes what is missing)")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """The knobs and how many doses."""
        first, second = self.answer.first.knobs[0], self.answer.second.knobs[0]
        return f"<Equivalence of {first} and {second}: {len(self.given)} given, {len(self.tested)} tested>"

    def _repr_html_(self) -> str:
        """The sentences as a list, for notebooks."""
        first, *rest = str(self).splitlines()
        return (
            f"<p>{html.escape(first)}</p><ul>{''.join(f'<li>{html.escape(line)}</li>' for line in rest)}</ul>"
        )
