"""Arrays, lists, tensors and pandas objects, as (X, y) or (X, y, X_held, y_held), → `Data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hunch.data.convert import as_inputs, read_all
from hunch.data.dataset import Data, Notes, counted, fingerprint
from hunch.data.split import n_shared_rows, split_rows
from hunch.data.targets import encode_targets, target_gaps, target_problems
from hunch.errors import DataError, Problem

MISSING = ("error", "drop", "median")


def from_arrays(parts: Mapping[str, Any], *, missing: str, source: str, notes: Notes) -> Data:
    """Checked, split and hashed data from two or four array-likes.

    Args:
        parts: Name → array-like: X and y, or X, y, X_held and y_held, in this order; the names are for
            messages.
        missing: `"error"`, `"drop"` or `"median"`.
        source: Where the data come from; empty: the shapes say it.
        notes: Takes what the reader should know.

    Raises:
        DataError: If the arrays cannot be used; every problem of one kind at once.
    """
    arrays = read_all(parts)
    DataError.raise_all(_shape_problems(arrays))
    source = source or "arrays " + ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    names = list(arrays)
    pairs = [names[k : k + 2] for k in range(0, len(names), 2)]
    _check_value_problems(arrays, missing)
    inputs = {x: as_inputs(arrays[x]) for x, _ in pairs}
    if any(arrays[x].dtype == np.uint8 for x, _ in pairs):
        notes.say("The inputs were bytes (uint8) and were divided by 255.")
    targets = {y: arrays[y] for _, y in pairs}
    if missing == "drop":
        for x, y in pairs:
            inputs[x], targets[y] = _without_gaps(inputs[x], targets[y], (x, y), notes)
    encoded = encode_targets(targets, notes)
    rows = np.arange(len(inputs[names[0]]))
    if len(pairs) == 1:
        x, y = inputs[names[0]], encoded.values[0]
        train, held = split_rows(fingerprint(x, y), len(x), y if encoded.labels else None)
        notes.say(held_out_sentence(len(held), len(x), encoded.labels))
        split = (x[train], y[train], x[held], y[held])
        rows = train
    else:
        split = (inputs[names[0]], encoded.values[0], inputs[names[2]], encoded.values[1])
    if missing == "median":
        split = _fill_with_medians(*split, notes)
    dropped = len(inputs[names[0]]) < len(arrays[names[0]])
    return assemble(
        *split,
        classes=encoded.classes,
        source=source,
        notes=notes,
        target=names[1],
        rows=None if dropped else rows,
    )


def assemble(
    x: np.ndarray,
    y: np.ndarray,
    x_held: np.ndarray,
    y_held: np.ndarray,
    *,
    source: str,
    notes: Notes,
    classes: tuple[str, ...] = (),
    y_scale: np.ndarray | None = None,
    y_offset: np.ndarray | None = None,
    target: str = "y",
    rows: np.ndarray | None = None,
) -> Data:
    """The four parts as `Data`: the last checks, the duplicates, the hash.

    Args:
        x: float32 (n, …).
        y: int64 (n,) or float32 (n, outputs).
        x_held: float32 (m, …).
        y_held: Like `y`.
        source: Where the data come from.
        notes: Takes what the reader should know.
        classes: Names of the classes, if labels were text.
        y_scale: What the target was divided by; None: it was used as given.
        y_offset: What was taken away from the target.
        target: What messages call the target.
        rows: `Data.rows`.

    Raises:
        DataError: If the targets hold nothing to learn, or held-out labels are unknown to the training part.
    """
    DataError.raise_all(target_problems(y, y_held, target, classes))
    shared = n_shared_rows(x, x_held)
    if shared:
        notes.warn(
            f"{shared:,} of {len(x_held):,} held-out examples also {'stands' if shared == 1 else 'stand'} in "
            "the training part (the same inputs, number for number), so held-out cost and error can look "
            "better than they are. Remove duplicates, or give held-out examples yourself."
        )
    labels = y.dtype.kind == "i"
    outputs = 1 if labels else y.shape[1]
    scale = np.ones(outputs) if y_scale is None else y_scale
    offset = np.zeros(outputs) if y_offset is None else y_offset
    split = tuple(np.ascontiguousarray(part) for part in (x, y, x_held, y_held))
    return Data(
        *split,
        labels=labels,
        n_classes=int(y.max()) + 1 if labels else 0,
        y_scale=scale,
        y_offset=offset,
        source=source,
        hash=fingerprint(*split, scale, offset),
        notes=tuple(notes.sentences),
        rows=rows,
    )


def held_out_sentence(n_held: int, n: int, labels: bool) -> str:
    """The note on a split that Hunch made."""
    how = "the same share of each class" if labels else "drawn at random"
    return f"{n_held:,} of {n:,} examples were held out ({how}; the same data always split alike)."


def _shape_problems(arrays: Mapping[str, np.ndarray]):
    names = list(arrays)
    if _is_in_sklearn_order(list(arrays.values())):
        shapes = ", ".join(str(array.shape) for array in arrays.values())
        yield Problem(
            f"the four arrays have the shapes {shapes}, which looks like the order of scikit-learn's "
            "train_test_split: X, X_held, y, y_held. Pass them as (X, y, X_held, y_held).",
            "data-order",
        )
        return
    for x, y in (names[k : k + 2] for k in range(0, len(names), 2)):
        if arrays[x].ndim == 1:
            yield Problem(
                f"{x} has one dimension, shape {arrays[x].shape}; it needs a row an example and a column a "
                f"feature. For one feature write {x}.reshape(-1, 1).",
                "data-one-dimension",
            )
        for name in (x, y):
            if arrays[name].ndim == 0:
                yield Problem(f"{name} is a single number; it must be an array.", "data-not-an-array")
            elif arrays[name].size == 0:
                yield Problem(
                    f"{name} is empty (shape {arrays[name].shape}). Give at least 2 examples with 1 feature.",
                    "data-empty",
                )
        if arrays[x].ndim and arrays[y].ndim and len(arrays[x]) != len(arrays[y]):
            yield Problem(
                f"{x} has {len(arrays[x]):,} rows and {y} has {len(arrays[y]):,}; each example needs one "
                "target. Cut or join them to one length.",
                "data-lengths",
            )
    if len(names) == 4 and all(arrays[name].ndim > 1 for name in names[::2]):
        first, second = arrays[names[0]], arrays[names[2]]
        if first.shape[1:] != second.shape[1:]:
            yield Problem(
                f"{names[0]} has examples of shape {first.shape[1:]} and {names[2]} of shape "
                f"{second.shape[1:]}; a network takes one shape. Give both the same features.",
                "data-features-differ",
            )
        elif (first.dtype == np.uint8) != (second.dtype == np.uint8):
            yield Problem(
                f"{names[0]} is {first.dtype} and {names[2]} is {second.dtype}: bytes (uint8) are divided by "
                "255 and other numbers are not, so the two would be on different scales. Give both the same "
                "type.",
                "data-held-type",
            )


def _is_in_sklearn_order(arrays: list[np.ndarray]) -> bool:
    if len(arrays) != 4 or any(a.ndim == 0 for a in arrays):
        return False
    a, b, c, d = map(len, arrays)
    return a == c and b == d and a != b


def _check_value_problems(arrays: Mapping[str, np.ndarray], missing: str) -> None:
    problems: list[Problem] = []
    for k, (name, array) in enumerate(arrays.items()):
        problems += _infinity_problems(array, name)
        is_target = k % 2 == 1
        gaps = target_gaps(array) if is_target else np.isnan(array) if array.dtype.kind == "f" else None
        if gaps is None or not gaps.any():
            continue
        if is_target and missing != "drop":
            problems.append(_target_gap_problem(array, gaps, name, missing))
        elif not is_target and missing == "error":
            problems.append(_input_gap_problem(gaps, name))
    DataError.raise_all(problems)


def _infinity_problems(array: np.ndarray, name: str):
    if array.dtype.kind != "f":
        return
    bad = np.abs(array) > np.finfo(np.float32).max
    if not bad.any():
        return
    at = np.unravel_index(int(np.argmax(bad)), array.shape)
    first = array[at]
    what = "infinity" if np.isinf(first) else "a number too large for float32"
    yield Problem(
        f"{name} holds {what} ({first:g}) in {place(at)}; {counted(int(bad.sum()), 'such value')} in all. A "
        "cost cannot be computed from it: replace or remove it.",
        "data-infinite",
    )


def _target_gap_problem(array: np.ndarray, gaps: np.ndarray, name: str, missing: str) -> Problem:
    if gaps.all():
        return Problem(f"{name} holds no value at all: all {len(array):,} are missing.", "data-target-empty")
    tried = ' (missing="median" fills inputs only)' if missing == "median" else ""
    n = int(gaps.any(axis=tuple(range(1, gaps.ndim))).sum())
    return Problem(
        f"{name} is missing (NaN) in {n:,} of {counted(len(array), 'row')}, first in "
        f"{place(first_index(gaps))}. A target cannot be made up{tried}: find the values, or write "
        'missing="drop" to leave such rows out.',
        "data-missing-target",
    )


def _input_gap_problem(gaps: np.ndarray, name: str) -> Problem:
    flat = gaps.reshape(len(gaps), -1)
    return Problem(
        f"{name} has {counted(int(gaps.sum()), 'missing value')} (NaN) in {int(flat.any(axis=1).sum()):,} of "
        f"{counted(len(gaps), 'row')} and {int(flat.any(axis=0).sum()):,} of "
        f"{counted(flat.shape[1], 'column')}, first in {place(first_index(gaps))}. Find the values, or write "
        'missing="drop" to leave such rows out, or missing="median" to put in the median of the training '
        "part.",
        "data-missing",
    )


def first_index(mask: np.ndarray) -> tuple[int, ...]:
    """Index of the first True, in row order."""
    return tuple(int(k) for k in np.unravel_index(int(np.argmax(mask)), mask.shape))


def place(index: tuple[Any, ...]) -> str:
    """Row and column in words; rows and columns are counted from 0."""
    row, *rest = (int(k) for k in index)
    return f"row {row}, {_column(rest)} (counted from 0)" if rest else f"row {row} (counted from 0)"


def _column(index: list[int]) -> str:
    return f"column {index[0]}" if len(index) == 1 else f"position {tuple(index)}"


def _without_gaps(
    x: np.ndarray, y: np.ndarray, names: tuple[str, str], notes: Notes
) -> tuple[np.ndarray, np.ndarray]:
    gaps = np.isnan(x).reshape(len(x), -1).any(axis=1) | target_gaps(y).reshape(len(y), -1).any(axis=1)
    if not gaps.any():
        return x, y
    if gaps.all():
        raise DataError(
            f'missing="drop" leaves nothing: every row of {names[0]} and {names[1]} lacks a value. Drop the '
            'columns with gaps, or write missing="median".',
            "data-nothing-left",
        )
    notes.say(f"{int(gaps.sum()):,} of {len(x):,} rows of {names[0]} were left out: a value is missing.")
    return x[~gaps], y[~gaps]


def _fill_with_medians(
    x: np.ndarray, y: np.ndarray, x_held: np.ndarray, y_held: np.ndarray, notes: Notes
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    gaps, gaps_held = np.isnan(x), np.isnan(x_held)
    if not gaps.any() and not gaps_held.any():
        return x, y, x_held, y_held
    nothing = np.asarray(gaps.all(axis=0))
    if nothing.any():
        raise DataError(
            f"X has no value at all in {_column(list(first_index(nothing)))} (counted from 0) of the "
            "training part, so there is no median. Take the column out.",
            "data-column-empty",
        )
    median = np.nanmedian(x, axis=0)
    notes.say(
        f"{int(gaps.sum()) + int(gaps_held.sum()):,} missing inputs were replaced by the median of their "
        "column in the training part."
    )
    return np.where(gaps, median, x), y, np.where(gaps_held, median, x_held), y_held
