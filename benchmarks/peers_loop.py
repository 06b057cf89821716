"""Peer (a): the plain PyTorch loop as a user writes it, one network after another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.workloads import Workload
from hunch.data import Data


def make_optimizer(work: Workload, network: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of a workload, with torch's defaults."""
    if work.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), lr=work.lr)
    momentum = 0.9 if work.optimizer == "momentum" else 0.0
    return torch.optim.SGD(network.parameters(), lr=work.lr, momentum=momentum)


class Loop:
    """The loop; `rows` networks are trained one after another."""

    def __init__(self, work: Workload, data: Data, rows: int, first_seed: int) -> None:
        self.work = work
        self.x, self.y = torch.from_numpy(data.x), torch.from_numpy(data.y)
        self.rows = [work.initial(first_seed + k) for k in range(rows)]
        self.optimizers = [make_optimizer(work, row) for row in self.rows]
        self.cost = nn.CrossEntropyLoss()

    def run(self, steps: int) -> None:
        """Train every row for so many steps."""
        for network, optimizer in zip(self.rows, self.optimizers, strict=True):
            network.train()
            self._train(network, optimizer, steps)

    def _train(self, network: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
        batch, done = self.work.batch, 0
        while True:
            order = torch.randperm(len(self.x))
            for at in range(0, len(order) - batch + 1, batch):
                if done == steps:
                    return
                chosen = order[at : at + batch]
                optimizer.zero_grad()
                self.cost(network(self.x[chosen]), self.y[chosen]).backward()
                optimizer.step()
                done += 1

    def networks(self) -> list[nn.Module]:
        """The networks as they stand."""
        return list(self.rows)


def training_slice_costs(networks: list[nn.Module], x: Tensor, y: Tensor) -> list[float]:
    """The cost of each network in eval mode."""
    cost = nn.CrossEntropyLoss()
    out = []
    with torch.no_grad():
        for network in networks:
            network.eval()
            out.append(cost(network(x), y).item())
    return out
