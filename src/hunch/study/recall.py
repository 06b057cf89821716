"""Runs that several studies of one sitting have in common are trained once.

A trace depends on its setting and its job alone, so the trace of an equal run in another study is the trace that
training would give, bit for bit. Every study file holds all of its runs, wherever they were trained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace

from hunch.engine import Engine, Job, Result, Setting
from hunch.traces import Trace

MOST = 20_000
"""Runs that are kept in memory; beyond, nothing new is remembered."""

Key = tuple[object, ...]
_MEMORY: ContextVar[dict[Key, Trace] | None] = ContextVar("_MEMORY", default=None)


@contextmanager
def sharing_runs() -> Iterator[dict[Key, Trace]]:
    """Within this block equal runs are trained once.

    Yields:
        What is remembered.
    """
    memory: dict[Key, Trace] = {}
    token = _MEMORY.set(memory)
    try:
        yield memory
    finally:
        _MEMORY.reset(token)


def recalling(engine: Engine, network: str) -> Engine:
    """The engine, or within `sharing_runs` one that trains only what is not remembered.

    Args:
        engine: Trains.
        network: What tells the network from others: how it looks and what its initial weights are.
    """
    memory = _MEMORY.get()
    return engine if memory is None else _Recalling(engine, network, memory)


@dataclass(eq=False)
class _Recalling:
    """An engine that remembers."""

    engine: Engine
    network: str
    memory: dict[Key, Trace]

    def __post_init__(self) -> None:
        """Go by the engine's own name."""
        self.name = self.engine.name

    def detail(self) -> str:
        """As of the engine."""
        return self.engine.detail()

    def train(
        self, setting: Setting, jobs: Sequence[Job], *, keep_networks: bool = False
    ) -> Iterator[Result]:
        """As the engine does; what is remembered comes first."""
        if keep_networks:
            yield from self.engine.train(setting, jobs, keep_networks=True)
            return
        about = self._about(setting)
        keys = {id(job): (*about, *_of(job)) for job in jobs}
        for job in jobs:
            known = self.memory.get(keys[id(job)])
            if known is not None:
                yield Result(job, replace(known, key=job.key))
        missing = [job for job in jobs if keys[id(job)] not in self.memory]
        if not missing:
            return
        for result in self.engine.train(setting, missing):
            if result.trace.failed is None and len(self.memory) < MOST:
                self.memory[keys[id(result.job)]] = result.trace
            yield result

    def _about(self, setting: Setting) -> Key:
        """What the runs of a setting share; data by their hash, the network by its description."""
        shared = [getattr(setting, f.name) for f in fields(setting) if f.name not in ("build", "data")]
        return (self.engine.name, self.engine.detail(), self.network, setting.data.hash, *shared)


def _of(job: Job) -> Key:
    """What tells the runs of a setting apart; not what the arm and the stage are called."""
    arm = json.dumps(job.arm.to_json() | {"name": ""}, sort_keys=True)
    return (arm, job.stream_seed, job.key.seed, job.key.lr, job.key.budget)
