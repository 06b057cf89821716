"""A `build` for the common case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from hunch.errors import PlanError, Problem
from hunch.network.activations import KNOWN


@dataclass(frozen=True, slots=True)
class MLP:
    """A function that builds a multilayer perceptron; made by `mlp`."""

    widths: tuple[int, ...]
    activation: str

    def __call__(self) -> nn.Sequential:
        """A fresh network with torch's default initial weights."""
        layers: list[nn.Module] = []
        for k, (n_in, n_out) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            if k:
                layers.append(KNOWN[self.activation].make())
            layers.append(nn.Linear(n_in, n_out))
        return nn.Sequential(*layers)


def mlp(widths: Sequence[int], activation: str = "relu") -> MLP:
    """A `build` that makes linear layers with an activation between them, with torch's initial weights.

    Args:
        widths: Inputs, hidden widths, outputs: `[64, 100, 10]` has one hidden layer of 100 units.
        activation: One of `identity`, `relu`, `leaky_relu`, `elu`, `gelu`, `gelu_tanh`, `silu`, `sigmoid`,
            `tanh`, `softplus`.

    Returns:
        A function without arguments that returns an `nn.Sequential`.

    Raises:
        PlanError: If a width is not a whole number above 0, or the activation is unknown.

    Example:
        >>> mlp([4, 3, 2], "tanh")()
        Sequential(
          (0): Linear(in_features=4, out_features=3, bias=True)
          (1): Tanh()
          (2): Linear(in_features=3, out_features=2, bias=True)
        )
    """
    problems: list[Problem] = []
    if len(widths) < 2 or any(not isinstance(w, int) or isinstance(w, bool) or w < 1 for w in widths):
        problems.append(
            Problem(
                "mlp: widths must be at least two whole numbers above 0 (inputs, …, outputs), got "
                f"{list(widths)!r}. Write for instance hunch.mlp([64, 100, 10]).",
                "plan-mlp-widths",
            )
        )
    if activation not in KNOWN:
        problems.append(
            Problem(
                f"mlp: activation must be one of {', '.join(KNOWN)}, got {activation!r}.", "plan-activation"
            )
        )
    PlanError.raise_all(problems)
    return MLP(tuple(widths), activation)
