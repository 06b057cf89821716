"""RMS norm of maps, which torch does not have."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MapRMSNorm(nn.Module):
    """Divide each example's map by its root mean square over channels and positions; scale each channel.

    Args:
        n_channels: Channels, the second axis.
        eps: Added to the mean square.
        device: Where the weight is.
        dtype: Its number type.
    """

    def __init__(
        self,
        n_channels: int,
        eps: float = 1e-5,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Start with weights of 1."""
        super().__init__()
        self.n_channels, self.eps = n_channels, eps
        self.weight = nn.Parameter(torch.ones(n_channels, device=device, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """The normalised map, of the shape of x: (examples, channels, …)."""
        mean_square = x.square().mean(dim=tuple(range(1, x.ndim)), keepdim=True)
        return x * torch.rsqrt(mean_square + self.eps) * self.weight.reshape(-1, *[1] * (x.ndim - 2))

    def extra_repr(self) -> str:
        """Channels and eps."""
        return f"{self.n_channels}, eps={self.eps}"
