"""Dropout in kinds that torch does not have, as ordinary modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GaussianDropout(nn.Module):
    """Multiply by N(1, (1 - keep)/keep) while training: the mean and variance of bernoulli dropout.

    Args:
        keep_prob: Keep probability of the bernoulli dropout it matches, in (0, 1].
    """

    def __init__(self, keep_prob: float) -> None:
        """Keep the keep probability."""
        super().__init__()
        self.keep_prob = float(keep_prob)

    def forward(self, x: Tensor) -> Tensor:
        """The noisy input while training, the input itself otherwise."""
        if not self.training or self.keep_prob >= 1:
            return x
        sd = ((1 - self.keep_prob) / self.keep_prob) ** 0.5
        return x * (1 + sd * torch.randn_like(x))

    def extra_repr(self) -> str:
        """The keep probability."""
        return f"keep_prob={self.keep_prob:g}"


class ExactDropout(nn.Module):
    """Keep exactly k units for each example: the floor or ceiling of keep·n, with mean keep·n.

    Args:
        keep_prob: Keep probability, in (0, 1]. Kept units are scaled by 1/keep_prob.
    """

    def __init__(self, keep_prob: float) -> None:
        """Keep the keep probability."""
        super().__init__()
        self.keep_prob = float(keep_prob)

    def forward(self, x: Tensor) -> Tensor:
        """The thinned input while training, the input itself otherwise."""
        if not self.training or self.keep_prob >= 1:
            return x
        wanted = self.keep_prob * x.shape[-1]
        k = torch.floor(wanted + torch.rand(x.shape[:-1], device=x.device)).unsqueeze(-1)
        rank = torch.rand_like(x).argsort(dim=-1).argsort(dim=-1)
        return x * (rank < k) / self.keep_prob

    def extra_repr(self) -> str:
        """The keep probability."""
        return f"keep_prob={self.keep_prob:g}"


def keep_of(module: nn.Module) -> float:
    """The keep probability of a dropout module."""
    return 1.0 - module.p if isinstance(module, nn.Dropout) else float(module.keep_prob)  # type: ignore[arg-type]


def kind_of(module: nn.Module) -> str:
    """`"bernoulli"`, `"gaussian"` or `"exact"`."""
    if isinstance(module, GaussianDropout):
        return "gaussian"
    return "exact" if isinstance(module, ExactDropout) else "bernoulli"


def make_dropout(kind: str, keep_prob: float) -> nn.Module:
    """A dropout module of that kind."""
    if kind == "gaussian":
        return GaussianDropout(keep_prob)
    if kind == "exact":
        return ExactDropout(keep_prob)
    # 1 - (1 - p) loses the last bits of p; the keep probability is what is compared, so it is rounded here.
    return nn.Dropout(p=round(1.0 - keep_prob, 15))
