"""The readings of a fleet: what passes in one step is kept for all rows at once, then read row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from hunch.engine.fleet_rows import Stack
from hunch.network import Layout
from hunch.plan import RECORDED
from hunch.probe import (
    activation_readings,
    as_rows,
    norm_of,
    shift_of,
    update_readings,
    watch_activations,
    weight_of,
)


class FleetRecorder:
    """Reads one step of a fleet, as `StepRecorder` reads one step of a run.

    It is entered inside of vmap, around the forward pass of one row: what it sees there stands for all rows, and
    becomes their values when vmap returns it.

    Args:
        network: The network whose state is swapped for each row's.
        layout: What it is read as.
        sites: Names of its layers, in the order of the result's last axis.
    """

    def __init__(self, network: nn.Module, layout: Layout, sites: tuple[str, ...]) -> None:
        """Find what is to be read."""
        self.sites = [layout.site(site) for site in sites]
        names = {id(p): name for name, p in network.named_parameters()}
        self.weights = [names.get(id(weight_of(s))) for s in self.sites]
        shifts = [shift_of(s) for s in self.sites]
        self.shifts = [None if shift is None else names.get(id(shift)) for shift in shifts]
        self.seen: list[Tensor] = []
        self.seen_at: list[int] = []
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        """Hook the activations."""
        self.seen, self.seen_at = [], []
        self._handles = watch_activations(self.sites, self._see)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()

    def _see(self, k: int, z: Tensor) -> None:
        self.seen_at.append(k)
        self.seen.append(z.detach().clone())  # an activation may work in place

    def before(self, stack: Stack, gradients: Sequence[Tensor | None], seen: Sequence[Tensor]) -> None:
        """Keep what is needed from before the update: call after the gradients are there.

        Args:
            stack: The rows' state.
            gradients: The gradients of its parameters, in their order.
            seen: What `seen` has become for all rows.
        """
        self.values_seen = list(seen)
        self.gradients = dict(zip(stack.names, gradients, strict=True))
        wanted = {name for name in (*self.weights, *self.shifts) if name in stack.parameters}
        self.old = {name: stack.parameters[name].detach().clone() for name in wanted if name is not None}

    def values(self, stack: Stack, row: int) -> np.ndarray:
        """One row's readings after the update, float32 (readings, sites)."""
        values = np.full((len(RECORDED), len(self.sites)), math.nan, dtype=np.float32)

        def put(reading: str, site: int, value: float) -> None:
            with np.errstate(over="ignore"):
                values[RECORDED.index(reading), site] = value

        for k, z in zip(self.seen_at, self.values_seen, strict=True):
            activation = self.sites[k].activation
            assert activation is not None and activation.kind is not None
            for reading, value in activation_readings(
                as_rows(z[row], self.sites[k]), activation.kind
            ).items():
                put(reading, k, value)
        for k, (weight, shift) in enumerate(zip(self.weights, self.shifts, strict=True)):
            if weight is None or weight not in self.old:
                continue
            gradient = self.gradients[weight]
            if gradient is not None:
                put("gradient_norm", k, norm_of(gradient[row]))
            now = stack.parameters[weight].detach()[row]
            absolute, relative = update_readings(self.old[weight][row], now)
            put("update_weight", k, absolute)
            put("update_weight_relative", k, relative)
            if shift is not None and shift in self.old:
                put("update_shift", k, norm_of(stack.parameters[shift].detach()[row] - self.old[shift][row]))
        return values
