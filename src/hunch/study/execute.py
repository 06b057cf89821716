"""Making runs: what the store lacks is trained, kept as it comes, and read back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from hunch.engine import Engine, Job, OwnCost, Setting
from hunch.errors import EngineError
from hunch.plan import TUNE, TUNE_HELD, UNPAIRED_STRIDE, Arm, Plan
from hunch.study.progress import Glance, Reporter
from hunch.traces import RunKey, Trace


class Store(Protocol):
    """Where finished runs go: the study file, or memory."""

    def append(self, trace: Trace) -> None:
        """Keep one finished run; it is safe when this returns."""
        ...

    def traces(self) -> list[Trace]:
        """All runs kept so far."""
        ...


@dataclass(eq=False)
class Workshop:
    """Everything that the runs of one study share besides the setting.

    Args:
        engine: Trains.
        store: Keeps.
        reporter: Says how far it is.
        paired: Whether arms share streams.
        own: The cost, where it is a function of the user's.
    """

    engine: Engine
    store: Store
    reporter: Reporter
    paired: bool = True
    own: OwnCost | None = None

    def __post_init__(self) -> None:
        """Read what the store has already; runs that failed are made again."""
        self._made = {t.key: t for t in self.store.traces() if t.failed is None}
        self._seconds = 0.0
        self._iterations = 0

    def made(self) -> list[Trace]:
        """All runs so far that did not fail."""
        return list(self._made.values())

    def these(self, keys: Mapping[int, RunKey]) -> dict[int, Trace]:
        """Seed → run, of those runs that are made."""
        return {seed: self._made[key] for seed, key in keys.items() if key in self._made}

    def seconds(self, n_iterations: float) -> float | None:
        """About how long so many iterations will take, by the runs so far; None before the first.

        Args:
            n_iterations: Iterations of all runs together.
        """
        if self._iterations:
            return self._seconds / self._iterations * n_iterations
        spent = sum(t.wall_s for t in self._made.values())
        done = sum(t.key.budget for t in self._made.values())
        return spent / done * n_iterations if done else None

    def make(
        self,
        text: str,
        setting: Setting,
        arms: Iterable[tuple[Arm, int]],
        wanted: Iterable[RunKey],
        glance: Glance | None = None,
    ) -> list[Trace]:
        """The traces of the wanted runs, in that order; what is missing is trained.

        Args:
            text: What the user sees.
            setting: What the runs share.
            arms: The arms with their index in the plan.
            wanted: Which runs.
            glance: Says how the claims stand, for the user to see while it trains.

        Raises:
            EngineError: If a run fails twice.
        """
        wanted = list(wanted)
        by_name = {arm.name: (arm, index) for arm, index in arms}
        for attempt in (1, 2):
            missing = [key for key in wanted if key not in self._made]
            if not missing:
                break
            failed = self._train(text, setting, by_name, missing, glance)
            if failed and attempt == 2:
                worst = failed[0]
                raise EngineError(
                    f'arm "{worst.key.arm}", seed {worst.key.seed}: the run failed twice with '
                    f"{worst.failed}. "
                    f"({len(failed)} of {len(wanted)} runs of this stage failed; finished runs are kept.) "
                    f"Run the network on "
                    "one batch by yourself to find the line.",
                    "engine-run-failed",
                )
        return [self._made[key] for key in wanted]

    def _train(
        self,
        text: str,
        setting: Setting,
        by_name: dict[str, tuple[Arm, int]],
        missing: list[RunKey],
        glance: Glance | None,
    ) -> list[Trace]:
        jobs = jobs_of(missing, by_name.values(), paired=self.paired)
        failed: list[Trace] = []
        started = time.monotonic()
        with self.reporter.stage(text, len(jobs), glance) as stage:
            for result in self.engine.train(setting, jobs):
                self.store.append(result.trace)
                if result.trace.failed is None:
                    self._made[result.trace.key] = result.trace
                else:
                    failed.append(result.trace)
                stage.done()
        self._seconds += time.monotonic() - started
        self._iterations += len(jobs) * setting.budget
        return failed


def jobs_of(keys: Iterable[RunKey], arms: Iterable[tuple[Arm, int]], *, paired: bool) -> list[Job]:
    """The jobs of these runs: arm and streams of each.

    Args:
        keys: Which runs.
        arms: The arms with their index in the plan.
        paired: Whether arms share streams.
    """
    by_name = {arm.name: (arm, index) for arm, index in arms}
    jobs: list[Job] = []
    for key in keys:
        arm, index = by_name[key.arm]
        # A tuning seed is an arm's own already; a confirm or pilot seed is shared unless it is shifted.
        is_shared = paired or key.stage in (TUNE, TUNE_HELD)
        jobs.append(Job(key, arm, key.seed + (0 if is_shared else UNPAIRED_STRIDE * index)))
    return jobs


def arms_of(plan: Plan) -> list[tuple[Arm, int]]:
    """The plan's arms with their index."""
    return [(arm, k) for k, arm in enumerate(plan.arms)]
