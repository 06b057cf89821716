"""Finding a hunch among the families."""

from __future__ import annotations

from difflib import get_close_matches

from hunch.catalogue import batch_norm, dropout, l2, together
from hunch.catalogue.hunch import Hunch
from hunch.errors import PlanError


def families() -> dict[str, tuple[Hunch, ...]]:
    """Family → its hunches, in the order of the catalogue.

    Example:
        >>> list(families())
        ['batch norm', 'dropout', 'L2', 'together']
    """
    return {
        "batch norm": batch_norm.HUNCHES,
        "dropout": dropout.HUNCHES,
        "L2": l2.HUNCHES,
        "together": together.HUNCHES,
    }


def hunches() -> tuple[Hunch, ...]:
    """All hunches of the catalogue, family by family.

    Example:
        >>> [hunch.name for hunch in hunches()][0]
        'bn-fewer-iterations'
    """
    return tuple(hunch for family in families().values() for hunch in family)


def find(name: str) -> Hunch:
    """The hunch of that name.

    Args:
        name: A name as `hunch list` shows it.

    Raises:
        PlanError: If there is none; the text names the nearest.

    Example:
        >>> find("bn-before-activation").claims[0].text
        'before faster than after'
    """
    by_name = {hunch.name: hunch for hunch in hunches()}
    if name in by_name:
        return by_name[name]
    near = get_close_matches(str(name).strip().lower().replace("_", "-"), by_name, n=1, cutoff=0.5)
    hint = f'Did you mean "{near[0]}"? ' if near else ""
    raise PlanError(
        f"the catalogue has no hunch {name!r}. {hint}It has {', '.join(by_name)}. "
        "`hunch list` says what each of them states.",
        "catalogue-unknown-hunch",
    )
