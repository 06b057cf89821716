"""`Runs`: many seeds of one arm, with their trained networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from hunch.errors import PlanError
from hunch.evidence import number, percent
from hunch.plan import TRAIN, Plan
from hunch.results.export import Exports
from hunch.results.frames import curve_frame, reading_frame, run_frame
from hunch.results.writing import plain
from hunch.traces import Provenance, RunTable, StudyFacts

if TYPE_CHECKING:
    import pandas as pd


class Runs(Exports):
    """What `hunch.train` returns: many seeds of one arm, and their trained networks.

    `len(runs)` is the number of runs; iterating gives their seeds.

    Args:
        plan: The plan: one arm, no claims.
        facts: Facts of network and data.
        provenance: Where and when.
        table: The runs.
        make_network: Makes the trained network of a seed, a fresh `nn.Module` at each call.
    """

    def __init__(
        self,
        plan: Plan,
        facts: StudyFacts,
        provenance: Provenance,
        table: RunTable,
        *,
        make_network: Callable[[int], Any],
    ) -> None:
        """Keep the parts; networks are made when asked for."""
        self.plan, self.facts, self.provenance, self.table = plan, facts, provenance, table
        self._make_network = make_network

    @property
    def seeds(self) -> Sequence[int]:
        """The run seeds."""
        return self.plan.seeds

    def __len__(self) -> int:
        """How many runs."""
        return len(self.plan.seeds)

    def __iter__(self) -> Iterator[int]:
        """The run seeds."""
        return iter(self.plan.seeds)

    def network(self, seed: int) -> Any:
        """The trained network of a seed: an ordinary `nn.Module` in eval mode, a fresh copy at each call.

        Raises:
            PlanError: If there is no such seed.
        """
        return self._make_network(self._known(seed))

    def frame(self) -> pd.DataFrame:
        """The runs as a table, one row a run; columns as in `Study.frame`."""
        return run_frame(self.plan, self.table, TRAIN)

    def curves(self, *, metric: str | None = None) -> pd.DataFrame:
        """Cost against iterations of all seeds, one row an evaluation; columns as in `Study.curves`.

        Args:
            metric: `"train"` or `"held_out"` for that one alone.
        """
        return curve_frame(self.plan, self.table, TRAIN, metric=metric)

    def curve(self, seed: int) -> pd.DataFrame:
        """Cost against iterations of one seed: columns `iteration, cost, held_out_cost, held_out_error`.

        Raises:
            PlanError: If there is no such seed.
        """
        known, frame = self._known(seed), self.curves()
        chosen = frame.loc[frame["seed"] == known].drop(columns=["arm", "seed"])
        return chosen.reset_index(drop=True)

    def readings(self) -> pd.DataFrame:
        """What was measured inside the layers, one row a reading; columns as in `Study.readings`."""
        return reading_frame(self.plan, self.table, TRAIN)

    def __str__(self) -> str:
        """How many, of what, and how they ended."""
        arm, budget = self.plan.arms[0].name, self.plan.budget or 0
        runs = f"{len(self)} run{'' if len(self) == 1 else 's'} of {arm}, {budget:,} iterations"
        done = [t for t in self.table if t.failed is None and t.diverged_at is None]
        n_diverged = sum(t.diverged_at is not None for t in self.table)
        said = [f"{n_diverged} diverged"] if n_diverged else []
        if done:
            error = float(np.mean([t.held_error[-1] for t in done]))
            shown = percent(error) if self.facts.error_unit == "share" else number(error)
            cost = number(float(np.mean([t.cost[-1] for t in done])))
            said += [f"mean final cost {cost}", f"mean held-out error {shown}"]
        return f"{runs}: {', '.join(said)}" if said else runs

    def __repr__(self) -> str:
        """How many, of what."""
        return f"<Runs of {self.plan.arms[0]!r}: {len(self)} seeds, {self.plan.budget} iterations>"

    def to_json(self) -> dict[str, Any]:
        """All of it but the networks, as plain values that `json.dumps` takes; NaN and infinity become None.

        Returns:
            A dict with the keys `plan`, `plan_hash`, `facts`, `runs` (the rows of `frame()`) and `provenance`.
        """
        rows = self.frame().astype(object)
        return plain(
            {
                "plan": self.plan.to_json(),
                "plan_hash": self.plan.hash,
                "facts": self.facts.in_short(),
                "runs": rows.where(rows.notna(), None).to_dict("records"),
                "provenance": asdict(self.provenance),
            }
        )

    def _tables(self) -> Mapping[str, Callable[[str], pd.DataFrame]]:
        return {
            "runs": lambda stage: run_frame(self.plan, self.table, stage),
            "curves": lambda stage: curve_frame(self.plan, self.table, stage),
            "readings": lambda stage: reading_frame(self.plan, self.table, stage),
        }

    def _stage(self) -> str:
        return TRAIN

    def _known(self, seed: int) -> int:
        if seed in self.plan.seeds:
            return int(seed)
        shown = ", ".join(map(str, self.plan.seeds[:10]))
        more = f" and {len(self) - 10} more" if len(self) > 10 else ""
        raise PlanError(
            f"there is no run with seed {seed!r}. The seeds are {shown}{more}.", "results-unknown-seed"
        )
