"""Batch norm of all rows, each with statistics of its own, over the axis of its own batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        """(normalised, mean, biased variance); x: (rows, n, channels, …)."""
        axes = (1, *range(3, x.ndim))
        mean = x.mean(dim=axes, keepdim=True)
        centred = x - mean
        variance = (centred * centred).mean(dim=axes, keepdim=True)
        scale = 1 / (variance + eps).sqrt()
        normalised = centred.mul_(scale)
        ctx.save_for_backward(normalised, scale)
        ctx.mark_non_differentiable(mean, variance)
        ctx.axes = axes
        return normalised, mean, variance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> Any:  # type: ignore[override]
        """Scale · (g - mean(g) - normalised · mean(g · normalised)), by row and channel."""
        normalised, scale = ctx.saved_tensors
        mean = gradient.mean(dim=ctx.axes, keepdim=True)
        along = (gradient * normalised).mean(dim=ctx.axes, keepdim=True)
        return (gradient - mean - normalised * along) * scale, None


def batch_norms(x: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise with the batch's own statistics.

    Args:
        x: Shape (rows, n, channels, …).
        eps: Added to the variance.

    Returns:
        (normalised, mean, biased variance); the latter two with 1 in place of n and of what stands behind the channels.
    """
    return _BatchNorm.apply(x, eps)
