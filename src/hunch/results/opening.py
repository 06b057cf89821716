"""`open`: a stored study, as whatever made it returned it."""

from __future__ import annotations

import os
from pathlib import Path

from hunch.results.doses import DoseResponse
from hunch.results.equivalence import Equivalence
from hunch.results.search import Search
from hunch.results.study import Study
from hunch.results.tunability import Tunability, TunabilityPart
from hunch.traces import read_study


def open(path: str | os.PathLike[str]) -> Study | DoseResponse | Equivalence | Tunability:
    """Open a stored study; needs no torch, and never disturbs a study that is being written.

    Args:
        path: The study file.

    Returns:
        The study, with the runs that have finished so far; a `DoseResponse` where `hunch.tune` stored it, an
        `Equivalence` where `hunch.equivalent` did, a `Tunability` where `hunch.tunability` did, and so on.

    Raises:
        StoreError: If it is not there, is no study, is damaged, or was made by a newer version.
    """
    stored = read_study(path)
    parts = (stored.plan, stored.facts, stored.provenance, stored.table)
    if stored.plan.doses is not None:
        if stored.plan.doses.asks == "tunability":
            return Tunability({"": TunabilityPart(*parts, path=Path(path))})
        kind = Equivalence if stored.plan.doses.asks == "equivalent" else DoseResponse
        return kind(*parts, path=path)
    if stored.plan.search is not None:
        return Search(*parts, path=path)
    return Study(*parts, path=path)
