"""Taking readings inside one training step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from hunch.network import Layout, Site, read_sites
from hunch.plan import RECORDED
from hunch.probe.readings import activation_readings, norm_of, update_readings


class StepRecorder:
    """Reads one step: `with` around forward and backward, `gradients()`, then `updates()` after the step.

    Forward hooks reduce at once and store nothing of the network's (an in-place activation would corrupt it).

    Args:
        network: A network in training.
        sites: Names of its layers, in the order of the result's last axis.
        layout: What it is read as; None: read it now (only where that needs no inputs).
    """

    def __init__(self, network: nn.Module, sites: tuple[str, ...], layout: Layout | None = None) -> None:
        """Find what is to be hooked."""
        layout = read_sites(network) if layout is None else layout
        self.sites = [layout.site(site) for site in sites]
        self.values = np.full((len(RECORDED), len(sites)), math.nan, dtype=np.float32)
        self._handles: list[RemovableHandle] = []
        self._before: list[tuple[Tensor, Tensor | None]] = []

    def __enter__(self) -> Self:
        """Hook the activations and remember the parameters."""
        self._handles = watch_activations(self.sites, self._read)
        self._before = [(weight_of(s).detach().clone(), _clone(shift_of(s))) for s in self.sites]
        return self

    def _read(self, k: int, z: Tensor) -> None:
        activation = self.sites[k].activation
        assert activation is not None and activation.kind is not None
        for reading, value in activation_readings(as_rows(z, self.sites[k]), activation.kind).items():
            self.put(reading, k, value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()

    def put(self, reading: str, site: int, value: float) -> None:
        """Write down one value."""
        with np.errstate(over="ignore"):  # a row about to diverge may exceed float32: infinity is the record
            self.values[RECORDED.index(reading), site] = value

    def gradients(self) -> None:
        """Read the gradients; call after backward, before the L2 term is added."""
        for k, site in enumerate(self.sites):
            gradient = weight_of(site).grad
            if gradient is not None:
                self.put("gradient_norm", k, norm_of(gradient))

    def updates(self) -> None:
        """Read the updates; call after the optimizer's step."""
        for k, (site, (weight, shift)) in enumerate(zip(self.sites, self._before, strict=True)):
            absolute, relative = update_readings(weight, weight_of(site))
            self.put("update_weight", k, absolute)
            self.put("update_weight_relative", k, relative)
            now = shift_of(site)
            if shift is not None and now is not None:
                self.put("update_shift", k, norm_of(now - shift))


def as_rows(z: Tensor, site: Site) -> Tensor:
    """A value as (places, units): each position of a map, or each token, is a place of its own."""
    if site.is_map:
        z = z.movedim(1, -1)
    return z.reshape(-1, z.shape[-1])


def watch_activations(sites: Sequence[Site], seen: Callable[[int, Tensor], None]) -> list[RemovableHandle]:
    """Hook the network so that `seen(k, z)` gets what the activation of the k-th site receives, in every forward pass.

    Sites without a known activation are left out, and those whose value no module's input or output is.

    Args:
        sites: The sites.
        seen: What is called with each value.

    Returns:
        The hooks, to be removed.
    """
    handles: list[RemovableHandle] = []
    for k, site in enumerate(sites):
        if not site.is_hidden or site.activation is None or site.activation.kind is None:
            continue

        def read(_module: nn.Module, inputs: Any, output: Any = None, k: int = k) -> None:
            seen(k, inputs[0] if output is None else output)

        module = site.activation.module
        if module is not None and not site.activation.is_shared:
            handles.append(module.register_forward_pre_hook(read))
        elif not site.pooled:  # its input is what the last module before it gives
            norm = site.norm if site.norm is not None and site.norm_before else None
            last = site.module if norm is None else norm.module
            if last is not None and (norm is None or not norm.is_shared):
                handles.append(last.register_forward_hook(read))
    return handles


def weight_of(site: Site) -> Tensor:
    """The weights of a site's layer."""
    weight = site.module.weight
    assert isinstance(weight, Tensor)
    return weight


def shift_of(site: Site) -> Tensor | None:
    """What shifts the pre-activation: β of a norm between layer and activation, else the layer's bias."""
    if site.norm is not None and site.norm_before:
        beta = getattr(site.norm.module, "bias", None)
        if isinstance(beta, Tensor):
            return beta
        if site.bias_feeds_batch_norm:
            return None
    bias = getattr(site.module, "bias", None)
    return bias if isinstance(bias, Tensor) else None


def _clone(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()
