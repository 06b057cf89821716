"""How often the set of equivalent doses leaves out a dose that does the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.simulated_doses import ALPHA, noise
from hunch.stats import equivalent_doses

DOSES = 10.0 ** np.linspace(-4, 0, 9)


def falling(t: np.ndarray | float) -> np.ndarray:
    """What λ = 10^(4t - 4) does to the train/held-out gap: it falls, steeply in the middle."""
    return 2.0 / (1.0 + np.exp(8.0 * (np.asarray(t, dtype=float) - 0.5)))


def bowl(t: np.ndarray | float) -> np.ndarray:
    """An outcome that has its best in the middle: every value is met twice."""
    return 8.0 * (np.asarray(t, dtype=float) - 0.5) ** 2


PLACES = {
    "between two tested doses": (falling, 0.44),
    "at a tested dose": (falling, 0.5),
    "on the plateau, between two": (falling, 0.9),
    "at the lowest tested dose": (falling, 0.0),
    "twice, the lower one": (bowl, 0.2),
    "twice, the upper one": (bowl, 0.8),
    "at a tested dose, only touched": (bowl, 0.5),
    "just below the range": (falling, -0.05),
    "far beyond: no dose does the same": (falling, -math.inf),
}


@dataclass(frozen=True)
class Found:
    """Shares of the studies, and the mean number of the 8 cells in the set.

    Args:
        left_out: The true dose is not in the set; NaN where it is not in the tested range.
        empty: The set is empty.
        open: It goes on beyond the tested range.
        n_cells: Cells in it.
    """

    left_out: float
    empty: float
    open: float
    n_cells: float


def found(place: str, shape: str, n: int, n_studies: int) -> Found:
    """The reference is one more dose, the one that spreads least where variances are unequal."""
    curve, t = PLACES[place]
    rng = np.random.default_rng([ord(c) for c in f"{place} {shape} {n}"])
    y = noise(shape, n_studies, n, 10, rng)
    value = float(curve(t)) if math.isfinite(t) else float(curve(0.0)) + 1.0
    got = equivalent_doses(y[:, :, 9] + value, y[:, :, :9] + curve(np.linspace(0, 1, 9)), DOSES, alpha=ALPHA)
    cell = min(int(t * 8), 7) if 0 <= t <= 1 else -1
    is_in = got.has_cell[:, max(cell, 0)]
    if cell > 0 and cell == t * 8:  # a tested dose ends two cells
        is_in = is_in | got.has_cell[:, cell - 1]
    return Found(
        left_out=float((~is_in).mean()) if cell >= 0 else math.nan,
        empty=float(got.is_empty.mean()),
        open=float((got.is_unbounded_low | got.is_unbounded_high).mean()),
        n_cells=float(got.has_cell.sum(axis=1).mean()),
    )
