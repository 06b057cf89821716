"""Norms by the shape of what they normalise: features in a row, or channels of a map."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from hunch.network.layout import Site
from hunch.network.map_norm import MapRMSNorm

LEAST_GROUP = 8  # units; a group of one is always 0, and training with groups of two to four is chaotic
LEAST_GROUP_OF_MAPS = 2  # channels; a group also averages over the map's positions

_BATCH = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def is_norm(module: nn.Module | None, kind: str, *, is_map: bool = False) -> bool:
    """Whether a module is a norm of that kind; on maps a group norm of one group is the layer norm."""
    if kind == "batch":
        return isinstance(module, BatchNorm)
    if kind == "rms":
        return isinstance(module, nn.RMSNorm | MapRMSNorm)
    if kind == "layer":
        return isinstance(module, nn.LayerNorm) or (
            is_map and isinstance(module, nn.GroupNorm) and module.num_groups == 1
        )
    return isinstance(module, nn.GroupNorm)


def norm_refusal(kind: str, site: Site, *, is_row: bool) -> str:
    """Why a norm of that kind cannot stand behind a layer, in words; empty: it can.

    Args:
        kind: `"batch"`, `"layer"`, `"rms"` or `"group"`.
        site: The layer.
        is_row: Whether its value is known to be one row of units an example where its axes were not measured.
    """
    if kind not in ("batch", "group") or site.is_map or site.ndim == 2 or (site.ndim is None and is_row):
        return ""
    if site.ndim is None:
        return "the axes of its value are not known without running it; give two examples: inputs=X[:2]"
    return (
        f"its value has {site.ndim} axes with the units last, where {kind} norm would take the second for the units; "
        "use norm='layer' or norm='rms'"
    )


def groups_of(width: int, least: int = LEAST_GROUP) -> int:
    """The largest divisor of the width, up to 32, that leaves at least `least` units a group; else 1.

    Example:
        >>> groups_of(32), groups_of(7), groups_of(16, least=2)
        (4, 1, 8)
    """
    return max(g for g in range(1, 33) if width % g == 0 and (g == 1 or width // g >= least))


def norm_for(kind: str, site: Site) -> nn.Module:
    """A fresh norm behind a layer, on its device and in its number type: eps 1e-5, affine, momentum 0.1.

    A map gets `BatchNorm1d`, `2d` or `3d` by its axes; `GroupNorm` of one group for layer norm; `MapRMSNorm`.
    """
    weight, width = site.module.weight, site.n_units
    assert isinstance(weight, Tensor)
    where = {"device": weight.device, "dtype": weight.dtype}
    if kind == "batch":
        return _BATCH[site.ndim or 2](width, **where)
    if not site.is_map:
        if kind == "layer":
            return nn.LayerNorm(width, **where)
        if kind == "rms":
            return nn.RMSNorm(width, eps=1e-5, **where)
        return nn.GroupNorm(groups_of(width), width, **where)
    if kind == "rms":
        return MapRMSNorm(width, **where)
    return nn.GroupNorm(1 if kind == "layer" else groups_of(width, LEAST_GROUP_OF_MAPS), width, **where)
