"""What predicting a constant costs: in closed form for the built-in costs, by descent for one of the user's own."""

from __future__ import annotations

import numpy as np

from hunch.data import Data, constant_cost, constant_losses
from hunch.engine import OwnCost, best_constant, losses_of_constant


class Constant:
    """The constant prediction that the training part of some data suggests.

    Args:
        data: The data.
        cost: The cost, as the plan has it.
        own: The function behind the cost's name; None for a built-in cost.
        n_outputs: Outputs of the network for one example.

    Raises:
        PlanError: If there is no such prediction.
    """

    def __init__(self, data: Data, cost: str, own: OwnCost | None, n_outputs: int) -> None:
        """Find it."""
        self._data, self._name, self._own = data, cost, own
        self._outputs = None if own is None else best_constant(own, data, n_outputs)

    def cost(self, on: str = "train", rows: np.ndarray | None = None) -> float:
        """Its mean cost (c0).

        Args:
            on: `"train"` or `"held"`: the part that it is judged on.
            rows: Rows of that part, int (k,); None: all of it.
        """
        if self._own is None or self._outputs is None:
            return constant_cost(self._data, self._name, on=on, rows=rows)
        y = self._data.y if on == "train" else self._data.y_held
        return float(losses_of_constant(self._own, self._outputs, y if rows is None else y[rows]).mean())

    def losses(self) -> np.ndarray:
        """What it costs on each held-out example, float64 (n_held,)."""
        if self._own is None or self._outputs is None:
            return constant_losses(self._data, self._name)
        return losses_of_constant(self._own, self._outputs, self._data.y_held)
