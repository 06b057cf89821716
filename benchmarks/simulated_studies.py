"""Made-up studies: times to a target of two arms, block by block, from families whose truth is known.

log T of an arm is a family's quantile function at a normal draw; arms at one seed share part of the draw, and
times beyond a budget are censored. The truth is the mean of log min(T_b, B) - log min(T_a, B), found by
integrating each arm's distribution alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special, stats

LOOKS = (10, 20, 40, 80)
_Z = np.linspace(-9.0, 9.0, 6001)
_MIDDLE = special.ndtri((np.arange(20_000) + 0.5) / 20_000)  # the normal distribution, cut into equal shares
STUCK_SHARE, STUCK_TIMES = 0.15, 5.0


def _tail(z):
    return special.ndtr(-z)


def _stuck(z):
    """85 % lognormal with sd 0.3; 15 % of the runs take five times as long."""
    rest = np.minimum(special.ndtr(z) / (1 - STUCK_SHARE), 1 - 1e-12)
    slow = np.clip((special.ndtr(z) - (1 - STUCK_SHARE)) / STUCK_SHARE, 1e-12, 1 - 1e-12)
    is_slow = special.ndtr(z) > 1 - STUCK_SHARE
    return 0.3 * special.ndtri(np.where(is_slow, slow, rest)) + np.where(is_slow, np.log(STUCK_TIMES), 0.0)


LOG_TIME = {
    "lognormal": 0.5 * _Z,
    "weibull": np.log(-special.log_ndtr(-_Z)) / 1.5,
    "gamma": np.log(
        np.where(_Z < 0, stats.gamma.ppf(special.ndtr(_Z), 2.0), stats.gamma.isf(_tail(_Z), 2.0))
    ),
    "steady": 0.05 * _Z,
    "stuck": _stuck(_Z),
}


def log_time(family: str, z: np.ndarray) -> np.ndarray:
    """Log of the time at these normal draws."""
    return np.interp(z, _Z, LOG_TIME[family])


@dataclass(frozen=True)
class Cell:
    """Two arms.

    Args:
        first: Family of the arm that the claim favours.
        second: Family of the other.
        correlation: Of the normal draws at one seed.
        censored: Share of all runs beyond the budget.
        effect: True difference, in standard deviations of the difference.
    """

    first: str
    second: str
    correlation: float = 0.0
    censored: float = 0.0
    effect: float = 0.0


@dataclass(frozen=True)
class Studies:
    """Differences of many studies, (studies, n), their mean and spread in truth, and where equality may be said."""

    d: np.ndarray
    truth: float
    spread: float
    can_be_equal: np.ndarray


def make(cell: Cell, n_studies: int, rng: np.random.Generator, looks: tuple[int, ...] = LOOKS) -> Studies:
    """Studies of one cell."""
    shift, log_budget = _place(cell)
    z = rng.standard_normal((2, n_studies, looks[-1]))
    z[1] = cell.correlation * z[0] + np.sqrt(1 - cell.correlation**2) * z[1]
    a, b = log_time(cell.first, z[0]), log_time(cell.second, z[1]) + shift
    d = np.minimum(b, log_budget) - np.minimum(a, log_budget)
    reached = np.stack([np.cumsum(x <= log_budget, axis=1) for x in (a, b)])
    enough = np.stack([(reached[:, :, n - 1] >= 0.8 * n).all(axis=0) for n in looks], axis=-1)
    return Studies(d, _truth(cell, shift, log_budget), _spread(cell, shift, log_budget), enough)


def make_family(
    cell: Cell, n_arms: int, n_studies: int, rng: np.random.Generator, looks: tuple[int, ...] = LOOKS
) -> tuple[np.ndarray, np.ndarray]:
    """Several arms of the first family against one of the second: (d, can_be_equal), arms first."""
    shift, log_budget = _place(cell)
    common = rng.standard_normal((n_studies, looks[-1]))
    b = log_time(cell.second, common) + shift
    d, enough = [], []
    for _ in range(n_arms):
        z = cell.correlation * common + np.sqrt(1 - cell.correlation**2) * rng.standard_normal(common.shape)
        a = log_time(cell.first, z)
        d.append(np.minimum(b, log_budget) - np.minimum(a, log_budget))
        reached = np.stack([np.cumsum(x <= log_budget, axis=1) for x in (a, b)])
        enough.append(np.stack([(reached[:, :, n - 1] >= 0.8 * n).all(axis=0) for n in looks], axis=-1))
    return np.stack(d), np.stack(enough)


def _budget(cell: Cell, shift: float) -> float:
    if not cell.censored:
        return 50.0
    pooled = np.concatenate([log_time(cell.first, _MIDDLE), log_time(cell.second, _MIDDLE) + shift])
    return float(np.quantile(pooled, 1 - cell.censored))


def _truth(cell: Cell, shift: float, log_budget: float) -> float:
    a, b = log_time(cell.first, _MIDDLE), log_time(cell.second, _MIDDLE) + shift
    return float(np.minimum(b, log_budget).mean() - np.minimum(a, log_budget).mean())


def _spread(cell: Cell, shift: float, log_budget: float) -> float:
    z = np.random.default_rng(1).standard_normal((2, 20_000))
    z[1] = cell.correlation * z[0] + np.sqrt(1 - cell.correlation**2) * z[1]
    a, b = log_time(cell.first, z[0]), log_time(cell.second, z[1]) + shift
    return float((np.minimum(b, log_budget) - np.minimum(a, log_budget)).std())


@lru_cache(maxsize=1024)
def _place(cell: Cell) -> tuple[float, float]:
    """How far to shift the second arm, and the log budget, so that the true effect is the cell's."""
    least, most = -12.0, 12.0
    for _ in range(30):
        shift = (least + most) / 2
        log_budget = _budget(cell, shift)
        low = _truth(cell, shift, log_budget) < cell.effect * _spread(cell, shift, log_budget)
        least, most = (shift, most) if low else (least, shift)
    shift = (least + most) / 2
    return shift, _budget(cell, shift)
