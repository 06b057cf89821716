"""Max pooling of all rows: nothing but the inputs is kept for the gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hunch.engine.fleet_products import has_kernels, numpy_of
from hunch.engine.native_extension import native_module


def largest(x: Tensor, kernel: tuple[int, int], step: tuple[int, int]) -> Tensor:
    """The largest number of each window, as `torch.max_pool2d` without padding and dilation has it.

    Args:
        x: Shape (maps, channels, height, width).
        kernel: Height and width of the window.
        step: How far it moves.

    Returns:
        Shape (maps, channels, height, width).
    """
    if not has_kernels(x) or 0 in x.shape:
        return torch.max_pool2d(x, kernel, step)
    return _Largest.apply(x, kernel, step)


class _Largest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: tuple[int, int], step: tuple[int, int]) -> Tensor:
        """The largest numbers."""
        x = x.contiguous()
        ctx.save_for_backward(x)
        ctx.kernel, ctx.step = kernel, step
        size = [(x.shape[i + 2] - kernel[i]) // step[i] + 1 for i in (0, 1)]
        out = torch.empty(*x.shape[:2], *size, dtype=x.dtype)
        _pool(x, kernel, step, None, out)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        """Each window's gradient goes to where its largest number stood."""
        (x,) = ctx.saved_tensors
        out = torch.empty_like(x)
        _pool(x, ctx.kernel, ctx.step, gradient.contiguous(), out)
        return out, None, None


def _pool(x: Tensor, kernel: Any, step: Any, gradient: Tensor | None, out: Tensor) -> None:
    native = native_module()
    assert native is not None
    native.fleet_pool(
        numpy_of(x).reshape(-1, *x.shape[2:]),
        kernel,
        step,
        None if gradient is None else numpy_of(gradient).reshape(-1, *gradient.shape[2:]),
        out.numpy().reshape(-1, *out.shape[2:]),
    )
