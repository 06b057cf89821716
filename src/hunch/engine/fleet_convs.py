"""Convolutions of all rows: by the compiled kernels, as products over unfolded patches, grouped, or row by row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hunch.engine.conv_table import DIRECT, GROUPED, UNFOLD, conv_way
from hunch.engine.fleet_products import has_kernels, numpy_of
from hunch.engine.native_extension import native_module
from hunch.engine.unfold import unfolded_conv


def fleet_conv(
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
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
        way: `"direct"`, `"unfold"`, `"grouped"` or `"rows"`; None: by the table. One that cannot do the layer is
            replaced by `"rows"`.

    Returns:
        Shape (rows, examples, out, height, width).
    """
    if way is None:
        way = conv_way(x, w, groups)
    is_plain = stride == (1, 1) and dilation == (1, 1) and groups == 1
    if way == DIRECT and is_plain and has_kernels(x, w, b):
        return _Direct.apply(x, w, b, padding)
    if way in (UNFOLD, DIRECT) and groups == 1:
        return unfolded_conv(x, w, b, stride, padding, dilation)
    if way == GROUPED:
        rows, n = x.shape[:2]
        folded = x.movedim(0, 1).reshape(n, rows * x.shape[2], *x.shape[3:])
        bias = None if b is None else b.reshape(-1)
        out = F.conv2d(folded, w.reshape(-1, *w.shape[2:]), bias, stride, padding, dilation, rows * groups)
        return out.reshape(n, rows, -1, *out.shape[2:]).movedim(1, 0)
    each = [
        F.conv2d(x[r], w[r], None if b is None else b[r], stride, padding, dilation, groups)
        for r in range(len(x))
    ]
    return torch.stack(each)


class _Direct(torch.autograd.Function):
    """The compiled kernels: no patches are written to memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, padding: tuple[int, int]) -> Tensor:
        """The convolution."""
        x, w = _dense(x), _dense(w)
        ctx.save_for_backward(x, w)
        ctx.padding, ctx.has_bias = padding, b is not None
        size = (x.shape[i] + 2 * padding[i - 3] - w.shape[i] + 1 for i in (3, 4))
        y = torch.empty(x.shape[0], x.shape[1], w.shape[1], *size, dtype=x.dtype)
        native = native_module()
        assert native is not None
        native.fleet_conv_forward(
            numpy_of(x), numpy_of(w), None if b is None else numpy_of(_dense(b)), padding, y.numpy()
        )
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        """Gradients of inputs (if they are needed), weights and biases."""
        x, w = ctx.saved_tensors
        of_x = torch.empty(x.shape, dtype=x.dtype) if ctx.needs_input_grad[0] else None
        of_w = torch.empty(w.shape, dtype=w.dtype)
        of_b = torch.empty(w.shape[:2], dtype=w.dtype) if ctx.has_bias else None
        native = native_module()
        assert native is not None
        native.fleet_conv_backward(
            numpy_of(x),
            numpy_of(w),
            numpy_of(gradient.contiguous()),
            ctx.padding,
            None if of_x is None else of_x.numpy(),
            of_w.numpy(),
            None if of_b is None else of_b.numpy(),
        )
        return of_x, of_w, of_b, None


def _dense(tensor: Tensor) -> Tensor:
    """Every row without gaps; the rows themselves may lie apart, or on one another."""
    return tensor if tensor[0].is_contiguous() else tensor.contiguous()
