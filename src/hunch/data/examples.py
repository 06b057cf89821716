"""A torch `Dataset` or `DataLoader`, known by its methods alone → X and y.

A loader is read through its dataset, in the order of the index and through its `collate_fn`: shuffling and
`drop_last` then do not change the data, no example comes twice from two workers, and no random state is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from hunch.data.convert import as_array
from hunch.data.dataset import Notes
from hunch.errors import DataError

MAX_STREAM = 1_000_000
_WHOLE_SAMPLERS = ("SequentialSampler", "RandomSampler")


def is_loader(value: Any) -> bool:
    """Whether it has what makes a `DataLoader`."""
    return all(hasattr(value, name) for name in ("dataset", "batch_size", "collate_fn"))


def is_map_style(value: Any) -> bool:
    """Whether examples can be asked for by number."""
    return hasattr(value, "__len__") and hasattr(value, "__getitem__")


def read_loader(loader: Any, notes: Notes) -> tuple[np.ndarray, np.ndarray, str]:
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
    if size is None:  # the dataset's own items are batches, or single examples that stay single
        pairs = (_pair(loader.collate_fn(item), "the loader") for item in items)
        batches = (_as_batch(*pair) for pair in pairs)
    else:
        collated = (loader.collate_fn(chunk) for chunk in _chunks(items, size))
        batches = (_arrays(_pair(batch, "a batch of the loader")) for batch in collated)
    x, y = _joined(list(batches), np.concatenate)
    if is_map_style(dataset):
        _warn_if_random(dataset, notes)
    return x, y, named


def read_dataset(dataset: Any, notes: Notes) -> tuple[np.ndarray, np.ndarray, str]:
    """(X, y, where they come from) of a dataset of single examples.

    Raises:
        DataError: If an example is no pair, or the shapes of examples differ.
    """
    is_map = is_map_style(dataset)
    items = _numbered(dataset, range(len(dataset))) if is_map else _streamed(dataset)
    x, y = _joined([_arrays(_pair(item, "an example of the dataset")) for item in items], np.stack)
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


def _arrays(pair: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    return as_array(pair[0], "x"), as_array(pair[1], "y")


def _as_batch(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = _arrays((x, y))
    return (x[None], y[None]) if y.ndim == 0 else (x, y)


def _joined(pairs: list[tuple[np.ndarray, np.ndarray]], join: Any) -> tuple[np.ndarray, np.ndarray]:
    if not pairs:
        raise DataError("the dataset is empty: it gave no example. Give at least 2.", "data-empty")
    parts = []
    for name, arrays in zip("xy", zip(*pairs, strict=True), strict=True):
        try:
            parts.append(join(arrays))
        except ValueError:
            shapes = list(dict.fromkeys(a.shape for a in arrays))
            raise DataError(
                f"the examples' {name} differ in shape: {shapes[0]} and {shapes[-1]}, among others. Bring "
                "all to one shape, for instance by cropping or padding.",
                "data-ragged",
            ) from None
    return parts[0], parts[1]


def _warn_if_random(dataset: Any, notes: Notes) -> None:
    """Read one example twice: augmentation would make every reading another data set."""
    first, again = (as_array(_pair(dataset[0], "an example")[0], "x") for _ in range(2))
    if first.shape != again.shape or not np.array_equal(first, again, equal_nan=first.dtype.kind == "f"):
        notes.warn(
            f"The {_named(dataset)} gives other numbers each time it is read (augmentation?). It was read "
            "once, and that copy is trained on; a stored study cannot be resumed with another reading. Take "
            "the randomness out."
        )
