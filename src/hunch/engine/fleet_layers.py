"""The layers of a network that runs under vmap: linear layers, convolutions and norms go ways of their own.

What a way rounds must depend on a row's own numbers alone, so it is a function of the layer's shape and the device.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from hunch.engine.fleet_convs import fleet_conv
from hunch.engine.fleet_norms import batch_norms
from hunch.engine.fleet_products import linear_layers

_OWN = {
    nn.Linear: "_linear",
    nn.Conv1d: "_conv",
    nn.Conv2d: "_conv",
    nn.GroupNorm: "_group_norm",
    nn.BatchNorm1d: "_batch_norm",
    nn.BatchNorm2d: "_batch_norm",
    nn.BatchNorm3d: "_batch_norm",
}


def fleet_layers(network: nn.Module) -> None:
    """Give the layers of a network forwards that go their own way under vmap, in place.

    A class that has a forward of its own keeps it.
    """
    for module in network.modules():
        for kind, name in _OWN.items():
            if isinstance(module, kind) and type(module).forward is kind.forward:
                module.forward = MethodType(globals()[name], module)  # type: ignore[method-assign]
                break


def _linear(self: nn.Linear, input: Tensor) -> Tensor:
    return RowLinear.apply(input, self.weight, self.bias)


def _conv(self: nn.Conv1d | nn.Conv2d, input: Tensor) -> Tensor:
    weight, bias = self.weight, self.bias
    stride, padding, dilation = self.stride, self.padding, self.dilation
    if self.padding_mode != "zeros":
        input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        padding = (0,) * len(stride)
    elif isinstance(padding, str):
        sides = self._reversed_padding_repeated_twice if padding == "same" else [0] * 2 * len(stride)
        padding = tuple(sides[-2::-2])
        if any(sides[k] != sides[k + 1] for k in range(0, len(sides), 2)):
            input, padding = F.pad(input, sides), (0,) * len(stride)
    is_flat = isinstance(self, nn.Conv1d)
    if is_flat:
        input, weight = input.unsqueeze(-2), weight.unsqueeze(-2)
        stride, padding, dilation = (1, *stride), (0, *padding), (1, *dilation)
    if input.ndim == 3:  # one example without an axis of its own
        input, is_one = input.unsqueeze(0), True
    else:
        is_one = False
    out = RowConv.apply(input, weight, bias, tuple(stride), tuple(padding), tuple(dilation), self.groups)
    out = out.squeeze(0) if is_one else out
    return out.squeeze(-2) if is_flat else out


def _group_norm(self: nn.GroupNorm, input: Tensor) -> Tensor:
    """Torch's asks for a memory format, which vmap cannot tell; each group is one row of a layer norm."""
    groups = input.reshape(len(input), self.num_groups, -1)
    out = F.layer_norm(groups, groups.shape[-1:], eps=self.eps).reshape(input.shape)
    return _scaled(out, self.weight, self.bias) if self.affine else out


def _batch_norm(self: BatchNorm, input: Tensor) -> Tensor:
    """Torch's folds the rows into the channels, where their bits depend on one another's number."""
    self._check_input_dim(input)
    running = self.running_mean is not None and self.running_var is not None
    if not self.training and running:
        assert self.running_mean is not None and self.running_var is not None
        scale = 1 / (self.running_var + self.eps).sqrt()
        out = _scaled(input - _per_channel(self.running_mean, input), scale, None)
        return _scaled(out, self.weight, self.bias)
    if input.numel() // input.shape[1] <= 1 and self.training:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {tuple(input.shape)}")
    out, mean, variance = RowBatchNorm.apply(input, self.eps)
    if self.training and running and self.track_running_stats:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        n = input.numel() // input.shape[1]
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        with torch.no_grad():
            self.running_mean.mul_(1 - share).add_(mean.reshape(-1) * share)
            self.running_var.mul_(1 - share).add_(variance.reshape(-1) * (n / (n - 1)) * share)
    return _scaled(out, self.weight, self.bias)


def _per_channel(numbers: Tensor, like: Tensor) -> Tensor:
    return numbers.reshape(-1, *[1] * (like.ndim - 2))


def _scaled(x: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    """x · scale + shift, by channel."""
    if scale is not None:
        x = x * _per_channel(scale, x)
    return x if shift is None else x + _per_channel(shift, x)


class RowLinear(torch.autograd.Function):
    """A linear layer that goes its own way under vmap; without vmap it is torch's."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        """Torch's linear layer."""
        return F.linear(x, w, b)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Nothing is kept: outside of vmap there is no backward."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, w: Tensor, b: Tensor | None) -> tuple[Tensor, int]:
        """All rows at once."""
        n = info.batch_size
        x, w = _first(x, in_dims[0], n), _first(w, in_dims[1], n)
        b = None if b is None else _first(b, in_dims[2], n)
        out = linear_layers(x.reshape(n, -1, x.shape[-1]), w, b)
        return out.reshape(*x.shape[:-1], w.shape[1]), 0


class RowBatchNorm(torch.autograd.Function):
    """Batch norm without scale and shift, under vmap."""

    @staticmethod
    def forward(x: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        """Of a single row."""
        normalised, mean, variance = batch_norms(x.unsqueeze(0), eps)
        return normalised[0], mean[0], variance[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: outside of vmap there is no backward."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, eps: float) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[int, int, int]]:
        """All rows at once."""
        return batch_norms(_first(x, in_dims[0], info.batch_size), eps), (0, 0, 0)


class RowConv(torch.autograd.Function):
    """A convolution that goes its own way under vmap; without vmap it is torch's."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
        """Torch's convolution."""
        return F.conv2d(x, w, b, stride, padding, dilation, groups)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Nothing is kept: outside of vmap there is no backward."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, w: Tensor, b: Tensor | None, *rest: Any) -> tuple[Tensor, int]:
        """All rows at once."""
        n = info.batch_size
        x, w = _first(x, in_dims[0], n), _first(w, in_dims[1], n)
        b = None if b is None else _first(b, in_dims[2], n)
        return fleet_conv(x, w, b, *rest), 0


def _first(tensor: Tensor, dim: int | None, n: int) -> Tensor:
    return tensor.expand(n, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
