"""The sites of any network: every linear layer, convolution and embedding, with what follows it.

A site's value is followed from call to call as long as exactly one call takes it, through norms, activations,
dropout, pooling and (behind the activation) reshaping, up to the next layer, a sum, a branch or the output. What is
found is what stands there; where the way ends before an activation, the site says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from hunch.errors import NetworkError, UnsupportedError
from hunch.network.chain import Part, check_weights, read_chain
from hunch.network.dropouts import keep_of
from hunch.network.follow import Gone
from hunch.network.graph import (
    FUNCTION,
    INPUT_CALL,
    MODULE,
    OUTPUT,
    Call,
    Graph,
    is_leaf,
    traced_graph,
)
from hunch.network.kinds import (
    ACTIVATION,
    DROPOUT,
    HIDDEN_LAYER,
    IDENTITY,
    LAYER,
    NORM,
    OTHER,
    POOL,
    RESHAPE,
    SOFTMAX,
    layer_kind,
    setting,
    sizes,
)
from hunch.network.layout import LAST, Found, Layout, Site, layout_of_chain
from hunch.network.recorded import recorded_graph
from hunch.network.tails import is_opaque, is_the_last, tail_of


def read_sites(network: nn.Module, inputs: Any = None) -> Layout:
    """The sites of a network: of a chain as `read_chain` has them, of any other as `find_sites` does.

    Raises:
        UnsupportedError, NetworkError: As `read_chain` and `find_sites` do; of a network without any site
            `read_chain` has the word.
    """
    try:
        return layout_of_chain(read_chain(network))
    except UnsupportedError as error:
        if error.slug != "network-not-a-chain" or is_leaf(network):
            raise
        layout = find_sites(network, inputs)
        if not layout.sites:
            raise
        return layout


def is_chain(network: nn.Module) -> bool:
    """Whether the network is a chain, which `read_chain` reads; so is, for its message, what has no site at all.

    Raises:
        HunchError: If it is a chain by its form, but not a right one.
    """
    try:
        read_chain(network)
    except UnsupportedError as error:
        if error.slug != "network-not-a-chain" or is_leaf(network):
            raise
        return False
    return True


def find_sites(network: nn.Module, inputs: Any = None) -> Layout:
    """The sites of any network, from what it calls.

    Args:
        network: The network; it is not changed.
        inputs: Two examples: a tensor, a tuple of the forward's arguments, or a dict of them. They are needed where fx
            cannot trace the forward, and to know the axes of each value. None: fx alone.

    Raises:
        UnsupportedError: If it cannot be traced and there are no inputs, or a layer's weight is computed.
        NetworkError: If it ends in a softmax.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> [(s.name, s.kind, s.activation and s.activation.kind) for s in find_sites(net).sites]
        [('0', 'conv', 'relu'), ('3', 'linear', None)]
    """
    for name, module in network.named_modules():
        check_weights(Part(name, module))
    graph = _graph(network, inputs)
    graph.explicit = {c.index for c in graph.calls if _is_explicit(network, c)}
    _refuse_softmax(graph)
    ndims = {c.name: c.ndim for c in graph.calls if c.how == MODULE}
    if graph.how == "fx" and inputs is not None:
        ndims = {c.name: c.ndim for c in recorded_graph(network, inputs).calls if c.how == MODULE}
    sites, used = [], set[int]()
    for call in graph.calls:
        if call.kind.what == LAYER and call.module is not None and call.name not in {s.name for s in sites}:
            site, own = _site(graph, call, ndims.get(call.name))
            sites.append(site)
            used |= own
    at_input = next((c for c in graph.calls if c.kind.what == DROPOUT and _takes_the_input(graph, c)), None)
    rest = [
        c for c in graph.calls if c.kind.what in (NORM, DROPOUT) and c.index not in used and c is not at_input
    ]
    return Layout(
        tuple(sites),
        _found(graph, at_input) if at_input else None,
        tuple(_found(graph, c) for c in rest),
        tuple(_unseen(network, graph)),
        graph.how,
        graph,
    )


def _graph(network: nn.Module, inputs: Any) -> Graph:
    try:
        graph = traced_graph(network)
    except UnsupportedError:
        if inputs is None:
            raise
        return recorded_graph(network, inputs)
    if inputs is not None and any(_layers_in(c.module) for c in graph.calls if c.module is not None):
        return recorded_graph(network, inputs)  # it looks into what fx takes as one call
    return graph


def _layers_in(module: nn.Module) -> list[str]:
    return [n for n, m in module.named_modules() if n and layer_kind(m) is not None]


def _site(graph: Graph, call: Call, ndim: int | None) -> tuple[Site, set[int]]:
    """A site, and the indices of the calls that are its own."""
    assert call.module is not None
    tail, reason = tail_of(graph, call)
    parts: dict[str, Call | None] = {ACTIVATION: None, NORM: None, DROPOUT: None}
    before, pooled = False, ""
    for c in tail:
        if c.kind.what in parts:
            parts[c.kind.what] = c
        if c.kind.what == POOL and parts[ACTIVATION] is None:
            pooled = c.name
    is_last = is_the_last(graph, call)
    if parts[ACTIVATION] is None and not is_last:
        parts[ACTIVATION] = next(
            (c for c in tail if c.kind.what == IDENTITY and c.index in graph.explicit), None
        )
    activation, norm, dropout = (parts[k] for k in (ACTIVATION, NORM, DROPOUT))
    if norm is not None:
        before = activation is None or norm.index < activation.index
    kind = layer_kind(call.module) or ""
    weight_ndim = _weight(call.module).ndim if kind == "conv" else None
    n_in, n_units = sizes(call.module)
    site = Site(
        call.name,
        kind,
        call.module,
        n_in,
        n_units,
        _found(graph, activation) if activation else None,
        _found(graph, norm) if norm else None,
        before,
        _found(graph, dropout) if dropout else None,
        is_last,
        is_map=kind == "conv",
        ndim=weight_ndim if ndim is None else ndim,
        pooled=pooled if activation is not None else "",
        is_direct=bool(tail) and tail[0] is norm,
    )
    early = dropout is not None and activation is not None and dropout.index < activation.index
    site = replace(site, refusal=_refusal(graph, site, reason), drops_early=early)
    own = {c.index for c in (norm, dropout) if c is not None}
    is_free = bool(site.refusal) and not is_last and graph.times[call.name] == 1
    return replace(site, by_hand=is_free and activation is None), own


def _refusal(graph: Graph, site: Site, reason: str) -> str:
    if graph.times[site.name] > 1:
        return f"it is called at {graph.times[site.name]} places, so that it has no single value"
    if site.is_last:
        return LAST
    return reason if site.activation is None else ""


def _found(graph: Graph, call: Call) -> Found:
    is_shared = call.module is not None and graph.times[call.name] > 1
    keep = None
    if call.kind.what == DROPOUT:
        p = setting(call.args, call.kwargs, "p", 1, 0.5)
        keep = (
            keep_of(call.module)
            if call.module
            else round(1.0 - p, 15)
            if isinstance(p, int | float)
            else None
        )
    return Found(call.name, call.kind.name, call.module, call.owner, is_shared, keep, call.index)


def _takes_the_input(graph: Graph, call: Call) -> bool:
    at: Call | None = call
    while at is not None:
        values = graph.values(at)
        at = values[0] if len(values) == 1 else None
        if at is not None and at.how == INPUT_CALL:
            return True
        if at is not None and at.kind.what not in (RESHAPE, IDENTITY):
            return False
    return False


def _refuse_softmax(graph: Graph) -> None:
    for call in graph.calls:
        if call.kind.what == SOFTMAX and any(u.how == OUTPUT for u in graph.users(call)):
            raise NetworkError(
                f"the network ends in {call.kind.name} (`{call.name}`), but the cost expects raw outputs (logits) and "
                "applies the softmax itself. Take it out.",
                "network-softmax",
            )


def _unseen(network: nn.Module, graph: Graph) -> Iterator[str]:
    """What holds weights that are no site."""
    called: set[int] = set()
    for call in graph.calls:
        if call.module is not None:
            called |= {id(m) for m in call.module.modules()}
        if (
            call.how == MODULE
            and call.module is not None
            and call.kind.what == OTHER
            and is_opaque(call.module)
        ):
            inside = f", with {len(_layers_in(call.module))} layers inside" if _layers_in(call.module) else ""
            yield (
                f"`{call.name}` is a {type(call.module).__name__}{inside}: its layers run inside PyTorch's own code, "
                "so they are no sites"
            )
        if call.how == FUNCTION and call.kind.what == HIDDEN_LAYER:
            where = f"the forward of `{call.owner}`" if call.owner else "the network's own forward"
            yield f"`{call.name}` in {where} is called as a function: its weight belongs to no module, so it is no site"
    for name, module in network.named_modules():
        if layer_kind(module) is not None and id(module) not in called:
            yield f"`{name}` is a {type(module).__name__} that the forward never called: it is no site"


def _is_explicit(network: nn.Module, call: Call) -> bool:
    """Whether an `nn.Identity` stands for an activation: in an nn.Sequential, as in a chain; else for "none"."""
    if not isinstance(call.module, nn.Identity) or isinstance(call.module, Gone):
        return False
    return isinstance(network.get_submodule(call.owner), nn.Sequential)


def _weight(module: nn.Module) -> Tensor:
    assert isinstance(module.weight, Tensor)
    return module.weight
