"""`make tune-kernels`: which way a fleet's convolutions are fastest on this CPU; writes the engine's table.

A table made anew changes bits: studies that were begun with another one cannot be resumed, and say so.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
from pathlib import Path

import torch

import hunch.engine.fleet_convs as convs
from hunch.engine.conv_table import DIRECT, ROWS, UNFOLD

FILE = Path(convs.__file__).parent / "conv_table.json"
ROWS_AT_ONCE, EXAMPLES, ROUNDS = 3, 32, 5


def seconds(way: str, channels: int, outs: int, kernel: int, side: int) -> float:
    """Processor time of forward and backward, median of rounds."""
    source = torch.Generator().manual_seed(0)
    x = torch.randn(ROWS_AT_ONCE, EXAMPLES, channels, side, side, generator=source).requires_grad_(
        channels > 3
    )
    w = torch.randn(ROWS_AT_ONCE, outs, channels, kernel, kernel, generator=source).requires_grad_()
    took = []
    for _ in range(ROUNDS + 1):
        started = time.thread_time()
        y = convs.fleet_conv(x, w, None, (1, 1), (kernel // 2,) * 2, (1, 1), 1, way)
        torch.autograd.grad(y.sum(), (x, w) if channels > 3 else (w,))
        took.append(time.thread_time() - started)
    return statistics.median(took[1:])


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    rows = []
    for channels, outs, kernel, side in itertools.product(
        (1, 3, 8, 16, 32, 64, 128), (8, 16, 32, 64, 128), (1, 3, 5), (4, 8, 16, 32)
    ):
        if channels * outs * kernel**2 * side**2 > 64 * 64 * 9 * 16**2:
            continue  # a second a call
        found = {way: seconds(way, channels, outs, kernel, side) for way in (DIRECT, UNFOLD, ROWS)}
        best = min(found, key=lambda way: found[way])
        rows.append({"channels": channels, "outs": outs, "kernel": kernel, "side": side, "way": best})
        print(
            rows[-1],
            {way: f"{took * 1e6:,.0f} µs" for way, took in found.items()},
            file=sys.stderr,
            flush=True,
        )
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    FILE.write_text(f'{{"rows": [\n{lines}\n]}}\n', encoding="ascii")


if __name__ == "__main__":
    main()
