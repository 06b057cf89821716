"""The activations as a report draws them: the function, its slope, and where little of the slope is left.

`network` has the same functions for tensors; a report imports no torch, so they stand here once more, and a test
compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erf, expit

Floats = npt.NDArray[np.float64]

FLAT_BELOW = 0.05
"""Where the slope is below this share of its maximum the activation is called flat: as the reading `saturated`."""


@dataclass(frozen=True, slots=True)
class Function:
    """An activation and its slope, both of arrays."""

    value: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]


def _gelu(z: Floats) -> Floats:
    return 0.5 * z * (1 + erf(z / np.sqrt(2)))


def _gelu_slope(z: Floats) -> Floats:
    return 0.5 * (1 + erf(z / np.sqrt(2))) + z * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


_C = np.sqrt(2 / np.pi)


def _gelu_tanh(z: Floats) -> Floats:
    return 0.5 * z * (1 + np.tanh(_C * (z + 0.044715 * z**3)))


def _gelu_tanh_slope(z: Floats) -> Floats:
    t = np.tanh(_C * (z + 0.044715 * z**3))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t**2) * _C * (1 + 3 * 0.044715 * z**2)


FUNCTIONS: dict[str, Function] = {
    "identity": Function(lambda z: z, np.ones_like),
    "relu": Function(lambda z: np.maximum(z, 0.0), lambda z: (z > 0).astype(np.float64)),
    "leaky_relu": Function(lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1.0, 0.01)),
    "elu": Function(
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0.0))),
        lambda z: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0.0))),
    ),
    "gelu": Function(_gelu, _gelu_slope),
    "gelu_tanh": Function(_gelu_tanh, _gelu_tanh_slope),
    "silu": Function(lambda z: z * expit(z), lambda z: expit(z) * (1 + z * (1 - expit(z)))),
    "sigmoid": Function(expit, lambda z: expit(z) * (1 - expit(z))),
    "tanh": Function(np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "softplus": Function(lambda z: np.logaddexp(z, 0.0), expit),
}
"""Every activation that Hunch knows, by name."""


def flat_stretches(name: str, low: float, high: float) -> tuple[tuple[float, float], ...]:
    """The stretches of an axis on which less than 5 % of the activation's largest slope is left.

    Args:
        name: The activation.
        low: Where the axis begins.
        high: Where it ends.

    Example:
        >>> flat_stretches("relu", -2.0, 2.0)
        ((-2.0, 0.0),)
        >>> flat_stretches("identity", -2.0, 2.0)
        ()
    """
    z = np.linspace(low, high, 4001)
    widest = np.abs(FUNCTIONS[name].slope(np.linspace(-8.0, 8.0, 4001))).max()
    is_flat = np.abs(FUNCTIONS[name].slope(z)) < FLAT_BELOW * widest
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_flat, [False]]).astype(np.int8)))
    pairs = zip(edges[::2], edges[1::2] - 1, strict=True)
    found = [(round(float(z[a]), 3), round(float(z[b]), 3)) for a, b in pairs]
    wide = 0.02 * (high - low)  # where a slope only passes through 0 there is no stretch to speak of
    return tuple((a, b) for a, b in found if b - a > wide)
