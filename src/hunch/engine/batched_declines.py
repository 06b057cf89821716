"""Whether fleets can train a network, and whether they pay: tried on a few examples, before the first run."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hunch.data import Data
from hunch.engine.contract import Job, Setting
from hunch.engine.fleet import Fleet
from hunch.engine.fleet_products import has_kernels
from hunch.engine.fleet_rows import fleet_row
from hunch.engine.inputs import call
from hunch.engine.loop import LoopEngine, one_thread
from hunch.engine.native_extension import native_absence
from hunch.engine.own_cost_name import OwnCost
from hunch.errors import HunchError
from hunch.network import evaluating, first_examples, read_sites, seeded
from hunch.plan import Arm
from hunch.traces import RunKey, SiteFact

LARGE = (
    5e7  # floating-point operations a product and step, from which on a call costs next to nothing beside it
)
_FEW = 4
_NO_RULE = re.compile(r"batching rule for (aten::\w+)")


def batched_declines(
    network: nn.Module, data: Data, arms: Sequence[Arm], cost: str | OwnCost, device: str = "cpu"
) -> str | None:
    """Why fleets cannot train this network with one of these arms, in words that name the module; None if they can.

    Two rows take one step at rate 0, with readings and evaluations, on a few examples; the loop does the same, and what
    the forward leaves in the buffers must be the same.

    Args:
        network: The network as built.
        data: The data.
        arms: The arms, resolved.
        cost: Name of the cost, or one of the user's own.
        device: Where it would train.
    """
    if device == "cpu" and not has_kernels():
        return f"{native_absence() or 'the extension is older'}; without it fleets round by their size"
    few = min(_FEW, data.n)
    small = replace(data, x=data.x[:few], y=data.y[:few], x_held=data.x_held[:2], y_held=data.y_held[:2])
    tried: set[object] = set()
    for arm in arms:
        arm = replace(arm, batch_size=few)
        kind = (arm.norm, arm.norm_at, arm.dropout, arm.activation, repr(arm.keep_prob), arm.is_adaptive)
        if kind in tried:
            continue
        tried.add(kind)
        why = _why_not(network, small, arm, cost, device)
        if why is not None:
            return why if len(arms) == 1 else f'{why} (arm "{arm.name}")'
    return None


def _why_not(network: nn.Module, data: Data, arm: Arm, cost: str | OwnCost, device: str) -> str | None:
    setting = Setting(lambda: copy.deepcopy(network), data, cost, 1, ())
    stack: list[str] = []
    try:
        rows = [
            fleet_row(setting, Job(RunKey("pilot", arm.name, seed, 0.0, 1), arm, seed)) for seed in (0, 1)
        ]
        layout = rows[0].layout
        setting = replace(
            setting, sites=tuple(SiteFact(s.name, s.n_in, s.n_units, None) for s in layout.sites)
        )
        fleet = Fleet(setting, rows, device, keep_networks=True)
    except HunchError as error:  # the arm does not fit this network: that is refused elsewhere
        return error.problems[0].message
    handles = [
        handle for name, module in fleet.network.named_modules() for handle in _watch(module, name, stack)
    ]
    try:
        with one_thread(), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            fleet.train()
            ours = fleet.results(0.0)[0][1] or {}
    except Exception as error:
        text = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        return f"{_where(fleet.network, stack)} cannot be trained in fleets ({_plain(text)})"
    finally:
        for handle in handles:
            handle.remove()
    missing = [found.group(1) for w in said if (found := _NO_RULE.search(str(w.message)))]
    if missing:
        return f"torch has no batching rule for {', '.join(dict.fromkeys(missing))}, which the network calls"
    theirs = next(LoopEngine().train(setting, [rows[0].job], keep_networks=True)).state or {}
    lost = [name for name, tensor in theirs.items() if name in ours and _differ(tensor, ours[name])]
    if lost:
        return (
            f"`{lost[0]}` is another after a step in a fleet than after one by itself: a forward that puts a new "
            "tensor in a buffer's place loses it there"
        )
    return None


def _differ(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors differ by more than rounding; the rate of the trial is 0, so these are buffers."""
    return not torch.allclose(one.double(), other.double(), rtol=1e-3, atol=1e-4, equal_nan=True)


def _watch(module: nn.Module, name: str, stack: list[str]) -> list[torch.utils.hooks.RemovableHandle]:
    def enter(*_: object) -> None:
        stack.append(name)

    def leave(*_: object) -> None:
        stack.pop()

    return [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]


def _where(network: nn.Module, stack: list[str]) -> str:
    if not stack or not stack[-1]:
        return f"the forward of {type(network).__name__}"
    return f"module `{stack[-1]}` ({type(network.get_submodule(stack[-1])).__name__})"


def _plain(text: str) -> str:
    if "random" in text:
        return "it draws random numbers of its own"
    if "control flow" in text or ".item()" in text:
        return "what it does depends on the values of its inputs"
    rule = _NO_RULE.search(text) or re.search(r"Batching rule not implemented for (aten::\w+)", text)
    return f"torch has no batching rule for {rule.group(1)}" if rule else text


def fleets_cost(network: nn.Module, data: Data, batch_size: int) -> str | None:
    """Why fleets do not pay on a CPU for this network, in words; None if they do.

    A fleet saves what a call costs beside its arithmetic. Where a product alone takes a millisecond, there is nothing
    to save, and one run after another finds its numbers in the cache.

    Args:
        network: The network as built.
        data: The data.
        batch_size: Examples a step.
    """
    example = first_examples(network, data.x)
    with torch.no_grad(), seeded(0), evaluating(network), FlopCounterMode(display=False) as counter:
        call(network, example)
    sites = max(1, len(read_sites(network, example).sites))
    each = counter.get_total_flops() / 2 * batch_size / sites
    if each <= LARGE:
        return None
    return f"a layer takes {each / 1e6:,.0f} million operations a step, so that fleets save nothing"
