"""Placing norm and dropout in any network: behind the modules that are there, and only else by rewriting a forward."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from hunch.errors import PlacementError, Problem, UnsupportedError
from hunch.network.activations import KNOWN
from hunch.network.chain import INPUT
from hunch.network.dropouts import keep_of, kind_of, make_dropout
from hunch.network.follow import Gone, attach, detach, followers, is_follower
from hunch.network.layout import Found, Site
from hunch.network.norms import is_norm, norm_refusal
from hunch.network.rewrite import Edit, rewrite
from hunch.network.sites import find_sites
from hunch.network.tails import is_row
from hunch.network.wanted import dropout_wanted, keep_asked, norm_wanted, refused, wanted_sites
from hunch.plan import Arm


@dataclass
class Placed:
    """A rewritten copy.

    Args:
        network: The copy.
        fresh: The modules that are new in it.
        said: What was lost by rewriting a forward, and which sites were left out, in words.
    """

    network: nn.Module
    fresh: list[nn.Module] = field(default_factory=list)
    said: tuple[str, ...] = ()


def place_anywhere(
    network: nn.Module, arm: Arm, *, sites: Sequence[str] | None = None, inputs: Any = None
) -> Placed:
    """A copy of any network with the arm's norm, dropout and activation in place.

    Args:
        network: The network; it is not changed.
        arm: What is wanted; None means as it is.
        sites: The sites; None: every one that an activation follows.
        inputs: Two examples, as `find_sites` takes them.

    Raises:
        PlacementError: If a named site is not there or cannot be done, or if there is none at all.
        UnsupportedError: If the network cannot be read, or a forward not be rewritten.
    """
    copied = copy.deepcopy(network)
    asks_for_sites = any(v is not None for v in (arm.norm, arm.norm_at, arm.keep_prob, arm.dropout, sites))
    if not asks_for_sites and arm.activation is None:
        return Placed(copied)
    work = _Work(copied, arm, inputs)
    if arm.activation is not None:
        work.replace_activations(arm.activation)
    if asks_for_sites:
        work.place(sites)
    now = set(work.network.modules())
    return Placed(work.network, [m for m in work.fresh if m in now], tuple(work.said))


class _Work:
    """One placement in progress, in a copy."""

    def __init__(self, copied: nn.Module, arm: Arm, inputs: Any) -> None:
        self.network, self.arm, self.inputs = copied, arm, inputs
        self.layout = find_sites(copied, inputs)
        self.there = set(copied.modules())
        self.edits: dict[int, Edit] = {}
        self.fresh: list[nn.Module] = []
        self.said: list[str] = []
        self.moved: list[str] = []

    # ---- the two passes

    def replace_activations(self, name: str) -> None:
        """Put another activation in the place of those at the sites."""
        done: set[int] = set()
        for site in self.layout.hidden:
            found = site.activation
            assert found is not None
            if found.module is None or id(found.module) not in done:
                self.swap(found, KNOWN[name].make())
                done |= {id(found.module)} if self._is_alone(found) else set()
        self.apply()
        self.layout = find_sites(self.network, self.inputs)

    def place(self, sites: Sequence[str] | None) -> None:
        """Norm and dropout at the sites."""
        wanted, by_hand = wanted_sites(self.layout, self.arm, sites)
        dropouts = {s.name: dropout_wanted(s, self.arm, by_name=s.name in by_hand) for s in self.layout.sites}
        why = {s.name: self._why_not(s, by_name=s.name in by_hand) for s in self.layout.sites}
        also = [name for name, reason in why.items() if reason]
        left: list[Problem] = []
        n_done = 0
        for site in self.layout.sites:
            if site.name not in wanted:
                continue
            if why[site.name]:
                left.append(refused(self.arm, site, why[site.name], self.layout, also=also))
            else:
                n_done += site.is_hidden or site.name in by_hand
                self._one(site, dropouts, by_name=site.name in by_hand)
        if left and (sites is not None or not n_done):
            PlacementError.raise_all(left)
        self.said += [p.message for p in left]
        if self.moved:
            names = ", ".join(repr(name) for name in self.moved)
            self.said.append(
                f"the dropout of {names} stood before the activation; as placed it stands behind it"
            )
        if INPUT in wanted:
            self._thin_inputs()
        is_needed = sites is not None or (bool(self.edits) and len(self.edits) >= n_done)
        self.apply(is_needed=is_needed)

    def apply(self, *, is_needed: bool = True) -> None:
        """Rewrite what only a rewritten forward can do; what cannot be rewritten is said; if it is needed, refused."""
        if self.edits:
            assert self.layout.graph is not None
            self.network, lost, failed = rewrite(self.network, self.layout.graph, self.edits)
            if failed and is_needed:
                UnsupportedError.raise_all(p for error in failed for p in error.problems)
            self.said += [*lost, *(p.message for error in failed for p in error.problems)]
            self.edits = {}

    # ---- one site

    def _why_not(self, site: Site, *, by_name: bool) -> str:
        arm, norm = self.arm, site.norm
        if arm.norm in (None, "none") or not (site.is_hidden or by_name):
            return ""
        if norm is not None and is_norm(norm.module, arm.norm, is_map=site.is_map):
            return ""
        assert self.layout.graph is not None
        return norm_refusal(arm.norm, site, is_row=site.ndim is None and is_row(self.layout.graph, site.name))

    def _one(self, site: Site, dropouts: Mapping[str, nn.Module | None], *, by_name: bool) -> None:
        norm, before = norm_wanted(site, self.arm, by_name=by_name)
        old = site.norm
        stays = (
            old is not None and before == site.norm_before and (norm is not None or not self._takes_norms())
        )
        if old is not None and not stays:
            self.take_away(old)
        elif old is not None and norm is not None and norm is not old.module:
            self.swap(old, norm)
        if norm is not None and not stays:
            if before or site.activation is None:
                self.follow_layer(site, "norm", norm)
            else:
                self.follow(site.activation, site, "norm", norm)
        anchor = old if stays and (not before or site.activation is None) else site.activation
        self._drop(site, dropouts, anchor)

    def _takes_norms(self) -> bool:
        return self.arm.norm == "none"

    def _drop(self, site: Site, dropouts: Mapping[str, nn.Module | None], anchor: Found | None) -> None:
        old, new = site.dropout, dropouts[site.name]
        if old is None and new is None:
            return
        if old is None:
            assert new is not None
            if anchor is None:
                self.follow_layer(site, "dropout", new)
            else:
                self.follow(anchor, site, "dropout", new)
        elif new is None:
            if keep_asked(site, self.arm) == 1.0:
                self._drop_or_swap(old, None, dropouts)
        elif new is not old.module and site.drops_early:
            assert site.activation is not None
            self.moved.append(site.name)
            self.take_away(old)
            self.follow(site.activation if anchor is None else anchor, site, "dropout", new)
        elif new is not old.module:
            self._drop_or_swap(old, new, dropouts)

    def _drop_or_swap(
        self, old: Found, new: nn.Module | None, dropouts: Mapping[str, nn.Module | None]
    ) -> None:
        if old.is_shared and self._all_alike(old, dropouts):
            if old.module in self._modules():
                new = Gone() if new is None else new
                self._ready(new, old.module)
                self._put(old.name, new)
        elif new is None:
            self.take_away(old)
        else:
            self.swap(old, new)

    def _all_alike(self, shared: Found, dropouts: Mapping[str, nn.Module | None]) -> bool:
        """Whether all places at which one dropout module is called are sites that want the same."""
        assert self.layout.graph is not None
        users = [s for s in self.layout.sites if s.dropout and s.dropout.module is shared.module]
        if len(users) != self.layout.graph.times[shared.name]:
            return False
        return len({repr(dropouts[s.name]) for s in users}) == 1

    def _is_alone(self, found: Found) -> bool:
        """Whether a module is called only as the activation of sites, so that one swap serves all."""
        assert self.layout.graph is not None
        users = [s for s in self.layout.hidden if s.activation and s.activation.module is found.module]
        return found.module is not None and len(users) == self.layout.graph.times[found.name]

    # ---- what can be done to a module or a call

    def follow_layer(self, site: Site, what: str, module: nn.Module) -> None:
        """Let the layer itself be followed: norm first, dropout last."""
        self._ready(module, site.module)
        attach(site.module, what, module, first=what == "norm")

    def follow(self, anchor: Found, site: Site, what: str, module: nn.Module) -> None:
        """Let an activation or norm be followed, as a module or where it is called."""
        if anchor.module is not None and not anchor.is_shared:
            behind = self.network.get_submodule(anchor.name)
            if is_follower(self.network, anchor.name):
                behind = self.network.get_submodule(anchor.name.rpartition(".")[0])
            self._ready(module, behind)
            attach(behind, what, module, first=what == "norm")
            return
        self._ready(module, self.network.get_submodule(anchor.owner))
        edit = self.edits.setdefault(anchor.call, Edit())
        edit.after.insert(
            0 if what == "norm" else len(edit.after), (f"{site.name.replace('.', '_')}_{what}", module)
        )

    def _ready(self, module: nn.Module, like: nn.Module) -> None:
        """What is new takes the mode of what it follows; what only moves keeps its own."""
        if module not in self.there:
            module.train(like.training)
            self.fresh.append(module)

    def _modules(self) -> set[nn.Module]:
        return set(self.network.modules())

    def swap(self, found: Found, module: nn.Module) -> None:
        """Another module in the place of one, or of a call."""
        self._ready(module, found.module or self.network.get_submodule(found.owner))
        if found.module is not None and (not found.is_shared or self._is_alone(found)):
            self._put(found.name, module)
            return
        self.edits.setdefault(found.call, Edit()).swap = module

    def take_away(self, found: Found) -> None:
        """Take a norm or dropout away: the module's name stays, as an identity, for the forward calls it."""
        if found.module is None or found.is_shared:
            self.edits.setdefault(found.call, Edit()).is_gone = True
        elif is_follower(self.network, found.name):
            path, _, leaf = found.name.rpartition(".")
            detach(self.network.get_submodule(path), leaf)
        else:
            self._put(found.name, Gone().train(found.module.training))

    def _put(self, name: str, module: nn.Module) -> None:
        """Put a module under a name; what followed the old one follows it, unless it is what moved away."""
        path, _, leaf = name.rpartition(".")
        parent = self.network.get_submodule(path)
        old = parent._modules[leaf]
        assert old is not None
        for key, follower in followers(old):
            detach(old, key)
            attach(module, key, follower)
        for other in self.network.modules():  # one module may be registered under several names
            for key, child in other._modules.items():
                if child is old:
                    other._modules[key] = module

    def _thin_inputs(self) -> None:
        old = self.layout.input_dropout
        keep = self.arm.keep_prob.get(INPUT) if isinstance(self.arm.keep_prob, Mapping) else None
        if old is None and keep is not None and keep != 1.0:
            raise PlacementError(
                f'arm "{self.arm.name}": dropout of the inputs can only be changed in this network, where it stands '
                "already; put an nn.Dropout before its first layer, or name another site.",
                "network-site-refused",
            )
        if old is None or old.module is None:
            return
        if keep == 1.0:
            self.take_away(old)
            return
        kind = self.arm.dropout or kind_of(old.module)
        keep = keep_of(old.module) if keep is None else keep
        if (kind, keep) != (kind_of(old.module), keep_of(old.module)):
            self.swap(old, make_dropout(kind, keep))
