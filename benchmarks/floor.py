"""The floor: a step's matrix products at the machine's best rate for large float32 products."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.workloads import Workload
from hunch.data import Data

SIZES = (1024, 2048)


class Floor:
    """Times `torch.mm` of large square matrices; `run(size)` makes one product of that size."""

    def __init__(self, work: Workload, data: Data, rows: int, first_seed: int) -> None:
        self.a = {n: torch.randn(n, n) for n in SIZES}
        self.out = {n: torch.empty(n, n) for n in SIZES}

    def run(self, size: int) -> None:
        """Multiply, about 2 · 2048³ · 4 operations whatever the size."""
        for _ in range(4 * (max(SIZES) // size) ** 3):
            torch.mm(self.a[size], self.a[size], out=self.out[size])

    def networks(self) -> list[nn.Module]:
        """None."""
        return []


def operations(size: int) -> int:
    """Floating-point operations of one `Floor.run`."""
    return 4 * (max(SIZES) // size) ** 3 * 2 * size**3
