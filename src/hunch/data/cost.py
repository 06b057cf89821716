"""Which cost fits the targets and the network's outputs."""

from __future__ import annotations

import difflib

import numpy as np

from hunch.data.dataset import Data, counted
from hunch.errors import DataError, NetworkError

# The same names as in the plan, in the same order; data and plan are neighbours that do not know each other.
COSTS = ("cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber")
_FOR_LABELS = COSTS[:2]


def choose_cost(data: Data, n_outputs: int, cost: str = "auto") -> str:
    """The cost to minimise; refuses what does not fit.

    `"auto"`: float targets → `mean_squared_error`; labels and two outputs or more → `cross_entropy`; labels
    0 and 1 and one output → `binary_cross_entropy`. More outputs than classes are allowed, as in PyTorch.

    Args:
        data: The data.
        n_outputs: Outputs of the network for one example.
        cost: `"auto"` or the name of a cost.

    Returns:
        `cross_entropy`, `binary_cross_entropy`, `mean_squared_error` or `huber`.

    Raises:
        DataError: If the targets do not fit the cost, or `cost` is unknown.
        NetworkError: If the outputs do not fit the targets.

    Example:
        >>> from hunch.data import digits
        >>> choose_cost(digits(), 10)
        'cross_entropy'
    """
    if cost != "auto" and cost not in COSTS:
        near = difflib.get_close_matches(str(cost), COSTS, n=1, cutoff=0.3)
        raise DataError(
            f"cost must be one of auto, {', '.join(COSTS)}, or a function (outputs, targets) → a cost an example; got "
            f"{cost!r}." + (f' Did you mean cost="{near[0]}"?' if near else ""),
            "data-cost-unknown",
        )
    return _for_labels(data, n_outputs, cost) if data.labels else _for_amounts(data, n_outputs, cost)


def _for_labels(data: Data, n_outputs: int, cost: str) -> str:
    highest = data.n_classes - 1
    if cost != "auto" and cost not in _FOR_LABELS:
        raise DataError(
            f'cost="{cost}" is for amounts, but y holds integer labels 0 to {highest}. If they are amounts, '
            'write y.astype(float); else leave cost="auto".',
            "data-cost-fit",
        )
    if cost == "auto":
        cost = "cross_entropy" if n_outputs >= 2 else "binary_cross_entropy"
    if cost == "cross_entropy":
        if n_outputs < 2:
            raise NetworkError(
                "cross_entropy needs an output for each class, but the network has 1 output; its cost would "
                f"always be 0. Give the last layer {data.n_classes} outputs"
                + (', or write cost="binary_cross_entropy".' if data.n_classes <= 2 else "."),
                "data-outputs-classes",
            )
        if data.n_classes > n_outputs:
            raise NetworkError(_out_of_range(data, n_outputs), "data-labels-range")
        return cost
    if n_outputs != 1:
        raise NetworkError(
            f"binary_cross_entropy needs 1 output, but the network has {n_outputs}. Give the last layer 1 "
            'output, or write cost="cross_entropy".',
            "data-outputs-classes",
        )
    if data.n_classes > 2:
        raise NetworkError(
            f"the network has 1 output, which can tell labels 0 and 1 apart, but {_first_above(data, 1)}. "
            f"Give the last layer {data.n_classes} outputs; if y holds amounts, write y.astype(float).",
            "data-outputs-classes",
        )
    return cost


def _for_amounts(data: Data, n_outputs: int, cost: str) -> str:
    n_columns = data.y.shape[1]
    if cost in _FOR_LABELS:
        raise DataError(
            f'cost="{cost}" needs integer labels, but y holds floats ({_shown(data.y)}). If they are '
            'classes, write y.astype(int); else leave cost="auto".',
            "data-cost-fit",
        )
    if n_outputs == n_columns:
        return "mean_squared_error" if cost == "auto" else cost
    if n_columns == 1:
        raise DataError(
            f"y holds floats ({_shown(data.y)}), one an example, which means regression, but the network has "
            f"{n_outputs} outputs. If y holds classes, write y.astype(int) (in a csv: whole numbers without "
            "a point, or text); for a regression give the last layer 1 output.",
            "data-float-labels",
        )
    raise NetworkError(
        f"y has {n_columns} columns, but the network has {counted(n_outputs, 'output')}. Give the last layer "
        f"{n_columns} outputs.",
        "data-outputs-columns",
    )


def _out_of_range(data: Data, n_outputs: int) -> str:
    different = np.unique(data.y)
    hint = f"Give the last layer {data.n_classes} outputs."
    if len(different) == n_outputs:
        hint = (
            f"There are {n_outputs} different labels: number them from 0, for instance with y = np.unique(y, "
            "return_inverse=True)[1]."
        )
    elif len(different) > 100:
        hint += " If y holds amounts, write y.astype(float) and give it 1 output."
    above = _first_above(data, n_outputs - 1)
    return f"the network has {n_outputs} outputs, so labels may be 0 to {n_outputs - 1}, but {above}. {hint}"


def _first_above(data: Data, highest: int) -> str:
    above = data.y > highest
    row, n = int(np.argmax(above)), int(above.sum())
    where = f"row {row} of the training part" if data.rows is None else f"row {data.rows[row]}"
    return f"y has {data.y[row]} in {where} (counted from 0; {counted(n, 'such row')} to train on)"


def _shown(y: np.ndarray) -> str:
    values = ", ".join(f"{v:.4g}" if v != round(float(v)) else f"{v:.1f}" for v in y.ravel()[:3])
    return values + (", …" if y.size > 3 else "")
