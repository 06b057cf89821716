"""Inputs of one part: a single array, or several in order or by name, which are packed into one structured array."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hunch.data.convert import as_inputs
from hunch.data.dataset import Notes, counted
from hunch.errors import DataError


@dataclass(frozen=True, eq=False)
class Several:
    """Several inputs of the same examples, not yet checked.

    Args:
        items: Field → array-like. Fields `"0"`, `"1"`, … are given to the forward in order, others by name.
        name: What messages call all of them, `"X"`.
    """

    items: Mapping[str, Any]
    name: str = "X"

    @property
    def is_named(self) -> bool:
        """Whether the forward gets them by name."""
        return "0" not in self.items

    @property
    def labels(self) -> dict[str, str]:
        """Field → what messages call it: `X['age']`, `X[0]`."""
        return {f: f"{self.name}[{f!r}]" if self.is_named else f"{self.name}[{f}]" for f in self.items}


def grouped(parts: Mapping[str, Any], pairs: list[tuple[str, str]]) -> dict[str, Several | None]:
    """For each name of inputs the inputs, if they are several; held-out ones in the order of the first.

    Args:
        parts: Name → array-like.
        pairs: Names of inputs and targets: one pair, or two.

    Raises:
        DataError: If a name is no name, or training and held-out inputs are not the same.
    """
    found = {x: several(parts[x], parts[y], x) for x, y in pairs}
    if len(found) == 1:
        return found
    (first, given), (second, held) = found.items()
    if given is not None and not given.is_named and isinstance(parts[second], tuple):
        held = positional(parts[second], second)
    if (given and set(given.items)) != (held and set(held.items)):
        raise DataError(
            f"{first} is {_told(given)}, and {second} is {_told(held)}. Give both the same inputs.",
            "data-inputs-differ",
        )
    if given and held:
        held = Several({field: held.items[field] for field in given.items}, second)
    return {first: given, second: held}


def several(x: Any, y: Any, name: str) -> Several | None:
    """The inputs, if they are several: a mapping, or a tuple of arrays of which one is as long as `y`.

    A tuple of as many items as `y` has is an array with an item an example, as a list always is.

    Args:
        x: What stands for the inputs.
        y: What stands for the targets.
        name: What messages call the inputs.

    Raises:
        DataError: If a name is none that a forward could take, or there is no input at all.
    """
    if isinstance(x, Several):
        return x
    if isinstance(x, Mapping):
        return by_name(x, name)
    n = _length(y)
    if not isinstance(x, tuple) or n in (None, len(x)):
        return None
    lengths = [_length(item) for item in x]
    # A tuple of numbers would be a row of them; arrays or lists as long as y can only be several inputs.
    return positional(x, name) if n in lengths and None not in lengths else None


def positional(items: tuple[Any, ...], name: str = "X") -> Several:
    """Several inputs in order."""
    return Several({str(k): item for k, item in enumerate(items)}, name)


def by_name(items: Mapping[Any, Any], name: str) -> Several:
    """Several inputs by name.

    Raises:
        DataError: If a name is none that an argument could have, or there is no input at all.
    """
    if not items:
        raise DataError(f"{name} is an empty dict. Give at least one input.", "data-empty")
    for key in items:
        if not isinstance(key, str) or not key.isidentifier():
            raise DataError(
                f"{name} is a dict with the key {key!r}; the keys are the names of the forward's arguments. "
                "Rename it, or give a tuple, whose arrays go in in order.",
                "data-input-name",
            )
    return Several(dict(items), name)


def pack(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Arrays of equally many examples → one structured array (n,), with a field an input.

    Floats become float32, bytes (uint8) float32 divided by 255, other integers int64, truth values stay.

    Args:
        arrays: Field → array (n, …).

    Example:
        >>> pack({"0": np.zeros((5, 2)), "1": np.arange(5)}).dtype
        dtype([('0', '<f4', (2,)), ('1', '<i8')])
    """
    ready = {field: _ready(array) for field, array in arrays.items()}
    kinds = [(field, array.dtype, array.shape[1:]) for field, array in ready.items()]
    packed = np.empty(len(next(iter(ready.values()))), dtype=np.dtype(kinds))
    for field, array in ready.items():
        packed[field] = array
    return packed


def inputs_in(x: np.ndarray) -> dict[str, np.ndarray]:
    """Field → array of what `Data.x` holds; a plain array has the field `""`.

    Example:
        >>> list(inputs_in(np.zeros((2, 3))))
        ['']
    """
    return {"": x} if x.dtype.names is None else {field: x[field] for field in x.dtype.names}


def changed(x: np.ndarray, change: Callable[[str, np.ndarray], np.ndarray]) -> np.ndarray:
    """A copy of the inputs with each float array changed; the function takes field and array."""
    if x.dtype.names is None:
        return change("", x)
    out = x.copy()
    for field, array in inputs_in(x).items():
        if array.dtype.kind == "f":
            out[field] = change(field, array)
    return out


def missing_in(x: np.ndarray) -> np.ndarray:
    """Which examples lack a value in some input, bool (n,)."""
    gaps = np.zeros(len(x), dtype=bool)
    for array in inputs_in(x).values():
        if array.dtype.kind == "f":
            gaps |= np.isnan(array).reshape(len(x), -1).any(axis=1)
    return gaps


def say_several(x: np.ndarray, notes: Notes) -> None:
    """The note on what goes into the network, where it is more than one plain array."""
    if x.dtype.names is None:
        return
    told = list(_kinds(x))
    how = "in this order" if x.dtype.names[0] == "0" else "by name"
    notes.say(f"The network gets {counted(len(told), 'input')} {how}: {', '.join(told)}.")


def _kinds(x: np.ndarray) -> Iterator[str]:
    for field, array in inputs_in(x).items():
        shape = " × ".join(map(str, array.shape[1:]))
        what = f"{array.dtype}, {shape} an example" if shape else f"{array.dtype}, one an example"
        yield f"{'' if field.isdigit() else field + ' '}({what})"


def _told(many: Several | None) -> str:
    if many is None:
        return "one array"
    if many.is_named:
        return f"a dict of {', '.join(map(repr, many.items))}"
    return f"a tuple of {counted(len(many.items), 'array')}"


def _ready(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8 or array.dtype.kind == "f":
        return as_inputs(array)
    return array.astype(np.int64) if array.dtype.kind in "iu" else array


def _length(value: Any) -> int | None:
    """Number of items of an array or list; None for a number, text, or what has no length."""
    if isinstance(value, str | bytes | Mapping):
        return None
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return int(shape[0]) if shape else None
    return len(value) if hasattr(value, "__len__") else None
