"""What a network computes, call by call, seen in one forward pass on real inputs: hooks and `__torch_function__`."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from hunch.errors import UnsupportedError
from hunch.network.graph import (
    FUNCTION,
    INPUT_CALL,
    MODULE,
    OUTPUT,
    Call,
    Graph,
    add_module,
    is_leaf,
    plain_name,
)
from hunch.network.kinds import OTHER, Kind, kind_of_function, kind_of_module
from hunch.network.making import seeded


class _Recorder(TorchFunctionMode):
    """Writes down every function on tensors that runs outside of leaf modules."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.at: dict[int, int] = {}
        self.alive: list[Tensor] = []  # an address may be used again once its tensor is gone
        self.depth = 0
        self.stack = [""]
        self.parameters: dict[int, str] = {}
        self.used: set[str] = set()

    def sources(self, value: Any) -> tuple[int, ...]:
        return tuple(self.at[id(t)] for t in _tensors_in(value) if id(t) in self.at)

    def write(self, call: Call, value: Any) -> None:
        tensors = _tensors_in(value)
        ndim = tensors[0].ndim if tensors else None
        self.calls.append(replace(call, index=len(self.calls), ndim=ndim))
        self.know(value)

    def know(self, value: Any) -> None:
        for tensor in _tensors_in(value):
            self.at[id(tensor)] = len(self.calls) - 1
            self.alive.append(tensor)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        inputs = self.sources((args, kwargs)) if self.depth == 0 else ()
        value = func(*args, **kwargs)
        if (
            self.depth == 0 and self.parameters and _tensors_in(value)
        ):  # else only a shape or number type was read
            self.used |= {
                self.parameters[id(t)] for t in _tensors_in((args, kwargs)) if id(t) in self.parameters
            }
        if inputs and _tensors_in(value):
            name = plain_name(func)
            kind = kind_of_function(name, args, kwargs)
            plain = tuple(None if isinstance(a, Tensor) else a for a in args)
            self.write(
                Call(0, FUNCTION, name, self.stack[-1], kind, inputs, None, plain, dict(kwargs)), value
            )
        return value


def recorded_graph(network: nn.Module, inputs: Any) -> Graph:
    """The calls of one forward pass in eval mode on a copy of the network.

    Args:
        network: The network; it is not changed.
        inputs: A tensor, or a tuple of the forward's arguments, or a dict of them.

    Raises:
        UnsupportedError: If the forward raises on these inputs.
    """
    copied = copy.deepcopy(network).eval()
    originals = dict(network.named_modules())
    recorder = _Recorder()
    recorder.parameters = {id(p): name for name, p in copied.named_parameters()}
    handles: list[Any] = []
    for name, module in copied.named_modules():
        if is_leaf(module):
            handles += _watch_leaf(recorder, name, module, originals[name])
        elif name:
            handles += _watch_owner(recorder, name, module, originals[name])
    args, kwargs = as_arguments(inputs)
    for k, tensor in enumerate(_tensors_in((args, kwargs))):
        recorder.write(Call(0, INPUT_CALL, f"input {k}", "", Kind(INPUT_CALL, None)), tensor)
    try:
        with torch.no_grad(), seeded(0), recorder:
            value = copied(*args, **kwargs)
    except Exception as error:
        raise UnsupportedError(
            f"the network raised {type(error).__name__} on the inputs that it was to be read with: {error}. Give "
            "inputs= as its forward takes them: a tensor, a tuple of arguments, or a dict.",
            "network-not-traced",
        ) from error
    recorder.write(
        Call(0, OUTPUT, "output", "", Kind(OUTPUT, None), recorder.sources(_plain_output(value))), ()
    )
    graph = Graph(recorder.calls, "forward")
    graph.functions_use = recorder.used
    return graph


def _watch_leaf(recorder: _Recorder, name: str, module: nn.Module, original: nn.Module) -> list[Any]:
    entered: list[tuple[int, ...]] = []
    kind = kind_of_module(original)  # now: what it takes to know must not be recorded

    def before(_module: nn.Module, args: Any, kwargs: Any) -> None:
        entered.append(recorder.sources((args, kwargs)) if recorder.depth == 0 else ())
        recorder.depth += 1

    def after(_module: nn.Module, args: Any, kwargs: Any, value: Any) -> None:
        recorder.depth -= 1
        inputs = entered.pop()
        if recorder.depth == 0:
            start = len(recorder.calls)
            ndim = next((t.ndim for t in _tensors_in(value)), None)
            common = {"owner": recorder.stack[-1], "inputs": inputs, "ndim": ndim}
            add_module(recorder.calls, name, original, kind=kind, **common)
            recorder.know(value)
            assert len(recorder.calls) > start

    return [
        module.register_forward_pre_hook(before, with_kwargs=True, prepend=True),
        module.register_forward_hook(after, with_kwargs=True),
    ]


def _watch_owner(recorder: _Recorder, name: str, module: nn.Module, original: nn.Module) -> list[Any]:
    entered: list[tuple[int, ...]] = []

    def before(_module: nn.Module, args: Any, kwargs: Any) -> None:
        entered.append(recorder.sources((args, kwargs)))
        recorder.stack.append(name)

    def after(_module: nn.Module, args: Any, kwargs: Any, value: Any) -> None:
        recorder.stack.pop()
        inputs = entered.pop()
        if recorder.depth == 0 and inputs and _tensors_in(value) and not recorder.sources(value):
            # An autograd function of its own, or code outside of torch: all that is seen of it is what goes in and out.
            kind = Kind(OTHER, type(original).__name__)
            recorder.write(Call(0, MODULE, name, recorder.stack[-1], kind, inputs, original), value)

    return [
        module.register_forward_pre_hook(before, with_kwargs=True, prepend=True),
        module.register_forward_hook(after, with_kwargs=True),
    ]


def as_arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs as a call takes them: (positional, by name)."""
    if isinstance(inputs, dict):
        return (), inputs
    return (tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)), {}


def _plain_output(value: Any) -> Any:
    """Outputs of the transformers library are dataclasses that are dicts too."""
    return dict(value) if hasattr(value, "keys") else value


def _tensors_in(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if hasattr(value, "keys"):
        value = list(dict(value).values())
    if isinstance(value, tuple | list):
        return [t for item in value for t in _tensors_in(item)]
    return []
