"""Dropout in a fleet: each row's own mask, the one that the loop engine draws, given from outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hunch.engine.masks import SeededDropout, mask
from hunch.engine.native_extension import native_module
from hunch.engine.streams import LEVELS_OF_16_BITS, keep_threshold, stream_key


class FleetDropout(nn.Dropout):
    """Dropout that multiplies by masks which the fleet puts into its buffers before each step.

    Args:
        like: The seeded dropout in whose place it stands.
    """

    def __init__(self, like: SeededDropout) -> None:
        """Take over its sites and its kind; the keep probability is each row's own."""
        super().__init__(p=0.5)
        self.sites, self.kind, self.of_maps = like.sites, like.kind, like.of_maps
        self.shapes: list[tuple[int, ...]] = []
        self.is_learning = False
        self.is_on = True
        self.n_calls = 0
        for k in range(len(self.sites)):
            self.register_buffer(buffer_name(k), torch.ones(()), persistent=False)

    def extra_repr(self) -> str:
        """What makes two of them the same structure: no keep probability."""
        return f"{self.kind}, of_maps={self.of_maps}, {len(self.sites)} calls"

    def forward(self, input: Tensor) -> Tensor:
        """The thinned input while training, the input itself otherwise."""
        if not self.training or not self.is_on:
            return input
        if self.is_learning:
            self.shapes.append(tuple(input.shape[:2] if self.of_maps else input.shape))
            return input
        drawn = getattr(self, buffer_name(self.n_calls % len(self.sites)))
        self.n_calls += 1
        return input * drawn.reshape(*drawn.shape, *[1] * (input.ndim - drawn.ndim))


def buffer_name(call: int) -> str:
    """Name of the buffer that holds the mask of a call."""
    return f"mask_{call}"


def fleet_masks(
    kind: str,
    seeds: Sequence[int],
    keeps: Sequence[float],
    site: str,
    step: int,
    shape: tuple[int, ...],
    dtype: torch.dtype,
) -> Tensor:
    """The masks of all rows at one site and step, as `masks.mask` draws them.

    Args:
        kind: `"bernoulli"`, `"gaussian"` or `"exact"`.
        seeds: Stream seed of each row.
        keeps: Keep probability of each row; at 1 (a row whose dropout is over) the mask is all ones.
        site: The site.
        step: Training step.
        shape: Shape of one row's mask.
        dtype: Number type of the result.

    Returns:
        Shape (rows, *shape).
    """
    native = native_module()
    n = int(np.prod(shape))
    out = np.empty((len(seeds), n), dtype=np.float64 if dtype == torch.float64 else np.float32)
    if kind != "bernoulli" or native is None:
        for row, (seed, keep) in enumerate(zip(seeds, keeps, strict=True)):
            out[row] = 1.0 if keep >= 1 else mask(kind, seed, site, step, shape, keep).reshape(-1)
        return torch.from_numpy(out.reshape(len(seeds), *shape))
    key = stream_key(site_stream(site))
    for row, (seed, keep) in enumerate(zip(seeds, keeps, strict=True)):
        if keep >= 1:
            out[row] = 1
            continue
        threshold = keep_threshold(keep)
        halves = native.words(seed, key, step, (n + 1) // 2).view("<u2")[:n]
        np.multiply(halves < threshold, out.dtype.type(LEVELS_OF_16_BITS / threshold), out=out[row])
    return torch.from_numpy(out.reshape(len(seeds), *shape))


def site_stream(site: str) -> str:
    """The name of a site's stream."""
    return f"noise/{site}"
