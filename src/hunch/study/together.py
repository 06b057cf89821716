"""Many small studies of two arms at once: their runs are trained in common, each is decided by itself.

Studies are taken in waves, so that what is held in memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from torch import nn

from hunch.data import Data
from hunch.engine import Engine, Setting
from hunch.evidence import AuditedStudy, Planted, audit_study, confirm_key, tuning_keys
from hunch.plan import CONFIRM, TUNE, TUNE_HELD, Plan
from hunch.study.blocks import Blocks
from hunch.study.execute import Workshop, arms_of
from hunch.study.progress import Reporter
from hunch.traces import RunKey, RunTable, StudyFacts, Trace

RUNS_AT_ONCE = 4_000


class Nowhere:
    """Instead of a study file: runs are kept by whoever makes them, and by no one else."""

    def append(self, trace: Trace) -> None:
        """Let it go."""

    def traces(self) -> list[Trace]:
        """There are none."""
        return []


@dataclass(eq=False)
class Together:
    """Trains and decides studies that differ in their seeds alone, or in what their own pilots found.

    Args:
        engine: Trains.
        reporter: Says how far it is.
        facts: Facts of network and data.
        build: Makes the network.
        data: The data.
        planted: The difference that is planted into the second arm.
    """

    engine: Engine
    reporter: Reporter
    facts: StudyFacts
    build: Callable[[], nn.Module]
    data: Data
    planted: Planted
    _settings: dict[tuple[object, ...], Setting] = field(default_factory=dict)

    def run(self, plans: Sequence[Plan]) -> Iterator[AuditedStudy]:
        """Every study, decided, in their order.

        Args:
            plans: The frozen plans; their run seeds are disjoint.
        """
        first = plans[0]
        per_study = first.look_counts[0] * sum(1 + len(first.grid(arm.name)) for arm in first.arms)
        size = max(1, RUNS_AT_ONCE // per_study)
        for start in range(0, len(plans), size):
            wave = plans[start : start + size]
            said = f"studies {start + 1:,} to {start + len(wave):,} of {len(plans):,}"
            yield from self._wave(said, wave)

    def _wave(self, said: str, plans: Sequence[Plan]) -> list[AuditedStudy]:
        """Look after look, until no study of the wave is open."""
        workshop = Workshop(self.engine, Nowhere(), self.reporter, paired=False)
        studies = [_Study(plan, self.facts) for plan in plans]
        done = 0
        for look in plans[0].look_counts:
            going = [study for study in studies if study.found is None or not study.found.is_final]
            if not going:
                break
            blocks = range(done, look)
            for stage in (TUNE, TUNE_HELD):
                self._train(workshop, f"{said}, tuning", stage, {s: s.tuning(blocks, stage) for s in going})
            self._train(workshop, f"{said}, confirm", CONFIRM, {s: s.confirm(blocks) for s in going})
            for study in going:
                study.found = audit_study(study.plan, study.table(), self.planted)
            done = look
        return [study.found for study in studies if study.found is not None]

    def _train(self, workshop: Workshop, text: str, stage: str, wanted: dict[_Study, list[RunKey]]) -> None:
        """One call of the engine for all studies that share budget and target."""
        alike: dict[tuple[object, ...], list[_Study]] = {}
        for study, keys in wanted.items():
            if keys:
                alike.setdefault((study.plan.budget, study.plan.target), []).append(study)
        for shared, studies in alike.items():
            plan = studies[0].plan
            if (stage, *shared) not in self._settings:
                found = Blocks(workshop, plan, self.facts, self.build, self.data).setting(stage)
                # Of readings and single examples no verdict of an audit makes use.
                self._settings[stage, *shared] = replace(found, readings=False, answers=False, losses=False)
            setting = self._settings[stage, *shared]
            keys = [key for study in studies for key in wanted[study]]
            traces = iter(workshop.make(text, setting, arms_of(plan), keys))
            for study in studies:
                study.traces += [next(traces) for _ in wanted[study]]


@dataclass(eq=False)
class _Study:
    """A study under way."""

    plan: Plan
    facts: StudyFacts
    traces: list[Trace] = field(default_factory=list)
    found: AuditedStudy | None = None

    def table(self) -> RunTable:
        return RunTable(self.facts, self.traces)

    def tuning(self, blocks: range, stage: str) -> list[RunKey]:
        plan, claim = self.plan, self.plan.claims[0]
        keys = [key for b in blocks for arm in claim.arms for key in tuning_keys(plan, claim, arm, b)]
        return [key for key in keys if key.stage == stage]

    def confirm(self, blocks: range) -> list[RunKey]:
        plan, table, claim = self.plan, self.table(), self.plan.claims[0]
        keys = [confirm_key(plan, table, claim, arm, b) for b in blocks for arm in claim.arms]
        return [key for key in keys if key is not None]
