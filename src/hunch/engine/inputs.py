"""What a network takes: one tensor, several in order, or several by name; from arrays to tensors and rows of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Inputs = Tensor | tuple[Tensor, ...] | dict[str, Tensor]


def to_inputs(x: np.ndarray, dtype: torch.dtype, device: str | torch.device = "cpu") -> Inputs:
    """Inputs as the network's forward takes them.

    Args:
        x: Inputs as `Data` has them: float32, or a structured array with one field an input; fields `"0"`, `"1"`, …
            are given in order, others by name.
        dtype: Number type of what is no whole number.
        device: Where they shall be.

    Returns:
        A tensor, a tuple of tensors or a dict of them, each with the examples along the first axis.

    Example:
        >>> to_inputs(np.zeros((2, 3), np.float32), torch.float64).dtype
        torch.float64
    """
    if x.dtype.names is None:
        return _tensor(x, dtype, device)
    named = {name: _tensor(x[name], dtype, device) for name in x.dtype.names}
    return tuple(named.values()) if x.dtype.names[0] == "0" else named


def take(inputs: Inputs, rows: Any) -> Inputs:
    """Some examples of the inputs.

    Args:
        inputs: The inputs.
        rows: What indexes the first axis: row numbers, of any shape, or a slice.
    """
    return mapped(inputs, lambda t: t[rows])


def mapped(inputs: Inputs, change: Any) -> Inputs:
    """The inputs with each tensor changed alike."""
    if isinstance(inputs, Tensor):
        return change(inputs)
    if isinstance(inputs, dict):
        return {name: change(t) for name, t in inputs.items()}
    return tuple(change(t) for t in inputs)


def call(network: nn.Module, inputs: Inputs) -> Tensor:
    """What the network gives on the inputs."""
    if isinstance(inputs, dict):
        return network(**inputs)
    return network(*inputs) if isinstance(inputs, tuple) else network(inputs)


def n_examples(inputs: Inputs) -> int:
    """How many examples there are."""
    if isinstance(inputs, dict):
        return len(next(iter(inputs.values())))
    return len(inputs[0]) if isinstance(inputs, tuple) else len(inputs)


def _tensor(array: np.ndarray, dtype: torch.dtype, device: str | torch.device) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)
