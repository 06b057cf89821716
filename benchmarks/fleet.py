"""What peers (b) and (c) share: masks from raw random bytes, the cheapest that torch offers, and batch orders."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.workloads import ORDER_STEPS, Workload, orders
from hunch.data import Data


class Batches:
    """The batches of a fleet, step after step: `next()` gives row numbers (rows, batch)."""

    def __init__(self, work: Workload, data: Data, rows: int, first_seed: int) -> None:
        drawn = orders(data.n, work.batch, range(first_seed, first_seed + rows))
        self.order = torch.from_numpy(drawn)
        self.at = 0

    def next(self) -> Tensor:
        """Row numbers of the next batch of every row."""
        chosen = self.order[self.at % ORDER_STEPS]
        self.at += 1
        return chosen


def threshold(work: Workload) -> int:
    """Of 256 values of a random byte, how many are kept. (Eight bits a unit are cheaper than Hunch's sixteen.)"""
    return round(256 * work.keep)


def random_bytes(shape: tuple[int, ...]) -> Tensor:
    """Uniform bytes, uint8: raw 64-bit words, much cheaper than `rand` or `bernoulli_`."""
    n = 1
    for side in shape:
        n *= side
    words = torch.empty((n + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.uint8)[:n].view(shape)
