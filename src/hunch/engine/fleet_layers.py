"""How a fleet computes its convolutions: one grouped convolution, matrix products over unfolded patches, or row by row.

The way is a function of the layer's shape and the device, from a table that is part of the project: the ways round
differently, so it must not depend on what happens to be faster today.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.modules.utils import _pair as pair

from hunch.engine.conv_table import GROUPED, ROWS, UNFOLD, conv_way
from hunch.engine.unfold import unfolded_conv


def fleet_layers(network: nn.Module, device: torch.device) -> None:
    """Let convolutions go the way of the table, and group norms run under vmap at all, in place."""
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d) and type(module).forward in (
            nn.Conv1d.forward,
            nn.Conv2d.forward,
        ):
            module._conv_forward = MethodType(_conv_forward, module)  # type: ignore[method-assign]
        elif isinstance(module, nn.GroupNorm) and type(module).forward is nn.GroupNorm.forward:
            module.forward = MethodType(_group_norm, module)  # type: ignore[method-assign]


def _conv_forward(self: nn.Conv1d | nn.Conv2d, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    stride, padding, dilation = self.stride, self.padding, self.dilation
    if self.padding_mode != "zeros":
        input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        padding = (0,) * len(stride)
    if isinstance(padding, str):
        padding = _same(padding, self.kernel_size, stride, dilation)
        if padding is None:  # an uneven one: torch pads by itself
            call = F.conv1d if isinstance(self, nn.Conv1d) else F.conv2d
            return call(input, weight, bias, stride, self.padding, dilation, self.groups)
    is_flat = isinstance(self, nn.Conv1d)
    if is_flat:
        input, weight = input.unsqueeze(-2), weight.unsqueeze(-2)
        stride, padding, dilation = (1, *stride), (0, *padding), (1, *dilation)
    out = RowConv.apply(input, weight, bias, tuple(stride), tuple(padding), tuple(dilation), self.groups)
    return out.squeeze(-2) if is_flat else out


def _group_norm(self: nn.GroupNorm, input: Tensor) -> Tensor:
    """Torch's asks for a memory format, which vmap cannot tell; each group is one row of a layer norm."""
    groups = input.reshape(len(input), self.num_groups, -1)
    out = F.layer_norm(groups, groups.shape[-1:], eps=self.eps).reshape(input.shape)
    if not self.affine:
        return out
    per_channel = (-1, *[1] * (input.ndim - 2))
    return out * self.weight.reshape(per_channel) + self.bias.reshape(per_channel)


def _same(padding: str, kernel: Any, stride: Any, dilation: Any) -> tuple[int, ...] | None:
    """Padding in numbers; None where the two sides differ."""
    if padding == "valid":
        return (0,) * len(kernel)
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return None if any(t % 2 for t in total) else tuple(t // 2 for t in total)


class RowConv(torch.autograd.Function):
    """A convolution that goes its own way under vmap; without vmap it is torch's."""

    @staticmethod
    def forward(
        x: Tensor, w: Tensor, b: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> Tensor:
        """Torch's convolution."""
        return F.conv2d(x, w, b, stride, padding, dilation, groups)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Keep what backward needs."""
        x, w, b, ctx.stride, ctx.padding, ctx.dilation, ctx.groups = inputs
        ctx.save_for_backward(x, w)
        ctx.has_bias = b is not None

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        """Torch's gradients."""
        x, w = ctx.saved_tensors
        bias_sizes = [w.shape[0]] if ctx.has_bias else None
        grads = torch.ops.aten.convolution_backward(
            gradient, x, w, bias_sizes, ctx.stride, ctx.padding, ctx.dilation, False, [0, 0], ctx.groups,
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], ctx.has_bias],
        )  # fmt: skip
        return (*grads, None, None, None, None)

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, x: Tensor, w: Tensor, b: Tensor | None, *rest: Any
    ) -> tuple[Tensor, int]:
        """All rows at once."""
        n = info.batch_size
        x, w = _first(x, in_dims[0], n), _first(w, in_dims[1], n)
        b = None if b is None else _first(b, in_dims[2], n)
        return fleet_conv(x, w, b, *rest), 0


def _first(tensor: Tensor, dim: int | None, n: int) -> Tensor:
    return tensor.expand(n, *tensor.shape) if dim is None else tensor.movedim(dim, 0)


def fleet_conv(
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    way: str | None = None,
) -> Tensor:
    """The convolutions of all rows.

    Args:
        x: Inputs, shape (rows, examples, channels, height, width).
        w: Weights, shape (rows, out, channels / groups, kernel height, kernel width).
        b: Biases, shape (rows, out); None: none.
        stride: As for `F.conv2d`, two numbers.
        padding: Likewise.
        dilation: Likewise.
        groups: Likewise.
        way: `"grouped"`, `"unfold"` or `"rows"`; None: by the table.

    Returns:
        Shape (rows, examples, out, height, width).
    """
    stride, padding, dilation = pair(stride), pair(padding), pair(dilation)
    if way is None:
        way = conv_way(x, w, stride, padding, dilation, groups)
    if way == UNFOLD and groups == 1:
        return unfolded_conv(x, w, b, stride, padding, dilation)
    if way == GROUPED:
        rows, n = x.shape[:2]
        folded = x.movedim(0, 1).reshape(n, rows * x.shape[2], *x.shape[3:])
        bias = None if b is None else b.reshape(-1)
        out = F.conv2d(folded, w.reshape(-1, *w.shape[2:]), bias, stride, padding, dilation, rows * groups)
        return out.reshape(n, rows, -1, *out.shape[2:]).movedim(1, 0)
    assert way in (ROWS, UNFOLD)
    each = [
        F.conv2d(x[r], w[r], None if b is None else b[r], stride, padding, dilation, groups)
        for r in range(len(x))
    ]
    return torch.stack(each)
