"""The native engine: chains on the CPU, each run from first to last on one core, runs over all cores."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hunch.engine.contract import Job, Result, Setting, empty_trace, is_whole, training_slice
from hunch.engine.costs import example_records, judged_outputs
from hunch.engine.loop import as_tensors, one_thread
from hunch.engine.native_extension import native_absence, native_module
from hunch.engine.native_rows import Start, Starts
from hunch.engine.streams import stream_key
from hunch.engine.team import usable_cores
from hunch.errors import EngineError, PlanError, UnsupportedError
from hunch.plan import schedule_factors
from hunch.traces import Trace

KERNELS = 2  # raised by every change that changes a bit of any trace
_COSTS = ("cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber")
_SGD, _MOMENTUM, _NESTEROV, _ADAM = range(4)
_BLOCK = 64  # examples judged together: kJudgedAtOnce of native/task.h
_WAIT_S = 0.05  # how often a waiting call looks for Ctrl-C


class NativeEngine:
    """Trains chains with the compiled extension.

    A trace depends on its setting and job, on `KERNELS` and on the instruction level; not on the number of
    threads, nor on the other jobs.

    Args:
        threads: Runs that are made at once; None: one for each core that this process may use.

    Raises:
        UnsupportedError: If there is no compiled extension.
        PlanError: If `threads` is below 1.
    """

    name = "native"

    def __init__(self, threads: int | None = None) -> None:
        """Look for the extension."""
        if native_module() is None:
            raise UnsupportedError(
                f"engine='native' needs the compiled extension, but {native_absence()}. Install a C++ "
                "compiler and then hunch-lab again, or leave engine= out: the other engines do the same, "
                "more slowly.",
                "engine-native-missing",
            )
        if threads is not None and threads < 1:
            raise PlanError(
                f"threads must be at least 1, got {threads}. Leave it out for all cores.", "plan-threads"
            )
        self.threads = threads or usable_cores()

    def detail(self) -> str:
        """Version of the kernels, and instruction level: what must be the same when a study is resumed."""
        module = native_module()
        assert module is not None
        return f"kernels {KERNELS}, {module.level()}"

    def train(
        self, setting: Setting, jobs: Sequence[Job], *, keep_networks: bool = False
    ) -> Iterator[Result]:
        """Train the jobs, yielding each as it is finished; see `hunch.engine.contract` for what each run is.

        Raises:
            UnsupportedError: If a network is no chain that this engine knows; the text names the module.
            EngineError: If there is not memory enough for one run.
        """
        module = native_module()
        assert module is not None
        shared, starts = _shared(module, setting), Starts(setting)
        threads = self.threads
        trainer = module.Trainer(threads)
        waiting: dict[int, _Row] = {}
        sizes: dict[Any, int] = {}
        left = iter(enumerate(jobs))
        has_more = True
        try:
            while has_more or waiting:
                n_ahead = 4 * threads
                while has_more and len(waiting) < n_ahead:
                    entry = next(left, None)
                    if entry is None:
                        has_more = False
                        break
                    row = _row(setting, entry[1], starts)
                    if isinstance(row, Result):
                        yield row
                        continue
                    arguments = self._arguments(entry[0], shared, setting, row)
                    shape = (row.start.shape, row.job.arm.batch_size, arguments["optimizer"])
                    if shape not in sizes:
                        sizes[shape] = trainer.submit(**arguments, only_measure=True)
                        fit = _rows_that_fit(sizes[shape])
                        if fit < threads:
                            if waiting:  # let those under way finish before fewer threads go on
                                yield from _finish(trainer, waiting, keep_networks)
                            trainer.stop()
                            threads = fit
                            trainer = module.Trainer(threads)
                    trainer.submit(**arguments)
                    waiting[entry[0]] = row
                    if len(waiting) >= threads:
                        yield from _collect(trainer, waiting, keep_networks, 0.0)
                if waiting:
                    yield from _collect(trainer, waiting, keep_networks, _WAIT_S)
        finally:
            trainer.stop()

    def _arguments(self, number: int, shared: Any, setting: Setting, row: _Row) -> dict[str, Any]:
        job, arm, trace = row.job, row.job.arm, row.trace
        assert arm.betas is not None
        assert arm.keep_until is not None
        assert arm.schedule is not None
        optimizer = _ADAM
        if not arm.is_adaptive:
            optimizer = (_NESTEROV if arm.nesterov else _MOMENTUM) if arm.momentum else _SGD
        return {
            "id": number,
            "setting": shared,
            "inputs": row.start.inputs,
            "layers": row.start.specs,
            "batch_size": arm.batch_size,
            "seed": job.stream_seed,
            "order_stream": stream_key("order"),
            "optimizer": optimizer,
            "numbers": {
                "lr": job.key.lr,
                "momentum": arm.momentum or 0.0,
                "beta1": arm.betas[0],
                "beta2": arm.betas[1],
                "eps": arm.eps,
                "l2": arm.l2 or 0.0,
                "weight_decay": arm.weight_decay or 0.0,
                "steps_with_dropout": arm.keep_until * setting.budget,
                "stop_at": -math.inf if setting.stop_at is None else setting.stop_at,
                "stops_on_held": float(setting.metric == "held_out"),
            },
            "factors": _factors(arm.schedule, setting.budget),
            "parameters": row.start.parameters,
            "cost": trace.cost,
            "held_cost": trace.held_cost,
            "held_error": trace.held_error,
            "readings": trace.readings,
            "held_losses": trace.held_losses,
        }


@dataclass(frozen=True, eq=False)
class _Row:
    """A run under way."""

    job: Job
    start: Start
    trace: Trace
    setting: Setting
    starts: Starts

    def network(self) -> nn.Module:
        """The trained network; made only where it is wanted, because it takes memory and time."""
        return self.starts.network(self.job, self.start.parameters)


@lru_cache(maxsize=64)
def _factors(schedule: str, budget: int) -> np.ndarray:
    return np.array(schedule_factors(schedule, budget), dtype=np.float64)


def _shared(module: Any, setting: Setting) -> Any:
    """The data and the grids as the extension takes them; it keeps the arrays alive."""
    data = setting.data
    is_double = setting.dtype == torch.float64
    if setting.dtype not in (torch.float32, torch.float64):
        raise UnsupportedError(
            f"the native engine computes in float32 or float64, got {setting.dtype}. Leave engine= out.",
            "engine-native-dtype",
        )
    number = np.float64 if is_double else np.float32

    def inputs(x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(x.reshape(len(x), -1), dtype=number)

    def blocks(x: np.ndarray) -> np.ndarray:
        """Examples to be judged, (⌈n/64⌉, features, 64): one example a lane; what is not there is 0."""
        flat = inputs(x)
        padded = np.zeros((-(-len(flat) // _BLOCK) * _BLOCK, flat.shape[1]), dtype=number)
        padded[: len(flat)] = flat
        return np.ascontiguousarray(padded.reshape(-1, _BLOCK, flat.shape[1]).transpose(0, 2, 1))

    def targets(y: np.ndarray) -> np.ndarray:
        if setting.cost == "cross_entropy":
            return np.ascontiguousarray(y, dtype=np.int64)
        return np.ascontiguousarray(y.reshape(len(y), -1), dtype=number)

    y_train = targets(data.y)
    rows = training_slice(data)
    x_train = inputs(data.x)
    if setting.cost == "cross_entropy":
        n_outputs = setting.sites[-1].n_units if setting.sites else data.n_classes
    else:
        n_outputs = y_train.shape[1]
    y_scale = np.ones(n_outputs)
    if not data.labels:
        y_scale[:] = data.y_scale
    return module.Setting(
        is_double=is_double,
        cost=_COSTS.index(str(setting.cost)),
        n_outputs=n_outputs,
        budget=setting.budget,
        x=x_train,
        y=y_train,
        x_slice=blocks(x_train[rows]),
        y_slice=np.ascontiguousarray(y_train[rows]),
        x_held=blocks(data.x_held),
        y_held=targets(data.y_held),
        y_scale=y_scale,
        eval_at=setting.eval_at,
        held_at=setting.held_at,
        reading_at=setting.reading_at,
        n_sites=len(setting.sites),
    )


def _row(setting: Setting, job: Job, starts: Starts | None = None) -> _Row | Result:
    started = time.perf_counter()
    trace = empty_trace(setting, job.key)
    starts = starts or Starts(setting)
    try:
        start = starts.start(job)
    except Exception as error:  # of the user's build, which may make another network than it did before
        failed = f"{type(error).__name__}: {error}"
        return Result(job, replace(trace, failed=failed, wall_s=time.perf_counter() - started))
    if setting.losses:
        trace = replace(trace, held_losses=np.full(setting.data.n_held, np.nan, dtype=np.float32))
    return _Row(job, start, trace, setting, starts)


def _collect(trainer: Any, waiting: dict[int, _Row], keep_networks: bool, seconds: float) -> Iterator[Result]:
    for number, diverged_at, wall_s, failure in trainer.collect(seconds):
        row = waiting.pop(number)
        if failure:
            raise EngineError(
                f"the native engine could not train arm {row.job.arm.name!r} at seed {row.job.key.seed}: "
                f"{failure}. Free memory, or use engine='loop'.",
                "engine-native-failed",
            )
        trace = replace(row.trace, diverged_at=None if diverged_at < 0 else diverged_at, wall_s=wall_s)
        trace = _with_examples(row, trace)
        yield Result(row.job, trace, _state(row, trace) if keep_networks else None)


def _with_examples(row: _Row, trace: Trace) -> Trace:
    """The trace with its single answers, by PyTorch, if they are wanted; without losses if it has none."""
    setting = row.setting
    if not is_whole(trace):
        return replace(trace, held_losses=None)
    if not setting.answers:
        return trace
    with one_thread():
        held = as_tensors(setting.data.x_held, setting.data.y_held, setting)
        outputs = judged_outputs(row.network(), held[0])
        found = example_records(outputs, held[1], setting.cost, answers=True, losses=False)
    return replace(trace, **found)


def _finish(trainer: Any, waiting: dict[int, _Row], keep_networks: bool) -> Iterator[Result]:
    while waiting:
        yield from _collect(trainer, waiting, keep_networks, _WAIT_S)


def _state(row: _Row, trace: Trace) -> dict[str, Tensor]:
    """The trained network's state."""
    network = row.network()
    steps = trace.key.budget if trace.diverged_at is None else trace.diverged_at
    if row.setting.stop_at is not None and trace.diverged_at is None:
        steps = int(trace.eval_at[np.isfinite(trace.cost)][-1])  # it made the updates before that evaluation
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d) and module.num_batches_tracked is not None:
            module.num_batches_tracked += steps
    return {k: v.detach().clone() for k, v in network.state_dict().items()}


def _rows_that_fit(n_bytes: int) -> int:
    """How many rows of that size fit into memory at once.

    Raises:
        EngineError: If not one does.
    """
    free = _available_bytes()
    fit = int(free // n_bytes)
    if fit < 1:
        raise EngineError(
            f"one run needs {n_bytes / 2**30:.1f} GiB of memory, but only {free / 2**30:.1f} GiB are free, "
            "so 0 runs fit. Use narrower layers, a smaller batch_size or plain 'sgd' (it keeps no "
            "moments), or free memory.",
            "engine-memory",
        )
    return fit


def _available_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 2**62  # unknown: an allocation that fails says so itself
