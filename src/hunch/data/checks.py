"""What is wrong with arrays: shapes, lengths, infinities, gaps; in words, with row and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hunch.data.dataset import counted
from hunch.data.targets import target_gaps
from hunch.errors import DataError, Problem


def shape_problems(
    arrays: Mapping[str, np.ndarray], pairs: list[tuple[str, str]], labels: Mapping[str, Mapping[str, str]]
) -> Iterator[Problem]:
    """What is wrong with the arrays' shapes.

    Args:
        arrays: What messages call it → array.
        pairs: Names of inputs and targets: one pair, or two.
        labels: For each name of inputs: field → what messages call it; the field of a plain array is empty.
    """
    firsts = [arrays[name] for x, y in pairs for name in (next(iter(labels[x].values())), y)]
    if _is_in_sklearn_order(firsts):
        shapes = ", ".join(str(array.shape) for array in firsts)
        yield Problem(
            f"the four arrays have the shapes {shapes}, which looks like the order of scikit-learn's "
            "train_test_split: X, X_held, y, y_held. Pass them as (X, y, X_held, y_held).",
            "data-order",
        )
        return
    for x, y in pairs:
        for field, label in labels[x].items():
            if arrays[label].ndim == 1 and field == "":
                yield Problem(
                    f"{x} has one dimension, shape {arrays[x].shape}; it needs a row an example and a column a "
                    f"feature. For one feature write {x}.reshape(-1, 1).",
                    "data-one-dimension",
                )
        for name in (*labels[x].values(), y):
            if arrays[name].ndim == 0:
                yield Problem(f"{name} is a single number; it must be an array.", "data-not-an-array")
            elif arrays[name].size == 0:
                yield Problem(
                    f"{name} is empty (shape {arrays[name].shape}). Give at least 2 examples with 1 feature.",
                    "data-empty",
                )
        for label in labels[x].values():
            if arrays[label].ndim and arrays[y].ndim and len(arrays[label]) != len(arrays[y]):
                yield Problem(
                    f"{label} has {len(arrays[label]):,} rows and {y} has {len(arrays[y]):,}; each example needs one "
                    f"target. Cut or join them to one length.{_tuple_hint(arrays[label], arrays[y])}",
                    "data-lengths",
                )
    if len(pairs) == 2:
        (first, _), (second, _) = pairs
        for field, label in labels[first].items():
            held = labels[second][field]
            yield from _held_problems(arrays[label], arrays[held], label, held, is_plain=field == "")


def _tuple_hint(x: np.ndarray, y: np.ndarray) -> str:
    if x.ndim >= 2 and x.shape[1] == len(y):
        return f" If these are {counted(len(x), 'input')} of {counted(len(y), 'example')}, write a tuple: ((a, b), y)."
    return ""


def _held_problems(
    given: np.ndarray, held: np.ndarray, first: str, second: str, *, is_plain: bool
) -> Iterator[Problem]:
    if min(given.ndim, held.ndim) < (2 if is_plain else 1):
        return
    if given.shape[1:] != held.shape[1:]:
        yield Problem(
            f"{first} has examples of shape {given.shape[1:]} and {second} of shape "
            f"{held.shape[1:]}; a network takes one shape. Give both the same features.",
            "data-features-differ",
        )
    elif (given.dtype == np.uint8) != (held.dtype == np.uint8):
        yield Problem(
            f"{first} is {given.dtype} and {second} is {held.dtype}: bytes (uint8) are divided by "
            "255 and other numbers are not, so the two would be on different scales. Give both the same "
            "type.",
            "data-held-type",
        )
    elif not is_plain and _sort(given) != _sort(held):
        yield Problem(
            f"{first} is {given.dtype} and {second} is {held.dtype}: of several inputs whole numbers and truth values "
            "stay what they are, so the network would get two types. Give both the same type.",
            "data-held-type",
        )


def _sort(array: np.ndarray) -> str:
    return "whole" if array.dtype.kind in "iu" else array.dtype.kind


def _is_in_sklearn_order(arrays: list[np.ndarray]) -> bool:
    if len(arrays) != 4 or any(a.ndim == 0 for a in arrays):
        return False
    a, b, c, d = map(len, arrays)
    return a == c and b == d and a != b


def check_values(arrays: Mapping[str, np.ndarray], missing: str, targets: list[str]) -> None:
    """Refuse infinities, and missing values where they are not to be dropped or filled.

    Args:
        arrays: What messages call it → array.
        missing: `"error"`, `"drop"` or `"median"`.
        targets: Names of those that are targets.

    Raises:
        DataError: Every problem at once.
    """
    problems: list[Problem] = []
    for name, array in arrays.items():
        problems += _infinity_problems(array, name)
        is_target = name in targets
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
    return f"row {row}, {column(rest)} (counted from 0)" if rest else f"row {row} (counted from 0)"


def column(index: list[int]) -> str:
    """Where in an example, in words."""
    return f"column {index[0]}" if len(index) == 1 else f"position {tuple(index)}"
