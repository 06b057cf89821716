"""Dropout whose draws depend on run seed, site and step alone, standing in for torch's own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hunch.engine.streams import exact_mask, gaussian_noise, noise, realised_keep
from hunch.network import INPUT, keep_of, kind_of, read_chain


class SeededDropout(nn.Dropout):
    """Dropout that multiplies by `mask(...)` while training; an `nn.Dropout`, so that a chain stays one.

    Args:
        seed: The run's stream seed.
        site: Name of the linear layer it belongs to, or `"input"`.
        kind: `"bernoulli"`, `"gaussian"` or `"exact"`.
        keep_prob: Keep probability.
    """

    def __init__(self, seed: int, site: str, kind: str, keep_prob: float) -> None:
        """Start at step 0, switched on."""
        super().__init__(p=1 - keep_prob)
        self.seed, self.site, self.kind, self.keep_prob = seed, site, kind, keep_prob
        self.step = 0
        self.is_on = True

    def forward(self, input: Tensor) -> Tensor:
        """The thinned input while training, the input itself otherwise."""
        if not self.training or not self.is_on or self.keep_prob >= 1:
            return input
        drawn = mask(self.kind, self.seed, self.site, self.step, tuple(input.shape), self.keep_prob)
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
        return exact_mask(seed, site, step, (shape[0], shape[1]), keep_prob) / keep_prob
    keep = realised_keep(keep_prob)
    return (noise(seed, site, step, shape) < keep) / keep


def seed_dropouts(network: nn.Module, seed: int) -> list[SeededDropout]:
    """Put a `SeededDropout` in the place of every dropout of a chain, in place; returns them."""
    made: list[SeededDropout] = []
    chain = read_chain(network)
    for site, part in [(INPUT, chain.input_dropout), *((b.site, b.dropout) for b in chain.blocks)]:
        if part is None:
            continue
        new = SeededDropout(seed, site, kind_of(part.module), keep_of(part.module))
        path, _, leaf = part.name.rpartition(".")
        network.get_submodule(path)._modules[leaf] = new
        made.append(new)
    return made
