"""What a network that ignores its input would cost at best under a cost of the user's own, found by descent."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch import Tensor

from hunch.data import Data
from hunch.engine.loop import one_thread
from hunch.engine.own_cost_name import OwnCost
from hunch.errors import PlanError

_STEPS = 500
_NO_MINIMUM = 1e6  # how many times its first value a mean cost may fall below 0 before it is called unbounded


class _NowhereFiniteError(Exception):
    """The cost is not finite at the start."""


def best_constant(own: OwnCost, data: Data, n_outputs: int) -> Tensor:
    """The one vector of outputs that costs least on average over the training part, float64 (outputs,).

    Found by L-BFGS from zeros and from what the targets suggest: log frequencies of the classes, or the mean and the
    median of amounts. The best vector that was seen counts, also where the cost has kinks or no minimum is attained.

    Args:
        own: The cost.
        data: The data.
        n_outputs: Outputs of the network for one example.

    Raises:
        PlanError: If the mean cost of a constant has no lower bound, or is finite nowhere.
    """
    y, weights = _targets(data)
    best: list[tuple[float, Tensor]] = []
    with one_thread():
        for start in _starts(data, n_outputs):
            found = _descend(own, start, y, weights)
            if found is not None:
                best.append(found)
    if not best:
        raise PlanError(
            f"your cost `{own.called}` is finite at no constant output that was tried, so that there is no yardstick "
            "for what was learnt (the cost of predicting a constant). Let it take raw outputs of any size, as "
            "torch.nn.functional.cross_entropy does.",
            "plan-cost-function",
        )
    return min(best, key=lambda pair: pair[0])[1]


def losses_of_constant(own: OwnCost, constant: Tensor, y: np.ndarray) -> np.ndarray:
    """What that constant costs at each of these targets, float64 (n,)."""
    with one_thread(), torch.no_grad():
        return _each(own, constant, torch.from_numpy(np.ascontiguousarray(y))).double().numpy()


def _targets(data: Data) -> tuple[Tensor, Tensor]:
    """(targets, the share of each in the training part): of labels each class once."""
    if not data.labels:
        return torch.from_numpy(data.y), torch.full((data.n,), 1 / data.n, dtype=torch.float64)
    known, counts = np.unique(data.y, return_counts=True)
    return torch.from_numpy(known), torch.from_numpy(counts / data.n)


def _starts(data: Data, n_outputs: int) -> list[Tensor]:
    starts = [torch.zeros(n_outputs, dtype=torch.float64)]
    if data.labels and n_outputs >= data.n_classes:
        counts = np.bincount(data.y, minlength=n_outputs)
        starts.append(torch.from_numpy(np.log((counts + 0.5) / data.n)))
    elif not data.labels:
        starts += [torch.from_numpy(f(data.y.astype(np.float64), axis=0)) for f in (np.mean, np.median)]
    return starts


def _descend(own: OwnCost, start: Tensor, y: Tensor, weights: Tensor) -> tuple[float, Tensor] | None:
    """(lowest mean cost, where) that was seen on the way down from the start; None if none was finite."""
    constant = start.clone().requires_grad_()
    seen: list[tuple[float, Tensor]] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        mean = (_each(own, constant, y).double() * weights).sum()
        mean.backward()
        assert constant.grad is not None
        if not (mean.isfinite() and constant.grad.isfinite().all()):
            if not seen:
                raise _NowhereFiniteError
            # A wall, so that the line search turns back: a cost of positive outputs ends at 0.
            constant.grad.zero_()
            return torch.tensor(seen[-1][0] + 10 * (1 + abs(seen[-1][0])))
        if not seen or mean.item() < seen[-1][0]:
            seen.append((mean.item(), constant.detach().clone()))
        if seen[-1][0] < -_NO_MINIMUM * (1 + abs(seen[0][0])):
            raise PlanError(
                f"your cost `{own.called}` falls without end as a constant output grows, so that there is no yardstick "
                "for what was learnt (the cost of predicting a constant). If it expects probabilities or their "
                "logarithms, take the softmax out of the network and into the cost.",
                "plan-cost-function",
            )
        return mean

    optimizer = torch.optim.LBFGS(
        [constant],
        max_iter=_STEPS,
        tolerance_grad=1e-12,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )
    with contextlib.suppress(_NowhereFiniteError):
        optimizer.step(closure)
    return seen[-1] if seen else None


def _each(own: OwnCost, constant: Tensor, y: Tensor) -> Tensor:
    """Costs in float64, or in float32 where the function holds tensors of that type and mixes no others."""
    wide = y.double() if y.is_floating_point() else y
    try:
        return own.function(constant.expand(len(y), -1), wide)
    except RuntimeError:
        return own.function(constant.float().expand(len(y), -1), y)
