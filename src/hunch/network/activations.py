"""The activations Hunch knows: how to make, recognise and judge them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Activation:
    """One activation function.

    Args:
        name: The name used in arms and facts.
        make: Makes the module.
        slope: Derivative f'(z) at the pre-activation z, elementwise.
        max_slope: max |f'|, what slopes are measured against.
        low: Lower end of the range, for bounded activations; None otherwise.
        high: Upper end, likewise.
    """

    name: str
    make: Callable[[], nn.Module]
    slope: Callable[[Tensor], Tensor]
    max_slope: float = 1.0
    low: float | None = None
    high: float | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether both ends of the range are finite, so that units can saturate."""
        return self.low is not None


def _gelu_slope(z: Tensor) -> Tensor:
    cdf = 0.5 * (1 + torch.erf(z / math.sqrt(2)))
    return cdf + z * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _gelu_tanh_slope(z: Tensor) -> Tensor:
    c = math.sqrt(2 / math.pi)
    t = torch.tanh(c * (z + 0.044715 * z**3))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * c * (1 + 3 * 0.044715 * z * z)


def _silu_slope(z: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 + z * (1 - s))


def _sigmoid_slope(z: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 - s)


KNOWN: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation("identity", nn.Identity, torch.ones_like),
        Activation("relu", nn.ReLU, lambda z: (z > 0).to(z.dtype)),
        Activation("leaky_relu", nn.LeakyReLU, lambda z: torch.where(z > 0, torch.ones_like(z), 0.01)),
        Activation("elu", nn.ELU, lambda z: torch.where(z > 0, torch.ones_like(z), torch.exp(z))),
        # The largest slopes of gelu and silu are a little above 1: at z = √2, near 1.4, and near 2.4.
        Activation("gelu", nn.GELU, _gelu_slope, 1.1289041451826),
        Activation("gelu_tanh", lambda: nn.GELU(approximate="tanh"), _gelu_tanh_slope, 1.1289930687),
        Activation("silu", nn.SiLU, _silu_slope, 1.0998393202),
        Activation("sigmoid", nn.Sigmoid, _sigmoid_slope, 0.25, 0.0, 1.0),
        Activation("tanh", nn.Tanh, lambda z: 1 - torch.tanh(z) ** 2, 1.0, -1.0, 1.0),
        Activation("softplus", nn.Softplus, torch.sigmoid),
    )
}
_DEFAULTS = {"leaky_relu": ("negative_slope", 0.01), "elu": ("alpha", 1.0)}


def activation_name(module: nn.Module) -> str | None:
    """The name of an activation module, or None if Hunch does not know it (or its setting is unusual)."""
    if type(module) is nn.GELU:
        return "gelu_tanh" if module.approximate == "tanh" else "gelu"
    if type(module) is nn.Softplus:
        return "softplus" if module.beta == 1 and module.threshold == 20 else None
    for name, known in KNOWN.items():
        if name in ("gelu_tanh", "softplus"):
            continue
        if type(module) is known.make:
            setting = _DEFAULTS.get(name)
            if setting and getattr(module, setting[0]) != setting[1]:
                return None
            return name
    return None
