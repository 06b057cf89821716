"""A confidence sequence for the mean of bounded differences, by betting: nothing is assumed of their shape.

Someone bets against every value that the mean may have, never more than they have. Against the true value no
betting makes money, so a value against which the stake has grown 1/alpha-fold at any time is wrong with
probability alpha at most (Ville; Waudby-Smith and Ramdas 2024).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BOLDEST, N_BETS = 0.95, 12
SHARES = tuple(BOLDEST * 0.7**k for k in range(N_BETS))  # of what may be staked
PRIOR = tuple(share / sum(SHARES) for share in SHARES)  # of the stake: bounds are wide, so bold bets pay
MIXING = 1.0  # about what it costs, in logs of the stake, not to know the best bet [simulated]
_HALVINGS = 40


def betting_interval(d: npt.ArrayLike, low: float, high: float, alpha: float) -> tuple[Floats, Floats]:
    """The confidence sequence for the mean at the last difference, all earlier ones cut with it.

    A bet of share g that the mean is above m multiplies the stake by 1 + g·(u/m - 1), u being the difference
    scaled to 0..1: rescaled for every m, so that no m can be bet into ruin. Half of alpha is spent on
    each end.

    Args:
        d: Differences in their order, (..., n), each within [low, high].
        low: The least that a difference can be.
        high: The most that it can be.
        alpha: 1 - level, over all n.

    Returns:
        (low, high), of the leading shape; the bounds themselves without differences, NaN where a difference
        is NaN.

    Raises:
        ValueError: If the bounds are no bounds of the differences.

    Example:
        >>> low, high = betting_interval([0.5] * 40, -1.0, 1.0, 0.05)
        >>> bool(0 < low < 0.5 < high <= 1)
        True
    """
    u = _scaled(d, low, high)
    width = high - low
    bottom, top = _lower_end(u, alpha), 1.0 - _lower_end(1.0 - u, alpha)
    unknown = np.isnan(u).any(axis=-1)
    return (
        np.asarray(np.where(unknown, np.nan, low + width * bottom)),
        np.asarray(np.where(unknown, np.nan, low + width * top)),
    )


def bets_won(d: npt.ArrayLike, low: float, high: float, mean: float) -> tuple[Floats, Floats]:
    """Log of what the stakes against one value of the mean have grown to, after each difference.

    The value is refuted as too low as soon as the first reaches `log_price(alpha)`, as too high as soon as
    the second does: `betting_interval` leaves out exactly those values.

    Args:
        d: Differences in their order, (..., n), each within [low, high].
        low: The least that a difference can be.
        high: The most that it can be.
        mean: The value, between them. Beyond them it is refuted at once.

    Returns:
        Bets that the mean is above the value, and that it is below, each (..., n).

    Raises:
        ValueError: If the bounds are no bounds of the differences.

    Example:
        >>> above, below = bets_won([0.5] * 40, -1.0, 1.0, 0.0)
        >>> bool(above[-1] > log_price(0.05) > below[-1])
        True
    """
    u = _scaled(d, low, high)
    m = (mean - low) / (high - low)
    above = _won(u, np.asarray(m)) if m > 0 else np.full(u.shape, math.inf)
    below = _won(1.0 - u, np.asarray(1.0 - m)) if m < 1 else np.full(u.shape, math.inf)
    return above, below


def log_price(alpha: float) -> float:
    """Log of what a stake must grow to: both sides are bet on, each with half of alpha.

    Example:
        >>> round(log_price(0.05), 2)
        3.69
    """
    return math.log(2 / alpha)


def betting_price(effect: float, spread: float, width: float, alpha: float) -> float:
    """About how many differences the bets need to tell the direction of an effect.

    Simulated: right to 5 % where the bounds are ten or more standard deviations wide, up to a third too many
    where they are narrow.

    Args:
        effect: Mean of the differences.
        spread: Their standard deviation.
        width: Distance of the bounds, which lie evenly around 0.
        alpha: 1 - level.

    Returns:
        A number of differences; infinite for no effect, NaN where a number is missing.

    Example:
        >>> round(betting_price(0.5, 0.5, 2.0, 0.05))
        19
    """
    gain, square = 2 * abs(effect) / width, 4 * (effect**2 + spread**2) / width**2
    if math.isnan(gain + square):
        return math.nan
    growth = max(g * gain - g**2 * square / 2 for g in SHARES)
    return (log_price(alpha) + MIXING) / growth if growth > 0 else math.inf


def _scaled(d: npt.ArrayLike, low: float, high: float) -> Floats:
    """The differences on 0..1."""
    d = np.asarray(d, dtype=np.float64)
    width = high - low
    slack = 1e-9 * width  # differences at a bound are rounded
    if not 0 < width < math.inf or bool((d < low - slack).any()) or bool((d > high + slack).any()):
        raise ValueError(f"the differences must lie within the bounds, got [{low}, {high}].")
    return np.clip((d - low) / width, 0.0, 1.0)


def _lower_end(u: Floats, alpha: float) -> Floats:
    """The largest m that bets on a larger mean have refuted; 0 if none."""
    lead = u.shape[:-1]
    rows = u.reshape(math.prod(lead), u.shape[-1])
    refuted, open_ = np.zeros(len(rows)), np.ones(len(rows))
    if u.shape[-1]:
        for _ in range(_HALVINGS):
            middle = (refuted + open_) / 2
            is_refuted = _won(rows, middle[:, None]).max(axis=1) >= log_price(alpha)
            refuted, open_ = np.where(is_refuted, middle, refuted), np.where(is_refuted, open_, middle)
    return refuted.reshape(lead)


def _won(u: Floats, m: Floats) -> Floats:
    """Log of the stake after each difference, betting that the mean is above m."""
    surplus = u / m - 1.0
    won = np.stack([math.log(p) + np.cumsum(np.log1p(g * surplus), axis=-1)
                    for g, p in zip(SHARES, PRIOR, strict=True)])  # fmt: skip
    most = won.max(axis=0)
    return np.asarray(most + np.log(np.exp(won - most).sum(axis=0)))
