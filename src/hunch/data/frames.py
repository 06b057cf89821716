"""A table with named columns (pandas, polars, csv, parquet) → `Data`: scaled, one-hot, checked by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hunch.data.arrays import assemble, held_out_sentence
from hunch.data.columns import (
    Column,
    category_problems,
    find_target,
    handle_gaps,
    open_table,
    read_columns,
    warn_of_row_numbers,
)
from hunch.data.dataset import Data, Notes, counted, fingerprint
from hunch.data.split import split_rows
from hunch.data.targets import mapping_sentence, ordered, target_problems
from hunch.errors import DataError

MAX_CLASSES = 100
_SHOWN = 5


def from_frame(frame: Any, y: str | None, *, missing: str, source: str, notes: Notes) -> Data:
    """Checked, encoded, split and hashed data from a frame.

    Args:
        frame: Anything that narwhals reads: pandas, polars, pyarrow.
        y: Name of the target's column.
        missing: `"error"`, `"drop"` or `"median"`.
        source: Where the data come from; empty: the frame's library and size say it.
        notes: Takes what the reader should know.

    Raises:
        DataError: If columns cannot be used; every problem of one kind at once.
    """
    table = open_table(frame)
    names = list(table.columns)
    target_name = find_target(names, y)
    if len(table) == 0:
        raise DataError("the table has no rows, only a header. Give at least 2 examples.", "data-empty")
    if len(names) < 2:
        raise DataError(
            f"the table has only the target's column {target_name!r}; a network needs at least one input "
            "column.",
            "data-no-inputs",
        )
    module = type(frame).__module__.partition(".")[0]
    source = source or f"{module} frame, {len(table):,} rows"
    columns = read_columns(table, names)
    target = columns.pop(names.index(target_name))
    columns, target = handle_gaps(columns, target, missing, notes)
    DataError.raise_all(p for column in columns for p in category_problems(column))
    warn_of_row_numbers(columns, notes)
    values, classes = _read_target(target, notes)
    labels = values.dtype.kind == "i"
    key = fingerprint(*(_codes(column) for column in columns), values)
    train, held = split_rows(key, len(values), values if labels else None)
    notes.say(held_out_sentence(len(held), len(values), labels))
    x = _encode(columns, train, notes)
    # Before scaling: a constant target must be refused by its own value, not divided by 0.
    DataError.raise_all(target_problems(values[train], values[held], f"column {target.name!r}", classes))
    scale = offset = None
    if not labels:
        offset, scale = values[train].mean(axis=0), values[train].std(axis=0)
        values = ((values - offset) / scale).astype(np.float32)
        notes.say(
            f"The target {target.name!r} was standardised (mean {offset[0]:.6g}, standard deviation "
            f"{scale[0]:.6g} of the training part); errors are in its own unit."
        )
    return assemble(
        x[train],
        values[train],
        x[held],
        values[held],
        source=f"{source}, target {target.name!r}",
        notes=notes,
        classes=classes,
        y_scale=scale,
        y_offset=offset,
        rows=train if len(values) == len(table) else None,
    )


def _read_target(target: Column, notes: Notes) -> tuple[np.ndarray, tuple[str, ...]]:
    """(values, classes): int64 (n,) for labels, float64 (n, 1) for regression, not yet scaled."""
    if target.kind == "category":
        classes = tuple(ordered(sorted(set(target.values.tolist()))))
        notes.say(mapping_sentence(f"column {target.name!r}", classes))
        code = {name: k for k, name in enumerate(classes)}
        return np.array([code[t] for t in target.values], dtype=np.int64), classes
    if target.kind == "whole":
        different = np.unique(target.values)
        first, k = different[0], len(different)
        if k <= MAX_CLASSES and first in (0, 1) and different[-1] - first == k - 1:
            if first == 1:
                notes.say(
                    f"The labels in column {target.name!r} run from 1 to {k}; they became 0 to {k - 1}."
                )
            return (target.values - first).astype(np.int64), ()
        shown = ", ".join(f"{v:g}" for v in different[:_SHOWN]) + (", …" if k > _SHOWN else "")
        notes.say(
            f"The target {target.name!r} holds whole numbers that are not 0 to k - 1 or 1 to k with at most "
            f"{MAX_CLASSES} classes ({shown}), so it is an amount (regression); for classes turn the column "
            "into text."
        )
    return target.values.reshape(-1, 1), ()


def _codes(column: Column) -> np.ndarray:
    """Numbers that stand for the column in the key of the split; -1 and NaN are gaps."""
    if column.kind != "category":
        return column.values
    code = {name: k for k, name in enumerate(sorted(set(column.values[~column.gaps].tolist())))}
    return np.array(
        [-1 if gap else code[v] for v, gap in zip(column.values, column.gaps, strict=True)], dtype=np.int64
    )


def _encode(columns: Sequence[Column], train: np.ndarray, notes: Notes) -> np.ndarray:
    """Columns → float32 (n, inputs): amounts standardised on the training part, categories one-hot."""
    blocks: list[np.ndarray] = []
    constant: list[str] = []
    one_hot: list[str] = []
    n_filled = 0
    for c in columns:
        if c.kind == "category":
            block, names = _one_hot(c)
            one_hot.append(
                f"{c.name!r} → {len(names)} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
            )
        else:
            n_filled += int(c.gaps.sum())
            block, is_constant = _standardised(c, train)
            if is_constant:
                constant.append(repr(c.name))
        blocks.append(block)
    x = np.concatenate(blocks, axis=1, dtype=np.float32)
    n_amounts = len(columns) - len(one_hot)
    parts = [f"{n_amounts} standardised on the training part"] if n_amounts else []
    parts += (
        [f"one-hot {', '.join(one_hot[:_SHOWN])}{', …' if len(one_hot) > _SHOWN else ''}"] if one_hot else []
    )
    notes.say(f"{counted(len(columns), 'column')} became {counted(x.shape[1], 'input')}: {'; '.join(parts)}.")
    if constant:
        notes.say(f"Constant in the training part, so only shifted to 0: {', '.join(constant)}.")
    if n_filled:
        notes.say(
            f"{n_filled:,} missing numbers were replaced by the median of their column's training part."
        )
    return x


def _standardised(column: Column, train: np.ndarray) -> tuple[np.ndarray, bool]:
    values = column.values
    known = values[train][~column.gaps[train]]
    if not len(known):
        raise DataError(
            f"column {column.name!r} has no value in the training part, so there is no median. Take it out.",
            "data-column-empty",
        )
    values = np.where(column.gaps, np.median(known), values)
    part = values[train]
    offset, scale = part.mean(), part.std()
    is_constant = bool(part.max() == part.min() or scale == 0)
    if is_constant:  # its own value, because a mean in floating point may miss it by a rounding
        offset, scale = part[0], 1.0
    return ((values - offset) / scale).reshape(-1, 1), is_constant


def _one_hot(column: Column) -> tuple[np.ndarray, list[str]]:
    values = np.where(column.gaps, "missing", column.values)
    names = ordered(sorted(set(values.tolist())))
    return (values[:, None] == np.array(names, dtype=object)[None, :]).astype(np.float32), names
