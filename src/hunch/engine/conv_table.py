"""Which way the convolutions of a fleet go: by a measured table that is part of the project.

`make tune-kernels` measures it anew. The ways round differently, so the table's hash is part of what a study stores of
its engine, and nothing is timed inside of a study.
"""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache
from importlib.resources import files

from torch import Tensor

DIRECT, GROUPED, UNFOLD, ROWS = "direct", "grouped", "unfold", "rows"
_FILE = "conv_table.json"
SIZES = ("channels", "outs", "kernel", "side")


def conv_way(x: Tensor, w: Tensor, groups: int) -> str:
    """The way for a layer of that shape on that device; it never depends on the number of rows.

    Args:
        x: Inputs, shape (rows, examples, channels, height, width).
        w: Weights, shape (rows, out, channels / groups, kernel height, kernel width).
        groups: Groups of the convolution.
    """
    if x.device.type != "cpu":
        return GROUPED
    if groups > 1:
        return ROWS
    return _nearest(x.shape[2], w.shape[1], max(w.shape[3:]), max(x.shape[3:]))


@lru_cache(maxsize=4096)
def _nearest(*sizes: int) -> str:
    """The way of the shape in the table that is nearest, by ratios."""

    def apart(row: dict[str, object]) -> float:
        return sum(math.log(have / int(str(row[name]))) ** 2 for have, name in zip(sizes, SIZES, strict=True))

    return str(min(table(), key=apart)["way"])


@lru_cache(maxsize=1)
def table() -> list[dict[str, object]]:
    """The rows of the table: a shape, and the way that was fastest for it."""
    return json.loads(files("hunch.engine").joinpath(_FILE).read_text(encoding="ascii"))["rows"]


@lru_cache(maxsize=1)
def table_hash() -> str:
    """Eight hexadecimal digits that change with the table."""
    return hashlib.sha256(json.dumps(table(), sort_keys=True).encode()).hexdigest()[:8]
