"""What `y` holds: labels or amounts; and whether there is something to learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hunch.data.dataset import Notes, counted
from hunch.errors import DataError, Problem

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets that are ready to train on.

    Args:
        values: One array a part: int64 (n,) for labels, float32 (n, outputs) for regression.
        labels: Whether they are labels.
        classes: Names of the classes, if the labels were text.
    """

    values: tuple[np.ndarray, ...]
    labels: bool
    classes: tuple[str, ...] = ()


def target_gaps(y: np.ndarray) -> np.ndarray:
    """Where a target is missing: NaN, or None among text; bool, same shape."""
    if y.dtype.kind == "f":
        return np.isnan(y)
    if y.dtype.kind == "O":
        # pandas' NA is neither equal nor unequal to itself, hence the name.
        gaps = [v is None or type(v).__name__ in ("NAType", "NaTType") or v != v for v in y.ravel()]
        return np.array(gaps, dtype=bool).reshape(y.shape)
    return np.zeros(y.shape, dtype=bool)


def encode_targets(parts: Mapping[str, np.ndarray], notes: Notes) -> Targets:
    """Integers, truth values and text become labels; floats stay amounts.

    Args:
        parts: Name → array without gaps: y, or y and y_held.
        notes: Takes what the reader should know.

    Raises:
        DataError: If the shape is wrong, a label is negative, or the parts are of different kinds.
    """
    names = list(parts)
    kinds = {name: _kind(array) for name, array in parts.items()}
    if len(set(kinds.values())) > 1:
        raise DataError(
            " and ".join(f"{name} holds {kinds[name]} ({parts[name].dtype})" for name in names)
            + "; both must be of one kind. Convert one, for instance with .astype(int) for labels.",
            "data-held-kind",
        )
    problems: list[Problem] = []
    for name, array in parts.items():
        problems += _shape_problems(array, name, kinds[name])
    kind = kinds[names[0]]
    if kind == "integer labels":
        for name, array in parts.items():
            problems += _negative_problems(array, name)
    elif kind == "amounts" and len(parts) == 2 and not problems:
        problems += _output_problems(parts)
    DataError.raise_all(problems)
    if kind == "amounts":
        values = tuple(_column(array).astype(np.float32) for array in parts.values())
        _say_if_whole(values[0], names[0], notes)
        return Targets(values, labels=False)
    if kind == "text labels":
        texts = [array.ravel().astype(str) for array in parts.values()]
        classes = tuple(ordered(np.unique(np.concatenate(texts)).tolist()))
        notes.say(mapping_sentence(names[0], classes))
        code = {name: k for k, name in enumerate(classes)}
        return Targets(tuple(_codes(t, code) for t in texts), labels=True, classes=classes)
    return Targets(tuple(a.ravel().astype(np.int64) for a in parts.values()), labels=True)


def ordered(names: list[str]) -> list[str]:
    """Sorted as text, or as numbers where all of them are whole numbers ("2" before "10")."""
    try:
        return sorted(names, key=lambda name: (int(name), name))
    except ValueError:
        return sorted(names)


def mapping_sentence(name: str, classes: tuple[str, ...]) -> str:
    """The note that says which text became which label."""
    shown = ", ".join(f"{k} = {c!r}" for k, c in enumerate(classes[:_SHOWN]))
    more = f", … {len(classes) - 1} = {classes[-1]!r}" if len(classes) > _SHOWN else ""
    return f"The labels in {name} became {shown}{more}."


def target_problems(
    y: np.ndarray, y_held: np.ndarray, name: str = "y", classes: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """What makes targets useless: nothing to learn, or held-out labels that training never shows.

    Args:
        y: Training targets, int64 (n,) or float (n, outputs).
        y_held: Held-out targets.
        name: What messages call them.
        classes: Names of the classes, if the labels were text.
    """
    if y.dtype.kind != "i":
        for k in np.flatnonzero(y.max(axis=0) == y.min(axis=0)):
            which = name if y.shape[1] == 1 else f"column {k} of {name} (counted from 0)"
            yield Problem(
                f"{which} is constant: {y[0, k]:g} in all {len(y):,} training examples, so there is nothing "
                "to learn. Choose another target.",
                "data-target-constant",
            )
        return

    def called(label: int) -> str:
        return repr(classes[label]) if classes else str(label)

    known = np.unique(y)
    if len(known) < 2:
        yield Problem(
            f"{name} has only one class in the training part: {called(int(known[0]))} in all {len(y):,} "
            "examples, so there is nothing to tell apart. Give examples of at least two classes.",
            "data-one-class",
        )
    unknown = ~np.isin(y_held, known)
    if unknown.any():
        row = int(np.argmax(unknown))
        labels = np.unique(y_held[unknown]).tolist()
        shown = ", ".join(map(called, labels[:_SHOWN])) + (", …" if len(labels) > _SHOWN else "")
        yield Problem(
            f"the held-out part has {'a label' if len(labels) == 1 else 'labels'} that the training part "
            f"does not have: {shown} (first in held-out row {row}, counted from 0; "
            f"{counted(int(unknown.sum()), 'row')}). Move such examples to the training part, or leave them "
            "out.",
            "data-held-label",
        )


def _kind(y: np.ndarray) -> str:
    if y.dtype.kind in "biu":
        return "integer labels"
    return "amounts" if y.dtype.kind == "f" else "text labels"


def _column(y: np.ndarray) -> np.ndarray:
    return y.reshape(-1, 1) if y.ndim == 1 else y


def _codes(texts: np.ndarray, code: Mapping[str, int]) -> np.ndarray:
    return np.array([code[t] for t in texts.tolist()], dtype=np.int64)


def _shape_problems(y: np.ndarray, name: str, kind: str) -> Iterator[Problem]:
    if kind == "amounts":
        if y.ndim > 2:
            yield Problem(
                f"{name} has {y.ndim} dimensions, shape {y.shape}; a regression target has one row an "
                f"example and one column an output. Write {name}.reshape(len({name}), -1).",
                "data-target-shape",
            )
        return
    if y.size == len(y):
        return
    hint = f"For amounts write {name}.astype(float)."
    if y.dtype.kind in "biu" and y.ndim == 2 and y.min() >= 0 and (y.sum(axis=1) == 1).all():
        hint = f"These look one-hot: write {name}.argmax(axis=1)."
    yield Problem(
        f"{name} holds {kind} of shape {y.shape}; an example has one label, shape ({len(y)},). {hint}",
        "data-target-shape",
    )


def _negative_problems(y: np.ndarray, name: str) -> Iterator[Problem]:
    if y.dtype.kind != "i" or y.min() >= 0:
        return
    bad = y.ravel() < 0
    row = int(np.argmax(bad))
    hint = f"For amounts write {name}.astype(float)."
    if set(np.unique(y).tolist()) == {-1, 1}:
        hint = f"For two classes write ({name} > 0).astype(int)."
    yield Problem(
        f"{name} has a negative label: {y.ravel()[row]} in row {row} (counted from 0; "
        f"{counted(int(bad.sum()), 'row')}). Labels are 0, 1, 2, … {hint}",
        "data-negative-label",
    )


def _output_problems(parts: Mapping[str, np.ndarray]) -> Iterator[Problem]:
    (first, y), (second, y_held) = parts.items()
    a, b = _column(y).shape[1], _column(y_held).shape[1]
    if a != b:
        yield Problem(
            f"{first} has {counted(a, 'output')} an example and {second} has {b}; both need the same.",
            "data-outputs-differ",
        )


def _say_if_whole(y: np.ndarray, name: str, notes: Notes) -> None:
    if y.shape[1] == 1 and len(np.unique(y)) <= 100 and (y == np.round(y)).all() and y.min() >= 0:
        notes.say(
            f"{name} holds whole numbers as floats, which means regression; for classes write "
            f"{name}.astype(int)."
        )
