"""What a network takes: one tensor, several in order, or several by name; from arrays to tensors and rows of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hunch.errors import NetworkError

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


def mapped(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> Inputs:
    """The inputs with each tensor changed alike."""
    if isinstance(inputs, Tensor):
        return change(inputs)
    if isinstance(inputs, dict):
        return {name: change(t) for name, t in inputs.items()}
    return tuple(change(t) for t in inputs)


def call(network: nn.Module, inputs: Inputs) -> Tensor:
    """What the network gives on the inputs; see `answer`."""
    if isinstance(inputs, dict):
        return answer(network(**inputs))
    return answer(network(*inputs) if isinstance(inputs, tuple) else network(inputs))


def answer(value: Any) -> Any:
    """The tensor to judge in what a forward gives: its `logits`, as outputs of the transformers library have them.

    Anything else is given back as it is.
    """
    logits = None if isinstance(value, Tensor) else getattr(value, "logits", None)
    return logits if isinstance(logits, Tensor) else value


def n_examples(inputs: Inputs) -> int:
    """How many examples there are."""
    if isinstance(inputs, dict):
        return len(next(iter(inputs.values())))
    return len(inputs[0]) if isinstance(inputs, tuple) else len(inputs)


def shapes_told(inputs: Inputs) -> str:
    """The shapes in words: `(2, 64)`, or `tokens (2, 8), mask (2, 8)`."""
    if isinstance(inputs, Tensor):
        return str(tuple(inputs.shape))
    named = inputs.items() if isinstance(inputs, dict) else ((str(k), t) for k, t in enumerate(inputs))
    return ", ".join(f"{name} {tuple(t.shape)}" for name, t in named)


def check_arguments(network: nn.Module, x: np.ndarray) -> None:
    """Refuse data whose inputs are not the forward's arguments.

    Args:
        network: The network.
        x: Inputs as `Data` has them.

    Raises:
        NetworkError: If an argument without a default gets nothing, or an input has no argument.
    """
    try:
        parameters = inspect.signature(network.forward).parameters.values()
    except (TypeError, ValueError):  # of code outside of Python; the call itself will tell
        return
    kind = type(network).__name__
    in_order = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [
        p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    takes = f"the forward of {kind} takes {_inputs_told([p.name for p in parameters])}"
    if x.dtype.names is None and len(needed) > 1:
        given = ", ".join(f"{name!r}: …" for name in needed)
        raise NetworkError(
            f"{takes}, but X is one array. Give a dict, ({{{given}}}, y), or a tuple in this order: "
            f"(({', '.join(needed)}), y).",
            "network-several-inputs",
        )
    if x.dtype.names is None:
        return
    names = x.dtype.names
    if names[0] == "0":
        most = len(in_order) if not any(p.kind == p.VAR_POSITIONAL for p in parameters) else len(names)
        if len(names) > most or any(name not in {p.name for p in in_order[: len(names)]} for name in needed):
            raise NetworkError(
                f"{takes}, but X is a tuple of {len(names)}. Give one array for each, in this order, or a dict by "
                "their names.",
                "network-inputs-names",
            )
        return
    lacking = [name for name in needed if name not in names]
    takes_any = any(p.kind == p.VAR_KEYWORD for p in parameters)
    unknown = [] if takes_any else [name for name in names if name not in by_name]
    if lacking or unknown:
        wrong = [f"it lacks {_listed(lacking)}"] if lacking else []
        wrong += [f"the forward has no {_listed(unknown)}"] if unknown else []
        raise NetworkError(
            f"{takes}, but X has {_listed(names)}: {' and '.join(wrong)}. Name the inputs as the forward does.",
            "network-inputs-names",
        )


def _inputs_told(names: list[str]) -> str:
    return f"{len(names)} input{'' if len(names) == 1 else 's'} ({', '.join(names)})" if names else "no input"


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _tensor(array: np.ndarray, dtype: torch.dtype, device: str | torch.device) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)
