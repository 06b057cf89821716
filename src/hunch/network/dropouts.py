"""Dropout in kinds that torch does not have, as ordinary modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

MAP_DROPOUTS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


class GaussianDropout(nn.Module):
    """Multiply by N(1, (1 - keep)/keep) while training: the mean and variance of bernoulli dropout.

    Args:
        keep_prob: Keep probability of the bernoulli dropout it matches, in (0, 1].
        of_maps: Whether there is one draw for each example and channel (the second axis), not for each value.
    """

    def __init__(self, keep_prob: float, *, of_maps: bool = False) -> None:
        """Keep the keep probability."""
        super().__init__()
        self.keep_prob = float(keep_prob)
        self.of_maps = of_maps

    def forward(self, x: Tensor) -> Tensor:
        """The noisy input while training, the input itself otherwise."""
        if not self.training or self.keep_prob >= 1:
            return x
        sd = ((1 - self.keep_prob) / self.keep_prob) ** 0.5
        return x * (1 + sd * (torch.randn_like(_one_a_map(x)) if self.of_maps else torch.randn_like(x)))

    def extra_repr(self) -> str:
        """The keep probability."""
        return f"keep_prob={self.keep_prob:g}{', of_maps=True' if self.of_maps else ''}"


class ExactDropout(nn.Module):
    """Keep exactly k units for each example: the floor or ceiling of keep·n, with mean keep·n.

    Args:
        keep_prob: Keep probability, in (0, 1]. Kept units are scaled by 1/keep_prob.
        of_maps: Whether units are channels, the second axis, not the last one.
    """

    def __init__(self, keep_prob: float, *, of_maps: bool = False) -> None:
        """Keep the keep probability."""
        super().__init__()
        self.keep_prob = float(keep_prob)
        self.of_maps = of_maps

    def forward(self, x: Tensor) -> Tensor:
        """The thinned input while training, the input itself otherwise."""
        if not self.training or self.keep_prob >= 1:
            return x
        units = x[(slice(None), slice(None), *[0] * (x.ndim - 2))] if self.of_maps else x
        wanted = self.keep_prob * units.shape[-1]
        k = torch.floor(wanted + torch.rand(units.shape[:-1], device=x.device)).unsqueeze(-1)
        rank = torch.rand_like(units).argsort(dim=-1).argsort(dim=-1)
        return x * (rank < k).reshape(_one_a_map(x).shape if self.of_maps else x.shape) / self.keep_prob

    def extra_repr(self) -> str:
        """The keep probability."""
        return f"keep_prob={self.keep_prob:g}{', of_maps=True' if self.of_maps else ''}"


def _one_a_map(x: Tensor) -> Tensor:
    """(examples, channels, 1, …): one value of each map."""
    return x[(slice(None), slice(None), *[slice(1)] * (x.ndim - 2))]


def keep_of(module: nn.Module) -> float:
    """The keep probability of a dropout module."""
    return 1.0 - module.p if isinstance(module, _DropoutNd) else float(module.keep_prob)  # type: ignore[arg-type]


def drops_maps(module: nn.Module) -> bool:
    """Whether a dropout module drops whole channels: `nn.Dropout1d` to `3d`, or one of Hunch's that is told to."""
    return bool(isinstance(module, MAP_DROPOUTS) or getattr(module, "of_maps", False))


def kind_of(module: nn.Module) -> str:
    """`"bernoulli"`, `"gaussian"` or `"exact"`."""
    if isinstance(module, GaussianDropout):
        return "gaussian"
    return "exact" if isinstance(module, ExactDropout) else "bernoulli"


def make_dropout(kind: str, keep_prob: float, ndim: int | None = None) -> nn.Module:
    """A dropout module of that kind.

    Args:
        kind: `"bernoulli"`, `"gaussian"` or `"exact"`.
        keep_prob: Keep probability.
        ndim: Axes of the maps whose channels are dropped as a whole; None: single units are.
    """
    if kind == "gaussian":
        return GaussianDropout(keep_prob, of_maps=ndim is not None)
    if kind == "exact":
        return ExactDropout(keep_prob, of_maps=ndim is not None)
    # 1 - (1 - p) loses the last bits of p; the keep probability is what is compared, so it is rounded here.
    p = round(1.0 - keep_prob, 15)
    return nn.Dropout(p=p) if ndim is None else {3: nn.Dropout1d, 4: nn.Dropout2d, 5: nn.Dropout3d}[ndim](p=p)
