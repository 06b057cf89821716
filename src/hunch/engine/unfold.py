"""Convolutions of all rows as batched matrix products over unfolded patches, channels last all through."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hunch.engine.fleet_products import products


def unfolded_conv(x: Tensor, w: Tensor, b: Tensor | None, stride: Any, padding: Any, dilation: Any) -> Tensor:
    """The convolutions of all rows, ungrouped; arguments and result as for `fleet_conv`.

    What comes out is stored as torch stores it.
    """
    return _Unfolded.apply(x, w, b, stride, padding, dilation)


class _Unfolded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, stride: Any, padding: Any, dilation: Any
    ) -> Tensor:
        """Unfold, multiply; the patches are made again for the gradient, because they are k·k times the input."""
        patches, size = _patches(x, w, stride, padding, dilation)
        matrix = _matrix(w)
        out = products(patches, matrix, b)
        ctx.save_for_backward(x, w)
        ctx.settings, ctx.has_bias = (stride, padding, dilation), b is not None
        return _as_maps(out, x.shape[1], size).contiguous()  # no view: it may be worked on in place

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        """Gradients of inputs (if they are needed), weights and biases."""
        x, w = ctx.saved_tensors
        rows, _, channels = x.shape[:3]
        stride, padding, dilation = ctx.settings
        patches, size = _patches(x, w, stride, padding, dilation)
        flat = gradient.permute(0, 1, 3, 4, 2).reshape(rows, -1, w.shape[1])
        of_matrix = products(patches.transpose(1, 2), flat)
        kernel = w.shape[3:]
        of_w = of_matrix.reshape(rows, *kernel, channels, w.shape[1]).permute(0, 4, 3, 1, 2)
        of_b = flat.sum(dim=1) if ctx.has_bias else None
        of_x = None
        if ctx.needs_input_grad[0]:
            of_patches = products(flat, _matrix(w).transpose(1, 2))
            of_x = _fold(of_patches, x.shape, size, kernel, stride, padding, dilation)
        return of_x, of_w, of_b, None, None, None


def _matrix(w: Tensor) -> Tensor:
    """Weights as (rows, kernel · channels, out)."""
    rows, out = w.shape[:2]
    return w.permute(0, 3, 4, 2, 1).reshape(rows, -1, out)


def _as_maps(out: Tensor, n: int, size: tuple[int, int]) -> Tensor:
    return out.reshape(len(out), n, *size, -1).permute(0, 1, 4, 2, 3)


def _patches(
    x: Tensor, w: Tensor, stride: Any, padding: Any, dilation: Any
) -> tuple[Tensor, tuple[int, int]]:
    """What every output position sees: (rows, examples · positions, kernel · channels), and (height, width)."""
    last = x.permute(0, 1, 3, 4, 2)
    if any(padding):
        last = F.pad(last, (0, 0, padding[1], padding[1], padding[0], padding[0]))
    last = last.contiguous()
    rows, n, height, width, channels = last.shape
    kernel = w.shape[3:]
    size = (
        (height - dilation[0] * (kernel[0] - 1) - 1) // stride[0] + 1,
        (width - dilation[1] * (kernel[1] - 1) - 1) // stride[1] + 1,
    )
    a_row, a_map, down, right, one = last.stride()
    seen = last.as_strided(
        (rows, n, *size, *kernel, channels),
        (a_row, a_map, stride[0] * down, stride[1] * right, dilation[0] * down, dilation[1] * right, one),
    )
    return seen.reshape(rows, n * size[0] * size[1], -1), size


def _fold(
    patches: Tensor, shape: Any, size: tuple[int, int], kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Tensor:
    """The sum of all patches at their places: the transpose of `_patches`."""
    rows, n, channels, height, width = shape
    out = patches.new_zeros(rows, n, height + 2 * padding[0], width + 2 * padding[1], channels)
    seen = patches.reshape(rows, n, *size, *kernel, channels)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilation[0], j * dilation[1]
            out[
                :,
                :,
                top : top + stride[0] * (size[0] - 1) + 1 : stride[0],
                left : left + stride[1] * (size[1] - 1) + 1 : stride[1],
            ] += seen[:, :, :, :, i, j]
    inner = out[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]
    return inner.permute(0, 1, 4, 2, 3)
