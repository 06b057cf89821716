"""Taking readings inside one training step of a chain."""

from __future__ import annotations

import math
from types import TracebackType
from typing import Self

import numpy as np
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from hunch.network import activation_name, read_chain
from hunch.plan import READING_NAMES
from hunch.probe.readings import activation_readings, norm_of, update_readings


class StepRecorder:
    """Reads one step: `with` around forward and backward, `gradients()`, then `updates()` after the step.

    Forward hooks reduce at once and store nothing of the network's (an in-place activation would corrupt it).

    Args:
        network: A chain in training.
        sites: Names of its linear layers, in the order of the result's last axis.
    """

    def __init__(self, network: nn.Module, sites: tuple[str, ...]) -> None:
        """Find what is to be hooked."""
        chain = read_chain(network)
        self.blocks = [chain.block(site) for site in sites]
        self.values = np.full((len(READING_NAMES), len(sites)), math.nan, dtype=np.float32)
        self._handles: list[RemovableHandle] = []
        self._before: list[tuple[Tensor, Tensor | None]] = []

    def __enter__(self) -> Self:
        """Hook the activations and remember the parameters."""
        for k, block in enumerate(self.blocks):
            if not block.is_hidden or block.activation is None:
                continue
            name = activation_name(block.activation.module)
            assert name is not None

            def read(_module: nn.Module, inputs: tuple[Tensor, ...], k: int = k, name: str = name) -> None:
                for reading, value in activation_readings(inputs[0], name).items():
                    self.put(reading, k, value)

            self._handles.append(block.activation.module.register_forward_pre_hook(read))
        self._before = [(b.linear.weight.detach().clone(), _clone(_shift(b))) for b in self.blocks]
        return self

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
            self.values[READING_NAMES.index(reading), site] = value

    def gradients(self) -> None:
        """Read the gradients; call after backward, before the L2 term is added."""
        for k, block in enumerate(self.blocks):
            if block.linear.weight.grad is not None:
                self.put("gradient_norm", k, norm_of(block.linear.weight.grad))

    def updates(self) -> None:
        """Read the updates; call after the optimizer's step."""
        for k, (block, (weight, shift)) in enumerate(zip(self.blocks, self._before, strict=True)):
            absolute, relative = update_readings(weight, block.linear.weight)
            self.put("update_weight", k, absolute)
            self.put("update_weight_relative", k, relative)
            now = _shift(block)
            if shift is not None and now is not None:
                self.put("update_shift", k, norm_of(now - shift))


def _shift(block) -> Tensor | None:
    """What shifts the pre-activation: β of a norm between layer and activation, else the layer's bias."""
    if block.norm is not None and block.norm_before:
        beta = getattr(block.norm.module, "bias", None)
        if isinstance(beta, Tensor):
            return beta
        if block.bias_feeds_batch_norm:
            return None
    return block.linear.bias


def _clone(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()
