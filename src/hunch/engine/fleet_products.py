"""Matrix products of all rows: by the compiled kernels, whose bits depend on a row's numbers alone, else by torch.

Torch's batched product (MKL's) rounds differently at another alignment in memory, and so at another place in the fleet.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hunch.engine.native_extension import native_module


def has_kernels(*tensors: Tensor | None) -> bool:
    """Whether the compiled kernels can take these tensors."""
    native = native_module()
    return hasattr(native, "fleet_products") and all(
        t is None or (t.device.type == "cpu" and t.dtype in (torch.float32, torch.float64)) for t in tensors
    )


def products(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """A · b (+ bias) of every row.

    Args:
        a: Shape (rows, m, k).
        b: Shape (rows, k, n).
        bias: Shape (rows, n); None: none.

    Returns:
        Shape (rows, m, n). There is no gradient through this function.
    """
    if not has_kernels(a, b, bias) or 0 in (*a.shape, *b.shape):
        return torch.bmm(a, b) if bias is None else torch.baddbmm(bias.unsqueeze(1), a, b)
    if 1 not in a.stride()[1:] and a.shape[2] != 1:
        a = a.contiguous()
    out = torch.empty(a.shape[0], a.shape[1], b.shape[2], dtype=a.dtype)
    if bias is not None and bias.stride(-1) != 1:
        bias = bias.contiguous()
    native = native_module()
    assert native is not None
    native.fleet_products(numpy_of(a), numpy_of(b), None if bias is None else numpy_of(bias), out.numpy())
    return out


def numpy_of(tensor: Tensor) -> Any:
    """A tensor's numbers as the kernels take them."""
    return tensor.detach().numpy()


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        """The layers of all rows; x: (rows, n, inputs), w: (rows, units, inputs), b: (rows, units)."""
        ctx.save_for_backward(x, w)
        ctx.has_bias = b is not None
        return products(x, w.transpose(1, 2), b)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        """Gradients of inputs (if they are needed), weights and biases."""
        x, w = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_x = products(gradient, w) if ctx.needs_input_grad[0] else None
        of_w = products(gradient.transpose(1, 2), x)
        return of_x, of_w, gradient.sum(dim=1) if ctx.has_bias else None


def linear_layers(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    """The linear layers of all rows, with gradients.

    Args:
        x: Inputs, shape (rows, n, inputs).
        w: Weights, shape (rows, units, inputs).
        b: Biases, shape (rows, units); None: none.

    Returns:
        Shape (rows, n, units).
    """
    return _Linear.apply(x, w, b)


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        """A · b of every row."""
        ctx.save_for_backward(a, b)
        return products(a, b)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        """Gradients of both."""
        a, b = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_a = products(gradient, b.transpose(1, 2)) if ctx.needs_input_grad[0] else None
        of_b = products(a.transpose(1, 2), gradient) if ctx.needs_input_grad[1] else None
        return of_a, of_b


def products_with_gradients(a: Tensor, b: Tensor) -> Tensor:
    """As `products`, with gradients."""
    return _Products.apply(a, b)
