"""The costs, and the error that is reported beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hunch.engine.inputs import Inputs, call
from hunch.engine.own_cost_name import OwnCost

_COSTS: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": F.cross_entropy,
    "binary_cross_entropy": F.binary_cross_entropy_with_logits,
    "mean_squared_error": F.mse_loss,
    "huber": F.huber_loss,
}


def cost_function(cost: str | OwnCost) -> Callable[[Tensor, Tensor], Tensor]:
    """The cost as a function (outputs, targets) → mean over the batch; huber has delta 1."""
    if isinstance(cost, OwnCost):
        return lambda outputs, targets: cost.function(outputs, targets).mean()
    return _COSTS[cost]


def each_cost(cost: str | OwnCost, outputs: Tensor, targets: Tensor) -> Tensor:
    """What each example costs, before any mean: shape (n,) or (n, outputs); the mean of all is the cost."""
    if isinstance(cost, OwnCost):
        return cost.function(outputs, targets)
    return _COSTS[cost](outputs, targets, reduction="none")


def right_answers(outputs: Tensor, targets: Tensor, cost: str | OwnCost) -> Tensor | None:
    """Which answers are right, as booleans (n,); None for regression. Arguments as in `held_error`."""
    if isinstance(cost, OwnCost):
        if targets.is_floating_point():
            return None
        return (outputs.argmax(dim=1) if outputs.shape[1] > 1 else outputs[:, 0] > 0) == targets
    if cost == "cross_entropy":
        return outputs.argmax(dim=1) == targets
    if cost == "binary_cross_entropy":
        return ((outputs > 0) == (targets > 0.5)).reshape(len(outputs), -1).all(dim=1)
    return None


def example_records(
    outputs: Tensor, y: Tensor, cost: str | OwnCost, *, answers: bool, losses: bool
) -> dict[str, Any]:
    """`held_correct` and `held_losses` of the trace of a trained network, those that are wanted.

    Args:
        outputs: What the network gives on the held-out inputs in eval mode.
        y: Held-out targets, as the cost takes them.
        cost: Name of the cost.
        answers: Whether `held_correct` is wanted; regression has none.
        losses: Whether `held_losses` is wanted.
    """
    found: dict[str, Any] = {}
    if not (answers or losses):
        return found
    right = right_answers(outputs, y, cost) if answers else None
    if right is not None:
        found["held_correct"] = np.packbits(right.numpy())
    if losses:
        each = each_cost(cost, outputs, y).reshape(len(outputs), -1)
        found["held_losses"] = each.double().mean(dim=1).float().numpy()
    return found


@torch.no_grad()
def judged_outputs(network: nn.Module, inputs: Inputs) -> Tensor:
    """What the network gives in eval mode, in which it is left."""
    network.eval()
    return call(network, inputs)


def held_error(outputs: Tensor, targets: Tensor, cost: str | OwnCost, y_scale: np.ndarray) -> float:
    """Share of wrong answers in 0..1, or for regression the root mean squared error in the target's own unit.

    Args:
        outputs: Shape (n, outputs).
        targets: Labels (n,) for cross-entropy, else (n, outputs).
        cost: Name of the cost.
        y_scale: What standardised targets were divided by, shape (outputs,).
    """
    right = right_answers(outputs, targets, cost)
    if right is not None:
        return (~right).double().mean().item()
    difference = (outputs - targets).double() * torch.from_numpy(np.asarray(y_scale, dtype=np.float64))
    return difference.square().mean().sqrt().item()
