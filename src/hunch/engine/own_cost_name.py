"""A cost of the user's own and its name, by which a stored study tells it from another."""

from __future__ import annotations

import functools
import hashlib
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

CostFunction = Callable[[Tensor, Tensor], Tensor]
_PLAIN = (int, float, complex, str, bytes, bool, type(None))


@dataclass(frozen=True, eq=False)
class OwnCost:
    """A cost of the user's own.

    Args:
        name: As the plan has it: `own:NAME:HASH`.
        function: (outputs (n, …), targets (n, …)) → costs (n,).
    """

    name: str
    function: CostFunction

    @property
    def called(self) -> str:
        """What messages call it."""
        return self.name.split(":", 1)[1].rpartition(":")[0]


def own_cost_name(function: Callable[..., Any]) -> str:
    """`own:NAME:HASH`; the hash is over the source and over the values that the function brings along.

    These are its defaults, what it encloses, arguments bound by `functools.partial`, a module's settings and tensors,
    and of its own file the plain constants and functions that it names. Where there is no source (a function typed
    at `python -c`) the compiled code stands for it.

    Args:
        function: A function, a bound method, a `functools.partial`, a module, or any callable object.

    Example:
        >>> own_cost_name(nn.CrossEntropyLoss(reduction="none")).split(":")[:2]
        ['own', 'CrossEntropyLoss']
    """
    digest = hashlib.sha256()
    for part in _parts(function, set()):
        digest.update(len(part).to_bytes(8, "little") + part)
    return f"own:{_called(function)}:{digest.hexdigest()[:12]}"


def _called(function: Any) -> str:
    if isinstance(function, functools.partial):
        return _called(function.func)
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else type(function).__qualname__


def _parts(value: Any, seen: set[int]) -> Iterator[bytes]:
    """What tells a value from another, as bytes; nothing in it is an address."""
    if isinstance(value, _PLAIN):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, Tensor | np.ndarray):
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        yield f"array {array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    elif id(value) in seen:
        yield b"again"
    else:
        seen.add(id(value))
        yield type(value).__qualname__.encode()
        yield from _inside(value, seen)


def _inside(value: Any, seen: set[int]) -> Iterator[bytes]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, seen)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(key, seen)
            yield from _parts(item, seen)
    elif isinstance(value, functools.partial):
        yield from _parts([value.func, value.args, value.keywords], seen)
    elif isinstance(value, types.MethodType):
        yield from _parts([value.__func__, value.__self__], seen)
    elif isinstance(value, types.FunctionType):
        yield from _function(value, seen)
    elif isinstance(value, type | types.BuiltinFunctionType | types.ModuleType):
        yield getattr(value, "__qualname__", getattr(value, "__name__", "")).encode()
    else:
        yield from _object(value, seen)


def _function(function: types.FunctionType, seen: set[int]) -> Iterator[bytes]:
    yield _source(function)
    yield from _parts([function.__defaults__, function.__kwdefaults__], seen)
    for cell in function.__closure__ or ():
        try:
            yield from _parts(cell.cell_contents, seen)
        except ValueError:  # not filled yet
            yield b"empty"
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        is_own = isinstance(value, types.FunctionType) and value.__module__ == function.__module__
        if name in function.__globals__ and (
            is_own or isinstance(value, (*_PLAIN, tuple, list, Tensor, np.ndarray))
        ):
            yield name.encode()
            yield from _parts(value, seen)


def _object(value: Any, seen: set[int]) -> Iterator[bytes]:
    kind = type(value)
    forward = getattr(kind, "forward" if isinstance(value, nn.Module) else "__call__", None)
    if isinstance(forward, types.FunctionType):
        yield _source(forward)
    for name, item in sorted(getattr(value, "__dict__", {}).items()):
        is_registry = isinstance(value, nn.Module) and name in ("_parameters", "_buffers", "_modules")
        if is_registry or (not name.startswith("_") and name != "training"):
            yield name.encode()
            yield from _parts(item, seen)


def _source(function: types.FunctionType) -> bytes:
    try:
        return textwrap.dedent(inspect.getsource(function)).encode()
    except (OSError, TypeError):
        return b"".join(_code(function.__code__))


def _code(code: types.CodeType) -> Iterator[bytes]:
    yield code.co_code
    for constant in code.co_consts:
        yield from _code(constant) if isinstance(constant, types.CodeType) else [repr(constant).encode()]
    yield repr(code.co_names).encode()


def _names(code: types.CodeType) -> list[str]:
    """Names that the code and the functions inside of it look up, sorted."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= set(_names(constant))
    return sorted(found)
