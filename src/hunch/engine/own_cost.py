"""A cost of the user's own: a function (outputs, targets) → what each example costs; its name, and what it must do."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from hunch.data import Data
from hunch.engine.contract import Engine, Job, Result, Setting
from hunch.engine.inputs import call, to_inputs
from hunch.engine.own_cost_name import CostFunction, OwnCost, own_cost_name
from hunch.errors import NetworkError, PlanError
from hunch.network import seeded

_LOOKED_AT = 32
_SLUG = "plan-cost-function"


@dataclass(eq=False)
class OwnCostEngine:
    """An engine that knows the function behind the cost's name.

    Args:
        engine: Trains.
        own: The cost.
    """

    engine: Engine
    own: OwnCost

    def __post_init__(self) -> None:
        """Go by the engine's own name."""
        self.name = self.engine.name

    def detail(self) -> str:
        """As of the engine."""
        return self.engine.detail()

    def train(
        self, setting: Setting, jobs: Sequence[Job], *, keep_networks: bool = False
    ) -> Iterator[Result]:
        """As the engine does."""
        assert setting.cost == self.own.name
        return self.engine.train(replace(setting, cost=self.own), jobs, keep_networks=keep_networks)


def read_own_cost(function: CostFunction, network: nn.Module, data: Data, n_outputs: int) -> OwnCost:
    """The cost, once it has shown on some examples that it is one.

    Args:
        function: What the user gave.
        network: The network as built; a copy of it gives the outputs.
        data: The data.
        n_outputs: Outputs of the network for one example.

    Raises:
        PlanError: If it does not give one finite, differentiable number an example that depends on that example alone.
        NetworkError: If the error that is reported beside it cannot be told: amounts need an output for each column.
    """
    if isinstance(function, type):
        raise PlanError(
            f"cost is the class {function.__name__}, not yet a function. Write "
            f'cost={function.__name__}(reduction="none"), as torch\'s own losses have it.',
            _SLUG,
        )
    own = OwnCost(own_cost_name(function), function)
    if not data.labels and data.y.shape[1] != n_outputs:
        raise NetworkError(
            f"y has {_counted(data.y.shape[1], 'column')}, but the network has {_counted(n_outputs, 'output')}. Beside "
            "your cost the root mean squared error of outputs against y is reported, which needs as many of both.",
            "data-outputs-columns",
        )
    n = min(_LOOKED_AT, data.n)
    like = next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(1))
    with seeded(0), torch.no_grad():
        outputs = call(copy.deepcopy(network).eval(), to_inputs(data.x[:n].copy(), like.dtype)).detach()
        targets = torch.from_numpy(data.y[:n].copy())
    if targets.is_floating_point():
        targets = targets.to(like.dtype)
    with seeded(0):
        check_own_cost(own, outputs, targets)
    return own


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def check_own_cost(own: OwnCost, outputs: Tensor, targets: Tensor) -> None:
    """Refuse what is no cost an example.

    Args:
        own: The cost.
        outputs: Shape (n, outputs).
        targets: Shape (n,) of labels, or (n, outputs).

    Raises:
        PlanError: Says what it gave, and how to mend it.
    """
    n, name = len(outputs), f"your cost `{own.called}`"
    leaf = outputs.clone().requires_grad_()
    try:
        each = own.function(leaf, targets.clone())
    except Exception as error:
        raise PlanError(
            f"{name} raised {type(error).__name__} on outputs of shape {tuple(outputs.shape)} and targets of shape "
            f"{tuple(targets.shape)} ({str(targets.dtype).removeprefix('torch.')}): {error}. It is called as "
            "cost(outputs, targets) and must give what each example costs.",
            _SLUG,
        ) from error
    _check_shape(own, each, n)
    wrong = ~each.isfinite()
    if wrong.any():
        raise PlanError(
            f"{name} gives {each[wrong][0].item()} for {int(wrong.sum())} of {n} examples under an untrained network. "
            "Bound what it takes the logarithm of or divides by.",
            _SLUG,
        )
    gradient = None
    if each.requires_grad:
        (gradient,) = torch.autograd.grad(each.sum(), leaf, allow_unused=True)
    if gradient is None:
        raise PlanError(
            f"{name} has no gradient with respect to the outputs, so nothing can be learnt from it. Leave out what "
            "stops the gradient: argmax, comparisons, .item(), .detach(), NumPy.",
            _SLUG,
        )
    if not gradient.isfinite().all():
        raise PlanError(
            f"{name} has a gradient that is not finite under an untrained network. Bound what it takes the root or the "
            "logarithm of.",
            _SLUG,
        )
    _check_alone(own, outputs, targets, each.detach())


def _check_shape(own: OwnCost, each: object, n: int) -> None:
    name = f"your cost `{own.called}`"
    if not isinstance(each, Tensor):
        raise PlanError(f"{name} must give a torch tensor, got {type(each).__name__}.", _SLUG)
    if each.ndim == 0:
        raise PlanError(
            f"{name} gives a single number for {n} examples, but must give one for each, shape ({n},); Hunch takes the "
            'mean itself. With torch\'s own losses write reduction="none".',
            _SLUG,
        )
    if each.shape != (n,):
        hint = " Write .mean(dim=1) behind it." if each.ndim == 2 and len(each) == n else ""
        raise PlanError(
            f"{name} must give one number for each of {n} examples, shape ({n},), got {tuple(each.shape)}.{hint}",
            _SLUG,
        )
    if not each.is_floating_point():
        raise PlanError(
            f"{name} gives {str(each.dtype).removeprefix('torch.')}; a cost is a floating-point number.",
            _SLUG,
        )


def _check_alone(own: OwnCost, outputs: Tensor, targets: Tensor, each: Tensor) -> None:
    """Whether what an example costs depends on that example alone: not on chance, its place or the others."""
    name = f"your cost `{own.called}`"

    def again(rows: Tensor) -> Tensor:
        with torch.no_grad():
            found = own.function(outputs[rows].clone(), targets[rows].clone())
        _check_shape(own, found, len(rows))
        return found

    everything = torch.arange(len(outputs))
    if not torch.equal(again(everything), each):
        raise PlanError(
            f"{name} gives other numbers for the same outputs and targets: it draws, or it remembers. A run could not "
            "be repeated; take the randomness out.",
            _SLUG,
        )
    half = everything[: max(1, len(outputs) // 2)]
    for rows in (everything.flip(0), half, everything.repeat(2)):
        found = again(rows)
        apart = (found - each[rows]).abs() > 1e-5 + 1e-4 * each[rows].abs()
        if apart.any():
            k = int(apart.nonzero()[0, 0])
            raise PlanError(
                f"{name} is no cost an example: the same example costs {each[rows][k].item():.4g} among {len(each)} "
                f"examples and {found[k].item():.4g} among {len(rows)}, or in another order. Take out what belongs to "
                "the whole batch: its mean, its class frequencies, pairs of examples.",
                _SLUG,
            )
