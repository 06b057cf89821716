"""The columns of a table, read through narwhals and checked: types, gaps, categories."""

from __future__ import annotations

import datetime
import difflib
import numbers
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hunch.data.dataset import Notes, counted
from hunch.errors import DataError, Problem

MAX_CATEGORIES = 100
_SHOWN = 5
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([ T].*)?|\d{1,2}[./]\d{1,2}[./](\d\d|\d{4})")
_ROW_NUMBER_NAMES = {"", "id", "index", "level_0", "row", "rowid", "row_id"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column, read.

    Args:
        name: As in the frame.
        values: float64 (n,) with NaN for gaps, or an object array of text with "" for gaps.
        gaps: Where a value is missing, bool (n,).
        kind: `"amount"`, `"whole"` (an integer type) or `"category"`.
    """

    name: Any
    values: np.ndarray
    gaps: np.ndarray
    kind: str

    def rows(self, keep: np.ndarray) -> Column:
        """The column at those rows."""
        return Column(self.name, self.values[keep], self.gaps[keep], self.kind)


def open_table(frame: Any) -> Any:
    """The frame as narwhals sees it; a lazy one is collected.

    Raises:
        DataError: If a column's name stands there twice.
    """
    import narwhals as nw
    from narwhals.exceptions import DuplicateError

    try:
        table = nw.from_native(frame)
        table = table.collect() if isinstance(table, nw.LazyFrame) else table
        list(table.columns)
    except DuplicateError:
        names = [str(name) for name in frame.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError(
            f"the table has {'columns' if len(twice) > 1 else 'a column'} more than once: {_listed(twice)}. "
            "Rename or remove one.",
            "data-columns-twice",
        ) from None
    return table


def find_target(names: list[Any], y: Any) -> Any:
    """The column that `y` names, as text or as it is.

    Raises:
        DataError: If it is not named, or not there.
    """
    if y is None:
        raise DataError(
            'which column is the target? Write y="…" (command line: --y …). The columns are '
            f"{_listed(names)}.",
            "data-y-needed",
        )
    if y in names:
        return y
    texts = [str(name) for name in names]
    if isinstance(y, str) and y in texts:
        return names[texts.index(y)]
    lowered = {text.lower(): text for text in texts}
    near = difflib.get_close_matches(str(y).lower(), lowered, n=1)
    hint = f' Did you mean y="{lowered[near[0]]}"?' if near else ""
    if len(texts) == 1 and any(mark in texts[0] for mark in ";\t|"):
        hint = (
            " They seem to be separated by something else than commas: read the file with "
            "pandas.read_csv(path, sep=…) and pass the frame."
        )
    raise DataError(
        f"there is no column {y!r}. The {'column is' if len(names) == 1 else 'columns are'} "
        f"{_listed(names)}.{hint}",
        "data-no-such-column",
    )


def read_columns(table: Any, names: Sequence[Any]) -> list[Column]:
    """Every column, by its type.

    Raises:
        DataError: If some hold dates, infinity, or what is neither numbers nor text; all of them at once.
    """
    columns: list[Column] = []
    problems: list[Problem] = []
    for name in names:
        try:
            columns.append(_read_column(table.get_column(name), name))
        except DataError as error:
            problems += error.problems
    DataError.raise_all(problems)
    return columns


def _read_column(series: Any, name: Any) -> Column:
    import narwhals as nw

    dtype = series.dtype
    if dtype.is_temporal():
        raise _date_error(name, type(dtype).__name__)
    if dtype.is_numeric():
        values = np.array(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
        return _amounts(name, values, "whole" if dtype.is_integer() else "amount")
    gaps = np.array(series.is_null().to_list(), dtype=bool)
    items = series.to_list()
    present = [item for item, gap in zip(items, gaps, strict=True) if not gap]
    is_object = dtype not in (nw.Boolean, nw.String, nw.Categorical, nw.Enum)
    if is_object and present:
        types = {type(item) for item in present}
        if any(issubclass(t, datetime.date | datetime.time | datetime.timedelta) for t in types):
            raise _date_error(name, "Python dates")
        if all(issubclass(t, numbers.Real) for t in types) and not types & {bool, np.bool_}:
            values = np.array(
                [np.nan if gap else item for item, gap in zip(items, gaps, strict=True)], dtype=float
            )
            return _amounts(
                name, values, "whole" if all(issubclass(t, numbers.Integral) for t in types) else "amount"
            )
        if not types <= {str} and not types <= {bool}:
            raise DataError(
                f"column {name!r} holds {' and '.join(sorted(t.__name__ for t in types))} values ({dtype}); "
                "a column must be numbers, text or truth values. Convert it or take it out.",
                "data-column-type",
            )
    texts = np.array(["" if gap else str(item) for item, gap in zip(items, gaps, strict=True)], dtype=object)
    if dtype in (nw.String, nw.Object) and present:
        _refuse_dates_and_stray_text(name, texts, gaps)
    return Column(name, texts, gaps, "category")


def _amounts(name: Any, values: np.ndarray, kind: str) -> Column:
    infinite = np.isinf(values)
    if infinite.any():
        raise DataError(
            f"column {name!r} holds infinity in row {int(np.argmax(infinite))} (counted from 0); "
            f"{counted(int(infinite.sum()), 'such value')} in all. Replace or remove it.",
            "data-infinite",
        )
    return Column(name, values, np.isnan(values), kind)


def _date_error(name: Any, what: str) -> DataError:
    return DataError(
        f"column {name!r} holds dates or times ({what}). Turn it into numbers that mean something (days "
        "since the first, month, hour), or take it out.",
        "data-dates",
    )


def _refuse_dates_and_stray_text(name: Any, texts: np.ndarray, gaps: np.ndarray) -> None:
    present = texts[~gaps]
    if all(_DATE.fullmatch(text.strip()) for text in present):
        raise _date_error(name, f"such as {present[0]!r}")
    stray = np.array([not gap and not _is_number(t) for t, gap in zip(texts, gaps, strict=True)])
    if 0 < stray.sum() <= 0.1 * len(present):
        row = int(np.argmax(stray))
        raise DataError(
            f"column {name!r} is nearly all numbers, but {int(stray.sum()):,} of {len(present):,} values are "
            f"text, first {texts[row]!r} in row {row} (counted from 0). Mend them or leave them empty; if "
            'these are categories, pass a pandas frame with the column as .astype("category").',
            "data-column-mixed",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def handle_gaps(
    columns: list[Column], target: Column, missing: str, notes: Notes
) -> tuple[list[Column], Column]:
    """The columns after `missing` has been heeded: refused, or without rows that lack a value.

    For `"median"` the gaps stay: they are filled when it is known which rows are training rows.

    Raises:
        DataError: If values are missing that must not be; names the columns and the first row of each.
    """
    n = len(target.gaps)
    DataError.raise_all(
        Problem(
            f"column {c.name!r} is empty: all {n:,} values are missing. Take it out"
            + (", or name another target." if c is target else "."),
            "data-target-empty" if c is target else "data-column-empty",
        )
        for c in (*columns, target)
        if c.gaps.all()
    )
    holed = [c for c in columns if c.gaps.any()]
    if missing == "drop":
        keep = ~np.logical_or.reduce([c.gaps for c in (*columns, target)])
        if not keep.any():
            raise DataError(
                f'missing="drop" leaves nothing: every row lacks a value ({_gap_counts(holed, n)}). Take the '
                'columns with the most gaps out, or write missing="median".',
                "data-nothing-left",
            )
        if not keep.all():
            gone = [c for c in (*columns, target) if c.gaps.any()]
            notes.say(
                f"{int((~keep).sum()):,} of {n:,} rows were left out: a value is missing "
                f"({_gap_counts(gone, n)})."
            )
        return [c.rows(keep) for c in columns], target.rows(keep)
    problems: list[Problem] = []
    if target.gaps.any():
        tried = ' (missing="median" fills inputs only)' if missing == "median" else ""
        problems.append(
            Problem(
                f"the target is missing: {_gap_counts([target], n)}. It cannot be made up{tried}: find the "
                'values, or write missing="drop" to leave such rows out. Rows are counted from 0.',
                "data-missing-target",
            )
        )
    if holed and missing == "error":
        problems.append(
            Problem(
                f'values are missing: {_gap_counts(holed, n)}. Find them, or write missing="drop" to leave '
                'such rows out, or missing="median" to put in the median of the training part (text: a '
                'category "missing"). Rows are counted from 0.',
                "data-missing",
            )
        )
    DataError.raise_all(problems)
    return columns, target


def _gap_counts(columns: Sequence[Column], n: int) -> str:
    """Each column with the number of its gaps and the first of them."""
    parts = [
        f"column {c.name!r} in {int(c.gaps.sum()):,} of {n:,} rows (first row {int(np.argmax(c.gaps))})"
        for c in columns[:_SHOWN]
    ]
    more = len(columns) - _SHOWN
    return ", ".join(parts) + (f" and {counted(more, 'more column')}" if more > 0 else "")


def category_problems(column: Column) -> Iterator[Problem]:
    """What keeps a column of text from being one-hot encoded."""
    if column.kind != "category":
        return
    present = column.values[~column.gaps]
    n_different = len(set(present))
    if n_different == len(present) > 2:
        yield Problem(
            f"column {column.name!r} is text that differs in every row (first {present[0]!r}), like a name "
            "or a number of the row; nothing can be learned from it. Take it out.",
            "data-column-all-different",
        )
    elif n_different > MAX_CATEGORIES:
        yield Problem(
            f"column {column.name!r} has {n_different:,} categories; one-hot encoding takes at most "
            f"{MAX_CATEGORIES}. Group rare ones together, turn the column into numbers, or take it out.",
            "data-too-many-categories",
        )


def warn_of_row_numbers(columns: Sequence[Column], notes: Notes) -> None:
    """Warn of whole-number columns with a telling name that only count the rows."""
    for c in columns:
        name = str(c.name).lower()
        if c.kind != "whole" or not (name in _ROW_NUMBER_NAMES or name.startswith("unnamed:")):
            continue
        if c.values[0] in (0, 1) and (np.diff(c.values) == 1).all():
            notes.warn(
                f"Column {c.name!r} only counts the rows, but is used as an input: in sorted data it gives "
                "the target away. Take it out (pandas: to_csv(…, index=False))."
            )


def _listed(names: Sequence[Any]) -> str:
    """The names in a row, the middle left out when there are many."""
    texts = [str(name) for name in names]
    return ", ".join(texts if len(texts) <= 20 else [*texts[:15], f"… ({len(texts)} in all)", texts[-1]])
