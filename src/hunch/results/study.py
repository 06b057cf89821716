"""`Study`: what was asked, what happened, what follows; and `open`, which reads one from a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hunch.evidence import Verdict, confirm_runs, decide, explore, headline, label, used_seeds
from hunch.plan import CONFIRM, Claim, Plan, read_claim
from hunch.report import (
    ANSWER,
    chart_picture,
    charts,
    html_report,
    study_fragment,
    study_question,
    text_report,
    verdict_view,
)
from hunch.results.exploration import Exploration
from hunch.results.export import Exports
from hunch.results.export_runs import Told
from hunch.results.export_tables import verdict_frame
from hunch.results.frames import chosen_traces, curve_frame, reading_frame, run_frame
from hunch.results.writing import PICTURE_KINDS, plain, report_kind, write_whole
from hunch.traces import Provenance, RunTable, StudyFacts

if TYPE_CHECKING:
    import pandas as pd


class Study(Exports):
    """A study: what was asked, what happened, what follows.

    `print(study)` shows one verdict a line; `study.report("page.html")` writes the report.

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
    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict a claim, in the plan's order."""
        return decide(self.plan, self.table)

    @property
    def is_complete(self) -> bool:
        """Whether the study is over: every claim is decided, or no more of its runs can decide it."""
        if not self.plan.is_frozen:
            return False
        if not all(v.is_final for v in self.verdicts):
            return False
        blocks = max((v.looks[-1] for v in self.verdicts), default=len(self.plan.seeds))
        claimed = {arm for claim in self.plan.claims for arm in claim.arms}
        others = (arm.name for arm in self.plan.arms if arm.name not in claimed)
        return all(len(confirm_runs(self.plan, self.table, arm)) >= blocks for arm in others)

    def frame(self, stage: str = CONFIRM) -> pd.DataFrame:
        """The runs as a table, one row a run, arms and seeds in the plan's order.

        Args:
            stage: `"confirm"`, `"pilot"`, `"tune"`, `"tune_held"` (tuning on a validation fifth), or `"all"`,
                which puts a column `stage` first.

        Returns:
            Columns `arm, seed, lr, outcome, iterations, cost, held_out_cost, held_out_error, wall_s`.
            `outcome` is `reached`, `budget_exhausted`, `diverged` or `failed`; `iterations` is NA unless the
            target was reached; the costs are those of the last evaluation, NaN if the run had diverged;
            Where claims about different outcomes tuned an arm differently, a seed has a run for each, and a
            column `tuned_for` after `lr` names the outcomes: select by it before you average.
            `held_out_error` is the share wrong in 0..1, for regression the root mean squared error in the
            target's unit.

        Raises:
            PlanError: If there is no such stage.
        """
        return run_frame(self.plan, self.table, stage)

    def curves(
        self, arm: str | None = None, *, stage: str = CONFIRM, metric: str | None = None
    ) -> pd.DataFrame:
        """Cost against iterations, one row an evaluation; failed runs are left out.

        Args:
            arm: One arm; None: all.
            stage: Which runs. Where an arm runs at several rates (all stages but confirm) a column `lr`
                follows `seed`; `"all"` puts a column `stage` first.
            metric: `"train"` or `"held_out"`, for the evaluations and columns of that one alone.

        Returns:
            Columns `arm, seed, iteration, cost, held_out_cost, held_out_error`; NaN where it was not
            measured.

        Raises:
            PlanError: If there is no such arm, stage or metric.
        """
        return curve_frame(self.plan, self.table, stage, arm, metric)

    def readings(self, arm: str | None = None, *, stage: str = CONFIRM) -> pd.DataFrame:
        """What was measured inside the layers, one row a reading.

        Args:
            arm: One arm; None: all.
            stage: Which runs, with columns as in `curves`.

        Returns:
            Columns `arm, seed, site, step, reading, value`; where a reading does not apply there is no row.

        Raises:
            PlanError: If there is no such arm or stage.
        """
        return reading_frame(self.plan, self.table, stage, arm)

    def explore(
        self,
        claims: Claim | str | Sequence[Claim | str],
        *,
        alpha: float | None = None,
        target: float | None = None,
    ) -> Exploration:
        """Ask the runs that are there something that was not declared; trains nothing and changes no file.

        For claims that were not made beforehand, and declared ones at another margin, target or alpha. The
        answers are exploratory: they say "points to", "points against", "about equal" or "open", never
        "supported" or "refuted", because a question that is asked after the runs were seen has not the error
        rate of a declared claim. p-values are adjusted over all claims of the call (Benjamini-Hochberg).

        Args:
            claims: One claim or several, as for `hunch.compare`. A claim about another outcome than any
                declared one rests on runs that were tuned for another outcome, and the answer says so.
            alpha: 1 - alpha is the level of the intervals. None: the study's.
            target: The cost that iterations are counted to. None: the study's.

        Returns:
            The answers: `print(study.explore("before lower error than none"))`.

        Raises:
            PlanError: If the runs cannot answer it: an unknown arm, arms that share no seed, no target, no
                confirm runs; lists every problem.
        """
        listed: Any = claims if hasattr(claims, "__iter__") and not isinstance(claims, str) else [claims]
        asked = tuple(read_claim(claim) for claim in listed)
        found = explore(self.plan, self.table, asked, alpha=alpha, target=target)
        return Exploration(self.plan, self.facts, found)

    def report(self, path: str | os.PathLike[str], *, chart: str | None = None) -> Path:
        """Write the report; a file that is there is replaced, once the new one is whole.

        Args:
            path: Where. Its ending says what: `.html` (or `.htm`), one page that opens offline; `.txt`, the
                text that `text()` gives; `.json`, what `to_json()` gives; `.png` or `.svg`, a picture.
            chart: Which picture, a name that `charts()` has. None: `"answer"`, verdicts over curves.

        Returns:
            The path.

        Raises:
            PlanError: If the path ends in something else, there is no such chart, or a chart was asked for and the
                path is no picture's.
            StoreError: If it cannot be written.
        """
        place = Path(path)
        kind = report_kind(place, chart)
        if kind in PICTURE_KINDS:
            parts = (self.plan, self.table, self.verdicts)
            return write_whole(place, chart_picture(*parts, chart or ANSWER, kind[1:]), called="picture")
        if kind == ".txt":
            text = self.text()
        elif kind == ".json":
            text = json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n"
        else:
            text = html_report(self.plan, self.table, self.verdicts, self.provenance)
        return write_whole(place, text)

    def charts(self, *, mode: str = "light") -> dict[str, Any]:
        """The report's pictures one by one, as Altair charts, for notebooks and documents.

        Args:
            mode: `"light"` or `"dark"`.

        Returns:
            Name → chart, those that have something to draw: `answer`, `effects`, `looks`, `cost` (or
            `held_out_cost`), `held_out_error`, `arrival`, `inputs`, and readings by their names.
        """
        return dict(charts(self.plan, self.table, self.verdicts, mode=mode))

    def text(self) -> str:
        """The report as text, for a terminal."""
        return text_report(self.plan, self.table, self.verdicts, self.provenance)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values that `json.dumps` takes; NaN and infinity become None.

        Returns:
            A dict with the keys

            - `verdicts`: the fields of each `Verdict`, with `text`, its sentence;
            - `label`: what all verdicts are limited to, for instance "at these learning rates";
            - `complete`: whether the study is over;
            - `plan`, from which `Plan.from_json` makes the plan, and `plan_hash`;
            - `facts`: network, data and engine;
            - `runs`: the rows of `frame()`;
            - `provenance`: when, where, with which versions. It and `wall_s` of the runs are all that differs
              between two studies that did the same.
        """
        verdicts = []
        for verdict in self.verdicts:
            entry = asdict(verdict)
            entry["claim"] = verdict.claim.to_json() | {"text": verdict.claim.text}
            entry["text"] = self._sentence(verdict)
            verdicts.append(entry)
        rows = self.frame().astype(object)
        return plain(
            {
                "verdicts": verdicts,
                "label": label(self.plan),
                "complete": self.is_complete,
                "plan": self.plan.to_json(),
                "plan_hash": self.plan.hash,
                "facts": self.facts.in_short(),
                "runs": rows.where(rows.notna(), None).to_dict("records"),
                "provenance": asdict(self.provenance),
            }
        )

    def __str__(self) -> str:
        """One verdict a line, with effect, interval and seeds."""
        lines = [self._sentence(v) for v in self.verdicts]
        if not lines:
            n, arms = len(chosen_traces(self.plan, self.table, CONFIRM)), len(self.plan.arms)
            lines = [f"no claims; {n} run{'' if n == 1 else 's'} of {arms} arm{'' if arms == 1 else 's'}"]
        if not self.is_complete:
            lines.append(f"({self._missing()}; the same call with the same store makes what is missing)")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """The arms, the seeds and the verdicts."""
        used = used_seeds(self.plan, self.table) if self.plan.is_sequential else self.plan.seeds
        return (
            f"<Study of {', '.join(a.name for a in self.plan.arms)}: {len(used)} seeds, "
            f"{'; '.join(v.decision for v in self.verdicts) or 'no claims'}>"
        )

    def _repr_html_(self) -> str:
        """The verdicts in words and in a picture, for notebooks: no script in it."""
        title, subtitle = study_question(self.plan, self.table)
        views = [verdict_view(v, self.plan, self.table, self.verdicts) for v in self.verdicts]
        notes = [] if self.verdicts and self.is_complete else [str(self).splitlines()[-1]]
        return study_fragment(title, subtitle, views, notes)

    def _tables(self) -> Mapping[str, Callable[[str], pd.DataFrame]]:
        return {
            "runs": self.frame,
            "curves": lambda stage: self.curves(stage=stage),
            "readings": lambda stage: self.readings(stage=stage),
            "verdicts": lambda _: verdict_frame(self.verdicts, [self._sentence(v) for v in self.verdicts]),
        }

    def _conclusions(self) -> tuple[Told, ...]:
        return tuple(
            Told(v.claim.arms, v.claim.text, str(v.decision), self._sentence(v)) for v in self.verdicts
        )

    def _sentence(self, verdict: Verdict) -> str:
        return headline(verdict, self.plan, self.facts.error_unit)

    def _missing(self) -> str:
        if not self.plan.is_frozen:
            return f"the pilot has not ended, {len(self.table)} runs so far"
        if self.plan.is_sequential or self.plan.tuning == "replicated":
            return f"{len(used_seeds(self.plan, self.table))} of {len(self.plan.seeds)} blocks so far"
        wanted = len(self.plan.arms) * len(self.plan.seeds)
        done = sum(len(self.table.confirm(self.plan, arm.name)) for arm in self.plan.arms)
        return f"{done} of {wanted} runs so far"
