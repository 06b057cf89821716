"""The four workloads of the benchmark: network, training, data, and what is promised of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hunch.data import Data, load
from hunch.plan import Arm

ORDER_STEPS = 200  # batch orders are drawn for so many steps beforehand, then used again


@dataclass(frozen=True)
class Workload:
    """A network and how it is trained.

    Args:
        name: W1 … W4.
        widths: Inputs, hidden widths, outputs.
        activation: `sigmoid` or `relu`.
        has_norm: Whether batch norm stands before each activation.
        keep: Keep probability behind each activation; 1: no dropout.
        optimizer: `sgd`, `momentum` (0.9) or `adam`.
        lr: Learning rate.
        batch: Examples a step.
        data: `digits` (embedded) or `random` (the shape of MNIST).
        times_floor: The native step may cost so many times its floor; None: nothing is promised.
        times_faster: Peer → how many times faster than it the native step is promised to be.
        rows: Peer → fleet sizes that are tried; the best is reported.
        chunk: Steps that a peer makes in one call.
    """

    name: str
    widths: tuple[int, ...]
    activation: str
    has_norm: bool
    keep: float
    optimizer: str
    lr: float
    batch: int
    data: str
    times_floor: float | None = None
    times_faster: dict[str, float] = field(default_factory=dict)
    rows: dict[str, tuple[int, ...]] = field(default_factory=dict)
    chunk: int = 50

    @property
    def text(self) -> str:
        """In one line."""
        parts = ["-".join(map(str, self.widths))]
        if self.has_norm:
            parts.append("batch norm")
        parts.append(self.activation)
        if self.keep < 1:
            parts.append(f"dropout {self.keep:.3g}")
        return ", ".join([*parts, self.optimizer, f"batch {self.batch}"])

    @property
    def products(self) -> int:
        """Floating-point operations of a step's matrix products: the first layer needs no input gradient."""
        pairs = [a * b for a, b in zip(self.widths, self.widths[1:], strict=False)]
        return 2 * self.batch * (2 * pairs[0] + 3 * sum(pairs[1:]))

    def arm(self) -> Arm:
        """The same as an arm of Hunch."""
        return Arm(
            self.name,
            norm="batch" if self.has_norm else None,
            keep_prob=self.keep if self.keep < 1 else None,
            optimizer=self.optimizer,
            lr=self.lr,
            batch_size=self.batch,
        )

    def network(self) -> nn.Sequential:
        """The same as a user writes it, initialised as torch does."""
        layers: list[nn.Module] = []
        for k, (n_in, n_out) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            layers.append(nn.Linear(n_in, n_out))
            if k == len(self.widths) - 2:
                break
            if self.has_norm:
                layers.append(nn.BatchNorm1d(n_out))
            layers.append(nn.Sigmoid() if self.activation == "sigmoid" else nn.ReLU())
            if self.keep < 1:
                layers.append(nn.Dropout(1 - self.keep))
        return nn.Sequential(*layers)

    def initial(self, seed: int) -> nn.Sequential:
        """The network of a row before its first step."""
        torch.manual_seed(seed)
        return self.network()


_FLEETS = {"vmap": (64, 256), "compile": (64,), "jax": (64, 256)}
WORKLOADS = (
    Workload(
        "W1", (64, 32, 32, 10), "sigmoid", True, 0.8, "momentum", 0.1, 64, "digits",
        times_floor=1.5, times_faster={"loop": 25, "vmap": 10, "compile": 3, "jax": 3}, rows=_FLEETS,
    ),
    Workload(
        "W2", (784, 100, 100, 100, 10), "sigmoid", True, 1.0, "sgd", 0.5, 60, "random",
        times_floor=1.3, times_faster={"loop": 2, "vmap": 1, "compile": 1, "jax": 1},
        rows={"vmap": (8, 32), "compile": (8,), "jax": (8, 32)}, chunk=20,
    ),
    Workload(
        "W3", (784, 512, 512, 10), "relu", True, 0.5, "adam", 1e-3, 128, "random",
        times_faster={"loop": 1, "vmap": 1, "compile": 1, "jax": 1},
        rows={"vmap": (2, 8), "compile": (4,), "jax": (2, 8)}, chunk=10,
    ),
    Workload(
        "W4", (64, 12, 10), "relu", False, 11 / 12, "momentum", 0.05, 50, "digits",
        times_faster={"loop": 30, "vmap": 1, "compile": 1, "jax": 1},
        rows={"vmap": (64, 256), "compile": (256,), "jax": (64, 256)},
    ),
)  # fmt: skip


def workload(name: str) -> Workload:
    """A workload by name; `wide:512` is W1 with hidden layers of 512, for the sweep over widths."""
    if name.startswith("wide:"):
        width = int(name.removeprefix("wide:"))
        return replace(WORKLOADS[0], name=name, widths=(64, width, width, 10), lr=0.01)
    return next(w for w in WORKLOADS if w.name == name)


def write_random_data(folder: Path, n: int) -> None:
    """Random data of MNIST's shape (784 inputs, 10 classes): a blurred prototype a class plus noise, in [0,
    1].

    The values play no part in the time of a step; that they can be learnt lets the costs be compared.
    """
    rng = np.random.default_rng(0)
    prototypes = rng.random((10, 784), dtype=np.float32)
    for part, size in (("train", n), ("held", max(100, n // 6))):
        y = rng.integers(0, 10, size)
        x = rng.random((size, 784), dtype=np.float32)
        x *= 0.7
        x += 0.3 * prototypes[y]
        np.save(folder / f"{part}_x.npy", x)
        np.save(folder / f"{part}_y.npy", y.astype(np.int64))


def data_for(work: Workload, folder: Path) -> Data:
    """The data of a workload; the random ones are mapped from files, so that processes share them."""
    if work.data == "digits":
        return load("digits")
    x, x_held = (np.load(folder / f"{part}_x.npy", mmap_mode="c") for part in ("train", "held"))
    y, y_held = (np.load(folder / f"{part}_y.npy") for part in ("train", "held"))
    ones = np.ones(1)
    return Data(x, y, x_held, y_held, True, 10, ones, 0 * ones, "random, the shape of MNIST", "0" * 64)


def orders(n: int, batch: int, seeds: range) -> np.ndarray:
    """Row numbers of each step's batch, int64 (steps, rows, batch): permutations drawn before anything is timed."""
    a_epoch = n // batch
    epochs = -(-ORDER_STEPS // a_epoch)
    rows = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        parts = [rng.permutation(n)[: a_epoch * batch].reshape(a_epoch, batch) for _ in range(epochs)]
        rows.append(np.concatenate(parts)[:ORDER_STEPS])
    return np.stack(rows, axis=1)
