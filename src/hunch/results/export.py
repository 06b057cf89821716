"""Export: what a study holds, for other programs. CSV, Parquet and JSON are files, MLflow and TensorBoard runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hunch.errors import PlanError
from hunch.plan import CONFIRM, Plan
from hunch.results.export_mlflow import write_mlflow
from hunch.results.export_runs import Told, ToldStudy, tell_runs
from hunch.results.export_tables import as_csv, as_json_rows, as_parquet
from hunch.results.export_tensorboard import write_tensorboard
from hunch.results.writing import write_whole
from hunch.traces import Provenance, RunTable, StudyFacts

if TYPE_CHECKING:
    import pandas as pd

FILES = ("csv", "parquet", "json")
TOOLS = ("mlflow", "tensorboard")
KINDS = FILES + TOOLS


class Exports:
    """What can be exported: by `export`, from a plan, its runs, and tables of them.

    A class that inherits from it says which tables it has (`_tables`), and what it concludes (`_conclusions`).
    """

    plan: Plan
    facts: StudyFacts
    provenance: Provenance
    table: RunTable
    path: Path | None = None

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        to: str | None = None,
        what: str | None = None,
        stage: str | None = None,
    ) -> Path:
        """Write it for another program; a file that is there is replaced, once the new one is whole.

        Args:
            path: Where: a file; for `"tensorboard"` a folder; for `"mlflow"` an SQLite file (`mlflow.db`), or a
                tracking URI with `://`.
            to: `"csv"`, `"parquet"`, `"json"`, `"mlflow"` or `"tensorboard"`. None: as the path ends.
            what: For files, the table: `"runs"`, `"curves"`, `"readings"` or `"verdicts"`, for a dose-response curve
                also `"doses"`. None: the runs; for JSON all of it, as `to_json()` gives it.
            stage: Which runs, as in `frame()`. None: those that the answer rests on.

        Returns:
            Where it is.

        Raises:
            PlanError: If there is no such format, table or stage, or they do not go together.
            UnsupportedError: If a package is needed that is not installed.
            StoreError: If it cannot be written.
        """
        kind, place = read_kind(path, to), Path(path)
        if kind in TOOLS:
            if what is not None:
                raise PlanError(
                    f"what={what!r} does not go with {kind}: whole runs are written there, with their curves, readings "
                    "and verdicts. Leave it out.",
                    "results-export-what",
                )
            if "://" not in str(path):
                refuse_own_file(place, self.path)
            told = self._told(stage)
            return write_mlflow(told, path) if kind == "mlflow" else write_tensorboard(told, place)
        refuse_own_file(place, self.path)
        if kind == "json" and what is None:
            if stage is not None:
                raise PlanError(
                    f"stage={stage!r} chooses rows of a table, and JSON without what= is all of the study. Write "
                    "what='runs', or leave stage out.",
                    "results-export-what",
                )
            return write_whole(
                place, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n", called="export"
            )
        frame = self._chosen_table(what or "runs", stage)
        if kind == "csv":
            return write_whole(place, as_csv(frame), called="export")
        content = as_parquet(frame) if kind == "parquet" else as_json_rows(frame)
        return write_whole(place, content, called="export")

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        raise NotImplementedError

    def _told(self, stage: str | None) -> ToldStudy:
        return tell_runs(self, stage or self._stage(), self._conclusions())

    def _chosen_table(self, what: str, stage: str | None) -> pd.DataFrame:
        tables = self._tables()
        if what not in tables:
            raise PlanError(
                f"what must be one of {', '.join(tables)}, got {what!r}. The runs are one row each.",
                "results-export-what",
            )
        return tables[what](stage or self._stage())

    def _tables(self) -> Mapping[str, Callable[[str], pd.DataFrame]]:
        """Name → what makes that table of the runs of a stage."""
        raise NotImplementedError

    def _stage(self) -> str:
        """The stage of the runs that the answer rests on."""
        return CONFIRM

    def _conclusions(self) -> tuple[Told, ...]:
        """What was concluded: which arms it is about, the word, the sentence."""
        return ()


def read_kind(path: str | os.PathLike[str], to: str | None) -> str:
    """The format: what was named, else as the path ends.

    Raises:
        PlanError: If there is no such format, or the ending tells none.

    Example:
        >>> read_kind("runs.csv", None), read_kind("runs", "tensorboard")
        ('csv', 'tensorboard')
    """
    ending = Path(path).suffix.lower().removeprefix(".")
    kind = ending if to is None else to
    if to is None and kind not in FILES:
        raise PlanError(
            f"the path {str(path)!r} does not end in .csv, .parquet or .json, so it does not tell what to write. Say "
            f"it: to='csv', or one of {', '.join(KINDS)}.",
            "results-export-kind",
        )
    if kind not in KINDS:
        raise PlanError(f"an export is one of {', '.join(KINDS)}, got {kind!r}.", "results-export-kind")
    return kind


def refuse_own_file(place: Path, own: Path | None) -> None:
    """An export never writes over the study that it comes from.

    Raises:
        PlanError: If it would.
    """
    if place.suffix == ".hunch" or (own is not None and place.resolve() == own.resolve()):
        raise PlanError(
            f"{place} is a study file, and an export would write over it. Give another name, as "
            f"{place.with_suffix('.csv')}.",
            "results-export-place",
        )
