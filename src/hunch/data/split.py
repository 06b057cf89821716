"""Which examples are held out, as a function of the data alone, and what the two parts share."""

from __future__ import annotations

import hashlib

import numpy as np

from hunch.data.dataset import Data, counted, fingerprint
from hunch.data.several import inputs_in
from hunch.errors import DataError


def split_rows(key: str, n: int, labels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(training rows, held-out rows), each ascending: about one row in five is held out.

    With labels every class gives its fifth, rounded up or down. A class of one example gives none, so that
    each class appears in the training part, and the others are cut as if it were not there.

    Args:
        key: Hex hash of the data, at least 32 digits; nothing else decides who is drawn.
        n: Number of rows.
        labels: int64 (n,), or None for a plain draw.

    Raises:
        DataError: If no row can be held out.
    """
    if n < 2:
        raise DataError(
            f"there {'is' if n == 1 else 'are'} {counted(n, 'example')}, and one in five is to be held out. "
            "Give at least 2 examples, better some hundreds.",
            "data-too-few",
        )
    # Raw bits rather than Generator.permutation: only the bits are promised to stay the same across versions.
    bits = np.random.Philox(key=int(key[:32], 16)).random_raw(n)
    order = np.argsort(bits, kind="stable")
    if labels is None:
        held = order[: _fifth(n)]
    else:
        _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
        quota = _quotas(counts)
        if not quota.any():
            raise DataError(
                f"no example can be held out: each of the {len(counts)} labels in y stands there once. Is y "
                "a row number? For a regression write y.astype(float); else give held-out examples yourself: "
                "(X, y, X_held, y_held).",
                "data-labels-all-different",
            )
        by_class = order[np.argsort(inverse[order], kind="stable")]
        rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
        held = by_class[rank < np.repeat(quota, counts)]
    is_held = np.zeros(n, dtype=bool)
    is_held[held] = True
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def _fifth(n: int) -> int:
    """A fifth of n, rounded to the nearest whole number, at least 1."""
    return max(1, (2 * n + 5) // 10)


def _quotas(counts: np.ndarray) -> np.ndarray:
    """How many of each class are held out: largest remainders, in whole numbers, so free of rounding."""
    shared = np.where(counts > 1, counts, 0)
    n = int(shared.sum())
    if n == 0:
        return shared
    n_held = _fifth(n)
    quota, remainder = shared * n_held // n, shared * n_held % n
    quota[np.argsort(-remainder, kind="stable")[: n_held - int(quota.sum())]] += 1
    return quota


def n_shared_rows(x: np.ndarray, x_held: np.ndarray) -> int:
    """How many rows of `x_held` also stand, number for number, in `x`.

    Args:
        x: Training inputs (n, …), or several, as a structured array (n,).
        x_held: Held-out inputs, same dtype.
    """
    known = set(_row_digests(x))
    return sum(digest in known for digest in _row_digests(x_held))


def _row_digests(x: np.ndarray):
    for row in zip(*inputs_in(x).values(), strict=True):
        digest = hashlib.blake2b(digest_size=16)
        for part in row:
            # Adding 0.0 turns -0.0 into 0.0: equal numbers should count as equal.
            digest.update((part + 0.0 if part.dtype.kind == "f" else np.ascontiguousarray(part)).data)
        yield digest.digest()


def validation_split(data: Data) -> Data:
    """The training part of `data`, cut again into four fifths to train on and one fifth held out.

    For choices that are judged on held-out outcomes (learning rates, doses): they must not see the examples
    that the verdict is about. Classes, scale and offset stay those of `data`.

    Args:
        data: Loaded data.

    Raises:
        DataError: If the training part is too small to hold any example out.

    Example:
        >>> from hunch.data import digits
        >>> data = digits()
        >>> inner = validation_split(data)
        >>> inner.n + inner.n_held == data.n
        True
    """
    key = fingerprint(data.x, data.y)
    train, held = split_rows(key, data.n, data.y if data.labels else None)
    parts = (data.x[train], data.y[train], data.x[held], data.y[held])
    return Data(
        *parts,
        labels=data.labels,
        n_classes=data.n_classes,
        y_scale=data.y_scale,
        y_offset=data.y_offset,
        source=f"training part of {data.source}",
        hash=fingerprint(*parts, data.y_scale, data.y_offset),
        notes=data.notes,
    )
