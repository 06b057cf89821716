"""The costs, and the error that is reported beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

_COSTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": F.cross_entropy,
    "binary_cross_entropy": F.binary_cross_entropy_with_logits,
    "mean_squared_error": F.mse_loss,
    "huber": F.huber_loss,
}


def cost_function(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The cost as a function (outputs, targets) → mean over the batch; huber has delta 1."""
    return _COSTS[name]


def held_error(outputs: Tensor, targets: Tensor, cost: str, y_scale: np.ndarray) -> float:
    """Share of wrong answers in 0..1, or for regression the root mean squared error in the target's own unit.

    Args:
        outputs: Shape (n, outputs).
        targets: Labels (n,) for cross-entropy, else (n, outputs).
        cost: Name of the cost.
        y_scale: What standardised targets were divided by, shape (outputs,).
    """
    if cost == "cross_entropy":
        return (outputs.argmax(dim=1) != targets).double().mean().item()
    if cost == "binary_cross_entropy":
        return ((outputs > 0) != (targets > 0.5)).double().mean().item()
    difference = (outputs - targets).double() * torch.from_numpy(np.asarray(y_scale, dtype=np.float64))
    return difference.square().mean().sqrt().item()
