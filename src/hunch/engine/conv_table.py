"""Which way the convolutions of a fleet go."""

from __future__ import annotations

from torch import Tensor

DIRECT, GROUPED, UNFOLD, ROWS = "direct", "grouped", "unfold", "rows"


def conv_way(x: Tensor, w: Tensor, groups: int) -> str:
    """The way for a layer of that shape on that device; it never depends on the number of rows."""
    if x.device.type != "cpu":
        return GROUPED
    return ROWS if groups > 1 else DIRECT
