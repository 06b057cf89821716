"""The batched engine: any module that PyTorch can vmap, in fleets."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from hunch.engine.contract import Job, Result, Setting, empty_trace
from hunch.engine.conv_table import table_hash
from hunch.engine.fleet import Fleet
from hunch.engine.fleet_rows import Row, fleet_row
from hunch.engine.inputs import call, take
from hunch.engine.loop import as_tensors, one_thread
from hunch.engine.native import KERNELS
from hunch.engine.native_extension import native_module
from hunch.engine.team import can_fork, in_workers, usable_cores
from hunch.errors import EngineError

FLEET_ROWS = 64  # as in the benchmark; more were not tried
FLEET_BYTES = 2**30  # what the state and the activations of one fleet may take


class BatchedEngine:
    """Trains runs of one structure together.

    A trace depends on its setting and job, on torch and the CPU's capability; not on the fleet that it shared.

    Args:
        device: `"cpu"` or a CUDA device.
        workers: Processes on the CPU; None: one a core.
        fleet_size: The most rows of a fleet; None: by memory.
    """

    name = "batched"

    def __init__(
        self, device: str | None = None, *, workers: int | None = None, fleet_size: int | None = None
    ) -> None:
        """Keep the settings."""
        self.device = device or "cpu"
        self.workers = 1 if self.device != "cpu" else workers or usable_cores()
        self.fleet_size = fleet_size

    def detail(self) -> str:
        """Versions of torch, the kernels and the table of convolutions, or the GPU: others may round differently."""
        if self.device != "cpu":
            return f"torch {torch.__version__}, {torch.cuda.get_device_name(self.device)}"
        native = native_module()
        kernels = "no kernels" if native is None else f"kernels {KERNELS}, {native.level()}"
        torchs = f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"
        return f"{torchs}, {kernels}, convolutions {table_hash()}"

    def train(
        self, setting: Setting, jobs: Sequence[Job], *, keep_networks: bool = False
    ) -> Iterator[Result]:
        """Train the jobs; see `hunch.engine.contract` for what each run is.

        Where memory runs out, the fleet is halved and its runs start over.
        """
        fleets = planned_fleets(setting, jobs, self.workers, self.fleet_size)
        work = partial(_train_fleet, setting, device=self.device, keep_networks=keep_networks)
        if self.workers > 1 and len(fleets) > 1 and can_fork():
            for index, result in in_workers(fleets, work, self.workers):
                sent = next(job for job in fleets[index] if job.key == result.job.key)
                yield replace(result, job=sent)  # a worker sends a copy
            return
        for fleet in fleets:
            with one_thread():
                results = list(work(fleet))
            yield from results


def planned_fleets(
    setting: Setting, jobs: Sequence[Job], workers: int, fleet_size: int | None
) -> list[list[Job]]:
    """The jobs in groups that are likely of one structure, none larger than memory and the workers allow."""
    alike: dict[Any, list[Job]] = {}
    for job in jobs:
        alike.setdefault(_shape_of(job), []).append(job)
    fleets: list[list[Job]] = []
    for group in alike.values():
        size = fleet_size or min(FLEET_ROWS, max(1, FLEET_BYTES // max(1, row_bytes(setting, group[0]))))
        share = max(1, min(size, -(-len(group) // workers)))
        fleets += [group[k : k + share] for k in range(0, len(group), share)]
    return fleets


def row_bytes(setting: Setting, job: Job) -> int:
    """About what one row takes: its parameters with gradients and moments, and what every module gives, three times.

    One forward pass of one batch says it. 0 where that fails: the run itself then says why.
    """
    given: list[int] = []

    def count(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            given.append(output.numel() * output.element_size())

    try:
        row = fleet_row(setting, job)
        handles = [module.register_forward_hook(count) for module in row.network.modules()]
        x, _ = as_tensors(setting.data.x, setting.data.y, setting)
        with torch.no_grad():
            call(row.network.eval(), take(x, slice(0, job.arm.batch_size)))
        for handle in handles:
            handle.remove()
    except Exception:
        return 0
    return 3 * sum(given) + 5 * sum(p.numel() * p.element_size() for p in row.network.parameters())


def _shape_of(job: Job) -> Any:
    """What of an arm decides about the structure of its network: all but numbers that a row has for itself."""
    arm = job.arm
    keeps = arm.keep_prob
    where = (
        tuple(sorted(s for s, k in keeps.items() if k < 1)) if isinstance(keeps, Mapping) else keeps == 1.0
    )
    return (
        arm.norm, arm.norm_at, arm.dropout, arm.activation, where, arm.batch_size, arm.is_adaptive, arm.nesterov,
        arm.decay_norm, job.key.budget,
    )  # fmt: skip


def _train_fleet(
    setting: Setting, jobs: Sequence[Job], *, device: str, keep_networks: bool
) -> Iterator[Result]:
    """Train jobs that are likely of one structure; those that are not go in fleets of their own."""
    started = time.perf_counter()
    rows: dict[Any, list[Row]] = {}
    for job in jobs:
        try:
            row = fleet_row(setting, job)
        except Exception as error:  # of the user's build or modules, or of an arm that does not fit
            failed = f"{type(error).__name__}: {error}"
            yield Result(job, replace(empty_trace(setting, job.key), failed=failed))
            continue
        rows.setdefault(row.structure, []).append(row)
    for group in rows.values():
        yield from _train_rows(setting, group, started, device=device, keep_networks=keep_networks)


def _train_rows(
    setting: Setting, rows: list[Row], started: float, *, device: str, keep_networks: bool
) -> Iterator[Result]:
    try:
        fleet = Fleet(setting, rows, device, keep_networks=keep_networks)
        fleet.train()
        results = fleet.results(started)
    except Exception as error:
        if not is_out_of_memory(error):
            failed = f"{type(error).__name__}: {error}"
            for row in rows:
                yield Result(row.job, replace(empty_trace(setting, row.job.key), failed=failed))
            return
        if len(rows) == 1:
            raise EngineError(
                f"memory ran out in a fleet of one run (arm {rows[0].job.arm.name!r}): {error}. Use a smaller "
                "batch_size or network, or engine='loop', which keeps no second run beside it.",
                "engine-memory",
            ) from error
        jobs = [row.job for row in rows]
        del rows
        fleet = None
        if device != "cpu":
            torch.cuda.empty_cache()
        half = (len(jobs) + 1) // 2
        for part in (jobs[:half], jobs[half:]):
            yield from _train_fleet(setting, part, device=device, keep_networks=keep_networks)
        return
    for row, (trace, state) in zip(rows, results, strict=True):
        yield Result(row.job, trace, state)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: torch says so in two ways on a CPU and in a third one on a GPU."""
    text = str(error)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and ("not enough memory" in text or "can't allocate memory" in text)
    )
