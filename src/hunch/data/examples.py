"""A torch `Dataset` or `DataLoader`, known by its methods alone → X and y.

A loader is read through its dataset, in the order of the index and through its `collate_fn`: shuffling and
`drop_last` then do not change the data, no example comes twice from two workers, and no random state is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np

from hunch.data.convert import as_array
from hunch.data.dataset import Notes
from hunch.data.several import Several, by_name
from hunch.errors import DataError

MAX_STREAM = 1_000_000
_WHOLE_SAMPLERS = ("SequentialSampler", "RandomSampler")


def is_loader(value: Any) -> bool:
    """Whether it has what makes a `DataLoader`."""
    return all(hasattr(value, name) for name in ("dataset", "batch_size", "collate_fn"))


def is_map_style(value: Any) -> bool:
    """Whether examples can be asked for by number."""
    return hasattr(value, "__len__") and hasattr(value, "__getitem__")


def read_loader(loader: Any, notes: Notes) -> tuple[np.ndarray | Several, np.ndarray, str]:
    """(X, y, where they come from) of a loader.

    Raises:
        DataError: If a batch is no pair, or the sampler draws in a way that is not a set of examples.
    """
    dataset = loader.dataset
    named = f"DataLoader over {_named(dataset)}"
    batch_sampler = getattr(loader, "batch_sampler", None)
    size = loader.batch_size or (None if batch_sampler is None else 256)
    if type(batch_sampler).__name__ not in ("BatchSampler", "NoneType"):
        kind = _named(batch_sampler)
        notes.say(f"All examples of the dataset were read; the loader's {kind} was not used.")
    items = _numbered(dataset, _sampled(loader)) if is_map_style(dataset) else _streamed(dataset)
    # Collating turns tuples into lists, so the raw item says whether a list is several inputs or several examples.
    n_inputs, items = _inputs_of_first(items)
    if size is None:  # the dataset's own items are batches, or single examples that stay single
        pairs = (_pair(loader.collate_fn(item), "the loader") for item in items)
        batches = [_as_batch(_inputs(x, n_inputs), y) for x, y in pairs]
    else:
        collated = (loader.collate_fn(chunk) for chunk in _chunks(items, size))
        pairs = (_pair(batch, "a batch of the loader") for batch in collated)
        batches = [(_inputs(x, n_inputs), as_array(y, "y")) for x, y in pairs]
    x, y = _joined(batches, np.concatenate)
    if is_map_style(dataset):
        _warn_if_random(dataset, notes)
    return x, y, named


def read_dataset(dataset: Any, notes: Notes) -> tuple[np.ndarray | Several, np.ndarray, str]:
    """(X, y, where they come from) of a dataset of single examples.

    Raises:
        DataError: If an example is no pair, or the shapes of examples differ.
    """
    is_map = is_map_style(dataset)
    items = _numbered(dataset, range(len(dataset))) if is_map else _streamed(dataset)
    pairs = (_pair(item, "an example of the dataset") for item in items)
    x, y = _joined([(_inputs(x), as_array(y, "y")) for x, y in pairs], np.stack)
    if is_map:
        _warn_if_random(dataset, notes)
    return x, y, _named(dataset)


def _named(dataset: Any) -> str:
    return type(dataset).__name__


def _sampled(loader: Any) -> Iterable[int]:
    """The numbers of the examples that the loader would give, ascending."""
    sampler = getattr(loader, "sampler", None)
    kind = type(sampler).__name__
    if sampler is None or kind in _WHOLE_SAMPLERS:
        return range(len(loader.dataset))
    indices = getattr(sampler, "indices", None)
    if indices is not None and len(set(map(int, indices))) == len(indices):
        return sorted(map(int, indices))
    raise DataError(
        f"the loader draws its examples with a {kind}, so which examples are the data cannot be told. Pass "
        "the dataset itself, or torch.utils.data.Subset(dataset, indices).",
        "data-loader-sampler",
    )


def _numbered(dataset: Any, order: Iterable[int]) -> Iterator[Any]:
    for k in order:
        yield dataset[k]


def _streamed(dataset: Any) -> Iterator[Any]:
    for k, item in enumerate(dataset):
        if k == MAX_STREAM:
            raise DataError(
                f"the {_named(dataset)} gave {MAX_STREAM:,} items and did not end. Give arrays or a dataset "
                "with a length.",
                "data-endless",
            )
        yield item


def _chunks(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while chunk := list(islice(items, size)):
        yield chunk


def _pair(item: Any, where: str) -> tuple[Any, Any]:
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    if isinstance(item, dict):
        got = f"a dict with the keys {', '.join(map(repr, list(item)[:5]))}"
    elif isinstance(item, tuple | list):
        got = f"a {type(item).__name__} of {len(item)}"
    else:
        got = f"a {type(item).__name__}"
    raise DataError(
        f"{where} must be a pair (x, y), got {got}. Wrap the dataset so that dataset[k] returns (x, y), or "
        "pass arrays: (X, y).",
        "data-batch-pair",
    )


def _inputs_of_first(items: Iterator[Any]) -> tuple[int, Iterator[Any]]:
    """(inputs that the first raw item has in a tuple, else 0; the items again)."""
    for item in items:
        is_pair = isinstance(item, tuple | list) and len(item) == 2
        x = item[0] if is_pair else None
        return (len(x) if isinstance(x, tuple) and _are_inputs(x) else 0), chain([item], items)
    return 0, iter(())


def _are_inputs(x: Any) -> bool:
    """Whether items are inputs of their own, and not the features of one: some item is an array."""
    return any(len(getattr(item, "shape", ())) > 0 for item in x)


def _inputs(x: Any, n_inputs: int = 0) -> dict[str, np.ndarray]:
    """Field → array of an example or a batch; one array alone has the field "".

    Args:
        x: What the dataset or the loader gives.
        n_inputs: How many inputs a list of them has; 0: a list is no several inputs.
    """
    if isinstance(x, Mapping):
        return {name: as_array(value, f"x[{name!r}]") for name, value in by_name(x, "x").items.items()}
    is_listed = isinstance(x, list) and n_inputs > 0 and len(x) == n_inputs
    if (isinstance(x, tuple) or is_listed) and x and _are_inputs(x):
        return {str(k): as_array(value, f"x[{k}]") for k, value in enumerate(x)}
    return {"": as_array(x, "x")}


def _as_batch(x: dict[str, np.ndarray], y: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    y = as_array(y, "y")
    return ({field: array[None] for field, array in x.items()}, y[None]) if y.ndim == 0 else (x, y)


def _joined(
    pairs: list[tuple[dict[str, np.ndarray], np.ndarray]], join: Any
) -> tuple[np.ndarray | Several, np.ndarray]:
    if not pairs:
        raise DataError("the dataset is empty: it gave no example. Give at least 2.", "data-empty")
    fields = list(pairs[0][0])
    for x, _ in pairs:
        if set(x) != set(fields):
            raise DataError(
                f"the examples' x have different inputs: {_listed(fields)} and {_listed(x)}, among others. Give every "
                "example the same.",
                "data-inputs-differ",
            )
    named = dict.fromkeys(fields, "x") if fields == [""] else {f: f"x[{f}]" for f in fields}
    x = {f: _in_one([x[f] for x, _ in pairs], named[f], join) for f in fields}
    y = _in_one([y for _, y in pairs], "y", join)
    return (x[""] if fields == [""] else Several(x)), y


def _in_one(arrays: list[np.ndarray], name: str, join: Any) -> np.ndarray:
    try:
        return join(arrays)
    except ValueError:
        shapes = list(dict.fromkeys(a.shape for a in arrays))
        raise DataError(
            f"the examples' {name} differ in shape: {shapes[0]} and {shapes[-1]}, among others. Bring "
            "all to one shape, for instance by cropping or padding.",
            "data-ragged",
        ) from None


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(fields) or "one array"


def _warn_if_random(dataset: Any, notes: Notes) -> None:
    """Read one example twice: augmentation would make every reading another data set."""
    first, again = (_inputs(_pair(dataset[0], "an example")[0]) for _ in range(2))
    same = (
        np.array_equal(a, again[f], equal_nan=a.dtype.kind == "f") for f, a in first.items() if f in again
    )
    if list(first) != list(again) or not all(same):
        notes.warn(
            f"The {_named(dataset)} gives other numbers each time it is read (augmentation?). It was read "
            "once, and that copy is trained on; a stored study cannot be resumed with another reading. Take "
            "the randomness out."
        )
