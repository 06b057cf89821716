"""Memory a row, against its parameters, gradients and optimizer state, its trace, and one working set a core."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.native import jobs_of, setting_of
from benchmarks.table import verdict
from benchmarks.team import cores
from benchmarks.workloads import data_for, workload

_STATES = {"sgd": 0, "momentum": 1, "adam": 2}


def memory(folder: Path, names: tuple[str, ...], rows: int) -> Iterator[str]:
    """A line for each workload; each is measured in a process of its own."""
    context = mp.get_context("spawn")
    for name in names:
        mine, theirs = context.Pipe()
        process = context.Process(target=_measure, args=(theirs, name, str(folder), rows))
        process.start()
        theirs.close()
        grown, state, trace, working_set = mine.recv()
        process.join()
        allowed = rows * (1.2 * state + trace) + len(cores()) * working_set
        yield (
            f"memory of {rows} rows of {name}: {grown / 2**20:.1f} MiB at the most, "
            f"{grown / rows / 2**10:.0f} KiB a row; "
            f"allowed {allowed / 2**20:.1f} MiB ({rows} × (1.2 × {state / 2**10:.0f} + trace "
            f"{trace / 2**10:.0f} KiB) + "
            f"{len(cores())} × working set {working_set / 2**10:.0f} KiB): {verdict(grown <= allowed)}"
        )


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _measure(pipe: Any, name: str, folder: str, rows: int) -> None:
    """Peak resident memory over what the process had before, while rows are trained and their traces kept."""
    from hunch.engine.native import NativeEngine

    work = workload(name)
    data = data_for(work, Path(folder))
    engine, budget = NativeEngine(), 20
    setting = setting_of(work, data, budget, judged=True, readings=True)
    if hasattr(data.x, "filename"):  # mapped: bring it in before anything is measured
        data.x.sum()
    working_set = _working_set(engine, setting, jobs_of(work, data, budget, 1)[0])
    list(engine.train(setting, jobs_of(work, data, budget, 1)))
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    kept = [r.trace for r in engine.train(setting, jobs_of(work, data, budget, rows))]
    grown = _status("VmHWM") - before
    first = kept[0]
    arrays = (
        first.eval_at, first.cost, first.held_at, first.held_cost, first.held_error, first.reading_at, first.readings,
    )  # fmt: skip
    network = work.network()
    n = sum(p.numel() for p in network.parameters())
    pipe.send((grown, 4 * n * (2 + _STATES[work.optimizer]), sum(a.nbytes for a in arrays), working_set))


def _working_set(engine: Any, setting: Any, job: Any) -> int:
    """What the engine says that a row needs while a core works on it."""
    from hunch.engine import native

    module = native.native_module()
    trainer = module.Trainer(1)
    row = native._row(setting, job)
    size = trainer.submit(
        **engine._arguments(0, native._shared(module, setting), setting, row), only_measure=True
    )
    trainer.stop()
    return int(size)
