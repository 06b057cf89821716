"""What an arm wants at each site of any network, and which sites are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from hunch.errors import PlacementError, Problem, UnsupportedError
from hunch.network.chain import INPUT
from hunch.network.dropouts import drops_maps, kind_of, make_dropout
from hunch.network.layout import Layout, Site
from hunch.network.norms import is_norm, norm_for
from hunch.plan import Arm


def wanted_sites(layout: Layout, arm: Arm, sites: Sequence[str] | None) -> tuple[set[str], set[str]]:
    """(the sites at which something may change, those of them that are refused by themselves but named by hand)."""
    by_name = {s.name: s for s in layout.sites}
    named = list(sites or ())
    if isinstance(arm.keep_prob, Mapping):
        named += [s for s in arm.keep_prob if s not in named]
    hidden = ", ".join(repr(s.name) for s in layout.hidden)
    problems: list[Problem] = []
    by_hand: set[str] = set()
    for name in named:
        site = by_name.get(name)
        if name == INPUT:
            continue
        if site is None:
            problems.append(
                Problem(
                    f'arm "{arm.name}": there is no site {name!r} in the network. The sites are {hidden or "none"}, '
                    "and 'input', which takes dropout alone.",
                    "network-unknown-site",
                )
            )
        elif site.by_hand:
            by_hand.add(name)
        elif not site.is_hidden:
            problems.append(refused(arm, site, site.refusal, layout))
    PlacementError.raise_all(problems)
    keeps = (
        set(arm.keep_prob) - {INPUT}
        if isinstance(arm.keep_prob, Mapping)
        else arm.keep_prob not in (None, 1.0)
    )
    if not layout.hidden and not by_hand and (arm.norm not in (None, "none") or keeps):
        reasons = "; ".join(f"`{s.name}`: {s.refusal}" for s in layout.sites) or "no layer is seen"
        hand = next((s.name for s in layout.sites if s.by_hand), None)
        unseen = f" Not seen: {'; '.join(layout.unseen)}." if layout.unseen else ""
        raise PlacementError(
            f'arm "{arm.name}": no layer of the network is followed by an activation, so there is no site for norm or '
            f"dropout ({reasons}).{unseen} "
            + (
                f"Right behind a layer they can stand by hand: sites=[{hand!r}]."
                if hand
                else "Add a hidden layer."
            ),
            "network-no-site",
        )
    return set(sites) if sites is not None else {*by_name, INPUT}, by_hand


def refused(arm: Arm, site: Site, why: str, layout: Layout, *, also: Sequence[str] = ()) -> Problem:
    """That norm and dropout cannot stand at a site, and where they can: not at it, nor at those `also` refused."""
    others = ", ".join(repr(s.name) for s in layout.hidden if s is not site and s.name not in also)
    hands = ", ".join(repr(s.name) for s in layout.sites if s.by_hand and s is not site)
    choose = f" Choose among {others}." if others else ""
    by_hand = f" By hand, right behind the layer: {hands}." if hands else ""
    return Problem(
        f'arm "{arm.name}": norm and dropout cannot stand at {site.name!r}: {why}.{choose}{by_hand}',
        "network-site-refused",
    )


def norm_wanted(site: Site, arm: Arm, *, by_name: bool = False) -> tuple[nn.Module | None, bool]:
    """(the norm that the arm wants at this site, whether before the activation)."""
    norm = site.norm.module if site.norm else None
    before = site.norm_before if site.norm else True
    if arm.norm == "none":
        return None, before
    if not (site.is_hidden or by_name):
        return norm, before
    if site.norm is not None and norm is None and (arm.norm is not None or arm.norm_at is not None):
        before_now = site.norm_before
        if arm.norm is None or (
            arm.norm_at is not None and (arm.norm_at == "before_activation") != before_now
        ):
            raise UnsupportedError(
                f"the norm of site `{site.name}` is a function call ({site.norm.where}), which cannot be moved. Make "
                "it a module, or name norm= too, for a fresh one.",
                "network-not-rewritten",
            )
    if arm.norm is not None and not is_norm(norm, arm.norm, is_map=site.is_map):
        norm = norm_for(arm.norm, site)
    if arm.norm_at is not None and site.activation is not None:
        before = arm.norm_at == "before_activation"
    return norm, before


def keep_asked(site: Site, arm: Arm) -> float | None:
    """The keep probability that the arm names for a site; None if it names none."""
    return arm.keep_prob.get(site.name) if isinstance(arm.keep_prob, Mapping) else arm.keep_prob


def dropout_wanted(site: Site, arm: Arm, *, by_name: bool = False) -> nn.Module | None:
    """The dropout that the arm wants at this site."""
    found = site.dropout
    old = found.module if found else None
    keep = keep_asked(site, arm)
    if keep == 1.0:
        return None
    if keep is None or not (site.is_hidden or by_name):
        if found is None or found.keep is None or arm.dropout is None:
            return old
        keep = found.keep
    kind = arm.dropout or (kind_of(old) if old else "bernoulli")
    is_alike = old is not None and kind == kind_of(old) and found is not None and keep == found.keep
    if is_alike and not site.drops_early:
        return old
    of_maps = drops_maps(old) if old is not None else site.is_map
    return make_dropout(kind, keep, (site.ndim or 4) if of_maps else None)
