"""`DoseResponse`: which doses are near-optimal, and whether the default is good enough."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hunch.errors import PlanError
from hunch.evidence import CurveAnswer, Dose, Verdict, describe_curve, headline, read_curve
from hunch.plan import CONFIRM, Curve, Doses, Plan
from hunch.report import dose_fragment, dose_page, dose_picture, dose_report_text, make_dose_view
from hunch.results.export import Exports
from hunch.results.export_runs import Told
from hunch.results.export_tables import verdict_frame
from hunch.results.frames import curve_frame, reading_frame, run_frame
from hunch.results.writing import plain, write_whole
from hunch.traces import Provenance, RunTable, StudyFacts

if TYPE_CHECKING:
    import pandas as pd


class DoseResponse(Exports):
    """A dose-response curve: what was asked, what happened, what is known of each dose.

    `print(found)` says it in sentences; `found.doses` are the doses one by one.

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
    def answer(self) -> CurveAnswer:
        """Everything that the curve shows."""
        return read_curve(self.plan, self.table, self._curve)

    @property
    def knobs(self) -> tuple[str, ...]:
        """The knob, or the two."""
        return self._curve.knobs

    @property
    def doses(self) -> tuple[Dose, ...]:
        """The doses that were trained, rising: `.value .status .mean .low .high .loses_low .loses_high`."""
        return self.answer.doses

    @property
    def best(self) -> Dose | None:
        """The dose of the lowest mean; optimistic, see `confirmed`. None where nothing is known."""
        return next((dose for dose in self.doses if dose.arm == self.answer.best), None)

    @property
    def near_optimal(self) -> tuple[Dose, ...]:
        """The doses that are certified to lose no more than the margin against any other."""
        return self.answer.of("near-optimal")

    @property
    def default_is_good_enough(self) -> str:
        """`"yes"`, `"no"` or `"unknown"`; `"unknown"` also where there is no default."""
        return "unknown" if self.answer.default is None else str(self.answer.default.answer)

    @property
    def confirmed(self) -> Verdict | None:
        """The verdict, on fresh seeds, on the claim that the best dose is better than the default.

        None where they are the same dose, there is no default, or no fresh seeds were asked for.
        """
        return self.answer.confirmed

    @property
    def is_complete(self) -> bool:
        """Whether every run that the plan asks for is there."""
        if not self.plan.is_frozen or self.answer.seen.n_missing or self.answer.is_pending:
            return False
        has_fresh = len(self.plan.seeds) > self._asked.n_seeds
        is_compared = self.answer.best is not None and self._curve.default not in (None, self.answer.best)
        return not (has_fresh and is_compared) or self.answer.confirmed is not None

    def frame(self) -> pd.DataFrame:
        """The runs that the curve rests on, one row a run, doses rising; fresh seeds are no part of it.

        Returns:
            First a column `dose` (two knobs: one column a knob, by its name), then those of `Study.frame()`.
        """
        frame = run_frame(self.plan, self.table, CONFIRM)
        arms = {arm: k for k, arm in enumerate(self.answer.seen.arms)}
        keep = frame["arm"].isin(list(arms)) & frame["seed"].isin(
            list(self.plan.seeds[: self._asked.n_seeds])
        )
        frame = frame.loc[keep].copy()
        frame = frame.iloc[np.argsort(frame["arm"].map(arms).to_numpy(), kind="stable")].reset_index(
            drop=True
        )
        names = ["dose"] if len(self.knobs) == 1 else list(self.knobs)
        for k, name in reversed(list(enumerate(names))):
            frame.insert(
                0, name, np.array([self._curve.value(arm)[k] for arm in frame["arm"]], dtype=np.float64)
            )
        return frame

    def curve(self) -> pd.DataFrame:
        """The doses as a table, one row a dose.

        Returns:
            Columns `dose` (two knobs: one column a knob), `status, mean, low, high, loses_low, loses_high,
            is_excluded, is_worse, diverged`.
        """
        import pandas as pd

        rows = [asdict(dose) for dose in self.doses]
        names = ["dose"] if len(self.knobs) == 1 else list(self.knobs)
        columns: dict[str, list[Any]] = {
            name: [row["value"][k] for row in rows] for k, name in enumerate(names)
        }
        for name in (
            "status", "mean", "low", "high", "loses_low", "loses_high", "is_excluded", "is_worse", "diverged",
        ):  # fmt: skip
            columns[name] = [row[name] for row in rows]
        return pd.DataFrame(columns)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report; a file that is there is replaced, once the new one is whole.

        Args:
            path: Where. Its ending says what: `.html` (or `.htm`), one page that opens offline; `.txt`, the text that
                `text()` gives; `.json`, what `to_json()` gives; `.png` or `.svg`, the picture alone.

        Returns:
            The path.

        Raises:
            PlanError: If the path ends in something else, or there is nothing to draw yet.
            StoreError: If it cannot be written.
        """
        place = Path(path)
        kind = place.suffix.lower()
        parts = (self.plan, self.table, self.answer)
        if kind in (".html", ".htm"):
            return write_whole(place, dose_page(*parts, self.provenance))
        if kind == ".txt":
            return write_whole(place, self.text())
        if kind == ".json":
            return write_whole(place, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n")
        if kind in (".png", ".svg"):
            return write_whole(place, dose_picture(make_dose_view(*parts), kind[1:]))
        raise PlanError(
            f"the report of a curve ends in .html, .txt, .json, .png or .svg, got {str(path)!r}. Write for instance "
            f"{str(place.with_suffix('.html')) if place.name else 'dose.html'!r}.",
            "results-report-kind",
        )

    def text(self) -> str:
        """The report as text, for a terminal."""
        return dose_report_text(self.plan, self.table, self.answer, self.provenance)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values that `json.dumps` takes; NaN and infinity become None."""
        answer = self.answer
        return plain(
            {
                "knobs": list(self.knobs),
                "outcome": answer.outcome,
                "margin": answer.margin,
                "alpha": self.plan.alpha,
                "seeds": len(answer.seen.seeds),
                "text": describe_curve(answer, self.plan, self.facts),
                "doses": [asdict(dose) for dose in self.doses],
                "best": None if self.best is None else list(self.best.value),
                "default": None
                if answer.curve.default is None
                else list(answer.curve.value(answer.curve.default)),
                "default_is_good_enough": self.default_is_good_enough,
                "confirmed": None
                if answer.confirmed is None
                else asdict(answer.confirmed) | {"claim": answer.confirmed.claim.to_json()},
                "complete": self.is_complete,
                "plan": self.plan.to_json(),
                "plan_hash": self.plan.hash,
                "facts": self.facts.in_short(),
                "provenance": asdict(self.provenance),
            }
        )

    def __str__(self) -> str:
        """What is known of the doses, a line each."""
        lines = describe_curve(self.answer, self.plan, self.facts)
        if not self.is_complete:
            lines.append("(not finished; the same call with the same store makes what is missing)")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """The knob, the doses and what is certified."""
        return (
            f"<DoseResponse of {' × '.join(self.knobs)}: {len(self.doses)} doses, "
            f"{len(self.answer.seen.seeds)} seeds, {len(self.near_optimal)} near-optimal>"
        )

    def _repr_html_(self) -> str:
        """The curve as a picture, and what is known of it in sentences, for notebooks: no script in it."""
        view = make_dose_view(self.plan, self.table, self.answer)
        return dose_fragment(view, view.title, str(self).splitlines())

    def _tables(self) -> Mapping[str, Callable[[str], pd.DataFrame]]:
        parts, found = (self.plan, self.table), [v for v in (self.confirmed,) if v is not None]
        return {
            "runs": lambda stage: self.frame() if stage == CONFIRM else run_frame(*parts, stage),
            "curves": lambda stage: curve_frame(*parts, stage),
            "readings": lambda stage: reading_frame(*parts, stage),
            "verdicts": lambda _: verdict_frame(found, [said.text for said in self._conclusions()]),
            "doses": lambda _: self.curve(),
        }

    def _conclusions(self) -> tuple[Told, ...]:
        found = self.confirmed
        if found is None:
            return ()
        text = headline(found, self.plan, self.facts.error_unit)
        return (Told(found.claim.arms, found.claim.text, str(found.decision), text),)

    @property
    def _asked(self) -> Doses:
        assert self.plan.doses is not None, "only plans of dose-response studies come here"
        return self.plan.doses

    @property
    def _curve(self) -> Curve:
        return self._asked.curves[0]
