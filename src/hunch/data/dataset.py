"""The container that all inputs end up in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Data:
    """Training and held-out examples as plain arrays; nothing random is left in it.

    Args:
        x: Training inputs, float32, shape (n, …). Several inputs are one structured array (n,) with a field an
            input: fields `"0"`, `"1"`, … are given to the network in order, others by name; float32, int64 or bool.
        y: Training targets: int64 of shape (n,) for labels; float32 of shape (n, outputs) for regression.
        x_held: Held-out inputs, like `x`.
        y_held: Held-out targets, like `y`.
        labels: Whether `y` holds integer labels (else regression).
        n_classes: Number of classes, for labels: largest label + 1.
        y_scale: Standard deviation that a standardised regression target was divided by, per output, float64
            (outputs,); ones when the target was used as given. Errors are reported times this.
        y_offset: Mean that was taken away, like `y_scale`.
        source: Where the data come from, in words.
        hash: SHA-256 over all arrays, as hex.
        notes: What the reader should know (rows dropped, duplicates across the split), as sentences.
        rows: Row of each training example in what the user gave, counted from 0, int64 (n,), for messages; None
            where rows were dropped on the way.
    """

    x: np.ndarray
    y: np.ndarray
    x_held: np.ndarray
    y_held: np.ndarray
    labels: bool
    n_classes: int
    y_scale: np.ndarray
    y_offset: np.ndarray
    source: str
    hash: str
    notes: tuple[str, ...] = ()
    rows: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Number of training examples."""
        return len(self.x)

    @property
    def n_held(self) -> int:
        """Number of held-out examples."""
        return len(self.x_held)


@dataclass
class Notes:
    """What the reader should know, collected while data are read.

    Args:
        sentences: Everything that goes into `Data.notes`, in order.
        warnings: Those of the sentences that `load` also gives as a `HunchWarning`.
    """

    sentences: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Add a sentence."""
        self.sentences.append(sentence)

    def warn(self, sentence: str) -> None:
        """Add a sentence that the user must not overlook."""
        self.sentences.append(sentence)
        self.warnings.append(sentence)


def counted(n: int, noun: str) -> str:
    """A number with its noun: "1 row", "2,000 rows".

    Example:
        >>> counted(1, "row"), counted(2000, "row")
        ('1 row', '2,000 rows')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def fingerprint(*arrays: np.ndarray) -> str:
    """SHA-256 over the dtype, shape and bytes of the arrays, as hex; the same on every machine.

    Example:
        >>> fingerprint(np.zeros(2)) == fingerprint(np.zeros(2))
        True
    """
    digest = hashlib.sha256()
    for array in arrays:
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        kind = plain.dtype.str if plain.dtype.names is None else str(plain.dtype.descr)
        digest.update(f"{kind}{plain.shape};".encode())
        if plain.size:
            digest.update(plain.data if plain.dtype.names is None else plain.view(np.uint8).data)
    return digest.hexdigest()
