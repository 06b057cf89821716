"""What a network computes, call by call: by `torch.fx` where it traces, else by one forward pass on real inputs."""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import fx, nn

from hunch.errors import UnsupportedError
from hunch.network.follow import followers
from hunch.network.kinds import Kind, is_transposed, kind_of_function, kind_of_module, layer_kind
from hunch.network.own_activation import own_activation
from hunch.network.own_gradient import own_gradients_refused

INPUT_CALL, MODULE, FUNCTION, CONSTANT, OUTPUT = "input", "module", "function", "constant", "output"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One thing that a network does.

    Args:
        index: Its place in the order of execution.
        how: `"input"`, `"module"`, `"function"`, `"constant"` (a parameter or buffer) or `"output"`.
        name: Qualified name of the module, or name of the function.
        owner: Qualified name of the module in whose forward the call stands; empty: the network's own.
        kind: What it is.
        inputs: Indices of the calls whose values it takes.
        module: The module; None for anything else.
        args: Arguments of a function, values of the network left out as None.
        kwargs: Keyword arguments, likewise.
        ndim: Axes of its value; None where it was not run.
        node: Its fx node, where it was traced; a follower has that of the module it follows.
    """

    index: int
    how: str
    name: str
    owner: str
    kind: Kind
    inputs: tuple[int, ...] = ()
    module: nn.Module | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    ndim: int | None = None
    node: fx.Node | None = None


class Graph:
    """The calls of a network in execution order.

    Args:
        calls: The calls.
        how: `"fx"` or `"forward"` (one pass on real inputs).
    """

    def __init__(self, calls: list[Call], how: str) -> None:
        """Find out who uses what."""
        self.calls, self.how = calls, how
        self._users: dict[int, list[Call]] = {c.index: [] for c in calls}
        for call in calls:
            for at in dict.fromkeys(call.inputs):
                self._users[at].append(call)
        self.explicit: set[int] = set()  # identities that stand for an activation
        self.functions_use: set[str] = (
            set()
        )  # parameters that functions take in a recorded pass; fx has them as calls
        self.times = Counter(c.name for c in calls if c.how == MODULE)

    def users(self, call: Call) -> list[Call]:
        """The calls that take this one's value."""
        return self._users[call.index]

    def values(self, call: Call) -> list[Call]:
        """The calls whose values this one takes, parameters left out, one a place."""
        return [self.calls[k] for k in call.inputs if self.calls[k].how != CONSTANT]


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one call: torch's and Hunch's own modules without layers inside, and attention.

    A module of the user's without children is looked into, for its forward may call functions; but one that is an
    activation is one call.
    """
    own = {child for _, child in followers(module)}
    has_children = any(child is not None and child not in own for child in module._modules.values())
    if isinstance(module, nn.MultiheadAttention) or is_transposed(module):
        return True
    if isinstance(module, nn.Sequential):
        return False
    known = next(
        (c for c in type(module).__mro__ if c.__module__.startswith(("torch.nn.", "hunch."))), nn.Module
    )
    is_torchs = known is not nn.Module and type(module).forward is known.forward
    return not has_children and (is_torchs or layer_kind(module) is not None or own_activation(module)[0])


class _Tracer(fx.Tracer):
    """Traces into everything that is no leaf, and remembers in whose forward a node stands."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(autowrap_functions=())
        # Found out now: fx cannot trace an activation of the user's while it traces the network.
        self.leaves = {m for m in network.modules() if is_leaf(m) or _is_closed(m)}
        self.stack = [""]
        self.owners: dict[fx.Node, str] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return m in self.leaves

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        path = self.path_of_module(m)
        is_open = not self.is_leaf_module(m, path)
        if is_open:
            self.stack.append(path)
        try:
            return super().call_module(m, forward, args, kwargs)
        finally:
            if is_open:
                self.stack.pop()

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        self.owners[node] = self.stack[-1]
        return node


def _is_closed(module: nn.Module) -> bool:
    """Modules of torch with layers inside whose forward fx cannot follow: transformers' layers."""
    return type(module).__module__ == "torch.nn.modules.transformer"


def fixed_arguments(module: nn.Module) -> dict[str, Any]:
    """Arguments of a forward with a default: fx would take `mask is not None` for true."""
    return {
        p.name: p.default
        for p in inspect.signature(module.forward).parameters.values()
        if p.default is not inspect.Parameter.empty and p.kind is not p.VAR_KEYWORD
    }


@contextlib.contextmanager
def unchanged(network: nn.Module) -> Iterator[None]:
    """Put back what a forward writes into its modules: under fx that would be proxies, in the user's own network."""
    kept = [(m, dict(vars(m)), dict(m._buffers)) for m in network.modules()]
    try:
        yield
    finally:
        for module, attributes, buffers in kept:
            vars(module).clear()
            vars(module).update(attributes)
            module._buffers.clear()
            module._buffers.update(buffers)


def trace(network: nn.Module) -> tuple[fx.Graph, dict[fx.Node, str]]:
    """The network's fx graph, and in whose forward each node stands.

    Raises:
        UnsupportedError: If fx cannot trace it; the text says why.
    """
    tracer = _Tracer(network)
    try:
        with own_gradients_refused(), unchanged(network):
            return tracer.trace(network, concrete_args=fixed_arguments(network) or None), tracer.owners
    except Exception as error:
        why = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "no reason given"
        raise UnsupportedError(
            f"the forward of {type(network).__name__} cannot be traced without running it "
            f"({type(error).__name__}: {why}). Give two examples of its inputs: inputs=X[:2].",
            "network-not-traced",
        ) from error


def traced_graph(network: nn.Module) -> Graph:
    """The calls as fx sees them, without running anything."""
    nodes, owners = trace(network)
    modules = dict(network.named_modules())
    calls: list[Call] = []
    at: dict[fx.Node, int] = {}
    for node in nodes.nodes:
        inputs = tuple(at[n] for n in _nodes_in((node.args, node.kwargs)))
        common = {"owner": owners.get(node, ""), "inputs": inputs, "node": node}
        if node.op == "call_module":
            name = str(node.target)
            at[node] = add_module(calls, name, modules[name], **common)
            continue
        if node.op in ("call_function", "call_method"):
            name = plain_name(node.target)
            args, kwargs = _without_values(node.args), _without_values(node.kwargs)
            call = Call(
                len(calls),
                FUNCTION,
                name,
                kind=kind_of_function(name, args, kwargs),
                args=args,
                kwargs=kwargs,
                **common,
            )
        else:
            how = {"placeholder": INPUT_CALL, "get_attr": CONSTANT, "output": OUTPUT}[node.op]
            call = Call(len(calls), how, str(node.target), kind=Kind(how, None), **common)
        at[node] = len(calls)
        calls.append(call)
    return Graph(calls, "fx")


def add_module(
    calls: list[Call], name: str, module: nn.Module, *, kind: Kind | None = None, **common: Any
) -> int:
    """Add the call of a module and those of its followers; returns the index of the last."""
    kind = kind_of_module(module) if kind is None else kind
    calls.append(Call(len(calls), MODULE, name, kind=kind, module=module, **common))
    for leaf, follower in followers(module):
        common["inputs"] = (len(calls) - 1,)
        kind = kind_of_module(follower)
        calls.append(Call(len(calls), MODULE, f"{name}.{leaf}", kind=kind, module=follower, **common))
    return len(calls) - 1


def _nodes_in(value: Any) -> list[fx.Node]:
    found: list[fx.Node] = []
    fx.map_arg(value, lambda node: found.append(node) or node)
    return found


def _without_values(value: Any) -> Any:
    return fx.map_arg(value, lambda _: None)


def plain_name(target: Any) -> str:
    """`relu` for `F.relu`, `torch.relu`, `Tensor.relu_`; `add` for `+` and `+=`."""
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    return name.strip("_")
