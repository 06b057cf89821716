"""Anything array-like → NumPy, by its methods alone; what is neither numbers nor labels is refused."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

import numpy as np

from hunch.data.targets import target_gaps
from hunch.errors import DataError, Problem


def as_array(value: Any, name: str) -> np.ndarray:
    """Any array-like as a NumPy array; the values are not copied where that can be avoided.

    Tensors are recognised by their methods, so that torch need not be imported.

    Args:
        value: NumPy array, number, (nested) list, torch tensor, pandas or polars object, SciPy sparse matrix.
        name: What messages call it.

    Raises:
        DataError: If it is no array, ragged, or of a type that is not numbers, truth values or text.
    """
    if isinstance(value, np.ma.MaskedArray):
        gaps = np.ma.getmaskarray(value)
        plain = value.data if not gaps.any() else np.ma.filled(value.astype(np.float64), np.nan)
        return np.asarray(plain)
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        return _from_tensor(value)
    if hasattr(value, "to_numpy"):
        return _from_frame_or_series(value, name)
    if hasattr(value, "toarray"):
        return np.asarray(value.toarray())
    if isinstance(value, list | tuple) and any(hasattr(item, "detach") for item in value):
        value = [as_array(item, name) for item in value]
    try:
        array = np.asarray(value)
    except ValueError:
        raise DataError(
            f"{name} is ragged: its rows differ in length or depth, so they make no array. Give every "
            "example the same shape.",
            "data-ragged",
        ) from None
    if array.dtype.kind == "O" and array.ndim == 0:
        raise DataError(
            f"{name} must be an array, a list or a tensor, got {type(value).__name__}.", "data-not-an-array"
        )
    return array


def as_inputs(array: np.ndarray) -> np.ndarray:
    """A new float32 array: bytes divided by 255, everything else as given."""
    with np.errstate(over="ignore"):
        x = array.astype(np.float32, order="C")
    return x / np.float32(255) if array.dtype == np.uint8 else x


def _from_tensor(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if getattr(tensor, "is_sparse", False):
        tensor = tensor.to_dense()
    try:
        return np.asarray(tensor.numpy())
    except TypeError:  # bfloat16 has no NumPy twin
        return np.asarray(tensor.float().numpy())


def _from_frame_or_series(value: Any, name: str) -> np.ndarray:
    array = np.asarray(value.to_numpy())
    if array.dtype.kind != "O" or array.ndim == 1:
        return array
    try:  # pandas' nullable types and mixtures of truth values and numbers
        return np.asarray(value.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise DataError(
            f"{name} is a frame with columns that are not numbers. Give the whole frame, features and "
            'target, with y="column": text columns are then one-hot encoded.',
            "data-frame-in-pair",
        ) from None


def read_all(parts: Mapping[str, Any], targets: Container[str]) -> dict[str, np.ndarray]:
    """Inputs and targets, each as an array of a type that can be used.

    Args:
        parts: Name → array-like.
        targets: The names of those that are targets.

    Raises:
        DataError: If some cannot; all of them at once.
    """
    arrays: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    for name, value in parts.items():
        try:
            arrays[name] = as_array(value, name)
            problems += _type_problems(arrays[name], name, is_input=name not in targets)
        except DataError as error:
            problems += error.problems
    DataError.raise_all(problems)
    return arrays


def _type_problems(array: np.ndarray, name: str, *, is_input: bool) -> Iterator[Problem]:
    kind = array.dtype.kind
    if kind in "Mm":
        yield Problem(
            f"{name} holds dates or times ({array.dtype}). Turn them into numbers that mean something, for "
            "instance days since the first, or the month.",
            "data-dates",
        )
    elif kind in "US" and is_input:
        yield Problem(
            f"{name} holds text ({array.dtype}); inputs must be numbers. Text columns are one-hot encoded "
            'when the data are a frame, a csv or a parquet file and y="column" names the target.',
            "data-text",
        )
    elif kind == "O" and (is_input or not _is_text(array)):
        first = next((type(v).__name__ for v in array.ravel() if v is not None), "None")
        right = "numbers" if is_input else "numbers or text, one kind only"
        yield Problem(
            f"{name} is an object array (its first item is of type {first}); it must hold {right}. Convert "
            "it, for instance with np.asarray(…, dtype=np.float32).",
            "data-object-array",
        )
    elif kind not in "biufUSO":
        yield Problem(
            f"{name} has the type {array.dtype}, which a network cannot take. Give real numbers.",
            "data-type",
        )


def _is_text(array: np.ndarray) -> bool:
    """Whether an object array holds text, gaps aside."""
    gaps = target_gaps(array)
    return not gaps.all() and all(isinstance(v, str) for v in array[~gaps].ravel())
