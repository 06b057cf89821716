"""The container that all inputs end up in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLASSES, BINARY, REGRESSION = "classes", "binary", "regression"


@dataclass(frozen=True, eq=False)
class Data:
    """Training and held-out examples as plain arrays; nothing random is left in it.

    Args:
        x: Training inputs, float32, shape (n, …).
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

    @property
    def n(self) -> int:
        """Number of training examples."""
        return len(self.x)

    @property
    def n_held(self) -> int:
        """Number of held-out examples."""
        return len(self.x_held)
