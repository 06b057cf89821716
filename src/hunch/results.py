"""What a verb returns, and `open`. Imports no torch.

Promises: everything shown is computed from plan and table alone, so the same file gives the same answers; frames are
fresh copies; nothing here trains or writes into a study file.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hunch.errors import PlanError, StoreError
from hunch.evidence import Verdict as Verdict
from hunch.evidence import decide, headline, label
from hunch.plan import READING_NAMES, Plan
from hunch.report import html_report, text_report
from hunch.stats import arrival_times
from hunch.traces import Provenance, RunTable, StudyFacts, Trace, metric_curve, read_study

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "arm", "seed", "lr", "outcome", "iterations", "cost", "held_out_cost", "held_out_error", "wall_s",
)  # fmt: skip


class _Recorded:
    """What studies and runs have in common: tables of what was recorded."""

    def __init__(self, plan: Plan, facts: StudyFacts, provenance: Provenance, table: RunTable) -> None:
        self.plan, self.facts, self.provenance, self.table = plan, facts, provenance, table

    def _traces(self, stage: str) -> list[Trace]:
        """The runs of a stage (or all), arms in the plan's order, failed ones too."""
        index = {arm.name: k for k, arm in enumerate(self.plan.arms)}
        order = {seed: k for k, seed in enumerate(self.plan.seeds)}
        wanted = [t for t in self.table if stage in ("all", t.key.stage)]
        return sorted(
            wanted,
            key=lambda t: (
                t.key.stage != "confirm",
                t.key.stage,
                t.key.budget,
                index.get(t.key.arm, len(index)),
                t.key.lr if t.key.stage != "confirm" else 0.0,
                order.get(t.key.seed, len(order)),
                t.key.seed,
            ),
        )

    def _frame(self, stage: str) -> pd.DataFrame:
        import pandas as pd

        rows = [_row(t, self.plan) for t in self._traces(stage)]
        columns = (("stage",) if stage == "all" else ()) + COLUMNS
        frame = pd.DataFrame(rows, columns=["stage", *COLUMNS])[list(columns)]
        return frame.astype({"iterations": "Float64", "seed": "int64", "lr": "float64"})

    def _curves(self, stage: str, arm: str | None) -> pd.DataFrame:
        import pandas as pd

        parts = []
        for trace in self._traces(stage):
            if arm is not None and trace.key.arm != arm:
                continue
            at = np.union1d(trace.eval_at, trace.held_at)
            part = {"arm": trace.key.arm, "seed": trace.key.seed, "iteration": at}
            for name, known_at, values in (
                ("cost", trace.eval_at, trace.cost),
                ("held_out_cost", trace.held_at, trace.held_cost),
                ("held_out_error", trace.held_at, trace.held_error),
            ):
                column = np.full(len(at), np.nan)
                column[np.searchsorted(at, known_at)] = values
                part[name] = column
            parts.append(pd.DataFrame(part))
        names = ["arm", "seed", "iteration", "cost", "held_out_cost", "held_out_error"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)

    def readings(self, stage: str | None = None) -> pd.DataFrame:
        """What was measured inside the layers, one row a reading.

        Args:
            stage: Which runs; None: the confirm runs (of `train`: all).

        Returns:
            Columns `arm, seed, site, step, reading, value`; what does not apply is left out.
        """
        import pandas as pd

        names = ["arm", "seed", "site", "step", "reading", "value"]
        sites = np.array([s.name for s in self.facts.sites], dtype=object)
        kinds = np.array(READING_NAMES, dtype=object)
        parts = []
        for trace in self._traces(stage or self._stage):
            r, k, s = np.nonzero(~np.isnan(trace.readings))
            columns = (
                trace.key.arm, trace.key.seed, sites[s], trace.reading_at[r], kinds[k],
                trace.readings[r, k, s].astype(np.float64),
            )  # fmt: skip
            parts.append(pd.DataFrame(dict(zip(names, columns, strict=True))))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)

    _stage = "confirm"


class Study(_Recorded):
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
        path: str | PathLike[str] | None = None,
    ) -> None:
        """Keep the parts; nothing is computed before it is asked for."""
        super().__init__(plan, facts, provenance, table)
        self.path = None if path is None else Path(path)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict a claim, in the plan's order."""
        return decide(self.plan, self.table)

    @property
    def is_complete(self) -> bool:
        """Whether every confirm run of the plan is there."""
        return self.plan.is_frozen and all(
            len(self.table.confirm(self.plan, arm.name)) == len(self.plan.seeds) for arm in self.plan.arms
        )

    def frame(self, stage: str = "confirm") -> pd.DataFrame:
        """The runs as a table, one row a run.

        Args:
            stage: `"confirm"`, another stage, or `"all"`, which adds a column `stage`.

        Returns:
            Columns `arm, seed, lr, outcome, iterations, cost, held_out_cost, held_out_error, wall_s`. `outcome` is
            `reached`, `budget_exhausted`, `diverged` or `failed`; `iterations` is NA unless the target was reached;
            the costs are those of the last evaluation; `held_out_error` is the share wrong in 0..1, for regression
            the root mean squared error in the target's unit.
        """
        return self._frame(stage)

    def curves(self, arm: str | None = None, *, stage: str = "confirm") -> pd.DataFrame:
        """Cost against iterations, one row an evaluation.

        Args:
            arm: One arm; None: all.
            stage: Which runs.

        Returns:
            Columns `arm, seed, iteration, cost, held_out_cost, held_out_error`; NaN where it was not measured.
        """
        return self._curves(stage, arm)

    def report(self, path: str | PathLike[str]) -> Path:
        """Write the report: one HTML file that opens offline.

        Args:
            path: Where to write; a file that is there is replaced.

        Returns:
            The path.

        Raises:
            StoreError: If it cannot be written.
        """
        page = html_report(self.plan, self.table, self.verdicts, self.provenance)
        return _write(Path(path), page)

    def text(self) -> str:
        """The report as text, for a terminal."""
        return text_report(self.plan, self.table, self.verdicts, self.provenance)

    def to_json(self) -> dict[str, Any]:
        """All of it as a dict of plain values that `json.dumps` takes; NaN and infinity become None.

        Returns:
            Keys `verdicts` (with `text`, the sentence), `plan`, `plan_hash`, `label`, `facts`, `provenance`, `runs` (the
            confirm runs) and `complete`.
        """
        from dataclasses import asdict

        verdicts = []
        for verdict in self.verdicts:
            entry = asdict(verdict)
            entry["claim"] = {**verdict.claim.to_json(), "text": verdict.claim.text}
            entry["text"] = headline(verdict, self.plan, self.facts.error_unit)
            verdicts.append(entry)
        runs = self.frame().astype(object).where(lambda f: f.notna(), None).to_dict("records")
        out = {
            "verdicts": verdicts,
            "label": label(self.plan),
            "complete": self.is_complete,
            "plan": self.plan.to_json(),
            "plan_hash": self.plan.hash,
            "facts": asdict(self.facts),
            "provenance": asdict(self.provenance),
            "runs": runs,
        }
        return _plain(out)

    def __str__(self) -> str:
        """One verdict a line, with effect, interval and seeds."""
        lines = [headline(v, self.plan, self.facts.error_unit) for v in self.verdicts]
        if not lines:
            lines = [f"no claims; {len(self._traces('confirm'))} runs of {len(self.plan.arms)} arms"]
        if not self.is_complete:
            lines.append("(the study is not complete; the same call resumes it)")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """The arms, the seeds and the verdicts."""
        return (
            f"<Study of {', '.join(a.name for a in self.plan.arms)}: {len(self.plan.seeds)} seeds, "
            f"{'; '.join(v.decision for v in self.verdicts) or 'no claims'}>"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(v.claim.text)}</td><td><b>{html.escape(v.decision)}</b></td>"
            f"<td style='text-align:left'>{html.escape(headline(v, self.plan, self.facts.error_unit))}</td></tr>"
            for v in self.verdicts
        )
        return f"<table><thead><tr><th>claim</th><th>verdict</th><th></th></tr></thead><tbody>{rows}</tbody></table>"


class Runs(_Recorded):
    """What `hunch.train` returns: many seeds of one arm, and their trained networks.

    Args:
        plan: The plan: one arm, no claims.
        facts: Facts of network and data.
        provenance: Where and when.
        table: The runs.
        make_network: Makes the trained network of a seed.
    """

    _stage = "train"

    def __init__(
        self,
        plan: Plan,
        facts: StudyFacts,
        provenance: Provenance,
        table: RunTable,
        *,
        make_network: Callable[[int], Any],
    ) -> None:
        """Keep the parts; networks are made when asked for."""
        super().__init__(plan, facts, provenance, table)
        self._make_network = make_network

    @property
    def seeds(self) -> Sequence[int]:
        """The run seeds."""
        return self.plan.seeds

    def __len__(self) -> int:
        """How many runs."""
        return len(self.plan.seeds)

    def __iter__(self) -> Iterator[int]:
        """The run seeds."""
        return iter(self.plan.seeds)

    def network(self, seed: int) -> Any:
        """The trained network of a seed: an ordinary `nn.Module` in eval mode, a fresh copy at each call.

        Raises:
            PlanError: If there is no such seed.
        """
        self._check(seed)
        return self._make_network(int(seed))

    def curve(self, seed: int) -> pd.DataFrame:
        """Cost against iterations of one seed: columns `iteration, cost, held_out_cost, held_out_error`.

        Raises:
            PlanError: If there is no such seed.
        """
        self._check(seed)
        frame = self._curves(self._stage, None)
        chosen = frame.loc[frame["seed"] == seed].drop(columns=["arm", "seed"])
        return chosen.reset_index(drop=True)

    def curves(self) -> pd.DataFrame:
        """Cost against iterations of all seeds, one row an evaluation."""
        return self._curves(self._stage, None)

    def frame(self) -> pd.DataFrame:
        """The runs as a table, one row a run; columns as in `Study.frame`."""
        return self._frame(self._stage)

    def __repr__(self) -> str:
        """How many, of what."""
        return f"<Runs of {self.plan.arms[0]!r}: {len(self)} seeds, {self.plan.budget} iterations>"

    def _check(self, seed: int) -> None:
        if seed not in self.plan.seeds:
            shown = ", ".join(map(str, self.plan.seeds[:10]))
            more = f" and {len(self) - 10} more" if len(self) > 10 else ""
            raise PlanError(
                f"there is no run with seed {seed!r}. The seeds are {shown}{more}.", "results-unknown-seed"
            )


def open(path: str | PathLike[str]) -> Study:
    """Open a stored study; needs no torch, and never disturbs a study that is being written.

    Args:
        path: The study file.

    Returns:
        The study, with the runs that have finished so far.

    Raises:
        StoreError: If it is not there, is no study, is damaged, or was made by a newer version.
    """
    stored = read_study(path)
    return Study(stored.plan, stored.facts, stored.provenance, stored.table, path=path)


def _row(trace: Trace, plan: Plan) -> dict[str, Any]:
    """One run as a row; the outcome is about the plan's target and metric."""
    outcome, iterations = "budget_exhausted", None
    if trace.failed is not None:
        outcome = "failed"
    elif trace.diverged_at is not None:
        outcome = "diverged"
    elif plan.target is not None:
        times, reached = arrival_times(*metric_curve(trace, plan.metric), plan.target)
        if bool(reached):
            outcome, iterations = "reached", float(times)
    key = trace.key
    return {
        "stage": key.stage,
        "arm": key.arm,
        "seed": key.seed,
        "lr": key.lr,
        "outcome": outcome,
        "iterations": iterations,
        "cost": float(trace.cost[-1]),
        "held_out_cost": float(trace.held_cost[-1]),
        "held_out_error": float(trace.held_error[-1]),
        "wall_s": trace.wall_s,
    }


def _plain(value: Any) -> Any:
    """The value with tuples as lists, NumPy numbers as Python's, and None for what JSON cannot say."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write(path: Path, text: str) -> Path:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"cannot write the report to {path}: {error.strerror or error}. Choose a folder that exists and that you may "
            "write to.",
            "results-report-write",
        ) from error
    return path
