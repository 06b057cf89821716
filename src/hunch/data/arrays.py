"""Arrays, lists, tensors and pandas objects, as (X, y) or (X, y, X_held, y_held), → `Data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hunch.data.checks import check_values, column, first_index, shape_problems
from hunch.data.convert import as_inputs, read_all
from hunch.data.dataset import Data, Notes, fingerprint
from hunch.data.several import changed, grouped, inputs_in, missing_in, pack, say_several
from hunch.data.split import n_shared_rows, split_rows
from hunch.data.targets import encode_targets, target_gaps, target_problems
from hunch.errors import DataError

MISSING = ("error", "drop", "median")


def from_arrays(parts: Mapping[str, Any], *, missing: str, source: str, notes: Notes) -> Data:
    """Checked, split and hashed data from two or four array-likes.

    Args:
        parts: Name → array-like: X and y, or X, y, X_held and y_held, in this order; the names are for
            messages. X may be several inputs: a dict, a tuple of arrays, or `Several`.
        missing: `"error"`, `"drop"` or `"median"`.
        source: Where the data come from; empty: the shapes say it.
        notes: Takes what the reader should know.

    Raises:
        DataError: If the arrays cannot be used; every problem of one kind at once.
    """
    names = list(parts)
    pairs = [(names[k], names[k + 1]) for k in range(0, len(names), 2)]
    groups = grouped(parts, pairs)
    labels = {x: {"": x} if many is None else many.labels for x, many in groups.items()}
    flat: dict[str, Any] = {}
    for x, y in pairs:
        many = groups[x]
        flat |= {x: parts[x]} if many is None else {many.labels[f]: v for f, v in many.items.items()}
        flat[y] = parts[y]
    arrays = read_all(flat, names[1::2])
    DataError.raise_all(shape_problems(arrays, pairs, labels))
    source = source or "arrays " + ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    check_values(arrays, missing, names[1::2])
    inputs = {x: _joined({field: arrays[label] for field, label in labels[x].items()}) for x, _ in pairs}
    bytes_in = [label for label in labels[names[0]].values() if arrays[label].dtype == np.uint8]
    if bytes_in:
        what = "The inputs" if bytes_in[0] == names[0] else f"The inputs {', '.join(bytes_in)}"
        notes.say(f"{what} were bytes (uint8) and were divided by 255.")
    say_several(inputs[names[0]], notes)
    targets = {y: arrays[y] for _, y in pairs}
    n_given = len(inputs[names[0]])
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
        split = _fill_with_medians(*split, labels[names[0]], notes)
    return assemble(
        *split,
        classes=encoded.classes,
        source=source,
        notes=notes,
        target=names[1],
        rows=None if len(inputs[names[0]]) < n_given else rows,
    )


def _joined(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """What becomes `Data.x`: a plain array, or one with a field an input."""
    return as_inputs(arrays[""]) if list(arrays) == [""] else pack(arrays)


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
        x: float32 (n, …), or several inputs, structured (n,).
        y: int64 (n,) or float32 (n, outputs).
        x_held: Like `x`, m examples.
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


def _without_gaps(
    x: np.ndarray, y: np.ndarray, names: tuple[str, str], notes: Notes
) -> tuple[np.ndarray, np.ndarray]:
    gaps = missing_in(x) | target_gaps(y).reshape(len(y), -1).any(axis=1)
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
    x: np.ndarray,
    y: np.ndarray,
    x_held: np.ndarray,
    y_held: np.ndarray,
    labels: Mapping[str, str],
    notes: Notes,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    medians: dict[str, np.ndarray] = {}
    n_filled = 0
    held = inputs_in(x_held)
    for field, array in inputs_in(x).items():
        if array.dtype.kind != "f":
            continue
        gaps = np.isnan(array)
        n = int(gaps.sum()) + int(np.isnan(held[field]).sum())
        nothing = np.asarray(gaps.all(axis=0))
        if n and nothing.any():
            where = f" in {column(list(first_index(nothing)))} (counted from 0) of" if nothing.ndim else " in"
            raise DataError(
                f"{labels[field]} has no value at all{where} the "
                "training part, so there is no median. Take the column out.",
                "data-column-empty",
            )
        n_filled += n
        medians[field] = np.nanmedian(array, axis=0) if n else np.zeros(array.shape[1:], np.float32)
    if not n_filled:
        return x, y, x_held, y_held
    notes.say(
        f"{n_filled:,} missing inputs were replaced by the median of their column in the training part."
    )

    def fill(field: str, array: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(array), medians[field], array)

    return changed(x, fill), y, changed(x_held, fill), y_held
