"""Dropout whose draws depend on run seed, site and step alone, standing in for torch's own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hunch.engine.streams import exact_mask, gaussian_noise, noise, realised_keep
from hunch.network import INPUT, Layout, drops_maps, keep_of, kind_of, modules_for_dropout_functions


class SeededDropout(nn.Dropout):
    """Dropout that multiplies by `mask(...)` while training; an `nn.Dropout`, so that a chain stays one.

    Args:
        seed: The run's stream seed.
        site: Name of the layer it belongs to, or `"input"`, or its own name where it belongs to none. A module that is
            called at several places has a name for each, in the order of the calls.
        kind: `"bernoulli"`, `"gaussian"` or `"exact"`.
        keep_prob: Keep probability.
        of_maps: Whether whole channels are dropped.
    """

    def __init__(
        self, seed: int, site: str | Sequence[str], kind: str, keep_prob: float, *, of_maps: bool = False
    ) -> None:
        """Start at step 0, switched on."""
        super().__init__(p=1 - keep_prob)
        self.seed, self.kind, self.keep_prob, self.of_maps = seed, kind, keep_prob, of_maps
        self.sites = (site,) if isinstance(site, str) else tuple(site)
        self.step = 0
        self.n_calls = 0
        self.is_on = True

    @property
    def site(self) -> str:
        """The site of the next call."""
        return self.sites[self.n_calls % len(self.sites)]

    def forward(self, input: Tensor) -> Tensor:
        """The thinned input while training, the input itself otherwise."""
        if not self.training or not self.is_on or self.keep_prob >= 1:
            return input
        shape = tuple(input.shape[:2] if self.of_maps else input.shape)
        drawn = mask(self.kind, self.seed, self.site, self.step, shape, self.keep_prob)
        self.n_calls += 1
        if self.of_maps:
            drawn = drawn.reshape(*shape, *[1] * (input.ndim - 2))
        return input * torch.from_numpy(drawn).to(input.dtype)


def mask(kind: str, seed: int, site: str, step: int, shape: tuple[int, ...], keep_prob: float) -> np.ndarray:
    """What dropout multiplies by at one site and step, float64 of that shape.

    Bernoulli: `(noise(seed, site, step, shape) < keep) / keep`, where the keep that scales is the one that 16
        bits realise.
    Gaussian: 1 + √((1 - keep)/keep) times a standard normal draw. Exact: k units of each example, scaled by
        1/keep.
    """
    if kind == "gaussian":
        return 1 + ((1 - keep_prob) / keep_prob) ** 0.5 * gaussian_noise(seed, site, step, shape)
    if kind == "exact":
        rows = (math.prod(shape[:-1]), shape[-1])
        return exact_mask(seed, site, step, rows, keep_prob).reshape(shape) / keep_prob
    keep = realised_keep(keep_prob)
    return (noise(seed, site, step, shape) < keep) / keep


def dropout_modules(network: nn.Module, layout: Layout) -> nn.Module:
    """The network with its dropout functions as modules, as far as its forwards can be rewritten."""
    return network if layout.graph is None else modules_for_dropout_functions(network, layout.graph)


def seed_dropouts(network: nn.Module, seed: int, layout: Layout) -> list[SeededDropout]:
    """Put a `SeededDropout` in the place of every dropout module, in place; returns them.

    A dropout that belongs to no site (behind a residual sum) is keyed by its own name.
    """
    found = [(INPUT, layout.input_dropout), *((s.name, s.dropout) for s in layout.sites)]
    found += [(loose.name, loose) for loose in layout.loose]
    calls: dict[str, list[tuple[int, str, nn.Module]]] = {}
    for site, part in found:
        if part is None or part.keep is None or part.module is None:
            continue
        calls.setdefault(part.name, []).append((part.call, site, part.module))
    made: list[SeededDropout] = []
    for name, each in calls.items():
        module = each[0][2]
        sites = _distinct([site for _, site, _ in sorted(each, key=lambda one: one[0])])
        new = SeededDropout(seed, sites, kind_of(module), keep_of(module), of_maps=drops_maps(module))
        path, _, leaf = name.rpartition(".")
        parent = network.get_submodule(path)
        parent._modules[leaf] = new.train(module.training)
        for other in network.modules():  # one module may be registered under several names
            other._modules.update({key: new for key, child in other._modules.items() if child is module})
        made.append(new)
    return made


def _distinct(sites: list[str]) -> list[str]:
    """The names, those that come again with a number."""
    return [
        site if site not in sites[:k] else f"{site}#{sites[:k].count(site) + 1}"
        for k, site in enumerate(sites)
    ]
