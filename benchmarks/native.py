"""Hunch's native engine as a contestant, and Hunch's loop as the reference for costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from benchmarks.workloads import Workload
from hunch.data import Data
from hunch.engine import Job, LoopEngine, Setting
from hunch.network import inspect_network, mlp, place_arm
from hunch.plan import TRAIN
from hunch.traces import RunKey


@dataclass(frozen=True, eq=False)
class StepsOnly(Setting):
    """A setting that judges nothing and reads nothing: its runs are training steps alone.

    Args:
        judged: Judge as a study does after all.
    """

    judged: bool = False

    @property
    def eval_at(self) -> np.ndarray:
        """Nowhere, unless judged."""
        return super().eval_at if self.judged else np.array([], dtype=np.int64)

    @property
    def held_at(self) -> np.ndarray:
        """Nowhere, unless judged."""
        return super().held_at if self.judged else np.array([], dtype=np.int64)


def setting_of(
    work: Workload, data: Data, budget: int, *, judged: bool = False, readings: bool = False
) -> Setting:
    """A workload as the engines take it."""
    build = mlp(list(work.widths), work.activation)
    found = inspect_network(build(), data.x)
    return StepsOnly(build, data, "cross_entropy", budget, found.sites, readings=readings, judged=judged)


def jobs_of(work: Workload, data: Data, budget: int, rows: int, first_seed: int = 0) -> list[Job]:
    """As many rows of a workload."""
    arm = work.arm().resolved(data.n)
    return [
        Job(RunKey(TRAIN, arm.name, seed, work.lr, budget), arm, seed)
        for seed in range(first_seed, first_seed + rows)
    ]


class Native:
    """The engine as a user meets it: each `run` makes new rows and trains them; the harness takes setting up away."""

    def __init__(self, work: Workload, data: Data, rows: int, first_seed: int) -> None:
        from hunch.engine.native import NativeEngine

        self.work, self.data, self.rows, self.first_seed = work, data, rows, first_seed
        self.engine = NativeEngine()
        self.engine_of = NativeEngine

    def run(
        self,
        steps: int,
        *,
        judged: bool = False,
        readings: bool = False,
        rows: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Train every row for so many steps, from its initial weights."""
        setting = setting_of(self.work, self.data, steps, judged=judged, readings=readings)
        jobs = jobs_of(self.work, self.data, steps, rows or self.rows, self.first_seed)
        for result in self.engine_of(threads).train(setting, jobs):
            assert result.trace.failed is None, result.trace.failed

    def networks(self) -> list[nn.Module]:
        """The networks after 200 steps."""
        setting = setting_of(self.work, self.data, 200, judged=True)
        out: list[nn.Module] = []
        for result in self.engine.train(
            setting, jobs_of(self.work, self.data, 200, self.rows, self.first_seed), keep_networks=True
        ):
            network = place_arm(setting.build(), result.job.arm)
            assert result.state is not None
            network.load_state_dict(result.state)
            out.append(network)
        return out


def reference_costs(work: Workload, data: Data, rows: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Costs on the training slice before and after so many steps, by Hunch's loop: arrays (rows,)."""
    setting = setting_of(work, data, steps, judged=True)
    traces = [
        r.trace for r in LoopEngine().train(setting, jobs_of(work, data, steps, rows, first_seed=10_000))
    ]
    return np.array([t.cost[0] for t in traces]), np.array([t.cost[-1] for t in traces])
