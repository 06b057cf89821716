"""What the native engine starts a run from; runs of one seed and arm that differ in their rate share it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from hunch.engine.contract import Job, Setting, finish_row
from hunch.engine.native_chain import native_layers
from hunch.network import build_network

T = TypeVar("T")

KEPT = 4  # seeds, and runs of a seed: neighbours in a list of jobs share them, others seldom do


@dataclass(frozen=True, eq=False)
class Start:
    """A run before its first update, as the extension takes it.

    Args:
        inputs: Dropout of the inputs.
        specs: One dict a layer.
        shape: What the memory of a row depends on; hashable.
        parameters: All tensors of the network, flat, in the extension's order.
    """

    inputs: dict[str, Any]
    specs: list[dict[str, Any]]
    shape: tuple[Any, ...]
    parameters: np.ndarray


class Starts:
    """Makes the starts of runs, the work that neighbours have in common only once.

    A run's start depends on its seed and arm, not on its rate, and `build()` on the seed alone.

    Args:
        setting: What the runs share.
    """

    def __init__(self, setting: Setting) -> None:
        """Nothing is made yet."""
        self._setting = setting
        self._built: OrderedDict[Any, nn.Module] = OrderedDict()
        self._starts: OrderedDict[Any, Start] = OrderedDict()

    def start(self, job: Job) -> Start:
        """The start of a run; its parameters are the caller's own to change."""
        arm = replace(job.arm, name="any", lr=None)
        found = _kept(self._starts, (job.stream_seed, arm), lambda: self._make(job))
        return replace(found, parameters=found.parameters.copy())

    def network(self, job: Job, parameters: np.ndarray) -> nn.Module:
        """A network of the run's structure with these parameters in it."""
        network = self._placed(job)
        at = 0
        with torch.no_grad():
            for tensor in native_layers(network, job, self._setting).tensors:
                values = torch.from_numpy(parameters[at : at + tensor.numel()])
                tensor.copy_(values.reshape(tensor.shape))
                at += tensor.numel()
        return network

    def _placed(self, job: Job) -> nn.Module:
        seed = job.stream_seed
        built = _kept(self._built, seed, lambda: build_network(self._setting.build, seed))
        return finish_row(built, self._setting, job)

    def _make(self, job: Job) -> Start:
        layers = native_layers(self._placed(job), job, self._setting)
        flat = np.concatenate([t.detach().reshape(-1).numpy() for t in layers.tensors])
        return Start(layers.inputs, layers.specs, layers.shape, flat)


def _kept(shelf: OrderedDict[Any, T], key: Any, make: Callable[[], T]) -> T:
    """What is on the shelf, or else made and put there; the oldest goes when there is no place left."""
    if key not in shelf:
        shelf[key] = make()
        if len(shelf) > KEPT:
            shelf.popitem(last=False)
    return shelf[key]
