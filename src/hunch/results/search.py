"""`Search`: the settings that a search found, and whether they beat the default on fresh seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hunch.evidence import number, seeds_text
from hunch.plan import SearchPlan
from hunch.results.study import Study
from hunch.results.writing import plain

if TYPE_CHECKING:
    import pandas as pd


class Search(Study):
    """A study of two arms, `default` and `best`; the settings of `best` were searched for.

    `.verdicts[0]` says whether the best beats the default on fresh seeds; `.best` are its settings.
    """

    @property
    def best(self) -> dict[str, Any]:
        """The settings that were best in the search; empty before it is over."""
        found = self._search.best
        return {} if found is None else dict(found.settings)

    def tried(self) -> pd.DataFrame:
        """The suggestions in their order, one row each.

        Returns:
            A column a setting, then `outcome` (the mean over the seeds of the search, of what was to be low:
            optimistic for the best of many; natural log of iterations) and `diverged`, the share of runs that did.
        """
        import pandas as pd

        rows = [
            {**dict(t.settings), "outcome": t.outcome, "diverged": t.diverged} for t in self._search.tried
        ]
        columns = [*(axis.name for axis in self._search.space), "outcome", "diverged"]
        return pd.DataFrame(rows, columns=pd.Index(columns))

    def to_json(self) -> dict[str, Any]:
        """As `Study.to_json`, with `best`, the settings found."""
        return super().to_json() | {"best": plain(self.best)}

    def __str__(self) -> str:
        """What was searched and found, then the verdict on fresh seeds."""
        found = self._search
        axes = ", ".join(axis.name for axis in found.space)
        if found.best is None:
            return f"search of {axes}: not finished; the same call with the same store goes on"
        settings = ", ".join(f"{name}={_shown(value)}" for name, value in found.best.settings)
        n_bad = int(np.sum([t.diverged > 0 for t in found.tried]))
        bad = f", {n_bad} of which diverged at some seed" if n_bad else ""
        return (
            f"search of {axes}: {len(found.tried)} suggestions{bad}, each on {seeds_text(len(found.seeds))} "
            f"({found.sampler})\nbest: {settings}\n{super().__str__()}"
        )

    @property
    def _search(self) -> SearchPlan:
        assert self.plan.search is not None, "only plans of searches come here"
        return self.plan.search


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
