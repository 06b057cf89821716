"""`test`: a hunch of the catalogue, on the embedded data or on the user's own network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from hunch.catalogue import find
from hunch.network import mlp
from hunch.results import Study
from hunch.study.compare import compare


def test(name: str, build: Callable[[], nn.Module] | None = None, data: Any = None, **compares: Any) -> Study:
    """Test a hunch of the catalogue.

    Args:
        name: Name of the hunch; `hunch list` shows them.
        build: Makes the network. None: the hunch's own, embedded one.
        data: As for `compare`. None: the embedded digits.
        **compares: Any keyword of `compare`; what is given goes before the hunch's plan. Nothing is stored
            unless `store=` is given, and tuning is `"auto"`: replicated where a fast engine serves, else
            once.

    Returns:
        The study.

    Raises:
        PlanError: If there is no such hunch; and what `compare` raises.

    Example:
        >>> import hunch
        >>> study = hunch.test("bn-fewer-iterations", seeds=6, budget=30, target=2.2, progress=False,
        ...                    base=hunch.Arm("base", lr=1.0))
        >>> len(study.verdicts)
        1
    """
    hunch = find(name)
    settings: dict[str, Any] = {
        "arms": hunch.arms,
        "claims": hunch.claims,
        "base": hunch.base,
        "metric": hunch.metric,
        "seeds": hunch.seeds,
        "budget": hunch.budget,
        "tuning": "auto",
        **compares,
    }
    if build is None:
        build = mlp(hunch.widths, hunch.activation)
    return compare(build, "digits" if data is None else data, **settings)


test.__test__ = False  # type: ignore[attr-defined]  # pytest must not take the verb for a test
