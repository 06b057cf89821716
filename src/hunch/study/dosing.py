"""The arms of a dose-response study: one a dose, on default grids or at the doses that were given."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from hunch.errors import PlanError, Problem
from hunch.network import INPUT, Found, place_arm, read_sites
from hunch.plan import BEYOND, COARSE, GRIDS, Arm, Curve, Spare, dose_name, is_number, split_knob

ADAPTIVE_SCALE = 0.03  # of learning rates, for Adam and its like


@dataclass(frozen=True)
class Dosing:
    """A curve with its arms.

    Args:
        curve: The curve.
        arms: The arms, in the curve's order.
    """

    curve: Curve
    arms: tuple[Arm, ...]


def make_curve(
    knobs: Sequence[str],
    given: Sequence[Sequence[float]] | None,
    arm: Arm | None,
    network: nn.Module,
    default: Any = None,
    *,
    extends: bool = True,
    whole: bool = False,
    inputs: Any = None,
) -> Dosing:
    """The curve of one knob, or of two.

    Args:
        knobs: The knobs, as `read_knobs` gives them.
        given: The doses of each, as `read_doses` gives them; None: the default grid, with doses beyond its ends that
            are only trained if needed.
        arm: What all doses have otherwise.
        network: The network as built: its own dropout may be the default.
        default: The dose that the user has so far, one number a knob; None: what arm and network have.
        extends: Whether a default grid may be extended.
        whole: Whether a default grid has the doses beyond its ends from the start.
        inputs: Two examples, to read a network that is no chain.

    Raises:
        PlanError: If a dose is out of its knob's range, or the default is no dose.
        PlacementError: If a knob's site is not there, or there is no layer for dropout.
    """
    if arm is not None and not isinstance(arm, Arm):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise PlanError(
            f"arm must be a hunch.Arm, or None, got {arm!r}. Write arm=hunch.Arm('bn', norm='batch').",
            "plan-arms",
        )
    base = arm or Arm("base")
    _check_sites(knobs, network, inputs)
    now = _declared(knobs, default) or tuple(_default(knob, base, network, inputs) for knob in knobs)
    is_known = all(value is not None for value in now)
    grids: list[tuple[float, ...]] = []
    spares: list[tuple[int, str, tuple[float, ...]]] = []
    for k, knob in enumerate(knobs):
        grid, beyond = (
            _grid(knob, base, coarse=len(knobs) > 1) if given is None else (tuple(given[k]), ((), ()))
        )
        is_added = now[k] is not None and (given is None or default is not None)
        here = now[k]
        if whole:
            grid, beyond = (*beyond[0], *grid, *beyond[1]), ((), ())
        values = sorted({*grid, float(here)} if is_added and here is not None else set(grid))
        grids.append(tuple(values))
        for side, more in zip(("low", "high"), beyond, strict=True):
            outside = tuple(v for v in more if (v < values[0] if side == "low" else v > values[-1]))
            if extends and outside:
                spares.append(
                    (k, side, outside if len(knobs) == 1 else outside[-1:] if side == "low" else outside[:1])
                )
    _check_ranges(knobs, grids)
    points = dict.fromkeys(itertools.product(*grids), "")
    added: list[tuple[int, str, list[tuple[float, ...]]]] = []
    for k, side, values in spares:
        axes = [values if j == k else grid for j, grid in enumerate(grids)]
        added.append((k, side, list(itertools.product(*axes))))
        points |= dict.fromkeys(added[-1][2], "")
    names = _names(knobs, sorted(points))
    order = sorted(points)
    here = tuple(float(v) for v in now) if is_known else None  # type: ignore[arg-type]
    curve = Curve(
        tuple(knobs),
        tuple(names[p] for p in order),
        tuple(order),
        tuple(Spare(k, side, tuple(names[p] for p in arms)) for k, side, arms in added),
        names.get(here) if here is not None else None,
    )
    return Dosing(curve, tuple(arm_with(base, names[p], knobs, p, network, inputs) for p in order))


def _check_sites(knobs: Sequence[str], network: nn.Module, inputs: Any) -> None:
    """Refuse dropout where there can be none: once, and not for every dose."""
    for knob in knobs:
        name, site = split_knob(knob)
        if name == "keep_prob":
            place_arm(network, Arm(knob, keep_prob=0.5 if site is None else {site: 0.5}), inputs=inputs)


def _check_ranges(knobs: Sequence[str], grids: Sequence[Sequence[float]]) -> None:
    """Refuse doses out of range: all of them, and each once, however large the grid."""
    problems: list[Problem] = []
    for knob, values in zip(knobs, grids, strict=True):
        name, site = split_knob(knob)
        for value in values:
            try:
                Arm(dose_name([knob], [value]), **{name: value if site is None else {site: value}})  # type: ignore[arg-type]
            except PlanError as error:
                problems += error.problems
    PlanError.raise_all(problems)


def _names(knobs: Sequence[str], points: Sequence[tuple[float, ...]]) -> dict[tuple[float, ...], str]:
    """Dose → what its arm is called: six digits, or all of them where that is not enough to tell two apart."""
    short = {p: dose_name(knobs, p) for p in points}
    if len(set(short.values())) == len(points):
        return short
    return {p: ", ".join(f"{knob}={v!r}" for knob, v in zip(knobs, p, strict=True)) for p in points}


def _grid(
    knob: str, base: Arm, *, coarse: bool
) -> tuple[tuple[float, ...], tuple[tuple[float, ...], tuple[float, ...]]]:
    """(default doses, (those below, those above))."""
    name, _ = split_knob(knob)
    scale = ADAPTIVE_SCALE if name == "lr" and base.is_adaptive else 1.0
    grid = COARSE.get(name, GRIDS[name]) if coarse else GRIDS[name]
    low, high = BEYOND[name]
    if scale == 1.0:
        return grid, (low, high)

    def scaled(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(float(f"{scale * v:.4g}") for v in values)

    return scaled(grid), (scaled(low), scaled(high))


def _declared(knobs: Sequence[str], default: Any) -> tuple[Any, ...] | None:
    """The default as it was given, one number a knob."""
    if default is None:
        return None
    values = (default,) if is_number(default) else tuple(default) if hasattr(default, "__iter__") else ()
    is_right = len(values) == len(knobs) and all(is_number(v) for v in values)
    if not is_right:
        usual = tuple(GRIDS[split_knob(knob)[0]][4] for knob in knobs)
        raise PlanError(
            f"default must be the dose that you have so far, one number for each of {', '.join(knobs)}, got "
            f"{default!r}. Write for instance default={usual[0] if len(usual) == 1 else usual}, or leave it out.",
            "plan-default-dose",
        )
    return tuple(float(v) for v in values)


def _default(knob: str, base: Arm, network: nn.Module, inputs: Any) -> float | None:
    """The dose that arm and network have, where that is one number."""
    name, site = split_knob(knob)
    if name == "lr":
        return base.lr
    if name == "init_std":
        return base.init_std
    if name == "l2":
        return base.l2 or 0.0
    if name == "weight_decay":
        decay = base.weight_decay
        return (0.01 if base.optimizer == "adamw" else 0.0) if decay is None else decay
    if site == INPUT:
        own = read_sites(network, inputs).input_dropout
        named = base.keep_prob.get(INPUT) if isinstance(base.keep_prob, Mapping) else None
        return named if named is not None else _own(own)
    keeps = _keeps(base, network, inputs)
    if site is not None:
        return keeps.get(site)
    found = set(keeps.values())
    return found.pop() if len(found) == 1 else None


def _keeps(base: Arm, network: nn.Module, inputs: Any) -> dict[str, float]:
    """Site → keep probability, as arm and network have it."""
    hidden = read_sites(network, inputs).hidden
    if isinstance(base.keep_prob, int | float):
        return {s.name: float(base.keep_prob) for s in hidden}
    own = {s.name: _own(s.dropout) for s in hidden}
    return own | {site: keep for site, keep in (base.keep_prob or {}).items() if site != INPUT}


def _own(dropout: Found | None) -> float:
    """The keep probability of a network's own dropout: 0.3 for p=0.7, although 1 - 0.7 is 0.30000000000000004."""
    return 1.0 if dropout is None or dropout.keep is None else round(dropout.keep, 15)


def arm_with(
    base: Arm, name: str, knobs: Sequence[str], values: Sequence[Any], network: nn.Module, inputs: Any = None
) -> Arm:
    """The base arm with some settings changed, those of one site too.

    Args:
        base: The arm.
        name: What the new one is called.
        knobs: Fields of `Arm`, or `"keep_prob at SITE"`.
        values: Their values.
        network: The network as built, for its sites.
        inputs: Two examples, to read a network that is no chain.

    Raises:
        PlanError: If a value is out of range.
    """
    changes: dict[str, Any] = {}
    # Sites come last: what is said of one of them holds, whatever is said of all.
    for knob, value in sorted(
        zip(knobs, values, strict=True), key=lambda pair: split_knob(pair[0])[1] is not None
    ):
        field, site = split_knob(knob)
        keep = changes.get("keep_prob", base.keep_prob)
        if field != "keep_prob":
            changes[field] = value
        elif site is None:
            at_input = keep.get(INPUT) if isinstance(keep, Mapping) else None
            changes[field] = (
                value if at_input is None else _everywhere(value, network, inputs) | {INPUT: at_input}
            )
        else:
            others = _everywhere(keep, network, inputs) if isinstance(keep, int | float) else dict(keep or {})
            changes[field] = others | {site: value}
    return replace(base, name=name, **changes)


def _everywhere(keep: float, network: nn.Module, inputs: Any) -> dict[str, float]:
    return {s.name: float(keep) for s in read_sites(network, inputs).hidden}
