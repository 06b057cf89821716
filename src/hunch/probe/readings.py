"""The readings: what each one is, as pure functions of tensors.

z is the pre-activation (what the activation receives, shape (batch, units)); f' is the activation's slope.

=======================  =====================================================================================
saturation               φ = mean |2(a - low)/(high - low) - 1| over the batch and the units, for bounded
                         activations: 0 in the middle of the range, 1 at its ends (Rakitianskaia & Engelbrecht
                         2015, in the limit of many bins). Does not apply to relu and its like.
saturated                share of (example, unit) values at which |f'| is under 5 % of its maximum, for
                         bounded activations
slope                    mean of |f'(z)| / max |f'|
inactive                 share of units with |f'| under 1 % of its maximum on every example of this batch (for
                         relu: never active). With n examples, a unit counted here may still be active on up
                         to 3/n of the data (95 %).
preactivation_mean       mean of z
preactivation_spread     standard deviation of z over batch and units
gradient_norm            Euclidean norm of the cost's gradient for the layer's weights, without the L2 term
update_weight            Euclidean norm of the weights' change in this step
update_weight_relative   the same, divided by the norm of the weights before the step
update_shift             Euclidean norm of the change of what shifts the pre-activation: the β of a norm that
                         follows the layer directly, else the layer's bias
=======================  =====================================================================================
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hunch.network import KNOWN

SATURATED_BELOW = 0.05
INACTIVE_BELOW = 0.01


def activation_readings(z: Tensor, activation: str) -> dict[str, float]:
    """Readings of one activation on one batch.

    Args:
        z: Pre-activations, shape (batch, units).
        activation: Name of the activation.

    Returns:
        `saturation`, `saturated` (NaN where the activation is not bounded), `slope`, `inactive`,
        `preactivation_mean`, `preactivation_spread`.

    Example:
        >>> activation_readings(torch.zeros(8, 3), "sigmoid")["slope"]
        1.0
    """
    z = z.detach().double()
    known = KNOWN[activation]
    slope = known.slope(z).abs() / known.max_slope
    saturation = saturated = math.nan
    if known.low is not None and known.high is not None:
        a = known.make()(z)
        saturation = ((2 * (a - known.low) / (known.high - known.low) - 1).abs()).mean().item()
        saturated = (slope < SATURATED_BELOW).double().mean().item()
    return {
        "saturation": saturation,
        "saturated": saturated,
        "slope": slope.mean().item(),
        "inactive": (slope < INACTIVE_BELOW).all(dim=0).double().mean().item(),
        "preactivation_mean": z.mean().item(),
        "preactivation_spread": z.std(correction=0).item(),
    }


def norm_of(tensor: Tensor) -> float:
    """Euclidean norm in double precision.

    Example:
        >>> norm_of(torch.tensor([3.0, 4.0]))
        5.0
    """
    return torch.linalg.vector_norm(tensor.detach().double()).item()


def update_readings(before: Tensor, after: Tensor) -> tuple[float, float]:
    """(absolute, relative) size of an update; relative is NaN where the weights were all 0."""
    size, old = norm_of(after - before), norm_of(before)
    return size, size / old if old > 0 else math.nan
