"""What a network computes under vmap in ways of a fleet's own: products, convolutions, batch norm, pooling.

What a way rounds must depend on a row's own numbers alone, so it is a function of the layer's shape and the device.
torch's own functions fold the rows into one larger problem, or leave it to MKL how to round.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

from hunch.engine.fleet_convs import fleet_conv
from hunch.engine.fleet_norms import batch_norms
from hunch.engine.fleet_pools import largest
from hunch.engine.fleet_products import linear_layers, products_with_gradients


class FleetLayers(TorchFunctionMode):
    """While it is entered, inside of vmap, functions of torch go the fleet's way, whoever calls them."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Go the fleet's way where there is one."""
        return _OWN.get(func, func)(*args, **(kwargs or {}))


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return RowLinear.apply(input, weight, bias)


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    if b.ndim == 2 and a.ndim >= 2:
        return RowLinear.apply(a, b.transpose(0, 1), None)
    if a.ndim == b.ndim and a.ndim >= 3 and a.shape[:-2] == b.shape[:-2]:
        batch = a.shape[:-2]
        out = RowProducts.apply(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]))
        return out.reshape(*batch, *out.shape[-2:])
    return torch.matmul(a, b)


def _addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    if beta != 1 or alpha != 1 or input.ndim != 1:
        return torch.addmm(input, mat1, mat2, beta=beta, alpha=alpha)
    return RowLinear.apply(mat1, mat2.transpose(0, 1), input)


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    stride, dilation = _two(stride), _two(dilation)
    if isinstance(padding, str):
        whole = [
            d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, weight.shape[2:], strict=True)
        ]
        if any(n % 2 for n in whole):  # the odd one comes behind
            input = F.pad(input, [side for n in reversed(whole) for side in (n // 2, n - n // 2)])
            whole = [0, 0]
        padding = tuple(n // 2 for n in whole)
    padding = _two(padding)
    if input.ndim == 3:
        return RowConv.apply(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    return RowConv.apply(input, weight, bias, stride, padding, dilation, groups)


def _conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    if isinstance(padding, str):
        whole = _one(dilation) * (weight.shape[2] - 1) if padding == "same" else 0
        input, padding = F.pad(input, (whole // 2, whole - whole // 2)), 0
    out = _conv2d(
        input.unsqueeze(-2),
        weight.unsqueeze(-2),
        bias,
        (1, _one(stride)),
        (0, _one(padding)),
        (1, _one(dilation)),
        groups,
    )
    return out.squeeze(-2)


def _one(value: Any) -> int:
    return int(value[0]) if isinstance(value, tuple | list) else int(value)


def _two(value: Any) -> tuple[int, int]:
    if isinstance(value, tuple | list):
        return (int(value[0]), int(value[-1]))
    return (int(value), int(value))


def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    """Torch's asks for a memory format, which vmap cannot tell; each group is one row of a layer norm."""
    groups = input.reshape(len(input), num_groups, -1)
    out = F.layer_norm(groups, groups.shape[-1:], eps=eps).reshape(input.shape)
    return _scaled(out, weight, bias)


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Torch's folds the rows into the channels, where their bits depend on one another's number."""
    if not training:
        assert running_mean is not None and running_var is not None
        scale = 1 / (running_var + eps).sqrt()
        return _scaled(_scaled(input - _per_channel(running_mean, input), scale, None), weight, bias)
    n = input.numel() // input.shape[1]
    if n <= 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {tuple(input.shape)}"
        )
    out, mean, variance = RowBatchNorm.apply(input, eps)
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.mul_(1 - momentum).add_(mean.reshape(-1) * momentum)
            running_var.mul_(1 - momentum).add_(variance.reshape(-1) * (n / (n - 1)) * momentum)
    return _scaled(out, weight, bias)


def _per_channel(numbers: Tensor, like: Tensor) -> Tensor:
    return numbers.reshape(-1, *[1] * (like.ndim - 2))


def _scaled(x: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    """X · scale + shift, by channel."""
    if scale is not None:
        x = x * _per_channel(scale, x)
    return x if shift is None else x + _per_channel(shift, x)


def _max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    kernel = _two(kernel_size)
    step = kernel if stride is None or stride == () or stride == [] else _two(stride)
    is_plain = _two(padding) == (0, 0) and _two(dilation) == (1, 1) and not ceil_mode and not return_indices
    fits = input.ndim == 4 and input.shape[2] >= kernel[0] and input.shape[3] >= kernel[1]
    if not (is_plain and fits):
        return torch.max_pool2d(input, kernel, step, padding, dilation, ceil_mode)
    return RowLargest.apply(input, kernel, step)


_OWN = {
    F.linear: _linear,
    torch.matmul: _matmul,
    torch.Tensor.matmul: _matmul,
    torch.Tensor.__matmul__: _matmul,
    torch.bmm: _matmul,
    torch.Tensor.bmm: _matmul,
    torch.addmm: _addmm,
    torch.conv1d: _conv1d,
    torch.conv2d: _conv2d,
    F.group_norm: _group_norm,
    torch.group_norm: _group_norm,
    F.batch_norm: _batch_norm,
    torch.max_pool2d: _max_pool2d,
    F.max_pool2d: _max_pool2d,
}


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
    def vmap(info: Any, in_dims: Any, x: Tensor, w: Tensor, b: Tensor | None) -> tuple[Tensor, int]:  # type: ignore[override]
        """All rows at once."""
        n = info.batch_size
        x, w = _first(x, in_dims[0], n), _first(w, in_dims[1], n)
        b = None if b is None else _first(b, in_dims[2], n)
        out = linear_layers(x.reshape(n, -1, x.shape[-1]), w, b)
        return out.reshape(*x.shape[:-1], w.shape[1]), 0


class RowProducts(torch.autograd.Function):
    """Matrix products in pairs, under vmap."""

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        """Torch's."""
        return torch.bmm(a, b)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Nothing is kept: outside of vmap there is no backward."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, a: Tensor, b: Tensor) -> tuple[Tensor, int]:  # type: ignore[override]
        """All rows at once."""
        a, b = _first(a, in_dims[0], info.batch_size), _first(b, in_dims[1], info.batch_size)
        out = products_with_gradients(a.reshape(-1, *a.shape[2:]), b.reshape(-1, *b.shape[2:]))
        return out.reshape(*a.shape[:2], *out.shape[1:]), 0


class RowLargest(torch.autograd.Function):
    """The largest number of each window, under vmap."""

    @staticmethod
    def forward(x: Tensor, kernel: Any, step: Any) -> Tensor:
        """Torch's."""
        return torch.max_pool2d(x, kernel, step)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Nothing is kept: outside of vmap there is no backward."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, kernel: Any, step: Any) -> tuple[Tensor, int]:  # type: ignore[override]
        """All rows at once."""
        x = _first(x, in_dims[0], info.batch_size)
        out = largest(x.flatten(0, 1), kernel, step)
        return out.reshape(*x.shape[:2], *out.shape[1:]), 0


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
    def vmap(  # type: ignore[override]
        info: Any, in_dims: Any, x: Tensor, eps: float
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[int, int, int]]:  # type: ignore[override]
        """All rows at once."""
        return batch_norms(_first(x, in_dims[0], info.batch_size), eps), (0, 0, 0)


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
        """Nothing is kept: outside of vmap there is no backward."""

    @staticmethod
    def vmap(  # type: ignore[override]
        info: Any, in_dims: Any, x: Tensor, w: Tensor, b: Tensor | None, *rest: Any
    ) -> tuple[Tensor, int]:  # type: ignore[override]
        """All rows at once."""
        n = info.batch_size
        x, w = _first(x, in_dims[0], n), _first(w, in_dims[1], n)
        b = None if b is None else _first(b, in_dims[2], n)
        return fleet_conv(x, w, b, *rest), 0


def _first(tensor: Tensor, dim: int | None, n: int) -> Tensor:
    return tensor.expand(n, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
