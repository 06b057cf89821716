"""The optimizers of a fleet: torch.optim's formulas on one flat array, every row with settings of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hunch.plan import Arm


class FleetOptimizer:
    """One optimizer for all rows; the order of operations is that of `RowOptimizer`.

    Args:
        arms: The arm of each row: all adaptive or none, all with Nesterov momentum or none.
        decays: Shape (numbers,): 1 at the numbers that L2 and decay act on, else 0.
        moves: Shape (numbers,): 0 at the numbers that are never updated, else 1.
        like: The flat parameters, shape (rows, numbers).
    """

    def __init__(self, arms: Sequence[Arm], decays: Tensor, moves: Tensor, like: Tensor) -> None:
        """Start with empty momentum."""
        self.is_adaptive, self.is_nesterov = arms[0].is_adaptive, bool(arms[0].nesterov)
        self.decays, self.moves = decays, moves
        self.all_move = bool((moves == 1).all())

        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64, device=like.device).to(like.dtype).reshape(-1, 1)

        self.l2 = column([a.l2 or 0.0 for a in arms])
        self.weight_decay = [float(a.weight_decay or 0.0) for a in arms]
        self.has_l2 = any(a.l2 for a in arms)
        self.column = column
        self.t = 0
        if self.is_adaptive:
            betas = [a.betas for a in arms]
            self.betas = [b for b in betas if b is not None]
            self.beta1, self.beta2 = column([b[0] for b in self.betas]), column([b[1] for b in self.betas])
            self.rest1 = column([1 - b[0] for b in self.betas])
            self.rest2 = column([1 - b[1] for b in self.betas])
            self.eps = column([float(a.eps or 0.0) for a in arms])
            self.state = [torch.zeros_like(like), torch.zeros_like(like)]
        else:
            momenta = [float(a.momentum or 0.0) for a in arms]
            self.momentum = column(momenta)
            self.has_momentum = any(momenta)
            self.state = [torch.zeros_like(like)] if self.has_momentum else []

    @torch.no_grad()
    def step(self, flat: Tensor, gradient: Tensor, rates: Sequence[float]) -> None:
        """One update, in place.

        Args:
            flat: The parameters, shape (rows, numbers).
            gradient: The gradients, likewise; it is used up.
            rates: Learning rate of each row at this step.
        """
        self.t += 1
        if self.has_l2:
            gradient.addcmul_(flat * self.decays, self.l2)
        if any(self.weight_decay):
            shrink = self.column([lr * decay for lr, decay in zip(rates, self.weight_decay, strict=True)])
            flat.mul_(1 - shrink * self.decays)
        update = self._adam(gradient, rates) if self.is_adaptive else self._sgd(gradient, rates)
        flat.sub_(update if self.all_move else update.mul_(self.moves))

    def _sgd(self, gradient: Tensor, rates: Sequence[float]) -> Tensor:
        if self.has_momentum:
            velocity = self.state[0]
            if self.t == 1:  # as torch: the first velocity is the gradient
                velocity.copy_(gradient)
            else:
                velocity.mul_(self.momentum).add_(gradient)
            gradient = gradient.addcmul_(velocity, self.momentum) if self.is_nesterov else velocity
        return gradient * self.column(rates)

    def _adam(self, gradient: Tensor, rates: Sequence[float]) -> Tensor:
        first, second = self.state
        first.mul_(self.beta1).addcmul_(gradient, self.rest1)
        second.mul_(self.beta2).addcmul_(gradient * gradient, self.rest2)
        size = self.column([lr / (1 - b[0] ** self.t) for lr, b in zip(rates, self.betas, strict=True)])
        root = self.column([(1 - b[1] ** self.t) ** 0.5 for b in self.betas])
        return first / second.sqrt().div_(root).add_(self.eps) * size

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        chosen = rows.tolist()
        self.l2 = self.l2[rows]
        self.weight_decay = [self.weight_decay[k] for k in chosen]
        self.state = [s[rows].contiguous() for s in self.state]
        if self.is_adaptive:
            self.betas = [self.betas[k] for k in chosen]
            self.beta1, self.beta2, self.eps = self.beta1[rows], self.beta2[rows], self.eps[rows]
            self.rest1, self.rest2 = self.rest1[rows], self.rest2[rows]
        else:
            self.momentum = self.momentum[rows]
