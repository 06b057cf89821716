"""The optimizers: `torch.optim` with L2 in the gradient and decoupled decay, for named parameters only."""

from __future__ import annotations

import torch
from torch import nn

from hunch.plan import Arm


class RowOptimizer:
    """One run's optimizer.

    The L2 term λ·w is added to the gradient of the decayed parameters (as `torch.optim.SGD(weight_decay=λ)`
    does), then these shrink by 1 - lr·weight_decay (as `torch.optim.AdamW` does), then torch's optimizer
    steps.

    Args:
        optimizer: A torch optimizer over the parameters that are trained, with no decay of its own.
        decayed: The parameters that decay.
        l2: λ of λ/2·‖w‖².
        weight_decay: Decoupled decay.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        decayed: list[nn.Parameter],
        l2: float,
        weight_decay: float,
    ) -> None:
        """Keep the parts."""
        self._optimizer, self._decayed = optimizer, decayed
        self._l2, self._weight_decay = l2, weight_decay

    def set_rate(self, lr: float) -> None:
        """Use this rate from now on."""
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._lr = lr

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._optimizer.zero_grad()

    @torch.no_grad()
    def step(self) -> None:
        """One update."""
        if self._l2:
            for p in self._decayed:
                if p.grad is not None:
                    p.grad.add_(p, alpha=self._l2)
        if self._weight_decay:
            for p in self._decayed:
                p.mul_(1 - self._lr * self._weight_decay)
        self._optimizer.step()


def make_optimizer(
    network: nn.Module, arm: Arm, lr: float, *, decayed: set[str], frozen: set[str]
) -> RowOptimizer:
    """The arm's optimizer over the network's parameters.

    Args:
        network: The network.
        arm: A resolved arm.
        lr: Learning rate.
        decayed: Names of the parameters that L2 and decay act on.
        frozen: Names of the parameters that are never updated.
    """
    named = [(n, p) for n, p in network.named_parameters() if p.requires_grad and n not in frozen]
    parameters = [p for _, p in named]
    if arm.is_adaptive:
        assert arm.betas is not None and arm.eps is not None
        optimizer: torch.optim.Optimizer = torch.optim.Adam(parameters, lr=lr, betas=arm.betas, eps=arm.eps)
    else:
        optimizer = torch.optim.SGD(
            parameters, lr=lr, momentum=arm.momentum or 0.0, nesterov=bool(arm.nesterov)
        )
    return RowOptimizer(
        optimizer,
        [p for n, p in named if n in decayed],
        arm.l2 or 0.0,
        arm.weight_decay or 0.0,
    )
