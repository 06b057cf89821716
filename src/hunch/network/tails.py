"""Following a layer's value: what stands behind it, and why the way ends."""

from __future__ import annotations

from torch import nn

from hunch.network.graph import INPUT_CALL, MODULE, OUTPUT, Call, Graph
from hunch.network.kinds import (
    ACTIVATION,
    DROPOUT,
    HIDDEN_LAYER,
    IDENTITY,
    LAYER,
    NORM,
    POOL,
    RESHAPE,
    SUM,
    kind_of_module,
    setting,
)


def tail_of(graph: Graph, start: Call) -> tuple[list[Call], str]:
    """What follows a layer, at most one of each kind, and why it goes on no further."""
    tail: list[Call] = []
    seen: set[str] = set()
    at = start
    while True:
        users = graph.users(at)
        if len(users) != 1 or users[0].inputs.count(at.index) > 1:
            n = sum(u.inputs.count(at.index) for u in users)
            names = ", ".join(dict.fromkeys(_what(u) for u in users))
            why = (
                f"its value goes to {n} places ({names}) before an activation"
                if users
                else "nothing that is seen uses its value"
            )
            return tail, why
        user = users[0]
        what = user.kind.what
        is_pass = what in (ACTIVATION, NORM, DROPOUT, POOL, IDENTITY) or (
            what == RESHAPE and ACTIVATION in seen
        )
        if (
            not is_pass
            or len(graph.values(user)) != 1
            or (what in (ACTIVATION, NORM, DROPOUT) and what in seen)
        ):
            return tail, _why_it_ends(user)
        if what == NORM and RESHAPE in seen:
            return tail, _why_it_ends(user)
        seen.add(what)
        tail.append(user)
        at = user


def _why_it_ends(user: Call) -> str:
    if user.how == OUTPUT:
        return "its value is an output of the network, with no activation after it"
    if user.kind.what == SUM:
        how = (
            "is joined with another"
            if user.name in ("cat", "concat", "stack")
            else "goes into a sum with another"
        )
        where = f"in the forward of `{user.owner}`" if user.owner else "in the network's own forward"
        return f"its value {how} (`{user.name}` {where}), so that no activation follows it alone"
    return f"it has no activation after it ({_what(user)} follows)"


def _what(call: Call) -> str:
    return "the output" if call.how == OUTPUT else f"`{call.name}`"


def is_the_last(graph: Graph, call: Call) -> bool:
    """Whether ways lead from this call to an output, and none of them through another layer."""
    open_, seen, is_used = [*graph.users(call)], set[int](), False
    while open_:
        at = open_.pop()
        if at.index in seen:
            continue
        seen.add(at.index)
        if at.how == MODULE and (at.kind.what == LAYER or (at.module is not None and is_opaque(at.module))):
            return False
        if at.kind.what == HIDDEN_LAYER:
            return False
        is_used = is_used or at.how == OUTPUT
        open_ += graph.users(at)
    return is_used


def is_opaque(module: nn.Module) -> bool:
    """Whether a call holds weights that Hunch does not see as sites: a recurrent layer, attention."""
    is_known = _has_no_hidden_layer(module)
    return not is_known and any(p.ndim >= 2 for p in module.parameters())


def _has_no_hidden_layer(module: nn.Module) -> bool:
    """Whether a module is a norm, an activation or dropout: its weights, if any, are no layer's."""
    return kind_of_module(module).what in (NORM, ACTIVATION, DROPOUT, LAYER)


def is_row(graph: Graph, site: str) -> bool:
    """Whether the value of a linear layer is surely one row of units an example, by how its input came about.

    The inputs themselves count as rows, as for chains.
    """
    open_ = [next(c for c in graph.calls if c.name == site and c.how == MODULE)]
    while open_:
        at = open_.pop()
        what = at.kind.what
        if at.how == INPUT_CALL or (what == RESHAPE and _makes_rows(at)):
            continue
        if what not in (LAYER, ACTIVATION, NORM, DROPOUT, IDENTITY, SUM) or at.kind.name in (
            "embedding",
            "conv",
        ):
            return False
        open_ += graph.values(at)
    return True


def _makes_rows(call: Call) -> bool:
    if call.name in ("view", "reshape"):
        sizes = (
            call.args[1] if len(call.args) == 2 and isinstance(call.args[1], tuple | list) else call.args[1:]
        )
        return len(sizes) == 2
    if call.module is not None:
        return getattr(call.module, "start_dim", None) == 1 and getattr(call.module, "end_dim", None) == -1
    return call.name == "flatten" and setting(call.args, call.kwargs, "start_dim", 1, 0) == 1
