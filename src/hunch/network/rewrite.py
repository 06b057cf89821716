"""Rewriting one module's forward by `torch.fx`: only where a call itself must be followed or replaced.

Only the forward in which the call stands is rewritten; the modules that it calls, its parameters, buffers and hooks
stay the same objects. Its class, its other methods and its plain attributes are lost, and so are arguments that were
left at their defaults.

`self.training` is a plain boolean that fx would freeze. So the forward is traced in training and in evaluation; where
the two differ in nothing but the `training` of dropout functions, these become `nn.Dropout` modules, which follow the
mode; where they differ otherwise it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import fx, nn

from hunch.errors import UnsupportedError
from hunch.network.graph import FUNCTION, MODULE, Call, Graph, fixed_arguments, plain_name
from hunch.network.kinds import DROPOUT, setting
from hunch.network.own_gradient import own_gradients_refused

_DROPOUTS = {
    "dropout": nn.Dropout,
    "dropout1d": nn.Dropout1d,
    "dropout2d": nn.Dropout2d,
    "dropout3d": nn.Dropout3d,
}


@dataclass
class Edit:
    """What becomes of one call.

    Args:
        swap: The module that is called in its place; None: the call stays.
        is_gone: Whether the call is taken out: its value is its first input.
        after: (name, module) of those that follow it.
    """

    swap: nn.Module | None = None
    is_gone: bool = False
    after: list[tuple[str, nn.Module]] = field(default_factory=list)


class _OneForward(fx.Tracer):
    """Traces one forward; every module that it calls is one call."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def rewrite(
    network: nn.Module, graph: Graph, edits: Mapping[int, Edit]
) -> tuple[nn.Module, list[str], list[UnsupportedError]]:
    """The network with the edits done, in place but for the network's own forward; what was lost; what failed.

    Args:
        network: The network, whose calls `graph` has.
        graph: The calls.
        edits: Index of a call → what becomes of it.
    """
    by_owner: dict[str, list[int]] = {}
    for index in edits:
        by_owner.setdefault(graph.calls[index].owner, []).append(index)
    lost: list[str] = []
    failed: list[UnsupportedError] = []
    for owner in sorted(by_owner, key=lambda path: -len(path.split(".")) if path else 1):
        old = network.get_submodule(owner)
        try:
            new = _rewritten(old, owner, graph, {k: edits[k] for k in sorted(by_owner[owner])})
        except UnsupportedError as error:
            failed.append(error)
            continue
        names = ", ".join(f"`{graph.calls[k].name}`" for k in sorted(by_owner[owner]))
        lost.append(
            f"the forward of {_name(owner, old)} was rewritten by torch.fx, because {names} in it is no module of its "
            f"own: its class, its other methods and plain attributes are lost{_defaults(old)}"
        )
        if not owner:
            return new, lost, failed
        path, _, leaf = owner.rpartition(".")
        network.get_submodule(path)._modules[leaf] = new
    return network, lost, failed


def modules_for_dropout_functions(network: nn.Module, graph: Graph) -> nn.Module:
    """The network with its dropout functions as modules, where its forwards can be rewritten; else as it is.

    It computes what it did; a module's draws can be made a function of seed and step.
    """
    calls = [c for c in graph.calls if c.how == FUNCTION and c.kind.what == DROPOUT]
    # Rewriting a forward makes modules of those of its dropout functions that follow the mode, and of no others.
    return rewrite(network, graph, {c.index: Edit() for c in calls})[0] if calls else network


def _name(owner: str, module: nn.Module) -> str:
    return f"`{owner}` ({type(module).__name__})" if owner else type(module).__name__


def _defaults(module: nn.Module) -> str:
    fixed = fixed_arguments(module)
    return f", and so is its argument {', '.join(fixed)}, now always as by default" if fixed else ""


def _trace(owner: nn.Module, *, training: bool) -> fx.Graph:
    before, buffers, attributes = owner.training, dict(owner._buffers), dict(vars(owner))
    owner.training = training
    try:
        with own_gradients_refused():
            nodes = _OneForward().trace(owner, concrete_args=fixed_arguments(owner) or None)
        written = [k for k, v in (*owner._buffers.items(), *vars(owner).items()) if isinstance(v, fx.Proxy)]
        if written:  # a rewritten forward would no longer do so
            owner._buffers.update(buffers)
            vars(owner).update(attributes)
            raise TypeError(f"it writes into `{written[0]}`")
        return nodes
    finally:
        owner.training = before


def _rewritten(old: nn.Module, path: str, graph: Graph, edits: Mapping[int, Edit]) -> nn.Module:
    where = _name(path, old)
    try:
        nodes, other = _trace(old, training=True), _trace(old, training=False)
    except Exception as error:
        raise UnsupportedError(
            f"the forward of {where} cannot be rewritten ({type(error).__name__}: {str(error).splitlines()[0]}). "
            "Make the activation a module (nn.ReLU() in __init__), one for each place.",
            "network-not-rewritten",
        ) from error
    modules = dict(old._modules)
    for node in _unfrozen(where, nodes, other):
        p = float(setting(node.args, node.kwargs, "p", 1, 0.5))
        awake = _DROPOUTS[plain_name(node.target)](p).train(old.training)
        _call_instead(nodes, node, _add(modules, "dropout", awake, like=old))
    found = {index: _node_of(old, nodes, graph, graph.calls[index], where) for index in edits}
    for index, edit in edits.items():
        at = found[index]
        if edit.is_gone:
            before = at.args[0]
            assert isinstance(before, fx.Node)
            at.replace_all_uses_with(before)
            nodes.erase_node(at)
            at = before
        elif edit.swap is not None:
            name = graph.calls[index].name.rpartition(".")[2]
            at = _call_instead(nodes, at, _add(modules, f"{name}_own", edit.swap, like=old))
        for name, module in edit.after:
            at = _call_after(nodes, at, _add(modules, name, module, like=old))
    called = {str(n.target) for n in nodes.nodes if n.op == "call_module"}
    modules = {k: m for k, m in modules.items() if k in old._modules or k in called}
    nodes.lint()
    holder = nn.Module()
    holder.training = old.training
    holder._modules, holder._parameters, holder._buffers = modules, dict(old._parameters), dict(old._buffers)
    new = fx.GraphModule(holder, nodes, class_name=type(old).__name__)
    new._modules = {**modules, **{k: m for k, m in new._modules.items() if k not in modules}}
    new._parameters, new._buffers = dict(old._parameters), dict(old._buffers)
    new._non_persistent_buffers_set = set(old._non_persistent_buffers_set)
    for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_forward_hooks_with_kwargs"):
        setattr(new, hooks, getattr(old, hooks))
    return new


def _unfrozen(where: str, nodes: fx.Graph, other: fx.Graph) -> list[fx.Node]:
    """The dropout functions that follow the mode; refuse whatever else does."""
    pairs = list(zip(nodes.nodes, other.nodes, strict=False))
    follow: list[fx.Node] = []
    is_other = len(list(nodes.nodes)) != len(list(other.nodes))
    for a, b in pairs:
        same = (
            a.op == b.op
            and a.target == b.target
            and str(a.args) == str(b.args)
            and str(a.kwargs) == str(b.kwargs)
        )
        if (
            a.op == "call_function"
            and plain_name(a.target) in _DROPOUTS
            and a.target == b.target
            and not same
        ):
            follow.append(a)
        elif not same:
            is_other = True
    if is_other:
        raise UnsupportedError(
            f"the forward of {where} does one thing in training and another in evaluation, which torch.fx would "
            "freeze, so it cannot be rewritten. Make the activation a module (nn.ReLU() in __init__), one a place.",
            "network-not-rewritten",
        )
    return follow


def _node_of(old: nn.Module, nodes: fx.Graph, graph: Graph, call: Call, where: str) -> fx.Node:
    """The node of a call: the same ordinal among the calls of the same thing in the same forward."""
    alike = [c for c in graph.calls if c.owner == call.owner and c.how == call.how and _same(c, call)]
    own = [n for n in nodes.nodes if _is_of(old, n, call)]
    if len(own) != len(alike):
        raise UnsupportedError(
            f"`{call.name}` in the forward of {where} cannot be told from its like: it is called {len(alike)} times "
            f"where {len(own)} were expected, perhaps because the module itself is called at several places. Give each "
            "place a module of its own.",
            "network-not-rewritten",
        )
    return own[alike.index(call)]


def _is_of(old: nn.Module, node: fx.Node, call: Call) -> bool:
    if call.how == MODULE:
        return node.op == "call_module" and _child(old, str(node.target)) is call.module
    is_function = node.op in ("call_function", "call_method") and plain_name(node.target) == call.name
    return is_function or node.meta.get("hunch") == call.name


def _child(old: nn.Module, target: str) -> nn.Module | None:
    """The module of that name; None for one that was put in just now."""
    try:
        return old.get_submodule(target)
    except AttributeError:
        return None


def _same(a: Call, b: Call) -> bool:
    return a.module is b.module if b.how == MODULE else a.name == b.name


def _add(modules: dict[str, Any], name: str, module: nn.Module, *, like: nn.Module) -> str:
    while name in modules or hasattr(like, name):
        name += "_"
    modules[name] = module
    return name


def _call_instead(nodes: fx.Graph, node: fx.Node, name: str) -> fx.Node:
    with nodes.inserting_after(node):
        new = nodes.call_module(name, (node.args[0],))
    new.meta["hunch"] = plain_name(node.target) if node.op == "call_function" else ""
    node.replace_all_uses_with(new)
    nodes.erase_node(node)
    return new


def _call_after(nodes: fx.Graph, node: Any, name: str) -> fx.Node:
    with nodes.inserting_after(node):
        new = nodes.call_module(name, (node,))
    node.replace_all_uses_with(new, delete_user_cb=lambda user: user is not new)
    return new
