"""Decay groups: what L2 and weight decay act on, and where they only set the effective learning rate.

A norm gives the same for x and for c·x (c > 0). So where every way from a weight leads through a norm, and what stands
between passes a factor on, the network computes the same with c·w as with w, and its gradient is orthogonal to w and
falls as 1/c. A penalty on ‖w‖ cannot make such a network simpler: it only makes the steps larger as w shrinks. All of
this holds in training mode and up to the norm's eps.

With z = W·x + b directly in front of the norm:

- batch norm takes away each unit's mean over the batch, so b goes too: W is scale-invariant with and without a bias.
  That needs the units on the axis of the norm (rows of units, or maps), not tokens with the units last;
- instance norm, and group norm of one channel a group, take away each channel's mean over the map: likewise, on maps;
- layer, rms and any other group norm leave b in relation to W·x: W alone is scale-invariant only where there is no
  bias; W and b together are, and L2 acts on both where `decay_norm=True`.

Where something stands between, the bias is no longer just taken away, so W must have none; relu, leaky relu, prelu,
dropout, pooling, reshaping, and further layers without a bias pass a factor on. A value may go several ways if each
leads through a norm, and its units may be put beside others' in front of a norm that treats each unit by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm as InstanceNorm

from hunch.network.graph import CONSTANT, MODULE, Call, Graph
from hunch.network.kinds import ACTIVATION, DROPOUT, IDENTITY, LAYER, NORM, POOL, RESHAPE, setting
from hunch.network.layout import Layout, Site
from hunch.network.making import decayed_parameters
from hunch.network.map_norm import MapRMSNorm
from hunch.network.sites import find_sites
from hunch.network.tails import is_row

_NORMS = (BatchNorm, InstanceNorm, nn.LayerNorm, nn.RMSNorm, MapRMSNorm, nn.GroupNorm)
_NORM_FUNCTIONS = ("layer_norm", "rms_norm", "group_norm")  # the others may use fixed statistics
_PASS = (IDENTITY, DROPOUT, POOL, RESHAPE)
_PASSING_ACTIVATIONS = ("relu", "leaky_relu", "prelu")


@dataclass(frozen=True, slots=True)
class Invariant:
    """Parameters whose common factor changes nothing that the network computes in training.

    Args:
        parameters: Their names: a layer's weight, with its bias where that decays too.
        norms: Names of the norms that follow.
    """

    parameters: tuple[str, ...]
    norms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecayGroups:
    """What L2 and weight decay act on.

    Args:
        acted_on: Names of the parameters.
        invariant: Those of them that a norm follows. What is not listed is not known to be scale-invariant.
        n_acted_on: Numbers in `acted_on`.
        n_invariant: Numbers in `invariant`.
    """

    acted_on: tuple[str, ...]
    invariant: tuple[Invariant, ...]
    n_acted_on: int
    n_invariant: int

    @property
    def scale_invariant(self) -> tuple[str, ...]:
        """Names of the parameters that a norm follows."""
        return tuple(name for one in self.invariant for name in one.parameters)

    def sentence(self, what: str = "L2") -> str:
        """What a user should know of it; empty where no norm follows any of these weights.

        Example:
            >>> net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
            >>> decay_groups(net).sentence()
            'L2 acts on 18 weights, of which 12 are followed by a norm: there it sets only the effective learning rate'
        """
        if not self.invariant:
            return ""
        return (
            f"{what} acts on {self.n_acted_on:,} weights, of which {self.n_invariant:,} are followed by a norm: there "
            "it sets only the effective learning rate"
        )


def decay_groups(network: nn.Module, inputs: Any = None, *, decay_norm: bool = False) -> DecayGroups:
    """Which parameters L2 and weight decay act on, and which of these are scale-invariant because a norm follows.

    Args:
        network: The network; it is not changed.
        inputs: Two examples, as `find_sites` takes them. Without them a linear layer's bias in front of batch norm is
            known to be taken away only where the layer surely gives rows.
        decay_norm: Whether biases and norm parameters decay too.

    Raises:
        UnsupportedError, NetworkError: As `find_sites` does.
    """
    layout = find_sites(network, inputs)
    graph = layout.graph
    assert graph is not None
    parameters = {n: p for n, p in network.named_parameters() if p.requires_grad}
    frozen = {f"{s.name}.bias" for s in layout.sites if s.bias_feeds_batch_norm}
    decayed = decayed_parameters(network, decay_norm=decay_norm) - frozen
    acted_on = tuple(n for n in parameters if n in decayed)
    names = {id(p): n for n, p in parameters.items() if n in acted_on}
    found: dict[str, Invariant] = {}
    excluded = _used_otherwise(network, layout)
    for call in graph.calls:
        if call.kind.what != LAYER or call.module is None:
            continue
        weight, bias = (names.get(id(p)) for p in (call.module.weight, getattr(call.module, "bias", None)))
        behind = _norms_behind(graph, layout.site(call.name), call)
        has_bias = getattr(call.module, "bias", None) is not None
        if weight is None:
            continue
        if behind is None or (has_bias and not behind[1] and bias is None):
            excluded |= {name for name in (weight, bias) if name is not None}
            continue
        one = Invariant((weight, *([] if bias is None else [bias])), tuple(norm.name for norm in behind[0]))
        if found.setdefault(weight, one).parameters != one.parameters:
            excluded.add(weight)
    kept = tuple(one for one in found.values() if not excluded & set(one.parameters))
    sizes = {n: p.numel() for n, p in parameters.items()}
    return DecayGroups(
        acted_on,
        kept,
        sum(sizes[n] for n in acted_on),
        sum(sizes[n] for n in {n for one in kept for n in one.parameters}),
    )


def _used_otherwise(network: nn.Module, layout: Layout) -> set[str]:
    """Parameters that are used elsewhere than as the weight or bias of a layer that is a site."""
    assert layout.graph is not None
    sites = {id(s.module) for s in layout.sites}
    canonical = {id(p): n for n, p in network.named_parameters()}
    used = {id(p) for m in network.modules() if id(m) not in sites for p in m.parameters(recurse=False)}
    used |= {
        id(dict(network.named_parameters(remove_duplicate=False)).get(n)) for n in _constants(layout.graph)
    }
    return {canonical[k] for k in used if k in canonical}


def _constants(graph: Graph) -> set[str]:
    return {c.name for c in graph.calls if c.how == CONSTANT} | set(graph.functions_use)


def _norms_behind(
    graph: Graph, site: Site, at: Call, way: _Way | None = None
) -> tuple[list[Call], bool] | None:
    """(the norms through which every way of a value leads, whether all take its bias away); None: a way is around."""
    if getattr(at.module, "max_norm", None) is not None:
        return None  # an embedding whose rows are cut back is no linear function of its table
    way = _Way() if way is None else way
    if not graph.users(at):
        return None
    norms: list[Call] = []
    is_bias_gone = True
    for user in graph.users(at):
        if user.inputs.count(at.index) != 1:
            return None
        if user.kind.what == NORM:
            takes_bias = _takes_bias(user, site, graph)
            if not _is_a_norm(user) or (way.is_joined and not takes_bias):
                return None
            norms.append(user)
            is_bias_gone = is_bias_gone and way.is_direct and takes_bias
            continue
        is_join = _joins_units(user) and (site.is_map or site.ndim == 2)
        if not is_join and (
            len(graph.values(user)) != 1 or not _passes_a_factor(user, is_joined=way.is_joined)
        ):
            return None
        further = _Way(way.is_direct and (is_join or user.kind.what == IDENTITY), way.is_joined or is_join)
        found = _norms_behind(graph, site, user, further)
        if found is None:
            return None
        norms += [norm for norm in found[0] if norm not in norms]
        is_bias_gone = is_bias_gone and found[1]
    return norms, is_bias_gone


@dataclass(frozen=True, slots=True)
class _Way:
    """What a value went through.

    Args:
        is_direct: Whether nothing stands between it and the layer.
        is_joined: Whether units of other layers were put beside its own.
    """

    is_direct: bool = True
    is_joined: bool = False


def _joins_units(call: Call) -> bool:
    return call.name in ("cat", "concat") and setting(call.args, call.kwargs, "dim", 1, 0) == 1


def _is_a_norm(call: Call) -> bool:
    return isinstance(call.module, _NORMS) if call.how == MODULE else call.name in _NORM_FUNCTIONS


def _passes_a_factor(call: Call, *, is_joined: bool) -> bool:
    what = call.kind.what
    if is_joined and what in (LAYER, RESHAPE):
        return False  # they may mix units that have the factor with units that have not
    if what == ACTIVATION:
        return call.name in _PASSING_ACTIVATIONS or isinstance(call.module, nn.ReLU | nn.LeakyReLU | nn.PReLU)
    if what == LAYER:
        is_plain = call.kind.name in ("linear", "conv")
        return is_plain and getattr(call.module, "bias", None) is None
    return what in _PASS


def _takes_bias(norm: Call, site: Site, graph: Graph) -> bool:
    """Whether a norm directly behind a layer takes each unit's own mean away, and so the bias."""
    module = norm.module
    if isinstance(module, BatchNorm):
        return site.is_map or site.ndim == 2 or (site.ndim is None and is_row(graph, site.name))
    if isinstance(module, nn.GroupNorm):
        return site.is_map and module.num_groups == module.num_channels
    return site.is_map and isinstance(module, InstanceNorm)
