"""Placing norm and dropout in a copy of a network; the original stays as it is. Chains are rewritten here."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from hunch.errors import HunchWarning, PlacementError, Problem
from hunch.network.activations import KNOWN
from hunch.network.chain import INPUT, Block, Chain, Part, read_chain
from hunch.network.dropouts import keep_of, kind_of, make_dropout
from hunch.network.making import evaluating
from hunch.network.norms import groups_of
from hunch.network.place_any import place_anywhere
from hunch.network.recorded import as_arguments
from hunch.network.sites import is_chain
from hunch.plan import Arm


def place(
    network: nn.Module,
    *,
    norm: str | None = None,
    norm_at: str | None = None,
    keep_prob: float | Mapping[str, float] | None = None,
    dropout: str | None = None,
    sites: Sequence[str] | None = None,
    inputs: Any = None,
    calibrate: Any = None,
) -> nn.Module:
    """A copy of the network with norm and dropout placed, moved or taken away; learned weights are kept.

    Any network that `torch.fx` traces, or that runs on given `inputs`, can be rewritten. What is placed follows the
    module that is there (its layer, its activation) as a child of it, so that the network's class, methods, hooks,
    names of parameters, weight tying and pickling stay. Only where an activation is a function call, or one module
    called at several places, is that one forward rewritten by torch.fx; a `HunchWarning` then says what is lost.

    What is as asked already stays: a batch norm where `norm="batch"` is asked keeps its statistics and name.

    Args:
        network: The network; it is not changed.
        norm: `"batch"`, `"layer"`, `"rms"`, `"group"`, or `"none"`, which takes norms away. None: as it is.
        norm_at: `"before_activation"` or `"after_activation"`. None: where the norm stands already, else
            before.
        keep_prob: Keep probability in (0, 1] (PyTorch's `nn.Dropout(p)` has p = 1 - keep_prob) for every
            site, or a mapping site → number; 1.0 takes dropout away. The site `"input"` is the inputs themselves,
            which a single number leaves alone. None: as it is.
        dropout: `"bernoulli"`, `"gaussian"` or `"exact"`. None: as it is, else bernoulli.
        sites: Names of layers (`"0"`, `"features.3"`). None: every layer that an activation follows, never the last. A
            layer whose value goes into a residual sum is only done if it is named: right behind it.
        inputs: Two examples, with which a network that fx cannot trace is read, and the axes of its values are known: a
            tensor, a tuple of the forward's arguments, or a dict of them. Not needed for chains. None: `calibrate`.
        calibrate: Inputs, likewise, with which new batch norms' running statistics are set.

    Returns:
        The rewritten copy, in the train/eval mode of the original.

    Raises:
        PlacementError: If a named site does not exist or cannot be done, or if there is no site at all.
        UnsupportedError: If the network cannot be read, or a forward that must be rewritten cannot be.
        PlanError: If a value is out of range.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> [name for name, _ in place(net, norm="batch", keep_prob=0.8).named_children()]
        ['0', '0_norm', '1', '1_dropout', '2']
    """
    arm = Arm("place", norm=norm, norm_at=norm_at, keep_prob=keep_prob, dropout=dropout)
    if not is_chain(network):
        done = place_anywhere(network, arm, sites=sites, inputs=calibrate if inputs is None else inputs)
        for sentence in done.said:
            warnings.warn(f"{sentence[0].upper()}{sentence[1:]}", HunchWarning, stacklevel=2)
        if calibrate is not None:
            _calibrate([m for m in done.fresh if isinstance(m, BatchNorm)], done.network, calibrate)
        return done.network
    placed = place_arm(network, arm, sites=sites)
    if calibrate is not None:
        known = {name for name, m in network.named_modules() if isinstance(m, nn.BatchNorm1d)}
        fresh = [m for name, m in placed.named_modules() if isinstance(m, BatchNorm) and name not in known]
        _calibrate(fresh, placed, calibrate)
    return placed


def place_arm(
    network: nn.Module, arm: Arm, *, sites: Sequence[str] | None = None, inputs: Any = None
) -> nn.Module:
    """A copy of the network with the arm's norm, dropout and activation in place.

    Args:
        network: The network; it is not changed.
        arm: What is wanted.
        sites: The sites; None: every one that an activation follows.
        inputs: Two examples, for networks that are no chains.

    Raises:
        PlacementError, UnsupportedError: As `place` does.
    """
    if not is_chain(network):
        return place_anywhere(network, arm, sites=sites, inputs=inputs).network
    copied = copy.deepcopy(network)
    _unshare(copied)
    there = set(copied.modules())
    asks_for_sites = any(v is not None for v in (arm.norm, arm.norm_at, arm.keep_prob, arm.dropout, sites))
    wanted = _wanted_sites(arm, read_chain(copied).blocks, sites) if asks_for_sites else set[str]()
    if arm.activation is not None:
        _replace_activations(copied, arm.activation)
    if asks_for_sites:
        chain = read_chain(copied)
        for block in chain.blocks:
            if block.site in wanted:
                _rewrite(copied, block, arm)
        if INPUT in wanted:
            _thin_inputs(copied, chain, arm)
    for module in copied.modules():
        if module not in there:
            module.train(network.training)
    return copied


def _unshare(container: nn.Module, seen: set[nn.Module] | None = None) -> None:
    """Give each place of a module without parameters (one nn.ReLU() used twice) a copy of its own."""
    seen = set() if seen is None else seen
    for name, child in container._modules.items():
        if child is None:
            continue
        if child in seen and not list(child.parameters()):
            container._modules[name] = copy.deepcopy(child)
            continue
        seen.add(child)
        if isinstance(child, nn.Sequential):
            _unshare(child, seen)


def _wanted_sites(arm: Arm, blocks: Sequence[Block], sites: Sequence[str] | None) -> set[str]:
    by_name = {b.site: b for b in blocks}
    hidden = [b.site for b in blocks if b.is_hidden]
    problems: list[Problem] = []
    named = list(sites or ())
    if isinstance(arm.keep_prob, Mapping):
        named += [s for s in arm.keep_prob if s not in named]
    for site in named:
        if site == INPUT:
            continue
        if site not in by_name:
            problems.append(
                Problem(
                    f'arm "{arm.name}": there is no site {site!r} in the network. The sites are '
                    f"{', '.join(map(repr, hidden)) or 'none'}, and 'input', which takes dropout alone.",
                    "network-unknown-site",
                )
            )
        elif not by_name[site].is_hidden:
            why = "is the last layer" if by_name[site].is_last else "has no activation after it"
            problems.append(
                Problem(
                    f'arm "{arm.name}": norm and dropout cannot stand at {site!r}: it {why}. '
                    f"Choose among {', '.join(map(repr, hidden)) or 'no site'}.",
                    "network-site-refused",
                )
            )
    PlacementError.raise_all(problems)
    keeps = (
        set(arm.keep_prob) - {INPUT}
        if isinstance(arm.keep_prob, Mapping)
        else arm.keep_prob not in (None, 1.0)
    )
    changes_something = (arm.norm not in (None, "none")) or bool(keeps)
    if not hidden and changes_something:
        raise PlacementError(
            f'arm "{arm.name}": the network has no linear layer that an activation follows, so there is no '
            "site for norm or dropout. Add a hidden layer, drop inputs with keep_prob={'input': 0.8}, or compare arms "
            "that differ in l2 or lr.",
            "network-no-site",
        )
    return set(sites) if sites is not None else {*by_name, INPUT}


def _replace_activations(network: nn.Module, name: str) -> None:
    for block in read_chain(network).hidden:
        assert block.activation is not None
        parent, leaf = _parent(network, block.activation.name)
        parent._modules[leaf] = KNOWN[name].make()


def _rewrite(network: nn.Module, block: Block, arm: Arm) -> None:
    norm, before = _norm_wanted(block, arm)
    dropout = _dropout_wanted(block, arm)
    linear = Part(block.site, block.linear)
    activation = block.activation or linear
    stays = norm is not None and block.norm is not None and before == block.norm_before
    norm_part = _replace(network, block.norm, norm if stays else None)
    if norm is not None and norm_part is None:
        norm_part = Part(_insert(network, linear if before else activation, "norm", norm), norm)
    dropout_part = _replace(network, block.dropout, dropout)
    if dropout is not None and dropout_part is None:
        after = norm_part if norm_part is not None and not before else activation
        _insert(network, after, "dropout", dropout, named_for=activation.name.rpartition(".")[2])


def _thin_inputs(network: nn.Module, chain: Chain, arm: Arm) -> None:
    """Put dropout before the first linear layer, or take it away, if the arm says so."""
    old = chain.input_dropout
    keep = arm.keep_prob.get(INPUT) if isinstance(arm.keep_prob, Mapping) else None
    if keep == 1.0:
        _replace(network, old, None)
        return
    kind = arm.dropout or (kind_of(old.module) if old else "bernoulli")
    if keep is None:
        if old is None or kind == kind_of(old.module):
            return
        keep = keep_of(old.module)
    elif old is not None and kind == kind_of(old.module) and keep == keep_of(old.module):
        return
    new = make_dropout(kind, keep)
    if _replace(network, old, new) is None:
        parent, leaf = _parent(network, chain.blocks[0].site)
        items = list(parent._modules.items())
        at = [key for key, _ in items].index(leaf)
        name = "input_dropout"
        while name in parent._modules:
            name += "_"
        parent._modules.clear()
        for key, child in [*items[:at], (name, new), *items[at:]]:
            parent._modules[key] = child


def _norm_wanted(block: Block, arm: Arm) -> tuple[nn.Module | None, bool]:
    """(the norm that the arm wants at this block, whether before the activation)."""
    norm = block.norm.module if block.norm else None
    before = block.norm_before if block.norm else True
    if arm.norm == "none":
        return None, before
    if not block.is_hidden:
        return norm, before
    if arm.norm is not None and not isinstance(norm, NORM_KINDS[arm.norm]):
        norm = make_norm(arm.norm, block.linear.out_features, like=block.linear)
    if arm.norm_at is not None:
        before = arm.norm_at == "before_activation"
    return norm, before


def _dropout_wanted(block: Block, arm: Arm) -> nn.Module | None:
    """The dropout that the arm wants at this block."""
    old = block.dropout.module if block.dropout else None
    keep = arm.keep_prob.get(block.site) if isinstance(arm.keep_prob, Mapping) else arm.keep_prob
    if keep == 1.0:
        return None
    if keep is None or not block.is_hidden:
        keep = keep_of(old) if old else None
    kind = arm.dropout or (kind_of(old) if old else "bernoulli")
    if keep is None or (old and kind == kind_of(old) and keep == keep_of(old)):
        return old
    return make_dropout(kind, keep)


NORM_KINDS = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "rms": nn.RMSNorm,
    "group": nn.GroupNorm,
}


def make_norm(kind: str, width: int, *, like: nn.Linear) -> nn.Module:
    """A norm over `width` units: eps 1e-5, affine, batch norm's momentum 0.1, group norm's groups as below.

    Group norm takes as its number of groups the largest divisor of the width, up to 32, that leaves at least
    eight units a group (docs/decisions/0005-group-norm.md says why); one group where there is none.
    """
    device, dtype = like.weight.device, like.weight.dtype
    if kind == "batch":
        return nn.BatchNorm1d(width, device=device, dtype=dtype)
    if kind == "layer":
        return nn.LayerNorm(width, device=device, dtype=dtype)
    if kind == "rms":
        return nn.RMSNorm(width, eps=1e-5, device=device, dtype=dtype)
    return nn.GroupNorm(groups_of(width), width, device=device, dtype=dtype)


def _parent(network: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, leaf = name.rpartition(".")
    return network.get_submodule(path), leaf


def _replace(network: nn.Module, old: Part | None, new: nn.Module | None) -> Part | None:
    """Put `new` under the name and in the place of `old`, or take `old` away."""
    if old is None:
        return None
    parent, leaf = _parent(network, old.name)
    if new is None:
        del parent._modules[leaf]
        return None
    parent._modules[leaf] = new
    return Part(old.name, new)


def _insert(
    network: nn.Module, after: Part, what: str, module: nn.Module, *, named_for: str | None = None
) -> str:
    """Insert a module behind another in its container, without renaming any that are there."""
    parent, leaf = _parent(network, after.name)
    name = f"{named_for or leaf}_{what}"
    while name in parent._modules:
        name += "_"
    items = list(parent._modules.items())
    at = [key for key, _ in items].index(leaf) + 1
    parent._modules.clear()
    for key, child in [*items[:at], (name, module), *items[at:]]:
        parent._modules[key] = child
    prefix = after.name.rpartition(".")[0]
    return f"{prefix}.{name}" if prefix else name


def _calibrate(fresh: Sequence[BatchNorm], placed: nn.Module, inputs: Any) -> None:
    momentum = {module: module.momentum for module in fresh}
    args, kwargs = as_arguments(inputs)
    with evaluating(placed), torch.no_grad():
        for module in fresh:
            module.reset_running_stats()
            module.momentum = None  # the plain mean over the batches that are seen, here one
            module.train()
        placed(*args, **kwargs)
    for module, value in momentum.items():
        module.momentum = value
