"""How the gradient changes over the step that it says to take: gradient predictiveness.

Santurkar et al. 2018 (arXiv 1805.11604) look along the gradient g of the batch's cost at the weights θ: at θ - s·g, for
step sizes s around the learning rate r, how far is the gradient from g? Here s is r/2, r and 2r, on the same batch and
with the same dropout masks, whatever the optimizer makes of g. At the weights of every layer:

=======================  =====================================================================================
gradient_change          largest over s of ‖g(θ - s·g) - g(θ)‖
gradient_predictiveness  largest over s of that, divided by ‖g(θ)‖: networks with and without a norm have gradients of
                         different lengths. 0: the gradient says all about where it leads. Small is predictable.
gradient_cosine          smallest over s of the cosine between g(θ - s·g) and g(θ)
=======================  =====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hunch.plan import ON_REQUEST

STEPS = (0.5, 1.0, 2.0)  # of the learning rate


def gradient_ahead(
    network: nn.Module, weights: Sequence[Tensor], backward: Callable[[], object], rate: float
) -> np.ndarray:
    """Readings of how the gradient changes along itself; the network is left as it was, bit for bit.

    Parameters, gradients and buffers (a norm's running statistics) are copied before and put back after; a parameter
    is never taken back by subtracting a step.

    Args:
        network: A network in training mode.
        weights: The weights of its layers, in the order of the sites.
        backward: Forward and backward on the step's batch, with the step's dropout masks, adding to `.grad`; it must do
            the same every time.
        rate: The learning rate of the step.

    Returns:
        float32 (3, S), in the order of `ON_REQUEST`; NaN where a layer has no gradient, or one of length 0 (but for the
        first row).

    Example:
        >>> line = nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.constant_(line.weight, 2.0)
        >>> def backward():  # the cost w² has the gradient 2w, which a step of s·2w shrinks by 2s
        ...     (line.weight**2).sum().backward()
        >>> gradient_ahead(line, [line.weight], backward, 0.1).astype(float).round(3).tolist()
        [[1.6], [0.4], [1.0]]
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    values = [p.detach().clone() for p in parameters]
    gradients = [p.grad for p in parameters]
    buffers = [(b, b.detach().clone()) for b in network.buffers()]
    try:
        here = _gradients(parameters, backward)
        at_weights = [_of(weight) for weight in weights]
        found: list[np.ndarray] = []
        for step in STEPS:
            with torch.no_grad():
                for p, value, g in zip(parameters, values, here, strict=True):
                    if g is not None:
                        p.copy_(value - step * rate * g)
            _gradients(parameters, backward)
            found.append(_compared(at_weights, [_of(weight) for weight in weights]))
    finally:
        with torch.no_grad():
            for p, value, gradient in zip(parameters, values, gradients, strict=True):
                p.copy_(value)
                p.grad = gradient
            for buffer, before in buffers:
                buffer.copy_(before)
    along = np.stack(found)
    worst = np.stack([along[:, 0].max(axis=0), along[:, 1].max(axis=0), along[:, 2].min(axis=0)])
    assert len(worst) == len(ON_REQUEST)
    with np.errstate(over="ignore"):  # a row about to diverge may exceed float32: infinity is the record
        return worst.astype(np.float32)


def _gradients(parameters: Sequence[nn.Parameter], backward: Callable[[], object]) -> list[Tensor | None]:
    """Fresh gradients at the present weights."""
    for p in parameters:
        p.grad = None
    backward()
    return [p.grad for p in parameters]


def _of(weight: Tensor) -> Tensor | None:
    return None if weight.grad is None else weight.grad.detach().double().clone()


def _compared(before: Sequence[Tensor | None], after: Sequence[Tensor | None]) -> np.ndarray:
    """(3, S): length of the difference, relative length, cosine."""
    out = np.full((3, len(before)), math.nan)
    for k, (g, h) in enumerate(zip(before, after, strict=True)):
        if g is None or h is None:
            continue
        size, other = (torch.linalg.vector_norm(x).item() for x in (g, h))
        change = torch.linalg.vector_norm(h - g).item()
        out[0, k] = change
        if size > 0:
            out[1, k] = change / size
        if size > 0 and other > 0:
            out[2, k] = (g * h).sum().item() / (size * other)
    return out
