"""What a network that ignores its input would cost: c0, the yardstick of learning, and its error."""

from __future__ import annotations

import numpy as np

from hunch.data.dataset import Data


def constant_cost(data: Data, cost: str, on: str = "train", rows: np.ndarray | None = None) -> float:
    """Mean cost of the constant prediction that the training part suggests (c0).

    The prediction is the class frequencies of the whole training part (as probabilities) or, for regression,
    its mean: `cross_entropy` -mean log f(y); `binary_cross_entropy` the same for two classes;
    `mean_squared_error` mean (y - m)²; `huber` with delta 1. In nats, or in the (standardised) target's unit.

    Args:
        data: The data.
        cost: `"cross_entropy"`, `"binary_cross_entropy"`, `"mean_squared_error"` or `"huber"`.
        on: The targets it is judged on: `"train"` or `"held"`.
        rows: Rows of that part, int (k,); None: all of it.

    Raises:
        ValueError: If `cost` or `on` is unknown.

    Example:
        >>> from hunch.data import digits
        >>> round(constant_cost(digits(), "cross_entropy"), 3)  # ln 10 = 2.303
        2.302
    """
    if on not in ("train", "held"):
        raise ValueError(f"on must be 'train' or 'held', got {on!r}")
    y = data.y if on == "train" else data.y_held
    return float(_losses(data, cost, y if rows is None else y[rows]).mean())


def constant_losses(data: Data, cost: str) -> np.ndarray:
    """What that prediction costs on each held-out example, over several outputs their mean.

    Args:
        data: The data.
        cost: As for `constant_cost`.

    Returns:
        float64 (n_held,), of mean `constant_cost(data, cost, on="held")`.

    Raises:
        ValueError: If `cost` is unknown.

    Example:
        >>> from hunch.data import digits
        >>> constant_losses(digits(), "cross_entropy")[:3].round(2).tolist()
        [2.29, 2.29, 2.34]
    """
    return _losses(data, cost, data.y_held).reshape(data.n_held, -1).mean(axis=1)


def _losses(data: Data, cost: str, y: np.ndarray) -> np.ndarray:
    """The cost at each of these targets, in their shape."""
    if cost in ("cross_entropy", "binary_cross_entropy"):
        known, counts = np.unique(data.y, return_counts=True)
        return -np.log(counts / data.n)[np.searchsorted(known, y)]
    distance = np.abs(y.astype(np.float64) - data.y.mean(axis=0, dtype=np.float64))
    if cost == "mean_squared_error":
        return distance**2
    if cost == "huber":
        return np.where(distance <= 1, distance**2 / 2, distance - 0.5)
    raise ValueError(f"there is no cost {cost!r}")


def constant_error(data: Data) -> float:
    """Held-out error of the best constant guess from the training part.

    Labels: the share of held-out examples that are not of the most frequent class (of several, the one with
    the smallest label), in 0..1. Regression: root mean squared error of the training mean, over all outputs
    together, in the target's own unit.

    Args:
        data: The data.

    Example:
        >>> from hunch.data import digits
        >>> round(constant_error(digits()), 1)
        0.9
    """
    if data.labels:
        return float((~constant_right(data)).mean())
    distance = (data.y_held.astype(np.float64) - data.y.mean(axis=0, dtype=np.float64)) * data.y_scale
    return float(np.sqrt((distance**2).mean()))


def constant_right(data: Data) -> np.ndarray:
    """Which held-out examples that guess answers rightly: those of the training part's most frequent class.

    Args:
        data: The data, with labels.

    Returns:
        bool (n_held,).
    """
    known, counts = np.unique(data.y, return_counts=True)
    return data.y_held == known[counts.argmax()]
