"""Tables as files: CSV, Parquet and JSON, of what a frame holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from hunch.errors import UnsupportedError
from hunch.evidence import Verdict
from hunch.results.writing import plain

if TYPE_CHECKING:
    import pandas as pd

VERDICT_COLUMNS = (
    "claim", "decision", "effect", "low", "high", "bound", "ratio", "margin", "alpha", "p_value", "seeds",
    "is_final", "reason", "text",
)  # fmt: skip


def verdict_frame(verdicts: Sequence[Verdict], texts: Sequence[str]) -> pd.DataFrame:
    """One row a verdict.

    Args:
        verdicts: The verdicts.
        texts: The sentence of each.

    Returns:
        Columns `claim, decision, effect, low, high, bound, ratio, margin, alpha, p_value, seeds, is_final, reason,
        text`. `effect`, `low`, `high` and `margin` are natural logs of ratios for iterations, else in the outcome's own
        unit; `high` is infinite where the effect is only bounded from below, and `ratio` NaN where there is none.
    """
    import pandas as pd

    rows = []
    for verdict, text in zip(verdicts, texts, strict=True):
        row = {name: getattr(verdict, name, None) for name in VERDICT_COLUMNS}
        row |= {"claim": verdict.claim.text, "decision": str(verdict.decision), "text": text}
        row["high"] = np.inf if verdict.high is None else verdict.high
        row["ratio"] = np.nan if verdict.ratio is None else verdict.ratio
        rows.append(row)
    frame = pd.DataFrame(rows, columns=pd.Index(VERDICT_COLUMNS))
    numbers = ("effect", "low", "high", "ratio", "margin", "alpha", "p_value")
    return frame.astype(dict.fromkeys(numbers, "float64") | {"seeds": "int64", "is_final": "bool"})


def as_csv(frame: pd.DataFrame) -> str:
    """The table as CSV, UTF-8, one header line; empty where there is no number, every digit that a number has."""
    return frame.to_csv(index=False, lineterminator="\n")


def as_json_rows(frame: pd.DataFrame) -> str:
    """The table as a JSON list with one object a row; null where there is no number."""
    rows = frame.astype(object)
    told = plain(rows.where(rows.notna(), None).to_dict("records"))
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_parquet(frame: pd.DataFrame) -> bytes:
    """The table as Parquet, by PyArrow, else by Polars.

    Raises:
        UnsupportedError: If neither is installed.
    """
    target = BytesIO()
    if find_spec("pyarrow"):
        frame.to_parquet(target, engine="pyarrow", index=False)
    elif find_spec("polars"):
        import polars as pl

        pl.DataFrame({str(name): _column(column) for name, column in frame.items()}).write_parquet(target)
    else:
        raise missing_extra("a Parquet file", "PyArrow (or Polars)", "parquet")
    return target.getvalue()


def missing_extra(what: str, package: str, extra: str) -> UnsupportedError:
    """The error where something can only be written by a package that is not there."""
    return UnsupportedError(
        f"{what} is written by {package}, which is not installed. Install it: pip install 'hunch-lab[{extra}]'. CSV "
        "and JSON need nothing more.",
        "results-export-extra",
    )


def _column(column: pd.Series) -> Any:
    """A column as Polars takes it: text and nullable numbers as a list, the rest as an array."""
    import polars as pl

    if column.dtype == "Float64":
        return pl.Series(
            [None if value is None else float(value) for value in _listed(column)], dtype=pl.Float64
        )
    if column.dtype == object:
        return pl.Series(
            [None if value is None else str(value) for value in _listed(column)], dtype=pl.String
        )
    return column.to_numpy()


def _listed(column: pd.Series) -> list[Any]:
    values = column.astype(object)
    return values.where(values.notna(), None).tolist()
