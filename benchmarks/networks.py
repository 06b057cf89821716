"""W5 to W7: networks that are no chains, in fleets, against the loop and vmap as people write them.

`python -m benchmarks.networks [--rounds 5] [--only W5a …]` prints a table each: microseconds of a row's training
step, all cores busy; medians of rounds that alternate between the contestants.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional as F  # noqa: N812

from benchmarks.team import cores
from hunch.data import Data, load
from hunch.engine import Job, Setting
from hunch.engine.fleet import Fleet
from hunch.engine.fleet_rows import fleet_row
from hunch.engine.team import in_workers
from hunch.network import build_network, inspect_network
from hunch.plan import Arm
from hunch.traces import RunKey

BATCH, RATE = 64, 0.01


class LeNet(nn.Module):
    """Two convolutions, three linear layers."""

    def __init__(self, side: int) -> None:
        super().__init__()
        kernel, padding, flat, widths = (3, 1, 64, (64, 32)) if side == 8 else (5, 0, 256, (120, 84))
        self.conv1, self.conv2 = (
            nn.Conv2d(1, 6, kernel, padding=padding),
            nn.Conv2d(6, 16, kernel, padding=padding),
        )
        self.fc1, self.fc2, self.fc3 = (
            nn.Linear(flat, widths[0]),
            nn.Linear(*widths),
            nn.Linear(widths[1], 10),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x.flatten(1))))))


CATEGORIES = (7, 12, 31, 5, 20, 100)


class Tabular(nn.Module):
    """Six embeddings of eight numbers beside six numbers, then 64 and 32 units."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, 8) for n in CATEGORIES)
        self.fc1, self.fc2, self.head = nn.Linear(54, 64), nn.Linear(64, 32), nn.Linear(32, 2)

    def forward(self, kinds: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Logits."""
        x = torch.cat([*(table(kinds[:, k]) for k, table in enumerate(self.tables)), numbers], dim=1)
        return self.head(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


class Block(nn.Module):
    """A residual block of a CIFAR ResNet; its shortcut is padded with zeros."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn1, self.bn2, self.stride, self.grown = (
            nn.BatchNorm2d(n_out),
            nn.BatchNorm2d(n_out),
            stride,
            n_out - n_in,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps."""
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.grown:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.grown))
        return torch.relu(x + y)


class ResNet20(nn.Module):
    """ResNet-20 for 32 × 32 colour images (He et al. 2016, section 4.2)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        widths = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks, self.head = nn.Sequential(*(Block(*w) for w in widths)), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return self.head(self.blocks(torch.relu(self.bn(self.stem(x)))).mean(dim=(2, 3)))


@dataclass(frozen=True)
class Work:
    """A workload: what is built, the inputs of one example, rows, steps of a round."""

    name: str
    build: Callable[[], nn.Module]
    side: tuple[int, ...] | None
    n_classes: int
    rows: int
    steps: int

    def data(self) -> Data:
        """Random numbers: speed does not depend on them."""
        rng = np.random.default_rng(0)
        n, y = 1200, rng.integers(0, self.n_classes, 1200)
        if self.side is None:
            kinds = np.stack([rng.integers(0, c, n) for c in CATEGORIES], axis=1)
            numbers = rng.normal(size=(n, 6)).astype(np.float32)
            parts = {"kinds": kinds, "numbers": numbers}
            first, rest = ({k: v[s] for k, v in parts.items()} for s in (slice(1000), slice(1000, None)))
            return load((first, y[:1000], rest, y[1000:]))
        x = rng.normal(size=(n, *self.side)).astype(np.float32)
        return load((x[:1000], y[:1000], x[1000:], y[1000:]))


WORKS = (
    Work("W5a: LeNet, 8 × 8, 64 rows", lambda: LeNet(8), (1, 8, 8), 10, 64, 20),
    Work("W5b: LeNet, 28 × 28, 64 rows", lambda: LeNet(28), (1, 28, 28), 10, 64, 8),
    Work("W6: embeddings and MLP, 64 rows", Tabular, None, 2, 64, 40),
    Work("W7: ResNet-20, 32 × 32, 8 rows", ResNet20, (3, 32, 32), 10, 8, 1),
)


def inputs_of(data: Data) -> tuple[torch.Tensor, ...]:
    """The inputs as tensors in the forward's order."""
    if data.x.dtype.names is None:
        return (torch.from_numpy(data.x),)
    return tuple(torch.from_numpy(np.ascontiguousarray(data.x[name])) for name in data.x.dtype.names)


def loop(work: Work, data: Data, rows: int, threads: int) -> Callable[[], float]:
    """The plain loop; what it returns trains `rows` networks and says how long that took."""
    torch.set_num_threads(threads)
    xs, y = inputs_of(data), torch.from_numpy(data.y)
    nets = [work.build() for _ in range(rows)]
    optimizers = [torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9) for net in nets]

    def run() -> float:
        started = time.perf_counter()
        for net, optimizer in zip(nets, optimizers, strict=True):
            for _ in range(work.steps):
                chosen = torch.randint(len(y), (BATCH,))
                optimizer.zero_grad()
                F.cross_entropy(net(*(x[chosen] for x in xs)), y[chosen]).backward()
                optimizer.step()
        return time.perf_counter() - started

    return run


def tutorial(work: Work, data: Data, rows: int, threads: int) -> Callable[[], float]:
    """`vmap(grad(…))` over stacked modules, as PyTorch's tutorial on model ensembling writes it; plain SGD."""
    torch.set_num_threads(threads)
    xs, y = inputs_of(data), torch.from_numpy(data.y)
    nets = [work.build() for _ in range(rows)]
    parameters, buffers = stack_module_state(nets)  # type: ignore[arg-type]
    parameters = {k: v.detach() for k, v in parameters.items()}

    def cost(p: Any, b: Any, y: torch.Tensor, *xs: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(functional_call(nets[0], (p, b), xs), y)

    gradients = vmap(grad(cost))

    def run() -> float:
        started = time.perf_counter()
        for _ in range(work.steps):
            chosen = torch.randint(len(y), (rows, BATCH))
            found = gradients(parameters, buffers, y[chosen], *(x[chosen] for x in xs))
            for name, p in parameters.items():
                p.sub_(found[name], alpha=RATE)
        return time.perf_counter() - started

    return run


def fleet(work: Work, data: Data, rows: int, threads: int) -> Callable[[], float]:
    """Hunch's fleet: training steps, with momentum."""
    torch.set_num_threads(threads)
    budget = 10**4
    sites = inspect_network(build_network(work.build, 0), data.x).sites
    setting = Setting(work.build, data, "cross_entropy", budget, sites, readings=False)
    arm = Arm("x", batch_size=BATCH, optimizer="momentum").resolved(data.n)
    jobs = [Job(RunKey("confirm", "x", seed, RATE, budget), arm, seed) for seed in range(rows)]
    made = Fleet(setting, [fleet_row(setting, job) for job in jobs])
    at = iter(range(budget))

    def run() -> float:
        started = time.perf_counter()
        for _ in range(work.steps):
            made.step(next(at))
        return time.perf_counter() - started

    return run


def measured(work: Work, rounds: int) -> dict[str, float]:
    """Median seconds a row's step of each contestant."""
    n, data = len(cores()), work.data()
    contestants: dict[str, tuple[Any, int, int]] = {
        "loop, one process, all threads": (loop, 1, n),
        "loop, one process a core": (loop, 1, 1),
        "vmap, one process, all threads": (tutorial, work.rows, n),
        "vmap, one process a core": (tutorial, -(-work.rows // n), 1),
        "Hunch's fleets, one process a core": (fleet, -(-work.rows // n), 1),
    }
    if work.name.startswith("W7"):
        del contestants["vmap, one process, all threads"]  # minutes a round
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, (make, rows, threads) in contestants.items():
            processes = 1 if threads == n and n > 1 else n

            def task(_: int, make: Any = make, rows: int = rows, threads: int = threads) -> Iterator[float]:
                run = make(work, data, rows, threads)
                run()
                yield min(run(), run())

            walls = [wall for _, wall in in_workers(list(range(processes)), task, processes)]
            seconds[name].append(max(walls) / (rows * processes * work.steps))
    return {name: statistics.median(each) for name, each in seconds.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    for work in WORKS:
        if asked.only and work.name.split(":")[0] not in asked.only:
            continue
        found = measured(work, asked.rounds)
        best = min(v for name, v in found.items() if name.startswith("loop"))
        print(f"\n{work.name}\n")
        print("| how | µs a row's step | times the best loop |\n|---|---|---|")
        for name, value in found.items():
            print(f"| {name} | {value * 1e6:,.0f} | {best / value:.2f} |", flush=True)


if __name__ == "__main__":
    main()
