"""Which way the convolutions of a fleet go."""

from __future__ import annotations

from typing import Any

from torch import Tensor

GROUPED, UNFOLD, ROWS = "grouped", "unfold", "rows"


def conv_way(x: Tensor, w: Tensor, stride: Any, padding: Any, dilation: Any, groups: int) -> str:
    """The way for a layer of that shape on that device; it never depends on the number of rows."""
    if groups > 1:
        return ROWS
    return UNFOLD
